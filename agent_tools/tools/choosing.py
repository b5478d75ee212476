"""Applies a `Where`: filters first, then a pick by order or extreme, then the exceptions.

The geometry is in `agent_tools.references`; here names become places, and an empty outcome gets its reason. This module
does not know tools, nor where things come from.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Generic, TypeVar

from agent_tools import references
from agent_tools.colours import basic_colour, colour_of
from agent_tools.errors import ToolInputError, shorten
from agent_tools.memory import Gesture
from agent_tools.references import Region, Thing
from agent_tools.tools.arguments import BoxCorners, Place, Where, expand
from agent_tools.tools.context import ToolContext

T = TypeVar("T", bound=Thing)

CLOSED, ROUND = 0.2, 0.15
"""A stroke whose ends are nearer than the first part of its length is a lasso, and what it goes round is meant, if it
goes round something: a circle of its length has an area, and the stroke at least the second part of that. A scribble to
and fro has not."""


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """What a `Where` left.

    Attributes:
        things: those meant, with all that tie.
        note: why nothing is left, or between what the tie is; empty otherwise.
        candidates: those that fit equally well where fewer are meant ("the leftmost"): the person has to say which.
    """

    things: list[T]
    note: str = ""
    candidates: list[T] = field(default_factory=list)

    @property
    def tied(self) -> bool:
        """Whether the person has to say which."""
        return bool(self.candidates)


def choose(context: ToolContext, things: Sequence[T], where: Where | None) -> Choice[T]:
    """All of a `Where`, in its order.

    Raises:
        ToolInputError: parts that contradict each other, a row or ordinal that does not exist, an unknown colour.
        HandleError: a place or an exception that does not exist.
    """
    if where is None:
        return Choice(list(things))
    filtered = filter_by(context, things, where)
    return pick(context, filtered.things, where) if filtered.things else filtered


def filter_by(context: ToolContext, things: Sequence[T], where: Where) -> Choice[T]:
    """The filters alone: all that comes before `order`."""
    _check(where)
    left = list(things)
    steps: list[tuple[str, Step[T]]] = _filters(context, where, cache(partial(_slope, left)))
    for words, step in steps:
        kept = step(left)
        if left and not kept:
            seen = Counter(_colour(context, thing) for thing in left) if words.startswith("is ") else Counter()
            colours = ", ".join(f"{count} {colour}" for colour, count in seen.most_common())
            return Choice([], note=f"none of {len(left)} {words}" + (f" ({colours})" if colours else ""))
        left = kept
    return Choice(left)


def pick(context: ToolContext, things: Sequence[T], where: Where) -> Choice[T]:
    """The rest: order with ordinal, or extreme, and how many from there; then the exceptions."""
    left, candidates, note = list(things), list[T](), ""
    if where.order is not None or where.picks:
        _check_one_picture(left, where)
    if where.extreme is not None:
        left, candidates = references.extreme(left, where.extreme, where.limit or 1)
    elif where.picks and left:
        left, candidates = references.take(left, where.order, where.ordinal or 1, where.limit or 1)
    elif where.order is not None:
        left = references.in_order(left, where.order)
    wanted, left = (where.limit or 1) - len(left), [*left, *candidates]
    if where.exclude:
        names = {thing.handle for thing in context.objects(where.exclude)}
        left = [thing for thing in left if thing.handle not in names]
        candidates = [thing for thing in candidates if thing.handle not in names]
        note = "" if left else "all of them are excluded"
    if len(candidates) <= wanted:
        candidates = []
    if candidates:
        word = where.extreme or "in that place"
        fits = "" if wanted == 1 else f" and {wanted} of them are meant"
        note = f"{len(candidates)} are equally {word}{fits}; ask which {'one is' if wanted == 1 else 'ones are'} meant"
    return Choice(left, note, candidates)


def place_of(context: ToolContext, place: Place, picture: str) -> Region | None:
    """Where a place is on a picture; None when it is on another one.

    Raises:
        ToolInputError: corners that do not make a box.
        HandleError: a name that does not exist.
    """
    opened = context.opened(picture)
    if not isinstance(place, str):
        return references.area_of_box(_ordered(place), opened.width, opened.height)
    name = expand([place])[0] if place.strip() else ""
    if name.startswith("g"):
        gesture = context.gestures([name])[0]
        return place_of_gesture(gesture, opened.width, opened.height) if gesture.picture == picture else None
    thing = context.objects([name])[0]
    if thing.picture != picture:
        return None
    if thing.mask is not None and thing.mask.area:
        return references.area_of(thing)
    return references.area_of_box(thing.box, opened.width, opened.height, thing.handle)


def place_of_gesture(gesture: Gesture, width: int, height: int) -> Region:
    """The area or the points that a gesture means on a picture of `width` x `height` pixels."""
    points = gesture.coordinates
    if gesture.kind == "box":
        (x0, y0), (x1, y1) = points[0], points[-1]
        return references.area_of_box((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), width, height)
    if gesture.kind == "polygon" or (gesture.kind == "stroke" and _is_lasso(points)):
        return references.area_of_polygon(points, width, height)
    return references.place_of_points(points)


Step = Callable[[list[T]], list[T]]
Slope = Callable[[str], float]
"""Slope of the rows on a picture, worked out where it is asked for."""


def _filters(context: ToolContext, where: Where, slope: Slope) -> list[tuple[str, Step[T]]]:
    """The filters asked for, in order, each with the words for "none of them ..."; slope of the rows on a picture."""
    steps: list[tuple[str, Step[T]]] = []
    if where.side is not None:
        side = where.side
        words = "is in the middle of the picture" if side == "centre" else f"lies in the {side} half of the picture"
        steps.append((words, lambda things: [thing for thing in things if _on_side(context, thing, side)]))
    if where.row is not None:
        row = where.row
        steps.append((f"is in row {row}", lambda things: _by_picture(things, _in_row, row)))
    if where.column is not None:
        column = where.column
        steps.append((f"is in column {column}", lambda things: _by_picture(things, references.in_column, column)))
    if where.colour is not None:
        colour = basic_colour(where.colour)
        steps.append((f"is {colour}", lambda things: [thing for thing in things if _colour(context, thing) == colour]))
    for words, place, test in (
        ("lies inside", where.inside, references.is_inside),
        ("lies outside", where.outside, references.is_outside),
        ("is near", where.near, references.is_near),
    ):
        if place is not None:
            steps.append((f"{words} {_spoken(place)}", partial(_at, context, place, test)))
    directions: tuple[references.Direction, ...] = ("left_of", "right_of", "above", "below")
    for direction in directions:
        if (place := getattr(where, direction)) is not None:
            words = f"lies {direction.replace('_', ' ')} {_spoken(place)}"
            steps.append((words, partial(_at, context, place, partial(_beside, direction, slope))))
    if where.label is not None:
        label = where.label
        steps.append((f"is called {label}", lambda things: [t for t in things if references.has_label(t, label)]))
    if where.turn is not None:
        turn = where.turn
        steps.append(
            (f"was found in turn {turn}", lambda things: [thing for thing in things if context.found_in(thing) == turn])
        )
    if where.min_score is not None:
        least = where.min_score
        # As it is told: what reads 0.90 is 0.9 or more.
        steps.append(
            (f"scores {least:g} or more", lambda things: [t for t in things if round(t.score or 0, 2) >= least])
        )
    if where.review is not None:
        review = where.review
        steps.append(
            (f"is {'doubtful' if review else 'certain'}", lambda things: [t for t in things if t.review is review])
        )
    return steps


def _check(where: Where) -> None:
    if where.extreme is not None and (where.ordinal is not None or where.order is not None):
        raise ToolInputError(
            f"extreme={where.extreme} is given together with order or ordinal: expected one of the two ways. "
            "For the second largest use order=by_size with ordinal=2."
        )


def _check_one_picture(things: Sequence[Thing], where: Where) -> None:
    pictures = sorted({thing.picture for thing in things})
    if len(pictures) > 1:
        name = next(name for name in ("extreme", "order", "ordinal", "limit") if getattr(where, name))
        raise ToolInputError(
            f"{name}={getattr(where, name)} compares things on {', '.join(pictures)}: expected one picture. "
            "Pass the handles of one picture."
        )


def _on_side(context: ToolContext, thing: Thing, side: references.Side) -> bool:
    opened = context.opened(thing.picture)
    return references.on_side(thing, side, opened.width, opened.height)


def _by_picture(things: Sequence[T], band: Callable[[list[T], int], list[T]], number: int) -> list[T]:
    """The things of a row or column of each picture, in the order they came in."""
    chosen: set[int] = set()
    for picture in {thing.picture for thing in things}:
        own = [thing for thing in things if thing.picture == picture]
        chosen.update(id(thing) for thing in band(own, number))
    return [thing for thing in things if id(thing) in chosen]


def _in_row(things: list[T], row: int) -> list[T]:
    """The things of a row: of the shelf where all were counted on one, so that an empty row keeps its number."""
    known = [next((p for p in getattr(thing, "prompts", ()) if "shelf_row" in p), None) for thing in things]
    rows = {prompt["shelf_rows"] if prompt else 0 for prompt in known}
    if len(rows) != 1 or 0 in rows:
        return references.in_row(things, row)
    last = rows.pop()
    if row == 0 or abs(row) > last:
        raise ToolInputError(f"row={row} does not exist: expected 1 (top) to {last} (bottom), or -1 upwards. Pick one.")
    number = row if row > 0 else last + 1 + row
    return [thing for thing, prompt in zip(things, known, strict=True) if prompt and prompt["shelf_row"] == number]


def _slope(things: Sequence[Thing], picture: str) -> float:
    """The slope of the rows on one of the things' pictures."""
    return references.roll([each for each in things if each.picture == picture])


def _beside(direction: references.Direction, slope: Slope, thing: Thing, region: Region) -> bool:
    return references.is_beside(thing, region, direction, slope(thing.picture))


def _colour(context: ToolContext, thing: Thing) -> str:
    return colour_of(context.turn.picture(thing.picture).array, thing.mask, thing.box)


def _at(context: ToolContext, place: Place, test: Callable[[Thing, Region], bool], things: list[T]) -> list[T]:
    regions = {picture: place_of(context, place, picture) for picture in {thing.picture for thing in things}}
    return [thing for thing in things if (region := regions[thing.picture]) is not None and test(thing, region)]


def _ordered(box: BoxCorners) -> tuple[float, float, float, float]:
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ToolInputError(
            f"box={list(box)} is empty: expected [x0, y0, x1, y1] with x0 < x1 and y0 < y1. Order its corners."
        )
    return box


def _is_lasso(points: Sequence[tuple[float, float]]) -> bool:
    steps = [((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in itertools.pairwise(points)]
    ends = ((points[0][0] - points[-1][0]) ** 2 + (points[0][1] - points[-1][1]) ** 2) ** 0.5
    return len(points) >= 3 and ends < CLOSED * sum(steps) and 4 * math.pi * _within(points) > ROUND * sum(steps) ** 2


def _within(points: Sequence[tuple[float, float]]) -> float:
    """Square pixels that a closed line goes round, by Gauss's area formula: to and fro is nothing."""
    turned = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(x * down - across * y for (x, y), (across, down) in turned)) / 2


def _spoken(place: Place) -> str:
    return shorten(place) if isinstance(place, str) else f"the box {[round(side) for side in place]}"
