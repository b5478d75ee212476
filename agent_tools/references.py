"""Which ones a person means: rows, sides, order, extremes, inside and near, by geometry over known things.

Positions are those of the middle of a thing's box, in pixels of the upright picture, origin top left. Sizes are mask
areas, or box areas where there is no mask. This module does not know phrases, models, turns of a conversation or how
handles are made; it is given things and gives some of them back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask

Box = tuple[float, float, float, float]
Side = Literal["left", "right", "top", "bottom", "centre"]
Order = Literal["left_to_right", "top_to_bottom", "by_size", "by_score"]
Extreme = Literal["leftmost", "rightmost", "topmost", "bottommost", "largest", "smallest"]

SAME_ROW = 0.5
"""Two things stand in one row when they share this part of the height of the smaller one."""
MOST_ROLL = 0.18
"""Steepest slope (tangent, about 10 degrees) that is taken for a camera held askew rather than for a staircase."""
NEAR = 1.0
"""Near: a gap between two boxes of at most this many times the side of the smaller one (square root of its area)."""
INSIDE = 0.5
"""Inside: more than this share of a thing's area lies within the region."""
TIE_POSITION, TIE_SIZE = 0.05, 0.02
"""Positions tie within this part of a thing's extent, sizes within this part of its area: no eye tells them apart."""


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
    def turn(self) -> int: ...  # noqa: D102


T = TypeVar("T", bound=Thing)


def middle(thing: Thing) -> tuple[float, float]:
    """x, y of the middle of the box, pixels."""
    x0, y0, x1, y1 = thing.box
    return ((x0 + x1) / 2, (y0 + y1) / 2)


def size(thing: Thing) -> float:
    """Square pixels: of the mask, or of the box where there is none."""
    return float(thing.mask.area) if thing.mask is not None else _area(thing.box)


def rows(things: Sequence[T]) -> list[list[T]]:
    """The rows things stand in, top row first, each from left to right.

    1. A camera held askew tilts all rows alike: the slope between the undersides of side-by-side neighbours is
       measured, and its median taken out (Theil and Sen's robust line, over neighbours only).
    2. From the top down, a thing joins the row whose span it shares most of, at least `SAME_ROW` of the smaller height,
       else it begins a row. A row's span is the median top and underside of its things, so that one tall bottle neither
       drags a row down nor bridges two, and short and tall things on one shelf are one row.
    3. Once all rows are known, every thing moves to the row that fits it best.
    """
    if not things:
        return []
    boxes = np.array([thing.box for thing in things], np.float64)
    across = (boxes[:, 0] + boxes[:, 2]) / 2
    spans = boxes[:, [1, 3]] - (_roll(boxes) * across)[:, None]
    members: list[list[int]] = []
    medians = np.zeros((0, 2))
    for index in np.argsort(spans.sum(1), kind="stable"):
        shares = _shared(spans[index : index + 1], medians)[0]
        best = int(np.argmax(shares)) if members else -1
        if best >= 0 and shares[best] >= SAME_ROW:
            members[best].append(int(index))
            medians[best] = [median(side) for side in spans[members[best]].T.tolist()]
        else:
            members.append([int(index)])
            medians = np.vstack([medians, spans[index]])
    far = np.abs(spans.mean(1)[:, None] - medians.mean(1)[None, :])
    # The distance only decides where two rows fit equally well.
    home = np.argmax(_shared(spans, medians) - 1e-6 * far / max(1e-9, float(far.max())), axis=1)
    settled = sorted(set(home.tolist()), key=lambda row: median(spans[home == row].mean(1).tolist()))
    by_place = np.argsort(across, kind="stable").tolist()
    return [[things[i] for i in by_place if home[i] == row] for row in settled]


def reading_order(things: Sequence[T]) -> list[T]:
    """Top row first, each row from left to right."""
    return [thing for row in rows(things) for thing in row]


def in_row(things: Sequence[T], row: int) -> list[T]:
    """The things of one row; 1 is the top row, -1 the bottom one.

    Raises:
        ToolInputError: there are fewer rows.
    """
    found = rows(things)
    if not found:
        return []
    if row == 0 or abs(row) > len(found):
        raise ToolInputError(
            f"row={row} does not exist: expected 1 (top) to {len(found)} (bottom), or -1 (bottom) upwards. "
            f"The rows hold {', '.join(str(len(each)) for each in found)} from the top; pick one."
        )
    return found[row - 1 if row > 0 else row]


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
    keys: dict[Order, Callable[[T], float]] = {
        "left_to_right": lambda thing: middle(thing)[0],
        "top_to_bottom": lambda thing: middle(thing)[1],
        "by_size": lambda thing: -size(thing),
        "by_score": lambda thing: -(-1.0 if thing.score is None else thing.score),
    }
    return sorted(things, key=keys[order])


def nth(things: Sequence[T], ordinal: int) -> T:
    """The first, second, ... thing; -1 is the last.

    Raises:
        ToolInputError: there are fewer things.
    """
    if ordinal == 0 or abs(ordinal) > len(things):
        raise ToolInputError(
            f"ordinal={ordinal} does not exist among {len(things)}: expected 1 to {len(things)}, or -1 for the last. "
            "Pick one of these."
        )
    return things[ordinal - 1 if ordinal > 0 else ordinal]


def extreme(things: Sequence[T], which: Extreme) -> list[T]:
    """The one thing that is furthest to a side, or largest or smallest; several where they tie, best first."""
    axis = 0 if which in ("leftmost", "rightmost") else 1
    sign = -1.0 if which in ("rightmost", "bottommost", "largest") else 1.0
    if which in ("largest", "smallest"):
        values = [sign * size(thing) for thing in things]
        slack = [TIE_SIZE * size(thing) for thing in things]
    else:
        values = [sign * middle(thing)[axis] for thing in things]
        slack = [TIE_POSITION * (thing.box[axis + 2] - thing.box[axis]) for thing in things]
    ranked = sorted(range(len(things)), key=values.__getitem__)
    return [things[i] for i in ranked if values[i] - values[ranked[0]] <= min(slack[i], slack[ranked[0]])]


def _roll(boxes: NDArray[np.float64]) -> float:
    """Slope of the rows of (N, 4) boxes: the median over neighbours, 0 where there are few or they disagree."""
    slopes: list[float] = []
    x, widths, heights = (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    for index in range(len(boxes)):
        shared = np.minimum(boxes[index, 3], boxes[:, 3]) - np.maximum(boxes[index, 1], boxes[:, 1])
        beside = shared >= SAME_ROW * np.minimum(heights[index], heights)
        beside &= x - x[index] >= np.minimum(widths[index], widths) / 2
        if beside.any():
            right = np.flatnonzero(beside)[np.argmin(x[beside])]
            slopes.append(float((boxes[right, 3] - boxes[index, 3]) / (x[right] - x[index])))
    if len(slopes) < 4:
        return 0.0
    slope = median(slopes)
    spread = median(abs(each - slope) for each in slopes)
    return slope if spread < abs(slope) <= MOST_ROLL else 0.0


def _shared(spans: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of the smaller of two vertical spans (top, underside) that both share: (N, 2) and (R, 2) to (N, R)."""
    shared = np.minimum(spans[:, None, 1], rows[None, :, 1]) - np.maximum(spans[:, None, 0], rows[None, :, 0])
    smaller = np.minimum((spans[:, 1] - spans[:, 0])[:, None], (rows[:, 1] - rows[:, 0])[None, :])
    return np.asarray(np.maximum(0.0, shared) / np.maximum(1e-9, smaller), np.float64)


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
