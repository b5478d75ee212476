"""Small signed-distance painting: shapes, surface normals and light for drawn things.

Coordinates are an object's own: `u` to its right, `v` downwards, 1.0 is half of its longest side,
and the object may be turned in the picture. Every array is (h, w) or (h, w, 3) float32.

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


@dataclass(frozen=True)
class View:
    """The pixel grid that one object is drawn on.

    Attributes:
        u: (h, w) float32, object coordinate to the right.
        v: (h, w) float32, object coordinate downwards.
        pixel: Length of one pixel in object coordinates.
        cosine: Cosine of the object's turn in the picture.
        sine: Sine of the same.
    """

    u: Array
    v: Array
    pixel: float
    cosine: float
    sine: float

    @classmethod
    def of(cls, size: float, angle: float, half_width: float = 1.0, half_height: float = 1.0) -> View:
        """A grid with room for an object `size` pixels long, turned clockwise by `angle` radians.

        The object may reach `half_width` and `half_height` from its centre, in its own coordinates.
        """
        cosine, sine = math.cos(angle), math.sin(angle)
        pixel = 2.0 / size
        reach_x = (abs(cosine) * half_width + abs(sine) * half_height) / pixel
        reach_y = (abs(sine) * half_width + abs(cosine) * half_height) / pixel
        half_w, half_h = math.ceil(reach_x) + 1, math.ceil(reach_y) + 1
        x = np.arange(-half_w, half_w + 1, dtype=np.float32)[None, :] * np.float32(pixel)
        y = np.arange(-half_h, half_h + 1, dtype=np.float32)[:, None] * np.float32(pixel)
        c, s = np.float32(cosine), np.float32(sine)
        return cls(c * x + s * y, c * y - s * x, pixel, cosine, sine)

    def inside(self, distance: Array) -> Array:
        """Turns signed distance (negative inside) into coverage 0..1 with a soft edge of a pixel."""
        return np.asarray(np.clip(0.5 - distance / np.float32(self.pixel), 0.0, 1.0), np.float32)

    def noise(self, rng: np.random.Generator, cells: float) -> Array:
        """Smooth noise of mean 0 and range about -1..1, `cells` bumps to a unit of length."""
        height, width = self.u.shape
        rows = max(2, round(height * self.pixel * cells))
        columns = max(2, round(width * self.pixel * cells))
        coarse = rng.uniform(-1.0, 1.0, (rows, columns)).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


class Surface:
    """What an object looks like before light falls on it.

    Attributes:
        albedo: (h, w, 3) float32, 0..1 RGB.
        normal: (h, w, 3) float32, x right, y down, z towards the viewer, in object coordinates.
        alpha: (h, w) float32, 0..1 coverage.
        gloss: Strength of the highlight, 0..1.
        sharpness: Exponent of the highlight.
    """

    def __init__(self, view: View, gloss: float = 0.2, sharpness: float = 24.0) -> None:
        height, width = view.u.shape
        self.view = view
        self.albedo: Array = np.zeros((height, width, 3), np.float32)
        self.normal: Array = np.zeros((height, width, 3), np.float32)
        self.normal[..., 2] = 1.0
        self.alpha: Array = np.zeros((height, width), np.float32)
        self.gloss = gloss
        self.sharpness = sharpness

    def cover(self, coverage: Weights, rgb: Rgb, normal: Array | None = None) -> None:
        """Lays a new part over what is there; `normal` is flat where not given."""
        weight = coverage[..., None]
        facing = np.array([0.0, 0.0, 1.0], np.float32) if normal is None else normal
        self.albedo += weight * (np.asarray(rgb, np.float32) - self.albedo)
        self.normal += weight * (facing - self.normal)
        np.maximum(self.alpha, coverage, out=self.alpha)

    def paint(self, weight: Weights, rgb: Rgb) -> None:
        """Colours what is there without changing its outline."""
        self.albedo += weight[..., None] * (np.asarray(rgb, np.float32) - self.albedo)

    def scale(self, factor: Weights) -> None:
        """Darkens (below 1) or brightens (above 1) what is there."""
        self.albedo *= factor[..., None]

    def lit(self, light: Array, ambient: float) -> Array:
        """The picture of the surface under a light from direction `light` (3,), (h, w, 3) in 0..1."""
        c, s = self.view.cosine, self.view.sine
        turned = np.array([c * light[0] + s * light[1], c * light[1] - s * light[0], light[2]], np.float32)
        halfway = turned + np.array([0.0, 0.0, 1.0], np.float32)
        halfway /= np.linalg.norm(halfway)
        length = np.sqrt(np.einsum("hwc,hwc->hw", self.normal, self.normal)) + np.float32(1e-6)
        diffuse = np.clip(self.normal @ turned / length, 0.0, 1.0)
        shine = np.clip(self.normal @ halfway / length, 0.0, 1.0) ** np.float32(self.sharpness)
        shaded = self.albedo * (ambient + (1.15 - ambient) * diffuse)[..., None]
        return np.asarray(np.clip(shaded + (self.gloss * shine)[..., None], 0.0, 1.0), np.float32)


def segment_distance(view: View, start: Sequence[float], end: Sequence[float], radius: float) -> Array:
    """Signed distance to a rounded stick."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = ((view.u - start[0]) * dx + (view.v - start[1]) * dy) / (dx * dx + dy * dy + 1e-9)
    along = np.clip(along, 0.0, 1.0)
    return np.hypot(view.u - start[0] - along * dx, view.v - start[1] - along * dy) - np.float32(radius)


def ellipse_distance(view: View, centre: Sequence[float], radii: Sequence[float], angle: float = 0.0) -> Array:
    """Approximate signed distance to an ellipse."""
    c, s = math.cos(angle), math.sin(angle)
    x, y = view.u - centre[0], view.v - centre[1]
    a, b = (c * x + s * y) / radii[0], (c * y - s * x) / radii[1]
    return np.asarray((np.hypot(a, b) - 1.0) * min(radii), np.float32)


def box_distance(view: View, left: float, top: float, right: float, bottom: float, corner: float = 0.0) -> Array:
    """Signed distance to a rectangle with rounded corners."""
    x = np.abs(view.u - (left + right) / 2) - ((right - left) / 2 - corner)
    y = np.abs(view.v - (top + bottom) / 2) - ((bottom - top) / 2 - corner)
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return np.asarray(outside + np.minimum(np.maximum(x, y), 0) - corner, np.float32)


def convex_distance(view: View, corners: Sequence[Sequence[float]]) -> Array:
    """Signed distance (exact along the edges) to a convex polygon, corners clockwise on screen."""
    distance = np.full_like(view.u, -np.inf)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        length = math.hypot(x1 - x0, y1 - y0)
        outward = ((view.u - x0) * (y1 - y0) - (view.v - y0) * (x1 - x0)) / length
        np.maximum(distance, outward, out=distance)
    return distance


def spun(x: Array, t: Array, stations: Array, radii: Array) -> tuple[Array, Array]:
    """A solid turned on a lathe: signed distance and normals seen from the side.

    Args:
        x: (h, w) offset from the axis.
        t: (h, w) position along the axis.
        stations: (n,) rising positions along the axis.
        radii: (n,) radius at each.

    Returns:
        Distance (h, w) and normals (h, w, 3) with the axis along y.
    """
    slopes = np.clip(np.gradient(radii, stations), -6.0, 6.0).astype(np.float32)
    radius = np.interp(t, stations, radii, left=1e-4, right=1e-4).astype(np.float32)
    slope = np.interp(t, stations, slopes).astype(np.float32)
    across = np.clip(x / np.maximum(radius, 1e-4), -1.0, 1.0)
    distance = (np.abs(x) - radius) / np.sqrt(1.0 + slope * slope)
    distance = np.maximum(distance, np.maximum(stations[0] - t, t - stations[-1]))
    normal = np.stack([across, -slope, np.sqrt(1.0 - across * across)], -1).astype(np.float32)
    normal /= np.sqrt(1.0 + slope * slope)[..., None]
    return distance.astype(np.float32), normal


def sphere_normal(x: Array, y: Array) -> Array:
    """Normals (h, w, 3) of a ball seen at (x, y) in -1..1."""
    depth = np.sqrt(np.clip(1.0 - x * x - y * y, 0.0, 1.0))
    return np.stack([x, y, depth], -1).astype(np.float32)
