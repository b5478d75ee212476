"""Telea's inpainting as OpenCV has it: quick, and smooth where a hole is large.

Method: Telea 2004, "An Image Inpainting Technique Based on the Fast Marching Method", ``cv2.inpaint``. Large holes are
filled on a smaller copy, and get the grain of what lies round them. This module does not know masks or files.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.services.inpainting.grain import with_grain

_MOST = 60_000
"""Pixels of a hole that are filled at full size; the time grows faster than the hole."""
_RADIUS = 4


class OpenCv:
    """``--inpainter opencv``."""

    def fill(self, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fill a hole; see `Inpainter`."""
        shrink = max(1.0, math.sqrt(np.count_nonzero(hole) / _MOST))
        if shrink == 1:
            filled = np.asarray(cv2.inpaint(pixels, hole.view(np.uint8), _RADIUS, cv2.INPAINT_TELEA), np.uint8)
        else:
            height, width = hole.shape
            size = max(1, round(width / shrink)), max(1, round(height / shrink))
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            touched = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
            small = cv2.inpaint(small, touched.view(np.uint8), _RADIUS, cv2.INPAINT_TELEA)
            filled = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        return with_grain(filled, pixels, hole, 3.0)
