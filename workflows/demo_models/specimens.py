"""Specimens of the nouns, posed: a few are drawn a scene, and each is turned, sized and tinted many times.

Drawing a thing costs milliseconds, posing it a fraction of one. Knows no layout, no label and no backdrop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.kinds import Kind, shades
from workflows.demo_models.lights import Lights
from workflows.demo_models.surfaces import Array, Surface, View
from workflows.demo_models.things import DRAW, book


class Look(Protocol):
    """Something that can be laid into a picture."""

    alpha: Array
    """(h, w) float32 coverage 0..1."""

    def lit(self, lights: Lights) -> Array:
        """(h, w, 3) float32 RGB under the lights."""


@dataclass(frozen=True)
class Prototype:
    """A drawn thing, upright, cut to its outline.

    Attributes:
        colour: (h, w, 4) float32, RGB in 0..1 and the factor on its light, sound up to and past the outline.
        form: (h, w, 4) float32, normal and gloss.
        alpha: (h, w) float32 coverage 0..1.
        sharpness: Exponent of its highlights.
    """

    colour: Array
    form: Array
    alpha: Array
    sharpness: float

    @classmethod
    def of(cls, surface: Surface) -> Prototype:
        """Cuts a surface to its outline and carries its colours a little past it."""
        alpha = surface.alpha
        rows, columns = np.flatnonzero(alpha.max(1) > 0.02), np.flatnonzero(alpha.max(0) > 0.02)
        span = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        alpha = np.ascontiguousarray(alpha[span])
        colour = cv2.merge([*surface.albedo[:, *span], surface.shade[span]])
        form = cv2.merge([*surface.normal[:, *span], surface.gloss[span]])
        solid = (alpha > 0.98).astype(np.float32)
        weight = cv2.blur(solid, (5, 5))[..., None]
        spread = cv2.blur(colour * solid[..., None], (5, 5)) / np.maximum(weight, 1e-3)
        sound = (solid[..., None] > 0) | (weight < 0.02)
        return cls(np.where(sound, colour, spread), np.asarray(form, np.float32), alpha, surface.sharpness)

    def halved(self) -> Prototype:
        """The same at half the size."""
        size = (max(2, self.alpha.shape[1] // 2), max(2, self.alpha.shape[0] // 2))
        colour, form, alpha = (
            np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)
            for part in (self.colour, self.form, self.alpha)
        )
        return Prototype(colour, form, alpha, self.sharpness)


class Posed:
    """A prototype turned, sized and tinted; painted only when asked to be.

    Args:
        prototype: What to pose.
        scale: Size across and down, as a share of the prototype's.
        angle: Turn in radians, clockwise.
        flipped: Mirrored left to right first.
        tint: (3,) factors on its colour.
    """

    def __init__(
        self,
        prototype: Prototype,
        scale: tuple[float, float],
        angle: float,
        flipped: bool = False,
        tint: Array | None = None,
    ) -> None:
        across, down = scale
        while max(across, down) < 0.55 and min(prototype.alpha.shape) > 8:
            prototype, across, down = prototype.halved(), across * 2, down * 2
        height, width = prototype.alpha.shape
        c, s = math.cos(angle), math.sin(angle)
        side = -1.0 if flipped else 1.0
        self._prototype = prototype
        self._tint = np.ones(3, np.float32) if tint is None else tint
        self._turn = np.array([[side * c, -s], [side * s, c]], np.float32)
        matrix = self._turn * np.array([[across, down]], np.float32)
        reach = np.abs(matrix) @ np.array([width, height]) + 2.0
        self._size = max(2, math.ceil(reach[0])), max(2, math.ceil(reach[1]))
        middle = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = np.array([(self._size[0] - 1) / 2, (self._size[1] - 1) / 2]) - matrix @ middle
        self._matrix = np.concatenate([matrix, shift[:, None]], 1)
        self.alpha: Array = self._warp(prototype.alpha, cv2.BORDER_CONSTANT)

    def _warp(self, part: Array, border: int) -> Array:
        warped = cv2.warpAffine(part, self._matrix, self._size, flags=cv2.INTER_LINEAR, borderMode=border)
        return np.asarray(warped, np.float32)

    def lit(self, lights: Lights) -> Array:
        """(h, w, 3) float32 RGB under the lights."""
        *rgb, shade = cv2.split(self._warp(self._prototype.colour, cv2.BORDER_REPLICATE))
        x, y, z, gloss = cv2.split(self._warp(self._prototype.form, cv2.BORDER_REPLICATE))
        turn = self._turn
        # Light needs no coordinates: the turn is already in the normals.
        surface = Surface(View(x, y, 1.0, 1.0, 0.0), sharpness=self._prototype.sharpness)
        surface.albedo = np.stack(rgb) * self._tint[:, None, None]
        surface.normal = np.stack([turn[0, 0] * x + turn[0, 1] * y, turn[1, 0] * x + turn[1, 1] * y, z])
        surface.alpha, surface.shade, surface.gloss = self.alpha, shade, gloss
        return lights.shine_on(surface)


class Specimens:
    """The prototypes of one scene.

    Args:
        rng: Draws them.
        each: Prototypes of a kind at most.
    """

    def __init__(self, rng: np.random.Generator, each: int) -> None:
        self._rng, self._each = rng, each
        self._drawn: dict[tuple[Kind, bool], list[tuple[float, Prototype]]] = {}
        self._shade: dict[Kind, NDArray[np.float64]] = {}
        self._spread = float(rng.choice([0.04, 0.15, 0.3]))

    def pose(self, kind: Kind, size: float, angle: float, narrow: bool = False) -> Posed:
        """A specimen `size` pixels long along its longest side, turned by `angle` radians.

        Args:
            kind: What to pose.
            size: Pixels.
            angle: Clockwise.
            narrow: Seen from its narrow side where the kind has one: a book by its spine.
        """
        rng = self._rng
        drawn = self._drawn.setdefault((kind, narrow), [])
        fitting = [pair for pair in drawn if size < 1.4 * pair[0]]
        if len(fitting) < self._each and (not fitting or rng.random() < 0.5):
            fitting = [self._draw(kind, size * 1.05, narrow)]
            drawn += fitting
        length, prototype = fitting[int(rng.integers(len(fitting)))]
        scale = size / length * np.exp(rng.normal(0.0, 0.025, 2))
        tint = np.exp(rng.normal(0.0, 0.035) + rng.normal(0.0, 0.012, 3)).astype(np.float32)
        return Posed(prototype, (float(scale[0]), float(scale[1])), angle, bool(rng.random() < 0.5), tint)

    def _draw(self, kind: Kind, size: float, narrow: bool) -> tuple[float, Prototype]:
        centre = self._shade.setdefault(kind, self._rng.uniform(0.0, 1.0, 3))
        return drawn(kind, size, narrow, centre + self._rng.normal(0.0, self._spread, 3), self._rng)


def drawn(
    kind: Kind, size: float, narrow: bool, shade: NDArray[np.float64], rng: np.random.Generator
) -> tuple[float, Prototype]:
    """A specimen about `size` pixels long in a shade (3,) of its colour, as `Shades.rgb` takes it; and its length."""
    colour = shades(kind).rgb(shade)
    draw = partial(book, spine=True) if narrow and kind[0] == "book" else DRAW[kind[0]]
    prototype = Prototype.of(draw(max(size, 14.0), 0.0, colour, rng))
    return float(max(prototype.alpha.shape)), prototype
