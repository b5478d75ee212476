"""Orders for more like an example: what was clicked, what is named, or what is selected.

A place said with the example picks among what is found ("the ones like m3 on the left"), unless it picks the example
itself ("more like the leftmost one"). This module does not know sentence shapes, nor what makes things alike.
"""

from __future__ import annotations

from dataclasses import replace

from workflows.planning.knowing import known_of, selecting
from workflows.planning.looking import look, picks_one, take_out
from workflows.planning.mention import Mention, Names
from workflows.planning.orders import Calls, Order, call
from workflows.planning.places import CannotPlanError, Places, places_of
from workflows.planning.pointing import gestures_of, here_of
from workflows.planning.situation import Situation


def similar(order: Order, state: Situation) -> Calls:
    """Find all that is like the examples, there or in another picture; then choose among it by its place."""
    mentions = list(order.names.mentions)
    wanted = mentions.pop() if "things2" in order.values else None
    first = mentions[0] if mentions else Mention()
    if first.phrase is not None and not _at_click(first, state) and not state.matching_labels(first)[0]:
        if wanted is not None:
            raise CannotPlanError("similar_to_what")
        return look("segment", Names(tuple(mentions), order.names.excluded), state)
    calls, handles, places = _examples(mentions, wanted, state)
    away = bool(set(handles or ()) - set(state.handles))
    calls.append(call("find_similar", handles=handles, picture=order.picture or (state.picture if away else None)))
    if wanted is not None and (wanted.place or wanted.colour):
        places = _places(wanted, state)
    calls += _chosen(places)
    return calls + take_out(order.names.excluded, state.after(calls))


def _examples(
    mentions: list[Mention], wanted: Mention | None, state: Situation
) -> tuple[Calls, list[str] | None, Places]:
    """Calls that cut out or choose the examples, their handles (None: the selection), and places not used for that."""
    first = mentions[0] if mentions else Mention()
    handles = [handle for mention in mentions for handle in mention.handles]
    if handles:
        return [], state.anywhere(handles), _places(first, state)
    if _at_click(first, state):
        name = first.phrase or (wanted.phrase if wanted is not None else None)
        return *_clicked(name, first.plural, state), _places(first, state)
    if not state.objects and state.selection is not None:
        raise CannotPlanError("similar_to_what")
    picks = picks_one(first) or (not first.plural and bool(first.place))
    if first.phrase is None and not picks:
        if not state.anything_selected:
            raise CannotPlanError("similar_to_what")
        return [], None, _places(first, state)
    found = known_of(first if picks else replace(first, place={}), state, keep_label=False)
    if found is None:
        raise CannotPlanError("similar_to_what")
    if found.places.steps or found.places.choices:
        return selecting(found, state), None, Places()
    return [], found.handles, Places() if picks else _places(replace(first, colour=None), state)


def _at_click(mention: Mention, state: Situation) -> bool:
    """Whether a click shows the example: "like this", "more of these", or no word for it at all."""
    shown = mention.pointing or mention.pronoun or mention.known or mention == Mention(plural=mention.plural)
    return state.context.click is not None and not mention.handles and shown


def _clicked(name: str | None, several: bool, state: Situation) -> tuple[Calls, list[str] | None]:
    """The known things that the gestures point at; where one of them points at nothing known, what is there."""
    known = {thing.handle: thing.area for thing in state.objects}
    hits = [[handle for handle in each.hits if handle in known] for each in state.context.gestures if each.include]
    if all(hits) and len(hits) == len(state.context.gestures):
        return [], list(dict.fromkeys(min(each, key=lambda handle: known[handle]) for each in hits))
    quantity = None if several and len(hits) > 1 else "one"
    phrases = [name] if name is not None else None
    return [call("segment", phrases=phrases, gestures=gestures_of(state), quantity=quantity)], None


def _places(mention: Mention, state: Situation) -> Places:
    return places_of(replace(mention, plural=True), here_of(state), colour=mention.colour)


def _chosen(places: Places) -> Calls:
    """`select` calls among what was just found."""
    if len(places.choices) > 1:
        raise CannotPlanError("one_at_a_time")
    return [call("select", where=where) for where in (*places.steps, *places.choices)]
