"""Orders about what was clicked: mask it, add it, take it out, correct a mask there.

A click without words puts the thing under it into the selection, or takes it out again if it is in; where nothing is
known, it outlines what is there and adds it. This module does not know sentence shapes.
"""

from __future__ import annotations

from workflows.planning.context import PlannedCall
from workflows.planning.mention import Mention
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError
from workflows.planning.situation import Situation


def gesture_of(state: Situation) -> str | None:
    """Name of the click that came with the request, or None."""
    return state.context.click.gesture if state.context.click is not None else None


def here_of(state: Situation) -> str | None:
    """What "here", "this" and "it" stand for in a place: the thing clicked, the click, or the only thing selected."""
    selected = state.context.selection
    return state.hit() or gesture_of(state) or (selected[0] if len(selected) == 1 else None)


def gestures_of(state: Situation) -> list[str]:
    """Names of all gestures that came with the request."""
    return [each.gesture for each in state.context.gestures]


def about_click(order: Order, state: Situation) -> bool:
    """Whether the order is about what was clicked, and a click came with it."""
    mention = order.names.first
    about_click = mention.pointing or (mention.pronoun and not mention.plural)
    nearby = "here" in mention.place.values()
    return about_click and not nearby and len(order.names.mentions) == 1 and state.context.click is not None


def clicked(state: Situation) -> str:
    """The object that "this" means: the one that was clicked, or the only one that is selected."""
    if state.context.click is None:
        if state.selection is not None and len(state.selection) == 1:
            return state.selection[0]
        raise CannotPlanError("click_needed" if state.objects else "nothing_found_yet")
    handle = state.hit()
    if handle is None:
        raise CannotPlanError("nothing_there")
    return handle


def mask_clicked(mention: Mention, state: Situation) -> Calls:
    """A click that asks for a mask: the known object under it, or whatever is there."""
    handle = state.hit()
    known = handle is not None and not state.context.more_gestures
    return [call("select", handles=[handle])] if known else [_at_click(mention, state)]


def _at_click(mention: Mention, state: Situation) -> PlannedCall:
    """A mask of what was clicked, under its name where one was said: "this", "this dog"; one for all gestures."""
    phrases = [mention.phrase] if mention.phrase is not None else None
    several = sum(each.include for each in state.context.gestures) > 1
    return call("segment", phrases=phrases, gestures=gestures_of(state), quantity="one" if several else None)


def add_clicked(mention: Mention, state: Situation) -> Calls:
    """What was clicked, known or not, beside what is selected."""
    handle = None if state.context.more_gestures else state.hit(selected=False)
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
    return add_clicked(Mention(), state)


def is_a(order: Order, state: Situation) -> Calls:
    """A mask of what was clicked, under the name it is given: "this is a lemon". A known mask keeps its name."""
    handle = state.hit()
    if handle is not None:
        known = next(known for known in state.objects if known.handle == handle)
        mention = order.names.first
        if mention.phrase and known.label in state.matching_labels(mention)[0]:
            return add_clicked(mention, state)
        raise CannotPlanError("cannot_rename", handle=handle, label=known.label, thing=str(mention.phrase))
    return add_clicked(order.names.first, state)


def name_this(order: Order, state: Situation) -> Calls:
    """Handle and label of what was clicked, from the table: "what is this?"."""
    handle = state.existing([str(order.values["handle"])])[0] if "handle" in order.values else clicked(state)
    known = next(known for known in state.objects if known.handle == handle)
    raise CannotPlanError("named", handle=handle, label=known.label)


def refine_in(order: Order, state: Situation) -> Calls:
    """Grow one mask at a point."""
    return _refine(order, state, include=None)


def refine_out(order: Order, state: Situation) -> Calls:
    """Shrink one mask at a point."""
    return _refine(order, state, include=False)


def switch_mask(order: Order, state: Situation) -> Calls:
    """Another mask of what is named or clicked, known or not, else of the selection: "bigger", "the whole thing"."""
    to = order.values["other_mask"]
    if "handle" in order.values:
        return [call("switch_mask", handles=state.existing([str(order.values["handle"])]), to=to)]
    if state.context.click is not None:
        return [*mask_clicked(Mention(), state), call("switch_mask", to=to)]
    if not state.anything_selected:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    return [call("switch_mask", to=to)]


def _refine(order: Order, state: Situation, include: bool | None) -> Calls:
    where = str(order.values.get("xy", ""))
    points: list[object] = [[float(number) for number in where.split(",")]] if where else [*gestures_of(state)]
    if not points:
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
    return [call("refine_with_point", handle=handles[0], point=point, include=include) for point in points]
