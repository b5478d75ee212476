"""Noise that sticks to a surface: seamless tiles looked up at a thing's own skin coordinates.

The tiles are the same in every process, made once from a fixed seed; a specimen takes its own
offset and turn. Knows no nouns and no light.
"""

from __future__ import annotations

import functools
import math

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.surfaces import Array, Weights

TILE = 256
"""Cells along a tile's side; skin coordinates are multiplied by cells per unit and wrap round."""


def _smooth(grain: Array, sigma_x: float, sigma_y: float) -> Array:
    """Blurs a tile across its edges and gives it mean 0 and deviation 1."""
    spread = np.tile(grain, (3, 3))
    soft = cv2.GaussianBlur(spread, (0, 0), sigma_x, sigmaY=sigma_y)[TILE : 2 * TILE, TILE : 2 * TILE]
    soft = soft - soft.mean()
    return np.asarray(soft / soft.std(), np.float32)


@functools.cache
def tile(name: str) -> Array:
    """A seamless (TILE, TILE) float32 pattern.

    `clouds` (mean 0, deviation 1, coarse and fine), `grain` (fine), `fibres` (long along y),
    `specks` (0..1, scattered dots of several sizes), `pores_x` and `pores_y` (slopes of small pits).

    Raises:
        ValueError: There is no such tile.
    """
    rng = np.random.default_rng(sum(map(ord, name.split("_")[0])))
    white = rng.standard_normal((TILE, TILE)).astype(np.float32)
    if name == "clouds":
        octaves = [_smooth(rng.standard_normal((TILE, TILE)).astype(np.float32), s, s) * s for s in (3, 7, 16, 34)]
        return np.asarray(sum(octaves) / np.float32(38.4), np.float32)
    if name == "grain":
        return _smooth(white, 1.3, 1.3)
    if name == "fibres":
        return _smooth(white, 1.0, 14.0) * np.float32(0.8) + _smooth(white, 2.5, 40.0) * np.float32(0.5)
    if name == "specks":
        canvas = np.zeros((TILE, TILE), np.uint8)
        for _ in range(260):
            x, y = (int(value) for value in rng.integers(6, TILE - 6, 2))
            radius = 0.8 + float(rng.exponential(0.9))
            cv2.circle(canvas, (x * 16, y * 16), int(radius * 16), 255, -1, cv2.LINE_AA, 4)
        return np.asarray(canvas.astype(np.float32) / 255)
    if name in ("pores_x", "pores_y"):
        pits = _smooth(white, 1.6, 1.6) + np.float32(0.6) * _smooth(white, 4.0, 4.0)
        return np.asarray(pits - np.roll(pits, 1, axis=1 if name == "pores_x" else 0), np.float32)
    raise ValueError(f"tile={name!r}: there is no such tile. Use one of those the docstring names.")


class Skin:
    """Where each pixel lies on a thing's skin: looks tiles up there, each time at a new offset.

    Args:
        x: (h, w) skin coordinate across, in the object's units.
        y: (h, w) skin coordinate along.
        rng: Draws the offsets.
    """

    def __init__(self, x: Weights, y: Weights, rng: np.random.Generator) -> None:
        self._x, self._y, self._rng = x, y, rng

    def sample(self, name: str, cells: float, stretch: float = 1.0, spin: bool = False) -> Array:
        """A tile (h, w) with `cells` of its cells to a unit of length, `stretch` times as many along y."""
        return self._take(self._cells(cells, stretch, spin), name)[0]

    def pits(self, cells: float) -> tuple[Array, Array]:
        """Slopes (h, w) of small pits, across and along."""
        first, second = self._take(self._cells(cells, 1.0, False), "pores_x", "pores_y")
        return first, second

    def _cells(self, cells: float, stretch: float, spin: bool) -> NDArray[np.int32]:
        """Index (h, w) of each pixel's cell in a flat tile."""
        turn = float(self._rng.uniform(0.0, math.tau)) if spin else 0.0
        c, s = cells * math.cos(turn), cells * math.sin(turn)
        from_x, from_y = (float(value) for value in self._rng.uniform(0, TILE, 2) + 64.0 * TILE)
        columns = (self._x * c - self._y * s + from_x).astype(np.int32)
        rows = (self._x * (s * stretch) + self._y * (c * stretch) + from_y).astype(np.int32)
        rows &= TILE - 1
        columns &= TILE - 1
        rows *= TILE
        rows += columns
        return rows

    @staticmethod
    def _take(cells: NDArray[np.int32], *names: str) -> list[Array]:
        return [np.take(tile(name).reshape(-1), cells, mode="wrap") for name in names]
