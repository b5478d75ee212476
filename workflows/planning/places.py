"""From places in words to the `where` of the tools.

`where` filters (side, row, column, relations, colour, label, doubt), then picks by order or extreme. What does not fit
into one `where` becomes several, one after the other; "the first two rows" becomes a choice of several.
This module does not know the objects of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.planning.mention import RELATIONS, Mention

Where = dict[str, Any]

_FILTERS = ("side", "row", "column", *RELATIONS, "min_score", "review", "turn")
_SEVERAL = {"rows": "row", "columns": "column"}
_EXTREME_OF_SIDE = {"left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost"}
_ORDER_FROM = {
    "left": ("left_to_right", 1),
    "right": ("left_to_right", -1),
    "top": ("top_to_bottom", 1),
    "bottom": ("top_to_bottom", -1),
}
_ORDER_OF_EXTREME = {
    "largest": ("by_size", 1),
    "smallest": ("by_size", -1),
    "leftmost": ("left_to_right", 1),
    "rightmost": ("left_to_right", -1),
    "topmost": ("top_to_bottom", 1),
    "bottommost": ("top_to_bottom", -1),
}


class CannotPlanError(Exception):
    """A request that ends in a reply: `key` names its sentence in the vocabulary, `values` fill it in."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key, self.values = key, values


@dataclass(frozen=True)
class Places:
    """`steps` narrow one after the other; `choices`, if any, are picks among what is left, all of them meant."""

    steps: tuple[Where, ...] = ()
    choices: tuple[Where, ...] = ()

    @property
    def single(self) -> Where:
        """The only `where`, empty if there is none.

        Raises:
            CannotPlanError: more than one is needed.
        """
        if len(self.steps) > 1 or self.choices:
            raise CannotPlanError("one_at_a_time")
        return self.steps[0] if self.steps else {}


def places_of(mention: Mention, here: str | None, *, one_side: bool = True, **filters: str | None) -> Places:
    """The `where` of a mention.

    Args:
        mention: What is talked about.
        here: What "here" and "this" stand for: a gesture or a handle; None if nothing was clicked.
        one_side: Whether one thing "on the left" is the leftmost one.
        **filters: `colour` and `label`, where they are to be filtered by.

    Raises:
        CannotPlanError: the place cannot be expressed.
    """
    place = mention.place
    if "unsupported" in place:
        raise CannotPlanError(str(place["unsupported"]))
    where: Where = {key: value for key, value in filters.items() if value is not None}
    for key in _FILTERS:
        if key in place and f"{key}s" not in place:
            if place[key] == "here" and here is None:
                raise CannotPlanError("click_needed")
            where[key] = here if place[key] == "here" else place[key]
    picks = _picks(mention)
    one = one_side and not mention.plural and (mention.definite or mention.pronoun or mention.phrase is None)
    too = place.get("side_too")
    if one and not picks:
        extreme = _EXTREME_OF_SIDE.get(str(too or where.get("side")))
        if extreme:
            if not too:
                where.pop("side")
            picks, too = [{"extreme": extreme}], None
    if "from" in place and not picks:
        where.setdefault("side", place["from"])
    steps = [where] if where else []
    if too:
        steps.append({"side": too})
    if len(picks) == 1:
        steps = [*steps[:-1], {**(steps[-1] if steps else {}), **picks[0]}]
        picks = []
    if picks and len(steps) == 1:
        picks = [{**steps.pop(), **picks[0]}, *({**where, **pick} for pick in picks[1:])]
    return Places(tuple(steps), tuple(picks))


def _picks(mention: Mention) -> list[Where]:
    """The picks by order or extreme, or one for each of several rows; without an order, tools take reading order."""
    place = mention.place
    for several, one in _SEVERAL.items():
        if several in place:
            first, step = int(place[one]), 1 if int(place[one]) > 0 else -1
            return [{one: first + step * number} for number in range(int(place[several]))]
    amount = int(place.get("amount", 1))
    limit = {"limit": amount} if amount > 1 else {}
    ordinal, extreme = place.get("ordinal"), place.get("extreme")
    order: str | None = None
    if "certainty" in place:
        order, first = "by_score", int(place["certainty"])
    elif extreme is not None and ordinal is None:
        return [{"extreme": extreme, **limit}]
    elif extreme is not None:
        order, sign = _ORDER_OF_EXTREME[str(extreme)]
        first = sign * int(ordinal or 1)
    elif ordinal is not None:
        order, sign = _ORDER_FROM.get(str(place.get("from")), (None, 1))
        first = sign * int(ordinal)
    else:
        return []
    start = {} if limit and first == 1 else {"ordinal": first}
    return [{**({"order": order} if order else {}), **start, **limit}]
