"""Packed groceries and eggs, one function a noun: `(size, angle, colour, rng) -> Surface`, no two specimens alike.

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
)
from workflows.demo_models.things.forms import (
    AXIS,
    CREAM,
    between,
    globe,
    lathe,
    patches,
    pitted,
    spots,
)
from workflows.demo_models.things.metal import STEEL, mirrored
from workflows.demo_models.things.prints import barcode, label, pasted, wrapped, write
from workflows.demo_models.things.solids import Face, boxed, cuboid
from workflows.demo_models.things.textures import Skin

Rng = np.random.Generator


def can(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A drinks can or a food tin: printed or paper-labelled, ribbed or smooth, its lid in sight or not."""
    tin = rng.random() < 0.4
    half = between(rng, 0.58, 0.95) if tin else between(rng, 0.44, 0.58)
    tilt = between(rng, 0.03, 0.42)
    long = 1.0 - half * tilt
    view = View.of(size, angle, half + 0.03, 1.02)
    surface = Surface(view, between(rng, 0.15, 0.7), between(rng, 10, 40))
    neck = 0.0 if tin else between(rng, 0.06, 0.13)
    profile = half * (1.0 - neck * np.clip((np.abs(AXIS) - 0.84) / 0.13, 0, 1) ** 1.5)
    profile[[0, 1, -2, -1]] *= 1.02 if tin else 1.0
    body = lathe(view, profile, rng, start=-long, end=long, tilt=tilt)
    top = float(profile[0])
    lid = ellipse_distance(view, (0.0, -long), (top, max(0.02, top * tilt)))
    silver = STEEL * np.float32(between(rng, 0.8, 1.15))
    surface.body(view.inside(np.minimum(body.distance, lid)), silver, body.normal)
    mirrored(surface, surface.alpha, rng, 0.5)
    margin = between(rng, 0.05, 0.12) if tin else 0.16 * long
    art = label(rng, 150, 84, colour, between(rng, 0.2, 0.95))
    lies = wrapped(surface, body, art, -long + margin, long - margin * 0.8, between(rng, -2.2, 2.2), 7.0)
    surface.shade += lies * (1.0 - surface.shade) * np.float32(0.85)
    if tin and rng.random() < 0.5:
        surface.normal[1] += 0.5 * np.sin(body.height * between(rng, 24, 44)) * (np.abs(body.height) < 0.6)
    _can_lid(surface, lid, long, top, tilt, tin, rng)
    return surface


def _can_lid(surface: Surface, lid: Array, long: float, top: float, tilt: float, tin: bool, rng: Rng) -> None:
    piece = surface.part([(0.0, -long)], top)
    rows, columns = surface.view.window([(0.0, -long)], top)
    lid, view = lid[rows, columns], piece.view
    metal = STEEL * np.float32(between(rng, 0.7, 1.1))
    piece.cover(view.inside(lid), metal, (0.0, -0.85, max(0.2, tilt)))
    wide = max(0.02, top * tilt)
    inner = view.inside(ellipse_distance(view, (0.0, -long + 0.02), (top * 0.88, wide * 0.85)))
    piece.scale(1.0 - 0.3 * inner * np.clip((view.v + long) / wide * -1.0 + 0.4, 0, 1))
    ring = ellipse_distance(view, (0.0, -long + 0.01), (top * 0.93, wide * 0.9))
    piece.scale(1.0 - 0.4 * view.inside(np.abs(ring) - 0.012))
    if tin:
        groove = ellipse_distance(view, (0.0, -long + 0.02), (top * 0.6, wide * 0.6))
        piece.scale(1.0 - 0.25 * view.inside(np.abs(groove) - 0.012))
    if not tin or rng.random() < 0.4:
        x = between(rng, -0.15, 0.15)
        tab = view.inside(ellipse_distance(view, (x, -long + 0.01), (top * 0.28, wide * 0.36)))
        piece.scale(1.0 - 0.5 * tab)
        hole = view.inside(ellipse_distance(view, (x, -long + 0.01 + wide * 0.1), (top * 0.13, wide * 0.16)))
        piece.paint(hole, metal)


def _glass(surface: Surface, across: Array, colour: Weights, rng: Rng, where: Weights) -> None:
    """Fakes glass: dark at its edges, a bright streak down one side, what is inside showing through."""
    edge = np.square(across)
    surface.scale(1.0 - where * np.float32(between(rng, 0.2, 0.6)) * edge * edge)
    at, wide = between(rng, -0.7, 0.7), between(rng, 0.04, 0.12)
    streak = np.clip((wide - np.abs(across - at)) * 30.0, 0, 1) * between(rng, 0.2, 0.7)
    surface.paint(where * streak, np.clip(np.asarray(colour) * 0.3 + 0.68, 0, 1))
    glow = np.exp(np.square(across + 0.55 * math.copysign(1.0, at)) * -18.0) * between(rng, 0.0, 0.4)
    surface.paint(where * glow, np.clip(np.asarray(colour) * 1.5 + 0.08, 0, 1))


def bottle(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """Glass or plastic: tall or squat, sloping or square shoulders, a cap or cork, a label or none."""
    half = between(rng, 0.22, 0.42)
    view = View.of(size, angle, half + 0.03, 1.02)
    surface = Surface(view, between(rng, 0.35, 1.0), between(rng, 20, 120))
    shoulder, slope = between(rng, -0.55, -0.05), between(rng, 0.12, 0.4)
    neck = half * between(rng, 0.26, 0.5)
    blend = np.clip((AXIS - shoulder + slope) / slope, 0.0, 1.0)
    profile = neck + (half - neck) * blend * blend * (3.0 - 2.0 * blend)
    if rng.random() < 0.3:
        profile *= 1.0 - between(rng, 0.05, 0.18) * np.exp(-(((AXIS - between(rng, 0.1, 0.5)) / 0.18) ** 2))
    profile *= np.where(AXIS > 0.95, 1.0 - 0.12 * (AXIS - 0.95) / 0.05, 1.0)
    tilt = between(rng, -0.05, 0.16)
    body = lathe(view, profile, rng, start=-1.0, end=1.0 - abs(tilt) * half, tilt=tilt)
    surface.body(view.inside(body.distance), colour, body.normal)
    everywhere = surface.alpha
    if rng.random() < 0.7:
        full = between(rng, shoulder - slope, 0.4)
        surface.paint(everywhere * view.inside(full - body.height) * between(rng, 0.1, 0.5), colour * 0.5)
        surface.paint(everywhere * view.inside(body.height - full) * between(rng, 0.0, 0.35), (0.85, 0.87, 0.86))
        _glass(surface, body.across, colour, rng, everywhere)
    if rng.random() < 0.3:
        surface.normal[1] += 0.6 * np.sin(body.height * 36.0) * (body.height > between(rng, -0.1, 0.6))
    if rng.random() < 0.82:
        top = max(shoulder + 0.06, between(rng, -0.1, 0.25))
        low = min(0.92, top + between(rng, 0.3, 0.8))
        paper = colour if rng.random() < 0.3 else np.clip(rng.normal(0.86, 0.1) + rng.normal(0, 0.05, 3), 0, 1)
        art = label(rng, 72, 60, paper, between(rng, 0.3, 1.0))
        span = between(rng, 1.8, 2.6) if rng.random() < 0.5 else 7.0
        lies = wrapped(surface, body, art, top, low, between(rng, -0.7, 0.7), span)
        surface.shade += lies * (1.0 - surface.shade) * np.float32(0.8)
        surface.gloss *= 1.0 - 0.7 * lies
    _cap(surface, body.height, body.across, colour, rng)
    return surface


def _cap(surface: Surface, height: Array, across: Array, colour: Array, rng: Rng) -> None:
    """A screw cap, crown, cork or foil over the mouth."""
    kind, long = int(rng.integers(0, 4)), between(rng, 0.07, 0.2)
    tones = (colour * 0.8, rng.uniform(0.05, 0.95, 3), np.array([0.75, 0.6, 0.42]), np.array([0.1, 0.1, 0.11]))
    on = surface.view.inside(height + (1.0 - long)) * surface.alpha
    surface.shade += on * (1.0 - surface.shade) * np.float32(0.7)
    surface.paint(on, np.clip(tones[kind], 0, 1))
    if kind < 2:
        surface.scale(1.0 - on * 0.25 * (np.sin(np.arcsin(across * 0.99) * 22.0) > 0.2))
    surface.scale(1.0 - 0.45 * np.exp(np.square((height + 1.0 - long) * 40.0) * -1.0))


def jar(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A short wide-mouthed glass full of something coloured, under a lid, mostly labelled."""
    half, tilt = between(rng, 0.6, 0.86), between(rng, 0.02, 0.3)
    view = View.of(size, angle, half + 0.03, 1.03)
    surface = Surface(view, between(rng, 0.4, 1.0), between(rng, 20, 120))
    long, lid_long = 1.0 - 0.9 * half * tilt, between(rng, 0.22, 0.4)
    mouth = half * between(rng, 0.78, 0.95)
    rise = np.clip((AXIS + 1.0 - lid_long) / 0.16, 0.0, 1.0)
    profile = mouth + (half - mouth) * rise * rise * (3.0 - 2.0 * rise)
    profile *= np.where(AXIS > 0.9, 1.0 - between(rng, 0.04, 0.14) * (AXIS - 0.9) / 0.1, 1.0)
    body = lathe(view, profile, rng, start=-long, end=long, tilt=tilt)
    lid = ellipse_distance(view, (0.0, -long), (mouth, max(0.02, mouth * tilt)))
    surface.body(view.inside(np.minimum(body.distance, lid)), colour, body.normal)
    everywhere = surface.alpha
    lumpy = body.skin.sample("clouds", between(rng, 20, 60))
    surface.scale(1.0 + np.float32(between(rng, 0.0, 0.3)) * lumpy * (np.abs(body.height) < 0.85))
    if rng.random() < 0.3:
        patches(surface, body, 40.0, rng.uniform(0.1, 0.95, 3), between(rng, 0.2, 0.5), 0.5)
    full = -long + lid_long + between(rng, 0.0, 0.3)
    glass = view.inside(body.height - full) * everywhere
    surface.paint(glass * 0.75, np.array([0.80, 0.84, 0.83]))
    _glass(surface, body.across, colour, rng, everywhere)
    if rng.random() < 0.7:
        top = full + between(rng, 0.05, 0.25)
        low = min(long * 0.9, top + between(rng, 0.45, 0.9))
        paper = np.clip(rng.normal(0.85, 0.1) + rng.normal(0, 0.05, 3), 0, 1) if rng.random() < 0.7 else colour
        art = label(rng, 80, 56, paper, between(rng, 0.3, 1.0))
        lies = wrapped(surface, body, art, top, low, between(rng, -0.8, 0.8), between(rng, 1.2, 2.6))
        surface.shade += lies * (1.0 - surface.shade) * np.float32(0.8)
        surface.gloss *= 1.0 - 0.7 * lies
    _jar_lid(surface, body.height, body.across, lid, colour, (long, lid_long, mouth, tilt), rng)
    return surface


def _jar_lid(
    surface: Surface,
    height: Array,
    across: Array,
    lid: Array,
    colour: Array,
    sizes: tuple[float, float, float, float],
    rng: Rng,
) -> None:
    """A ridged or plain screw lid in metal or paint."""
    long, lid_long, mouth, tilt = sizes
    view = surface.view
    choices = (colour * 0.85, STEEL, np.array([0.80, 0.64, 0.28]), rng.uniform(0.05, 0.95, 3))
    paint = np.clip(choices[int(rng.integers(0, 4))], 0, 1)
    on = np.maximum(view.inside(height + long - lid_long * 0.82), view.inside(lid)) * surface.alpha
    surface.shade += on * (1.0 - surface.shade)
    surface.paint(on, paint)
    if rng.random() < 0.5:
        surface.scale(1.0 - on * 0.22 * (np.sin(np.arcsin(across * 0.99) * 26.0) > 0.1))
    surface.scale(1.0 - 0.4 * np.exp(np.square((height + long - lid_long * 0.82) * 30.0) * -1.0))
    top = view.inside(lid)
    facing = np.array([0.0, -0.9, max(0.2, tilt)], np.float32).reshape(3, 1, 1)
    surface.normal += top * (facing - surface.normal)
    surface.shade += top * (1.0 - surface.shade)
    surface.paint(top, np.clip(paint * 1.06, 0, 1))
    ring = ellipse_distance(view, (0.0, -long), (mouth * 0.86, max(0.02, mouth * tilt * 0.86)))
    surface.scale(1.0 - 0.2 * view.inside(np.abs(ring) - 0.015))


def box(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A printed carton or a plain parcel, any proportions, from the front or a corner, worn at its edges."""
    parcel = rng.random() < 0.4
    width, height = between(rng, 0.7, 1.6), between(rng, 0.6, 1.7)
    depth = between(rng, 0.5, 1.3) if parcel else between(rng, 0.18, 0.7)
    yaw = between(rng, 0.15, 0.95) * float(rng.choice([-1.0, 1.0]))
    faces = cuboid(width, height, depth, yaw, between(rng, 0.05, 0.7))
    surface = boxed(size, angle, faces, colour, between(rng, 0.0, 0.35), between(rng, 6, 24))
    skin = Skin(surface.view.u, surface.view.v, rng)
    style, busy = rng.bit_generator.random_raw(), between(rng, 0.4, 1.0)
    for face in faces:
        if parcel:
            _parcel_face(surface, face, colour, rng)
        else:
            art = label(rng, 64, max(24, int(64 * height / width)), colour, busy if face.name == "front" else 0.35)
            if face.name != "front" and rng.random() < 0.4:
                barcode(art, rng, 30, art.shape[0] // 2, 28, min(16, art.shape[0] // 3))
            pasted(surface, face.corners, art)
    _worn_edges(surface, faces, colour, rng)
    surface.scale(1.0 + np.float32(between(rng, 0.01, 0.06)) * skin.sample("clouds", 40.0))
    if parcel and style % 3 == 0:
        surface.scale(1.0 + 0.05 * np.sin(surface.view.u * 70.0))
    return surface


def _parcel_face(surface: Surface, face: Face, colour: Array, rng: Rng) -> None:
    """Flaps and tape on top, perhaps an address or stamp on a side."""
    a, b, c, d = face.corners
    if face.name == "top":
        middle = [(a + d) / 2, (b + c) / 2]
        seam = [middle[0], middle[1], middle[1] + 0.012, middle[0] + 0.012]
        surface.mark(seam, colour * 0.35, 0.8)
        if rng.random() < 0.7:
            wide = between(rng, 0.1, 0.22)
            tape = [
                a + (d - a) * (0.5 - wide),
                b + (c - b) * (0.5 - wide),
                b + (c - b) * (0.5 + wide),
                a + (d - a) * (0.5 + wide),
            ]
            tan = np.array([0.74, 0.62, 0.42]) if rng.random() < 0.5 else np.clip(colour * 0.5 + 0.42, 0, 1)
            surface.mark(tape, tan, between(rng, 0.4, 0.85))
    elif rng.random() < 0.6:
        wide, tall = between(rng, 0.25, 0.6), between(rng, 0.2, 0.45)
        x, y = between(rng, 0.05, 0.95 - wide), between(rng, 0.1, 0.9 - tall)
        spots = [a + (b - a) * s + (d - a) * t for s, t in ((x, y), (x + wide, y), (x + wide, y + tall), (x, y + tall))]
        paper = CREAM if rng.random() < 0.6 else np.clip(colour, 0, 1)
        art = label(rng, 60, 40, paper, 0.3)
        if rng.random() < 0.4:
            barcode(art, rng, 6, 22, 44, 14)
        pasted(surface, spots, art)


def _worn_edges(surface: Surface, faces: list[Face], colour: Array, rng: Rng) -> None:
    """Light rubs along some edges and a little dark in every corner."""
    for face in faces:
        middle = face.corners.mean(0)
        inner = middle + (face.corners - middle) * 0.96
        for index in range(4):
            following = (index + 1) % 4
            strip = [face.corners[index], face.corners[following], inner[following], inner[index]]
            shade = np.clip(colour * 1.3 + 0.12, 0, 1) if rng.random() < 0.4 else colour * 0.4
            surface.mark(strip, shade, between(rng, 0.0, 0.4))


def bag(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A crinkled foil pouch, a folded paper bag, or a paper carrier standing open."""
    kind = float(rng.random())
    if kind < 0.22:
        return _carrier(size, angle, colour, rng)
    half = between(rng, 0.58, 0.84)
    view = View.of(size, angle, half + 0.1, 1.05)
    foil = kind < 0.7
    surface = Surface(view, between(rng, 0.3, 0.9) if foil else between(rng, 0.0, 0.2), between(rng, 10, 60))
    skin = Skin(view.u, view.v, rng)
    wave = skin.sample("clouds", between(rng, 16, 30)) * np.float32(between(rng, 0.015, 0.05))
    waist = np.cos(np.clip(view.v * between(rng, 0.9, 1.25), -1.5, 1.5))
    side = np.abs(view.u + wave) - half * (1.0 - between(rng, 0.03, 0.12) * waist if foil else 1.0 + 0.05 * view.v)
    ends = np.abs(view.v + wave * 0.5) - 0.99
    surface.body(view.inside(np.maximum(side, ends)), colour)
    art = label(rng, 72, 96, colour, between(rng, 0.5, 1.0))
    pasted(surface, [(-half, -0.98), (half, -0.98), (half, 0.98), (-half, 0.98)], art)
    share = np.clip(view.u / half, -1.0, 1.0)
    puff = np.clip(1.0 - np.square(view.v), 0.0, 1.0)
    surface.normal[0] += share * (0.3 + 1.1 * puff) * np.abs(share)
    surface.normal[1] += view.v * np.square(view.v) * between(rng, 0.3, 1.1)
    crease = between(rng, 0.15, 0.6)
    for axis in (0, 1):
        folds = skin.sample("clouds", between(rng, 20, 44), spin=True) + 0.6 * skin.sample("fibres", 24.0, spin=True)
        surface.normal[axis] += np.float32(crease) * folds
    surface.scale(1.0 + 0.2 * crease * skin.sample("fibres", 34.0, spin=True))
    seal = between(rng, 0.84, 0.93)
    if foil:
        crimp = np.clip((np.abs(view.v) - seal) * 60.0, 0, 1)
        surface.scale(1.0 - crimp * 0.22 * (np.sin(view.v * 160.0) > 0))
        surface.scale(1.0 - 0.3 * np.exp(np.square((np.abs(view.v) - seal) * 45.0) * -1.0))
    else:
        fold = between(rng, -0.85, -0.6)
        surface.scale(1.0 - 0.35 * np.exp(np.abs(view.v - fold) * -30.0) * (view.v > fold))
        surface.paint(view.inside(view.v - fold) * 0.35, np.clip(colour * 1.1 + 0.05, 0, 1))
        surface.normal[1] -= 0.35 * view.inside(view.v - fold)
    return surface


def _carrier(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A paper carrier: front and gusset, an uneven open top, sometimes loops to hold it by."""
    faces = cuboid(
        between(rng, 0.9, 1.2),
        1.5,
        between(rng, 0.35, 0.7),
        between(rng, 0.2, 0.7) * float(rng.choice([-1.0, 1.0])),
        between(rng, 0.0, 0.15),
    )
    surface = boxed(size, angle, [face for face in faces if face.name != "top"], colour, 0.05, 8.0)
    view = surface.view
    for face in faces:
        if face.name == "front":
            top, middle = face.corners[:2], face.corners[:2].mean(0)
            if rng.random() < 0.6:
                pasted(surface, face.corners, label(rng, 60, 80, colour, 0.3))
            teeth = [
                (float(x), float(y) + (0.035 if index % 2 else -0.02))
                for index, (x, y) in enumerate(np.linspace(top[0], top[1], 11))
            ]
            surface.fill([*teeth, tuple(top[1] + (0, 0.08)), tuple(top[0] + (0, 0.08))], colour, face.normal)
            if rng.random() < 0.4:
                ring = ellipse_distance(view, (float(middle[0]), float(middle[1])), (0.24, 0.2))
                loop = view.inside(np.abs(ring) - 0.02) * (view.v < float(middle[1]) + 0.05)
                surface.cover(loop, np.clip(colour * 0.75, 0, 1))
        elif face.name in ("left", "right"):
            a, b, c, d = face.corners
            crease = [(a + b) / 2 - 0.01, (a + b) / 2 + 0.01, (c + d) / 2 + 0.01, (c + d) / 2 - 0.01]
            surface.mark(crease, colour * 0.4, 0.7)
    skin = Skin(view.u, view.v, rng)
    rough = between(rng, 0.05, 0.2)
    surface.normal[0] += rough * skin.sample("clouds", 26.0)
    surface.normal[1] += rough * skin.sample("clouds", 26.0)
    surface.scale(1.0 + 0.12 * rough * skin.sample("fibres", 40.0))
    return surface


def egg(size: float, angle: float, colour: Array, rng: Rng) -> Surface:
    """A matt, fine-grained shell with one end narrower; plain or freckled, lying any way."""
    squash = between(rng, 1.18, 1.42)
    turn, facing = between(rng, 0.0, math.tau), between(rng, -0.2, 0.85)
    flat = math.sqrt(1.0 - facing * facing)
    pole = np.array([flat * math.sin(turn), -flat * math.cos(turn), facing], np.float32)
    if rng.random() < 0.6:
        pole = np.array([0.0, -flat, facing], np.float32)
    reach = math.sqrt((squash * flat) ** 2 + facing**2)
    view = View.of(size / reach, angle, reach * 1.02, reach * 1.02, radius=reach * 1.02)
    surface = Surface(view, between(rng, 0.0, 0.3), between(rng, 5, 20))
    body = globe(view, pole, rng, squash, taper=-between(rng, 0.08, 0.2))
    surface.body(view.inside(body.distance), colour, body.normal)
    pitted(surface.normal, body.skin, 70.0, between(rng, 0.0, 0.05))
    surface.scale(1.0 + 0.02 * body.skin.sample("grain", 60.0))
    patches(surface, body, 20.0, np.clip(colour * (0.94, 0.88, 0.82), 0, 1), between(rng, 0.0, 0.5))
    if rng.random() < 0.4:
        spots(surface, body, between(rng, 40, 80), colour * (0.6, 0.5, 0.42), between(rng, 0.1, 0.7))
    if rng.random() < 0.15:
        art = np.empty((20, 60, 3), np.uint8)
        art[:] = (colour * 255).astype(np.uint8)
        write(art, rng, 2, 15, 56, 10, np.array([0.7, 0.15, 0.12]))
        pasted(surface, [(-0.4, -0.12), (0.4, -0.12), (0.4, 0.14), (-0.4, 0.14)], art, 0.6)
    return surface
