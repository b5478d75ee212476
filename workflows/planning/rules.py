"""The planner that needs no key: everyday words to tool calls, by grammar alone.

    request → plain English (languages) → clauses (wording) → act and things (sentence shapes, mentions) → calls

Pure and deterministic. The grammar and the words are data in prompts/vocabulary.
This module does not know the tools beyond their names, and runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from prompts.noun_forms import head_end
from prompts.vocabulary_loader import Frame, answers_in, vocabulary
from workflows.planning.acts import ACTS
from workflows.planning.context import Plan, PlanContext, PlannedCall
from workflows.planning.elsewhere import directed, sent, without_picture
from workflows.planning.handles import listed
from workflows.planning.languages import ENGLISH, Spoken, spoken
from workflows.planning.mention import Mention, Names
from workflows.planning.mentions import read_names
from workflows.planning.naming import named
from workflows.planning.orders import Order
from workflows.planning.patterns import Pattern, Values, compiled
from workflows.planning.places import CannotPlanError
from workflows.planning.situation import Situation
from workflows.planning.stack import followed
from workflows.planning.wording import Clause, clauses, mended, without_start

_UNFILLED = re.compile(r"<\w+>")
_LONGEST_REQUEST = 1000
_LONGEST_CLAUSE = 40


def plan(request: str, context: PlanContext, usual: str = ENGLISH) -> Plan:
    """The calls that `request` asks for, or a reply that says why there are none.

    Args:
        request: What a person typed, in any language that there is a phrase book for.
        context: What is known of the conversation.
        usual: The language of the conversation so far, for words that several languages share.
    """
    said = spoken(request, usual)
    state = Situation.before(said.hidden(context))
    if said.unread:
        return Plan(reply=_reply(CannotPlanError("unread", word=said.unread), state, said))
    made = _plan(said, state)
    if said.table:
        return _against(said.table, made, _reply(CannotPlanError("shelf_list", table=said.table), state, said))
    return said.shown(made) if said.literal else made


def _plan(said: Spoken, state: Situation, language: str = "english") -> Plan:
    request, calls = said.english, list[PlannedCall]()
    try:
        orders = list(_orders(request, state, language))
        for order in orders:
            current = state.after(calls)
            order = _continued(order, calls)
            made = followed(order, current, ACTS[order.act], alone=len(orders) == 1)
            calls = _merged(calls, sent(made, order, current))
    except CannotPlanError as reason:
        return Plan(reply=_reply(reason, state, said))
    if not calls:
        return Plan(reply=_reply(CannotPlanError("not_understood"), state, said))
    return Plan(calls=tuple(calls))


def _against(table: str, made: Plan, otherwise: str) -> Plan:
    """`made` with shelves counted against a table; `otherwise`, where it counts none and has no use for a table."""
    if not any(call.tool == "count_shelf" for call in made.calls):
        return Plan(reply=otherwise)
    named = {"products": [table]}
    calls = (
        call.model_copy(update={"arguments": {**named, **call.arguments}}) if call.tool == "count_shelf" else call
        for call in made.calls
    )
    return Plan(calls=tuple(calls))


def mood(english: str, language: str = "english") -> str:
    """The act of the first clause of `english`, which decides how its answer begins; "" if there is none."""
    found = clauses(english, language)
    order = understand(found[0], language) if found else None
    return order.act if order is not None else ""


@lru_cache(maxsize=256)
def understand(clause: Clause, language: str = "english") -> Order | None:
    """The act of a clause and what it is about, or None if no sentence shape fits and it names nothing."""
    words, picture = without_picture(clause.words, language)
    order = _read(replace(clause, words=words), language) if words or picture is None else Order("look_again")
    return replace(order, picture=picture) if order is not None and picture is not None else order


def _read(clause: Clause, language: str) -> Order | None:
    shorter = without_start(clause.words, vocabulary(language).words.leads) or clause.words
    for words, late in _readings(list(dict.fromkeys([clause.words, shorter])), language):
        order = _shaped(replace(clause, words=words), late, language)
        if order is not None:
            return order
    return _bare(replace(clause, words=shorter), language)


def _readings(spoken: Sequence[str], language: str) -> Iterator[tuple[str, bool]]:
    """Wordings to try, and whether with the late frames: as spoken first; slips are mended only if nothing fits."""
    for late in (False, True):
        yield from ((words, late) for words in spoken)
    for spelling in spoken:
        for words in mended(spelling, language):
            yield from ((words, late) for late in (False, True))


def _orders(request: str, state: Situation, language: str) -> Iterator[Order]:
    if len(request) > _LONGEST_REQUEST:
        raise CannotPlanError("too_long")
    found = clauses(request, language)
    if not found:
        if state.context.click is None or any(letter.isalnum() for letter in request):
            raise CannotPlanError("greeting" if any(letter.isalnum() for letter in request) else "empty")
        yield Order("click_alone")
    for clause in found:
        if len(clause.words.split()) > _LONGEST_CLAUSE:
            raise CannotPlanError("too_long")
        order = understand(replace(clause, words=state.with_handles(clause.words, language)), language)
        if order is None:
            raise CannotPlanError(_refusal(clause, language))
        yield directed(order, state)


def _shaped(clause: Clause, late: bool, language: str) -> Order | None:
    for frame, pattern in _shapes(language):
        if frame.late is not late:
            continue
        values = pattern.fits(clause.words)
        if values is None:
            continue
        order = _order(frame, values, clause, language)
        if order is not None:
            return order
    return None


def _order(frame: Frame, values: Values, clause: Clause, language: str) -> Order | None:
    """The order a fitting frame stands for, or None if what it is about cannot be read as things."""
    said = frame.things
    things = str(values.get("things", "")) if said is None else said
    for slot, value in values.items():
        things = things.replace(f"<{slot}>", str(value))
    things = _UNFILLED.sub("", things)
    names = Names()
    if things and frame.act not in _ANYTHING_GOES:
        read = read_names(things, language)
        if read is None or _out_of_sight(read, language):
            return None
        names = read
    return Order(frame.act, names, values, clause.asked, clause.words)


_ANYTHING_GOES = frozenset({"edit_later", "open", "help", "describe", "clear_selection", "none_of_its_business"})


def _bare(clause: Clause, language: str) -> Order | None:
    """A clause that only names things: "the two biggest", "red apples"."""
    lists = vocabulary(language).words.lists
    first = clause.words.split()[0] if clause.words else ""
    if not clause.words or first in lists["other_business"] or first in lists["not_things"] or first in lists["copula"]:
        return None
    names = read_names(clause.words, language)
    if names is None or not (names.mentions or names.excluded) or _out_of_sight(names, language):
        return None
    return Order("bare", names, {}, clause.asked, clause.words)


def _out_of_sight(names: Names, language: str) -> bool:
    unseeable = vocabulary(language).words.lists["unseeable"]
    return any(word in unseeable for mention in names.mentions for word in _head(mention, language))


def _head(mention: Mention, language: str) -> list[str]:
    """The noun of what is named: a price tag is a tag."""
    words = (mention.phrase or "").split()
    return words[: head_end(words, language)][-1:] if words else []


def _refusal(clause: Clause, language: str) -> str:
    lists = vocabulary(language).words.lists
    first = clause.words.split()[0]
    strange = first in lists["other_business"] or bool(set(clause.words.split()) & set(lists["unseeable"]))
    return "out_of_scope" if strange else "not_understood"


def _continued(order: Order, calls: list[PlannedCall]) -> Order:
    """A count without a noun takes the last one's: "how many oranges are on the left and how many on the right"."""
    if order.act != "count" or not calls or "where" not in calls[-1].arguments:
        return order
    phrases = calls[-1].arguments.get("phrases")
    mention = order.names.first
    if not phrases or len(phrases) > 1 or mention.phrase is not None or mention.known or not mention.place:
        return order
    named = replace(mention, phrase=phrases[0], plain=phrases[0])
    return replace(order, names=replace(order.names, mentions=(named,)))


def _merged(calls: list[PlannedCall], more: list[PlannedCall]) -> list[PlannedCall]:
    """`calls` and `more`, where two counts by phrases in the same place become one, and nothing is said twice."""
    if calls and calls[-1:] == more and more[0].tool not in ("undo", "redo"):
        return calls
    if calls and more and calls[-1].tool == more[0].tool == "count":
        before, after = calls[-1].arguments, more[0].arguments
        same_place = {**before, "phrases": None} == {**after, "phrases": None}
        if before.get("phrases") and after.get("phrases") and same_place:
            phrases = list(dict.fromkeys([*before["phrases"], *after["phrases"]]))
            return [
                *calls[:-1],
                PlannedCall(tool="count", arguments={**before, "phrases": phrases}),
                *more[1:],
            ]
    return [*calls, *more]


def _reply(reason: CannotPlanError, state: Situation, said: Spoken) -> str:
    replies, words = answers_in(said.language).replies, answers_in(said.language).results
    key = reason.key
    if key == "unknown_handle" and not state.objects:
        key = "unknown_handle_nothing"
    labels = dict.fromkeys(known.label for known in state.objects)
    known = {
        "example": (state.selection or state.handles or ("m2",))[0],
        "known": listed(state.handles, words),
        "selected": listed(state.selection or (), words),
        "labels": ", ".join(named(label, said.language) for label in labels),
        "edits": words["comma"].join(f"{words[f'effect_{one.action}']} ({one.handle})" for one in state.context.edits),
        "picture": next(iter(state.context.elsewhere), "p2"),
    }
    given = {**reason.values}
    for name in given.keys() & {"thing", "label"}:
        given[name] = named(given[name], said.language)
    return replies.get(key, replies["not_understood"]).format(**{**known, **given})


@lru_cache(maxsize=8)
def _shapes(language: str) -> tuple[tuple[Frame, Pattern], ...]:
    return tuple((frame, compiled(says, language)) for frame in vocabulary(language).frames for says in frame.says)
