"""Orders that compare: "darker", "make the mug less blurry", "not so dark".

Where an edit does it already, or its opposite, that is made stronger or weaker; else there is a new edit. This module
does not know sentence shapes.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.planning.edits import edit, edit_all, edit_rest
from workflows.planning.mention import Mention, Names
from workflows.planning.orders import Calls, Order
from workflows.planning.places import CannotPlanError
from workflows.planning.situation import Situation
from workflows.planning.stack import newest, stronger_by

_LIGHT = ("brighten", "darken")


def compared(order: Order, state: Situation) -> Calls:
    """More or less of an effect, on the newest edit that has to do with it, or as an edit of what is named."""
    way, _, action = str(order.values["comparative"]).partition(" ")
    degree = str(order.values.get("degree", ""))
    mention = order.names.first
    rest, whole = order.names.first.others, mention.everything
    bare = mention.pronoun and len(order.names.mentions) == 1 and not mention.place and state.context.click is None
    latest = newest(state) if state.selection == state.context.selection else None
    if bare and latest is not None and latest.action in (_LIGHT if action in _LIGHT else (action,)):
        return [stronger_by(latest, degree, less=(latest.action == action) == (way == "less"))]
    if way == "less":
        one = newest(state, action)
        if one is None:
            raise CannotPlanError("no_such_edit" if state.context.edits else "edit_later")
        return [stronger_by(one, degree, less=True)]
    order = replace(order, values={"edit": action, **({"degree": degree} if degree else {})})
    if whole:
        return edit_all(order, state)
    if rest:
        return edit_rest(replace(order, names=Names((Mention(pronoun=True, plural=True, known=True),))), state)
    return edit(order, state)
