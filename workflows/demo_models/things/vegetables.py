"""Vegetables, one function a noun: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

Size is in pixels, angle in radians, colour the main RGB (3,) in 0..1. Knows nothing of scenes,
light or labels.
"""

from __future__ import annotations

import math

import numpy as np

from workflows.demo_models.surfaces import length, Array, Surface, View, Weights
from workflows.demo_models.things.forms import (
    LEAF,
    STEM,
    globe,
    halved,
    lathe,
    leaf,
    patches,
    pitted,
    pole_towards,
    ripening,
    sepals,
    spots,
    stalk,
    stick,
    sticker,
)

Rng = np.random.Generator
T = np.linspace(-1.0, 1.0, 81)
SOIL = np.array([0.30, 0.22, 0.14], np.float32)
GREEN = np.array([0.26, 0.46, 0.14], np.float32)


def _between(rng: Rng, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _softened(profile: Weights, width: int) -> Weights:
    """A profile with its corners rounded."""
    return np.convolve(np.pad(profile, width // 2, mode="edge"), np.ones(width) / width, mode="valid")


def tomato(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A glossy, flattened, faintly ribbed ball, mostly with its green star; sometimes halved."""
    if rng.random() < 0.05:
        return _tomato_cut(size, angle, colour, rng)
    view = View.of(size, angle, 1.04, 1.15, radius=1.15)
    surface = Surface(view, gloss=_between(rng, 0.3, 0.95), sharpness=_between(rng, 30, 140))
    pole, squash = pole_towards(rng, _between(rng, 0.4, 1.0)), _between(rng, 0.74, 1.02)
    if rng.random() < 0.35:
        pole = pole + np.array([0, 0, 0.8], np.float32)
        pole /= np.float32(math.sqrt(float(pole @ pole)))
    body = globe(
        view, pole, rng, squash, _between(rng, -0.05, 0.08), (_between(rng, 0.0, 0.14), _between(rng, 0.0, 0.05)),
        lumps=_between(rng, 0.0, 0.02),
    )  # fmt: skip
    surface.body(view.inside(body.distance), colour, body.normal)
    ripening(surface, rng, body, np.clip(colour * (1.05, 1.0, 0.8) + (0.05, 0.16, 0.0), 0, 1), _between(rng, 0.0, 0.6))
    near = np.clip(body.height + 0.2, 0.0, 1.0)
    ribs = np.cos(body.longitude() * float(rng.integers(4, 8)) + _between(rng, 0, 6))
    surface.scale(1.0 - np.float32(_between(rng, 0.0, 0.28)) * np.maximum(ribs - 0.2, 0.0) * near * near)
    if rng.random() < 0.25:
        shoulder = np.array([0.70, 0.48, 0.14]) if rng.random() < 0.6 else np.array([0.45, 0.5, 0.15])
        surface.paint(np.clip(body.height * 1.8 - 0.9, 0, 1) * _between(rng, 0.2, 0.8), shoulder)
    spots(surface, body, rng, 60.0, np.clip(colour + 0.2, 0, 1), _between(rng, 0.0, 0.2))
    if rng.random() < 0.82 and pole[2] > -0.35:
        green = GREEN * _between(rng, 0.75, 1.4)
        surface.scale(1.0 - 0.35 * np.exp((body.height - 1.0) * 9.0))
        sepals(surface, pole, rng, int(rng.integers(5, 7)), _between(rng, 0.3, 0.72), _between(rng, 0.05, 0.11), green,
               squash)  # fmt: skip
        if rng.random() < 0.8:
            stalk(surface, pole, rng, _between(rng, 0.06, 0.25), _between(rng, 0.03, 0.05), squash, 0.97,
                  green.astype(np.float32))  # fmt: skip
    else:
        surface.paint(np.clip((0.02 - 1.0 + body.height) * 70.0, 0, 1), (0.48, 0.36, 0.2))
    if rng.random() < 0.05:
        sticker(surface, rng)
    return surface


def _tomato_cut(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    view = View.of(size, angle, radius=1.02)
    surface = Surface(view, gloss=_between(rng, 0.4, 0.9), sharpness=_between(rng, 30, 90))
    body, coverage, face, cut = halved(view, rng)
    surface.body(coverage, colour, body.normal)
    surface.cover(face * surface.alpha, np.clip(colour * 1.05, 0, 1), (0.0, -0.25, 0.95))
    radius, turn = length(cut[0], cut[1]), np.arctan2(cut[1], cut[0])
    flesh = np.array([0.90, 0.42, 0.28]) * _between(rng, 0.85, 1.1)
    surface.paint(np.clip((0.95 - radius) * 25.0, 0, 1) * face, np.clip(flesh, 0, 1))
    number = int(rng.integers(3, 7))
    wedge = np.abs(np.mod(turn * np.float32(number / math.tau), 1.0) - 0.5) * math.tau / number * radius
    cell = np.clip((0.82 - radius) * 12.0, 0, 1) * np.clip((radius - 0.3) * 9.0, 0, 1)
    cell *= np.clip((math.pi / number * radius - wedge - 0.08) * 14.0, 0, 1) * face
    surface.paint(cell, np.array([0.72, 0.26, 0.10]))
    seeds = body.skin.sample("specks", 60.0) * cell
    surface.paint(seeds, (0.88, 0.72, 0.40))
    return surface


def carrot(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A ringed, tapering root: fat or slim, bent, with leaves, cropped green, or bare."""
    tuft = float(rng.random())
    top = -0.45 if tuft < 0.4 else -0.86 if tuft < 0.75 else -0.98
    view = View.of(size, angle, 0.62, 1.02)
    surface = Surface(view, gloss=_between(rng, 0.05, 0.45), sharpness=_between(rng, 10, 40))
    share = (T + 1.0) / 2.0
    blunt, wide = _between(rng, 0.3, 0.75), _between(rng, 0.15, 0.27)
    profile = wide * (1.0 - share) ** blunt * np.clip(share * 18.0, 0.2, 1.0) ** 0.5
    profile += 0.02 * wide * np.sin(share * _between(rng, 20, 60)) + 0.008
    tip_tail = 0.5 * wide if rng.random() < 0.2 else 0.0
    profile = np.maximum(profile, tip_tail * (share < 0.9))
    bend = _between(rng, -0.14, 0.14)
    body = lathe(view, _softened(profile, 3), rng, start=top, bend=bend, lumps=_between(rng, 0.0, 0.08))
    surface.body(view.inside(body.distance), colour, body.normal)
    pale = np.clip(colour + np.array([0.02, 0.14, 0.08]), 0, 1)
    patches(surface, body, 34.0, pale, _between(rng, 0.1, 0.7))
    ridge = np.sin(body.height * _between(rng, 26, 60) + body.skin.sample("clouds", 40.0) * 2.0)
    partial = np.clip(body.skin.sample("clouds", 50.0) + 0.2, 0.0, 1.0)
    surface.scale(1.0 - np.float32(_between(rng, 0.1, 0.4)) * np.maximum(ridge - 0.6, 0.0) * partial * 2.0)
    surface.normal[1] += np.float32(_between(rng, 0.0, 0.4)) * np.cos(body.height * 40.0) * partial
    if rng.random() < 0.35:
        patches(surface, body, 40.0, SOIL, _between(rng, 0.1, 0.5), 0.7)
    shoulder = np.array([0.50, 0.48, 0.14]) if rng.random() < 0.5 else SOIL
    surface.paint(np.clip((top + 0.09 - body.height) * 14.0, 0, 1) * _between(rng, 0.2, 0.9), shoulder)
    _carrot_top(surface, rng, top, tuft, wide, bend)
    return surface


def _carrot_top(surface: Surface, rng: Rng, top: float, tuft: float, wide: float, bend: float) -> None:
    """Feathery stalks, cropped stubs or a bare crown."""
    x0 = bend * (top * top - 0.4)
    if tuft < 0.4:
        for turn in rng.uniform(-0.5, 0.5, int(rng.integers(4, 9))):
            tip = (x0 + float(turn) * 0.75, _between(rng, -1.0, -0.75))
            green = LEAF * np.float32(_between(rng, 0.7, 1.7))
            stick(surface, (x0 + float(turn) * wide * 0.5, top + 0.04), tip, 0.022, green)
            for at in (0.55, 0.75, 0.95):
                base = (x0 + (tip[0] - x0) * at, top + (tip[1] - top) * at)
                aside = (base[0] + _between(rng, -0.2, 0.2), max(-1.0, base[1] - _between(rng, 0.02, 0.14)))
                leaf(surface, base, aside, 0.05, rng, green)
    elif tuft < 0.75:
        for turn in rng.uniform(-0.6, 0.6, int(rng.integers(2, 6))):
            tip = (x0 + float(turn) * wide, top - _between(rng, 0.06, 0.14))
            tone = (LEAF if rng.random() < 0.7 else STEM * np.float32(1.6)) * np.float32(_between(rng, 0.8, 1.5))
            stick(surface, (x0 + float(turn) * wide * 0.6, top + 0.03), tip, 0.03, tone)


def potato(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A dull, lumpy, mottled body: long or round, with eyes, scabs and soil."""
    wide = _between(rng, 0.58, 0.92)
    view = View.of(size, angle, wide * 1.12, 1.05, radius=1.1)
    surface = Surface(view, gloss=_between(rng, 0.0, 0.16), sharpness=_between(rng, 5, 12))
    phases = rng.uniform(0, 6.28, 3)
    lumps = sum(_between(rng, 0.01, 0.055) * np.sin(k * T * 2.4 + phases[k - 1]) for k in (1, 2, 3))
    profile = np.clip(1.0 - np.abs(T) ** _between(rng, 1.9, 2.5), 0, 1) ** 0.5 * (wide + lumps)
    body = lathe(view, profile, rng, bend=_between(rng, -0.2, 0.2), lumps=_between(rng, 0.03, 0.09))
    tone = colour * np.float32(_between(rng, 0.85, 1.1))
    surface.body(view.inside(body.distance), tone, body.normal)
    bulge = _between(rng, 0.1, 0.5)
    surface.normal[0] += bulge * body.skin.sample("clouds", 24.0)
    surface.normal[1] += bulge * body.skin.sample("clouds", 24.0)
    pitted(surface.normal, body.skin, 50.0, _between(rng, 0.02, 0.18))
    patches(surface, body, 24.0, np.clip(tone * (0.72, 0.66, 0.6), 0, 1), _between(rng, 0.2, 0.8))
    patches(surface, body, 50.0, np.clip(tone * (1.15, 1.15, 1.1), 0, 1), _between(rng, 0.0, 0.7))
    spots(surface, body, rng, _between(rng, 60, 90), tone * 0.45, _between(rng, 0.2, 0.8))
    surface.scale(1.0 + 0.06 * body.skin.sample("grain", 60.0))
    if rng.random() < 0.5:
        patches(surface, body, 34.0, SOIL, _between(rng, 0.2, 0.7), _between(rng, 0.3, 1.0))
    for _ in range(int(rng.integers(1, 7))):
        x, y, turn = _between(rng, -0.6, 0.6) * wide, _between(rng, -0.75, 0.75), _between(rng, -0.6, 0.6)
        reach = _between(rng, 0.05, 0.12)
        arc = np.linspace(-1.0, 1.0, 7)
        lid = np.stack([arc, 0.5 - 0.5 * arc**2], 1)
        low = np.stack([arc[::-1], 0.12 * (1 - arc**2)], 1)
        c, s = math.cos(turn), math.sin(turn)
        eye = np.concatenate([lid, low]) @ np.array([[c, s], [-s, c]]) * reach + (x, y)
        surface.mark(eye, tone * 0.4, _between(rng, 0.4, 0.85))
    return surface


def cucumber(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A long green cylinder: dark, streaked, warty or smooth, with a paler foot; or a cut piece."""
    wide = _between(rng, 0.14, 0.24)
    view = View.of(size, angle, wide + 0.22, 1.02)
    surface = Surface(view, gloss=_between(rng, 0.1, 0.7), sharpness=_between(rng, 12, 50))
    profile = wide * np.clip(1.0 - np.abs(T) ** _between(rng, 7, 18), 0, 1) ** 0.55
    profile = profile * (1.0 + _between(rng, -0.14, 0.14) * T)
    cut = rng.random() < 0.22
    if cut:
        profile[:6] = profile[6]
    body = lathe(
        view, profile, rng, start=-0.97 if not cut else -0.9, tilt=-0.3 if cut else 0.0,
        bend=_between(rng, -0.16, 0.16), lumps=_between(rng, 0.0, 0.06),
    )  # fmt: skip
    dark = np.clip(colour * np.float32(_between(rng, 0.4, 1.0)), 0, 1)
    surface.body(view.inside(body.distance), dark, body.normal)
    turn = np.arcsin(body.across * 0.99)
    pale = np.clip(dark * (1.7, 1.5, 1.5) + (0.08, 0.1, 0.03), 0, 1)
    stripes = np.sin(turn * _between(rng, 5, 11) + body.skin.sample("clouds", 20.0) * 0.7)
    surface.paint(np.clip(stripes * 1.2 - 0.4, 0, 1) * np.clip(body.height + _between(rng, -0.6, 0.6), 0, 1)
                  * _between(rng, 0.1, 0.7), pale)  # fmt: skip
    surface.paint(np.clip(body.height * 1.5 - 0.9, 0, 1) * _between(rng, 0.0, 0.6), pale)
    pitted(surface.normal, body.skin, _between(rng, 30, 44), _between(rng, 0.05, 0.3))
    if rng.random() < 0.55:
        spots(surface, body, rng, _between(rng, 34, 50), np.clip(pale * 1.1, 0, 1), _between(rng, 0.3, 0.9))
    patches(surface, body, 24.0, dark * 0.6, _between(rng, 0.0, 0.5))
    if cut:
        _cucumber_face(surface, profile[0], rng)
    elif rng.random() < 0.6:
        bend = 0.0
        stick(surface, (bend, -0.93), (bend + _between(rng, -0.06, 0.06), -1.01), 0.035, dark * np.float32(0.9))
    return surface


def _cucumber_face(surface: Surface, radius: float, rng: Rng) -> None:
    """The cut end: pale flesh, a ring of seeds."""
    piece = surface.part([(0.0, -0.9)], radius + 0.1)
    # The end lies where the bow of the axis put it: find it from the drawn body.
    rows = np.abs(piece.view.v + 0.88) < piece.view.pixel
    hit = rows & (piece.alpha > 0.5)
    x0 = float(piece.view.u[hit].mean()) if hit.any() else 0.0
    x, y = (piece.view.u - x0) / radius, (piece.view.v + 0.9) / (radius * 0.42)
    reach, turn = length(x, y), np.arctan2(y, x)
    face = piece.view.inside((reach - 1.0) * (radius * 0.42))
    piece.cover(face, (0.50, 0.62, 0.22), (0.0, -0.75, 0.6))
    piece.paint(face * np.clip((0.93 - reach) * 14.0, 0, 1), np.array([0.84, 0.90, 0.62]))
    piece.paint(face * np.clip((0.62 - reach) * 10.0, 0, 1) * 0.6, (0.70, 0.80, 0.42))
    seeds = np.exp(np.square(reach - 0.42) * -60.0) * np.clip(np.sin(turn * float(rng.integers(9, 15))), 0, 1)
    piece.paint(face * seeds * 0.7, (0.93, 0.92, 0.74))


def eggplant(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A very glossy dark club, slim or fat, under a green cap with a stalk."""
    wide = _between(rng, 0.34, 0.62)
    view = View.of(size, angle, wide + 0.2, 1.05)
    surface = Surface(view, gloss=_between(rng, 0.4, 1.0), sharpness=_between(rng, 30, 160))
    top, share = -0.66, (T + 1.0) / 2.0
    neck = _between(rng, 0.42, 0.75)
    profile = wide * (neck + (1.0 - neck) * np.sin(np.clip(share * 1.35, 0, 1) * math.pi / 2) ** 2)
    profile *= np.clip(1.0 - share ** _between(rng, 4.0, 8.0), 0, 1) ** 0.5 * np.clip(share * 12.0, 0.05, 1.0) ** 0.4
    bend = _between(rng, -0.18, 0.18)
    body = lathe(view, _softened(profile, 5), rng, start=top, bend=bend, lumps=_between(rng, 0.0, 0.04))
    dark = np.clip(colour * np.float32(_between(rng, 0.22, 0.75)), 0, 1)
    surface.body(view.inside(body.distance), dark, body.normal)
    ripening(surface, rng, body, np.clip(colour * (1.1, 0.7, 0.9), 0, 1), _between(rng, 0.0, 0.5))
    under = np.clip((top + 0.26 - body.height) * 5.0, 0, 1)
    surface.paint(under * _between(rng, 0.0, 0.6), (0.72, 0.55, 0.66))
    if rng.random() < 0.2:
        streak = np.maximum(body.skin.sample("fibres", 34.0), 0.0)
        surface.paint(np.minimum(streak, 1.0) * _between(rng, 0.3, 0.8), (0.82, 0.74, 0.80))
    x0 = bend * (top * top - 0.4)
    green = np.array([0.32, 0.42, 0.16], np.float32) * np.float32(_between(rng, 0.7, 1.3))
    crown = float(np.max(profile[:12]))
    stick(surface, (x0, top), (x0 + _between(rng, -0.15, 0.15), -_between(rng, 0.86, 1.0)), 0.07, green, 0.2)
    number = int(rng.integers(3, 6))
    for place in np.linspace(-1.0, 1.0, number) + rng.normal(0, 0.08, number):
        long = _between(rng, 0.16, 0.4) * (1.1 - 0.4 * abs(float(place)))
        edge = crown * 0.45
        points = [
            (x0 + place * crown * 0.75 - edge, top + 0.02),
            (x0 + place * crown * 1.02, top + long + 0.05),
            (x0 + place * crown * 0.75 + edge, top + 0.02),
            (x0 + place * crown * 0.3, top - 0.07),
        ]
        tone = green * np.float32(_between(rng, 0.85, 1.2))
        surface.fill(points, tone, (float(place) * 0.7, -0.3, 0.75))
    return surface


def pepper(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A bell pepper: glossy lobes with deep furrows, from the side or from its stem end."""
    if rng.random() < 0.35:
        return _pepper_top(size, angle, colour, rng)
    wide = _between(rng, 0.68, 0.9)
    view = View.of(size, angle, wide + 0.16, 1.05)
    surface = Surface(view, gloss=_between(rng, 0.45, 1.0), sharpness=_between(rng, 30, 140))
    top, share = -0.68, (T + 1.0) / 2.0
    profile = wide * np.clip(share * 9.0, 0.0, 1.0) ** 0.42 * np.clip(1.0 - share ** _between(rng, 5, 9), 0, 1) ** 0.5
    profile *= 1.0 - _between(rng, 0.05, 0.32) * share
    swing = _between(rng, -0.5, 0.5)
    lobes = 0.06 * np.cos(view.u * _between(rng, 6.0, 9.0) + swing)
    ends = np.where(view.v > 0, np.float32(-1.0), np.float32(0.8)) * np.square(view.v)
    level = view.v + lobes * ends * _between(rng, 0.5, 1.8)
    body = lathe(
        view, _softened(profile, 5), rng, start=top, bend=_between(rng, -0.1, 0.1), lumps=_between(rng, 0.02, 0.07),
        y=level.astype(np.float32),
    )  # fmt: skip
    surface.body(view.inside(body.distance), colour, body.normal)
    turn = np.arcsin(body.across * 0.995) + np.float32(swing)
    _furrows(surface, turn * _between(rng, 1.9, 2.5), np.stack([np.ones_like(turn), 0 * turn]), body.deep,
             _between(rng, 0.6, 1.2))  # fmt: skip
    _pepper_skin(surface, body, colour, rng)
    x0 = 0.0
    surface.scale(1.0 - 0.35 * np.exp(-(np.square(view.u * 2.4) + np.square((view.v - top - 0.04) * 5.0))))
    green = GREEN * np.float32(_between(rng, 0.8, 1.5))
    surface.fill([(x0 - 0.26, top + 0.08), (x0, top - 0.04), (x0 + 0.26, top + 0.08), (x0, top + 0.17)], green * 0.9,
                 (0, -0.6, 0.7))  # fmt: skip
    stick(surface, (x0, top + 0.08), (x0 + _between(rng, -0.22, 0.22), -_between(rng, 0.8, 1.0)), 0.075, green, 0.35)
    return surface


def _furrows(surface: Surface, phase: Weights, outward: Weights, deep: Weights, depth: float) -> None:
    """Turns a round body into lobes: normals swing about each furrow, which is dark."""
    phase = phase * np.float32(math.pi / 2)
    swing = np.sin(phase * 2.0) * np.float32(0.55 * depth)
    surface.normal[0] += swing * outward[0] * deep
    surface.normal[1] += swing * outward[1] * deep
    surface.scale(1.0 - np.float32(0.42 * depth) * np.exp(np.square(np.sin(phase)) * -14.0))


def _pepper_skin(surface: Surface, body: object, colour: Array, rng: Rng) -> None:
    from workflows.demo_models.things.forms import Solid

    assert isinstance(body, Solid)
    if rng.random() < 0.3:
        other = GREEN if colour[0] > colour[1] * 1.1 else np.array([0.85, 0.32, 0.08])
        ripening(surface, rng, body, other, _between(rng, 0.2, 0.8))
    patches(surface, body, 24.0, colour * 0.75, _between(rng, 0.0, 0.4))


def _pepper_top(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Seen along its axis: three or four lobes round a stem in a hollow."""
    view = View.of(size, angle, 1.06, 1.06, radius=1.1)
    surface = Surface(view, gloss=_between(rng, 0.45, 1.0), sharpness=_between(rng, 30, 140))
    pole = np.array([_between(rng, -0.45, 0.45), _between(rng, -0.5, 0.2), 1.0], np.float32)
    pole /= np.float32(math.sqrt(float(pole @ pole)))
    number, swing = int(rng.integers(3, 5)), _between(rng, 0, 6)
    polar = np.arctan2(view.v, view.u)
    dip = np.abs(np.sin(polar * (number / 2) + swing))
    shrink = 1.0 / (1.0 - np.float32(_between(rng, 0.08, 0.2)) * (1.0 - np.sqrt(dip)))
    wide = View(view.u * shrink, view.v * shrink, view.pixel, view.cosine, view.sine, view.origin)
    body = globe(wide, pole, rng, _between(rng, 0.8, 1.0), dent=(0.12, 0.0), dent_width=0.5, lumps=0.03)
    surface.body(view.inside(body.distance), colour, body.normal)
    side = np.stack([-np.sin(polar), np.cos(polar)])
    reach = np.clip(length(view.u, view.v) * 1.6 - 0.2, 0.0, 1.0)
    _furrows(surface, (polar * (number / 2) + swing) / (math.pi / 2), side, reach, _between(rng, 0.6, 1.1))
    _pepper_skin(surface, body, colour, rng)
    end = 1.0 - body.height
    surface.scale(1.0 - 0.55 * np.exp(end * -14.0))
    green = GREEN * np.float32(_between(rng, 0.8, 1.5))
    surface.paint(np.clip((0.05 + 0.012 * np.cos(polar * 5.0) - end) * 40.0, 0, 1), green)
    if rng.random() < 0.85:
        stalk(surface, pole, rng, _between(rng, 0.15, 0.35), 0.085, 0.85, 0.95, green)
    return surface


def onion(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Papery and veined from neck to root, brown, red or white; sometimes halved into rings."""
    if rng.random() < 0.1:
        return _onion_cut(size, angle, colour, rng)
    view = View.of(size, angle, 1.04, 1.2, radius=1.2)
    surface = Surface(view, gloss=_between(rng, 0.1, 0.55), sharpness=_between(rng, 10, 50))
    pole, squash = pole_towards(rng, _between(rng, 0.2, 0.95)), _between(rng, 0.78, 1.05)
    body = globe(view, pole, rng, squash, lumps=_between(rng, 0.0, 0.03))
    tilt = math.hypot(float(pole[0]), float(pole[1]))
    ex, ey = float(pole[0]) / max(tilt, 1e-3), float(pole[1]) / max(tilt, 1e-3)
    along, across = view.u * ex + view.v * ey, view.v * ex - view.u * ey
    foot = squash * tilt
    neck_long = _between(rng, 0.1, 0.28) * tilt
    rise = np.clip((along - foot * 0.72) / np.float32(0.28 * foot + neck_long), 0.0, 1.0)
    neck = np.abs(across) - (0.42 * (1.0 - rise) ** 1.6 + _between(rng, 0.05, 0.12))
    neck = np.maximum(neck, np.maximum(along - foot - neck_long, foot * 0.55 - along))
    shape = np.minimum(body.distance, neck) if tilt > 0.3 else body.distance
    surface.body(view.inside(shape), colour, body.normal)
    longitude = body.longitude()
    veins = np.sin(longitude * float(rng.integers(13, 22)) + body.skin.sample("clouds", 20.0) * 0.6)
    fine = np.sin(longitude * float(rng.integers(30, 48)) + body.skin.sample("clouds", 30.0))
    dark = np.clip(colour * (0.66, 0.5, 0.45), 0, 1)
    surface.paint(np.clip(veins * 1.4 - 0.8, 0, 1) * np.float32(_between(rng, 0.15, 0.7)), dark)
    surface.paint(np.clip(fine - 0.3, 0, 1) * np.float32(_between(rng, 0.0, 0.3)), np.clip(colour * 1.3, 0, 1))
    patches(surface, body, 20.0, np.clip(colour * (1.25, 1.3, 1.3), 0, 1), _between(rng, 0.0, 0.7))
    patches(surface, body, 30.0, dark, _between(rng, 0.0, 0.6), 0.5)
    surface.scale(1.0 + np.float32(_between(rng, 0.02, 0.07)) * body.skin.sample("grain", 40.0))
    dry = np.array([0.72, 0.56, 0.34], np.float32)
    surface.paint(np.clip(body.height * 3.0 - 2.1, 0, 1) * _between(rng, 0.2, 0.9), dry)
    surface.scale(1.0 - 0.4 * np.exp((body.height - 1.0) * 40.0))
    surface.paint(np.exp((-1.0 - body.height) * 40.0) * 0.8, SOIL * 1.6)
    if tilt > 0.5 and rng.random() < 0.3:
        for turn in rng.normal(0.0, 0.5, 5):
            tail = _between(rng, 0.05, 0.16)
            end = (-ex * (foot + tail) + float(turn) * 0.15, -ey * (foot + tail))
            stick(surface, (-ex * foot * 0.97, -ey * foot * 0.97), end, 0.014, dry)
    return surface


def _onion_cut(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    view = View.of(size, angle, radius=1.02)
    surface = Surface(view, gloss=_between(rng, 0.2, 0.6), sharpness=_between(rng, 20, 60))
    body, coverage, face, cut = halved(view, rng)
    surface.body(coverage, colour, body.normal)
    flesh = np.array([0.93, 0.93, 0.86])
    ring = np.clip(colour * (1.0, 0.75, 0.9), 0, 1) if colour[0] > 1.5 * colour[1] else np.array([0.70, 0.74, 0.52])
    surface.cover(face * surface.alpha, colour, (0.0, -0.25, 0.95))
    radius = length(cut[0], cut[1]) + 0.02 * body.skin.sample("clouds", 40.0)
    surface.paint(np.clip((0.95 - radius) * 30.0, 0, 1) * face, flesh)
    lines = np.clip(np.cos(radius * np.float32(math.tau * rng.integers(5, 9))) * 2.0 - 1.1, 0, 1)
    surface.paint(lines * face * np.clip((0.93 - radius) * 20.0, 0, 1) * _between(rng, 0.4, 0.9), ring)
    return surface
