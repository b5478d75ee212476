"""Orders about edits in force: stronger or weaker, of other things, in another order, not at all.

An order that names no edit is about the newest one. This module does not know sentence shapes, nor what an edit does to
pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agent_tools.editing import STRENGTHS
from workflows.planning.context import KnownEdit, PlannedCall
from workflows.planning.keeping import subtract
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError
from workflows.planning.similar import similar
from workflows.planning.situation import Situation

_STEPS = {"bit": 0.1, "": 0.2, "much": 0.4}
"""By how much an edit is made stronger or weaker."""
_WEAKEST = 0.05
_FACTORS = {"double": 2.0, "half": 0.5}
_EVEN = ("remove", "cut_out")
"""Edits that are done or not, and neither strongly nor weakly."""
_FIRST_FEATHER = 0.01
"""Width of a soft edge asked for where there was none, as a share of the picture's shorter side."""
_FOLLOWED = ("narrow", "bare", "add", "more", "subtract", "take_away")
"""Acts that, right after an edit, are about what it is done to."""
_SELECTION = "selection"
"""What the edit tool takes for the handles of the selection."""


def newest(state: Situation, action: str | None = None) -> KnownEdit | None:
    """The edit made last, or the last that does `action`."""
    named = (one for one in state.context.edits if action in (None, one.action))
    return max(named, key=lambda one: int(one.handle[1:]), default=None)


def edited_last(state: Situation) -> KnownEdit | None:
    """The newest edit, if nothing was changed since, nor by an earlier clause of the same request."""
    latest = newest(state) if state.selection == state.context.selection else None
    return latest if latest is not None and latest.steps == 1 else None


def named_edit(order: Order, state: Situation, slot: str = "effect") -> KnownEdit:
    """The edit that an order names by its handle or by what it does, else the newest.

    Raises:
        CannotPlanError: there is none.
    """
    handle, action = order.values.get("effect_handle"), order.values.get(slot, order.values.get("edit"))
    if handle is not None and slot == "effect":
        found = next((one for one in state.context.edits if one.handle == handle), None)
    else:
        found = newest(state, None if action is None else str(action))
    if found is None:
        raise CannotPlanError("no_such_edit" if state.context.edits else "no_edit")
    return found


def changed(one: KnownEdit | None, **values: object) -> PlannedCall:
    """A change to an edit.

    Raises:
        CannotPlanError: there is none.
    """
    if one is None:
        raise CannotPlanError("no_such_edit")
    return PlannedCall(tool="edit", arguments={"edit": one.handle, **values})


def strength_of(one: KnownEdit) -> float:
    """How strong an edit is, told or not."""
    return float(one.parameters.get("strength", STRENGTHS.get(one.action, 1.0)))


def stronger_by(one: KnownEdit, degree: str = "", *, less: bool = False, factor: float | None = None) -> PlannedCall:
    """An edit made stronger or weaker.

    Raises:
        CannotPlanError: it is as strong or as weak as it can be, or knows no strength.
    """
    if one.action in ("move", "duplicate"):
        share = factor or (1 - _STEPS[degree] if less else 1 + _STEPS[degree])
        return changed(
            one,
            **{
                name: float(round(share * float(one.parameters[name])))
                for name in ("dx", "dy")
                if name in one.parameters
            },
        )
    if one.action in _EVEN:
        raise CannotPlanError("edit_is_even")
    before = strength_of(one)
    after = before * factor if factor else before + (-_STEPS[degree] if less else _STEPS[degree])
    after = round(min(1.0, max(_WEAKEST, after)), 2)
    if after == round(before, 2):
        raise CannotPlanError("edit_weakest" if less or (factor or 1) < 1 else "edit_strongest")
    return changed(one, strength=after)


def farther(one: KnownEdit, dx: float | str | None, dy: float | str | None) -> PlannedCall:
    """A move that goes on from where it has taken its things."""
    steps = {"dx": dx, "dy": dy}
    told = {name: float(one.parameters.get(name, 0)) + float(step) for name, step in steps.items() if step is not None}
    return changed(one, **told)


def stronger(order: Order, state: Situation) -> Calls:
    """More or less of an edit: "a bit less", "twice as strong", "blur it more"."""
    if order.act == "stronger" and order.words in ("more", "some more") and edited_last(state) is None:
        return similar(order, state)
    one = named_edit(order, state)
    amount = str(order.values.get("amount", "more"))
    less = order.act == "weaker" or amount == "less"
    degree = "bit" if amount == "enough" else str(order.values.get("degree", ""))
    return [stronger_by(one, degree, less=less, factor=_FACTORS.get(amount))]


def drop_edit(order: Order, state: Situation) -> Calls:
    """Take an edit back, wherever in the stack it is; of things that are named, only for those."""
    if "unedit" in order.values:
        order = replace(order, values={**order.values, "effect": order.values["unedit"]})
    one = named_edit(order, state)
    mention = order.names.first
    if order.names.mentions and not (mention.pronoun or mention.everything or mention.others):
        return _but_for(one, order, state)
    latest = one.steps == 1 and sum(each.steps == 1 for each in state.context.edits) == 1
    return [call("undo")] if latest and not one.replaces else [changed(one, action="none")]


def drop_all_edits(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Take all edits of the picture back."""
    if not state.context.edits:
        raise CannotPlanError("no_edit")
    handles = ",".join(one.handle for one in state.context.edits)
    return [PlannedCall(tool="edit", arguments={"edit": handles, "action": "none"})]


def other_action(order: Order, state: Situation) -> Calls:
    """Another effect in place of one: "pixelate them instead of the blur"."""
    action = str(order.values.get("effect2", order.values.get("edit")))
    was = order.values.get("effect", order.values.get("edit2"))
    one = newest(state, str(was))
    if one is None:
        raise CannotPlanError("no_such_edit" if state.context.edits else "no_edit")
    return [changed(one, action=action)]


def keep_edit(order: Order, state: Situation) -> Calls:
    """Nothing changes about an edit: "but keep the recolour"."""
    named_edit(order, state)
    return []


def place_edit(order: Order, state: Situation) -> Calls:
    """Do an edit earlier or later than it is."""
    one = named_edit(order, state)
    if "order_place" in order.values:
        return [changed(one, place=int(order.values["order_place"]))]
    other = named_edit(order, state, "effect2")
    rest = [each.handle for each in state.context.edits if each.handle != one.handle]
    if other.handle == one.handle:
        raise CannotPlanError("no_such_edit")
    return [changed(one, place=rest.index(other.handle) + int(order.values["before"]))]


def edge(order: Order, state: Situation) -> Calls:
    """A softer or sharper edge of what was edited last."""
    one = named_edit(order, state)
    feather = one.parameters.get("feather")
    before = None if feather is None else float(feather)
    if "digits" in order.values:
        return [changed(one, feather=float(order.values["digits"]))]
    way = str(order.values.get("edge", order.values.get("edging", "softer" if "feather" in order.words else "off")))
    share = 1.5 if order.values.get("degree") == "bit" else 2.0
    if way == "softer":
        size = state.context.picture
        first = max(2.0, round(_FIRST_FEATHER * min(size.width, size.height))) if size is not None else 4.0
        return [changed(one, feather=round(share * before, 1) if before else first)]
    return [changed(one, feather=0.0 if way == "off" or not before or before <= 1 else round(before / share, 1))]


def explain_edit(order: Order, state: Situation) -> Calls:
    """Where an edit comes from."""
    return [call("explain", handles=[named_edit(order, state).handle])]


# --- what an edit is done to ----------------------------------------------------------------------------------


def followed(order: Order, state: Situation, act: Callable[[Order, Situation], Calls], alone: bool) -> Calls:
    """The calls of an act; right after an edit, "only the left one" and "the mug too" are about its things."""
    latest = edited_last(state)
    if latest is None or not latest.handles or not alone or order.act not in _FOLLOWED or order.asked:
        return act(order, state)
    if order.picture is not None:
        return act(order, state)
    try:
        calls = _of_its_things(latest, order, state, act)
    except CannotPlanError:
        calls = None
    return act(order, state) if calls is None else calls


def _of_its_things(
    one: KnownEdit, order: Order, state: Situation, act: Callable[[Order, Situation], Calls]
) -> Calls | None:
    """Calls that choose among what an edit is done to, and do it to those; None where something else is meant."""
    labels = tuple(dict.fromkeys(known.label for known in state.objects if known.handle in one.handles))
    calls = act(order, replace(state, selection=one.handles, labels=labels))
    adds = order.act in ("add", "more")
    chooses = all(each.tool == "select" or (adds and each.tool == "segment") for each in calls)
    named = {handle for each in calls for handle in each.arguments.get("handles", ())}
    if not calls or not chooses or (not adds and not named <= set(one.handles)):
        return None
    starts = calls[0].arguments
    afresh = calls[0].tool == "segment" or ("handles" in starts and "combine" not in starts)
    same = afresh or set(state.selection or ()) == set(one.handles)
    first = [] if same else [call("select", handles=list(one.handles))]
    return [*first, *calls, changed(one, handles=[_SELECTION])]


def _but_for(one: KnownEdit, order: Order, state: Situation) -> Calls:
    """An edit taken back for some of its things."""
    calls = _of_its_things(one, order, state, subtract)
    if calls is None:
        raise CannotPlanError("no_such_edit")
    return calls
