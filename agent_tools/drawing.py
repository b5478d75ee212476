"""Draws what was found onto a picture: tinted, outlined and numbered, so that a person can check a count at a glance.

Colours belong to handles and stay the same from turn to turn. Every outline is a light line inside a dark one, and
every number sits in a pill of its own, so both show on any background and to people who see few colours. All work is
done inside the box of each object.

This module does not know memory, tools or files: it takes a picture and things with a box, and gives back an array.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from agent_tools.masks import Mask
from agent_tools.pictures import Picture

Pixels = NDArray[np.uint8]
Point = tuple[float, float]
Box = tuple[float, float, float, float]

# Told apart by people with any of the common colour deficiencies, and by lightness as well as by hue.
PALETTE: tuple[tuple[int, int, int], ...] = (
    (64, 176, 255),
    (255, 106, 56),
    (20, 190, 120),
    (240, 120, 200),
    (255, 222, 40),
    (110, 100, 255),
    (150, 230, 230),
    (214, 40, 74),
)
_DARK = (16, 18, 24)
_LIGHT = (255, 255, 255)
_TINT = 0.34


class Drawable(Protocol):
    """What can be drawn; `agent_tools.memory.ObjectVersion` is one. Boxes are xyxy in pixels of the picture."""

    @property
    def handle(self) -> str:
        """What the conversation calls it."""
        ...

    @property
    def label(self) -> str:
        """What it was found as."""
        ...

    @property
    def box(self) -> Box:
        """Where it is; used where there is no mask."""
        ...

    @property
    def mask(self) -> Mask | None:
        """Its mask, at the picture's size."""
        ...


@dataclass(slots=True)
class _Shape:
    """An object on the canvas: its box (x0, y0, x1, y1) in canvas pixels, and its mask inside that box, 0 or 255."""

    label: str
    colour: tuple[int, int, int]
    box: tuple[int, int, int, int]
    inside: Pixels | None
    chosen: bool
    text: str


def draw(
    picture: Picture,
    objects: Sequence[Drawable],
    *,
    numbers: bool | Literal["handles"] = True,
    selection: Collection[str] | None = None,
    longest_side: int | None = None,
    caption: bool = True,
) -> Pixels:
    """The picture with the objects drawn on it.

    Args:
        picture: what they were found on.
        objects: what to draw, with a mask or only a box. Those of one label are numbered in a row.
        numbers: True: 1, 2, 3, ...; "handles": m1, m2, ...; False: none.
        selection: handles drawn in full; the others only get a thin line. None: all in full.
        longest_side: scale the result down to this many pixels; None: as large as the picture.
        caption: where several labels are numbered, add a strip below that says which numbers are what.

    Returns:
        (H, W, 3) uint8 RGB; H is larger than the picture's only by the caption.
    """
    canvas, scale = _canvas(picture, longest_side)
    shapes = _shapes(objects, selection, scale, canvas.shape[:2])
    groups = _number(shapes, objects, numbers)
    line = max(1.0, min(canvas.shape[:2]) / 360)
    for shape in shapes:
        _tint(canvas, shape)
    for shape in sorted(shapes, key=lambda shape: shape.chosen):
        _outline(canvas, shape, line)
    numbered = [shape for shape in shapes if shape.text]
    size = _font_size(numbered, canvas.shape[:2])
    _place_numbers(canvas, numbered, size)
    return _with_caption(canvas, groups, size) if caption and len(groups) > 1 else canvas


def encode_jpeg(pixels: Pixels, quality: int = 92) -> bytes:
    """(H, W, 3) uint8 RGB as JPEG without colour subsampling, which would smear outlines and numbers."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    assert done  # cv2 refuses only shapes and types that this signature excludes
    return bytes(encoded)


def tag(canvas: Pixels, text: str, at: Point, size: int, colour: tuple[int, int, int]) -> None:
    """Put a pill with a short text onto a canvas, in place and wholly on it.

    Args:
        canvas: (H, W, 3) uint8 RGB, writable.
        text: what it says.
        at: x, y of its centre, pixels.
        size: of the letters, pixels.
        colour: of the pill, RGB.
    """
    pill = _pill(text, size, colour)
    height, width = pill.shape[:2]
    x, y = _within(at, (width, height), canvas.shape[:2])
    _paste(canvas, pill, round(x - width / 2), round(y - height / 2))


def colour_of(handle: str) -> tuple[int, int, int]:
    """The colour (R, G, B) that belongs to a handle, in 0..255."""
    digits = "".join(character for character in handle if character.isdecimal())
    return PALETTE[(int(digits) - 1 if digits else zlib.crc32(handle.encode())) % len(PALETTE)]


def _canvas(picture: Picture, longest_side: int | None) -> tuple[Pixels, float]:
    longest = max(picture.width, picture.height)
    if longest_side is None or longest <= longest_side:
        return picture.array.copy(), 1.0
    scale = longest_side / longest
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return np.asarray(cv2.resize(picture.array, (width, height), interpolation=cv2.INTER_AREA), np.uint8), scale


def _shapes(
    objects: Sequence[Drawable], selection: Collection[str] | None, scale: float, size: tuple[int, int]
) -> list[_Shape]:
    shapes = []
    for thing in objects:
        inside: Pixels | None = None
        x0, y0, x1, y1 = thing.box
        if thing.mask is not None:
            crop, left, top = thing.mask.to_crop()
            if crop.size:
                x0, y0, x1, y1 = left, top, left + crop.shape[1], top + crop.shape[0]
                inside = crop.view(np.uint8) * np.uint8(255)
        left, top = min(max(round(x0 * scale), 0), size[1] - 1), min(max(round(y0 * scale), 0), size[0] - 1)
        right, bottom = min(max(round(x1 * scale), left + 1), size[1]), min(max(round(y1 * scale), top + 1), size[0])
        if inside is not None and inside.shape != (bottom - top, right - left):
            inside = np.asarray(
                cv2.resize(inside, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST), np.uint8
            )
        chosen = selection is None or thing.handle in selection
        shapes.append(_Shape(thing.label, colour_of(thing.handle), (left, top, right, bottom), inside, chosen, ""))
    return shapes


def _number(
    shapes: list[_Shape], objects: Sequence[Drawable], numbers: bool | Literal["handles"]
) -> list[tuple[str, str]]:
    """Give every chosen shape its text; numbers run on from label to label. Returns label and numbers for a caption."""
    groups: dict[str, list[str]] = {}
    chosen = [(shape, thing.handle) for shape, thing in zip(shapes, objects, strict=True) if shape.chosen]
    labels = list(dict.fromkeys(shape.label for shape, _ in chosen))
    in_groups = sorted(chosen, key=lambda pair: labels.index(pair[0].label))
    for count, (shape, handle) in enumerate(in_groups, start=1):
        if numbers:
            shape.text = handle if numbers == "handles" else str(count)
            groups.setdefault(shape.label, []).append(shape.text)
    return [(label, texts[0] if len(texts) == 1 else f"{texts[0]}-{texts[-1]}") for label, texts in groups.items()]


def _tint(canvas: Pixels, shape: _Shape) -> None:
    if shape.inside is None or not shape.chosen:
        return
    left, top, right, bottom = shape.box
    part = canvas[top:bottom, left:right]
    tint = (*(_TINT * channel for channel in shape.colour), 0.0)
    cv2.copyTo(cv2.add(cv2.convertScaleAbs(part, alpha=1 - _TINT), tint), shape.inside, part)


def _outline(canvas: Pixels, shape: _Shape, line: float) -> None:
    left, top, right, bottom = shape.box
    inner = max(1, round(line * (1.25 if shape.chosen else 0.75)))
    outer = inner + 2 * max(1, round(line * 0.6))
    strokes = ((outer, _DARK), (inner, shape.colour if shape.chosen else (200, 200, 200)))
    if shape.inside is None:
        for width, colour in strokes:
            cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), colour, width, cv2.LINE_AA)
        return
    found, _ = cv2.findContours(shape.inside, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # A traced contour goes by whole pixels: steps as small as that are not the thing's, and each costs a segment.
    contours = [cv2.approxPolyDP(contour, max(0.65, 0.3 * line), True) for contour in found]
    for width, colour in strokes:
        cv2.drawContours(canvas, contours, -1, colour, width, cv2.LINE_AA, offset=(left, top))


def _font_size(shapes: Sequence[_Shape], size: tuple[int, int]) -> int:
    """One size for all numbers: readable when the whole picture is looked at, smaller where the objects are small."""
    side = min(size)
    if not shapes:
        return round(max(12, side / 34))
    areas = [_area(shape.box) for shape in shapes]
    wanted = 0.3 * float(np.median(areas)) ** 0.5
    return int(min(max(wanted, 11, side / 48), max(12, side / 26)))


def _place_numbers(canvas: Pixels, shapes: Sequence[_Shape], size: int) -> None:
    """Small objects first: they have the fewest places for their number."""
    taken: list[Box] = []
    for shape in sorted(shapes, key=lambda shape: _area(shape.box)):
        pill = _pill(shape.text, size, shape.colour)
        height, width = pill.shape[:2]
        others = [other.box for other in shapes if other is not shape]
        deepest, at, beside = _place(shape, others, taken, (width, height), canvas.shape[:2])
        x, y = round(at[0] - width / 2), round(at[1] - height / 2)
        taken.append((x, y, x + width, y + height))
        if beside:
            _leader(canvas, deepest, at, shape.colour, max(1, round(size / 12)))
        _paste(canvas, pill, x, y)


def _place(
    shape: _Shape, others: Sequence[Box], taken: Sequence[Box], pill: tuple[int, int], size: tuple[int, int]
) -> tuple[Point, Point, bool]:
    """Where the centre of a pill goes: the point deepest inside its shape, unless that hides too much.

    Args:
        shape: what the pill belongs to.
        others: boxes of the other shapes.
        taken: boxes of the pills that are placed.
        pill: its width and height.
        size: height and width of the canvas.

    Returns:
        the deepest point, the pill's centre, and whether that lies beside the shape.
    """
    depth, step = _depth(shape)
    deepest = _deepest(shape, depth, step)
    left, top, right, bottom = shape.box
    near = (left - 2 * pill[0], top - 2 * pill[1], right + 2 * pill[0], bottom + 2 * pill[1])
    taken = [box for box in taken if _shared(near, box)]
    others = [box for box in others if _shared(near, box)]

    def cost(at: Point, beside: bool) -> float:
        box = (at[0] - pill[0] / 2, at[1] - pill[1] / 2, at[0] + pill[0] / 2, at[1] + pill[1] / 2)
        clash = sum(_shared(box, other) for other in taken) / _area(box)
        trespass = sum(_shared(box, other) for other in others) / _area(box)
        hidden = _shared(box, shape.box) / _area(shape.box)
        away = (abs(at[0] - deepest[0]) + abs(at[1] - deepest[1])) / (pill[0] + pill[1])
        # A pill on a pill is unreadable; on another object it misleads; over most of its own object it hides it.
        return 8 * clash + (1.5 if beside else 0.25) * trespass + max(0.0, 1.5 * hidden - 0.7) + 0.3 * (away + beside)

    first = _within(deepest, pill, size)
    best, least, is_beside = first, cost(first, False), False
    if least > 0.3:
        reach_x, reach_y = pill[0] * 0.55, pill[1] * 0.6
        rows = (top - reach_y, (top + bottom) / 2, bottom + reach_y)
        columns = (right + reach_x, left - reach_x, (left + right) / 2)
        around = [(x, y) for y in rows for x in columns if (x, y) != (columns[2], rows[1])]
        for points, beside in ((_well_inside(shape, depth, step), False), (around, True)):
            for point in points:
                at = _within(point, pill, size)
                if (price := cost(at, beside)) < least:
                    best, least, is_beside = at, price, beside
    return deepest, best, is_beside


def _depth(shape: _Shape) -> tuple[NDArray[np.float32], Point]:
    """How deep inside each point of a small grid lies, and the grid's step (x, y) in canvas pixels."""
    left, top, right, bottom = shape.box
    width, height = right - left, bottom - top
    shrink = min(1.0, 40 / max(width, height))
    columns, rows = max(1, round(width * shrink)), max(1, round(height * shrink))
    framed = np.zeros((rows + 2, columns + 2), np.uint8)
    grid = framed[1:-1, 1:-1]
    if shape.inside is None:
        grid[:] = 1
    else:
        share = cv2.resize(shape.inside, (columns, rows), interpolation=cv2.INTER_AREA)
        grid[:] = share > (127 if share.max() > 127 else 0)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(depth, np.float32), (width / columns, height / rows)


def _deepest(shape: _Shape, depth: NDArray[np.float32], step: Point) -> Point:
    """The point deepest inside a shape, in canvas pixels; see `_depth`."""
    rows, columns = (depth >= 0.95 * depth.max()).nonzero()
    # Along the ridge of a long thing all points are as deep: the middle one looks right.
    middle = int((abs(rows - rows.sum() / len(rows)) + abs(columns - columns.sum() / len(rows))).argmin())
    return shape.box[0] + (columns[middle] + 0.5) * step[0], shape.box[1] + (rows[middle] + 0.5) * step[1]


def _well_inside(shape: _Shape, depth: NDArray[np.float32], step: Point) -> list[Point]:
    """A handful of points well inside a shape, in canvas pixels; see `_depth`."""
    rows, columns = np.nonzero(depth > 0.5 * depth.max())
    every = 1 + len(rows) // 20
    chosen = zip(rows[::every].tolist(), columns[::every].tolist(), strict=True)
    return [(shape.box[0] + (column + 0.5) * step[0], shape.box[1] + (row + 0.5) * step[1]) for row, column in chosen]


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shared(a: Box, b: Box) -> float:
    """Area that two boxes share, square pixels."""
    if a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3]:
        return 0.0
    return (min(a[2], b[2]) - max(a[0], b[0])) * (min(a[3], b[3]) - max(a[1], b[1]))


def _within(at: Point, pill: tuple[int, int], size: tuple[int, int]) -> Point:
    """The nearest centre at which the whole pill lies on the canvas."""
    x = min(max(at[0], pill[0] / 2 + 1), size[1] - pill[0] / 2 - 1)
    y = min(max(at[1], pill[1] / 2 + 1), size[0] - pill[1] / 2 - 1)
    return x, y


def _leader(canvas: Pixels, start: Point, end: Point, colour: tuple[int, int, int], width: int) -> None:
    points = [(round(x), round(y)) for x, y in (start, end)]
    cv2.line(canvas, points[0], points[1], _DARK, width + 2, cv2.LINE_AA)
    cv2.line(canvas, points[0], points[1], colour, width, cv2.LINE_AA)
    cv2.circle(canvas, points[0], width + 1, colour, -1, cv2.LINE_AA)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow without FreeType has no scalable font
    return font


@lru_cache(maxsize=512)
def _text(text: str, size: int) -> NDArray[np.float32]:
    """Coverage of a text, (h, w) float32 in 0..1, cut to its ink from side to side and to the digits' height."""
    font = _font(size)
    left, _, right, _ = font.getbbox(text)
    _, top, _, bottom = font.getbbox("0123456789")
    mask = font.getmask2(text, "L", anchor="la")[0]
    ink = np.asarray(mask, np.float32).reshape(mask.size[1], mask.size[0]) / 255
    block = np.zeros((int(bottom - top), int(right - left)), np.float32)
    ink = ink[: block.shape[0], : block.shape[1]]
    block[: ink.shape[0], : ink.shape[1]] = ink
    return block


@lru_cache(maxsize=1024)
def _pill(text: str, size: int, colour: tuple[int, int, int]) -> NDArray[np.float32]:
    """A pill with its number, (h, w, 4) float32: RGB in 0..255 and coverage in 0..1."""
    ink = _text(text, size)
    edge = max(1.0, size / 12)
    height = round(ink.shape[0] + size * 0.5 + 2 * edge)
    width = max(height, round(ink.shape[1] + size * 0.55 + 2 * edge))
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    radius = height / 2
    across = np.maximum(np.abs(x - width / 2) - (width / 2 - radius), 0)
    depth = radius - np.hypot(across, y - height / 2)
    luminance = np.dot(colour, (0.299, 0.587, 0.114))
    pill = np.empty((height, width, 4), np.float32)
    body = np.clip(depth - edge + 0.5, 0, 1)[..., None]
    pill[..., :3] = np.array(_DARK) * (1 - body) + np.array(colour) * body
    top, left = (height - ink.shape[0]) // 2, (width - ink.shape[1]) // 2
    part = pill[top : top + ink.shape[0], left : left + ink.shape[1], :3]
    letters = np.array(_DARK if luminance > 120 else _LIGHT, np.float32)
    part += (letters - part) * ink[..., None]
    pill[..., 3] = np.clip(depth + 0.5, 0, 1)
    return pill


def _paste(canvas: Pixels, sprite: NDArray[np.float32], x: int, y: int) -> None:
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + sprite.shape[1], canvas.shape[1]), min(y + sprite.shape[0], canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cut = sprite[y0 - y : y1 - y, x0 - x : x1 - x]
    part = canvas[y0:y1, x0:x1]
    part[:] = np.rint(part + (cut[..., :3] - part) * cut[..., 3:])


def _with_caption(canvas: Pixels, groups: Sequence[tuple[str, str]], size: int) -> Pixels:
    """A strip below the picture that says which numbers are what, wrapped to its width."""
    font, gap = _font(size), size * 0.8
    rows: list[list[tuple[float, str]]] = [[]]
    x = gap
    for label, numbers in groups:
        text = f"{numbers}  {label}"
        width = font.getlength(text)
        if rows[-1] and x + width + gap > canvas.shape[1]:
            rows.append([])
            x = gap
        rows[-1].append((x, text))
        x += width + 2 * gap
    pitch = round(size * 1.5)
    strip = Image.new("RGB", (canvas.shape[1], pitch * len(rows) + round(size * 0.5)), _DARK)
    pen = ImageDraw.Draw(strip)
    for row, texts in enumerate(rows):
        for x, text in texts:
            pen.text((x, round(size * 0.25) + pitch * (row + 0.5)), text, fill=(235, 238, 242), font=font, anchor="lm")
    return np.concatenate([canvas, np.asarray(strip)])
