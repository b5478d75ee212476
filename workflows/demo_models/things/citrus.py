"""Oranges, lemons and limes: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

Size is in pixels, angle in radians, colour the main RGB (3,) in 0..1. Knows nothing of scenes,
light or labels.
"""

from __future__ import annotations

import math

import numpy as np

from workflows.demo_models.surfaces import (
    Array,
    Rgb,
    Surface,
    View,
    length,
)
from workflows.demo_models.things.forms import (
    AXIS,
    CREAM,
    LEAF,
    STEM,
    Solid,
    attach_leaves,
    between,
    globe,
    halved,
    lathe,
    patches,
    pitted,
    pole_towards,
    ripening,
    stalk,
    sticker,
)

Rng = np.random.Generator


def _cut_citrus(size: float, angle: float, colour: Array, flesh: Rgb, rng: Rng) -> Surface:
    """Half a citrus fruit: rind, pith and a wheel of segments."""
    view = View.of(size, angle, 1.06, 1.06, radius=1.06)
    surface = Surface(view, gloss=between(rng, 0.1, 0.5), sharpness=between(rng, 12, 60))
    body, coverage, face, cut = halved(view, rng, deep=between(rng, 0.75, 1.0))
    surface.body(coverage, colour, body.normal)
    pitted(surface.normal, body.skin, 46.0, 0.16)
    surface.cover(face * surface.alpha, np.clip(colour * 1.05, 0, 1), (0.0, -0.3, 0.9))
    radius, turn = length(cut[0], cut[1]), np.arctan2(cut[1], cut[0])
    number = int(rng.integers(8, 12))
    wedge = np.abs(np.mod(turn * np.float32(number / math.tau) + between(rng, 0, 1), 1.0) - 0.5)
    pith = view.inside(radius - np.float32(between(rng, 0.9, 0.96)))
    surface.paint(pith * face, CREAM)
    pulp = np.minimum(np.clip((0.87 - radius) * 14.0, 0, 1), np.clip((0.46 - wedge) * radius * 18.0, 0, 1))
    surface.paint(pulp * face, np.asarray(flesh) * between(rng, 0.85, 1.05))
    surface.scale(1.0 + 0.14 * body.skin.sample("grain", 55.0) * pulp)
    surface.paint(np.clip((0.09 - radius) * 20.0, 0, 1) * face, CREAM)
    return surface


def orange(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A pitted ball; its stem scar, a leaf, a green or yellow side, a sticker, a cut: now and then."""
    if rng.random() < 0.05:
        return _cut_citrus(size, angle, colour, np.clip(colour * (1.0, 1.1, 1.2), 0, 1), rng)
    leafy = rng.random() < 0.14
    reach = 1.35 if leafy else 1.02
    view = View.of(size, angle, 1.03, reach, radius=reach)
    surface = Surface(view, gloss=between(rng, 0.05, 0.5), sharpness=between(rng, 6, 30))
    pole, squash = pole_towards(rng, between(rng, 0.2, 1.0)), between(rng, 0.9, 1.03)
    body = globe(view, pole, rng, squash, dent=(between(rng, 0, 0.03), 0.0), lumps=between(rng, 0, 0.016))
    surface.body(view.inside(body.distance), colour, body.normal)
    hue = np.array([between(rng, -0.05, 0.03), between(rng, -0.13, 0.16), between(rng, -0.03, 0.06)])
    ripening(surface, rng, body, np.clip(colour + hue, 0, 1), between(rng, 0.2, 0.9))
    if rng.random() < 0.12:
        ripening(surface, rng, body, (0.62, 0.62, 0.12), between(rng, 0.2, 0.7))
    patches(surface, body, 26.0, np.clip(colour * (0.9, 0.78, 0.7), 0, 1), between(rng, 0.0, 0.35))
    pitted(surface.normal, body.skin, between(rng, 50, 110), between(rng, 0.04, 0.22))
    surface.scale(1.0 + np.float32(between(rng, 0.015, 0.06)) * body.skin.sample("grain", 50.0))
    if rng.random() < 0.35:
        patches(surface, body, 60.0, (0.62, 0.45, 0.25), between(rng, 0.1, 0.5), 1.1)
    end = 1.0 - body.height
    if rng.random() < 0.75:
        creases = 0.5 + 0.5 * np.cos(body.longitude() * float(rng.integers(5, 9)) + between(rng, 0, 6))
        surface.scale(1.0 - np.float32(between(rng, 0.05, 0.25)) * creases * np.exp(end * -9.0))
        surface.paint(np.clip((between(rng, 0.012, 0.03) - end) * 90.0, 0, 1), _scar(rng))
    elif rng.random() < 0.4:
        ring = np.exp(np.square(end - 0.09) * -900.0)
        surface.scale(1.0 - np.float32(between(rng, 0.15, 0.4)) * ring)
    if leafy:
        stalk(surface, pole, rng, between(rng, 0.05, 0.2), 0.04, squash, 0.97, LEAF)
        attach_leaves(surface, pole, rng, 1.0, squash)
    elif rng.random() < 0.07:
        sticker(surface, rng)
    return surface


def _scar(rng: Rng) -> Array:
    """Where the stem was: green, straw or brown."""
    choices = np.array([(0.33, 0.42, 0.14), (0.62, 0.55, 0.28), (0.30, 0.22, 0.12)], np.float32)
    return np.asarray(choices[int(rng.integers(0, 3))] * np.float32(between(rng, 0.8, 1.2)), np.float32)


def _citrus(size: float, angle: float, colour: Array, rng: Rng, width: float, tip: float) -> tuple[Surface, Solid]:
    """A pitted spindle with a nipple, from the side or end on."""
    if rng.random() < 0.28:
        view = View.of(size, angle, 1.06, 1.06, radius=1.06)
        surface = Surface(view, gloss=between(rng, 0.1, 0.5), sharpness=between(rng, 10, 40))
        pole = pole_towards(rng, 1.0) + np.array([0, 0, 0.9], np.float32)
        pole /= np.float32(math.sqrt(float(pole @ pole)))
        body = globe(view, pole, rng, between(rng, 1.0, 1.1), lumps=between(rng, 0.0, 0.03))
        surface.body(view.inside(body.distance), colour, body.normal)
        end = 1.0 - body.height
        if rng.random() < 0.5:
            surface.paint(np.clip((0.02 - end) * 80.0, 0, 1), _scar(rng))
            surface.scale(1.0 - 0.3 * np.exp(end * -25.0))
        else:
            surface.scale(1.0 - np.float32(between(rng, 0.15, 0.4)) * np.exp(np.square(end - 0.07) * -800.0))
            surface.paint(np.clip((0.006 - end) * 150.0, 0, 1), STEM)
    else:
        view = View.of(size, angle, width + 0.14, 1.05, radius=1.06)
        surface = Surface(view, gloss=between(rng, 0.1, 0.5), sharpness=between(rng, 10, 40))
        swell = between(rng, 1.9, 2.3)
        shape = width * np.maximum(1.0 - np.abs(AXIS * 1.14 + between(rng, -0.04, 0.08)) ** swell, 0.0) ** 0.56
        nipple = (0.10 + tip) * np.clip((1.0 - AXIS) / 0.22, 0, 1) ** 0.6 * (AXIS > 0.5)
        neck = 0.10 * np.clip((1.0 + AXIS) / 0.10, 0, 1) ** 0.5 * (AXIS < -0.5)
        profile = np.cbrt(shape**3 + nipple**3 + neck**3)
        profile = np.convolve(np.pad(profile, 3, mode="edge"), np.ones(7) / 7, mode="valid")
        profile[[0, -1]] = 0.01
        body = lathe(view, profile, rng, bend=between(rng, -0.12, 0.12), lumps=between(rng, 0.01, 0.045))
        surface.body(view.inside(body.distance), colour, body.normal)
        surface.paint(np.clip((-0.955 - body.height) * 30.0, 0, 1), _scar(rng))
        surface.paint(np.clip((body.height - 0.97) * 30.0, 0, 0.8), STEM)
    pitted(surface.normal, body.skin, between(rng, 46, 100), between(rng, 0.04, 0.2))
    surface.scale(1.0 + np.float32(between(rng, 0.01, 0.05)) * body.skin.sample("grain", 46.0))
    return surface, body


def lemon(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A yellow spindle with a nipple, sometimes greenish, scarred, leafy or cut."""
    if rng.random() < 0.06:
        return _cut_citrus(size, angle, colour, (0.93, 0.88, 0.50), rng)
    surface, body = _citrus(size, angle, colour, rng, between(rng, 0.62, 0.76), between(rng, 0.04, 0.1))
    ripening(surface, rng, body, np.clip(colour * (1.0, 0.86, 0.6), 0, 1), between(rng, 0.0, 0.7))
    if rng.random() < 0.3:
        ripening(surface, rng, body, (0.66, 0.72, 0.16), between(rng, 0.2, 0.7))
    if rng.random() < 0.3:
        patches(surface, body, 60.0, (0.66, 0.55, 0.30), between(rng, 0.1, 0.5), 1.2)
    if rng.random() < 0.06:
        sticker(surface, rng, 0.3)
    return surface


def lime(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Rounder, smaller-tipped and green, paler or yellower on a side."""
    if rng.random() < 0.07:
        return _cut_citrus(size, angle, colour, (0.74, 0.82, 0.42), rng)
    dark = np.clip(colour * np.float32(between(rng, 0.6, 1.1)), 0, 1)
    surface, body = _citrus(size, angle, dark, rng, between(rng, 0.74, 0.88), between(rng, 0.0, 0.05))
    ripening(surface, rng, body, (0.70, 0.74, 0.24), between(rng, 0.0, 0.75))
    patches(surface, body, 30.0, colour * (0.7, 0.8, 0.7), between(rng, 0.0, 0.5))
    return surface
