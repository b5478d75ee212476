"""Things of a table, one function a noun: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

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
    Solid,
    between,
    lathe,
)
from workflows.demo_models.things.metal import mirrored
from workflows.demo_models.things.prints import contrast, label, wrapped
from workflows.demo_models.things.textures import Skin

Rng = np.random.Generator


def _glaze(surface: Surface, rng: Rng, colour: Array) -> None:
    """Unevenness of fired clay: faint clouds, sometimes speckled."""
    skin = Skin(surface.view.u, surface.view.v, rng)
    surface.scale(1.0 + np.float32(between(rng, 0.0, 0.05)) * skin.sample("clouds", 26.0))
    if rng.random() < 0.15:
        surface.paint(skin.sample("specks", 50.0) * np.float32(0.6), colour * 0.4)


def _inside_of(
    surface: Surface, centre: tuple[float, float], radii: tuple[float, float], colour: Array, fill: float, rng: Rng
) -> None:
    """The hollow of a cup or bowl under its rim, and what is in it up to `fill` (0: empty)."""
    piece = surface.part([centre], max(radii))
    view = piece.view
    x, y = (view.u - centre[0]) / np.float32(radii[0]), (view.v - centre[1]) / np.float32(radii[1])
    radius = length(x, y)
    mouth = view.inside((radius - 1.0) * np.float32(min(radii)))
    steep = np.clip(radius, 0, 1)
    facing = radii[1] / radii[0]
    normal = np.stack([-x * steep, -y * steep * facing - (1.0 - facing) * 0.9, np.full_like(x, 0.25 + 0.75 * facing)])
    piece.cover(mouth, np.clip(colour, 0, 1), normal)
    piece.scale(1.0 - 0.45 * mouth * np.clip(0.6 - y * 0.7, 0, 1) * (1.0 - facing * 0.6))
    if fill > 0.0:
        level = 1.0 - fill
        low = (centre[0], centre[1] + level * radii[1] * 0.9)
        wide = math.sqrt(max(0.05, 1.0 - level * level * 0.6))
        pool = view.inside(ellipse_distance(view, low, (radii[0] * wide, radii[1] * wide))) * mouth
        foods = (
            (0.16, 0.09, 0.05),
            (0.35, 0.20, 0.09),
            (0.76, 0.60, 0.40),
            (0.86, 0.78, 0.62),
            (0.72, 0.25, 0.08),
            (0.45, 0.5, 0.2),
        )
        food = np.array(foods[int(rng.integers(0, len(foods)))]) * between(rng, 0.8, 1.15)
        piece.cover(pool, food, (0.0, -0.5 * (1.0 - facing), 0.8), gloss=between(rng, 0.05, 0.7))
        if rng.random() < 0.4:
            skin = Skin(view.u, view.v, rng)
            piece.scale(1.0 + pool * 0.35 * skin.sample("clouds", between(rng, 40, 90)))
        piece.scale(1.0 - 0.25 * pool * np.clip(0.3 - (view.v - low[1]) / radii[1], 0, 1))


def mug(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A cup, straight or bellied, its handle turned anywhere, empty or filled, plain or printed."""
    half, tall, tilt = between(rng, 0.52, 0.68), between(rng, 0.5, 0.86), between(rng, 0.08, 0.6)
    turn = between(rng, 0.0, math.tau)
    if rng.random() < 0.5:
        turn = float(rng.choice([0.5, 1.5])) * math.pi + between(rng, -0.5, 0.5)
    aside, front = math.sin(turn), math.cos(turn)
    reach = half * between(rng, 1.5, 1.75)
    shift = -0.5 * aside * (reach - half)
    view = View.of(size, angle, (half + reach) / 2 + 0.06, tall + half * tilt + 0.04)
    surface = Surface(view, between(rng, 0.2, 0.9), between(rng, 16, 110))
    swell, foot = between(rng, -0.06, 0.14), between(rng, 0.0, 0.3)
    profile = half * (1.0 + swell * np.cos(AXIS * 1.5) - foot * np.clip(AXIS, 0, 1) ** 3 - max(swell, 0.0))
    u = view.u - np.float32(shift)
    body = lathe(view, profile, rng, start=-tall, end=tall, tilt=tilt, x=u)
    mouth = float(profile[0])
    rim = ellipse_distance(view, (shift, -tall), (mouth, mouth * tilt))
    outline = np.minimum(body.distance, rim)
    surface.body(view.inside(outline) * 0.0, colour)
    if front < 0.15:
        _handle(surface, shift, half, reach, tall, tilt, (aside, front), colour, rng)
    surface.cover(view.inside(outline), colour, body.normal)
    _mug_print(surface, body, tall, colour, rng)
    inner = np.clip(colour if rng.random() < 0.5 else rng.normal(0.88, 0.06) * np.ones(3), 0, 1).astype(np.float32)
    surface.cover(view.inside(rim), np.clip(colour * 1.05, 0, 1), (0.0, -0.7, 0.7))
    thick = between(rng, 0.04, 0.09)
    fill = between(rng, 0.3, 0.85) if rng.random() < 0.55 else 0.0
    radii = (mouth * (1 - thick), max(0.03, mouth * tilt * (1 - thick * 1.2)))
    _inside_of(surface, (shift, -tall), radii, inner, fill, rng)
    if front >= 0.15:
        _handle(surface, shift, half, reach, tall, tilt, (aside, front), colour, rng)
    _glaze(surface, rng, colour)
    return surface


def _handle(
    surface: Surface,
    shift: float,
    half: float,
    reach: float,
    tall: float,
    tilt: float,
    way: tuple[float, float],
    colour: Array,
    rng: Rng,
) -> None:
    """A loop from near the rim to near the foot, standing out in the direction `way` (aside, to the front)."""
    aside, front = way
    thick = between(rng, 0.07, 0.11)
    start, end = -tall * between(rng, 0.5, 0.75), tall * between(rng, 0.3, 0.65)
    steps = np.linspace(0.0, math.pi, 15)
    square = between(rng, 0.5, 1.0)
    out = half * 0.95 + (reach - half) * np.sin(steps) ** square
    level = (start + end) / 2 - (end - start) / 2 * np.cos(steps)
    x, y = shift + out * aside, level + tilt * out * front
    piece = surface.part(np.stack([x, y], 1), thick)
    view = piece.view
    nearest = np.full_like(view.u, 9.0)
    nx, ny = np.zeros_like(view.u), np.zeros_like(view.u)
    for index in range(len(x) - 1):
        dx, dy = float(x[index + 1] - x[index]), float(y[index + 1] - y[index])
        px, py = view.u - np.float32(x[index]), view.v - np.float32(y[index])
        along = np.clip((px * dx + py * dy) * np.float32(1.0 / (dx * dx + dy * dy + 1e-9)), 0.0, 1.0)
        px, py = px - along * dx, py - along * dy
        far = length(px, py)
        closer = far < nearest
        np.minimum(nearest, far, out=nearest)
        np.copyto(nx, px, where=closer)
        np.copyto(ny, py, where=closer)
    nx, ny = nx / thick, ny / thick
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.02))
    piece.cover(view.inside(nearest - np.float32(thick)), np.clip(colour, 0, 1), np.stack([nx, ny, nz]))


def _mug_print(surface: Surface, body: Solid, tall: float, colour: Array, rng: Rng) -> None:
    """Sometimes a motif, a band, or another colour below."""
    kind = float(rng.random())
    if kind < 0.3:
        art = label(rng, 64, 56, colour, 0.7)
        wrapped(surface, body, art, -tall * 0.7, tall * 0.75, between(rng, -1.2, 1.2), between(rng, 1.2, 2.4))
    elif kind < 0.5:
        at, thick = between(rng, -0.8, 0.8) * tall, between(rng, 0.02, 0.2)
        band = surface.view.inside(np.abs(body.height - at) - thick) * surface.view.inside(body.distance)
        surface.paint(band, contrast(colour, rng))


def bowl(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """An open half globe, deep or shallow, from the side down to straight above, empty or filled."""
    deep, facing = between(rng, 0.45, 0.9), between(rng, 0.15, 0.92)
    flat = math.sqrt(1.0 - facing * facing)
    low = math.sqrt((deep * flat) ** 2 + facing**2)
    view = View.of(size, angle, 1.02, low + 0.02)
    surface = Surface(view, between(rng, 0.2, 0.9), between(rng, 16, 110))
    x, y = view.u, view.v
    full = between(rng, 2.0, 3.2)
    side = np.abs(x) ** np.float32(full) if abs(full - 2.0) > 0.4 else np.square(x)
    under = np.where(y > 0.0, np.float32(low), np.float32(facing))
    below = np.sqrt(side + np.square(y / under)) - 1.0
    z = np.sqrt(np.clip(1.0 - np.square(x) - np.square(y / np.float32(low)), 0.0, 1.0))
    normal = np.stack([x, y * np.float32(1.0 / low) * flat + 0.1, z * (0.4 + 0.6 * flat)])
    foot = below
    if rng.random() < 0.5 and low > facing + 0.05:
        base = ellipse_distance(
            view, (0.0, low * 0.93), (between(rng, 0.32, 0.45), 0.06 + 0.25 * facing * (low - facing))
        )
        foot = np.minimum(below, base)
    surface.body(view.inside(foot * np.float32(facing + 0.2)), colour, normal)
    if rng.random() < 0.35:
        ink, at = contrast(colour, rng), between(rng, 0.1, 0.6)
        bow = y - np.float32(facing) * np.sqrt(np.maximum(1.0 - np.square(x), 0.0))
        surface.paint(view.inside(np.abs(bow - at * (low - facing)) - between(rng, 0.01, 0.05)) * surface.alpha, ink)
    surface.scale(1.0 - 0.35 * np.clip((y - facing * 0.6) / max(0.1, low), 0, 1))
    rim = view.inside((length(x, y * np.float32(1.0 / facing)) - 1.0) * np.float32(facing))
    surface.cover(rim, np.clip(colour * 1.05, 0, 1), (0.0, -0.5, 0.8))
    thick = between(rng, 0.03, 0.08)
    inner = colour if rng.random() < 0.7 else np.clip(rng.normal(0.88, 0.06) * np.ones(3), 0, 1).astype(np.float32)
    fill = between(rng, 0.35, 0.9) if rng.random() < 0.45 else 0.0
    _inside_of(surface, (0.0, 0.0), (1.0 - thick, facing * (1.0 - thick)), inner, fill, rng)
    _glaze(surface, rng, colour)
    return surface


def plate(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A flat dish from above or aslant: round, sometimes squarish; rimmed, lined, at times with food on it."""
    facing = between(rng, 0.22, 1.0)
    view = View.of(size, angle, 1.02, facing + 0.08)
    surface = Surface(view, between(rng, 0.15, 0.8), between(rng, 20, 110))
    x, y = view.u, view.v * np.float32(1.0 / facing)
    radius = length(x, y)
    if rng.random() < 0.15:
        radius = np.sqrt(np.sqrt(x**4 + y**4)) * 0.75 + radius * 0.25
    thick = between(rng, 0.01, 0.05) * math.sqrt(1.0 - facing * facing)
    under = view.inside((length(x, (view.v - thick) * np.float32(1.0 / facing)) - 1.0) * np.float32(facing))
    top = view.inside((radius - 1.0) * np.float32(facing))
    well, soft = between(rng, 0.55, 0.76), between(rng, 0.05, 0.14)
    slope = np.exp(np.square((radius - well - 0.04) / soft) * -1.0) * np.float32(between(rng, 0.4, 0.9))
    slope += np.clip(radius - well, 0, 1) * between(rng, 0.1, 0.8)
    normal = np.stack([-x * slope, -y * slope * facing - math.sqrt(1 - facing**2) * 0.6, np.full_like(x, 0.9)])
    surface.body(np.maximum(under, top), colour * 0.75, normal)
    surface.paint(top, colour)
    surface.scale(1.0 - 0.16 * np.exp(np.square((radius - well) / 0.035) * -1.0))
    surface.scale(1.0 + 0.08 * np.exp(np.square((radius - well - 0.07) / 0.03) * -1.0))
    surface.scale(1.0 - 0.15 * np.exp(np.square((radius - 0.97) / 0.02) * -1.0))
    ink = contrast(colour, rng)
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2]))):
        at, wide = between(rng, 0.6, 0.97), between(rng, 0.006, 0.05)
        surface.paint(view.inside((np.abs(radius - at) - wide) * np.float32(facing)) * 0.85, ink)
    if rng.random() < 0.12:
        petals = np.sin(np.arctan2(y, x) * float(rng.integers(8, 24))) * (radius > well + 0.05)
        surface.paint(np.clip(petals * 3.0 - 1.2, 0, 1) * top * 0.8, ink)
    if rng.random() < 0.22:
        _food(surface, x, y, facing, well, rng)
    _glaze(surface, rng, colour)
    return surface


def _food(surface: Surface, x: Weights, y: Weights, facing: float, well: float, rng: Rng) -> None:
    """Heaps of something eaten, of no nameable kind."""
    skin = Skin(x, y, rng)
    for _ in range(int(rng.integers(1, 4))):
        tone = np.array([between(rng, 0.35, 0.85), between(rng, 0.25, 0.65), between(rng, 0.08, 0.35)])
        cx, cy, wide = between(rng, -0.3, 0.3), between(rng, -0.3, 0.3), between(rng, 0.15, 0.4) * well
        heap = length((x - cx).astype(np.float32), (y - cy).astype(np.float32)) / np.float32(wide)
        heap = heap + 0.25 * skin.sample("clouds", 40.0)
        on = np.clip((1.0 - heap) * 6.0, 0, 1)
        surface.paint(on, tone)
        surface.scale(1.0 + on * 0.3 * skin.sample("clouds", between(rng, 60, 110)))
        surface.normal[0] += on * (x - cx)
        surface.normal[1] += on * (y - cy) * facing


def _cutlery(size: float, angle: float, colour: Array, rng: Rng) -> tuple[Surface, bool]:
    view = View.of(size, angle, 0.32, 1.02)
    plain = float(colour.max() - colour.min()) < 0.12 and 0.3 < float(colour.mean()) < 0.8
    surface = Surface(view, 0.9 if plain else between(rng, 0.2, 0.7), between(rng, 20, 100))
    surface.albedo[:] = colour.reshape(3, 1, 1)
    return surface, plain


def _haft(surface: Surface, colour: Array, rng: Rng, start: float, neck: float) -> None:
    """A handle from `start` down to the end, slim at the neck and wider below."""
    view = surface.view
    wide, shape = between(rng, 0.05, 0.1), between(rng, 0.6, 1.6)
    along = np.clip((view.v - start) / np.float32(1.0 - start), 0.0, 1.0)
    half = neck + (wide - neck) * along ** np.float32(shape)
    end = 1.0 - wide * between(rng, 0.3, 1.0)
    cap = length(view.u, np.maximum(view.v - end, 0.0) * np.float32(wide / (1.0 - end))) - half
    distance = np.maximum(np.where(view.v > end, cap, np.abs(view.u) - half), start - view.v)
    share = np.clip(view.u / half, -1.0, 1.0)
    normal = np.stack([share * 0.7, 0.35 * (along - 0.5), np.sqrt(1.05 - np.square(share))])
    surface.cover(view.inside(distance), colour, normal)
    if rng.random() < 0.25:
        surface.scale(1.0 - 0.3 * np.exp(np.square((np.abs(view.u) - half * 0.6) * 60.0) * -1.0) * (along > 0.5))


def spoon(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """An oval hollow on a stalk: polished, or plastic or wood in a colour; its back at times."""
    surface, metal = _cutlery(size, angle, colour, rng)
    view = surface.view
    _haft(surface, colour, rng, -0.5, between(rng, 0.03, 0.055))
    wide, long = between(rng, 0.17, 0.28), between(rng, 0.26, 0.38)
    centre = -1.0 + long
    x, y = view.u / np.float32(wide), (view.v - centre) / np.float32(long)
    x = x * (1.0 + 0.18 * y)
    radius = length(x, y)
    hollow = 1.0 if rng.random() < 0.3 else -1.0
    normal = np.stack([hollow * x * 0.9, hollow * y * 0.7, np.full_like(x, 0.7)])
    surface.cover(view.inside((radius - 1.0) * np.float32(wide)), colour, normal)
    surface.scale(1.0 - 0.28 * np.exp(np.square((radius - 0.93) * 14.0) * -1.0))
    if hollow < 0:
        surface.scale(1.0 - 0.25 * np.clip((1.0 - radius) * 2.0, 0, 1) * np.clip(-y * 0.8 + 0.4, 0, 1))
    if metal:
        mirrored(surface, surface.alpha, rng)
    return surface


def fork(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Three or four prongs on a stalk: polished, or plastic in a colour."""
    surface, metal = _cutlery(size, angle, colour, rng)
    view = surface.view
    _haft(surface, colour, rng, -0.42, between(rng, 0.03, 0.055))
    wide, root = between(rng, 0.14, 0.21), between(rng, -0.62, -0.5)
    heel = between(rng, -0.4, -0.3)
    drop = np.clip((view.v - root) / np.float32(heel - root), 0.0, 1.0)
    half = wide * np.sqrt(np.maximum(1.0 - np.square(drop) * 0.97, 0.0))
    palm = np.maximum(np.abs(view.u) - half, np.maximum(root - 0.02 - view.v, view.v - heel))
    number = int(rng.choice([3, 4, 4, 4]))
    pitch = 2.0 * wide / number
    cell = np.mod(view.u + wide, np.float32(pitch)) - np.float32(pitch / 2)
    thick = pitch * between(rng, 0.24, 0.34)
    narrow = thick * np.clip((view.v + 1.02) * 5.0, 0.25, 1.0)
    prongs = np.maximum(
        np.abs(cell) - narrow, np.maximum(np.abs(view.u) - wide, np.maximum(-1.0 - view.v, view.v - root))
    )
    shape = np.minimum(palm, prongs)
    bow = between(rng, -0.7, 0.7)
    normal = np.stack([view.u * 1.5, (view.v + 0.65) * 2.2 * bow, np.full_like(view.u, 0.8)])
    surface.cover(view.inside(shape), colour, normal)
    edge = np.exp(np.square((shape + 0.012) * 60.0) * -1.0)
    surface.scale(1.0 - 0.25 * edge)
    if metal:
        mirrored(surface, surface.alpha, rng)
    return surface
