"""Orders that change how the picture looks: what is named, everything else, or the whole picture.

What is known is meant; what was never found is looked for first. This module does not know sentence shapes, nor what an
edit does to pixels.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.planning.context import PlannedCall
from workflows.planning.keeping import narrow
from workflows.planning.knowing import known_of
from workflows.planning.looking import look
from workflows.planning.mention import Mention, Names
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError
from workflows.planning.pointing import about_click, mask_clicked
from workflows.planning.situation import Situation

_SAID_BY = ("edit", "edited", "editing", "coloured", "dimmed", "cut", "cleared")
"""The slots that say what is done."""


def edit(order: Order, state: Situation) -> Calls:
    """Change what is named; "the others" are everything else where nothing else is known."""
    mention = order.names.first
    if mention.others and mention.nameless and (state.selection is None or not state.unselected):
        return edit_rest(replace(order, names=Names((Mention(pronoun=True, plural=True, known=True),))), state)
    calls, handles = _meant(order, state)
    return [*calls, call("edit", action=_action(order), handles=handles)]


def edit_rest(order: Order, state: Situation) -> Calls:
    """Change everything but what is named, or but the selection."""
    selection = order.names.first.nameless and not about_click(order, state)
    if selection and not state.anything_selected:
        raise CannotPlanError("edit_around_what")
    calls, handles = _meant(order, state)
    return [*calls, call("edit", action=_action(order), handles=handles, invert=True)]


def edit_all(order: Order, state: Situation) -> Calls:  # noqa: ARG001
    """Change the whole picture: everything but nothing."""
    return [PlannedCall(tool="edit", arguments={"action": _action(order), "handles": [], "invert": True})]


def undo_edit(order: Order, state: Situation) -> Calls:
    """Take an edit back by its name, where it is what was done last."""
    steps = [one.steps for one in state.context.edits if one.action == _action(order) and one.steps]
    if not steps:
        raise CannotPlanError("no_such_edit")
    if min(steps) > 1:
        raise CannotPlanError("edit_further_back", steps=str(min(steps)))
    return [call("undo")]


def _action(order: Order) -> str:
    return next(str(order.values[slot]) for slot in _SAID_BY if slot in order.values)


def _meant(order: Order, state: Situation) -> tuple[Calls, list[str] | None]:
    """Calls that find or choose what is named, and its handles where no call is needed (None: the selection)."""
    names = order.names
    if about_click(order, state):
        hit = None if state.context.more_gestures else state.hit()
        return ([], [hit]) if hit is not None else (mask_clicked(names.first, state), None)
    if any(each.phrase is not None and known_of(each, state) is None for each in names.mentions):
        return look("segment", names, state), None
    if names.excluded or any(each.attribute for each in names.mentions):
        return narrow(order, state), None
    labelled = _by_label(names, state)
    if labelled is not None:
        return [], None if set(labelled) == set(state.selection or ()) else labelled
    found = [known for each in names.mentions if (known := known_of(each, state, keep_label=False)) is not None]
    if any(known.places.steps or known.places.choices for known in found):
        return narrow(order, state), None
    handles = [handle for known in found for handle in (known.handles or state.selection or ())]
    whole = all(known.handles is None for known in found) or set(handles) == set(state.selection or ())
    if whole and not state.anything_selected:
        raise CannotPlanError("nothing_selected" if state.objects else "nothing_found_yet")
    return [], None if whole else list(dict.fromkeys(handles))


def _by_label(names: Names, state: Situation) -> list[str] | None:
    """The handles of things named by their labels alone: of each label the selected ones, where there are any; None if
    more is said, or if what is selected is not known yet.
    """
    if state.selection is None or not names.mentions:
        return None
    handles: list[str] = []
    for mention in names.mentions:
        labels, colour = state.matching_labels(mention)
        if not labels or colour or mention.place or mention.others or mention.pointing or mention.handles:
            return None
        known = state.of_labels(labels)
        handles += [handle for handle in known if handle in state.selection] or known
    return list(dict.fromkeys(handles))
