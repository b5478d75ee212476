"""What the tests of edits draw with: noise, boxes, discs, and regions by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from agent_tools.masks import Mask

H, W = 48, 64


@dataclass(frozen=True)
class Step:
    action: str
    masks: Sequence[Mask]
    invert: bool = False
    parameters: Mapping[str, float | str] = field(default_factory=dict)


def noise(seed: int = 0, channels: int = 3, dtype: Any = np.uint8) -> Any:
    rng = np.random.default_rng(seed)
    return rng.integers(0, np.iinfo(dtype).max, (H, W, channels), dtype, endpoint=True)


def box(x0: int, y0: int, x1: int, y1: int, height: int = H, width: int = W) -> Mask:
    inside = np.zeros((height, width), bool)
    inside[y0:y1, x0:x1] = True
    return Mask.from_array(inside)


def disc(x: int, y: int, radius: int, height: int = H, width: int = W) -> Mask:
    rows, columns = np.mgrid[:height, :width]
    return Mask.from_array((rows - y) ** 2 + (columns - x) ** 2 <= radius**2)


def region(masks: Sequence[Mask], invert: bool = False) -> Any:
    inside = np.zeros((H, W), bool)
    for mask in masks:
        inside |= mask.to_array()
    return inside ^ invert


def grown(inside: Any, by: float) -> Any:
    """The region and what is at most `by` pixels from it, or, negative, at least as far from its rim."""
    if by < 0:
        return ~grown(~inside, -by)
    return ndimage.distance_transform_edt(~inside) <= by if inside.any() else inside


def moved(inside: Any, dx: int, dy: int) -> Any:
    return ndimage.shift(inside.astype(np.uint8), (dy, dx), order=0).astype(bool)


def png(pixels: Any) -> bytes:
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    return cv2.imencode(".png", cv2.cvtColor(pixels, codes[pixels.shape[2]]))[1].tobytes()


def unpng(data: bytes) -> Any:
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(stored, {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}[stored.shape[2]])
