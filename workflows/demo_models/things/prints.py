"""Printed matter made up on the spot: labels, covers, spines, and laying them on faces and drums.

Art is a small (h, w, 3) uint8 RGB picture of coloured fields, pictures and lines of letters that
spell nothing. Knows no nouns and no light.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.surfaces import Array, Point, Surface, Weights
from workflows.demo_models.things.forms import Solid

Art = NDArray[np.uint8]
Rng = np.random.Generator

_LETTERS = np.array(list("AABCDEEFGHIKLMNOOPRSTUVXYZaabcdeeeghiiklmnooprrsttuvwy0123456789&"))
_FONTS = (0, 1, 2, 3, 4, 6, 7)


def tone(colour: Weights | Sequence[float]) -> tuple[float, float, float]:
    """A colour of 0..1 as OpenCV takes it."""
    red, green, blue = (float(min(max(value, 0.0), 1.0) * 255.0) for value in colour)
    return red, green, blue


def contrast(colour: Weights, rng: Rng) -> Array:
    """An ink that reads on the colour: mostly light on dark or dark on light, sometimes gaudy."""
    bright = float(colour[0]) * 0.3 + float(colour[1]) * 0.6 + float(colour[2]) * 0.1
    if rng.random() < 0.3:
        ink = rng.uniform(0.0, 1.0, 3)
        if abs(float(ink @ (0.3, 0.6, 0.1)) - bright) > 0.3:
            return ink.astype(np.float32)
    base = rng.uniform(0.03, 0.2) if bright > 0.5 else rng.uniform(0.8, 0.97)
    return np.clip(base + rng.normal(0, 0.04, 3), 0, 1).astype(np.float32)


def write(art: Art, rng: Rng, left: float, base: float, width: float, height: float, ink: Weights) -> None:
    """A line of letters at most `width` wide and `height` tall, its foot at `base`, in art pixels."""
    if height < 4.0:
        y = int(base - height * 0.5)
        x = left
        while x < left + width:
            step = rng.uniform(1.5, 5.0) * height
            end = min(x + step, left + width)
            cv2.line(art, (int(x), y), (int(end), y), tone(ink), max(1, int(height * 0.6)), cv2.LINE_AA)
            x = end + max(1.0, height * 0.7)
        return
    font = int(_FONTS[int(rng.integers(0, len(_FONTS)))])
    scale = height / 24.0
    number = max(2, int(rng.integers(3, 11)))
    word = "".join(rng.choice(_LETTERS, number))
    if rng.random() < 0.5:
        word = word.upper()
    thick = max(1, round(height * rng.uniform(0.06, 0.22)))
    long = cv2.getTextSize(word, font, scale, thick)[0][0]
    while long > width and len(word) > 2:
        word = word[: max(2, int(len(word) * width / long))] if len(word) > 3 else word[:2]
        long = cv2.getTextSize(word, font, scale, thick)[0][0]
        if len(word) == 2:
            break
    x = left + max(0.0, (width - long) * float(rng.choice([0.0, 0.5, 0.5])))
    cv2.putText(art, word, (int(x), int(base)), font, scale, tone(ink), thick, cv2.LINE_AA)


def picture(art: Art, rng: Rng, x: float, y: float, radius: float, ink: Weights) -> None:
    """Something pictured: a disc, a blob, a burst, a frame, hills or leaves."""
    kind = int(rng.integers(0, 6))
    centre, reach = (int(x), int(y)), max(2, int(radius))
    other = tone(rng.uniform(0.0, 1.0, 3))
    if kind == 0:
        cv2.ellipse(art, centre, (reach, int(reach * rng.uniform(0.5, 1.0)) + 1), 0, 0, 360, tone(ink), -1, cv2.LINE_AA)
        cv2.circle(art, (centre[0] - reach // 4, centre[1] - reach // 5), reach // 2, other, -1, cv2.LINE_AA)
    elif kind == 1:
        turns = np.sort(rng.uniform(0, math.tau, int(rng.integers(5, 9))))
        long = radius * rng.uniform(0.6, 1.1, len(turns))
        blob = np.stack([x + long * np.cos(turns), y + long * np.sin(turns)], 1).astype(np.int32)
        cv2.fillPoly(art, [blob], tone(ink), cv2.LINE_AA)
        cv2.circle(art, centre, reach // 2, other, -1, cv2.LINE_AA)
    elif kind == 2:
        points = int(rng.integers(7, 16))
        turns = np.arange(2 * points) * math.pi / points
        long = radius * np.where(np.arange(2 * points) % 2, rng.uniform(0.5, 0.8), 1.0)
        star = np.stack([x + long * np.cos(turns), y + long * np.sin(turns)], 1).astype(np.int32)
        cv2.fillPoly(art, [star], other, cv2.LINE_AA)
    elif kind == 3:
        half = (reach, int(reach * rng.uniform(0.4, 1.0)) + 1)
        corners = (centre[0] - half[0], centre[1] - half[1]), (centre[0] + half[0], centre[1] + half[1])
        cv2.rectangle(art, *corners, tone(ink), -1)
        cv2.rectangle(art, *corners, other, max(1, reach // 8))
    elif kind == 4:
        for shade in (0.9, 0.65, 0.4):
            spots = np.linspace(-1, 1, 6)
            ridge = np.stack([x + radius * spots, y + radius * (rng.uniform(-0.5, 0.3, 6) + 0.9 - shade)], 1)
            hills = np.concatenate([ridge, [(x + radius, y + radius * 0.8), (x - radius, y + radius * 0.8)]])
            cv2.fillPoly(art, [hills.astype(np.int32)], tone(np.asarray(other) / 255 * shade), cv2.LINE_AA)
    else:
        for _ in range(int(rng.integers(3, 7))):
            spot = (rng.normal((x, y), radius * 0.4)).astype(int)
            size = max(1, int(radius * rng.uniform(0.2, 0.5)))
            fill = tone(np.asarray(other) / 255 * rng.uniform(0.6, 1.1))
            cv2.ellipse(
                art,
                (int(spot[0]), int(spot[1])),
                (size, size // 2 + 1),
                float(rng.uniform(0, 180)),
                0,
                360,
                fill,
                -1,
                cv2.LINE_AA,
            )


def label(rng: Rng, width: int, height: int, colour: Weights, busy: float = 0.6) -> Art:
    """A label, cover or panel whose ground is mostly `colour`.

    Args:
        rng: Draws the layout.
        width: Art pixels across.
        height: Art pixels down.
        colour: (3,) ground in 0..1.
        busy: Chance of each further element, 0 (bare) to 1.
    """
    art = np.empty((height, width, 3), np.uint8)
    art[:] = np.array(tone(colour), np.uint8)
    ink, accent = contrast(colour, rng), rng.uniform(0.0, 1.0, 3)
    if rng.random() < busy * 0.4:
        top = int(height * rng.uniform(0.55, 0.9))
        art[top:] = np.array(tone(accent if rng.random() < 0.5 else np.asarray(colour) * 0.6), np.uint8)
    if rng.random() < busy * 0.25:
        at, thick = int(height * rng.uniform(0.1, 0.4)), max(1, int(height * rng.uniform(0.01, 0.12)))
        art[at : at + thick] = np.array(tone(accent), np.uint8)
    if rng.random() < busy * 0.2:
        art[:, :: max(4, int(width * rng.uniform(0.08, 0.2)))] = np.array(tone(ink), np.uint8)
    if rng.random() < busy:
        spot = width * rng.uniform(0.35, 0.65), height * rng.uniform(0.4, 0.75)
        picture(art, rng, *spot, min(width, height) * rng.uniform(0.15, 0.38), ink)
    if rng.random() < busy * 0.35:
        margin = max(1, int(min(width, height) * rng.uniform(0.02, 0.08)))
        cv2.rectangle(art, (margin, margin), (width - margin - 1, height - margin - 1), tone(ink), 1)
    base, left = height * rng.uniform(0.1, 0.3), width * rng.uniform(0.05, 0.2)
    for _ in range(int(rng.integers(1, 4))):
        tall = min(width * 0.3, height * rng.uniform(0.07, 0.2))
        write(art, rng, left, base + tall, width - 2 * left, tall, ink)
        base += tall * rng.uniform(1.2, 1.7)
    if rng.random() < busy:
        base = height * rng.uniform(0.6, 0.85)
        for _ in range(int(rng.integers(1, 5))):
            tall = height * rng.uniform(0.018, 0.035)
            write(art, rng, left, base + tall, (width - 2 * left) * rng.uniform(0.5, 1.0), max(1.0, tall), ink)
            base += tall * 2.0
    return art


def barcode(art: Art, rng: Rng, left: int, top: int, width: int, height: int) -> None:
    """Dark bars on white."""
    art[top : top + height, left : left + width] = 245
    bars = np.repeat(rng.random(max(1, width // 2 - 1)) < 0.5, 2)
    patch = art[top + 1 : top + height - 1, left + 1 : left + 1 + len(bars)]
    patch[:, bars[: patch.shape[1]]] = 25


def pasted(surface: Surface, corners: Sequence[Point] | Weights, art: Art, strength: float = 1.0) -> None:
    """Lays art on a flat face, corners in object coordinates: top left, top right, bottom right, bottom left."""
    piece = surface.part(corners)
    height, width = piece.alpha.shape
    rows, columns = art.shape[:2]
    source = np.array([(0, 0), (columns, 0), (columns, rows), (0, rows)], np.float32) - 0.5
    spots = piece.view.pixels(corners).astype(np.float32)
    turn = cv2.getPerspectiveTransform(source, spots)
    laid = cv2.warpPerspective(art, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    planes = laid.transpose(2, 0, 1).astype(np.float32) * np.float32(1 / 255)
    piece.paint(piece.view.polygon(corners) * piece.alpha * np.float32(strength), planes)


def wrapped(surface: Surface, solid: Solid, art: Art, top: float, bottom: float, turn: float, span: float) -> Array:
    """Lays art round a drum between two heights; returns where it lies (h, w).

    Args:
        surface: The drum's.
        solid: Its shape.
        art: What is printed.
        top: Height of the art's top edge, in object coordinates.
        bottom: Height of its bottom edge.
        turn: Angle of the art's middle about the axis; 0 faces the viewer.
        span: Angle that the art covers; wider than this stays bare.
    """
    rows, columns = art.shape[:2]
    angle = np.arcsin(solid.across * np.float32(0.999))
    x = (angle - np.float32(turn)) * np.float32(1.0 / span) + 0.5
    y = (solid.height - np.float32(top)) * np.float32(1.0 / (bottom - top))
    edge = np.float32(surface.view.pixel / (bottom - top))
    lies = np.clip(0.5 + (0.5 - np.abs(y - 0.5)) / edge, 0, 1) * (np.abs(x - 0.5) <= 0.5)
    row = np.clip(y * rows, 0, rows - 1).astype(np.int32)
    cells = row * columns + np.clip(x * columns, 0, columns - 1).astype(np.int32)
    planes = [np.take(art[..., index].reshape(-1), cells) for index in range(3)]
    surface.paint(lies * surface.alpha, np.stack(planes).astype(np.float32) * np.float32(1 / 255))
    return np.asarray(lies, np.float32)
