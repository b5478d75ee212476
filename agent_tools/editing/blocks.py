"""A picture in square blocks, each the mean of what of it is inside a region; in strips, as it may be large.

This module does not know what the blocks are for.
"""

from __future__ import annotations

import cv2
import numpy as np

from agent_tools.editing.regions import Floats, Pixels, Region

_AT_ONCE = 1_500_000
"""Pixels that are worked on at once."""


def block_sums(colours: Pixels, inside: Region, side: int) -> tuple[Floats, Floats]:
    """The blocks of a window.

    Args:
        colours: (h, w, C).
        inside: (h, w).
        side: of a block in pixels; what the window lacks of the last ones counts as outside.

    Returns:
        the mean of what is inside, times the share that is, (down, across, C); and that share, (down, across).
    """
    height, width = inside.shape
    down, across = -(-height // side), -(-width // side)
    summed = np.zeros((down, across, colours.shape[2]), np.float32)
    weight = np.zeros((down, across), np.float32)
    rows = max(1, _AT_ONCE // (side * across * side))
    for start in range(0, down, rows):
        here = slice(start * side, (start + rows) * side)
        own = inside[here]
        padding = ((0, -own.shape[0] % side), (0, across * side - width))
        shares = np.pad(own.astype(np.float32), padding)
        values = np.pad((colours[here] * own[..., None]).astype(np.float32, copy=False), (*padding, (0, 0)))
        size = (across, shares.shape[0] // side)
        for made, whole in ((summed, values), (weight, shares)):
            reduced = cv2.resize(whole, size, interpolation=cv2.INTER_AREA)
            made[start : start + rows] = reduced.reshape(made[start : start + rows].shape)
    return summed, weight
