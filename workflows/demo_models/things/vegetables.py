"""Vegetables from above ground, a function a noun: `(size, angle, colour, rng) -> Surface`, no two alike.

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
    Weights,
    ellipse_distance,
    length,
)
from workflows.demo_models.things.forms import (
    AXIS,
    GREEN,
    Solid,
    between,
    globe,
    halved,
    lathe,
    leaf,
    patches,
    pitted,
    pole_towards,
    ripening,
    sepals,
    softened,
    spots,
    stalk,
    stick,
    sticker,
)

Rng = np.random.Generator


def tomato(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A glossy, flattened, faintly ribbed ball, mostly with its green star; sometimes halved."""
    if rng.random() < 0.05:
        return _tomato_cut(size, angle, colour, rng)
    view = View.of(size, angle, 1.1, 1.18, radius=1.2)
    surface = Surface(view, gloss=between(rng, 0.3, 0.95), sharpness=between(rng, 30, 140))
    pole, squash = pole_towards(rng, between(rng, 0.4, 1.0)), between(rng, 0.74, 1.02)
    if rng.random() < 0.35:
        pole = pole + np.array([0, 0, 0.8], np.float32)
        pole /= np.float32(math.sqrt(float(pole @ pole)))
    body = globe(
        view,
        pole,
        rng,
        squash,
        between(rng, -0.05, 0.08),
        (between(rng, 0.0, 0.14), between(rng, 0.0, 0.05)),
        lumps=between(rng, 0.0, 0.02),
    )
    surface.body(view.inside(body.distance), colour, body.normal)
    ripening(surface, rng, body, np.clip(colour * (1.05, 1.0, 0.8) + (0.05, 0.16, 0.0), 0, 1), between(rng, 0.0, 0.6))
    near = np.clip(body.height + 0.2, 0.0, 1.0)
    ribs = np.cos(body.longitude() * float(rng.integers(4, 8)) + between(rng, 0, 6))
    surface.scale(1.0 - np.float32(between(rng, 0.0, 0.28)) * np.maximum(ribs - 0.2, 0.0) * near * near)
    if rng.random() < 0.25:
        shoulder = np.array([0.70, 0.48, 0.14]) if rng.random() < 0.6 else np.array([0.45, 0.5, 0.15])
        surface.paint(np.clip(body.height * 1.8 - 0.9, 0, 1) * between(rng, 0.2, 0.8), shoulder)
    spots(surface, body, 60.0, np.clip(colour + 0.2, 0, 1), between(rng, 0.0, 0.2))
    if rng.random() < 0.82 and pole[2] > -0.35:
        green = GREEN * between(rng, 0.75, 1.4)
        surface.scale(1.0 - 0.35 * np.exp((body.height - 1.0) * 9.0))
        sepals(
            surface,
            pole,
            rng,
            int(rng.integers(5, 7)),
            between(rng, 0.3, 0.72),
            between(rng, 0.05, 0.11),
            green,
            squash,
        )
        if rng.random() < 0.8:
            stalk(
                surface,
                pole,
                rng,
                between(rng, 0.06, 0.25),
                between(rng, 0.03, 0.05),
                squash,
                0.97,
                green.astype(np.float32),
            )
    else:
        surface.paint(np.clip((0.02 - 1.0 + body.height) * 70.0, 0, 1), (0.48, 0.36, 0.2))
    if rng.random() < 0.05:
        sticker(surface, rng)
    return surface


def _tomato_cut(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    view = View.of(size, angle, 1.06, 1.06, radius=1.06)
    surface = Surface(view, gloss=between(rng, 0.4, 0.9), sharpness=between(rng, 30, 90))
    body, coverage, face, cut = halved(view, rng)
    surface.body(coverage, colour, body.normal)
    surface.cover(face * surface.alpha, np.clip(colour * 1.05, 0, 1), (0.0, -0.25, 0.95))
    radius, turn = length(cut[0], cut[1]), np.arctan2(cut[1], cut[0])
    flesh = np.array([0.90, 0.42, 0.28]) * between(rng, 0.85, 1.1)
    surface.paint(np.clip((0.95 - radius) * 25.0, 0, 1) * face, np.clip(flesh, 0, 1))
    number = int(rng.integers(3, 7))
    wedge = np.abs(np.mod(turn * np.float32(number / math.tau), 1.0) - 0.5) * math.tau / number * radius
    cell = np.clip((0.82 - radius) * 12.0, 0, 1) * np.clip((radius - 0.3) * 9.0, 0, 1)
    cell *= np.clip((math.pi / number * radius - wedge - 0.08) * 14.0, 0, 1) * face
    surface.paint(cell, np.array([0.72, 0.26, 0.10]))
    seeds = body.skin.sample("specks", 60.0) * cell
    surface.paint(seeds, (0.88, 0.72, 0.40))
    return surface


def cucumber(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A long green cylinder: dark, streaked, warty or smooth, with a paler foot; or a cut piece."""
    wide = between(rng, 0.14, 0.24)
    view = View.of(size, angle, wide + 0.22, 1.02)
    surface = Surface(view, gloss=between(rng, 0.1, 0.7), sharpness=between(rng, 12, 50))
    profile = wide * np.clip(1.0 - np.abs(AXIS) ** between(rng, 7, 18), 0, 1) ** 0.55
    profile = profile * (1.0 + between(rng, -0.14, 0.14) * AXIS)
    cut = rng.random() < 0.22
    if cut:
        profile[:6] = profile[6]
    body = lathe(
        view,
        profile,
        rng,
        start=-0.97 if not cut else -0.9,
        tilt=-0.3 if cut else 0.0,
        bend=between(rng, -0.16, 0.16),
        lumps=between(rng, 0.0, 0.06),
    )
    dark = np.clip(colour * np.float32(between(rng, 0.4, 1.0)), 0, 1)
    surface.body(view.inside(body.distance), dark, body.normal)
    turn = np.arcsin(body.across * 0.99)
    pale = np.clip(dark * (1.7, 1.5, 1.5) + (0.08, 0.1, 0.03), 0, 1)
    stripes = np.sin(turn * between(rng, 5, 11) + body.skin.sample("clouds", 20.0) * 0.7)
    surface.paint(
        np.clip(stripes * 1.2 - 0.4, 0, 1)
        * np.clip(body.height + between(rng, -0.6, 0.6), 0, 1)
        * between(rng, 0.1, 0.7),
        pale,
    )
    surface.paint(np.clip(body.height * 1.5 - 0.9, 0, 1) * between(rng, 0.0, 0.6), pale)
    pitted(surface.normal, body.skin, between(rng, 30, 44), between(rng, 0.05, 0.3))
    if rng.random() < 0.55:
        spots(surface, body, between(rng, 34, 50), np.clip(pale * 1.1, 0, 1), between(rng, 0.3, 0.9))
    patches(surface, body, 24.0, dark * 0.6, between(rng, 0.0, 0.5))
    if cut:
        _cucumber_face(surface, profile[0], rng)
    elif rng.random() < 0.6:
        stick(surface, (0.0, -0.93), (between(rng, -0.06, 0.06), -1.01), 0.035, dark * np.float32(0.9))
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
    wide = between(rng, 0.34, 0.62)
    view = View.of(size, angle, wide + 0.2, 1.05)
    surface = Surface(view, gloss=between(rng, 0.4, 1.0), sharpness=between(rng, 30, 160))
    top, share = -0.66, (AXIS + 1.0) / 2.0
    neck = between(rng, 0.42, 0.75)
    profile = wide * (neck + (1.0 - neck) * np.sin(np.clip(share * 1.35, 0, 1) * math.pi / 2) ** 2)
    profile *= np.clip(1.0 - share ** between(rng, 4.0, 8.0), 0, 1) ** 0.5 * np.clip(share * 12.0, 0.05, 1.0) ** 0.4
    bend = between(rng, -0.18, 0.18)
    body = lathe(view, softened(profile, 5), rng, start=top, bend=bend, lumps=between(rng, 0.0, 0.04))
    dark = np.clip(colour * np.float32(between(rng, 0.22, 0.75)), 0, 1)
    surface.body(view.inside(body.distance), dark, body.normal)
    ripening(surface, rng, body, np.clip(colour * (1.1, 0.7, 0.9), 0, 1), between(rng, 0.0, 0.5))
    under = np.clip((top + 0.26 - body.height) * 5.0, 0, 1)
    surface.paint(under * between(rng, 0.0, 0.6), (0.72, 0.55, 0.66))
    if rng.random() < 0.2:
        streak = np.maximum(body.skin.sample("fibres", 34.0), 0.0)
        surface.paint(np.minimum(streak, 1.0) * between(rng, 0.3, 0.8), (0.82, 0.74, 0.80))
    x0 = bend * (top * top - 0.4)
    green = np.array([0.32, 0.42, 0.16], np.float32) * np.float32(between(rng, 0.7, 1.3))
    crown = float(np.max(profile[:12]))
    stick(surface, (x0, top), (x0 + between(rng, -0.15, 0.15), -between(rng, 0.86, 1.0)), 0.07, green, 0.2)
    cap = ellipse_distance(view, (x0, top + 0.02), (crown * 0.95, between(rng, 0.07, 0.13)))
    surface.cover(view.inside(cap), green, np.stack([body.across * 0.8, 0 * body.across - 0.4, body.deep]))
    number = int(rng.integers(4, 7))
    for place in np.linspace(-1.0, 1.0, number) + rng.normal(0, 0.08, number):
        long = between(rng, 0.16, 0.4) * (1.1 - 0.4 * abs(float(place)))
        base = (x0 + float(place) * crown * 0.45, top - 0.06)
        leaf(surface, base, (x0 + float(place) * crown * 1.06, top + long), between(rng, 0.13, 0.2), rng, green)
    return surface


def pepper(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A bell pepper: glossy lobes with deep furrows, from the side or from its stem end."""
    if rng.random() < 0.35:
        return _pepper_top(size, angle, colour, rng)
    wide = between(rng, 0.68, 0.9)
    view = View.of(size, angle, wide + 0.16, 1.05)
    surface = Surface(view, gloss=between(rng, 0.45, 1.0), sharpness=between(rng, 30, 140))
    top, share = -0.68, (AXIS + 1.0) / 2.0
    profile = wide * np.clip(share * 9.0, 0.0, 1.0) ** 0.42 * np.clip(1.0 - share ** between(rng, 3, 6), 0, 1) ** 0.5
    profile *= 1.0 - between(rng, 0.05, 0.32) * share
    swing = between(rng, -0.5, 0.5)
    lobes = 0.06 * np.cos(view.u * between(rng, 6.0, 9.0) + swing)
    ends = np.where(view.v > 0, np.float32(-1.0), np.float32(0.8)) * np.square(view.v)
    level = view.v + lobes * ends * between(rng, 0.3, 1.1)
    body = lathe(
        view,
        softened(profile, 5),
        rng,
        start=top,
        bend=between(rng, -0.1, 0.1),
        lumps=between(rng, 0.02, 0.07),
        y=level.astype(np.float32),
    )
    surface.body(view.inside(body.distance), colour, body.normal)
    turn = np.arcsin(body.across * 0.995) + np.float32(swing)
    _furrows(
        surface,
        turn * between(rng, 1.9, 2.5),
        np.stack([np.ones_like(turn), 0 * turn]),
        body.deep,
        between(rng, 0.6, 1.2),
    )
    _pepper_skin(surface, body, colour, rng)
    surface.scale(1.0 - 0.35 * np.exp(-(np.square(view.u * 2.4) + np.square((view.v - top - 0.04) * 5.0))))
    green = GREEN * np.float32(between(rng, 0.8, 1.5))
    surface.cover(
        view.inside(ellipse_distance(view, (0.0, top + 0.07), (between(rng, 0.16, 0.3), 0.07))),
        green * 0.9,
        (0.0, -0.6, 0.7),
    )
    stick(surface, (0.0, top + 0.08), (between(rng, -0.22, 0.22), -between(rng, 0.8, 1.0)), 0.075, green, 0.35)
    return surface


def _furrows(surface: Surface, phase: Weights, outward: Weights, deep: Weights, depth: float) -> None:
    """Turns a round body into lobes: normals swing about each furrow, which is dark."""
    phase = phase * np.float32(math.pi / 2)
    swing = np.sin(phase * 2.0) * np.float32(0.55 * depth)
    surface.normal[0] += swing * outward[0] * deep
    surface.normal[1] += swing * outward[1] * deep
    surface.scale(1.0 - np.float32(0.42 * depth) * np.exp(np.square(np.sin(phase)) * -14.0))


def _pepper_skin(surface: Surface, body: Solid, colour: Array, rng: Rng) -> None:
    if rng.random() < 0.3:
        other = GREEN if colour[0] > colour[1] * 1.1 else np.array([0.85, 0.32, 0.08])
        ripening(surface, rng, body, other, between(rng, 0.2, 0.8))
    patches(surface, body, 24.0, colour * 0.75, between(rng, 0.0, 0.4))


def _pepper_top(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Seen along its axis: three or four lobes round a stem in a hollow."""
    view = View.of(size, angle, 1.06, 1.06, radius=1.1)
    surface = Surface(view, gloss=between(rng, 0.45, 1.0), sharpness=between(rng, 30, 140))
    pole = np.array([between(rng, -0.45, 0.45), between(rng, -0.5, 0.2), 1.0], np.float32)
    pole /= np.float32(math.sqrt(float(pole @ pole)))
    number, swing = int(rng.integers(3, 5)), between(rng, 0, 6)
    polar = np.arctan2(view.v, view.u)
    dip = np.abs(np.sin(polar * (number / 2) + swing))
    shrink = 1.0 / (1.0 - np.float32(between(rng, 0.08, 0.2)) * (1.0 - np.sqrt(dip)))
    u, v = np.asarray(view.u * shrink, np.float32), np.asarray(view.v * shrink, np.float32)
    wide = View(u, v, view.pixel, view.cosine, view.sine, view.origin)
    body = globe(wide, pole, rng, between(rng, 0.8, 1.0), dent=(0.12, 0.0), dent_width=0.5, lumps=0.03)
    surface.body(view.inside(body.distance), colour, body.normal)
    side = np.stack([-np.sin(polar), np.cos(polar)])
    reach = np.clip(length(view.u, view.v) * 1.6 - 0.2, 0.0, 1.0)
    _furrows(surface, (polar * (number / 2) + swing) / (math.pi / 2), side, reach, between(rng, 0.6, 1.1))
    _pepper_skin(surface, body, colour, rng)
    end = 1.0 - body.height
    surface.scale(1.0 - 0.55 * np.exp(end * -14.0))
    green = GREEN * np.float32(between(rng, 0.8, 1.5))
    surface.paint(np.clip((0.05 + 0.012 * np.cos(polar * 5.0) - end) * 40.0, 0, 1), green)
    if rng.random() < 0.85:
        stalk(surface, pole, rng, between(rng, 0.15, 0.35), 0.085, 0.85, 0.95, green)
    return surface
