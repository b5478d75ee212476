"""Arithmetic on boxes and masks: which boxes are true, what share was found, how large things are.

This module does not know files, photographs or models.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, Mask, box_area, box_iou

OVERLAP = 0.4
"""IoU with a true box from which a box lies on that thing; loose, as fruit half hidden by leaves has no sure edge."""
SIZES = (0.05, 0.15, 0.33)
"""A thing's side as a share of the frame's, each the square root of an area: where the groups by size divide."""
GROUPS = ("<5%", "5-15%", "15-33%", ">33%")


def match(found: Boxes, truth: Boxes, overlap: float = OVERLAP) -> NDArray[np.int64]:
    """Which true box each found box lies on, (N,) int64, -1 for none; each true box is given once.

    Pairs of the greatest overlap first.

    Args:
        found: (N, 4) float32 xyxy.
        truth: (M, 4) float32 xyxy.
        overlap: least IoU.
    """
    shared = box_iou(found, truth)
    lies_on = np.full(len(found), -1, np.int64)
    while shared.size and shared.max() >= overlap:
        row, column = np.unravel_index(int(shared.argmax()), shared.shape)
        lies_on[row] = column
        shared[row, :] = shared[:, column] = -1
    return lies_on


def size_groups(boxes: Boxes, width: int, height: int) -> list[str]:
    """The group by size of each box, one of `GROUPS`."""
    sides = np.sqrt(box_area(boxes) / (width * height))
    return [GROUPS[place] for place in np.digitize(sides, SIZES)]


def share(part: float, whole: float) -> float | None:
    """`part` of `whole`, rounded to three digits; None of nothing."""
    return round(part / whole, 3) if whole else None


def mean(values: Sequence[float]) -> float | None:
    """The mean, rounded to three digits; None of nothing."""
    return share(float(np.sum(values)), len(values))


def filled_box(box: Sequence[float], width: int, height: int) -> Mask:
    """Every pixel of a box (xyxy, whole pixels), at the size of the photograph."""
    x0, y0, x1, y1 = (round(side) for side in box)
    return Mask.from_crop(np.ones((y1 - y0, x1 - x0)), x0, y0, height, width)


def filled_ellipse(box: Sequence[float], width: int, height: int) -> Mask:
    """The ellipse that touches the sides of a box (xyxy, whole pixels), at the size of the photograph."""
    x0, y0, x1, y1 = (round(side) for side in box)
    across = (np.arange(x1 - x0) + 0.5) / (x1 - x0) * 2 - 1
    down = (np.arange(y1 - y0) + 0.5) / (y1 - y0) * 2 - 1
    return Mask.from_crop(np.hypot(across[None, :], down[:, None]) <= 1, x0, y0, height, width)


def plain_grabcut(
    pixels: NDArray[np.uint8], box: Sequence[float], longest: int = 128, margin: float = 0.25, iterations: int = 5
) -> Mask:
    """OpenCV's GrabCut from a box and nothing else: all of it to be decided, all round it surroundings.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        box: xyxy, whole pixels.
        longest: the part that is cut is shrunk to this many pixels.
        margin: surroundings that are looked at, as a share of the box's sides.
        iterations: of cut and colours.
    """
    x0, y0, x1, y1 = box
    height, width = pixels.shape[:2]
    beside, above = max(4, round(margin * (x1 - x0))), max(4, round(margin * (y1 - y0)))
    left, top = max(0, round(x0) - beside), max(0, round(y0) - above)
    right, bottom = min(width, round(x1) + beside), min(height, round(y1) + above)
    part = np.ascontiguousarray(pixels[top:bottom, left:right])
    scale = min(1.0, longest / max(part.shape[:2]))
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    seeds = np.full((size[1], size[0]), cv2.GC_BGD, np.uint8)
    first, last = (round((x0 - left) * scale), round((y0 - top) * scale)), (x1 - left, y1 - top)
    seeds[
        first[1] : max(first[1] + 1, round(last[1] * scale)), first[0] : max(first[0] + 1, round(last[0] * scale))
    ] = cv2.GC_PR_FGD
    if (seeds % 2).all():  # it fills the frame, so that there are no surroundings to tell it from
        return filled_box(box, width, height)
    cv2.setRNGSeed(0)
    cv2.grabCut(small, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), iterations, cv2.GC_INIT_WITH_MASK)
    cut = cv2.resize((seeds % 2) * np.uint8(255), (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return Mask.from_crop(cut.reshape(bottom - top, right - left) > 127, left, top, height, width)
