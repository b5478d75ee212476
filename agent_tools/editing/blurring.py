"""Blur and blocks: what makes a thing unreadable.

Both look only at what is inside, so that nothing from outside bleeds in, and both are scaled to the thing's size.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from agent_tools.editing.blocks import block_sums
from agent_tools.editing.painting import Painter, repainted
from agent_tools.editing.regions import Floats, Pixels, Region, Window, wider
from agent_tools.editing.task import Outcome, Task

_SIGMA = 0.25
"""Standard deviation of the strongest blur, as a share of the thing's size."""
_BLOCK = 0.2
"""Side of the largest blocks, likewise: at the usual strength a face is ten blocks across."""
_FINE_ENOUGH = 4.0
"""A wider blur than this, in pixels, is done on a smaller picture: nobody sees the difference."""


def blur(task: Task) -> Outcome:
    """A Gaussian blur."""
    return repainted(task, lambda colours, inside, size, task: blurred(colours, inside, _SIGMA * task.strength * size))


def pixelate(task: Task) -> Outcome:
    """Square blocks, each of the mean colour of what is inside it."""
    return repainted(task, _blocks)


def blurred(colours: Pixels, inside: Region, sigma: float) -> Painter:
    """Paints (h, w, 3) `colours` blurred by `sigma` pixels; only what is `inside` (h, w) is looked at."""
    sigma = max(1.0, sigma)
    shrink = int(sigma / _FINE_ENOUGH)
    if shrink < 2:
        return lambda strip: _blurred_strip(colours, inside, sigma, strip)
    summed, weight = block_sums(colours, inside, shrink)
    summed, weight = (
        cv2.GaussianBlur(each, (0, 0), sigma / shrink, borderType=cv2.BORDER_REPLICATE) for each in (summed, weight)
    )
    # A strip between two rows of the small picture needs both, at its ends as well.
    small = np.pad(summed / np.maximum(weight, 1e-6)[..., None], ((1, 1), (0, 0), (0, 0)), mode="edge")

    def painter(strip: Window) -> Floats:
        rows, columns = strip
        first, last = rows.start // shrink, (rows.stop - 1) // shrink
        some = small[first : last + 3]
        size = (small.shape[1] * shrink, len(some) * shrink)
        # Not a cubic, which overshoots: what is brighter than white would come out black.
        large = cv2.resize(some, size, interpolation=cv2.INTER_LINEAR)
        skipped = (first - 1) * shrink
        return np.asarray(large[rows.start - skipped : rows.stop - skipped, columns], np.float32)

    return painter


def _blurred_strip(colours: Pixels, inside: Region, sigma: float, strip: Window) -> Floats:
    around, own = wider(strip, math.ceil(4 * sigma) + 1, *inside.shape)
    weight = inside[around].astype(np.float32)
    summed = colours[around] * weight[..., None]
    summed, weight = (
        cv2.GaussianBlur(each, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)[own] for each in (summed, weight)
    )
    return np.asarray(summed / np.maximum(weight, 1e-6)[..., None], np.float32)


def _blocks(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:
    side = max(2, round(_BLOCK * task.strength * size))
    summed, weight = block_sums(colours, inside, side)
    means = summed / np.maximum(weight, 1e-6)[..., None]

    def painter(strip: Window) -> Floats:
        rows, columns = (np.arange(each.start, each.stop) // side for each in strip)
        return np.asarray(means[rows[:, None], columns], np.float32)

    return painter
