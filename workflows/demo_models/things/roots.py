"""What grows in the ground, one function a noun: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

Size is in pixels, angle in radians, colour the main RGB (3,) in 0..1. Knows nothing of scenes,
light or labels.
"""

from __future__ import annotations

import math

import numpy as np

from workflows.demo_models.surfaces import (
    Array,
    Surface,
    View,
    length,
)
from workflows.demo_models.things.forms import (
    AXIS,
    LEAF,
    SOIL,
    STEM,
    between,
    globe,
    halved,
    lathe,
    leaf,
    patches,
    pitted,
    pole_towards,
    softened,
    spots,
    stick,
)

Rng = np.random.Generator


def carrot(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A ringed, tapering root: fat or slim, bent, with leaves, cropped green, or bare."""
    tuft = float(rng.random())
    top = -0.45 if tuft < 0.4 else -0.86 if tuft < 0.75 else -0.98
    view = View.of(size, angle, 0.62, 1.02)
    surface = Surface(view, gloss=between(rng, 0.05, 0.45), sharpness=between(rng, 10, 40))
    share = (AXIS + 1.0) / 2.0
    blunt, wide = between(rng, 0.3, 0.75), between(rng, 0.15, 0.27)
    profile = wide * (1.0 - share) ** blunt * np.clip(share * 18.0, 0.2, 1.0) ** 0.5
    profile += 0.02 * wide * np.sin(share * between(rng, 20, 60)) + 0.008
    tip_tail = 0.5 * wide if rng.random() < 0.2 else 0.0
    profile = np.maximum(profile, tip_tail * (share < 0.9))
    bend = between(rng, -0.14, 0.14)
    body = lathe(view, softened(profile, 3), rng, start=top, bend=bend, lumps=between(rng, 0.0, 0.08))
    surface.body(view.inside(body.distance), colour, body.normal)
    pale = np.clip(colour + np.array([0.02, 0.14, 0.08]), 0, 1)
    patches(surface, body, 34.0, pale, between(rng, 0.1, 0.7))
    ridge = np.sin(body.height * between(rng, 26, 60) + body.skin.sample("clouds", 40.0) * 2.0)
    partial = np.clip(body.skin.sample("clouds", 50.0) + 0.2, 0.0, 1.0)
    surface.scale(1.0 - np.float32(between(rng, 0.1, 0.4)) * np.maximum(ridge - 0.6, 0.0) * partial * 2.0)
    surface.normal[1] += np.float32(between(rng, 0.0, 0.3)) * np.cos(body.height * between(rng, 24, 60)) * partial
    if rng.random() < 0.35:
        patches(surface, body, 40.0, SOIL, between(rng, 0.1, 0.5), 0.7)
    shoulder = np.array([0.50, 0.48, 0.14]) if rng.random() < 0.5 else SOIL
    surface.paint(np.clip((top + 0.09 - body.height) * 14.0, 0, 1) * between(rng, 0.2, 0.9), shoulder)
    _carrot_top(surface, rng, top, tuft, wide, bend)
    return surface


def _carrot_top(surface: Surface, rng: Rng, top: float, tuft: float, wide: float, bend: float) -> None:
    """Feathery stalks, cropped stubs or a bare crown."""
    x0 = bend * (top * top - 0.4)
    if tuft < 0.4:
        for turn in rng.uniform(-0.5, 0.5, int(rng.integers(4, 9))):
            tip = (x0 + float(turn) * 0.75, between(rng, -1.0, -0.75))
            green = LEAF * np.float32(between(rng, 0.7, 1.7))
            stick(surface, (x0 + float(turn) * wide * 0.5, top + 0.04), tip, 0.022, green)
            for at in (0.55, 0.75, 0.95):
                base = (x0 + (tip[0] - x0) * at, top + (tip[1] - top) * at)
                aside = (base[0] + between(rng, -0.2, 0.2), max(-1.0, base[1] - between(rng, 0.02, 0.14)))
                leaf(surface, base, aside, 0.05, rng, green)
    elif tuft < 0.75:
        for turn in rng.uniform(-0.6, 0.6, int(rng.integers(2, 6))):
            tip = (x0 + float(turn) * wide, top - between(rng, 0.06, 0.14))
            tone = (LEAF if rng.random() < 0.7 else STEM * np.float32(1.6)) * np.float32(between(rng, 0.8, 1.5))
            stick(surface, (x0 + float(turn) * wide * 0.6, top + 0.03), tip, 0.03, tone)


def potato(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A dull, lumpy, mottled body: long or round, with eyes, scabs and soil."""
    wide = between(rng, 0.58, 0.92)
    view = View.of(size, angle, wide * 1.25, 1.14, radius=1.18)
    surface = Surface(view, gloss=between(rng, 0.0, 0.16), sharpness=between(rng, 5, 12))
    phases = rng.uniform(0, 6.28, 3)
    lumps = sum(between(rng, 0.01, 0.055) * np.sin(k * AXIS * 2.4 + phases[k - 1]) for k in (1, 2, 3))
    profile = np.clip(1.0 - np.abs(AXIS) ** between(rng, 1.9, 2.5), 0, 1) ** 0.5 * (wide + lumps)
    body = lathe(view, profile, rng, bend=between(rng, -0.2, 0.2), lumps=between(rng, 0.03, 0.09))
    tone = colour * np.float32(between(rng, 0.85, 1.1))
    surface.body(view.inside(body.distance), tone, body.normal)
    bulge = between(rng, 0.1, 0.5)
    surface.normal[0] += bulge * body.skin.sample("clouds", 24.0)
    surface.normal[1] += bulge * body.skin.sample("clouds", 24.0)
    pitted(surface.normal, body.skin, 50.0, between(rng, 0.02, 0.18))
    patches(surface, body, 24.0, np.clip(tone * (0.72, 0.66, 0.6), 0, 1), between(rng, 0.2, 0.8))
    patches(surface, body, 50.0, np.clip(tone * (1.15, 1.15, 1.1), 0, 1), between(rng, 0.0, 0.7))
    spots(surface, body, between(rng, 60, 90), tone * 0.45, between(rng, 0.2, 0.8))
    surface.scale(1.0 + 0.06 * body.skin.sample("grain", 60.0))
    if rng.random() < 0.5:
        patches(surface, body, 34.0, SOIL, between(rng, 0.2, 0.7), between(rng, 0.3, 1.0))
    for _ in range(int(rng.integers(1, 7))):
        x, y, turn = between(rng, -0.6, 0.6) * wide, between(rng, -0.75, 0.75), between(rng, -0.6, 0.6)
        reach = between(rng, 0.05, 0.12)
        arc = np.linspace(-1.0, 1.0, 7)
        lid = np.stack([arc, 0.5 - 0.5 * arc**2], 1)
        low = np.stack([arc[::-1], 0.12 * (1 - arc**2)], 1)
        c, s = math.cos(turn), math.sin(turn)
        eye = np.concatenate([lid, low]) @ np.array([[c, s], [-s, c]]) * reach + (x, y)
        surface.mark(eye, tone * 0.4, between(rng, 0.4, 0.85))
    return surface


def onion(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Papery and veined from neck to root, brown, red or white; sometimes halved into rings."""
    if rng.random() < 0.1:
        return _onion_cut(size, angle, colour, rng)
    view = View.of(size, angle, 1.06, 1.26, radius=1.26)
    surface = Surface(view, gloss=between(rng, 0.1, 0.55), sharpness=between(rng, 10, 50))
    pole, squash = pole_towards(rng, between(rng, 0.2, 0.95)), between(rng, 0.78, 1.05)
    body = globe(view, pole, rng, squash, lumps=between(rng, 0.0, 0.03))
    tilt = math.hypot(float(pole[0]), float(pole[1]))
    ex, ey = float(pole[0]) / max(tilt, 1e-3), float(pole[1]) / max(tilt, 1e-3)
    along, across = view.u * ex + view.v * ey, view.v * ex - view.u * ey
    foot = squash * tilt
    neck_long = between(rng, 0.1, 0.28) * tilt
    rise = np.clip((along - foot * 0.72) / np.float32(0.28 * foot + neck_long), 0.0, 1.0)
    neck = np.abs(across) - (0.42 * (1.0 - rise) ** 1.6 + between(rng, 0.05, 0.12))
    neck = np.maximum(neck, np.maximum(along - foot - neck_long, foot * 0.55 - along))
    shape = np.minimum(body.distance, neck) if tilt > 0.3 else body.distance
    surface.body(view.inside(shape), colour, body.normal)
    surface.normal[2] += 0.7 * (body.distance > 0.0)
    longitude = body.longitude()
    veins = np.sin(longitude * float(rng.integers(13, 22)) + body.skin.sample("clouds", 20.0) * 0.6)
    fine = np.sin(longitude * float(rng.integers(30, 48)) + body.skin.sample("clouds", 30.0))
    dark = np.clip(colour * (0.66, 0.5, 0.45), 0, 1)
    surface.paint(np.clip(veins * 1.4 - 0.8, 0, 1) * np.float32(between(rng, 0.15, 0.7)), dark)
    surface.paint(np.clip(fine - 0.3, 0, 1) * np.float32(between(rng, 0.0, 0.3)), np.clip(colour * 1.3, 0, 1))
    patches(surface, body, 20.0, np.clip(colour * (1.25, 1.3, 1.3), 0, 1), between(rng, 0.0, 0.7))
    patches(surface, body, 30.0, dark, between(rng, 0.0, 0.6), 0.5)
    surface.scale(1.0 + np.float32(between(rng, 0.02, 0.07)) * body.skin.sample("grain", 40.0))
    dry = np.array([0.72, 0.56, 0.34], np.float32)
    surface.paint(np.clip(body.height * 3.0 - 2.1, 0, 1) * between(rng, 0.2, 0.9), dry)
    surface.scale(1.0 - 0.2 * np.exp((body.height - 1.0) * 40.0))
    surface.paint(np.exp((-1.0 - body.height) * 40.0) * 0.8, SOIL * 1.6)
    if tilt > 0.5 and rng.random() < 0.3:
        for turn in rng.normal(0.0, 0.5, 5):
            tail = between(rng, 0.05, 0.16)
            end = (-ex * (foot + tail) + float(turn) * 0.15, -ey * (foot + tail))
            stick(surface, (-ex * foot * 0.97, -ey * foot * 0.97), end, 0.014, dry)
    return surface


def _onion_cut(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    view = View.of(size, angle, 1.06, 1.06, radius=1.06)
    surface = Surface(view, gloss=between(rng, 0.2, 0.6), sharpness=between(rng, 20, 60))
    body, coverage, face, cut = halved(view, rng)
    surface.body(coverage, colour, body.normal)
    flesh = np.array([0.93, 0.93, 0.86])
    ring = np.clip(colour * (1.0, 0.75, 0.9), 0, 1) if colour[0] > 1.5 * colour[1] else np.array([0.70, 0.74, 0.52])
    surface.cover(face * surface.alpha, colour, (0.0, -0.25, 0.95))
    radius = length(cut[0], cut[1]) + 0.02 * body.skin.sample("clouds", 40.0)
    surface.paint(np.clip((0.95 - radius) * 30.0, 0, 1) * face, flesh)
    lines = np.clip(np.cos(radius * np.float32(math.tau * rng.integers(5, 9))) * 2.0 - 1.1, 0, 1)
    surface.paint(lines * face * np.clip((0.93 - radius) * 20.0, 0, 1) * between(rng, 0.4, 0.9), ring)
    return surface
