"""Colours as light and as CIE Lab, and back without ugly clipping.

sRGB after IEC 61966-2-1, Lab after CIE 15 with white D65. Colours that a screen cannot show are moved towards the grey
of the same luminance until it can, so that they lose some colour but neither hue nor light. Arrays are (..., 3) float32
in 0..1 unless said otherwise. This module does not know pictures.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.editing.regions import Floats

_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float32,
)
_WHITE = _TO_XYZ.sum(1)
_TO_LIGHT = np.linalg.inv(_TO_XYZ).astype(np.float32)
_LUMINANCE = _TO_XYZ[1]
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def light_of(colours: NDArray[Any], top: int) -> Floats:
    """Light, linear, from whole numbers in 0..top."""
    return np.asarray(_lights(top)[colours], np.float32)


@lru_cache(maxsize=2)
def _lights(top: int) -> Floats:
    """The light of each number that a channel may be."""
    values = np.arange(top + 1, dtype=np.float32) / np.float32(top)
    bright = cv2.pow((values + np.float32(0.055)) / np.float32(1.055), 2.4).reshape(values.shape)
    return np.where(values <= 0.04045, values / np.float32(12.92), bright)


def colours_of(light: Floats, top: float) -> Floats:
    """Colours in 0..top from light, brought into what can be shown."""
    shown = _shown(light)
    bright = np.float32(1.055) * cv2.pow(shown, 1 / 2.4).reshape(shown.shape) - np.float32(0.055)
    return np.where(shown <= 0.0031308, shown * np.float32(12.92), bright) * np.float32(top)


def _shown(light: Floats) -> Floats:
    grey = np.clip(light @ _LUMINANCE, 0, 1)[..., None]
    apart = light - grey
    room = np.where(apart > 0, 1 - grey, grey) / np.maximum(np.abs(apart), np.float32(1e-9))
    return np.asarray(np.clip(grey + apart * np.minimum(of_channels(np.minimum, room)[..., None], 1), 0, 1), np.float32)


def lab_of(light: Floats) -> Floats:
    """Lab from light: L in 0..100."""
    xyz = light @ _TO_XYZ.T / _WHITE
    bright = cv2.pow(np.maximum(xyz, 0), 1 / 3).reshape(xyz.shape)
    curved = np.where(xyz > _EPSILON, bright, (_KAPPA * xyz + 16) / 116)
    x, y, z = curved[..., 0], curved[..., 1], curved[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def light_of_lab(lab: Floats) -> Floats:
    """Light from Lab; beyond 0..1 where no screen can show it."""
    y = (lab[..., 0] + 16) / 116
    curved = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1).astype(np.float32)
    cubed = curved * curved * curved
    xyz = np.where(cubed > _EPSILON, cubed, (116 * curved - 16) / _KAPPA) * _WHITE
    return np.asarray(xyz @ _TO_LIGHT.T, np.float32)


def of_channels(combine: np.ufunc, values: NDArray[Any]) -> NDArray[Any]:
    """A ufunc over the last axis, which is short: much quicker than its `reduce`."""
    made = values[..., 0]
    for channel in range(1, values.shape[-1]):
        made = combine(made, values[..., channel])
    return np.asarray(made)


def shifted(values: Floats, by: float | Floats) -> Floats:
    """Values in 0..1 made more or less, `by` logits: 0 and 1 stay, and all between keeps its order."""
    odds = values / np.maximum(1 - values, np.float32(1e-8)) * np.exp(by, dtype=np.float32)
    return np.asarray(odds / (1 + odds), np.float32)


def logit(value: float) -> float:
    """How far a value in 0..1 is from the middle, for `shifted`."""
    return math.log(value / (1 - value))
