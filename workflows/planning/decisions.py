"""From an act and what it is about to tool calls: one function for each act, in the table at the end.

A verb of looking with a noun ("count the oranges") looks afresh; "only", "not", "add", "keep", "select" and pronouns
talk about what is known, and look afresh only for what was never found. This module does not know sentence shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from workflows.planning.context import PlannedCall
from workflows.planning.mentions import Mention, Names
from workflows.planning.patterns import Values
from workflows.planning.places import CannotPlanError, Places, Where, places_of, repeated_picks
from workflows.planning.situation import Situation

Calls = list[PlannedCall]
_MANY_STEPS = 50


@dataclass(frozen=True)
class Order:
    """One clause, understood: its act, what it is about, the values of its slots, and whether it is a question."""

    act: str
    names: Names = field(default_factory=Names)
    values: Values = field(default_factory=dict)
    asked: bool = False
    words: str = ""


def call(tool: str, **arguments: object) -> PlannedCall:
    """A planned call without the arguments that are None, empty or at their default."""
    kept = {name: value for name, value in arguments.items() if value not in (None, [], {}, "")}
    return PlannedCall(tool=tool, arguments=kept)


# --- looking afresh ------------------------------------------------------------------------------------------


def look(tool: str, names: Names, state: Situation) -> Calls:
    """Calls that look for named things in the picture, then leave out what is excluded."""
    mentions = [mention for mention in names.mentions if mention.phrase is not None]
    places = [_fresh_places(mention, state, count=tool == "count") for mention in mentions]
    groups: dict[str, tuple[Places, list[Mention]]] = {}
    for mention, place in zip(mentions, places, strict=True):
        groups.setdefault(repr(place), (place, []))[1].append(mention)
    if tool == "count" or len(groups) == 1:
        if not any(place.choices for place, _ in groups.values()):
            calls: Calls = []
            for place, members in groups.values():
                calls += _look_once(tool, place, members, names.excluded, state)
            return calls
    if tool == "count" or names.excluded:
        raise CannotPlanError("one_at_a_time")
    return _look_and_pick(list(groups.values()))


def _look_and_pick(groups: list[tuple[Places, list[Mention]]]) -> Calls:
    """ "the leftmost orange and the two biggest apples": look for all, then gather each pick."""
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


def _look_once(tool: str, place: Places, mentions: list[Mention], excluded: tuple[Mention, ...], state: Situation) -> Calls:
    counting = tool == "count"
    steps = list(place.steps)
    split = bool(excluded) or len(steps) > 1
    if tool == "ground" and steps or counting and split:
        tool = "segment"
    phrases = list(dict.fromkeys(str(mention.phrase) for mention in mentions))
    removed = [
        replace(gone, phrase=phrase, plain=phrase, attribute=None)
        for gone in excluded
        for phrase in _excluded_phrases(gone, mentions)
    ]
    phrases += [str(gone.phrase) for gone in removed if gone.phrase and gone.phrase not in phrases]
    one = not counting and not split and all(mention.counted_as_one or _picked(mention) for mention in mentions)
    calls = [call(tool, phrases=phrases, quantity="one" if one else None, where=steps[0] if steps else None)]
    calls += [call("select", where=step) for step in steps[1:]]
    for gone in removed:
        calls += _subtract_one(gone, state.after(calls))
    if counting and split:
        calls.append(call("count"))
    return calls


def _fresh_places(mention: Mention, state: Situation, *, count: bool) -> Places:
    return places_of(mention, _gesture(state), one_side=not count)


def _picked(mention: Mention) -> bool:
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
    places = places_of(mention, _gesture(state), colour=mention.colour)
    first = places.steps[0] if places.steps else None
    return [call("segment", mode="everything", where=first), *(call("select", where=s) for s in places.steps[1:])]


# --- what is known -------------------------------------------------------------------------------------------


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
    here = _gesture(state)
    if mention.handles:
        return Known(state.existing(mention.handles), places_of(mention, here, colour=mention.colour))
    if mention.pointing and mention.phrase is None or mention.pointing and state.context.click is not None:
        return Known([_clicked(state)], Places())
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
    return Known(None if state.anything_selected else list(state.handles), places)


def selecting(known: Known, state: Situation, combine: str | None = None) -> Calls:
    """The `select` calls for known things."""
    calls: Calls = []
    handles = known.handles
    for step in known.places.steps:
        calls.append(call("select", handles=handles, where=step, combine=combine))
        handles = None
    if known.places.choices:
        if known.places.steps or combine == "subtract":
            raise CannotPlanError("one_at_a_time")
        pool = handles if handles is not None else state.whole_selection()
        for position, choice in enumerate(known.places.choices):
            first = position == 0 and combine is None
            calls.append(call("select", handles=handles if first else pool, where=choice, combine=combine if first else "add"))
    elif not known.places.steps and handles is not None:
        calls.append(call("select", handles=handles, combine=combine))
    return calls


def narrow(order: Order, state: Situation) -> Calls:
    """Keep only what is named; look afresh for what was never found."""
    names = order.names
    if not names.mentions and not names.excluded:
        return []
    base = names.first
    if _points_at_nothing(order, state) and not names.excluded:
        return _mask_clicked(base, state)
    all_of_it = base.everything and not base.place and base.colour is None and len(names.mentions) == 1
    if all_of_it and not state.objects and state.selection is not None:
        return everything(names, state)
    if all_of_it and not names.excluded:
        return [call("select", handles=list(state.handles))]
    calls = [] if all_of_it else _keep(names, state)
    if calls and calls[0].arguments.get("phrases"):
        return look("segment", names, state) if names.excluded else calls
    return calls + _subtract_all(names.excluded, state.after(calls))


def _keep(names: Names, state: Situation) -> Calls:
    if all(mention.handles and not mention.place for mention in names.mentions):
        handles = [handle for mention in names.mentions for handle in mention.handles]
        return [call("select", handles=state.existing(handles))]
    if any(mention.attribute for mention in names.mentions):
        return _described_afresh(names, state)
    known = [known_of(mention, state, keep_label=not names.excluded) for mention in names.mentions]
    if None in known:
        if any(found is not None for found in known):
            raise CannotPlanError("one_at_a_time")
        return look("segment", Names(names.mentions), state)
    calls: Calls = []
    for found in known:
        if found is None:
            continue
        if not calls:
            calls += selecting(found, state)
        else:
            pool = found.handles if found.handles is not None else state.whole_selection()
            calls += selecting(Known(pool, found.places), state, "add")
    return calls


def _described_afresh(names: Names, state: Situation) -> Calls:
    """ "only the ripe ones", "those wearing hats": the description, put to the labels that are selected."""
    labels = state.labels
    if not labels:
        raise CannotPlanError("nothing_found_yet")
    phrases = [
        " ".join((mention.attribute or "*").replace("*", label).split())
        for mention in names.mentions
        for label in labels
    ]
    return [call("segment", phrases=phrases)]


def choose(order: Order, state: Situation) -> Calls:
    """ "select the oranges": the known ones, or else look for them."""
    return narrow(order, state)


def bare(order: Order, state: Situation) -> Calls:
    """Things named without a verb: a question counts them, a statement keeps or finds them."""
    if order.asked:
        return ask_about(order, state)
    return narrow(order, state)


def subtract(order: Order, state: Situation) -> Calls:
    """Take things out of the selection."""
    return _subtract_all(order.names.mentions, state)


def _subtract_all(mentions: tuple[Mention, ...], state: Situation) -> Calls:
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
    picks = repeated_picks(mention)
    if len(picks) > 1:
        filters = places_of(replace(mention, place=_without_picks(mention)), _gesture(state), colour=mention.colour)
        return [call("select", where={**filters.single, **pick}, combine="subtract") for pick in picks]
    if mention.phrase is not None and mention.phrase in state.labels and state.selection is None:
        found: Known | None = Known(None, places_of(mention, _gesture(state), label=mention.phrase))
    else:
        found = known_of(mention, state)
    if found is None:
        raise CannotPlanError("not_among_found", thing=str(mention.phrase))
    if found.handles is not None and not found.places.steps and state.selection is not None:
        present = [handle for handle in found.handles if handle in state.selection]
        if not present:
            raise CannotPlanError("not_selected", handles=", ".join(found.handles))
        return [call("select", handles=present, combine="subtract")]
    if found.handles is None and not found.places.steps and not found.places.choices:
        return [call("select", handles=state.whole_selection(), combine="subtract")]
    if len(found.places.steps) > 1:
        raise CannotPlanError("one_at_a_time")
    return selecting(found, state, "subtract")


def _without_picks(mention: Mention) -> dict[str, str | int]:
    return {key: value for key, value in mention.place.items() if key not in ("ordinal", "extreme", "amount", "from")}


def add(order: Order, state: Situation) -> Calls:
    """Put things into the selection beside what is there."""
    mentions = order.names.mentions
    if all(mention.handles and not mention.place for mention in mentions) and len(mentions) > 1:
        mentions = (replace(mentions[0], handles=tuple(handle for each in mentions for handle in each.handles)),)
    calls: Calls = []
    for mention in mentions:
        calls += _add_one(mention, state.after(calls))
    return calls


def _add_one(mention: Mention, state: Situation) -> Calls:
    if (mention.pointing or mention.nameless and not mention.place) and state.context.click is not None:
        return _add_clicked(mention, state)
    if mention.attribute:
        before = state.whole_selection()
        return [*_described_afresh(Names((mention,)), state), call("select", handles=before, combine="add")]
    outside = replace(state, selection=state.unselected, labels=_labels_of(state, state.unselected))
    if mention.nameless and not state.unselected:
        raise CannotPlanError("no_others" if state.objects else "nothing_found_yet")
    found = known_of(mention, outside if mention.nameless else state, keep_label=False)
    if found is None:
        fresh = look("segment", Names((mention,)), state)
        before = state.whole_selection()
        return fresh + ([call("select", handles=before, combine="add")] if before else [])
    if not mention.nameless and mention.phrase is not None:
        found = known_of(mention, outside, keep_label=False) or found
    handles = found.handles if found.handles is not None else list(state.unselected)
    if not found.places.steps and not found.places.choices and not set(handles) - set(state.whole_selection()):
        raise CannotPlanError("already_selected", handles=", ".join(handles))
    return selecting(Known(handles, found.places), state, "add")


def more(order: Order, state: Situation) -> Calls:
    """ "and the lemons": a question counts them, a statement adds them."""
    pointing = any(mention.pointing for mention in order.names.mentions)
    return ask_about(order, state) if order.asked and not pointing else add(order, state)


def _labels_of(state: Situation, handles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(known.label for known in state.objects if known.handle in handles))


# --- counting and showing ------------------------------------------------------------------------------------


def count(order: Order, state: Situation) -> Calls:
    """Count named things afresh, or what is known."""
    names = order.names
    mentions = names.mentions
    whole = all(mention.everything or mention.generic for mention in mentions) and bool(mentions)
    if whole and not (state.anything_selected and state.labels):
        calls = everything(names, state)
        return [*calls, call("count")]
    about_known = names.remaining or any(mention.known for mention in mentions)
    named = [mention for mention in mentions if mention.phrase is not None]
    if named and not (about_known and all(state.matching_labels(mention)[0] for mention in named)):
        if len(named) < len(mentions):
            raise CannotPlanError("one_at_a_time")
        return look("count", names, state)
    return _count_known(names, state)


def _count_known(names: Names, state: Situation) -> Calls:
    if names.excluded:
        calls = narrow(Order("narrow", names), state)
        return [*calls, call("count")]
    if any(mention.attribute for mention in names.mentions):
        phrases = _described_afresh(names, state)[0].arguments["phrases"]
        return [call("count", phrases=phrases)]
    handles = [handle for mention in names.mentions for handle in mention.handles]
    if handles:
        return [call("count", handles=state.existing(handles), where=_where_of(names.first, state))]
    calls = []
    for mention in names.mentions:
        found = known_of(replace(mention, plural=True), state, keep_label=False)
        if found is None:
            raise CannotPlanError("not_understood")
        steps = found.places.steps
        if len(steps) > 1:
            calls += [*selecting(found, state), call("count")]
        else:
            handles = found.handles if not mention.everything or state.selection is None else None
            calls.append(call("count", handles=handles, where=found.places.single))
    return calls


def _where_of(mention: Mention, state: Situation) -> Where:
    return places_of(replace(mention, plural=True), _gesture(state), colour=mention.colour).single


def ask_about(order: Order, state: Situation) -> Calls:
    """ "what about the lemons?", "and on the left?": count them."""
    if any(mention.pointing for mention in order.names.mentions):
        return choose(order, state)
    picked = all(_picked(mention) and mention.nameless for mention in order.names.mentions)
    return narrow(order, state) if picked else count(order, state)


def show(order: Order, state: Situation) -> Calls:
    """Draw what is named; look for what was never found."""
    if not order.names.mentions:
        return [call("show")]
    mention = order.names.first
    if len(order.names.mentions) == 1 and mention.everything and not mention.place and state.objects:
        return [call("show", handles=list(state.handles))]
    if any(each.phrase is not None and known_of(each, state) is None for each in order.names.mentions):
        return look("segment", order.names, state)
    if mention.nameless and not mention.place and mention.colour is None and not mention.pointing and not mention.others:
        known_of(mention, state)
        return [call("show")] if not mention.attribute else _described_afresh(order.names, state)
    found = [known_of(each, state, keep_label=False) for each in order.names.mentions]
    plain = [each for each in found if each is not None and not each.places.steps and not each.places.choices]
    if len(plain) == len(found):
        handles = [handle for each in plain for handle in (each.handles or state.selection or ())]
        return [call("show", handles=None if set(handles) == set(state.selection or ()) else handles)]
    return [*narrow(order, state), call("show")]


# --- masks and boxes -----------------------------------------------------------------------------------------


def segment(order: Order, state: Situation) -> Calls:
    """Masks: of named things afresh, of what was clicked, of the selection."""
    return _find("segment", order, state)


def ground(order: Order, state: Situation) -> Calls:
    """Boxes of named things; where known things are, a drawing shows."""
    return _find("ground", order, state)


def _find(tool: str, order: Order, state: Situation) -> Calls:
    names = order.names
    mention = names.first
    if _points_at_nothing(order, state):
        return _mask_clicked(order.names.first, state)
    if all(each.phrase is not None for each in names.mentions):
        return look(tool, names, state)
    if (mention.everything or mention.generic) and not state.objects:
        return everything(names, state)
    if mention.place or mention.colour or mention.attribute or names.excluded or mention.everything or mention.others:
        return narrow(order, state)
    if any(each.phrase is not None for each in names.mentions):
        raise CannotPlanError("one_at_a_time")
    handles = [handle for each in names.mentions for handle in each.handles]
    if not handles and not state.anything_selected:
        raise CannotPlanError("nothing_found_yet" if not state.objects else "nothing_selected")
    return [call("show" if tool == "ground" else "segment", handles=state.existing(handles))]


# --- pointing ------------------------------------------------------------------------------------------------


def _gesture(state: Situation) -> str | None:
    return state.context.click.gesture if state.context.click is not None else None


def _points_at_nothing(order: Order, state: Situation) -> bool:
    """Whether the order is about what was clicked, and a click came with it."""
    mention = order.names.first
    about_click = mention.pointing or (mention.pronoun and not mention.plural)
    nearby = "here" in mention.place.values()
    return about_click and not nearby and len(order.names.mentions) == 1 and state.context.click is not None


def _clicked(state: Situation) -> str:
    """The object that "this" means: the one that was clicked, or the only one that is selected."""
    if state.context.click is None:
        if state.selection is not None and len(state.selection) == 1:
            return state.selection[0]
        raise CannotPlanError("click_needed" if state.objects else "nothing_found_yet")
    handle = state.hit()
    if handle is None:
        raise CannotPlanError("nothing_there")
    return handle


def _mask_clicked(mention: Mention, state: Situation) -> Calls:
    """A click that asks for a mask: the known object under it, or whatever is there."""
    handle = state.hit()
    return [call("select", handles=[handle])] if handle else [_at_click(mention, state)]


def _at_click(mention: Mention, state: Situation) -> PlannedCall:
    """ "this", "this dog": a mask of what was clicked, called by its name where one was said."""
    phrases = [mention.phrase] if mention.phrase is not None else None
    return call("segment", phrases=phrases, gestures=[_gesture(state)])


def _add_clicked(mention: Mention, state: Situation) -> Calls:
    handle = state.hit(selected=False)
    before = state.whole_selection()
    if handle is None:
        calls = [_at_click(mention, state)]
        return calls + ([call("select", handles=before, combine="add")] if before else [])
    if handle in before:
        raise CannotPlanError("already_selected", handles=handle)
    return [call("select", handles=[handle], combine="add")]


def click_alone(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """A click without words puts what is there in, or takes it out again if it is in."""
    handle = state.hit()
    if handle is not None and handle in state.whole_selection():
        return [call("select", handles=[handle], combine="subtract")]
    return _add_clicked(Mention(), state)


def refine_in(order: Order, state: Situation) -> Calls:
    """Grow one mask at a point."""
    return _refine(order, state, include=None)


def refine_out(order: Order, state: Situation) -> Calls:
    """Shrink one mask at a point."""
    return _refine(order, state, include=False)


def _refine(order: Order, state: Situation, include: bool | None) -> Calls:
    where = str(order.values.get("xy", ""))
    point: object = [float(number) for number in where.split(",")] if where else _gesture(state)
    if point is None:
        raise CannotPlanError("click_needed")
    mention = order.names.first
    if "handle" in order.values:
        handles = state.existing([str(order.values["handle"])])
    elif mention.handles:
        handles = state.existing(mention.handles)
    elif mention.phrase is not None:
        labels, _ = state.matching_labels(mention)
        handles = [handle for handle in state.of_labels(labels) if handle in (state.selection or ())]
    else:
        handles = list(state.selection or ())
    hit = state.hit()
    if len(handles) > 1 and hit in handles and include is False:
        handles = [str(hit)]
    if not handles:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    if len(handles) > 1:
        raise CannotPlanError("which_mask")
    return [call("refine_with_point", handle=handles[0], point=point, include=include)]


# --- the conversation ----------------------------------------------------------------------------------------


def undo(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """As many steps back as were named."""
    return [call("undo")] * min(int(order.values.get("number", 1)), _MANY_STEPS)


def undo_all(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Every step back."""
    return [call("undo")] * min(max(1, state.context.undo), _MANY_STEPS)


def redo(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """As many steps forward as were named."""
    return [call("redo")] * min(int(order.values.get("number", 1)), _MANY_STEPS)


def recall(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """What is in memory."""
    return [call("recall")]


def forget_all(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Erase the conversation."""
    return [call("forget")]


def forget(order: Order, state: Situation) -> Calls:
    """Erase what is named."""
    handles: list[str] = []
    for mention in order.names.mentions:
        if mention.everything:
            return [call("forget")]
        if mention.phrase is not None:
            labels, colour = state.matching_labels(mention)
            if not labels:
                raise CannotPlanError("not_among_found", thing=mention.phrase)
            if colour or mention.place:
                raise CannotPlanError("forget_by_handle")
            handles += state.of_labels(labels)
            continue
        found = known_of(mention, state)
        if found is None or found.places.steps or found.places.choices:
            raise CannotPlanError("forget_by_handle")
        handles += found.handles if found.handles is not None else state.whole_selection()
    return [call("forget", handles=state.existing(handles))]


def clear_selection(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Select nothing."""
    if not state.anything_selected:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    return [call("select", handles=state.whole_selection(), combine="subtract")]


def others(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """What is known and not selected."""
    if not state.unselected:
        raise CannotPlanError("no_others" if state.objects else "nothing_found_yet")
    return [call("select", handles=list(state.unselected))]


def all_known(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Everything that is known; on a picture not yet asked about, everything in it."""
    return [call("select", handles=list(state.handles))] if state.objects else [call("segment", mode="everything")]


def again(order: Order, state: Situation) -> Calls:
    """ "all the oranges again": every known one, selected or not."""
    labels = [label for mention in order.names.mentions for label in state.matching_labels(mention)[0]]
    plain = all(not mention.place for mention in order.names.mentions)
    if labels and plain:
        return [call("select", handles=list(state.of_labels(labels)))]
    return narrow(order, state)


def name_this(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """ "what is this?": its handle and label, from the table."""
    handle = _clicked(state)
    known = next(known for known in state.objects if known.handle == handle)
    raise CannotPlanError("named", handle=handle, label=known.label)


def is_a(order: Order, state: Situation) -> Calls:
    """ "this is a lemon": a mask of what was clicked, under that name; a known mask keeps the name it has."""
    handle = state.hit()
    if handle is not None:
        known = next(known for known in state.objects if known.handle == handle)
        mention = order.names.first
        if mention.phrase and known.label in state.matching_labels(mention)[0]:
            return add(Order("add", Names((Mention(pointing=True),))), state)
        raise CannotPlanError("cannot_rename", handle=handle, label=known.label, thing=str(mention.phrase))
    return _add_clicked(order.names.first, state)


def describe(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """ "what is in the picture?": what was found, if anything was."""
    if not state.objects:
        raise CannotPlanError("describe")
    return [call("recall")]


def reply_with(key: str) -> Callable[[Order, Situation], Calls]:
    """An act that only replies."""

    def act(order: Order, state: Situation) -> Calls:  # noqa: ARG001
        raise CannotPlanError(key, verb=order.words.split(" ")[0] if order.words else "")

    return act


ACTS: dict[str, Callable[[Order, Situation], Calls]] = {
    "count": count,
    "exists": count,
    "compare": count,
    "ground": ground,
    "segment": segment,
    "choose": choose,
    "bare": bare,
    "narrow": narrow,
    "subtract": subtract,
    "add": add,
    "more": more,
    "again": again,
    "others": others,
    "everything": all_known,
    "clear_selection": clear_selection,
    "ask_about": ask_about,
    "show": show,
    "recall": recall,
    "undo": undo,
    "undo_all": undo_all,
    "redo": redo,
    "forget": forget,
    "forget_all": forget_all,
    "click_alone": click_alone,
    "refine_in": refine_in,
    "refine_out": refine_out,
    "name_this": name_this,
    "is_a": is_a,
    "describe": describe,
    "help": reply_with("help"),
    "edit": reply_with("no_edits"),
    "similar": reply_with("no_similar"),
    "forget_unsure": reply_with("forget_unsure"),
}
