"""Orders about another picture than the one in hand: "find the same in p2", "and in the other picture?".

The words for the other picture are cut out before a sentence is read; its calls are then sent there.
This module does not know what a sentence asks for.
"""

from __future__ import annotations

from dataclasses import replace

from prompts.vocabulary_loader import vocabulary
from workflows.planning.orders import Calls, Order, call
from workflows.planning.patterns import compiled
from workflows.planning.places import CannotPlanError
from workflows.planning.situation import Situation

_LOOKS = ("count", "ground", "segment")
_LOOKING = ("count", "exists", "ground", "segment", "count_these", "find_these", "segment_these", "select_these")
_ASKING = ("recall", "describe")
_USES_IT = ("paste",)
"""Acts that need another picture for something here."""
_ANYWHERE = ("recall", "find_similar", "count_shelf")


def without_picture(words: str, language: str = "english") -> tuple[str, str | None]:
    """`words` without the picture they name, and that picture: `p2`, `2` (the second) or "" (the other one)."""
    for says in vocabulary(language).places.elsewhere:
        found = compiled(says, language).found_in(words)
        if found is not None:
            values, before, after = found
            return f"{before} {after}".strip(), str(values.get("picture", values.get("ordinal", "")))
    return words, None


def picture_of(said: str, state: Situation) -> str:
    """The handle of the picture that is meant.

    Args:
        said: As `without_picture` returns it.
        state: What is known.

    Raises:
        CannotPlanError: there is no such picture, or it could be one of several.
    """
    others = state.context.elsewhere
    pictures = sorted({state.picture, *others}, key=lambda handle: (len(handle), handle))
    named = {"pictures": ", ".join(pictures), "picture": next(iter(others), state.picture)}
    if said == "":
        if len(pictures) != 2:
            raise CannotPlanError("which_picture" if len(pictures) > 1 else "no_other_picture", **named)
        return next(handle for handle in pictures if handle != state.picture)
    if not said.startswith("p"):
        place = int(said) - 1 if int(said) > 0 else len(pictures) + int(said)
        said = pictures[place] if 0 <= place < len(pictures) else said
    if said not in pictures:
        raise CannotPlanError("unknown_picture", **named)
    return said


def directed(order: Order, state: Situation) -> Order:
    """`order` with the handle of the picture it names; one about the picture in hand needs none, unless it asks for it.

    Raises:
        CannotPlanError: there is no such picture, or it could be one of several.
    """
    if order.picture is None:
        return order
    picture = picture_of(order.picture, state)
    if picture == state.picture and order.act not in _ASKING:
        return replace(order, picture=None)
    return replace(order, act="similar" if about_known(order) else order.act, picture=picture)


def about_known(order: Order) -> bool:
    """Whether an order to look is about things that are known, so that in another picture their like is meant."""
    mentions = order.names.mentions
    known = all(each.handles or each.known or each.pointing or each.pronoun for each in mentions)
    return order.act in _LOOKING and known


def sent(calls: Calls, order: Order, state: Situation) -> Calls:
    """`calls` with what looks or recalls done in the order's picture.

    Raises:
        CannotPlanError: they are about things in the picture in hand.
    """
    if order.picture is None or order.act in _USES_IT:
        return calls
    made: Calls = []
    for each in calls:
        given = each.arguments
        looks = each.tool in _LOOKS and bool(given.get("phrases") or given.get("mode"))
        if not made and not looks and each.tool not in _ANYWHERE and "gestures" not in given:
            raise CannotPlanError("one_picture", current=state.picture, picture=order.picture)
        made.append(call(each.tool, **{**given, "picture": order.picture}) if looks else each)
    return made
