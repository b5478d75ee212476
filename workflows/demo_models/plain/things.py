"""How each thing of the demo vocabulary looks: one function a noun, each returning a `Surface`.

Every function takes the length in pixels, the turn in radians, the main colour (3,) in 0..1 and a
random generator, and draws one specimen: no two lemons are alike. Knows nothing of scenes, light
or labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from workflows.demo_models.plain.surfaces import (
    Array,
    Surface,
    View,
    box_distance,
    convex_distance,
    ellipse_distance,
    segment_distance,
    sphere_normal,
    spun,
)

Draw = Callable[[float, float, Array, np.random.Generator], Surface]

STEM = np.array([0.36, 0.25, 0.13], np.float32)
LEAF = np.array([0.20, 0.45, 0.14], np.float32)
CREAM = np.array([0.94, 0.91, 0.82], np.float32)
METAL = np.array([0.78, 0.79, 0.81], np.float32)
STATIONS = np.linspace(-1.0, 1.0, 41, dtype=np.float32)


def _contrast(colour: Array) -> Array:
    """Print that reads on the colour: dark on light, light on dark."""
    bright = float(colour @ np.array([0.3, 0.6, 0.1], np.float32))
    return np.array([0.13, 0.12, 0.12], np.float32) if bright > 0.55 else CREAM


def _pole(rng: np.random.Generator) -> Array:
    """Where a fruit's stem end points: mostly up and a little towards the viewer."""
    sideways, forward = rng.uniform(-0.45, 0.45), rng.uniform(0.1, 0.75)
    up = -math.sqrt(max(0.05, 1.0 - sideways**2 - forward**2))
    return np.array([sideways, up, forward], np.float32) / np.float32(math.hypot(sideways, up, forward))


def _globe(surface: Surface, colour: Array, pole: Array, squash: float) -> tuple[Array, Array]:
    """A round body; returns cosine to the pole and longitude about it, both (h, w)."""
    view = surface.view
    x, y = view.u, view.v / squash
    normal = sphere_normal(x, y)
    surface.cover(view.inside(np.hypot(x, y) - 1.0), colour, normal)
    side = np.cross(pole, np.array([0.0, 0.0, 1.0], np.float32))
    side = side / (np.linalg.norm(side) + 1e-6)
    front = np.cross(side, pole)
    longitude = np.arctan2(normal @ side, normal @ front)
    return (normal @ pole).astype(np.float32), longitude.astype(np.float32)


def _stem(surface: Surface, pole: Array, length: float, thick: float, squash: float, sunk: float = 0.95) -> None:
    start = (pole[0] * sunk, pole[1] * sunk * squash)
    end = (pole[0] * (sunk + length), pole[1] * (sunk + length) * squash - length * 0.3)
    stick = segment_distance(surface.view, start, end, thick)
    surface.cover(surface.view.inside(stick), STEM)


def _pores(surface: Surface, rng: np.random.Generator, depth: float) -> None:
    surface.scale(1.0 + depth * surface.view.noise(rng, 11.0))


def orange(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A ball with pitted skin and a small green star where the stem was."""
    surface = Surface(View.of(size, angle), gloss=0.16, sharpness=14.0)
    pole = _pole(rng)
    cosine, longitude = _globe(surface, colour, pole, rng.uniform(0.93, 1.0))
    _pores(surface, rng, 0.13)
    reach = 0.015 + 0.012 * np.cos(5.0 * longitude)
    surface.paint(np.clip((0.08 - (1.0 - cosine)) * 14.0, 0.0, 0.45), colour * 0.6)
    surface.paint(np.clip((reach - (1.0 - cosine)) * 150.0, 0.0, 1.0), LEAF * 0.9)
    return surface


def tomato(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A glossy, flattened, faintly ribbed ball under a green star of leaves."""
    surface = Surface(View.of(size, angle, 1.0, 1.1), gloss=0.62, sharpness=40.0)
    pole, squash = _pole(rng), rng.uniform(0.78, 0.88)
    pole = pole + np.array([0, 0, 0.25], np.float32)
    pole /= np.float32(np.linalg.norm(pole))
    cosine, longitude = _globe(surface, colour, pole, squash)
    ribs = rng.integers(4, 7)
    surface.scale(1.0 - 0.12 * np.clip(np.cos(ribs * longitude) - 0.3, 0, 1) * np.clip(cosine + 0.3, 0, 1))
    star = 0.10 + 0.17 * np.clip(np.cos(5.0 * longitude + rng.uniform(0, 6)), -0.3, 1.0)
    surface.paint(np.clip((star - (1.0 - cosine)) * 16.0, 0.0, 1.0) * (cosine > 0), LEAF)
    _stem(surface, pole, 0.16, 0.06, squash)
    return surface


def apple(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A body wide at the shoulders with a hollow on top, streaks from the pole, a stem, often a leaf."""
    view = View.of(size, angle, 1.0, 1.3)
    surface = Surface(view, gloss=0.45, sharpness=30.0)
    radius = np.sqrt(np.clip(1.0 - STATIONS**2, 0, 1)) * (1.0 - 0.16 * STATIONS) * 0.98
    top, foot = np.clip(-1.6 * view.v, 0.0, 1.0), np.clip(1.6 * view.v, 0.0, 1.0)
    hollow = 0.17 * top * np.exp(-((view.u / 0.26) ** 2)) - 0.08 * foot * np.exp(-((view.u / 0.2) ** 2))
    t = (view.v - hollow) / 0.92
    distance, normal = spun(view.u, t, STATIONS, radius.astype(np.float32))
    surface.cover(view.inside(distance), colour, normal)
    streaks = view.noise(rng, 7.0) * np.clip(0.4 - 0.5 * view.v, 0.1, 0.9)
    tint = np.array([0.93, 0.78, 0.30], np.float32)
    surface.paint(np.clip(streaks - 0.12, 0, 1) * rng.uniform(0.2, 0.75), tint)
    surface.paint(np.clip((0.20 - np.hypot(view.u, (view.v + 0.74) * 1.8)) * 6, 0, 0.6), colour * 0.45)
    lean = rng.uniform(-0.16, 0.16)
    surface.cover(view.inside(segment_distance(view, (0.0, -0.72), (lean, -1.16), 0.05)), STEM)
    if rng.random() < 0.45:
        side = 1.0 if rng.random() < 0.5 else -1.0
        leaf = ellipse_distance(view, (lean + 0.27 * side, -1.08), (0.27, 0.10), -0.3 * side)
        surface.cover(view.inside(leaf), LEAF)
    return surface


def plum(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A dark egg with a pale bloom and one seam."""
    view = View.of(size, angle, 0.95, 1.15)
    surface = Surface(view, gloss=0.22, sharpness=16.0)
    width = rng.uniform(0.80, 0.9)
    radius = (np.sqrt(np.clip(1.0 - STATIONS**2, 0, 1)) * width).astype(np.float32)
    distance, normal = spun(view.u, view.v, STATIONS, radius)
    surface.cover(view.inside(distance), colour, normal)
    bend = rng.uniform(-0.55, 0.55)
    seam = np.abs(view.u - bend * np.sqrt(np.clip(1.0 - view.v**2, 0, 1)) * width)
    surface.paint(np.clip(0.75 - seam * 13.0, 0.0, 0.75), colour * 0.35)
    bloom = np.clip(0.25 + 0.55 * view.noise(rng, 2.5), 0.0, 0.55)
    surface.paint(bloom, np.array([0.62, 0.58, 0.74], np.float32))
    surface.cover(view.inside(segment_distance(view, (0, -0.96), (0.06, -1.1), 0.05)), STEM)
    return surface


def peach(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A velvety ball, red on one cheek and yellow on the other, with a deep crease."""
    surface = Surface(View.of(size, angle, 1.0, 1.0), gloss=0.0)
    view, pole = surface.view, np.array([0.0, -1.0, 0.0], np.float32)
    _globe(surface, colour, pole, rng.uniform(0.9, 0.98))
    cheek = np.clip(0.5 + 0.6 * view.noise(rng, 1.2) + 0.45 * view.u * rng.choice([-1.0, 1.0]), 0.0, 0.95)
    surface.paint(cheek, np.array([0.85, 0.27, 0.20], np.float32))
    surface.scale(1.0 + 0.06 * view.noise(rng, 9.0))
    bend = rng.uniform(-0.5, 0.5)
    crease = np.abs(view.u - bend * np.sqrt(np.clip(1.0 - view.v**2, 0, 1)))
    surface.paint(np.clip((0.8 - crease * 12.0) * np.clip(0.7 - view.v, 0, 1), 0.0, 0.7), colour * 0.4)
    rim = 1.0 - surface.normal[..., 2]
    surface.paint(np.clip(rim - 0.45, 0, 0.4), CREAM)
    if rng.random() < 0.5:
        leaf = ellipse_distance(view, (0.28, -0.86), (0.32, 0.12), 0.2)
        surface.cover(view.inside(leaf), LEAF)
    return surface


def _citrus(size: float, angle: float, colour: Array, rng: np.random.Generator, width: float, tip: float) -> Surface:
    view = View.of(size, angle, 0.9, 1.0)
    surface = Surface(view, gloss=0.3, sharpness=20.0)
    body = np.sqrt(np.clip(1.0 - (STATIONS / (1.0 - tip)) ** 2, 0, 1)) * width
    nipple = 0.16 * np.sqrt(np.clip(1.0 - np.abs(STATIONS) ** 6, 0, 1))
    radius = np.maximum(body, nipple * (1.0 - 0.35 * (STATIONS > 0))).astype(np.float32)
    radius[1:-1] = (radius[:-2] + radius[1:-1] + radius[2:]) / 3.0
    distance, normal = spun(view.u, view.v, STATIONS, radius)
    surface.cover(view.inside(distance), colour, normal)
    _pores(surface, rng, 0.09)
    ends = np.clip((np.abs(view.v) - 0.86) * 6.0, 0.0, 0.5)
    surface.paint(ends, colour * np.array([0.7, 0.75, 0.5], np.float32))
    surface.paint(np.clip((-view.v - 0.93) * 20.0, 0.0, 0.9), STEM)
    return surface


def lemon(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A long yellow fruit with a nipple at each end."""
    return _citrus(size, angle, colour, rng, rng.uniform(0.60, 0.68), 0.15)


def lime(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """Rounder, smaller-tipped and green, paler in patches."""
    surface = _citrus(size, angle, colour, rng, rng.uniform(0.76, 0.84), 0.07)
    pale = np.clip(surface.view.noise(rng, 1.5) - 0.2, 0, 1) * 0.5
    surface.paint(pale, np.array([0.72, 0.78, 0.30], np.float32))
    return surface


def pear(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A narrow neck over a wide belly, freckled, with a stem."""
    view = View.of(size, angle, 0.8, 1.2)
    surface = Surface(view, gloss=0.18, sharpness=14.0)
    belly = np.clip(1.0 - ((STATIONS - 0.38) / 0.62) ** 2, 0, 1) ** 0.5 * rng.uniform(0.64, 0.7)
    neck = np.clip(1.0 - ((STATIONS + 0.42) / 0.58) ** 2, 0, 1) ** 0.5 * rng.uniform(0.32, 0.37)
    radius = np.maximum(belly, neck)
    for _ in range(4):
        radius[1:-1] = (radius[:-2] + radius[1:-1] * 1.4 + radius[2:]) / 3.4
    distance, normal = spun(view.u, view.v, STATIONS, radius.astype(np.float32))
    surface.cover(view.inside(distance), colour, normal)
    surface.paint(np.clip(view.noise(rng, 14.0) - 0.55, 0, 1) * 1.6, np.array([0.45, 0.38, 0.16], np.float32))
    surface.paint(np.clip(view.noise(rng, 1.0), 0, 1) * 0.25, np.array([0.82, 0.72, 0.25], np.float32))
    lean = rng.uniform(-0.14, 0.14)
    surface.cover(view.inside(segment_distance(view, (0, -0.96), (lean, -1.15), 0.05)), STEM)
    return surface


def carrot(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A ringed cone with a tuft of green."""
    view = View.of(size, angle, 0.5, 1.0)
    surface = Surface(view, gloss=0.12, sharpness=16.0)
    top = -0.58
    for lean in rng.uniform(-0.28, 0.28, 4):
        blade = segment_distance(view, (lean * 0.2, top + 0.05), (lean, -0.94), 0.055)
        surface.cover(view.inside(blade), LEAF * rng.uniform(0.8, 1.25))
    stations = np.linspace(top, 1.0, 41, dtype=np.float32)
    share = (stations - top) / (1.0 - top)
    radius = rng.uniform(0.25, 0.31) * (1.0 - share) ** 0.65 * np.clip(share * 14.0, 0.35, 1.0) + 0.012
    distance, normal = spun(view.u, view.v, stations, radius.astype(np.float32))
    surface.cover(view.inside(distance), colour, normal)
    body = (view.v > top + 0.06).astype(np.float32)
    rings = np.clip(np.sin(view.v * rng.uniform(24, 32) + view.noise(rng, 3.0) * 2.5) - 0.55, 0, 1) * body
    surface.paint(rings * 0.9 * (view.u * rng.choice([-1, 1]) < 0.12), colour * 0.6)
    return surface


def potato(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A dull, lumpy, mottled body with dark eyes."""
    view = View.of(size, angle, 0.95, 1.05)
    surface = Surface(view, gloss=0.03)
    phases = rng.uniform(0, 6.28, 3)
    lumps = sum(0.045 * np.sin(k * STATIONS * 3.1 + phases[k - 1]) for k in (1, 2, 3))
    radius = np.clip(1.0 - STATIONS**2, 0, 1) ** 0.46 * (rng.uniform(0.62, 0.74) + lumps)
    bend = rng.uniform(-0.14, 0.14)
    distance, normal = spun(view.u - bend * (view.v**2 - 0.4), view.v, STATIONS, radius.astype(np.float32))
    surface.cover(view.inside(distance), colour, normal)
    surface.scale(1.0 + 0.16 * view.noise(rng, 5.0) + 0.07 * view.noise(rng, 14.0))
    for _ in range(rng.integers(3, 7)):
        spot = (rng.uniform(-0.4, 0.4), rng.uniform(-0.7, 0.7))
        eye = ellipse_distance(view, spot, (0.09, 0.045), rng.uniform(0, 3))
        surface.paint(view.inside(eye) * 0.75, colour * 0.45)
    return surface


def banana(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A bent, ridged, tapering finger with dark ends."""
    bend = rng.uniform(0.75, 1.05)
    view = View.of(size, angle, 0.62, 1.02)
    surface = Surface(view, gloss=0.12, sharpness=12.0)
    circle = 0.94 / math.sin(bend)
    centre = circle * (1.0 + math.cos(bend)) / 2.0
    turn = np.arctan2(view.v, view.u + centre) / bend
    across = np.hypot(view.u + centre, view.v) - circle
    belly = rng.uniform(0.21, 0.26) * np.clip(1.0 - np.abs(STATIONS * 0.98) ** 3.2, 0, 1) ** 0.7
    radius = np.maximum(belly, np.where(STATIONS < 0, 0.075, 0.05)).astype(np.float32)
    distance, turned = spun(across, turn, STATIONS, radius)
    c, s = np.cos(turn * bend), np.sin(turn * bend)
    normal = np.stack([c * turned[..., 0], s * turned[..., 0], turned[..., 2]], -1)
    surface.cover(view.inside(distance), colour, normal)
    share = across / np.maximum(np.interp(turn, STATIONS, radius), 1e-3)
    surface.paint(np.clip(0.5 - np.abs(share - 0.25) * 4.0, 0, 0.32), colour * 0.6)
    surface.scale(1.0 - 0.16 * np.clip(-share - 0.2, 0, 1))
    surface.paint(np.clip((np.abs(turn) - 0.87) * 12.0, 0.0, 0.9), STEM * 0.75)
    surface.paint(np.clip(view.noise(rng, 8.0) - 0.62, 0, 1) * rng.uniform(0, 2.2), STEM)
    return surface


def ball(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A play ball: one colour, a pale band between dark seams and a cap round the valve."""
    surface = Surface(View.of(size, angle), gloss=0.55, sharpness=60.0)
    pole = rng.normal(size=3).astype(np.float32)
    pole[2] = abs(pole[2]) * 0.6
    pole /= np.float32(np.linalg.norm(pole))
    cosine, _ = _globe(surface, colour, pole, 1.0)
    pale = CREAM if float(colour.min()) < 0.72 else np.array([0.45, 0.47, 0.52], np.float32)
    latitude = np.abs(cosine - 0.05)
    surface.paint(np.clip((0.17 - latitude) * 16.0, 0.0, 1.0), pale)
    surface.paint(np.clip(1.0 - np.abs(latitude - 0.20) * 22.0, 0.0, 0.85), colour * 0.3)
    surface.paint(np.clip((cosine - 0.93) * 40.0, 0.0, 1.0), pale)
    return surface


def can(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A drinks can: shiny lid and rims, a coloured side with a printed emblem."""
    half = rng.uniform(0.52, 0.60)
    view = View.of(size, angle, half, 1.0)
    surface = Surface(view, gloss=0.5, sharpness=18.0)
    share = np.clip(view.u / half, -1.0, 1.0)
    bulge = 0.13 * np.sqrt(1.0 - share * share)
    normal = np.stack([share, 0.0 * share, np.sqrt(1.0 - share * share)], -1)
    down, up = view.v - 0.86 - bulge, -0.86 - view.v - bulge
    neck = np.abs(view.u) - half + np.clip(np.abs(view.v - bulge) - 0.76, 0, 0.2) * 0.5
    surface.cover(view.inside(np.maximum(neck, np.maximum(down, up))), colour, normal)
    level = view.v - bulge
    surface.paint(view.inside(0.76 - level) * 0.9, METAL)
    surface.paint(view.inside(level + 0.92), METAL)
    emblem = ellipse_distance(view, (rng.uniform(-0.1, 0.1), 0.08), (half * 0.62, 0.27), rng.uniform(-0.5, 0.5))
    surface.paint(view.inside(emblem), _contrast(colour))
    surface.paint(view.inside(np.abs(level + 0.40) - 0.035) * 0.8, _contrast(colour))
    lid = ellipse_distance(view, (0, -0.86), (half * 0.93, 0.125))
    surface.cover(view.inside(lid), METAL * 0.92)
    surface.paint(view.inside(np.abs(lid + 0.015) - 0.012), METAL * 0.55)
    surface.paint(view.inside(ellipse_distance(view, (0.03, -0.84), (half * 0.32, 0.05))), METAL * 0.4)
    return surface


def bottle(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """Shoulders, a long neck, a cap, a paper label and a streak of light."""
    half = rng.uniform(0.27, 0.34)
    view = View.of(size, angle, half, 1.0)
    surface = Surface(view, gloss=0.75, sharpness=34.0)
    shoulder = rng.uniform(-0.32, -0.12)
    neck = half * rng.uniform(0.34, 0.42)
    blend = np.clip((STATIONS - shoulder + 0.28) / 0.28, 0.0, 1.0)
    radius = neck + (half - neck) * blend * blend * (3.0 - 2.0 * blend)
    radius = np.where(np.abs(STATIONS) > 0.97, radius * 0.93, radius).astype(np.float32)
    distance, normal = spun(view.u, view.v, STATIONS, radius)
    surface.cover(view.inside(distance), colour, normal)
    surface.scale(1.0 + 0.25 * np.clip(np.abs(view.u) / half - 0.55, 0, 1))
    cap = view.inside(box_distance(view, -neck * 1.2, -1.0, neck * 1.2, -0.80, 0.03))
    cap_colour = CREAM if rng.random() < 0.5 else np.array([0.16, 0.16, 0.18], np.float32)
    surface.cover(cap * surface.alpha.clip(0.0, 1.0), cap_colour, normal)
    low, high = rng.uniform(0.55, 0.72), rng.uniform(0.0, 0.18)
    label = view.inside(box_distance(view, -1, high, 1, low)) * surface.alpha
    surface.paint(label, CREAM)
    surface.paint(view.inside(box_distance(view, -half * 0.6, high + 0.10, half * 0.6, high + 0.2)), colour * 0.7)
    for line in (0.28, 0.36):
        if high + line + 0.04 < low:
            bar = box_distance(view, -half * 0.5, high + line, half * 0.4, high + line + 0.035)
            surface.paint(view.inside(bar) * 0.6, np.array([0.2, 0.2, 0.2], np.float32))
    return surface


def mug(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A round cup with a ring of a handle and a dark mouth."""
    half, centre = 0.66, -0.30
    side = 1.0 if rng.random() < 0.5 else -1.0
    view = View.of(size, angle, 1.0, 0.95)
    surface = Surface(view, gloss=0.45, sharpness=30.0)
    tall = rng.uniform(0.68, 0.86)
    middle = (side * (centre + half), 0.05)
    ring = np.hypot((view.u - middle[0]) / 0.50, (view.v - middle[1]) / (tall * 0.58)) - 1.0
    surface.cover(view.inside((np.abs(ring) - 0.20) * 0.45), colour * 0.85)
    x = (view.u - side * centre) / half
    share = np.clip(x, -1.0, 1.0)
    rim = 0.17 * np.sqrt(1.0 - share * share)
    normal = np.stack([share, 0.0 * share, np.sqrt(1.0 - share * share)], -1)
    body = np.maximum(np.abs(x) * half - half + 0.05 * np.clip(view.v, 0, 1), view.v - tall - rim * 0.8)
    surface.cover(view.inside(np.maximum(body, -tall - view.v - rim)), colour, normal)
    mouth = ellipse_distance(view, (side * centre, -tall), (half, 0.17))
    surface.cover(view.inside(mouth), np.clip(colour * 1.15 + 0.06, 0, 1))
    inner = ellipse_distance(view, (side * centre, -tall + 0.015), (half * 0.87, 0.125))
    fill = np.array([0.20, 0.12, 0.07], np.float32) if rng.random() < 0.5 else colour * 0.4
    surface.cover(view.inside(inner), fill)
    if rng.random() < 0.5:
        band = view.inside(np.abs(view.v - rim * 0.8 - 0.1) - 0.07) * view.inside(body)
        surface.paint(band * 0.8, _contrast(colour))
    return surface


def box(size: float, angle: float, colour: Array, rng: np.random.Generator) -> Surface:
    """A parcel seen from a corner: three faces, tape over the top, a shipping label."""
    depth, skew = rng.uniform(0.25, 0.42), rng.choice([-1.0, 1.0])
    right, top = 1.0 - depth, -rng.uniform(0.45, 0.95) + depth * 0.62
    bottom, rise = 0.92, depth * 0.62
    view = View.of(size, angle, 1.0, 1.0)
    view = View(view.u * np.float32(skew), view.v, view.pixel, view.cosine, view.sine)
    surface = Surface(view, gloss=0.05)
    front = convex_distance(view, [(-1.0, top), (right, top), (right, bottom), (-1.0, bottom)])
    lid = convex_distance(view, [(-1.0 + depth, top - rise), (1.0, top - rise), (right, top), (-1.0, top)])
    flank = convex_distance(view, [(right, top), (1.0, top - rise), (1.0, bottom - rise), (right, bottom)])
    surface.cover(view.inside(flank), colour * 0.72, np.array([0.8 * skew, 0, 0.6], np.float32))
    surface.cover(view.inside(lid), np.clip(colour * 1.12 + 0.03, 0, 1), np.array([0, -0.8, 0.6], np.float32))
    surface.cover(view.inside(front), colour, np.array([-0.25 * skew, 0.1, 0.95], np.float32))
    surface.scale(1.0 + 0.05 * view.noise(rng, 5.0))
    middle, tape = (right - 1.0) / 2.0, 0.11
    tape_colour = np.clip(colour * 0.45 + 0.42, 0, 1)
    strip = [(middle + depth - tape, top - rise), (middle + depth + tape, top - rise), (middle + tape, top)]
    surface.paint(view.inside(convex_distance(view, [*strip, (middle - tape, top)])), tape_colour)
    surface.paint(view.inside(box_distance(view, middle - tape, top, middle + tape, top + 0.25)), tape_colour)
    left, low = rng.uniform(-0.88, -0.55), rng.uniform(0.35, 0.5)
    surface.paint(view.inside(box_distance(view, left, low, left + 0.5, low + 0.32)), CREAM)
    for bar in (0.07, 0.15, 0.23):
        line = box_distance(view, left + 0.07, low + bar, left + 0.40 - bar * 0.4, low + bar + 0.03)
        surface.paint(view.inside(line), np.array([0.2, 0.2, 0.2], np.float32))
    edges = np.minimum(np.minimum(np.abs(front), np.abs(lid)), np.abs(flank))
    surface.paint(np.clip(0.5 - edges / 0.03, 0.0, 0.35), colour * 0.3)
    return surface


def book(size: float, angle: float, colour: Array, rng: np.random.Generator, spine: bool | None = None) -> Surface:
    """A book by its spine (bands and a title) or by its cover (title, picture, page edges)."""
    if spine is None:
        spine = bool(rng.random() < 0.6)
    ink, bend = _contrast(colour), rng.uniform(0.0, 0.25)
    if spine:
        half = rng.uniform(0.20, 0.32)
        view = View.of(size, angle, half, 1.0)
        surface = Surface(view, gloss=0.14, sharpness=10.0)
        share = np.clip(view.u / half, -1, 1) * 0.75
        normal = np.stack([share, 0 * share, np.sqrt(1 - share * share)], -1)
        surface.cover(view.inside(box_distance(view, -half, -1.0, half, 1.0, 0.03)), colour, normal)
        for level in (0.80, 0.70, -0.80, -0.70):
            surface.paint(view.inside(np.abs(view.v - level) - 0.022), ink)
        start, length = rng.uniform(-0.55, -0.4), rng.uniform(0.5, 0.8)
        for offset in (-0.32, 0.22):
            title = box_distance(view, (offset - 0.17) * half, start, (offset + 0.17) * half, start + length)
            letters = (np.sin(view.v * 40.0 + offset) > -0.5).astype(np.float32)
            surface.paint(view.inside(title) * letters, ink)
            length *= 0.6
        return surface
    half = rng.uniform(0.66, 0.76)
    view = View.of(size, angle, half + 0.1, 1.0)
    surface = Surface(view, gloss=0.12, sharpness=10.0)
    pages = view.inside(box_distance(view, -half, -0.86, half + 0.09, 1.0))
    surface.cover(pages, CREAM * (0.85 + 0.12 * np.sin(np.maximum(view.u, view.v) * 120.0))[..., None])
    surface.cover(view.inside(box_distance(view, -half, -1.0, half, 0.90, 0.02)), colour)
    surface.paint(view.inside(box_distance(view, -half, -1.0, -half + 0.13, 0.90)), colour * 0.62)
    surface.paint(view.inside(box_distance(view, -half + 0.28, -0.74, half - 0.15, -0.58)), ink)
    surface.paint(view.inside(box_distance(view, -half + 0.38, -0.46, half - 0.3, -0.37)), ink)
    picture = ellipse_distance(view, (0.07, 0.22), (0.34, 0.30), bend)
    surface.paint(view.inside(picture), ink * 0.7 + colour * 0.3)
    return surface


DRAW: dict[str, Draw] = {
    "orange": orange,
    "lemon": lemon,
    "lime": lime,
    "tomato": tomato,
    "plum": plum,
    "peach": peach,
    "banana": banana,
    "carrot": carrot,
    "pear": pear,
    "potato": potato,
    "apple": apple,
    "book": book,
    "can": can,
    "bottle": bottle,
    "box": box,
    "mug": mug,
    "ball": ball,
}
