"""Orders that ask what is known and where it comes from; they change nothing.

This module does not know sentence shapes, nor what memory keeps.
"""

from __future__ import annotations

from workflows.planning.keeping import narrow
from workflows.planning.knowing import known_of, selecting
from workflows.planning.mention import Mention
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError
from workflows.planning.pointing import clicked
from workflows.planning.situation import Situation


def explain(order: Order, state: Situation) -> Calls:
    """Where what is named, clicked or selected comes from: "why m3?"."""
    mentions = order.names.mentions
    handles = [handle for mention in mentions for handle in mention.handles]
    if handles:
        return [call("explain", handles=state.anywhere(handles))]
    mention = order.names.first
    if state.context.click is not None and not mention.plural:
        return [call("explain", handles=[clicked(state)])]
    if mention.attribute:
        raise CannotPlanError("out_of_scope")
    if mention.phrase is not None or mention.place or mention.colour:
        return _explain_named(mention, state)
    if not state.anything_selected:
        raise CannotPlanError("explain_what" if state.objects else "nothing_found_yet")
    return [call("explain")]


def _explain_named(mention: Mention, state: Situation) -> Calls:
    labels, colour = state.matching_labels(mention)
    if labels and not mention.place and not colour:
        named = state.of_labels(labels)
        chosen = [handle for handle in named if handle in (state.selection or ())]
        return [call("explain", handles=None if chosen == list(state.selection or ()) else chosen or list(named))]
    found = known_of(mention, state, keep_label=False)
    if found is None:
        raise CannotPlanError("not_known" if state.objects else "nothing_found_yet", thing=str(mention.phrase))
    if found.places.steps or found.places.choices:
        return [*selecting(found, state), call("explain")]
    return [call("explain", handles=found.handles)]


def recall(order: Order, state: Situation) -> Calls:
    """What is in memory: all of it, or what has a name, was found in a turn, is in a picture."""
    mention = order.names.first
    turn = order.values.get("digits", order.values.get("ordinal"))
    if turn is not None and int(turn) < 1:
        turn = max((known.turn for known in state.objects), default=1) if int(turn) == -1 else None
    _, colour = state.matching_labels(mention)
    if mention.handles or (order.picture is None and (colour or mention.place)):
        return narrow(order, state)
    named = None if mention.generic else mention.phrase
    return [call("recall", label=named, turn=None if turn is None else int(turn), picture=order.picture)]


def describe(order: Order, state: Situation) -> Calls:
    """Say what was found, if anything was: pictures are not described."""
    if not state.objects and order.picture is None:
        raise CannotPlanError("describe")
    return [call("recall", picture=order.picture)]
