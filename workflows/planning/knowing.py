"""What a mention means among the things found before, and the `select` calls that choose them.

This module does not know how things are looked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflows.planning.mention import RELATIONS, WHEN, Mention
from workflows.planning.orders import Calls, call
from workflows.planning.places import CannotPlanError, Places, places_of
from workflows.planning.pointing import clicked, here_of
from workflows.planning.situation import Situation


@dataclass(frozen=True)
class Known:
    """Things found before: `handles` (None: the selection), narrowed by `places`."""

    handles: list[str] | None
    places: Places


def known_of(mention: Mention, state: Situation, *, keep_label: bool = True) -> Known | None:
    """What a mention means among the known things, or None if it names something never found.

    Args:
        mention: What is talked about.
        state: What is known.
        keep_label: Whether "the oranges" is said as a label even where everything selected is an orange.

    Raises:
        CannotPlanError: it means nothing that is known, or cannot be expressed.
    """
    here = here_of(state)
    if WHEN & mention.place.keys():
        return _found_when(mention, state, here)
    if mention.handles:
        return Known(state.existing(mention.handles), places_of(mention, here, colour=mention.colour))
    at_click = mention.pointing or (mention.pronoun and not mention.plural and not mention.place)
    if (mention.pointing and mention.phrase is None) or (at_click and state.context.click is not None):
        return Known([clicked(state)], Places())
    if mention.phrase is None:
        return _nameless(mention, state, here)
    labels, colour = state.matching_labels(mention)
    if not labels:
        return None
    in_selection = [label for label in state.labels if label in labels]
    if not in_selection:
        return Known(list(state.of_labels(labels)), places_of(mention, here, colour=colour))
    if len(in_selection) > 1 and len(in_selection) < len(state.labels):
        chosen = set(state.whole_selection())
        handles = [handle for handle in state.of_labels(labels) if handle in chosen]
        return Known(handles, places_of(mention, here, colour=colour))
    places = places_of(mention, here, colour=colour)
    mixed = len(state.labels) > len(in_selection)
    if mixed or (keep_label and not places.steps and not places.choices):
        label = in_selection[0] if len(in_selection) == 1 else None
        places = places_of(mention, here, colour=colour, label=label)
    return Known(None, places)


def _found_when(mention: Mention, state: Situation, here: str | None) -> Known:
    """What was found in a turn, selected or not: "the ones you found first"."""
    labels, colour = state.matching_labels(mention)
    pool = list(state.of_labels(labels)) if mention.phrase is not None else list(state.handles)
    turns = sorted({known.turn for known in state.objects if known.handle in pool})
    if not turns:
        raise CannotPlanError("not_known" if state.objects else "nothing_found_yet", thing=str(mention.phrase))
    place = dict(mention.place)
    turn = int(place.pop("found", 0)) or int(place["turn"])
    if turn < 0 or "found" in mention.place:
        place["turn"] = turns[-1] if turn < 0 else turns[0]
    colour = colour if mention.phrase is not None else mention.colour
    return Known(pool, places_of(replace(mention, place=place, plural=True), here, colour=colour))


def _nameless(mention: Mention, state: Situation, here: str | None) -> Known:
    if mention.others:
        if not state.unselected:
            raise CannotPlanError("no_others")
        return Known(list(state.unselected), places_of(mention, here, colour=mention.colour))
    if not state.anything_selected and not state.objects:
        raise CannotPlanError("nothing_found_yet")
    places = places_of(mention, here, colour=mention.colour)
    if mention.everything and not places.steps:
        return Known(list(state.handles), places)
    return Known(None if state.anything_selected and not _around(state, places) else list(state.handles), places)


def _around(state: Situation, places: Places) -> bool:
    """Whether only the thing is selected that others are said to be beside: "the ones left of it"."""
    anchors = {str(step[key]) for step in places.steps for key in RELATIONS if key in step}
    return bool(state.selection) and set(state.selection or ()) <= anchors


def selecting(known: Known, state: Situation, combine: str | None = None) -> Calls:
    """The `select` calls for known things."""
    calls: Calls = []
    handles = known.handles
    for step in known.places.steps:
        calls.append(call("select", handles=handles, where=step, combine=combine))
        handles = None
    if known.places.choices:
        if known.places.steps:
            raise CannotPlanError("one_at_a_time")
        pool = handles if handles is not None else state.whole_selection()
        for position, choice in enumerate(known.places.choices):
            first = position == 0 and combine is None
            calls.append(
                call(
                    "select",
                    handles=handles if first else pool,
                    where=choice,
                    combine=combine if first or combine == "subtract" else "add",
                )
            )
    elif not known.places.steps and handles is not None:
        calls.append(call("select", handles=handles, combine=combine))
    return calls
