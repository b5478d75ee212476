"""Draws what was counted on one picture of a shelf, so that a count can be checked at a glance.

What is counted is tinted and numbered in its product's colour; what may be one and is not counted has a dashed line;
what a person took out is crossed, what a person added has a double line; an empty place is outlined in white; each row
has its number at the left. This module does not know pages, nor which pictures are worth drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from agent_tools.drawing import PALETTE, Pixels, draw, encode_jpeg, tag
from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, Segmenter, SegmentRequest
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import Box, Correction, ShelfCount, ShelfObject
from agent_tools.tools.finding import best_for_box

LONGEST_SIDE = 880
"""Of a drawing, pixels."""
QUALITY = 76
_DARK, _WHITE, _RED = (16, 18, 24), (255, 255, 255), (230, 60, 40)
_PALE = (238, 240, 242)
_SAME = 0.5
"""Pixels within which two boxes are one box that went through JSON."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A drawn picture.

    Attributes:
        jpeg: the file.
        width: of the drawing, pixels.
        height: likewise.
        numbers: (sku, first number, last number) of the products drawn, in the order of the numbers.
    """

    jpeg: bytes
    width: int
    height: int
    numbers: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Thing:
    """A `Drawable`; the handle chooses the colour."""

    handle: str
    label: str
    box: Box
    mask: Mask | None


def colour_of_product(place: int) -> tuple[int, int, int]:
    """The colour of the product at a place of the list, RGB."""
    return PALETTE[place % len(PALETTE)]


def draw_shelf(
    picture: Picture,
    count: ShelfCount,
    correction: Correction | None,
    products: Sequence[Product],
    segmenter: Segmenter | None,
) -> Drawing:
    """Draw one picture.

    Args:
        picture: which was counted.
        count: to be shown.
        correction: what a person put right, which `count` has in it already.
        products: of the run; their places choose the colours.
        segmenter: makes the masks; None: outlines alone.

    Raises:
        PictureError: the picture cannot be decoded.
        ServiceError: the segmenter failed.
    """
    places = {product.sku: place for place, product in enumerate(products)}
    counted = sorted((each for each in count.objects if each.counted), key=lambda each: _reading(each, places))
    masks = _masks(picture, counted, segmenter)
    things = [
        _Thing(f"p{places.get(each.sku, 0) + 1}", each.sku, each.box, mask)
        for each, mask in zip(counted, masks, strict=True)
    ]
    canvas = draw(picture, things, longest_side=LONGEST_SIDE, caption=False)
    scale, line = canvas.shape[1] / picture.width, max(1, round(min(canvas.shape[:2]) / 320))
    for each in count.objects:
        if not each.counted and each.chance > 0:  # 0: a person has said so
            _dashed(canvas, each.box, scale, colour_of_product(places.get(each.sku, 0)), line)
    for _, box in correction.added if correction else ():
        _outline(canvas, box, scale, _WHITE, line, margin=3 * line)
    for _, box in correction.removed if correction else ():
        _crossed(canvas, box, scale, line)
    for finding in count.findings:
        if finding.box is not None:
            _outline(canvas, finding.box, scale, _WHITE, 2 * line, margin=0)
    for row in count.rows:
        top = row.corners[0][1] * scale
        tag(canvas, f"row {row.number}", (0, top + 6 * line), max(14, round(min(canvas.shape[:2]) / 32)), _PALE)
    return Drawing(encode_jpeg(canvas, QUALITY), canvas.shape[1], canvas.shape[0], _numbers(counted))


def same_box(a: Box, b: Box) -> bool:
    """Whether two boxes are the same one."""
    return all(abs(one - other) <= _SAME for one, other in zip(a, b, strict=True))


def _reading(thing: ShelfObject, places: dict[str, int]) -> tuple[int, int, float]:
    return places.get(thing.sku, len(places)), thing.row, thing.box[0]


def _masks(picture: Picture, things: Sequence[ShelfObject], segmenter: Segmenter | None) -> list[Mask | None]:
    if segmenter is None or not things:
        return [None] * len(things)
    prompts = [Prompt(box=np.array(each.box, np.float32)) for each in things]
    answers = segmenter.segment([SegmentRequest(picture, prompts)])[0]
    masks: list[Mask | None] = []
    for answer, thing in zip(answers, things, strict=True):
        segments, best = best_for_box(answer, thing.box)
        masks.append(None if best is None else segments.masks[best])
    return masks


def _numbers(counted: Sequence[ShelfObject]) -> tuple[tuple[str, int, int], ...]:
    """`draw` numbers run on from product to product."""
    skus = [each.sku for each in counted]
    return tuple((sku, skus.index(sku) + 1, skus.index(sku) + skus.count(sku)) for sku in dict.fromkeys(skus))


def _corners(canvas: Pixels, box: Box, scale: float, margin: int) -> tuple[tuple[int, int], tuple[int, int]]:
    x0, y0, x1, y1 = (round(side * scale) for side in box)
    height, width = canvas.shape[:2]
    return (max(x0 - margin, 0), max(y0 - margin, 0)), (min(x1 + margin, width - 1), min(y1 + margin, height - 1))


def _outline(canvas: Pixels, box: Box, scale: float, colour: tuple[int, int, int], line: int, margin: int) -> None:
    start, end = _corners(canvas, box, scale, margin)
    cv2.rectangle(canvas, start, end, _DARK, line + 2, cv2.LINE_AA)
    cv2.rectangle(canvas, start, end, colour, line, cv2.LINE_AA)


def _crossed(canvas: Pixels, box: Box, scale: float, line: int) -> None:
    (x0, y0), (x1, y1) = _corners(canvas, box, scale, 0)
    for width, colour in ((2 * line + 2, _DARK), (2 * line, _RED)):
        cv2.line(canvas, (x0, y0), (x1, y1), colour, width, cv2.LINE_AA)
        cv2.line(canvas, (x0, y1), (x1, y0), colour, width, cv2.LINE_AA)


def _dashed(canvas: Pixels, box: Box, scale: float, colour: tuple[int, int, int], line: int) -> None:
    (x0, y0), (x1, y1) = _corners(canvas, box, scale, 0)
    dash = 5 * line
    sides = (((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)), ((x0, y1), (x0, y0)))
    for start, end in sides:
        steps = max(1, round(float(np.hypot(end[0] - start[0], end[1] - start[1])) / dash))
        points = np.linspace(start, end, steps + 1).round().astype(int).tolist()
        for place in range(0, steps, 2):
            for width, shade in ((line + 2, _DARK), (line, colour)):
                cv2.line(canvas, tuple(points[place]), tuple(points[place + 1]), shade, width, cv2.LINE_AA)
