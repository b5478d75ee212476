"""Fruit but citrus, one function a noun: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

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
    BRUISE,
    LEAF,
    STEM,
    Solid,
    attach_leaves,
    between,
    globe,
    halved,
    lathe,
    leaf,
    patches,
    pitted,
    pole_towards,
    ripening,
    spots,
    stalk,
    stick,
    sticker,
)

Rng = np.random.Generator


def plum(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A dark egg under a pale bloom that fingers have rubbed off in places, with one seam."""
    pole, squash = pole_towards(rng, between(rng, 0.2, 0.9)), between(rng, 0.98, 1.3)
    view = View.of(size / squash, angle, 1.02 + 0.3 * abs(float(pole[0])), squash + 0.22, radius=squash + 0.22)
    surface = Surface(view, gloss=between(rng, 0.1, 0.55), sharpness=between(rng, 10, 60))
    body = globe(view, pole, rng, squash, dent=(between(rng, 0.02, 0.1), 0.0), dent_width=0.22, lumps=0.012)
    surface.body(view.inside(body.distance), colour, body.normal)
    warm = np.clip(colour * (1.5, 0.9, 0.75) + (0.06, 0, 0), 0, 1)
    ripening(surface, rng, body, warm, between(rng, 0.0, 0.8))
    seam = np.abs(body.across - between(rng, -0.6, 0.6) * np.sqrt(np.maximum(1.0 - np.square(body.height), 0.0)))
    line = np.exp(seam * -22.0) * (body.deep > 0.0)
    surface.scale(1.0 - np.float32(between(rng, 0.1, 0.5)) * line)
    bloom = between(rng, 0.05, 0.6)
    patches(surface, body, 22.0, (0.60, 0.58, 0.72), bloom, between(rng, -1.0, 0.5))
    surface.gloss *= np.float32(1.0 - 0.6 * bloom)
    if rng.random() < 0.5:
        spots(surface, body, 55.0, (0.62, 0.5, 0.5), between(rng, 0.1, 0.4))
    if rng.random() < 0.55:
        stalk(surface, pole, rng, between(rng, 0.1, 0.22), 0.035, squash)
    attach_leaves(surface, pole, rng, 0.08, squash)
    return surface


def peach(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A matt downy ball, red-cheeked over cream and orange, with a seam into a deep hollow."""
    view = View.of(size, angle, 1.05, 1.1, radius=1.1)
    surface = Surface(view, gloss=between(rng, 0.0, 0.1), sharpness=between(rng, 4, 10))
    pole, squash = pole_towards(rng, between(rng, 0.3, 0.95)), between(rng, 0.88, 1.02)
    body = globe(view, pole, rng, squash, dent=(between(rng, 0.06, 0.16), 0.0), lumps=0.012)
    surface.body(view.inside(body.distance), colour, body.normal)
    ripening(surface, rng, body, (0.96, 0.80, 0.42), between(rng, 0.2, 0.8))
    blush = np.array([between(rng, 0.66, 0.86), between(rng, 0.14, 0.32), between(rng, 0.12, 0.2)])
    ripening(surface, rng, body, blush, between(rng, 0.5, 0.95))
    spots(surface, body, 60.0, blush, between(rng, 0.0, 0.5))
    streak = np.maximum(body.skin.sample("fibres", 40.0), 0.0)
    surface.paint(streak * np.float32(between(rng, 0.0, 0.25)), blush)
    shift = between(rng, -0.5, 0.5)
    seam = np.abs(body.across - shift * np.sqrt(np.maximum(1.0 - np.square(body.height), 0.0)))
    groove = np.exp(seam * -14.0) * np.clip(body.height + 0.7, 0.0, 1.0) * (body.deep > -0.2)
    surface.scale(1.0 - np.float32(between(rng, 0.2, 0.45)) * groove)
    surface.scale(1.0 - 0.4 * np.exp((body.height - 1.0) * 16.0))
    down = 1.0 - np.minimum(body.normal[2], 1.0)
    surface.paint(np.square(down) * np.float32(between(rng, 0.1, 0.4)), (0.97, 0.86, 0.72))
    if rng.random() < 0.2:
        stalk(surface, pole, rng, 0.06, 0.05, squash)
    attach_leaves(surface, pole, rng, 0.12, squash)
    return surface


def apple(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Wide at the shoulders, hollow at both ends, streaked and two-toned, from any side."""
    view = View.of(size, angle, 1.1, 1.25, radius=1.25)
    surface = Surface(view, gloss=between(rng, 0.12, 0.75), sharpness=between(rng, 12, 80))
    pole, squash = pole_towards(rng, between(rng, 0.3, 1.0)), between(rng, 0.84, 1.04)
    body = globe(
        view,
        pole,
        rng,
        squash,
        between(rng, 0.0, 0.16),
        (between(rng, 0.07, 0.16), between(rng, 0.02, 0.06)),
        0.25,
        lumps=between(rng, 0.0, 0.02),
    )
    surface.body(view.inside(body.distance), colour, body.normal)
    red = colour[0] > 1.6 * colour[1]
    ground = np.array([between(rng, 0.74, 0.92), between(rng, 0.64, 0.80), between(rng, 0.22, 0.36)])
    if red:
        ripening(surface, rng, body, ground, between(rng, 0.0, 0.95) ** 1.5)
        ripening(surface, rng, body, colour * between(rng, 0.45, 0.85), between(rng, 0.0, 0.8))
    elif rng.random() < 0.55:
        ripening(surface, rng, body, (0.85, 0.45, 0.22), between(rng, 0.1, 0.5))
    around = body.longitude() * np.float32(1.0)
    fibres = _streaks(around, body, rng)
    tint = ground if red else np.clip(colour * 1.2, 0, 1)
    surface.paint(np.maximum(fibres - 0.15, 0.0) * np.float32(between(rng, 0.0, 0.45)), tint)
    spots(surface, body, between(rng, 34, 60), ground, between(rng, 0.0, 0.5))
    end = 1.0 - body.height
    green = np.array([0.55, 0.56, 0.2], np.float32) if rng.random() < 0.6 else BRUISE
    surface.paint(np.exp(end * -between(rng, 12, 26)) * np.float32(between(rng, 0.2, 0.8)), green)
    surface.scale(1.0 - 0.7 * np.exp(end * -22.0))
    foot = 1.0 + body.height
    surface.scale(1.0 - 0.6 * np.exp(foot * -30.0))
    surface.paint(np.clip((0.014 - foot) * 120.0, 0, 0.9), BRUISE * 0.6)
    if rng.random() < 0.18:
        patches(surface, body, 50.0, BRUISE, between(rng, 0.2, 0.6), 1.4)
    if pole[2] > -0.3 and rng.random() < 0.85:
        stalk(surface, pole, rng, between(rng, 0.1, 0.34), between(rng, 0.025, 0.05), squash, 0.72)
        attach_leaves(surface, pole, rng, 0.2, squash * 0.9)
    if rng.random() < 0.08:
        sticker(surface, rng)
    return surface


def _streaks(longitude: Array, body: Solid, rng: Rng) -> Array:
    """Fine streaks from pole to foot (h, w), mean about 0."""
    waves = np.zeros_like(longitude)
    jitter = 0.7 * body.skin.sample("clouds", 30.0)
    for _ in range(3):
        waves += np.sin(longitude * float(rng.integers(7, 34)) + between(rng, 0, 6) + jitter * between(rng, 0.5, 3.0))
    return waves * np.float32(0.5)


def pear(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A neck over a belly, freckled and russet, leaning, with a bent stem; or its foot towards us."""
    view = View.of(size, angle, 0.95, 1.25, radius=1.25)
    surface = Surface(view, gloss=between(rng, 0.05, 0.5), sharpness=between(rng, 8, 40))
    russet = np.array([0.50, 0.38, 0.16], np.float32)
    upright = rng.random() > 0.15
    if not upright:
        pole = np.array([between(rng, -0.4, 0.4), -0.45, -0.8], np.float32)
        pole /= np.float32(math.sqrt(float(pole @ pole)))
        body = globe(view, pole, rng, 1.06, dent=(0.0, 0.08), lumps=0.02)
        surface.body(view.inside(body.distance * 0.8 + (length(view.u, view.v) - 0.82) * 0.2), colour, body.normal)
        foot = 1.0 + body.height
    else:
        centre, waist = between(rng, 0.3, 0.42), between(rng, 0.22, 0.42)
        belly = np.sqrt(np.clip(1.0 - ((AXIS - centre) / (1.0 - centre)) ** 2, 0, 1)) * between(rng, 0.6, 0.76)
        neck = np.sqrt(np.clip(1.0 - ((AXIS + 0.4) / 0.6) ** 2, 0, 1)) * waist
        profile = np.maximum(belly, neck)
        for _ in range(3):
            profile = np.convolve(np.pad(profile, 4), np.ones(9) / 9, mode="valid")
        body = lathe(
            view,
            profile,
            rng,
            tilt=between(rng, -0.15, 0.15),
            bend=between(rng, -0.16, 0.16),
            lumps=between(rng, 0.01, 0.04),
        )
        surface.body(view.inside(body.distance), colour, body.normal)
        foot = 1.0 - body.height + np.square(view.u) * 2.0
    ripening(surface, rng, body, (0.80, 0.66, 0.22), between(rng, 0.0, 0.7))
    if rng.random() < 0.25:
        ripening(surface, rng, body, (0.72, 0.24, 0.12), between(rng, 0.2, 0.7))
    spots(surface, body, between(rng, 50, 80), russet, between(rng, 0.2, 0.8))
    patches(surface, body, 34.0, russet, between(rng, 0.1, 0.7), between(rng, -0.1, 0.9))
    surface.scale(1.0 + 0.04 * body.skin.sample("grain", 60.0))
    surface.paint(np.exp(np.maximum(foot, 0.0) * -40.0) * 0.8, BRUISE * 0.6)
    if rng.random() < 0.08:
        sticker(surface, rng, 0.3)
    if upright and rng.random() < 0.85:
        stick(surface, (0.0, -0.95), (between(rng, -0.2, 0.2), -between(rng, 1.1, 1.24)), 0.03, STEM, 0.5)
    return surface


def banana(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """One bent, ridged finger, green to brown-flecked, with dark ends."""
    view = View.of(size, angle, 0.7, 1.04)
    surface = Surface(view, gloss=between(rng, 0.05, 0.4), sharpness=between(rng, 8, 24))
    _finger(surface, colour, rng, between(rng, 0.5, 1.2), between(rng, 0.19, 0.29), between(rng, -0.6, 1.0))
    return surface


def _finger(surface: Surface, colour: Array, rng: Rng, bend: float, thick: float, age: float) -> None:
    """The finger bent by `bend` radians; `age` from green (-1) to brown (1)."""
    view = surface.view
    circle = 0.95 / math.sin(bend)
    centre = circle * (1.0 + math.cos(bend)) / 2.0
    u = view.u + np.float32(centre)
    turn = np.arctan2(view.v, u) * np.float32(1.0 / bend)
    off = length(u, view.v) - np.float32(circle)
    taper = np.clip(1.0 - np.abs(AXIS * 0.98 + 0.06) ** between(rng, 2.6, 4.0), 0, 1) ** 0.65
    profile = np.maximum(thick * taper, np.where(AXIS < 0, 0.065, 0.04))
    profile = np.convolve(np.pad(profile, 3, mode="edge"), np.ones(7) / 7, mode="valid")
    body = lathe(view, profile, rng, x=off, y=turn)
    c, s = np.cos(turn * np.float32(bend)), np.sin(turn * np.float32(bend))
    across, deep = body.normal[0], body.normal[2]
    flats = np.round(np.arcsin(body.across) * 1.6 + 0.3) / 1.6 - 0.19
    blend = np.float32(between(rng, 0.2, 0.75))
    across = across + blend * (np.sin(flats) - across)
    normal = np.stack([c * across, s * across, deep])
    surface.cover(view.inside(body.distance), colour, normal)
    on = (body.distance < view.pixel).astype(np.float32)
    green = np.array([0.52, 0.66, 0.18], np.float32)
    surface.paint(on * np.clip(np.abs(turn) * 1.5 - 0.7 - 0.9 * age, 0.0, 1.0) * 0.8, green)
    ridge = np.exp(np.square(body.across - between(rng, -0.3, 0.4)) * -90.0)
    surface.scale(1.0 - on * ridge * np.float32(between(rng, 0.0, 0.16)))
    brown = np.array([0.28, 0.17, 0.06], np.float32)
    surface.paint(on * body.skin.sample("specks", 48.0, 0.6) * np.float32(max(0.0, age) * 0.95), brown)
    surface.paint(on * np.clip(body.skin.sample("clouds", 40.0) - 1.6 + age, 0, 1) * 0.6, brown)
    tips = np.clip((np.abs(turn + 0.02) - between(rng, 0.88, 0.93)) * 12.0, 0.0, 0.95)
    surface.paint(on * tips, brown * between(rng, 0.6, 1.5))
    surface.scale(1.0 - on * 0.2 * np.clip(-body.across - 0.1, 0, 1))


def strawberry(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A glossy red cone, seeded in rows of pits, under a green ruff; white-shouldered at times."""
    view = View.of(size, angle, 0.9, 1.08, radius=1.08)
    surface = Surface(view, gloss=between(rng, 0.3, 0.9), sharpness=between(rng, 20, 90))
    point, top = between(rng, 0.55, 0.95), -0.72
    s = (AXIS + 1.0) / 2.0
    profile = between(rng, 0.68, 0.84) * np.sqrt(np.clip(s * 5.5, 0, 1)) * np.clip(1.0 - s**2.2, 0, 1) ** point
    profile = np.convolve(np.pad(profile, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    body = lathe(
        view,
        profile,
        rng,
        start=top,
        end=1.0,
        tilt=between(rng, 0.0, 0.35),
        bend=between(rng, -0.15, 0.15),
        lumps=between(rng, 0.02, 0.07),
    )
    surface.body(view.inside(body.distance), colour, body.normal)
    pale = np.array([0.93, 0.74, 0.58], np.float32)
    surface.paint(np.clip((between(rng, -0.9, -0.3) - body.height) * 3.0, 0, 0.8), pale)
    patches(surface, body, 30.0, colour * between(rng, 0.55, 0.8), between(rng, 0.1, 0.7))
    rows = between(rng, 7.0, 9.5)
    level = body.height * np.float32(rows)
    row = np.floor(level)
    ring = np.arcsin(body.across * 0.985) * np.float32(rows * 0.52) + np.mod(row, 2.0) * 0.5
    ring += 0.12 * body.skin.sample("clouds", 60.0)
    dx, dy = ring - np.floor(ring) - 0.5, level - row - 0.5
    spot = np.square(dx * 1.25) + np.square(dy)
    surface.scale(1.0 - np.float32(between(rng, 0.3, 0.5)) * np.exp(spot * -16.0))
    surface.normal[0] += 1.6 * dx * np.exp(spot * -14.0)
    surface.normal[1] += 1.6 * dy * np.exp(spot * -14.0)
    seed = np.clip((0.030 - np.square(dx * 1.9) - np.square(dy)) * 60.0, 0, 1)
    gold = np.array([0.90, 0.72, 0.30]) * between(rng, 0.6, 1.1)
    surface.paint(seed * np.float32(0.85), gold)
    if rng.random() < 0.93:
        pole = np.array([between(rng, -0.25, 0.25), -0.9, between(rng, 0.0, 0.5)], np.float32)
        ruff = surface.part([(-0.8, -1.05), (0.8, 0.0)])
        _ruff(ruff, pole, rng, top)
    return surface


def _ruff(surface: Surface, pole: Array, rng: Rng, top: float) -> None:
    """A strawberry's leaves and stalk about its flat end."""
    base = top + 0.05
    green = LEAF * np.float32(between(rng, 0.8, 1.5))
    if rng.random() < 0.7:
        stick(surface, (0.0, base), (between(rng, -0.2, 0.2), base - between(rng, 0.08, 0.3)), 0.035, green)
    for turn in np.linspace(-1.45, 1.45, int(rng.integers(5, 9))) + rng.normal(0, 0.12):
        long = between(rng, 0.32, 0.6)
        tip = (long * math.sin(turn) * 1.1, base + 0.55 * long * math.cos(turn) * (0.2 + float(pole[2])) - 0.05)
        leaf(surface, (float(turn) * 0.06, base - 0.03), tip, between(rng, 0.07, 0.13), rng, green)


def avocado(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A pebbled dark-green egg with a narrow end; often halved, with its stone or the hollow."""
    view = View.of(size, angle, 0.82, 1.04)
    surface = Surface(view, gloss=between(rng, 0.1, 0.5), sharpness=between(rng, 10, 40))
    wide, low = between(rng, 0.6, 0.72), between(rng, 0.18, 0.32)
    belly = np.sqrt(np.clip(1.0 - ((AXIS - low) / (1.0 - low)) ** 2, 0, 1)) * wide
    neck = np.sqrt(np.clip(1.0 - ((AXIS + 0.35) / 0.65) ** 2, 0, 1)) * wide * between(rng, 0.55, 0.8)
    profile = np.maximum(belly, neck)
    profile = np.convolve(np.pad(profile, 3), np.ones(7) / 7, mode="valid")
    body = lathe(view, profile, rng, bend=between(rng, -0.1, 0.1), lumps=between(rng, 0.0, 0.03))
    dark = np.clip(colour * np.float32(between(rng, 0.35, 0.9)), 0, 1)
    if rng.random() < 0.35:
        dark = dark * 0.5 + np.array([0.09, 0.06, 0.06], np.float32)
    surface.body(view.inside(body.distance), dark, body.normal)
    if rng.random() < 0.38:
        _avocado_cut(surface, body, low, wide, rng)
        return surface
    pitted(surface.normal, body.skin, between(rng, 24, 40), between(rng, 0.15, 0.5))
    spots(surface, body, 60.0, np.clip(dark * 1.9 + 0.05, 0, 1), between(rng, 0.2, 0.7))
    patches(surface, body, 24.0, np.clip(dark * (1.3, 1.35, 0.9), 0, 1), between(rng, 0.0, 0.8))
    surface.paint(np.clip((-0.94 - body.height) * 25.0, 0, 0.9), (0.45, 0.33, 0.18))
    return surface


def _avocado_cut(surface: Surface, body: Solid, low: float, wide: float, rng: Rng) -> None:
    """Turns the body into a half lying cut side up."""
    view = surface.view
    flat = np.array([0.0, 0.0, 1.0], np.float32).reshape(3, 1, 1)
    edge = np.clip((-body.distance - 0.035) / 0.02, 0.0, 1.0)
    surface.normal += edge * (flat - surface.normal)
    flesh = np.array([0.88, 0.85, 0.48]) * between(rng, 0.88, 1.05)
    surface.paint(edge, np.array([0.62, 0.70, 0.24]))
    surface.paint(np.clip((-body.distance - 0.08) / between(rng, 0.08, 0.22), 0, 1), flesh)
    surface.scale(1.0 + 0.03 * body.skin.sample("clouds", 60.0))
    centre, radius = (0.0, low + between(rng, -0.04, 0.08)), wide * between(rng, 0.42, 0.58)
    piece = surface.part([centre], radius * 1.2)
    x, y = (piece.view.u - centre[0]) / radius, (piece.view.v - centre[1]) / (radius * between(rng, 1.0, 1.15))
    reach = length(x, y)
    z = np.sqrt(np.maximum(1.0 - reach * reach, 0.0))
    stone = view.inside((reach - 1.0) * radius)
    if rng.random() < 0.65:
        piece.cover(stone, np.array([0.42, 0.24, 0.12]) * between(rng, 0.7, 1.5), np.stack([x, y, z + 0.05]), 0.35)
        piece.scale(1.0 - 0.3 * np.exp(np.square(reach - 1.03) * -200.0))
    else:
        piece.paint(stone, flesh * (0.93, 0.85, 0.7))
        piece.normal[0] -= stone * x * 0.9
        piece.normal[1] -= stone * y * 0.9


def kiwi(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A brown fuzzy egg, or a cut one: green or golden round a white core with black seeds."""
    view = View.of(size, angle, 1.02, 1.02, radius=1.02)
    surface = Surface(view, gloss=between(rng, 0.0, 0.12), sharpness=8.0)
    if rng.random() < 0.4:
        return _kiwi_cut(size, angle, colour, rng)
    pole = pole_towards(rng, between(rng, 0.0, 0.8))
    turn = between(rng, 0, math.tau)
    flat = math.hypot(float(pole[0]), float(pole[1]))
    pole = np.array([flat * math.cos(turn), flat * math.sin(turn), pole[2]], np.float32)
    squash = between(rng, 0.76, 0.9)
    x = view.u / np.float32(squash)
    body = globe(View(x, view.v, view.pixel, view.cosine, view.sine, view.origin), pole, rng, 1.0, lumps=0.015)
    surface.body(view.inside(body.distance * np.float32(squash)), colour, body.normal)
    pitted(surface.normal, body.skin, 60.0, between(rng, 0.1, 0.35))
    fuzz = body.skin.sample("fibres", 60.0, spin=True) + body.skin.sample("grain", 70.0)
    surface.scale(1.0 + np.float32(between(rng, 0.05, 0.14)) * fuzz)
    patches(surface, body, 34.0, np.clip(colour * (1.1, 1.15, 0.8), 0, 1), between(rng, 0.0, 0.6))
    rim = 1.0 - np.minimum(body.normal[2], 1.0)
    surface.paint(np.square(rim) * np.float32(between(rng, 0.0, 0.5)), np.clip(colour * 1.5 + 0.05, 0, 1))
    surface.paint(np.exp(np.minimum(body.height - 1.0, 0.0) * 90.0), BRUISE * 0.6)
    return surface


def _kiwi_cut(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    view = View.of(size, angle, 1.06, 1.06, radius=1.06)
    surface = Surface(view, gloss=between(rng, 0.1, 0.5), sharpness=between(rng, 20, 60))
    body, coverage, face, cut = halved(view, rng, deep=between(rng, 0.8, 1.0))
    surface.body(coverage, colour, body.normal)
    surface.scale(1.0 + 0.1 * body.skin.sample("grain", 60.0))
    surface.cover(face * surface.alpha, np.clip(colour * 0.8, 0, 1), (0.0, -0.25, 0.95))
    radius, turn = length(cut[0], cut[1]), np.arctan2(cut[1], cut[0])
    flesh = np.array([0.45, 0.62, 0.12]) if rng.random() < 0.8 else np.array([0.86, 0.72, 0.18])
    flesh = flesh * between(rng, 0.85, 1.15)
    surface.paint(np.clip((0.96 - radius) * 30.0, 0, 1) * face, np.clip(flesh, 0, 1))
    rays = 0.5 + 0.5 * np.sin(turn * float(rng.integers(24, 40)))
    surface.paint(face * rays * np.exp(np.square(radius - 0.45) * -14.0) * 0.45, np.clip(flesh * 1.5 + 0.1, 0, 1))
    core = between(rng, 0.18, 0.28)
    surface.paint(np.clip((core - radius) * 18.0, 0, 1) * face, (0.90, 0.90, 0.68))
    number = int(rng.integers(22, 40))
    seed_turn = np.abs(np.mod(turn * np.float32(number / math.tau), 1.0) - 0.5)
    ring = np.exp(np.square(radius - core - 0.13 + 0.05 * np.sin(turn * 9.0)) * -700.0)
    surface.paint(np.clip((0.30 - seed_turn) * 9.0, 0, 1) * ring * face * 0.95, (0.05, 0.05, 0.04))
    return surface
