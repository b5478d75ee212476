"""Things that nobody would count as one of the nouns: scraps, sticks, cables, leaves, hands, tags, rings, knobs.

To add one, write a function of (generator, size in pixels) that returns a `Prototype`, and name it in `CLUTTER`.
None may look like a noun: whatever is round has a hole or a slot, whatever is a fruit's colour has another shape.
Knows no layout and no label.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.backdrops import tone
from workflows.demo_models.specimens import Prototype
from workflows.demo_models.surfaces import Array

Clutter = Callable[[np.random.Generator, float], Prototype]

SKIN = ((0.93, 0.76, 0.65), (0.85, 0.64, 0.50), (0.72, 0.50, 0.36), (0.52, 0.34, 0.23), (0.33, 0.21, 0.15))
_FINE = 4  # sub-pixel bits of the outlines


def moulded(alpha: Array, colour: Array, bulge: float, gloss: float = 0.1, sharpness: float = 20.0) -> Prototype:
    """A silhouette made solid: its normals rise from the rim like a cushion.

    Args:
        alpha: (h, w) coverage 0..1.
        colour: (h, w, 3) RGB in 0..1.
        bulge: 0 for flat, 1 for as deep as wide.
        gloss: Strength of highlights.
        sharpness: Their exponent.
    """
    form = np.zeros((*alpha.shape, 4), np.float32)
    form[..., 2], form[..., 3] = 1.0, gloss
    if bulge > 0:
        solid = np.pad((alpha > 0.5).astype(np.uint8), 1)
        inside = np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, 3)[1:-1, 1:-1], np.float32)
        reach = np.float32(max(float(inside.max()), 1.0))
        height = reach * np.sqrt(np.clip(1.0 - (1.0 - inside / reach) ** 2, 0.0, 1.0)) * np.float32(bulge)
        height = cv2.GaussianBlur(height, (0, 0), max(0.6, 0.08 * float(reach)))
        form[..., 0] = -cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) / 8
        form[..., 1] = -cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) / 8
    shade = np.ones(alpha.shape, np.float32)
    return Prototype(cv2.merge([*cv2.split(colour), shade]), form, alpha, sharpness)


def outline(points: NDArray[np.float64], shape: tuple[int, int]) -> Array:
    """Coverage (h, w) of a polygon, corners (n, 2) in pixels."""
    mask = np.zeros(shape, np.uint8)
    corners = np.round(points * 2**_FINE).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, lineType=cv2.LINE_AA, shift=_FINE)
    return mask.astype(np.float32) / np.float32(255)


def strokes(points: NDArray[np.float64], thick: float, shape: tuple[int, int]) -> Array:
    """Coverage (h, w) of a line through points (n, 2), so many pixels thick."""
    mask = np.zeros(shape, np.uint8)
    corners = np.round(points * 2**_FINE).astype(np.int32)
    cv2.polylines(mask, [corners], False, 255, max(1, round(thick)), cv2.LINE_AA, _FINE)
    return mask.astype(np.float32) / np.float32(255)


def written(words: str, start: tuple[int, int], tall: float, shape: tuple[int, int]) -> Array:
    """Coverage (h, w) of words so many pixels tall, starting at the lower left."""
    mask = np.zeros(shape, np.uint8)
    cv2.putText(mask, words, start, cv2.FONT_HERSHEY_SIMPLEX, tall / 22, 255, max(1, round(tall / 9)), cv2.LINE_AA)
    return mask.astype(np.float32) / np.float32(255)


def _painted(shape: tuple[int, int], colour: Array) -> Array:
    return np.ones((*shape, 3), np.float32) * colour


def loud(rng: np.random.Generator) -> Array:
    """Any colour, often one that fruit has."""
    if rng.random() < 0.5:
        return tone(rng, colourful=0.3)
    fruit = ((0.85, 0.15, 0.1), (0.95, 0.5, 0.08), (0.95, 0.82, 0.2), (0.35, 0.55, 0.15), (0.4, 0.2, 0.4))
    return np.clip(np.array(fruit[int(rng.integers(5))]) * rng.uniform(0.6, 1.1), 0, 1).astype(np.float32)


def scrap(rng: np.random.Generator, size: float) -> Prototype:
    """A torn or folded piece of wrapping, striped or printed."""
    n = max(8, math.ceil(size))
    corners = int(rng.integers(3, 7))
    turns = np.sort(rng.uniform(0, 2 * math.pi, corners))
    radii = rng.uniform(0.25, 0.5, corners) * n
    points = n / 2 + np.stack([np.cos(turns), np.sin(turns)], 1) * radii[:, None]
    colour = _painted((n, n), loud(rng))
    if rng.random() < 0.6:
        u = np.arange(n) * rng.uniform(0.1, 0.6) + np.arange(n)[:, None] * rng.uniform(-0.4, 0.4)
        colour += (np.sin(u * 25 / n) > rng.uniform(-0.3, 0.7))[..., None] * (loud(rng) - colour)
    crease = np.clip(
        1 + 0.25 * np.sign(np.sin(np.arange(n)[:, None] * 9 / n + np.arange(n) * rng.normal(0, 9) / n)), 0, 2
    )
    colour = np.clip(colour * crease[..., None], 0, 1).astype(np.float32)
    return moulded(outline(points, (n, n)), colour, 0.0, float(rng.uniform(0.0, 0.4)))


def lump(rng: np.random.Generator, size: float) -> Prototype:
    """A crumpled, knobbly something: a rag, a glove, a stone with corners."""
    n = max(8, math.ceil(size))
    turns = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    radii = 1.0 + sum(rng.normal(0, 0.42 / k) * np.cos(k * turns + rng.uniform(0, 6.3)) for k in range(2, 8))
    radii = np.clip(radii, 0.25, None)
    squash = rng.uniform(0.35, 1.0)
    points = np.stack([np.cos(turns), squash * np.sin(turns)], 1) * (radii / radii.max())[:, None] * n * 0.48 + n / 2
    fold = cv2.resize(rng.normal(1, 0.22, (6, 6)).astype(np.float32), (n, n), interpolation=cv2.INTER_CUBIC)
    colour = np.clip(_painted((n, n), loud(rng)) * fold[..., None], 0, 1)
    return moulded(outline(points, (n, n)), colour, float(rng.uniform(0.3, 1.1)), float(rng.uniform(0, 0.3)))


def cable(rng: np.random.Generator, size: float) -> Prototype:
    """A bent wire, string or vine."""
    n = max(12, math.ceil(size))
    steps = np.linspace(0, 1, 40)
    sway = sum(rng.normal(0, 0.16 / k) * np.sin(k * 3.14 * steps + rng.uniform(0, 6)) for k in (1, 2, 3))
    points = np.stack([0.04 + 0.92 * steps, np.clip(0.5 + sway, 0.04, 0.96)], 1) * n
    alpha = strokes(points, rng.uniform(0.012, 0.05) * n, (n, n))
    colour = tone(rng, 0.03, 0.5) if rng.random() < 0.6 else loud(rng)
    return moulded(alpha, _painted((n, n), colour), 1.0, 0.3)


def stick(rng: np.random.Generator, size: float) -> Prototype:
    """A forked twig."""
    n = max(12, math.ceil(size))
    base = np.array([[0.5 + rng.normal(0, 0.05), 0.98], [0.5, 0.5], [0.5 + rng.normal(0, 0.1), 0.02]]) * n
    thick = rng.uniform(0.02, 0.05) * n
    alpha = strokes(base, thick, (n, n))
    for _ in range(int(rng.integers(1, 4))):
        start = base[0] + (base[2] - base[0]) * rng.uniform(0.2, 0.8)
        end = start + np.array([rng.choice([-1, 1]) * rng.uniform(0.15, 0.4), -rng.uniform(0.05, 0.3)]) * n
        alpha = np.maximum(alpha, strokes(np.array([start, end]), thick * 0.6, (n, n)))
    colour = np.array([0.34, 0.25, 0.17]) * rng.uniform(0.5, 1.6)
    return moulded(alpha, _painted((n, n), colour.astype(np.float32)), 1.0, 0.02)


def leaf(rng: np.random.Generator, size: float) -> Prototype:
    """One leaf with a rib."""
    n = max(10, math.ceil(size))
    t = np.linspace(0, 1, 24)
    half = rng.uniform(0.17, 0.34) * np.sin(math.pi * t ** rng.uniform(0.7, 1.2))
    bend = rng.normal(0, 0.12) * np.sin(math.pi * t)
    right, left = np.stack([0.5 + half + bend, 0.03 + 0.94 * t], 1), np.stack([0.5 - half + bend, 0.03 + 0.94 * t], 1)
    alpha = outline(np.concatenate([right, left[::-1]]) * n, (n, n))
    green = np.array([rng.uniform(0.16, 0.42), rng.uniform(0.34, 0.56), rng.uniform(0.06, 0.2)])
    colour = _painted((n, n), (green * rng.uniform(0.6, 1.3)).astype(np.float32))
    rib = strokes(np.stack([0.5 + bend, 0.03 + 0.94 * t], 1) * n, max(1.0, 0.03 * n), (n, n))
    colour += (0.35 * rib)[..., None] * (np.array([0.75, 0.8, 0.5], np.float32) - colour)
    side = np.where(np.arange(n) < n / 2, rng.uniform(0.75, 1.0), rng.uniform(0.95, 1.2)).astype(np.float32)
    return moulded(alpha, np.clip(colour * side[None, :, None], 0, 1), 0.25, float(rng.uniform(0.05, 0.4)))


def spray(rng: np.random.Generator, size: float) -> Prototype:
    """A twig with leaves on both sides."""
    n = max(24, math.ceil(size))
    alpha = strokes(np.array([[0.5, 1.0], [0.5, 0.1]]) * n, max(1.0, 0.02 * n), (n, n))
    colour = _painted((n, n), np.array([0.30, 0.24, 0.14], np.float32))
    for place in np.linspace(0.1, 0.85, int(rng.integers(4, 8))):
        blade = leaf(rng, n * rng.uniform(0.28, 0.42))
        turn = math.degrees(rng.choice([-1, 1]) * rng.uniform(0.5, 1.3))
        h, w = blade.alpha.shape
        matrix = cv2.getRotationMatrix2D((w / 2, h), turn, 1.0)
        matrix[:, 2] += np.array([0.5 * n - w / 2, place * n - h])
        cover = cv2.warpAffine(blade.alpha, matrix, (n, n))
        paint = cv2.warpAffine(np.ascontiguousarray(blade.colour[..., :3]), matrix, (n, n))
        colour += cover[..., None] * (paint * np.float32(rng.uniform(0.7, 1.2)) - colour)
        alpha = np.maximum(alpha, cover)
    return moulded(alpha, np.clip(colour, 0, 1), 0.15, 0.15)


def hand(rng: np.random.Generator, size: float) -> Prototype:
    """A forearm, bare or sleeved, with a hand: rounded limbs."""
    n = max(24, math.ceil(size))
    skin = (np.array(SKIN[int(rng.integers(len(SKIN)))]) * rng.uniform(0.9, 1.08)).astype(np.float32)
    alpha = strokes(np.array([[0.5, 1.1], [0.5, 0.52]]) * n, 0.17 * n, (n, n))
    alpha = np.maximum(alpha, strokes(np.array([[0.47, 0.48], [0.54, 0.40]]) * n, 0.21 * n, (n, n)))
    spread = rng.uniform(0.5, 1.2)
    for finger in range(4):
        root = np.array([0.40 + 0.065 * finger, 0.36])
        turn = (finger - 1.5) * 0.16 * spread + rng.normal(0, 0.05)
        tip = root + np.array([math.sin(turn), -math.cos(turn)]) * (0.24 if 0 < finger < 3 else 0.19) * rng.uniform(
            0.8, 1
        )
        alpha = np.maximum(alpha, strokes(np.array([root, tip]) * n, 0.062 * n, (n, n)))
    thumb = np.array([[0.42, 0.48], [0.30, 0.40], [0.25, 0.30]]) * n
    alpha = np.maximum(alpha, strokes(thumb, 0.07 * n, (n, n)))
    colour = _painted((n, n), skin)
    if rng.random() < 0.6:
        colour[int(n * rng.uniform(0.6, 0.85)) :] = tone(rng, colourful=0.25)
    return moulded(alpha, np.clip(colour, 0, 1), 0.7, 0.05)


def tag(rng: np.random.Generator, size: float) -> Prototype:
    """A price tag: digits on a card."""
    w = max(14, math.ceil(size))
    h = max(9, math.ceil(w * rng.uniform(0.5, 0.75)))
    card = np.array([[0.96, 0.95, 0.92], [0.98, 0.86, 0.2], [0.93, 0.3, 0.2], [0.12, 0.12, 0.13]][int(rng.integers(4))])
    colour = _painted((h, w), card.astype(np.float32))
    ink = (0.08, 0.08, 0.1) if card.mean() > 0.4 else (0.95, 0.95, 0.95)
    price = f"{rng.integers(0, 10)}.{rng.integers(10, 100)}"
    digits = written(price, (int(0.08 * w), int(0.8 * h)), 0.32 * w, (h, w))
    colour += digits[..., None] * (np.array(ink, np.float32) - colour)
    cv2.line(colour, (int(0.1 * w), int(0.2 * h)), (int(0.8 * w), int(0.2 * h)), ink, max(1, h // 12))
    return moulded(np.ones((h, w), np.float32), np.clip(colour, 0, 1), 0.0, 0.1)


def ring(rng: np.random.Generator, size: float) -> Prototype:
    """A roll of tape, a washer, a hoop: round with a hole."""
    n = max(10, math.ceil(size))
    y, x = np.mgrid[:n, :n].astype(np.float32) + np.float32(0.5 - n / 2)
    away = np.hypot(x, y / np.float32(rng.uniform(0.45, 1.0)))
    outer, inner = 0.48 * n * 0.98, 0.48 * n * rng.uniform(0.5, 0.8)
    alpha = np.clip(np.minimum(outer - away, away - inner), 0.0, 1.0)
    return moulded(alpha, _painted((n, n), loud(rng)), float(rng.uniform(0.2, 1.0)), 0.25)


def knob(rng: np.random.Generator, size: float) -> Prototype:
    """A dark dial with a pointer and a collar: round but plainly no fruit."""
    n = max(10, math.ceil(size))
    y, x = np.mgrid[:n, :n].astype(np.float32) + np.float32(0.5 - n / 2)
    away = np.hypot(x, y)
    alpha = np.clip(0.48 * n - away, 0.0, 1.0)
    dark, pale = tone(rng, 0.05, 0.3, 0.0), tone(rng, 0.6, 0.95, 0.0)
    colour = _painted((n, n), dark)
    colour[away > 0.4 * n] = pale
    colour[(away > 0.22 * n) & (away < 0.25 * n)] = dark * 1.8
    turn = rng.uniform(0, 6.3)
    tip = n / 2 + 0.4 * n * np.array([math.cos(turn), math.sin(turn)])
    line = strokes(np.array([[n / 2, n / 2], tip]), max(1.0, 0.06 * n), (n, n))
    colour += line[..., None] * (pale - colour)
    return moulded(alpha, np.clip(colour, 0, 1).astype(np.float32), 0.15, 0.3)


def post(rng: np.random.Generator, size: float) -> Prototype:
    """A bar, a pole or a strap right across."""
    n, w = max(12, math.ceil(1.6 * size)), max(3, math.ceil(size * rng.uniform(0.04, 0.14)))
    bar = _painted((n, w), tone(rng, colourful=0.3))
    if rng.random() < 0.3:
        bar[(np.arange(n) * 14 // n) % 2 == 0] = tone(rng)
    return moulded(np.ones((n, w), np.float32), bar, float(rng.uniform(0, 1)), 0.3)


CLUTTER: dict[str, tuple[float, Clutter]] = {
    "scrap": (1.2, scrap),
    "lump": (1.2, lump),
    "cable": (0.8, cable),
    "stick": (0.5, stick),
    "leaf": (0.7, leaf),
    "spray": (0.4, spray),
    "hand": (0.7, hand),
    "tag": (0.7, tag),
    "ring": (0.7, ring),
    "knob": (0.5, knob),
    "post": (0.4, post),
}
"""Every clutter with how often it is taken."""


def clutter(rng: np.random.Generator, size: float, names: tuple[str, ...] = tuple(CLUTTER)) -> Prototype:
    """One of the named pieces, about `size` pixels long."""
    weights: NDArray[np.float64] = np.array([CLUTTER[name][0] for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return CLUTTER[name][1](rng, size)
