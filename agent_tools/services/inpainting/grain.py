"""Gives what was filled in smoothly the grain of the picture round it, so that it does not look like fog.

This module does not know how it was filled.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_NEAR = 24
"""Pixels round the hole that tell what grain there is."""
_MOST = 12.0
"""Levels of 255: more than this is texture, and noise is none."""


def with_grain(
    filled: NDArray[np.uint8], pixels: NDArray[np.uint8], hole: NDArray[np.bool_], coarse: float
) -> NDArray[np.uint8]:
    """The filled picture with grain in the hole.

    Args:
        filled: (h, w, 3).
        pixels: (h, w, 3): the picture as it was.
        hole: (h, w).
        coarse: pixels: what changes within fewer counts as grain, and is what the filling lacks.
    """
    reach = np.ones((2 * _NEAR + 1, 2 * _NEAR + 1), np.uint8)
    beside = cv2.dilate(hole.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    near = (cv2.dilate(hole.view(np.uint8), reach) > 0) & ~beside
    if not near.any():
        return filled
    fine = pixels.astype(np.float32) - cv2.GaussianBlur(pixels, (0, 0), coarse / 2)
    # The median looks past edges, where the difference is not grain.
    strength = np.minimum(1.48 * np.median(np.abs(fine[near]), 0), _MOST)
    noise = np.random.default_rng(0).standard_normal((*hole.shape, 1), np.float32)
    made = filled.copy()
    made[hole] = np.clip(np.rint(filled + noise * strength), 0, 255)[hole].astype(np.uint8)
    return made
