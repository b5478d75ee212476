"""Boxes seen from a corner: which faces show, where their corners fall, and painting them.

Knows no nouns and no light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.surfaces import Rgb, Surface, View

_FACES = {
    "front": ((-1, -1, 1), (1, -1, 1), (1, 1, 1), (-1, 1, 1)),
    "back": ((1, -1, -1), (-1, -1, -1), (-1, 1, -1), (1, 1, -1)),
    "right": ((1, -1, 1), (1, -1, -1), (1, 1, -1), (1, 1, 1)),
    "left": ((-1, -1, -1), (-1, -1, 1), (-1, 1, 1), (-1, 1, -1)),
    "top": ((-1, -1, -1), (1, -1, -1), (1, -1, 1), (-1, -1, 1)),
    "bottom": ((-1, 1, 1), (1, 1, 1), (1, 1, -1), (-1, 1, -1)),
}


@dataclass(frozen=True)
class Face:
    """One face in sight.

    Attributes:
        name: `front`, `back`, `right`, `left`, `top` or `bottom`.
        corners: (4, 2) top left, top right, bottom right, bottom left as printed on it.
        normal: (3,).
    """

    name: str
    corners: NDArray[np.float64]
    normal: NDArray[np.float64]


def cuboid(width: float, height: float, depth: float, yaw: float, pitch: float, nearness: float = 0.12) -> list[Face]:
    """The faces in sight of a box, scaled so that its longer side on screen is 2.

    Args:
        width: Of its front.
        height: Of its front.
        depth: Front to back.
        yaw: Turn about its upright; positive shows the left face.
        pitch: Look down on it; positive shows the top.
        nearness: Strength of perspective, 0 for none.
    """
    cy, sy, cp, sp = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    turn = np.array([[cy, 0, sy], [-sp * sy, cp, sp * cy], [-cp * sy, -sp, cp * cy]])
    half = np.array([width, height, depth]) / 2
    faces = []
    for name, signs in _FACES.items():
        points = (np.array(signs) * half) @ turn.T
        scale = 1.0 / (1.0 - nearness * points[:, 2] / max(width, height, depth))
        flat = points[:, :2] * scale[:, None]
        (x0, y0), (x1, y1), (x3, y3) = flat[0], flat[1], flat[3]
        if (x1 - x0) * (y3 - y0) - (y1 - y0) * (x3 - x0) > 1e-4:
            outward = np.mean(np.array(signs), 0) @ turn.T
            faces.append(Face(name, flat, outward))
    everything = np.concatenate([face.corners for face in faces])
    low, high = everything.min(0), everything.max(0)
    middle, scale = (low + high) / 2, 2.0 / float((high - low).max())
    return [Face(face.name, (face.corners - middle) * scale, face.normal) for face in faces]


def boxed(size: float, angle: float, faces: list[Face], colour: Rgb, gloss: float, sharpness: float) -> Surface:
    """A surface with every face of a box laid in one colour, its edges a little worn."""
    reach = np.abs(np.concatenate([face.corners for face in faces])).max(0) + 0.02
    surface = Surface(View.of(size, angle, *(float(value) for value in reach)), gloss, sharpness)
    for face in faces:
        surface.fill(face.corners, colour, face.normal)
    # Neighbouring faces are each cut softly along the edge they share: together they hide what is behind.
    np.minimum(surface.alpha * 1.9, 1.0, out=surface.alpha)
    return surface
