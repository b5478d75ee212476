"""A desk's things and a ball, one function a noun: `(size, angle, colour, rng) -> Surface`, no two alike.

Size is in pixels, angle in radians, colour the main RGB (3,) in 0..1. Knows nothing of scenes,
light or labels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from workflows.demo_models.surfaces import (
    Array,
    Surface,
    View,
    box_distance,
    ellipse_distance,
    length,
)
from workflows.demo_models.things.forms import (
    INK,
    Solid,
    between,
    globe,
    lathe,
    pitted,
)
from workflows.demo_models.things.metal import STEEL, mirrored
from workflows.demo_models.things.prints import barcode, contrast, label, pasted, picture, tone, write
from workflows.demo_models.things.textures import Skin

Rng = np.random.Generator


def pen(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A slim barrel with a point or a cap, mostly a clip: ballpoint, felt tip or fountain pen."""
    half = between(rng, 0.045, 0.095)
    view = View.of(size, angle, half * 2.0 + 0.02, 1.02)
    surface = Surface(view, between(rng, 0.3, 1.0), between(rng, 16, 90))
    capped = rng.random() < 0.4
    t = np.linspace(-1.0, 1.0, 161)
    profile = half * (1.0 - between(rng, 0.0, 0.2) * np.abs(t))
    cone = between(rng, 0.72, 0.88)
    if capped:
        cap = between(rng, -0.5, -0.2)
        profile = np.where(t < cap, profile * 1.14, profile)
    else:
        cap = -1.1
        profile *= np.clip((1.03 - t) / (1.03 - cone), 0.0, 1.0) ** 0.8
        knob = between(rng, -0.97, -0.84)
        if rng.random() < 0.5:
            profile = np.where(t < knob, half * 0.5, profile)
    body = lathe(view, profile, rng)
    surface.body(view.inside(body.distance), colour, body.normal)
    other = STEEL if rng.random() < 0.5 else np.clip(rng.choice([0.06, 0.9]) + rng.normal(0, 0.04, 3), 0, 1)
    metal = np.zeros_like(view.u)
    if not capped:
        metal = view.inside(cone + 0.02 - body.height) * surface.alpha
        surface.paint(metal, other)
        if rng.random() < 0.5:
            grip = view.inside(np.abs(body.height - cone + 0.2) - 0.16)
            surface.paint(grip, np.clip(colour * 0.4, 0, 1))
            surface.scale(1.0 - 0.3 * grip * (np.sin(body.height * 90.0) > 0))
    else:
        surface.scale(1.0 - 0.5 * view.inside(np.abs(body.height - cap) - 0.012))
        if rng.random() < 0.4:
            surface.paint(view.inside(body.height - cap), np.clip(other, 0, 1))
    if rng.random() < 0.3:
        at = between(rng, -0.3, 0.5)
        surface.paint(view.inside(np.abs(body.height - at) - between(rng, 0.01, 0.06)), other)
    if rng.random() < 0.3:
        art = label(rng, 60, 8, colour, 0.0)
        pasted(surface, [(-half * 0.4, 0.5), (-half * 0.4, -0.1), (half * 0.6, -0.1), (half * 0.6, 0.5)], art, 0.8)
    if rng.random() < 0.75:
        x, long = between(rng, -1.0, 1.0) * half, between(rng, 0.3, 0.55)
        clip = box_distance(view, x - half * 0.3, -0.96, x + half * 0.3, -0.96 + long, 0.015)
        surface.cover(view.inside(clip), other, (0.2 * x / half, -0.3, 0.9))
        surface.scale(1.0 - 0.35 * np.exp(np.square((np.abs(clip) - 0.01) * 60.0) * -1.0) * (clip > 0))
    if rng.random() < 0.5:
        mirrored(surface, metal, rng)
    return surface


def scissors(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Two steel blades on a pivot, two rings to hold in a colour; shut or open."""
    spread, pivot = between(rng, 0.04, 0.42), between(rng, -0.12, 0.2)
    ring = (between(rng, 0.17, 0.24), between(rng, 0.22, 0.36))
    view = View.of(size, angle, 0.85, 1.06)
    surface = Surface(view, between(rng, 0.2, 0.8), between(rng, 20, 80))
    wide = between(rng, 0.1, 0.15)
    for side in (-1.0, 1.0):
        c, s = math.cos(spread * side), math.sin(spread * side)

        def turned(points: list[tuple[float, float]], c: float = c, s: float = s) -> list[tuple[float, float]]:
            return [(c * x - s * (y - pivot), s * x + c * (y - pivot) + pivot) for x, y in points]

        inner = -side * 0.02
        blade = turned(
            [
                (inner, -0.98),
                (side * 0.03, -0.97),
                (side * wide, pivot - 0.1),
                (side * wide * 0.9, pivot + 0.14),
                (-side * wide * 0.5, pivot + 0.14),
                (inner - side * 0.02, pivot - 0.12),
            ]
        )
        steel = STEEL * np.float32(between(rng, 0.8, 1.25))
        tilt = side * between(rng, 0.1, 0.6)
        surface.fill(blade, np.clip(steel, 0, 1), (tilt, -0.3, 0.8))
        edge = turned([(inner, -0.98), (inner + side * 0.03, -0.9), (inner + side * 0.03, pivot), (inner, pivot)])
        surface.mark(edge, np.clip(steel * 1.4, 0, 1), 0.8)
        x0, y0 = turned([(-side * 0.02, 0.97 - ring[1])])[0]
        away = -side * (ring[0] + 0.06 + (0.06 if spread < 0.15 else 0.0))
        _grip(surface, (x0 + away, y0), ring, turned([(-side * 0.05, pivot + 0.1)])[0], colour, spread * side, rng)
    screw = ellipse_distance(view, (0.0, pivot), (0.045, 0.045))
    surface.cover(view.inside(screw), STEEL * np.float32(0.75), (0.2, -0.3, 0.8))
    return surface


def _grip(
    surface: Surface,
    centre: tuple[float, float],
    ring: tuple[float, float],
    root: tuple[float, float],
    colour: Array,
    turn: float,
    rng: Rng,
) -> None:
    """One finger ring and the shank that joins it to its blade."""
    view = surface.view
    thick = between(rng, 0.045, 0.075)
    oval = ellipse_distance(view, centre, ring, turn)
    loop = np.abs(oval) - thick
    dx, dy = centre[0] - root[0], centre[1] - ring[1] * 0.8 - root[1]
    along = np.clip(((view.u - root[0]) * dx + (view.v - root[1]) * dy) / (dx * dx + dy * dy + 1e-6), 0, 1)
    shank = length(view.u - root[0] - along * dx, view.v - root[1] - along * dy) - np.float32(thick * 1.2)
    shape = np.minimum(loop, np.where(oval < 0, np.float32(9.0), shank))
    share = np.clip(oval / np.float32(thick), -0.95, 0.95)
    x, y = view.u - centre[0], view.v - centre[1]
    far = np.maximum(length(x, y), 0.05)
    normal = np.stack([share * x / far, share * y / far, np.sqrt(1.0 - np.square(share))])
    surface.cover(view.inside(shape), np.clip(colour * np.float32(between(rng, 0.9, 1.1)), 0, 1), normal)


def phone(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A slab with round corners: its lit or dark screen in a coloured case, or its coloured back with lenses."""
    half, corner = between(rng, 0.45, 0.54), between(rng, 0.06, 0.17)
    view = View.of(size, angle, half + 0.05, 1.02)
    surface = Surface(view, between(rng, 0.3, 1.0), between(rng, 30, 120))
    slab = box_distance(view, -half, -1.0, half, 1.0, corner)
    bulge = np.clip((slab + 0.06) / 0.06, 0.0, 1.0)
    normal = np.stack(
        [
            np.sign(view.u) * bulge * (np.abs(view.u) > half - 0.1),
            np.sign(view.v) * bulge * (np.abs(view.v) > 0.9),
            np.full_like(view.u, 0.8),
        ]
    )
    surface.body(view.inside(slab), colour, normal)
    if rng.random() < 0.5:
        _screen(surface, half, corner, rng)
    else:
        _phone_back(surface, half, colour, rng)
    glare = view.u * between(rng, 0.5, 1.5) + view.v * between(rng, -1.0, 1.0) + between(rng, -0.5, 0.5)
    if rng.random() < 0.5:
        surface.paint(surface.alpha * (glare > 0) * between(rng, 0.03, 0.18), (0.95, 0.97, 1.0))
    return surface


def _screen(surface: Surface, half: float, corner: float, rng: Rng) -> None:
    """Dark glass, or a picture with a clock, icons or lines."""
    view = surface.view
    side, ends = between(rng, 0.03, 0.1), between(rng, 0.03, 0.22)
    black = view.inside(box_distance(view, -half + side, -1 + side, half - side, 1 - side, corner * 0.8))
    surface.paint(black, (0.02, 0.02, 0.025))
    surface.normal[0] *= 1.0 - black
    surface.normal[1] *= 1.0 - black
    if rng.random() < 0.65:
        ground = rng.uniform(0.0, 1.0, 3) * between(rng, 0.2, 1.0)
        art = label(rng, 54, 108, ground, 0.5)
        if rng.random() < 0.5:
            for row in range(int(rng.integers(2, 7))):
                for column in range(4):
                    spot = (6 + column * 12, 30 + row * 13)
                    cv2.rectangle(art, spot, (spot[0] + 7, spot[1] + 7), tone(rng.uniform(0, 1, 3)), -1)
        w, h = half - side - 0.02, 1.0 - max(side, ends)
        pasted(surface, [(-w, -h), (w, -h), (w, h), (-w, h)], art, 0.95)
        lit = view.inside(box_distance(view, -w, -h, w, h))
        surface.shade += lit * np.float32(between(rng, 0.0, 0.5))
    if ends > 0.14 and rng.random() < 0.6:
        button = ellipse_distance(view, (0.0, 1.0 - ends / 2), (0.055, 0.055))
        surface.paint(view.inside(np.abs(button) - 0.01), (0.5, 0.5, 0.52))


def _phone_back(surface: Surface, half: float, colour: Array, rng: Rng) -> None:
    """Lenses in a corner or the middle, sometimes a mark or a printed case."""
    if rng.random() < 0.25:
        art = label(rng, 54, 108, colour, 0.6)
        pasted(surface, [(-half, -1), (half, -1), (half, 1), (-half, 1)], art)
    view = surface.view
    number, reach = int(rng.integers(1, 5)), between(rng, 0.055, 0.09)
    x0, y0 = (-half + 0.2, -0.8) if rng.random() < 0.8 else (0.0, -0.72)
    columns = 1 if number < 3 and rng.random() < 0.7 else 2
    spots = [(x0 + (i % columns) * reach * 2.5, y0 + (i // columns) * reach * 2.5) for i in range(number)]
    low, high = np.min(spots, 0) - reach * 1.5, np.max(spots, 0) + reach * 1.5
    island = box_distance(view, float(low[0]), float(low[1]), float(high[0]), float(high[1]), reach)
    surface.paint(view.inside(island) * 0.8, np.clip(colour * between(rng, 0.4, 1.3), 0, 1))
    surface.scale(1.0 - 0.3 * np.exp(np.square(island * 45.0) * -1.0))
    for spot in spots:
        lens = ellipse_distance(view, spot, (reach, reach))
        surface.paint(view.inside(lens), (0.03, 0.03, 0.04))
        surface.paint(view.inside(np.abs(lens) - 0.01), (0.5, 0.5, 0.52))
    if rng.random() < 0.4:
        mark = ellipse_distance(view, (0.0, between(rng, -0.2, 0.2)), (0.08, 0.08))
        surface.paint(view.inside(mark) * 0.7, contrast(colour, rng))


def envelope(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A folded paper cover: its flapped back, or its addressed, stamped, sometimes windowed front."""
    half = between(rng, 0.45, 0.74)
    view = View.of(size, angle, 1.02, half + 0.03)
    surface = Surface(view, between(rng, 0.0, 0.15), 8.0)
    surface.body(view.inside(box_distance(view, -1.0, -half, 1.0, half, 0.01)), colour)
    skin = Skin(view.u, view.v, rng)
    surface.normal[0] += 0.12 * skin.sample("clouds", 16.0)
    surface.normal[1] += 0.12 * skin.sample("clouds", 16.0)
    surface.scale(1.0 + np.float32(between(rng, 0.01, 0.04)) * skin.sample("grain", 70.0))
    if rng.random() < 0.5:
        _flaps(surface, half, colour, rng)
    else:
        _addressed(surface, half, colour, rng)
    edge = np.minimum(1.0 - np.abs(view.u), half - np.abs(view.v))
    surface.scale(1.0 - 0.14 * np.exp(edge * -40.0))
    return surface


def _flaps(surface: Surface, half: float, colour: Array, rng: Rng) -> None:
    """The back: side flaps, the lower one, the upper one shut over them, maybe a seal."""
    point, view = between(rng, -0.2, 0.35) * half, surface.view
    flat = rng.random() < 0.3
    upper = (
        [(-1.0, -half), (1.0, -half), (0.86, point), (-0.86, point)]
        if flat
        else [(-1.0, -half), (1.0, -half), (0.0, point + 0.1)]
    )
    for side in (-1.0, 1.0):
        surface.mark([(side, -half), (side * 0.05, 0.05 * half), (side, half)], colour * 0.93, 0.9)
        crease = [(side, half), (side * 0.03, 0.0), (side * 0.0, 0.03), (side * 0.96, half)]
        surface.mark(crease, colour * 0.6, 0.6)
    shadow = [(x, y + 0.035) for x, y in upper]
    surface.mark(shadow, colour * 0.5, 0.6)
    surface.mark(upper, np.clip(colour * between(rng, 1.0, 1.1), 0, 1), 1.0)
    piece = surface.part(upper)
    piece.normal[1] -= piece.view.polygon(upper) * np.float32(0.2)
    if rng.random() < 0.25:
        seal = ellipse_distance(view, (0.0, point), (0.12, 0.12))
        surface.paint(view.inside(seal), rng.uniform(0.1, 0.8, 3))


def _addressed(surface: Surface, half: float, colour: Array, rng: Rng) -> None:
    """The front: an address by hand, print or window; a stamp and its postmark; perhaps a striped edge."""
    art = np.empty((int(110 * half), 110, 3), np.uint8)
    art[:] = np.array(tone(colour), np.uint8)
    rows, ink = art.shape[0], contrast(colour, rng)
    if rng.random() < 0.15:
        for at in range(-8, 118, 12):
            for colour_at, shade in ((at, (0.8, 0.15, 0.15)), (at + 6, (0.15, 0.25, 0.6))):
                for y in (0, rows - 4):
                    cv2.line(art, (colour_at, y + 4), (colour_at + 4, y), tone(shade), 3)
    left, top = rng.uniform(12, 50), rows * rng.uniform(0.4, 0.55)
    if rng.random() < 0.35:
        cv2.rectangle(art, (int(left) - 4, int(top) - 8), (int(left) + 44, int(top) + 20), (225, 228, 230), -1)
        ink = INK
    for _ in range(int(rng.integers(2, 5))):
        write(art, rng, left, top, rng.uniform(20, 42), rng.choice([2.5, 6.0]), ink)
        top += 6.5
    if rng.random() < 0.5:
        write(art, rng, 5, 9, 30, 3.0, ink)
    if rng.random() < 0.8:
        w, h = int(rng.integers(10, 18)), int(rng.integers(12, 20))
        cv2.rectangle(art, (106 - w, 4), (106, 4 + h), (240, 238, 230), -1)
        cv2.rectangle(art, (107 - w, 5), (105, 3 + h), tone(rng.uniform(0.1, 0.9, 3)), -1)
        picture(art, rng, 106 - w / 2, 4 + h / 2, w * 0.3, rng.uniform(0, 1, 3))
        if rng.random() < 0.5:
            for reach in (7, 9):
                cv2.circle(art, (96 - w, 8 + h // 2), reach, tone(ink), 1, cv2.LINE_AA)
    elif rng.random() < 0.4:
        barcode(art, rng, 70, 4, 34, 8)
    pasted(surface, [(-1.0, -half), (1.0, -half), (1.0, half), (-1.0, half)], art)


def ball(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A ball to play with: plain rubber, segments, seams, patches, a stripe or a star; matt to glossy."""
    view = View.of(size, angle, radius=1.0)
    surface = Surface(view, between(rng, 0.05, 1.0), between(rng, 6, 120))
    pole = rng.normal(size=3).astype(np.float32)
    pole /= np.float32(math.sqrt(float(pole @ pole)) + 1e-6)
    body = globe(view, pole, rng)
    surface.body(view.inside(body.distance), colour, body.normal)
    kind = int(rng.integers(0, 7))
    other = contrast(colour, rng) if rng.random() < 0.6 else rng.uniform(0.0, 1.0, 3).astype(np.float32)
    if kind == 1:
        turn = np.mod(body.longitude() * np.float32(int(rng.integers(3, 5)) / math.tau), 1.0)
        surface.paint((turn < between(rng, 0.25, 0.45)).astype(np.float32), other)
        surface.paint(np.clip((np.abs(body.height) - 0.93) * 40.0, 0, 1), other)
    elif kind == 2:
        _seams(surface, body, np.clip(colour * 0.25, 0, 1) if colour.mean() > 0.25 else other, rng)
    elif kind == 3:
        _panels(surface, other, rng)
    elif kind == 4:
        wide = between(rng, 0.08, 0.3)
        surface.paint(np.clip((wide - np.abs(body.height + between(rng, -0.4, 0.4))) * 30.0, 0, 1), other)
    elif kind == 5:
        art = np.zeros((64, 64, 3), np.uint8)
        art[:] = np.array(tone(colour), np.uint8)
        picture(art, rng, 32, 32, 22, other)
        write(art, rng, 6, 60, 52, 10, other)
        pasted(surface, [(-0.6, -0.6), (0.6, -0.6), (0.6, 0.6), (-0.6, 0.6)], art)
    if rng.random() < 0.5:
        pitted(surface.normal, body.skin, between(rng, 30, 80), between(rng, 0.02, 0.25))
    surface.scale(1.0 + np.float32(between(rng, 0.0, 0.06)) * body.skin.sample("clouds", 24.0))
    return surface


def _seams(surface: Surface, body: Solid, ink: Array, rng: Rng) -> None:
    """The curved seams of a basketball or a tennis ball."""
    wide = between(rng, 0.015, 0.035)
    if rng.random() < 0.5:
        lines = np.minimum(
            np.minimum(np.abs(body.height), np.abs(body.across)),
            np.abs(np.abs(body.deep) - 0.55 - 0.3 * np.square(body.height)),
        )
    else:
        lines = np.abs(body.height - 0.75 * (np.square(body.across) - np.square(body.deep)))
    surface.paint(np.clip((wide - lines) * 60.0, 0, 1), ink)


def _panels(surface: Surface, ink: Array, rng: Rng) -> None:
    """Twelve patches spread evenly, with seams from each to the next."""
    golden = (1.0 + math.sqrt(5.0)) / 2.0
    corners = np.array(
        [(a, b * golden, 0) for a in (-1, 1) for b in (-1, 1)]
        + [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
        + [(a * golden, 0, b) for a in (-1, 1) for b in (-1, 1)]
    ) / math.hypot(1.0, golden)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    spots = (corners @ turn).astype(np.float32)
    flat = surface.normal.reshape(3, -1)
    near = np.sort(spots @ flat, axis=0)[-2:].reshape(2, *surface.alpha.shape)
    surface.paint(np.clip((near[1] - between(rng, 0.9, 0.945)) * 50.0, 0, 1), ink)
    if rng.random() < 0.6:
        surface.scale(1.0 - 0.4 * np.clip(1.0 - (near[1] - near[0]) * 40.0, 0, 1))
