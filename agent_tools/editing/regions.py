"""Where an edit works: regions of masks, their windows, strips of them, and how deep inside a pixel lies.

This module does not know colours or actions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Mask

Pixels = NDArray[Any]
"""(H, W, 3) RGB or (H, W, 4) RGBA, upright, uint8 or uint16."""
Region = NDArray[np.bool_]
"""(H, W): which pixels."""
Floats = NDArray[np.float32]
Window = tuple[slice, slice]
"""Rows and columns."""

_STRIP = 1_500_000
"""Pixels that are worked on at once: some 20 MB of float32 for each array."""


def together(masks: Sequence[Mask], invert: bool, height: int, width: int) -> Region:
    """The masks as one region (H, W), or everything else."""
    region = np.zeros((height, width), bool)
    for mask in masks:
        crop, left, top = mask.to_crop()
        region[top : top + crop.shape[0], left : left + crop.shape[1]] |= crop
    return np.logical_not(region, out=region) if invert else region


def parts(masks: Sequence[Mask]) -> Iterator[tuple[Window, Region, float]]:
    """Each thing by itself: its box, what is inside (h, w), and its size: the side of a square of the same area."""
    for mask in masks:
        if area := mask.area:
            inside, left, top = mask.to_crop()
            yield (slice(top, top + inside.shape[0]), slice(left, left + inside.shape[1])), inside, math.sqrt(area)


def window_of(region: Region, more: int = 0) -> Window | None:
    """The region's box and some pixels more on each side, as far as the picture goes; None where it is empty."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return (
        slice(max(0, int(rows[0]) - more), min(region.shape[0], int(rows[-1]) + 1 + more)),
        slice(max(0, int(columns[0]) - more), min(region.shape[1], int(columns[-1]) + 1 + more)),
    )


def strips(window: Window) -> Iterator[Window]:
    """A window in strips of whole rows, each of a size that is comfortable to work on."""
    rows, columns = window
    step = max(1, _STRIP // max(1, columns.stop - columns.start))
    for start in range(rows.start, rows.stop, step):
        yield slice(start, min(rows.stop, start + step)), columns


def wider(window: Window, more: int, height: int, width: int) -> tuple[Window, Window]:
    """A window grown by `more` on each side as far as the picture goes, and where in that the window itself lies."""
    rows, columns = window
    grown = (
        slice(max(0, rows.start - more), min(height, rows.stop + more)),
        slice(max(0, columns.start - more), min(width, columns.stop + more)),
    )
    own = (
        slice(rows.start - grown[0].start, rows.stop - grown[0].start),
        slice(columns.start - grown[1].start, columns.stop - grown[1].start),
    )
    return grown, own


def depth_in(region: Region, window: Window, reach: float) -> Floats:
    """How far each pixel of a window lies inside the region, (h, w) in pixels: 0 outside, 1 at the rim.

    Right up to `reach`; deeper pixels have at least that. The picture's own edge is no rim.
    """
    around, own = wider(window, math.ceil(reach) + 2, *region.shape)
    inside = region[around]
    if inside.all():
        return np.full(region[window].shape, np.float32(reach + 1))
    return np.asarray(cv2.distanceTransform(inside.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[own], np.float32)


def ramp(region: Region, window: Window, soft: float) -> Floats:
    """How much of a change each pixel of a window gets, (h, w) in [0, 1]: 0 outside, rising to 1 over `soft` pixels."""
    if soft == 0:
        return region[window].astype(np.float32)
    return np.asarray(np.minimum(depth_in(region, window, soft + 1) / np.float32(soft + 1), 1), np.float32)


def grown(region: Region, by: float) -> Region:
    """The region and all pixels at most `by` pixels from it, (H, W)."""
    made = region.copy()
    window = window_of(region, math.ceil(by)) if by > 0 else None
    if window is not None:
        outside = np.logical_not(region)
        for strip in strips(window):
            made[strip] |= depth_in(outside, strip, by + 1) <= by
    return made


def rim_tiles(region: Region, deep: float, side: int = 512) -> Iterator[Window]:
    """Windows that together hold every pixel less than `deep` inside the region from its rim; few others."""
    box = window_of(region)
    if box is None:
        return
    for top in range(box[0].start, box[0].stop, side):
        for left in range(box[1].start, box[1].stop, side):
            tile = slice(top, min(box[0].stop, top + side)), slice(left, min(box[1].stop, left + side))
            around, _ = wider(tile, math.ceil(deep) + 1, *region.shape)
            if region[tile].any() and not region[around].all():
                yield tile
