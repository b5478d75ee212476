"""A segmenter whose outlines are found again from colours, in a narrow rim along each of them.

A small model sees a picture in few cells: its masks are right in the middle and soft at the edge. There the picture
itself says more. What lies deep inside a mask and well outside it is certain; the rim between is cut by colour, as in
GrabCut (Rother, Kolmogorov and Blake 2004). What is beyond the rim stays as the model had it.

This module does not know torch, prompts or any model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.base import Segmenter, SegmentRequest, Segments
from agent_tools.services.grabcut import RNG, Region

_LEAST = 1.5
"""Least half width of the rim, pixels of the small copy."""
_DEEPEST = 0.6
"""Most of a mask's depth that the rim may take."""


class RimSegmenter:
    """A segmenter with finer outlines; everything else is the wrapped one's own."""

    def __init__(self, inner: Segmenter, rim: float) -> None:
        """Wraps a segmenter.

        Args:
            inner: makes masks.
            rim: half width of the rim, as a share of the side of a square of the mask's area, above 0.
        """
        self._inner, self._rim = inner, rim

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """See `Segmenter.segment`; scores are the wrapped one's."""
        return [
            [
                Segments(
                    [outlined(request.picture, mask, self._rim) for mask in each.masks],
                    each.predicted_iou,
                    each.stability,
                )
                for each in answers
            ]
            for request, answers in zip(requests, self._inner.segment(requests), strict=True)
        ]

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        return getattr(self._inner, name)


def outlined(picture: Picture, mask: Mask, rim: float) -> Mask:
    """A mask with its outline found again; the same mask where nothing of it is certain.

    Args:
        picture: what it is a mask of.
        mask: at picture size.
        rim: half width of the rim, as a share of the side of a square of the mask's area.
    """
    if not mask.area:
        return mask
    region = Region.around(picture, np.array(mask.box, np.float64))
    small = region.shrink(mask)
    if not small.any() or small.all():
        return mask
    within, beyond = (cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 3) for side in (small, ~small))
    width = max(_LEAST, rim * float(np.sqrt(small.sum())))
    seeds = np.where(small, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    seeds[within > min(width, _DEEPEST * float(within.max()))] = cv2.GC_FGD
    seeds[beyond > width] = cv2.GC_BGD
    if not (seeds == cv2.GC_FGD).any() or not (seeds == cv2.GC_BGD).any():
        return mask
    with RNG:
        cv2.setRNGSeed(0)
        cv2.grabCut(region.pixels, seeds, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    return region.enlarge(seeds % 2 == 1)
