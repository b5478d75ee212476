"""Which ones a person means: rows, columns, sides, order, extremes, inside, near and beside, by geometry over things.

Positions are those of the middle of a thing's box, in pixels of the upright picture, origin top left. Sizes are mask
areas, or box areas where there is no mask. This module does not know phrases, models, turns of a conversation or how
handles are made; it is given things and gives some of them back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, Protocol, TypeVar

import numpy as np

from agent_tools import arrangement
from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask, mask_areas

Box = tuple[float, float, float, float]
Side = Literal["left", "right", "top", "bottom", "centre"]
Order = Literal["left_to_right", "top_to_bottom", "by_size", "by_score"]
Extreme = Literal["leftmost", "rightmost", "topmost", "bottommost", "largest", "smallest"]
Direction = Literal["left_of", "right_of", "above", "below"]

NEAR = 1.0
"""Near: a gap between two boxes of at most this many times the side of the smaller one (square root of its area)."""
INSIDE = 0.5
"""Inside: more than this share of a thing's area lies within the region."""
TIE_POSITION, TIE_SIZE, TIE_SCORE = 0.05, 0.02, 0.005
"""Positions tie within this part of a thing's extent, sizes within this part of its area: no eye tells them apart.
Scores tie where they read the same at two digits."""


class Thing(Protocol):
    """What geometry needs to know of an object; `agent_tools.memory.ObjectVersion` is one."""

    @property
    def handle(self) -> str: ...  # noqa: D102
    @property
    def picture(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float | None: ...  # noqa: D102
    @property
    def box(self) -> Box: ...  # noqa: D102
    @property
    def mask(self) -> Mask | None: ...  # noqa: D102
    @property
    def review(self) -> bool: ...  # noqa: D102
    @property
    def turn(self) -> int: ...  # noqa: D102


T = TypeVar("T", bound=Thing)


def middle(thing: Thing) -> tuple[float, float]:
    """x, y of the middle of the box, pixels."""
    x0, y0, x1, y1 = thing.box
    return ((x0 + x1) / 2, (y0 + y1) / 2)


def size(thing: Thing) -> float:
    """Square pixels: of the mask, or of the box where there is none."""
    return float(thing.mask.area) if thing.mask is not None else _area(thing.box)


def sizes(things: Sequence[Thing]) -> list[float]:
    """`size` of each, all masks measured at once."""
    areas = iter(mask_areas([thing.mask for thing in things if thing.mask is not None]))
    return [_area(thing.box) if thing.mask is None else float(next(areas)) for thing in things]


def rows(things: Sequence[T]) -> list[list[T]]:
    """The rows things stand in, top row first, each from left to right; see `arrangement.rows`."""
    return [[things[index] for index in row] for row in arrangement.rows(_boxes(things))]


def columns(things: Sequence[T]) -> list[list[T]]:
    """The columns things stand in, left column first, each from top to bottom; see `arrangement.columns`."""
    return [[things[index] for index in column] for column in arrangement.columns(_boxes(things))]


def roll(things: Sequence[Thing]) -> float:
    """The slope of the rows that things stand in; see `arrangement.roll`."""
    return arrangement.roll(_boxes(things))


def reading_order(things: Sequence[T]) -> list[T]:
    """Top row first, each row from left to right."""
    return [thing for row in rows(things) for thing in row]


def in_row(things: Sequence[T], row: int) -> list[T]:
    """The things of one row; 1 is the top row, -1 the bottom one.

    Raises:
        ToolInputError: there are fewer rows.
    """
    return _band(rows(things), "row", row, "top", "bottom")


def in_column(things: Sequence[T], column: int) -> list[T]:
    """The things of one column; 1 is the left column, -1 the right one.

    Raises:
        ToolInputError: there are fewer columns.
    """
    return _band(columns(things), "column", column, "left", "right")


def _band(found: list[list[T]], name: str, number: int, first: str, last: str) -> list[T]:
    if not found:
        return []
    if number == 0 or abs(number) > len(found):
        raise ToolInputError(
            f"{name}={number} does not exist: expected 1 ({first}) to {len(found)} ({last}), or -1 ({last}) upwards. "
            f"The {name}s hold {', '.join(str(len(each)) for each in found)} from the {first}; pick one."
        )
    return found[number - 1 if number > 0 else number]


def on_side(thing: Thing, side: Side, width: int, height: int) -> bool:
    """Whether a thing's middle lies on a side of the picture.

    Left, right, top and bottom are halves of the picture, so that left and right together are everything; the centre
    is its middle third both ways. It is the picture's side and not that of what was found: "the left of the shelf"
    is the same place whatever stands there.
    """
    x, y = middle(thing)
    if side == "centre":
        return width / 3 <= x <= 2 * width / 3 and height / 3 <= y <= 2 * height / 3
    return {"left": x < width / 2, "right": x >= width / 2, "top": y < height / 2, "bottom": y >= height / 2}[side]


@dataclass(frozen=True, slots=True)
class Region:
    """A place on a picture: an area, or points that were clicked or stroked.

    Attributes:
        area: the area at picture size, or None for points.
        points: (x, y) pairs, pixels; empty for an area.
        box: what bounds it, xyxy.
        handle: the object it is, or empty. An object is never inside, outside or near itself.
    """

    area: Mask | None
    points: tuple[tuple[float, float], ...]
    box: Box
    handle: str = ""


def area_of(thing: Thing) -> Region:
    """The area that a thing takes up, hollows filled (its convex hull): an apple in a bowl hides the bowl behind it."""
    if thing.mask is None:
        raise ToolInputError(f"{thing.handle} has no mask: expected one. Segment it first.")
    import cv2

    crop, left, top = thing.mask.to_crop()
    pixels = np.argwhere(crop)[:, ::-1].astype(np.int32) + np.array([left, top], np.int32)
    hull = cv2.convexHull(pixels)
    filled = np.zeros((thing.mask.height, thing.mask.width), np.uint8)
    cv2.fillConvexPoly(filled, hull, 1)
    return Region(Mask.from_array(filled), (), thing.mask.box, thing.handle)


def area_of_polygon(points: Sequence[tuple[float, float]], width: int, height: int) -> Region:
    """The area within a polygon on a picture of `width` x `height` pixels."""
    x, y = [p[0] for p in points], [p[1] for p in points]
    return Region(Mask.from_polygon(points, height, width), (), (min(x), min(y), max(x), max(y)))


def area_of_box(box: Box, width: int, height: int, handle: str = "") -> Region:
    """The area within a box on a picture of `width` x `height` pixels."""
    x0, y0, x1, y1 = box
    corners = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    return Region(Mask.from_polygon(corners, height, width), (), box, handle)


def place_of_points(points: Sequence[tuple[float, float]]) -> Region:
    """A click, or a stroke across things."""
    x, y = [p[0] for p in points], [p[1] for p in points]
    return Region(None, tuple(points), (min(x), min(y), max(x), max(y)))


def is_inside(thing: Thing, region: Region) -> bool:
    """Whether more than `INSIDE` of a thing lies in an area; for points, whether one of them lies on the thing."""
    if region.handle and thing.handle == region.handle:
        return False
    if region.area is None:
        return any(_covers(thing, x, y) for x, y in region.points)
    own = thing.mask or area_of_box(thing.box, region.area.width, region.area.height).area
    assert own is not None
    return bool((own & region.area).area > INSIDE * max(1, own.area))


def is_outside(thing: Thing, region: Region) -> bool:
    """Whether a thing is not inside, and not the region itself."""
    return not (region.handle and thing.handle == region.handle) and not is_inside(thing, region)


def is_near(thing: Thing, region: Region) -> bool:
    """Whether the gap between the boxes is at most `NEAR` sides of the smaller one; of the thing, for points."""
    if region.handle and thing.handle == region.handle:
        return False
    sides = [_area(thing.box) ** 0.5] + ([_area(region.box) ** 0.5] if region.area is not None else [])
    return bool(gap(thing.box, region.box) <= NEAR * min(sides))


def is_beside(thing: Thing, region: Region, direction: Direction, slope: float = 0.0) -> bool:
    """Whether the middle of a thing lies beyond a region's edge in a direction, anywhere on the picture.

    Args:
        thing: what may lie there.
        region: what it is left of, right of, above or below; a thing is beside neither itself nor what it overlaps
            with its middle.
        direction: which edge.
        slope: of the rows, from `roll`: a camera held askew lifts no end of a row above the other.
    """
    if region.handle and thing.handle == region.handle:
        return False
    x0, y0, x1, y1 = region.box
    across, down = middle(thing)[0] - (x0 + x1) / 2, middle(thing)[1] - (y0 + y1) / 2
    if direction in ("left_of", "right_of"):
        far, edge = across + slope * down, (x1 - x0) / 2
    else:
        far, edge = down - slope * across, (y1 - y0) / 2
    return -far > edge if direction in ("left_of", "above") else far > edge


def gap(a: Box, b: Box) -> float:
    """Pixels between two boxes; 0 where they touch or overlap."""
    across = max(0.0, a[0] - b[2], b[0] - a[2])
    down = max(0.0, a[1] - b[3], b[1] - a[3])
    return float((across**2 + down**2) ** 0.5)


def has_label(thing: Thing, words: str) -> bool:
    """Whether all of the words are in a thing's label: "apples" fits ``red apple``, "red apple" fits no ``apple``."""
    own = [_forms(word) for word in thing.label.lower().split()]
    return all(any(_forms(word) & forms for forms in own) for word in words.lower().split())


def in_order(things: Sequence[T], order: Order) -> list[T]:
    """Sorted: from the left, from the top, largest first, or best score first (things without a score last)."""
    return [thing for _, thing in _keyed(things, order)]


def take(things: Sequence[T], order: Order | None, ordinal: int, limit: int = 1) -> tuple[list[T], list[T]]:
    """From a place in an order on, as many things as asked for, or as there are. Those that tie share a place.

    The first and the last from a side are those furthest out. From the second on, a grid is counted by its columns
    from the left and by its rows from the top: the third from the left is one of the third column.

    Args:
        things: on one picture.
        order: None: as a page is read, where nothing ties.
        ordinal: the place to begin at: 1 the first, -1 the last and on towards the first.
        limit: how many things.

    Returns:
        Those meant, and those of the last place, if it holds more than are still wanted: one has to say which.

    Raises:
        ToolInputError: there are fewer places.
    """
    places = _places(things, order, as_grid=abs(ordinal) > 1, backwards=ordinal < 0)
    if ordinal == 0 or abs(ordinal) > len(places):
        shared = "" if len(things) == len(places) else f" places of {len(things)} things (those that tie share one)"
        raise ToolInputError(
            f"ordinal={ordinal} does not exist among {len(places)}{shared}: expected 1 to {len(places)}, or -1 for the "
            "last. Pick one of these."
        )
    meant: list[T] = []
    for place in places[abs(ordinal) - 1 :]:
        if len(meant) + len(place) > limit:
            return meant, place if len(meant) < limit else []
        meant += place
    return meant, []


def extreme(things: Sequence[T], which: Extreme, limit: int = 1) -> tuple[list[T], list[T]]:
    """The things furthest to a side, or largest or smallest; see `take`."""
    order, ordinal = _EXTREMES[which]
    return take(things, order, ordinal, limit) if things else ([], [])


def _places(things: Sequence[T], order: Order | None, *, as_grid: bool, backwards: bool) -> list[list[T]]:
    """The things in order, those that tie with the first of a place in one place."""
    step = -1 if backwards else 1
    if order is None:
        return [[thing] for thing in reading_order(things)][::step]
    if as_grid and order in ("left_to_right", "top_to_bottom") and arrangement.in_grid(_boxes(things)):
        return (columns(things) if order == "left_to_right" else rows(things))[::step]
    found: list[list[T]] = []
    first: tuple[float, T] | None = None
    for key, thing in _keyed(things, order)[::step]:
        if first is not None and abs(key - first[0]) <= _slack(first, (key, thing), order):
            found[-1].append(thing)
        else:
            found.append([thing])
            first = key, thing
    return found


def _keyed(things: Sequence[T], order: Order) -> list[tuple[float, T]]:
    """The things sorted, each with what it was sorted by, which is worked out once."""
    if order == "by_size":
        return sorted(zip((-area for area in sizes(things)), things, strict=True), key=itemgetter(0))
    return sorted(((_KEYS[order](thing), thing) for thing in things), key=itemgetter(0))


_EXTREMES: dict[Extreme, tuple[Order, int]] = {
    "leftmost": ("left_to_right", 1),
    "rightmost": ("left_to_right", -1),
    "topmost": ("top_to_bottom", 1),
    "bottommost": ("top_to_bottom", -1),
    "largest": ("by_size", 1),
    "smallest": ("by_size", -1),
}
_KEYS: dict[Order, Callable[[Thing], float]] = {
    "left_to_right": lambda thing: middle(thing)[0],
    "top_to_bottom": lambda thing: middle(thing)[1],
    "by_score": lambda thing: -(-1.0 if thing.score is None else thing.score),
}


def _slack(a: tuple[float, Thing], b: tuple[float, Thing], order: Order) -> float:
    """How far two things, each with what it is sorted by, may be apart in an order and still tie."""
    if order == "by_score":
        return TIE_SCORE
    if order == "by_size":
        return TIE_SIZE * min(-a[0], -b[0])
    axis = 0 if order == "left_to_right" else 1
    return TIE_POSITION * min(thing.box[axis + 2] - thing.box[axis] for _, thing in (a, b))


def _boxes(things: Sequence[Thing]) -> arrangement.Boxes:
    return np.array([thing.box for thing in things], np.float64).reshape(-1, 4)


def _covers(thing: Thing, x: float, y: float) -> bool:
    if thing.mask is not None:
        return thing.mask.contains(x, y)
    return thing.box[0] <= x < thing.box[2] and thing.box[1] <= y < thing.box[3]


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _forms(word: str) -> set[str]:
    """A word and what it may be the plural of."""
    forms = {word}
    for ending, stem in (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            forms.add(word.removesuffix(ending) + stem)
    return forms
