"""Books by their spines and covers: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

Size is in pixels, angle in radians, colour the main RGB (3,) in 0..1. Knows nothing of scenes,
light or labels.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.surfaces import (
    Array,
    Surface,
    View,
    box_distance,
)
from workflows.demo_models.things.forms import (
    CREAM,
    INK,
    between,
)
from workflows.demo_models.things.prints import Art, contrast, label, pasted, picture, tone, write
from workflows.demo_models.things.solids import boxed, cuboid
from workflows.demo_models.things.textures import Skin

Rng = np.random.Generator


def _spine_art(rng: Rng, width: int, height: int, colour: Array) -> Art:
    """A spine: letters along it or across it, with or without bands, a mark of the house, a shelf label."""
    art = np.empty((height, width, 3), np.uint8)
    art[:] = np.array(tone(colour), np.uint8)
    ink, other = contrast(colour, rng), rng.uniform(0.0, 1.0, 3)
    if rng.random() < 0.3:
        top, long = int(height * rng.uniform(0.0, 0.75)), int(height * rng.uniform(0.08, 0.25))
        art[top : top + long] = np.array(tone(other if rng.random() < 0.7 else colour * 0.6), np.uint8)
    if rng.random() < 0.3:
        for at in rng.choice([0.05, 0.1, 0.22, 0.36, 0.64, 0.78, 0.9, 0.95], int(rng.integers(1, 5)), replace=False):
            thick = max(1, int(height * rng.uniform(0.004, 0.02)))
            art[int(height * at) : int(height * at) + thick] = np.array(tone(ink), np.uint8)
    if rng.random() < 0.85:
        strip = np.empty((width, height, 3), np.uint8)
        strip[:] = 1
        start, rows = height * rng.uniform(0.06, 0.25), int(rng.choice([1, 1, 1, 2]))
        tall = width * rng.uniform(0.28, 0.62) / rows
        for row in range(rows):
            base = width * 0.5 + tall * (0.5 - (rows - 1) * 0.6 + row * 1.2)
            write(strip, rng, start, base, height * rng.uniform(0.3, 0.6), tall, ink + 0.01)
        if rng.random() < 0.6:
            write(strip, rng, height * 0.66, width * 0.6, height * 0.25, width * rng.uniform(0.15, 0.35), ink + 0.01)
        turned = cv2.rotate(strip, cv2.ROTATE_90_CLOCKWISE if rng.random() < 0.8 else cv2.ROTATE_90_COUNTERCLOCKWISE)
        np.copyto(art, turned, where=(turned != 1).any(2, keepdims=True))
    else:
        base = height * rng.uniform(0.1, 0.3)
        for _ in range(int(rng.integers(2, 5))):
            write(art, rng, width * 0.1, base, width * 0.8, min(width * 0.3, height * 0.06), ink)
            base += height * rng.uniform(0.05, 0.09)
    if rng.random() < 0.45:
        picture(art, rng, width / 2, height * rng.uniform(0.88, 0.95), width * rng.uniform(0.15, 0.3), ink)
    if rng.random() < 0.22:
        top = int(height * rng.uniform(0.72, 0.86))
        art[top : top + int(height * 0.09)] = 240
        write(art, rng, 1, top + height * 0.04, width - 2, max(2.0, width * 0.3), INK)
    return art


def _spine(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    half = between(rng, 0.07, 0.26)
    view = View.of(size, angle, half + 0.02, 1.02)
    surface = Surface(view, between(rng, 0.02, 0.6), between(rng, 6, 40))
    short = between(rng, 0.0, 0.02)
    hump = np.float32(between(rng, 0.0, 0.02)) * np.square(view.u / half)
    outline = box_distance(view, -half, -1.0, half, 1.0, between(rng, 0.0, 0.03))
    share = np.clip(view.u / half, -1, 1) * np.float32(between(rng, 0.05, 0.85))
    normal = np.stack([share, 0.0 * share, np.sqrt(1.0 - share * share)])
    surface.body(view.inside(outline + hump + short), colour, normal)
    art = _spine_art(rng, max(8, int(half * size)), max(40, int(size)), colour)
    pasted(surface, [(-half, -1.0), (half, -1.0), (half, 1.0), (-half, 1.0)], art)
    if rng.random() < 0.5:
        joint = np.exp(np.square((np.abs(view.u) - half * 0.86) * (14.0 / half) * 0.35) * -1.0)
        surface.scale(1.0 - np.float32(between(rng, 0.1, 0.4)) * joint)
    surface.scale(1.0 - 0.3 * np.clip((np.abs(view.u) / half - 0.9) * 10.0, 0, 1))
    _aged(surface, outline, colour, rng)
    return surface


def _aged(surface: Surface, outline: Array, colour: Array, rng: Rng) -> None:
    """Rubbed edges, cloth or creases, dust."""
    skin = Skin(surface.view.u, surface.view.v, rng)
    worn = np.clip((outline + 0.06) * 20.0, 0, 1) * np.clip(skin.sample("clouds", 50.0), 0, 1)
    surface.paint(worn * np.float32(between(rng, 0.0, 0.5)), np.clip(colour * 1.2 + 0.2, 0, 1))
    surface.scale(1.0 + np.float32(between(rng, 0.01, 0.06)) * skin.sample("grain", 80.0))
    surface.scale(1.0 + np.float32(between(rng, 0.0, 0.05)) * skin.sample("fibres", 40.0))


def book(size: float, angle: float, colour: Array, rng: Rng, spine: bool | None = None) -> Surface:
    """A book by its spine (`spine=True`), or by its cover, flat on or from a corner with its pages showing."""
    if spine is None:
        spine = bool(rng.random() < 0.6)
    if spine:
        return _spine(size, angle, colour, rng)
    width, thick = between(rng, 1.2, 1.65), between(rng, 0.08, 0.4)
    yaw, pitch = between(rng, -0.75, 0.75), between(rng, -0.35, 0.6)
    faces = cuboid(width, 2.0, thick, yaw, pitch)
    surface = boxed(size, angle, faces, colour, between(rng, 0.02, 0.5), between(rng, 6, 40))
    pages = np.clip(CREAM * between(rng, 0.8, 1.05), 0, 1)
    for face in faces:
        if face.name == "front":
            pasted(surface, face.corners, label(rng, 76, 100, colour, between(rng, 0.3, 1.0)))
            if rng.random() < 0.5:
                a, b, c, d = face.corners
                hinge = [a + (b - a) * 0.06, a + (b - a) * 0.085, d + (c - d) * 0.085, d + (c - d) * 0.06]
                surface.mark(hinge, colour * 0.4, 0.6)
        elif face.name == "left":
            art = _spine_art(rng, max(8, int(thick * 50)), 100, colour)
            pasted(surface, face.corners, art)
        else:
            _page_block(surface, face.corners, pages, face.name == "right", rng)
    outline = np.full_like(surface.alpha, -1.0)
    _aged(surface, outline, colour, rng)
    return surface


def _page_block(surface: Surface, corners: NDArray[np.float64], pages: Array, upright: bool, rng: Rng) -> None:
    """Leaves between two boards."""
    art = np.empty((24, 96, 3), np.uint8)
    lines = rng.uniform(0.82, 1.0, (24, 1, 1))
    art[:] = np.clip(pages * 255 * lines, 0, 255).astype(np.uint8)
    if upright:
        art = cv2.rotate(art, cv2.ROTATE_90_CLOCKWISE)
    a, b, c, d = corners
    inset = 0.12
    inner = [a + (b - a) * inset, a + (b - a) * (1 - inset), d + (c - d) * (1 - inset), d + (c - d) * inset]
    if not upright:
        inner = [a + (d - a) * inset, b + (c - b) * inset, b + (c - b) * (1 - inset), a + (d - a) * (1 - inset)]
    pasted(surface, inner, np.ascontiguousarray(art))
