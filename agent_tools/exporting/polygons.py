"""One polygon for a whole mask, however many parts and holes it has.

YOLO and Label Studio know one polygon an object. As Ultralytics' own converter from COCO does, parts are joined by a
line there and back between their nearest corners; holes are joined to the rim in the same way, so that filling by the
even-odd rule leaves them empty. What that changes are the pixels on the joining lines, and it is measured.

This module does not know files, labels or pictures.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from agent_tools.masks import Mask

Corners = NDArray[np.int32]
"""(K, 2) int32: column and row of a pixel each, K >= 3; the pixels on the line belong to the polygon."""

_COMPARED = 2048
"""Corners that a part is compared with; of more only some, so that a mask of ten thousand specks takes seconds."""


def one_polygon(mask: Mask) -> tuple[Corners, float]:
    """The polygon of a mask that is not empty, and the IoU in [0, 1] of the mask with the polygon filled by OpenCV."""
    crop, left, top = mask.to_crop()
    inside = crop.view(np.uint8)
    rings, _ = cv2.findContours(inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    corners = rings[0][:, 0]
    for ring in rings[1:]:
        corners = _joined(corners, ring[:, 0])
    # A mask of one pixel or of a straight line: a polygon is three corners at least.
    corners = np.concatenate([corners, *[corners[:1]] * max(0, 3 - len(corners))])
    filled = np.zeros_like(inside)
    cv2.fillPoly(filled, [corners], 1)
    shared, either = np.count_nonzero(filled & inside), np.count_nonzero(filled | inside)
    return np.asarray(corners + np.array([left, top]), np.int32), shared / either


def _joined(corners: Corners, ring: Corners) -> Corners:
    """`corners` with a way to the nearest corner of `ring`, round it, and back."""
    every = 1 + len(corners) // _COMPARED
    candidates = corners[::every]
    start, entry = np.unravel_index(cdist(candidates, ring, "sqeuclidean").argmin(), (len(candidates), len(ring)))
    around = np.concatenate([np.roll(ring, -int(entry), axis=0), ring[entry : entry + 1]])
    return np.concatenate([corners[: every * start + 1], around, corners[every * start :]])
