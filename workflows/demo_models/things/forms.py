"""Solid forms that several things share: globes, lathe-turned bodies, leaves, stems, stickers.

A form gives shape, normals and skin coordinates; colour and texture are its caller's. Knows no
nouns, no light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workflows.demo_models.surfaces import Array, Rgb, Surface, View, Weights, length, segment_distance
from workflows.demo_models.things.textures import Skin

STEM = np.array([0.36, 0.25, 0.13], np.float32)
LEAF = np.array([0.20, 0.42, 0.13], np.float32)
CREAM = np.array([0.94, 0.91, 0.82], np.float32)
INK = np.array([0.10, 0.10, 0.11], np.float32)
GREEN = np.array([0.26, 0.46, 0.14], np.float32)
SOIL = np.array([0.30, 0.22, 0.14], np.float32)
BRUISE = np.array([0.36, 0.22, 0.10], np.float32)
AXIS = np.linspace(-1.0, 1.0, 81)
"""Even steps along a thing's axis, for profiles."""


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number drawn evenly from a range."""
    return float(rng.uniform(low, high))


def softened(profile: Weights, width: int) -> Weights:
    """A profile with its corners rounded."""
    return np.convolve(np.pad(profile, width // 2, mode="edge"), np.ones(width) / width, mode="valid")


@dataclass(frozen=True)
class Solid:
    """A body before it is coloured.

    Attributes:
        distance: (h, w) signed distance to its outline, negative inside.
        normal: (3, h, w), about unit length.
        height: (h, w) place along its axis: for a globe 1 at the pole and -1 at the foot.
        across: (h, w) sideways place, about -1..1 from one outline to the other.
        deep: (h, w) place towards the viewer as seen from the pole.
        skin: Where its skin lies.
    """

    distance: Array
    normal: Array
    height: Array
    across: Array
    deep: Array
    skin: Skin

    def longitude(self) -> Array:
        """(h, w) angle about the axis, -pi..pi; 0 faces the viewer."""
        return np.arctan2(self.across, self.deep)


def pole_towards(rng: np.random.Generator, facing: float) -> Array:
    """A unit vector: up and a little sideways, leaning to the viewer by up to `facing` (1: straight at)."""
    sideways, forward = float(rng.uniform(-0.4, 0.4)), float(rng.uniform(-0.25, 1.0)) * facing
    up = -math.sqrt(max(0.02, 1.0 - min(0.95, forward * forward + sideways * sideways)))
    pole = np.array([sideways, up, forward], np.float32)
    return np.asarray(pole / np.float32(math.sqrt(float(pole @ pole))), np.float32)


def wobbled(view: View, rng: np.random.Generator, amount: float, cells: float = 40.0) -> tuple[Array, Array]:
    """The view's coordinates pushed about by smooth noise: outlines drawn on them are uneven."""
    if amount <= 0.0:
        return view.u, view.v
    skin = Skin(view.u, view.v, rng)
    push = skin.sample("clouds", cells) * np.float32(amount)
    return view.u + push * view.u, view.v + push * view.v


def globe(
    view: View,
    pole: Array,
    rng: np.random.Generator,
    squash: float = 1.0,
    taper: float = 0.0,
    dent: tuple[float, float] = (0.0, 0.0),
    dent_width: float = 0.30,
    lumps: float = 0.0,
) -> Solid:
    """A round body seen from anywhere, one unit from centre to side.

    Args:
        view: Where.
        pole: (3,) unit vector to its stem end.
        rng: Draws lumps and skin offsets.
        squash: Length along the pole over width.
        taper: Widening towards the pole (negative: towards the foot).
        dent: How far the stem end and the foot are pushed in.
        dent_width: Radius of the pushed-in part.
        lumps: Unevenness of the outline.
    """
    x, y = wobbled(view, rng, lumps)
    tilt_sine = float(pole[2])
    tilt_cosine = max(math.hypot(float(pole[0]), float(pole[1])), 1e-3)
    ex, ey = float(pole[0]) / tilt_cosine, float(pole[1]) / tilt_cosine
    along, across = x * ex + y * ey, y * ex - x * ey
    if dent[0] or dent[1]:
        # Seen from the side the pushed-in ends notch the outline; seen end on they do not.
        pull = np.exp(np.square(across) * np.float32(-1.0 / dent_width**2))
        notch = np.where(along > 0.0, np.float32(dent[0]), np.float32(dent[1])) * np.float32(tilt_cosine**2)
        along = along * (1.0 + pull * notch)
    if taper:
        across = across / (1.0 + np.float32(taper * tilt_cosine) * along)
    stiff = 1.0 / (squash * squash)
    a = tilt_cosine**2 + stiff * tilt_sine**2
    mixed = along * np.float32((stiff - 1.0) * tilt_sine * tilt_cosine)
    rest = np.square(across) + np.square(along) * np.float32(tilt_sine**2 + stiff * tilt_cosine**2)
    root = mixed * mixed - np.float32(a) * (rest - 1.0)
    z = (np.sqrt(np.maximum(root, 0.0)) - mixed) * np.float32(1.0 / a)
    reach = math.sqrt((squash * tilt_cosine) ** 2 + tilt_sine**2)
    distance = length(across, along * np.float32(1.0 / reach)) - 1.0
    height = (along * tilt_cosine + z * tilt_sine) * np.float32(1.0 / squash)
    np.maximum(np.minimum(height, 1.0, out=height), -1.0, out=height)
    deep = z * tilt_cosine - along * tilt_sine
    side, forward = across, deep
    if dent[0] or dent[1]:
        inward = np.exp((np.abs(height) - 1.0) * np.float32(4.0 / dent_width**2 * 0.22))
        inward *= np.where(height > 0.0, np.float32(min(1.0, dent[0] * 8.0)), np.float32(min(1.0, dent[1] * 8.0)))
        inward = 1.0 - np.float32(1.9) * inward
        side, forward = across * inward, deep * inward
    rise = height * np.float32(1.0 / squash)
    n_along = rise * tilt_cosine - forward * tilt_sine
    n_deep = np.maximum(forward * tilt_cosine + rise * tilt_sine, 0.02)
    normal = np.stack([n_along * ex - side * ey, n_along * ey + side * ex, n_deep])
    spread = 1.0 / (1.0 + np.maximum(z, 0.0))
    return Solid(
        distance, normal, height, across, np.asarray(deep, np.float32), Skin(across * spread, along * spread, rng)
    )


def lathe(
    view: View,
    profile: Weights,
    rng: np.random.Generator,
    start: float = -1.0,
    end: float = 1.0,
    tilt: float = 0.0,
    bend: float = 0.0,
    lumps: float = 0.0,
    x: Array | None = None,
    y: Array | None = None,
) -> Solid:
    """A body turned about `v`, seen from the side or from a little above its `start`.

    Args:
        view: Where.
        profile: (n,) radius at even steps from `start` to `end`.
        rng: Draws lumps and skin offsets.
        start: Where its axis begins.
        end: Where it ends.
        tilt: Sine of the angle the viewer looks down by (negative: up).
        bend: Bow of the axis.
        lumps: Unevenness of the outline.
        x: (h, w) sideways coordinate in place of the view's.
        y: (h, w) coordinate along in place of the view's.
    """
    radii = np.interp(np.linspace(0, 1, 512), np.linspace(0, 1, len(profile)), profile).astype(np.float32)
    slopes = np.clip(np.gradient(radii, (end - start) / 511.0), -5.0, 5.0).astype(np.float32)
    u, v = wobbled(view, rng, lumps)
    u, v = u if x is None else x, v if y is None else y
    if bend:
        u = np.asarray(u - np.float32(bend) * (np.square(v) - 0.4), np.float32)
    step = np.float32(511.0 / (end - start))
    level = v
    for _ in range(2 if tilt else 0):
        cell = np.maximum((level - start) * step, 0.0).astype(np.int32)
        radius = np.take(radii, cell, mode="clip")
        level = v - np.float32(tilt) * np.sqrt(np.maximum(radius * radius - u * u, 0.0))
    cell = np.maximum((level - start) * step, 0.0).astype(np.int32)
    radius, slope = np.take(radii, cell, mode="clip"), np.take(slopes, cell, mode="clip")
    share = np.maximum(np.minimum(u / np.maximum(radius, 1e-3), 1.0), -1.0)
    steep = 1.0 / np.sqrt(1.0 + slope * slope)
    distance = (np.abs(u) - radius) * steep
    distance = np.maximum(distance, np.maximum(start - level, level - end))
    deep = np.sqrt(1.0 - share * share)
    normal = np.stack([share * steep, -slope * steep, deep * steep])
    return Solid(distance, normal, level, share, deep, Skin(share * radius / (0.6 + 0.4 * deep), level, rng))


def pitted(normal: Array, skin: Skin, cells: float, depth: float) -> None:
    """Roughens normals in place with small pits."""
    across, along = skin.pits(cells)
    normal[0] += np.float32(depth) * across
    normal[1] += np.float32(depth) * along


def leaf(
    surface: Surface,
    base: tuple[float, float],
    tip: tuple[float, float],
    width: float,
    rng: np.random.Generator,
    colour: Array = LEAF,
) -> None:
    """A pointed leaf with a midrib, its two halves facing apart."""
    (x0, y0), (x1, y1) = base, tip
    dx, dy = x1 - x0, y1 - y0
    long = max(math.hypot(dx, dy), 1e-3)
    piece = surface.part([base, tip], width + 0.1 * long)
    view = piece.view
    t = ((view.u - x0) * dx + (view.v - y0) * dy) / np.float32(long * long)
    curl = float(rng.uniform(-0.35, 0.35)) * long
    inside_t = np.maximum(np.minimum(t, 1.0), 0.0)
    s = ((view.v - y0) * dx - (view.u - x0) * dy) / np.float32(long) - np.float32(curl) * inside_t * (1.0 - inside_t)
    half = np.float32(width * 2.6) * inside_t * (1.0 - inside_t) * (1.15 - 0.45 * inside_t)
    coverage = view.inside(np.maximum(np.abs(s) - half, np.maximum(-t, t - 1.0) * np.float32(long)))
    tone = colour * np.float32(rng.uniform(0.75, 1.35)) + rng.normal(0, 0.02, 3).astype(np.float32)
    side = np.sign(s) * np.float32(rng.uniform(0.2, 0.6))
    nx, ny = float(rng.uniform(-0.4, 0.4)), float(rng.uniform(-0.6, 0.2))
    normal = np.stack([nx - side * (dy / long), ny + side * (dx / long), np.full_like(s, 0.8)])
    piece.cover(coverage, np.clip(tone, 0.02, 0.95), normal, gloss=float(rng.uniform(0.05, 0.35)))
    rib = coverage * view.inside(np.abs(s) - np.float32(0.012 + 0.02 * width))
    piece.paint(rib * 0.5, np.clip(tone * 1.5 + 0.05, 0, 1))


def stick(
    surface: Surface,
    start: tuple[float, float],
    end: tuple[float, float],
    radius: float,
    colour: Array,
    flare: float = 0.0,
) -> None:
    """A round stalk from `start` to `end`, widened by `flare` at its end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    long = max(math.hypot(dx, dy), 1e-3)
    piece = surface.part([start, end], radius * (1.0 + flare))
    view = piece.view
    s = ((view.v - start[1]) * dx - (view.u - start[0]) * dy) / np.float32(long)
    distance = segment_distance(view, start, end, radius)
    if flare:
        t = ((view.u - start[0]) * dx + (view.v - start[1]) * dy) / np.float32(long * long)
        distance = np.asarray(distance - np.float32(radius * flare) * np.square(np.clip(t, 0.0, 1.0)), np.float32)
    share = np.clip(s / np.float32(radius * (1.0 + flare)), -0.98, 0.98)
    normal = np.stack([-share * (dy / long), share * (dx / long), np.sqrt(1.0 - share * share)])
    piece.cover(view.inside(distance), colour, normal, gloss=0.05)


def sticker(surface: Surface, rng: np.random.Generator, spread: float = 0.45) -> None:
    """A small printed label on a fruit, keeping the fruit's own curve."""
    u, v = (float(value) for value in rng.uniform(-spread, spread, 2))
    radius = float(rng.uniform(0.12, 0.24))
    turn = rng.uniform(0.0, math.tau)
    angles = np.linspace(0.0, math.tau, 18)
    oblong = float(rng.uniform(0.65, 1.0))
    ring = np.stack([np.cos(angles), oblong * np.sin(angles)], 1)
    c, s = math.cos(turn), math.sin(turn)
    ring = ring @ np.array([[c, s], [-s, c]]) * radius
    paper = CREAM if rng.random() < 0.5 else rng.uniform(0.0, 1.0, 3)
    surface.mark(ring + np.array([u, v]), paper)
    surface.mark(ring * float(rng.uniform(0.55, 0.85)) + np.array([u, v]), rng.uniform(0.05, 1.0, 3))
    band = ring * np.array([float(rng.uniform(0.5, 0.8)), 0.22]) + np.array([u, v])
    surface.mark(band, CREAM if rng.random() < 0.6 else INK)


def spots(surface: Surface, solid: Solid, cells: float, colour: Rgb, strength: float) -> None:
    """Freckles on the skin."""
    surface.paint(solid.skin.sample("specks", cells, spin=True) * np.float32(strength), colour)


def patches(surface: Surface, solid: Solid, cells: float, colour: Rgb, strength: float, threshold: float = 0.2) -> None:
    """Cloudy patches of another colour: ripening, bruises, bloom, dust."""
    cover = (solid.skin.sample("clouds", cells, spin=True) - threshold) * np.float32(1.2)
    surface.paint(np.maximum(np.minimum(cover, 1.0), 0.0) * np.float32(strength), colour)


def ripening(surface: Surface, rng: np.random.Generator, solid: Solid, colour: Rgb, strength: float) -> None:
    """A soft side of another colour, where the sun was or was not."""
    side = rng.normal(size=3)
    side = (side / np.sqrt(side @ side)).astype(np.float32)
    facing = np.tensordot(side, solid.normal, 1) + 0.35 * solid.skin.sample("clouds", 30.0)
    edge = float(rng.uniform(-0.4, 0.6))
    surface.paint(np.clip((facing - edge) * 1.4, 0.0, 1.0) * np.float32(strength), colour)


def sepals(
    surface: Surface,
    pole: Array,
    rng: np.random.Generator,
    number: int,
    reach: float,
    width: float,
    colour: Rgb,
    squash: float = 1.0,
    lift: float = 1.04,
) -> None:
    """A ring of small pointed leaves lying on a globe about its pole; those behind it stay hidden."""
    side = np.cross(pole, (0.13, 0.21, 0.97))
    side /= math.sqrt(float(side @ side))
    front = np.cross(side, pole)
    start = float(rng.uniform(0.0, math.tau))
    for index in range(number):
        longitude = start + (index + float(rng.uniform(-0.18, 0.18))) * math.tau / number
        long = reach * float(rng.uniform(0.75, 1.25))
        tip_lift = float(rng.uniform(0.0, 0.18))
        points = []
        for along, aside in ((0.0, 0.35), (0.35, 1.0), (0.7, 0.6), (1.0, 0.0), (0.7, -0.6), (0.35, -1.0), (0.0, -0.35)):
            colatitude, turn = max(0.03, along * long), longitude + aside * width / max(0.25, along)
            ring = math.sin(colatitude) * (math.cos(turn) * front + math.sin(turn) * side)
            rise = (lift + tip_lift * along) * squash * math.cos(colatitude)
            points.append((lift + tip_lift * along) * ring + rise * pole)
        shape = np.array(points)
        if shape[1:6, 2].mean() > -0.15:
            facing = shape[2] + rng.normal(0.0, 0.3, 3)
            tone = np.asarray(colour) * rng.uniform(0.65, 1.3)
            surface.fill(shape[:, :2], np.clip(tone, 0, 1), (facing[0], facing[1], abs(facing[2]) + 0.2))


def stalk(
    surface: Surface,
    pole: Array,
    rng: np.random.Generator,
    length: float,
    radius: float,
    squash: float = 1.0,
    sunk: float = 0.9,
    colour: Array = STEM,
) -> None:
    """A stem out of a globe's pole."""
    if pole[2] < -0.2:
        sunk = 1.0
    lean = rng.normal(0.0, 0.22 * length, 2)
    foot = (float(pole[0]) * sunk * squash, float(pole[1]) * sunk * squash)
    top = sunk * squash + length
    tone = np.clip(colour * np.float32(rng.uniform(0.7, 1.35)), 0, 1)
    tip = (float(pole[0]) * top + lean[0], float(pole[1]) * top + lean[1])
    stick(surface, foot, tip, radius, tone, flare=float(rng.uniform(0.0, 0.6)))


def halved(
    view: View, rng: np.random.Generator, squash: float = 1.0, deep: float = 0.8
) -> tuple[Solid, Array, Array, Array]:
    """Half a globe lying on its round side, the cut turned to the viewer.

    Returns:
        The body, its coverage with the cut, the cut's coverage, and the cut's own coordinates
        (2, h, w): 1.0 is the rim.
    """
    facing = float(rng.uniform(0.45, 0.97))
    x, y = wobbled(view, rng, float(rng.uniform(0.0, 0.03)))
    pole = np.array([0.0, -math.sqrt(1.0 - facing * facing), facing], np.float32)
    body = globe(view, pole, rng, deep)
    wide = x / np.float32(squash)
    cut = np.stack([wide, y * np.float32(1.0 / facing)])
    face = view.inside((length(cut[0], cut[1]) - 1.0) * np.float32(facing))
    back = view.inside(body.distance) * (y > 0.0)
    return body, np.maximum(back, face), face, cut


def attach_leaves(surface: Surface, pole: Array, rng: np.random.Generator, chance: float, squash: float = 1.0) -> None:
    """Now and then a leaf or two by the stem."""
    if rng.random() > chance or pole[2] > 0.85:
        return
    for _ in range(int(rng.integers(1, 3))):
        turn = between(rng, -1.3, 1.3)
        long = between(rng, 0.45, 0.8)
        base = (float(pole[0]) * squash, float(pole[1]) * squash)
        tip = (base[0] + long * math.sin(turn), base[1] - long * math.cos(turn) * between(rng, -0.1, 0.6))
        leaf(surface, base, tip, between(rng, 0.12, 0.24), rng)
