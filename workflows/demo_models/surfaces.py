"""Small signed-distance painting: shapes, surface normals and light for drawn things.

Coordinates are an object's own: `u` to its right, `v` downwards, 1.0 is half of its longest side,
and the object may be turned in the picture. Single planes are (h, w) float32; colours and normals
are kept as three planes, (3, h, w), so that NumPy's inner loops run along rows.

Knows nothing of nouns, scenes, labels or files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Weights = NDArray[np.floating[Any]]
Rgb = Sequence[float] | Weights
Point = Sequence[float]

_PAINT_CELLS = 16  # sub-pixel steps of a painted corner: 2**4


@dataclass(frozen=True)
class View:
    """The pixel grid that one object is drawn on.

    Attributes:
        u: (h, w) float32, object coordinate to the right.
        v: (h, w) float32, object coordinate downwards.
        pixel: Length of one pixel in object coordinates.
        cosine: Cosine of the object's turn in the picture.
        sine: Sine of the same.
        origin: Column and row of the object's centre.
    """

    u: Array
    v: Array
    pixel: float
    cosine: float
    sine: float
    origin: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def of(
        cls, size: float, angle: float, half_width: float = 1.0, half_height: float = 1.0, radius: float = math.inf
    ) -> View:
        """A grid with room for an object `size` pixels long, turned clockwise by `angle` radians.

        The object may reach `half_width` and `half_height` from its centre, in its own coordinates,
        and `radius` in any direction.
        """
        cosine, sine = math.cos(angle), math.sin(angle)
        pixel = 2.0 / size
        reach_x = min(abs(cosine) * half_width + abs(sine) * half_height, radius) / pixel
        reach_y = min(abs(sine) * half_width + abs(cosine) * half_height, radius) / pixel
        half_w, half_h = math.ceil(reach_x) + 1, math.ceil(reach_y) + 1
        x = np.arange(-half_w, half_w + 1, dtype=np.float32)[None, :] * np.float32(pixel)
        y = np.arange(-half_h, half_h + 1, dtype=np.float32)[:, None] * np.float32(pixel)
        c, s = np.float32(cosine), np.float32(sine)
        return cls(c * x + s * y, c * y - s * x, pixel, cosine, sine, (half_w, half_h))

    def inside(self, distance: Weights) -> Array:
        """Turns signed distance (negative inside) into coverage 0..1 with a soft edge of a pixel."""
        coverage = distance * np.float32(-1.0 / self.pixel)
        coverage += 0.5
        np.minimum(coverage, 1.0, out=coverage)
        return np.asarray(np.maximum(coverage, 0.0, out=coverage), np.float32)

    def pixels(self, points: Sequence[Point] | Weights) -> NDArray[np.float64]:
        """Columns and rows (n, 2) of points given in object coordinates."""
        u, v = np.asarray(points, np.float64).T
        columns = (self.cosine * u - self.sine * v) / self.pixel + self.origin[0]
        rows = (self.sine * u + self.cosine * v) / self.pixel + self.origin[1]
        return np.stack([columns, rows], 1)

    def window(self, points: Sequence[Point] | Weights, margin: float) -> tuple[slice, slice]:
        """Rows and columns that hold the points and `margin` (object units) about them."""
        spots, reach = self.pixels(points), margin / self.pixel + 1.5
        height, width = self.u.shape
        left, top = np.floor(spots.min(0) - reach).astype(int)
        right, bottom = np.ceil(spots.max(0) + reach).astype(int) + 1
        rows = slice(min(max(top, 0), height - 1), max(min(bottom, height), 1))
        columns = slice(min(max(left, 0), width - 1), max(min(right, width), 1))
        return rows, columns

    def crop(self, rows: slice, columns: slice) -> View:
        """The part of the grid in a window; shares memory."""
        origin = (self.origin[0] - columns.start, self.origin[1] - rows.start)
        return View(self.u[rows, columns], self.v[rows, columns], self.pixel, self.cosine, self.sine, origin)

    def polygon(self, points: Sequence[Point] | Weights) -> Array:
        """Coverage (h, w) of a polygon, corners in object coordinates; it may be hollowed."""
        canvas = np.zeros(self.u.shape, np.uint8)
        corners = np.round(self.pixels(points) * _PAINT_CELLS).astype(np.int32)
        cv2.fillPoly(canvas, [corners], 255, lineType=cv2.LINE_AA, shift=4)
        return canvas.astype(np.float32) * np.float32(1 / 255)


@dataclass(frozen=True)
class Surroundings:
    """What else lights a thing besides the one main lamp; a scene shares one.

    Attributes:
        key: (3,) RGB of the main lamp.
        sky: (3,) RGB of the light from above, times `ambient`.
        ground: (3,) RGB of the light thrown back from below, times `ambient`.
        second: (3,) direction towards a second lamp: x right, y down, z towards the viewer.
        second_rgb: (3,) RGB of it; zeros for none.
        wrap: How far light creeps past the terminator, 0 (bare bulb) to 0.6 (overcast).
        window: Half width of a four-paned highlight, in radians; 0 for a lamp's round spot.
    """

    key: Array
    sky: Array
    ground: Array
    second: Array
    second_rgb: Array
    wrap: float
    window: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Surroundings:
        """A believable room, shop or garden: warm or cold lamp, tinted bounce, sometimes a second lamp."""
        warmth = rng.uniform(-0.09, 0.12)
        key = np.array([1.0 + warmth, 1.0, 1.0 - 1.3 * warmth], np.float32)
        cold = rng.uniform(-0.05, 0.12)
        sky = np.array([1.0 - cold, 1.0, 1.0 + 1.2 * cold], np.float32) * np.float32(rng.uniform(0.9, 1.35))
        ground = rng.uniform(0.2, 0.85) * (1.0 + rng.uniform(0.0, 0.25) * np.array([1.0, 0.1, -0.9]))
        second = np.array([rng.uniform(-1.0, 1.0), rng.uniform(-0.9, 0.2), rng.uniform(0.2, 0.9)], np.float32)
        second /= np.float32(math.sqrt(float(second @ second)))
        strength = rng.uniform(0.1, 0.5) if rng.random() < 0.5 else 0.0
        second_rgb = strength * (1.0 + rng.uniform(-0.1, 0.1) * np.array([1.0, 0.0, -1.0]))
        window = float(rng.uniform(0.10, 0.24)) if rng.random() < 0.35 else 0.0
        wrap = float(rng.uniform(0.0, 0.5))
        return cls(key, sky, ground.astype(np.float32), second, second_rgb.astype(np.float32), wrap, window)


_ONES = np.ones(3, np.float32)
PLAIN = Surroundings(
    _ONES, 1.15 * _ONES, 0.7 * _ONES, np.array([0.0, 0.0, 1.0], np.float32), 0.0 * _ONES, wrap=0.2, window=0.0
)
"""White light with a paler sky than ground: what `lit` takes where a scene says nothing."""


class Surface:
    """What an object looks like before light falls on it.

    Attributes:
        albedo: (3, h, w) float32, 0..1 RGB.
        normal: (3, h, w) float32, x right, y down, z towards the viewer, in object coordinates, any length.
        alpha: (h, w) float32, 0..1 coverage.
        shade: (h, w) float32, factor on all light but highlights: grain, hollows, contact.
        gloss: (h, w) float32, strength of the highlights, 0..1.
        sharpness: Exponent of the highlights.
    """

    def __init__(self, view: View, gloss: float = 0.2, sharpness: float = 24.0) -> None:
        height, width = view.u.shape
        self.view = view
        self.albedo: Array = np.zeros((3, height, width), np.float32)
        self.normal: Array = np.zeros((3, height, width), np.float32)
        self.normal[2] = 1.0
        self.alpha: Array = np.zeros((height, width), np.float32)
        self.shade: Array = np.ones((height, width), np.float32)
        self.gloss: Array = np.full((height, width), gloss, np.float32)
        self.sharpness = sharpness

    def part(self, points: Sequence[Point] | Weights, margin: float = 0.0) -> Surface:
        """The window about some points as a surface that shares memory: painting it paints this one."""
        rows, columns = self.view.window(points, margin)
        piece = object.__new__(Surface)
        piece.view = self.view.crop(rows, columns)
        piece.albedo, piece.normal = self.albedo[:, rows, columns], self.normal[:, rows, columns]
        piece.alpha, piece.shade = self.alpha[rows, columns], self.shade[rows, columns]
        piece.gloss, piece.sharpness = self.gloss[rows, columns], self.sharpness
        return piece

    def body(self, coverage: Weights, rgb: Rgb, normal: Array | None = None) -> None:
        """Lays the first and largest part: colour and normals everywhere, coverage where it is."""
        self.albedo[:] = np.asarray(rgb, np.float32).reshape(3, *np.shape(rgb)[1:] or (1, 1))
        if normal is not None:
            self.normal[:] = normal
        self.alpha[:] = coverage

    def cover(self, coverage: Weights, rgb: Rgb, normal: Rgb | None = None, gloss: float | None = None) -> None:
        """Lays a new part over what is there; `normal` is flat and `gloss` kept where not given."""
        np.maximum(self.alpha, coverage, out=self.alpha)
        weight = coverage / np.maximum(self.alpha, 1e-3)
        self.paint(weight, rgb)
        facing = np.asarray((0.0, 0.0, 1.0) if normal is None else normal, np.float32)
        self.normal += weight * (facing.reshape(3, *facing.shape[1:] or (1, 1)) - self.normal)
        self.shade += weight * (1.0 - self.shade)
        if gloss is not None:
            self.gloss += weight * (gloss - self.gloss)

    def fill(self, points: Sequence[Point] | Weights, rgb: Rgb, normal: Rgb | None = None) -> None:
        """Covers a polygon, corners in object coordinates, touching only its window."""
        piece = self.part(points)
        piece.cover(piece.view.polygon(points), rgb, normal)

    def mark(self, points: Sequence[Point] | Weights, rgb: Rgb, strength: float = 1.0) -> None:
        """Colours a polygon on what is there without changing its outline or its light."""
        piece = self.part(points)
        piece.paint(piece.view.polygon(points) * np.float32(strength), rgb)

    def paint(self, weight: Weights, rgb: Rgb) -> None:
        """Colours what is there without changing its outline; `rgb` is (3,) or (3, h, w)."""
        colour = np.asarray(rgb, np.float32)
        difference = colour.reshape(3, *colour.shape[1:] or (1, 1)) - self.albedo
        difference *= weight
        self.albedo += difference

    def scale(self, factor: Weights) -> None:
        """Darkens (below 1) or brightens (above 1) what is there."""
        self.shade *= factor

    def lit(self, light: Array, ambient: float, around: Surroundings = PLAIN) -> Array:
        """The picture of the surface.

        Args:
            light: (3,) direction towards the main lamp: x right, y down, z towards the viewer.
            ambient: Light from all sides, 0..1; the main lamp gives 1.15 less this.
            around: Colours of light, the second lamp, softness and the shape of highlights.

        Returns:
            RGB (h, w, 3) float32 in 0..1; only where `alpha` is above 0 does it mean anything.
        """
        flat = self.normal.reshape(3, -1)
        inverse = 1.0 / np.sqrt(np.einsum("cn,cn->n", flat, flat) + np.float32(1e-9))
        main, second = self._turned(light), self._turned(around.second)
        down = self._turned(np.array([0.0, 1.0, 0.0], np.float32))
        frame = _highlight_frame(main)
        rows = np.stack([main, second, down, *frame, _halfway(second)]).astype(np.float32) @ flat
        rows *= inverse
        depth = flat[2] * inverse
        rim = 1.0 - np.maximum(depth, 0.0)
        rim *= rim
        hollow = 1.0 - 0.45 * rim  # light from all sides reaches a steep edge from one half only
        terms = np.empty((4, flat.shape[1]), np.float32)
        wrap = np.float32(around.wrap)
        np.maximum((rows[:2] + wrap) / (1.0 + wrap), 0.0, out=terms[:2])
        terms[2], terms[3] = hollow, hollow * rows[2]
        dim, strong = ambient * 0.5, 1.15 - ambient
        mixture = np.stack(
            [
                around.key * strong,
                around.second_rgb,
                dim * (around.sky + around.ground),
                dim * (around.ground - around.sky),
            ],
            1,
        )
        picture = (mixture.astype(np.float32) @ terms).reshape(self.albedo.shape)
        picture *= self.shade
        picture *= self.albedo
        shine = self._shine(rows[3:6], around.window) * np.minimum(1.0, 4.0 * terms[0])
        shine += 0.3 * rim * rim * np.maximum(-rows[2] + 0.4, 0.0)
        gloss = self.gloss.reshape(-1)
        shine *= gloss
        glint = np.exp(np.float32(self.sharpness) * (rows[6] - 1.0)) * gloss
        for plane, of_key, of_second in zip(picture, around.key, around.second_rgb, strict=True):
            plane += (of_key * shine + of_second * glint).reshape(plane.shape)
        np.maximum(np.minimum(picture, 1.0, out=picture), 0.0, out=picture)
        return np.asarray(cv2.merge(list(picture)), np.float32)

    def _turned(self, direction: Array) -> Array:
        c, s = self.view.cosine, self.view.sine
        x, y, z = (float(value) for value in direction)
        return np.array([c * x + s * y, c * y - s * x, z], np.float32)

    def _shine(self, frame: Array, window: float) -> Array:
        """The main lamp's highlight from a normal's parts (3, n) along the frame of `_highlight_frame`."""
        spot = np.exp(np.float32(self.sharpness) * (frame[0] - 1.0))
        if window <= 0.0 or self.sharpness < 20.0:
            return np.asarray(spot, np.float32)
        soft = np.float32(math.sqrt(self.sharpness))
        across, along = np.abs(frame[1]), np.abs(frame[2])
        panes = np.clip((window * 0.6 - across) * soft * 3.0, 0.0, 1.0)
        panes *= np.clip((window - along) * soft * 3.0, 0.0, 1.0)
        panes *= 1.0 - 0.5 * np.clip((0.05 * window - np.minimum(across, along)) * soft * 8.0, 0.0, 1.0)
        return np.asarray(panes * (frame[0] > 0.0) + 0.25 * spot, np.float32)


def _halfway(direction: Array) -> Array:
    middle = direction + np.array([0.0, 0.0, 1.0], np.float32)
    return np.asarray(middle / max(math.sqrt(float(middle @ middle)), 1e-3), np.float32)


def _highlight_frame(light: Array) -> tuple[Array, Array, Array]:
    """The normal that mirrors a lamp to the viewer, and two directions across it."""
    middle = _halfway(light)
    x, z = float(middle[0]), float(middle[2])
    reach = max(math.hypot(x, z), 1e-3)
    across = np.array([z / reach, 0.0, -x / reach], np.float32)
    along = np.array(
        [
            middle[1] * across[2] - middle[2] * across[1],
            middle[2] * across[0] - middle[0] * across[2],
            middle[0] * across[1] - middle[1] * across[0],
        ],
        np.float32,
    )
    return middle, across, along


def length(x: Weights, y: Weights) -> Array:
    """Euclidean length (h, w); unlike OpenCV's, the same to the last bit wherever the arrays lie in memory."""
    total = x * x
    total += y * y
    return np.asarray(np.sqrt(total, out=total), np.float32)


def segment_distance(view: View, start: Point, end: Point, radius: float) -> Array:
    """Signed distance to a rounded stick."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((view.u - start[0]) * dx + (view.v - start[1]) * dy) / (dx * dx + dy * dy + 1e-9)
    along = np.clip(along, 0.0, 1.0)
    return length(view.u - start[0] - along * dx, view.v - start[1] - along * dy) - np.float32(radius)


def ellipse_distance(view: View, centre: Point, radii: Point, angle: float = 0.0) -> Array:
    """Approximate signed distance to an ellipse."""
    c, s = math.cos(angle), math.sin(angle)
    x, y = view.u - centre[0], view.v - centre[1]
    a, b = (c * x + s * y) / radii[0], (c * y - s * x) / radii[1]
    return np.asarray((length(a, b) - 1.0) * min(radii), np.float32)


def box_distance(view: View, left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Array:
    """Signed distance to a rectangle with rounded corners."""
    x = np.abs(view.u - (left + right) / 2) - ((right - left) / 2 - corner)
    y = np.abs(view.v - (top + bottom) / 2) - ((bottom - top) / 2 - corner)
    outside = length(np.maximum(x, 0), np.maximum(y, 0))
    return np.asarray(outside + np.minimum(np.maximum(x, y), 0) - corner, np.float32)
