"""Looks for named things in the picture, and takes things out: of what is looked for, and of the selection.

Negation is a difference of sets: look for all of it and for what is not wanted, then subtract.
This module does not know sentence shapes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from workflows.planning.knowing import Known, known_of, selecting
from workflows.planning.mention import Mention, Names
from workflows.planning.orders import Calls, call
from workflows.planning.places import CannotPlanError, Places, places_of
from workflows.planning.pointing import here_of
from workflows.planning.situation import Situation


def look(tool: str, names: Names, state: Situation) -> Calls:
    """Calls that look for named things in the picture, then leave out what is excluded."""
    mentions = [mention for mention in names.mentions if mention.phrase is not None]
    places = [_fresh_places(mention, state, count=tool == "count") for mention in mentions]
    groups: dict[str, tuple[Places, list[Mention]]] = {}
    for mention, place in zip(mentions, places, strict=True):
        groups.setdefault(repr(place), (place, []))[1].append(mention)
    if tool == "count":
        groups = dict(_each_choice(groups.values()))
    picked = any(place.choices for place, _ in groups.values())
    if (tool == "count" or len(groups) == 1) and not picked:
        calls: Calls = []
        for place, members in groups.values():
            calls += _look_once(tool, place, members, names.excluded, state)
        return calls
    if tool == "count" or names.excluded:
        raise CannotPlanError("one_at_a_time")
    return _look_and_pick(list(groups.values()))


def _each_choice(
    groups: Iterable[tuple[Places, list[Mention]]],
) -> Iterator[tuple[str, tuple[Places, list[Mention]]]]:
    """A count for each choice: "in the first two rows" is a number for each of them."""
    for place, members in groups:
        parts = [Places((choice,)) for choice in place.choices] or [place]
        yield from ((repr((part, members)), (part, members)) for part in parts)


def _look_and_pick(groups: list[tuple[Places, list[Mention]]]) -> Calls:
    """Look for all, then gather each pick: "the leftmost orange and the two biggest apples"."""
    phrases = list(dict.fromkeys(str(mention.phrase) for _, members in groups for mention in members))
    calls = [call("segment", phrases=phrases)]
    for place, members in groups:
        if len(place.steps) > 1 or (place.steps and place.choices):
            raise CannotPlanError("one_at_a_time")
        for mention in members:
            for where in place.choices or place.steps or ({},):
                labelled = {"label": str(mention.phrase), **where}
                first = len(calls) == 1
                alone = first and len(phrases) == 1
                calls.append(call("select", where=where if alone else labelled, combine=None if first else "add"))
    return calls


def _look_once(
    tool: str, place: Places, mentions: list[Mention], excluded: tuple[Mention, ...], state: Situation
) -> Calls:
    counting = tool == "count"
    steps = list(place.steps)
    split = bool(excluded) or len(steps) > 1
    if (tool == "ground" and steps) or (counting and split):
        tool = "segment"
    phrases = list(dict.fromkeys(str(mention.phrase) for mention in mentions))
    removed = [
        replace(gone, phrase=phrase, plain=phrase, attribute=None)
        for gone in excluded
        for phrase in _excluded_phrases(gone, mentions)
    ]
    phrases += [str(gone.phrase) for gone in removed if gone.phrase and gone.phrase not in phrases]
    one = not counting and not split and all(mention.counted_as_one or picks_one(mention) for mention in mentions)
    calls = [call(tool, phrases=phrases, quantity="one" if one else None, where=steps[0] if steps else None)]
    calls += [call("select", where=step) for step in steps[1:]]
    for gone in removed:
        calls += _subtract_one(gone, state.after(calls))
    if counting and split:
        calls.append(call("count"))
    return calls


def _fresh_places(mention: Mention, state: Situation, *, count: bool) -> Places:
    return places_of(mention, here_of(state), one_side=not count)


def picks_one(mention: Mention) -> bool:
    """Whether an order or an extreme picks exactly one."""
    return not mention.plural and bool(mention.place.keys() & {"extreme", "ordinal", "certainty"})


def _excluded_phrases(gone: Mention, mentions: list[Mention]) -> list[str | None]:
    """The phrases to look for along with the others so that they can be left out."""
    if gone.attribute is not None:
        return [" ".join(gone.attribute.replace("*", mention.phrase or "").split()) for mention in mentions]
    return [gone.phrase]


def everything(names: Names, state: Situation) -> Calls:
    """Calls that take the whole picture apart, and leave out what is excluded."""
    mention = names.first
    if names.excluded:
        base = Mention(phrase="object", plain="object", plural=True, place=mention.place)
        return look("segment", Names((base,), names.excluded), state)
    places = places_of(mention, here_of(state), colour=mention.colour)
    first = places.steps[0] if places.steps else None
    return [
        call("segment", mode="everything", where=first),
        *(call("select", where=s) for s in places.steps[1:]),
    ]


def described_afresh(names: Names, state: Situation) -> Calls:
    """Look for the selected labels with a description: "only the ripe ones", "those wearing hats"."""
    labels = state.labels
    if not labels:
        raise CannotPlanError("nothing_found_yet")
    phrases = [
        " ".join((mention.attribute or "*").replace("*", label).split())
        for mention in names.mentions
        for label in labels
    ]
    return [call("segment", phrases=phrases)]


def take_out(mentions: tuple[Mention, ...], state: Situation) -> Calls:
    """Calls that take what the mentions mean out of the selection."""
    handles = [handle for mention in mentions for handle in mention.handles]
    if handles and all(mention.handles and not mention.place for mention in mentions):
        present = [handle for handle in state.existing(handles) if handle in (state.selection or handles)]
        if not present:
            raise CannotPlanError("not_selected", handles=", ".join(handles))
        return [call("select", handles=present, combine="subtract")]
    calls: Calls = []
    for mention in mentions:
        more = _subtract_one(mention, state.after(calls))
        if calls and mention.place.keys() & {"ordinal", "extreme"} and "handles" not in more[0].arguments:
            # Counted in what was there before anything was taken out: "the second and the third".
            more = [call(each.tool, handles=state.whole_selection(), **each.arguments) for each in more]
        calls += more
    return calls


def _subtract_one(mention: Mention, state: Situation) -> Calls:
    if not state.anything_selected:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    if mention.others:
        raise CannotPlanError("others_are_out")
    if mention.attribute and state.labels:
        base = [Mention(phrase=label, plain=label, plural=True) for label in state.labels]
        return look("segment", Names(tuple(base), (mention,)), state)
    if mention.phrase is not None and mention.phrase in state.labels and state.selection is None:
        found: Known | None = Known(None, places_of(mention, here_of(state), label=mention.phrase))
    else:
        found = known_of(mention, state)
    if found is None:
        raise CannotPlanError("not_among_found", thing=str(mention.phrase))
    if found.handles is not None and not found.places.steps and state.selection is not None:
        # What an earlier clause took out is not missed: "that is not an orange, remove it".
        present = [handle for handle in found.handles if handle in (*state.selection, *state.context.selection)]
        if not present:
            raise CannotPlanError("not_selected", handles=", ".join(found.handles))
        return [call("select", handles=present, combine="subtract")]
    if found.handles is None and not found.places.steps and not found.places.choices:
        return [call("select", handles=state.whole_selection(), combine="subtract")]
    if len(found.places.steps) > 1:
        raise CannotPlanError("one_at_a_time")
    return selecting(found, state, "subtract")
