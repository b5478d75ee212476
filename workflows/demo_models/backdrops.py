"""What lies behind everything: table tops, walls, cloth, grass, paper, tiles, shops and rooms out of focus, leaves.

To add one, write a function of (generator, width, height) that returns an (H, W, 3) float32 picture in 0..1, and
name it in `BACKDROPS`. Knows nothing of things, light or labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.surfaces import Array

Backdrop = Callable[[np.random.Generator, int, int], Array]


def noise(rng: np.random.Generator, width: int, height: int, across: float, down: float) -> Array:
    """Smooth noise (H, W) of mean 0 and spread about 1, with so many bumps across and down."""
    shape = max(2, round(down) + 1), max(2, round(across) + 1)
    coarse = rng.standard_normal(shape, np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def rough(rng: np.random.Generator, width: int, height: int, bumps: float) -> Array:
    """Noise of several scales (H, W), the coarsest with so many bumps across."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        across = bumps * 2.2**octave
        total += noise(rng, width, height, across, across * height / width) * np.float32(0.6**octave)
    return total


def tone(rng: np.random.Generator, low: float = 0.12, high: float = 0.92, colourful: float = 0.1) -> Array:
    """A wall paint: (3,) RGB, mostly pale, grey or earthen."""
    value = rng.uniform(low, high)
    chance = rng.random()
    if chance < 0.4:
        warm = rng.uniform(0.0, 0.35)
        return np.array([value, value * (1 - 0.45 * warm), value * (1 - warm)], np.float32)
    strength = rng.uniform(0.0, 0.08) if chance < 0.75 else rng.uniform(0.0, 4 * colourful)
    return np.clip(value + strength * rng.uniform(-1, 1, 3), 0.03, 0.97).astype(np.float32)


def grid(width: int, height: int, angle: float) -> tuple[Array, Array]:
    """Coordinates (H, W) across and along, turned by an angle."""
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(width / 2)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(height / 2)
    c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return c * x + s * y, c * y - s * x


def _toned(colour: Array, factor: Array) -> Array:
    return np.asarray(np.clip(colour * factor[..., None], 0.0, 1.0), np.float32)


def plain(rng: np.random.Generator, width: int, height: int) -> Array:
    """A wall or a sheet with light falling off across it."""
    across, along = grid(width, height, rng.uniform(0, 6.3))
    span = max(width, height)
    field = 1.0 + rng.uniform(0, 0.4) * across / span + rng.uniform(0.0, 0.3) * np.cos(along / span * 2)
    return _toned(tone(rng), (field + 0.02 * rough(rng, width, height, 6)).astype(np.float32))


def wood(rng: np.random.Generator, width: int, height: int) -> Array:
    """Boards with a grain, side by side."""
    turned = rng.random() < 0.5
    w, h = (height, width) if turned else (width, height)
    dark = rng.uniform(0.25, 1.0)
    colour = np.array([0.86, rng.uniform(0.58, 0.74), rng.uniform(0.34, 0.58)], np.float32) * np.float32(dark)
    if rng.random() < 0.25:
        colour = tone(rng, 0.2, 0.9)
    grain = noise(rng, w, h, 2.5, h / rng.uniform(2.0, 5.0)) * 0.07 + noise(rng, w, h, 1.5, 9) * 0.06
    boards = int(rng.integers(1, 9))
    edges = np.sort(rng.uniform(0, h, boards))
    step = np.searchsorted(edges, np.arange(h))
    grain += (rng.normal(0, 0.09, boards + 1)[step])[:, None].astype(np.float32)
    field = np.asarray(1.0 + grain, np.float32)
    for edge in edges[rng.random() < 0.3 :]:
        field[int(edge) : int(edge) + max(1, h // 150)] *= 0.55
    picture = _toned(colour, field)
    return np.ascontiguousarray(picture.transpose(1, 0, 2)) if turned else picture


def stone(rng: np.random.Generator, width: int, height: int) -> Array:
    """Worktop, concrete, asphalt or earth: speckled and stained."""
    field = 1.0 + rng.uniform(0.03, 0.14) * rough(rng, width, height, rng.uniform(2, 9))
    speck = rng.standard_normal((height, width), np.float32)
    field += np.float32(rng.uniform(0.0, 0.13)) * cv2.blur(speck, (2, 2))
    colour = tone(rng, 0.15, 0.85, 0.03)
    if rng.random() < 0.3:
        colour = np.array([0.55, 0.42, 0.28], np.float32) * np.float32(rng.uniform(0.5, 1.4))
    return _toned(colour, field.astype(np.float32))


def cloth(rng: np.random.Generator, width: int, height: int) -> Array:
    """Woven: plain, striped, checked or dotted, with folds."""
    across, along = grid(width, height, rng.uniform(0, 6.3))
    field = 1.0 + 0.05 * np.sin(across * 2.1) * np.sin(along * 2.1)
    bend = noise(rng, width, height, 2, 2) * rng.uniform(0.3, 1.6)
    field += rng.uniform(0.0, 0.16) * np.sin(across / rng.uniform(18, 50) + bend)
    picture = _toned(tone(rng, colourful=0.22), field.astype(np.float32))
    pattern, pitch = rng.random(), rng.uniform(0.03, 0.14) * width
    if pattern < 0.6:
        ink = tone(rng, colourful=0.3)
        bars = (np.sin(across / pitch * 6.28) > rng.uniform(-0.2, 0.7)).astype(np.float32)
        if pattern < 0.3:
            bars = 0.5 * bars + 0.5 * (np.sin(along / pitch * 6.28) > 0).astype(np.float32)
        elif pattern < 0.42:
            bars = (np.sin(across / pitch * 6.28) * np.sin(along / pitch * 6.28) > 0.75).astype(np.float32)
        picture += (0.85 * bars * field)[..., None].astype(np.float32) * (ink - picture)
    return np.clip(picture, 0.0, 1.0)


def grass(rng: np.random.Generator, width: int, height: int) -> Array:
    """Blades and dry stalks, or straw."""
    straw = rng.random() < 0.25
    base = np.array([0.62, 0.52, 0.28] if straw else [0.24, 0.36, 0.12], np.float32)
    picture = _toned(
        base * np.float32(rng.uniform(0.5, 1.1)), np.float32(1.0) + np.float32(0.3) * rough(rng, width, height, 9)
    )
    count, length = 420, 0.07 * height
    roots = rng.uniform(0, 1, (count, 2)) * np.array([width, height])
    tips = roots + rng.normal(0, length, (count, 2)) * np.array([0.5, 1.0])
    shades = base * rng.uniform(0.5, 2.1, (count, 1)) * rng.uniform(0.85, 1.15, (count, 3))
    drawn = ((roots * 8).astype(int).tolist(), (tips * 8).astype(int).tolist(), shades.tolist())
    for root, tip, shade in zip(*drawn, strict=True):
        cv2.line(picture, root, tip, shade, 1, cv2.LINE_AA, 3)
    return np.clip(picture, 0.0, 1.0)


def paper(rng: np.random.Generator, width: int, height: int) -> Array:
    """Newsprint, a leaflet or a poster: lines, headings and blocks of ink."""
    picture = plain(rng, width, height) * np.float32(0.2) + np.float32(0.74)
    ink = tone(rng, 0.05, 0.4, 0.25).tolist()
    y = int(-rng.uniform(0, 20))
    pitch = max(4, int(height * rng.uniform(0.02, 0.05)))
    columns = int(rng.integers(1, 4))
    while y < height:
        tall = pitch * (3 if rng.random() < 0.1 else 1)
        for column in range(columns):
            left, right = int((column + 0.06) * width / columns), int((column + 0.94) * width / columns)
            if tall > pitch and rng.random() < 0.5:
                shade = tone(rng, colourful=0.35).tolist()
                cv2.rectangle(picture, (left, y), (right, y + 4 * tall), shade, -1)
            x = left
            while x < right:
                word = int(rng.uniform(1.5, 7.0) * tall * 0.5)
                cv2.rectangle(picture, (x, y), (min(x + word, right), y + max(1, tall // 2 - 1)), ink, -1)
                x += word + max(2, tall // 3)
        y += tall
    turned = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-40, 40), 1.5)
    return np.asarray(cv2.warpAffine(picture, turned, (width, height), borderMode=cv2.BORDER_REFLECT), np.float32)


def tiles(rng: np.random.Generator, width: int, height: int) -> Array:
    """Square or brick tiles with joints."""
    across, along = grid(width, height, rng.choice([0.0, 0.8]) + rng.normal(0, 0.05))
    pitch = rng.uniform(0.08, 0.3) * width
    wide = pitch * rng.choice([1.0, 2.0])
    row = np.floor(along / pitch)
    shifted = across + (row % 2) * wide * rng.choice([0.0, 0.5])
    column = np.floor(shifted / wide)
    tones = rng.normal(0, rng.uniform(0.01, 0.1), 997).astype(np.float32)
    field = 1.0 + tones[(row * 31 + column * 17).astype(int) % 997] + 0.03 * rough(rng, width, height, 8)
    edge = np.minimum(
        wide / 2 - np.abs(shifted / wide - column - 0.5) * wide, pitch / 2 - np.abs(along / pitch - row - 0.5) * pitch
    )
    picture = _toned(tone(rng), field.astype(np.float32))
    joint = np.clip(1.6 - edge, 0.0, 1.0)[..., None].astype(np.float32)
    return np.asarray(picture + joint * (tone(rng) * np.float32(0.7) - picture), np.float32)


def slats(rng: np.random.Generator, width: int, height: int) -> Array:
    """Slats, ribs or corrugation with dark between them."""
    across, _ = grid(width, height, rng.choice([0.0, math.pi / 2]) + rng.normal(0, 0.03))
    pitch = rng.uniform(0.02, 0.2) * width
    phase = across / pitch % 1.0
    gap = rng.uniform(0.05, 0.25)
    field = np.where(phase < gap, rng.uniform(0.15, 0.6), 0.9 + 0.2 * phase)
    return _toned(tone(rng), (field + 0.06 * rough(rng, width, height, 12)).astype(np.float32))


def room(rng: np.random.Generator, width: int, height: int) -> Array:
    """A room, a shop or a street far out of focus."""
    w, h = 64, max(24, 64 * height // width)
    picture = np.ones((h, w, 3), np.float32) * tone(rng)
    picture[int(h * rng.uniform(0.3, 0.9)) :] = tone(rng)
    for _ in range(int(rng.integers(4, 22))):
        shade = np.clip(tone(rng, colourful=0.3) * rng.uniform(0.6, 1.5), 0, 1).tolist()
        x, y = int(rng.uniform(0, w)), int(rng.uniform(0, h))
        if rng.random() < 0.6:
            cv2.rectangle(picture, (x, y), (x + int(rng.uniform(2, 22)), y + int(rng.uniform(2, 22))), shade, -1)
        else:
            cv2.circle(picture, (x, y), int(rng.uniform(1, 6)), shade, -1)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.2, 4.0))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), np.float32).clip(0, 1)


def leaves(rng: np.random.Generator, width: int, height: int) -> Array:
    """Foliage, sharp or out of focus, with sky or shade between."""
    sky = rng.random() < 0.4
    behind = np.array([0.55, 0.75, 0.98] if sky else [0.07, 0.11, 0.05], np.float32)
    picture = _toned(behind, 1.0 + 0.12 * rough(rng, width, height, 4))
    hue = np.array([rng.uniform(0.18, 0.34), rng.uniform(0.34, 0.48), rng.uniform(0.08, 0.2)])
    count = int(rng.integers(90, 320))
    size = rng.uniform(0.02, 0.06) * width
    centres = rng.uniform(-0.05, 1.05, (count, 2)) * np.array([width, height])
    if sky:
        crowns = rng.uniform(0, 1, (5, 2)) * np.array([width, height])
        centres = crowns[rng.integers(5, size=count)] + rng.normal(0, 0.13 * width, (count, 2))
    brightness = np.sort(rng.uniform(0.3, 1.5, count))
    for (x, y), bright in zip(centres.tolist(), brightness.tolist(), strict=True):
        axes = int(8 * size * rng.uniform(0.6, 1.3)), int(8 * size * rng.uniform(0.2, 0.5))
        shade = np.clip(hue * bright * rng.uniform(0.85, 1.15, 3), 0, 1).tolist()
        spot = int(8 * x), int(8 * y)
        cv2.ellipse(picture, spot, axes, rng.uniform(0, 360), 0, 360, shade, -1, cv2.LINE_AA, 3)
    return picture


BACKDROPS: dict[str, tuple[float, Backdrop]] = {
    "plain": (1.2, plain),
    "wood": (1.5, wood),
    "stone": (1.2, stone),
    "cloth": (1.0, cloth),
    "grass": (0.5, grass),
    "paper": (0.4, paper),
    "tiles": (0.7, tiles),
    "slats": (0.5, slats),
    "room": (0.9, room),
    "leaves": (0.5, leaves),
}
"""Every backdrop with how often it is taken."""


def backdrop(rng: np.random.Generator, width: int, height: int, names: tuple[str, ...] = tuple(BACKDROPS)) -> Array:
    """One of the named backdrops, (H, W, 3) float32 in 0..1."""
    weights: NDArray[np.float64] = np.array([BACKDROPS[name][0] for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return BACKDROPS[name][1](rng, width, height)


def softened(picture: Array, blur: float) -> Array:
    """The same out of focus by `blur` pixels."""
    if blur < 0.4:
        return picture
    height, width = picture.shape[:2]
    less = max(1, int(blur / 1.5))
    small = cv2.resize(picture, (max(8, width // less), max(8, height // less)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(0.4, blur / less))
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
