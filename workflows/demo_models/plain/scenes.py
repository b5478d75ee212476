"""Plain scenes with exact labels: fewer and simpler things than `scenes` draws, what the bundled weights learnt from.

A seed makes a scene: a few kinds of everyday things, on shelves or loose, lit from one side,
overlapping and partly hidden, over a textured background, through a mildly imperfect camera.
Labels are what is visible. Knows no model, no tensor and no photograph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.plain.surfaces import Array
from workflows.demo_models.plain.things import DRAW, book
from workflows.demo_models.scenes import Scene, SceneObject

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.11, 0.12),
    "green": (0.20, 0.56, 0.20),
    "blue": (0.14, 0.32, 0.76),
    "yellow": (0.95, 0.81, 0.13),
    "orange": (0.95, 0.48, 0.07),
    "purple": (0.47, 0.20, 0.62),
    "pink": (0.96, 0.56, 0.71),
    "brown": (0.44, 0.27, 0.14),
    "white": (0.93, 0.93, 0.91),
    "black": (0.09, 0.09, 0.10),
    "gray": (0.50, 0.51, 0.53),
}
"""RGB in 0..1 at the middle of each colour a person would name."""

PRODUCE: dict[str, tuple[str, tuple[float, float, float]]] = {
    "orange": ("orange", (0.95, 0.52, 0.06)),
    "lemon": ("yellow", (0.96, 0.84, 0.18)),
    "lime": ("green", (0.40, 0.60, 0.15)),
    "tomato": ("red", (0.84, 0.14, 0.08)),
    "plum": ("purple", (0.36, 0.15, 0.42)),
    "peach": ("orange", (0.97, 0.68, 0.36)),
    "banana": ("yellow", (0.96, 0.81, 0.20)),
    "carrot": ("orange", (0.93, 0.44, 0.09)),
    "pear": ("green", (0.64, 0.73, 0.24)),
    "potato": ("brown", (0.69, 0.53, 0.33)),
}
"""Things of one natural colour: its name and its RGB."""

PAINTED: dict[str, tuple[str, ...]] = {
    "apple": ("red", "green", "yellow"),
    "book": tuple(COLOURS),
    "can": tuple(COLOURS),
    "bottle": tuple(COLOURS),
    "box": tuple(COLOURS),
    "mug": tuple(COLOURS),
    "ball": tuple(COLOURS),
}
"""Things that come in colours, and which."""

NOUNS: tuple[str, ...] = (*PRODUCE, *PAINTED)
KINDS: tuple[tuple[str, str], ...] = (
    *((noun, colour) for noun, (colour, _) in PRODUCE.items()),
    *((noun, colour) for noun, colours in PAINTED.items() for colour in colours),
)
"""Every (noun, colour) that can appear."""

LEAST_VISIBLE = 0.35
"""No object is ever drawn, or left, with less than this fraction of itself in sight."""

_STANDING = frozenset({"book", "can", "bottle", "box", "mug", "pear", "apple", "tomato", "plum", "peach"})
_RELATIVE = {
    "book": 1.3,
    "bottle": 1.45,
    "box": 1.15,
    "banana": 1.3,
    "carrot": 1.45,
    "mug": 1.05,
    "plum": 0.85,
}
_TINTED = {("apple", "green"): (0.45, 0.66, 0.17), ("apple", "yellow"): (0.91, 0.80, 0.27)}
_MAX_OBJECTS = 20


@dataclass
class _Canvas:
    """The picture being painted: at twice the final size, with an id per final pixel."""

    picture: Array
    ids: NDArray[np.int16]
    light: Array
    ambient: float
    kinds: list[tuple[str, str]] = field(default_factory=list)
    full: list[int] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)

    def place(self, kind: tuple[str, str], rgb: Array, alpha: Array, x: int, y: int) -> bool:
        """Paints a thing with its top left corner at (x, y) in final pixels, unless something would hide."""
        height, width = self.ids.shape
        whole = cv2.resize(alpha, (alpha.shape[1] // 2, alpha.shape[0] // 2), interpolation=cv2.INTER_AREA) >= 0.5
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + whole.shape[1], width), min(y + whole.shape[0], height)
        if right - left < 3 or bottom - top < 3:
            return False
        part = whole[top - y : bottom - y, left - x : right - x]
        ids = self.ids[top:bottom, left:right]
        full, seen = int(whole.sum()), int(part.sum())
        if seen < max(20, 0.6 * full):
            return False
        lost = np.bincount(ids[part] + 1, minlength=len(self.kinds) + 1)[1:]
        for index in np.flatnonzero(lost):
            if self.seen[index] - lost[index] < max(12, LEAST_VISIBLE * self.full[index]):
                return False
        for index in np.flatnonzero(lost):
            self.seen[index] -= int(lost[index])
        ids[part] = len(self.kinds)
        self.kinds.append(kind)
        self.full.append(full)
        self.seen.append(seen)
        crop = slice(2 * (top - y), 2 * (bottom - y)), slice(2 * (left - x), 2 * (right - x))
        weight = alpha[crop][..., None]
        target = self.picture[2 * top : 2 * bottom, 2 * left : 2 * right]
        target += weight * (rgb[crop] - target)
        return True

    def shadow(self, x: float, y: float, radius_x: float, radius_y: float, depth: float) -> None:
        """Darkens a soft ellipse about (x, y), everything in final pixels."""
        height, width = self.ids.shape
        left, right = max(0, int(x - 2 * radius_x)), min(width, int(x + 2 * radius_x) + 1)
        top, bottom = max(0, int(y - 2 * radius_y)), min(height, int(y + 2 * radius_y) + 1)
        if right <= left or bottom <= top:
            return
        across = (np.arange(2 * left, 2 * right, dtype=np.float32) / 2 - x) / radius_x
        down = (np.arange(2 * top, 2 * bottom, dtype=np.float32) / 2 - y) / radius_y
        dark = np.exp(-1.6 * (across[None, :] ** 2 + down[:, None] ** 2)).astype(np.float32)
        self.picture[2 * top : 2 * bottom, 2 * left : 2 * right] *= 1.0 - np.float32(depth) * dark[..., None]


def render_plain_scene(seed: int, width: int = 320, height: int = 240, style: str | None = None) -> Scene:
    """Draws the plain scene of a seed; the same seed and size give the same scene.

    Args:
        seed: Any non-negative number; measuring uses `scenes.EVALUATION_SEEDS` and above.
        width: Pixels across, at least 64.
        height: Pixels down, at least 64.
        style: None; plain scenes come in one.

    Raises:
        ValueError: The size is too small to draw on, or a style is asked for.
    """
    if style is not None:
        raise ValueError(f"style={style!r} is unknown: expected None. Draw it with `scenes.render_scene`.")
    if min(width, height) < 64:
        raise ValueError(f"size={width}x{height} is too small: expected at least 64x64. Ask for a larger scene.")
    rng = np.random.default_rng(seed)
    light = np.array([rng.uniform(-0.75, 0.75), rng.uniform(-0.95, -0.35), rng.uniform(0.55, 1.0)], np.float32)
    light /= np.linalg.norm(light)
    picture = _texture(rng, width, height)
    ids = np.full((height, width), -1, np.int16)
    canvas = _Canvas(picture, ids, light, float(rng.uniform(0.32, 0.5)))
    shelf = bool(rng.random() < 0.45)
    kinds = _choose_kinds(rng)
    if shelf:
        _fill_shelves(canvas, kinds, rng)
    else:
        _scatter(canvas, kinds, rng)
    objects = []
    for index, (noun, colour) in enumerate(canvas.kinds):
        mask = ids == index
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        bounds = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
        objects.append(SceneObject(noun, colour, bounds, mask, canvas.seen[index] / canvas.full[index]))
    return Scene(_photograph(canvas.picture, rng), tuple(objects), seed)


def _choose_kinds(rng: np.random.Generator) -> list[tuple[str, str]]:
    """One entry a thing to draw: 1 to 20 of 1 to 4 kinds, often one noun in several colours."""
    number = int(rng.choice([1, 2, 3, 4], p=[0.2, 0.35, 0.28, 0.17]))
    chosen: list[tuple[str, str]] = []
    noun = str(rng.choice(NOUNS))
    while len(chosen) < number:
        if chosen and not (chosen[-1][0] in PAINTED and rng.random() < 0.5):
            noun = str(rng.choice(NOUNS))
        colour = PRODUCE[noun][0] if noun in PRODUCE else str(rng.choice(PAINTED[noun]))
        if (noun, colour) not in chosen:
            chosen.append((noun, colour))
        elif noun in PRODUCE:
            noun = str(rng.choice(NOUNS))
    total = max(number, 1 + int(_MAX_OBJECTS * rng.beta(1.25, 1.9)))
    shares = rng.dirichlet(np.full(number, 2.0))
    extra = rng.multinomial(total - number, shares)
    return [kind for kind, more in zip(chosen, extra, strict=True) for _ in range(1 + int(more))]


def _specimen(
    canvas: _Canvas, kind: tuple[str, str], size: float, angle: float, upright: bool, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One thing lit by the scene's light: RGB (2h, 2w, 3) and coverage (2h, 2w), both even-sized."""
    noun, colour = kind
    base = PRODUCE[noun][1] if noun in PRODUCE else _TINTED.get(kind, COLOURS[colour])
    shade = rng.normal(0.0, 0.025, 3) + rng.normal(0.0, 0.035)
    main = np.clip(np.array(base) * rng.uniform(0.88, 1.08) + shade, 0.03, 0.97).astype(np.float32)
    if noun == "book" and upright:
        surface = book(2 * size, angle, main, rng, spine=bool(rng.random() < 0.8))
    else:
        surface = DRAW[noun](2 * size, angle, main, rng)
    rgb, alpha = surface.lit(canvas.light, canvas.ambient), surface.alpha
    rows, columns = np.flatnonzero(alpha.max(1) > 0.02), np.flatnonzero(alpha.max(0) > 0.02)
    span = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    rgb, alpha = rgb[span], alpha[span]
    odd = ((0, alpha.shape[0] % 2), (0, alpha.shape[1] % 2))
    return np.pad(rgb, (*odd, (0, 0)), mode="edge"), np.pad(alpha, odd)


def _angle(noun: str, upright: bool, rng: np.random.Generator) -> float:
    """A believable turn: cups stand, bananas and carrots lie."""
    if upright:
        if noun in _STANDING:
            return float(rng.normal(0.0, 0.02 if noun in PAINTED else 0.12))
        if noun in ("orange", "ball"):
            return float(rng.uniform(-0.3, 0.3))
        return float(rng.choice([-1.0, 1.0]) * math.pi / 2 + rng.normal(0.0, 0.22))
    if noun in ("can", "bottle", "box", "mug") and rng.random() < 0.55:
        return float(rng.normal(0.0, 0.08))
    if (noun in _STANDING and noun in PRODUCE) or noun == "apple":
        return float(rng.normal(0.0, 0.8))
    return float(rng.uniform(-math.pi, math.pi))


def _fill_shelves(canvas: _Canvas, kinds: list[tuple[str, str]], rng: np.random.Generator) -> None:
    height, width = canvas.ids.shape
    rows = int(np.clip(round(len(kinds) / 5.5 + rng.uniform(-0.4, 0.9)), 1, 3))
    if rng.random() < 0.35:
        order = rng.permutation(len(kinds))
        kinds = [kinds[i] for i in order]
    pitch = height / (rows + 0.12)
    share = rng.uniform(0.55, 0.86)
    biggest = float(np.clip(pitch * share, 0.13 * min(height, width), 0.4 * min(height, width)))
    wood = rng.uniform(0.15, 0.8) * np.array([1.0, rng.uniform(0.72, 1.0), rng.uniform(0.45, 1.0)])
    per_row = math.ceil(len(kinds) / rows)
    for row in range(rows):
        floor = (row + 1) * pitch - 0.07 * pitch
        _board(canvas, floor, max(3.0, 0.08 * pitch), wood.astype(np.float32), rng)
        contents = kinds[row * per_row : (row + 1) * per_row]
        _fill_row(canvas, contents, floor, biggest, rng)


def _board(canvas: _Canvas, top: float, thick: float, colour: Array, rng: np.random.Generator) -> None:
    y0, y1 = int(2 * top) - 2, int(2 * (top + thick))
    band = canvas.picture[y0:y1]
    if not band.size:
        return
    grain = rng.uniform(0.85, 1.1, (1, max(2, band.shape[1] // 24))).astype(np.float32)
    grain = cv2.resize(grain, (band.shape[1], 1), interpolation=cv2.INTER_LINEAR)[..., None]
    band[:] = np.clip(colour * grain, 0, 1)
    band[: max(2, (y1 - y0) // 3)] *= 1.18
    under = canvas.picture[y1 : y1 + int(4 * thick)]
    under *= np.linspace(0.6, 1.0, max(1, under.shape[0]), dtype=np.float32)[:, None, None]


def _fill_row(
    canvas: _Canvas, kinds: list[tuple[str, str]], floor: float, biggest: float, rng: np.random.Generator
) -> None:
    width = canvas.ids.shape[1]
    drawn = []
    for kind in kinds:
        size = biggest * min(1.0, _RELATIVE.get(kind[0], 0.85) / 1.4 * rng.uniform(0.92, 1.12))
        drawn.append((kind, *_specimen(canvas, kind, size, _angle(kind[0], True, rng), True, rng)))
    taken = sum(alpha.shape[1] / 2 for _, _, alpha in drawn)
    spare = width - taken
    gaps = rng.dirichlet(np.full(len(drawn) + 1, 1.5)) * max(spare, 0.0) if spare > 0 else None
    overlap = 0.0 if gaps is not None else spare / max(1, len(drawn))
    squeeze = rng.uniform(0.0, 0.85) if gaps is not None else 0.0
    x = float(gaps[0]) if gaps is not None else 0.0
    for index, (kind, rgb, alpha) in enumerate(drawn):
        w, h = alpha.shape[1] / 2, alpha.shape[0] / 2
        canvas.shadow(x + w / 2 - canvas.light[0] * w * 0.15, floor, w * 0.6, max(2.0, 0.09 * h), 0.5)
        canvas.place(kind, rgb, alpha, round(x), round(floor - h + 1))
        x += w + (overlap if gaps is None else float(gaps[index + 1]) * (1.0 - squeeze) - 0.06 * w * rng.random())


def _scatter(canvas: _Canvas, kinds: list[tuple[str, str]], rng: np.random.Generator) -> None:
    """Things on a table or floor, spread out or heaped, nearer ones in front."""
    height, width = canvas.ids.shape
    short = min(height, width)
    horizon = 0.0
    if rng.random() < 0.45:
        horizon = rng.uniform(0.08, 0.38) * height
        wall = _texture(rng, width, height)[: int(2 * horizon)]
        canvas.picture[: wall.shape[0]] = wall * np.float32(rng.uniform(0.7, 1.1))
        canvas.picture[wall.shape[0] : wall.shape[0] + 6] *= 0.75
    _clutter(canvas, horizon, rng)
    largest = 0.36 if len(kinds) < 4 else 0.27 if len(kinds) < 10 else 0.21
    base = rng.uniform(0.115, largest) * short
    heap = rng.random() < 0.35
    spread = base * (0.34 + 0.40 * math.sqrt(len(kinds)))
    centre = (rng.uniform(0.35, 0.65) * width, rng.uniform(horizon / height + 0.3, 0.75) * height)
    spots = []
    for _ in kinds:
        if heap:
            spots.append((rng.normal(centre[0], spread), rng.normal(centre[1], spread * 0.6)))
        else:
            spots.append((rng.uniform(0.05, 0.95) * width, rng.uniform(horizon + 0.05 * height, 0.96 * height)))
    order = sorted(range(len(kinds)), key=lambda index: spots[index][1])
    shuffled = rng.permutation(len(kinds))
    standing = bool(rng.random() < 0.5) or horizon > 0
    for index in order:
        kind = kinds[int(shuffled[index])]
        size = float(np.clip(base * _RELATIVE.get(kind[0], 1.0) * rng.uniform(0.86, 1.14), 0.08 * short, 0.4 * short))
        upright = standing and kind[0] in _STANDING
        rgb, alpha = _specimen(canvas, kind, size, _angle(kind[0], upright, rng), upright, rng)
        _drop(canvas, kind, rgb, alpha, spots[index], horizon, rng)


def _drop(
    canvas: _Canvas,
    kind: tuple[str, str],
    rgb: Array,
    alpha: Array,
    spot: tuple[float, float],
    horizon: float,
    rng: np.random.Generator,
) -> None:
    """Puts a thing near a spot, moving it where it would hide something; gives up after some tries."""
    height, width = canvas.ids.shape
    w, h = alpha.shape[1] / 2, alpha.shape[0] / 2
    before, x, y = canvas.picture, *spot
    for attempt in range(8):
        cx = float(np.clip(x, 0.3 * w, width - 0.3 * w))
        cy = float(np.clip(y, max(0.35 * h, horizon), height - 0.35 * h))
        left, top = round(cx - w / 2), round(cy - h / 2)
        box = np.s_[max(0, 2 * top - 8) : 2 * top + alpha.shape[0] + 16, :]
        before = canvas.picture[box].copy()
        canvas.shadow(cx - canvas.light[0] * 0.18 * w, cy + 0.42 * h, 0.62 * w, max(3.0, 0.20 * h), 0.55)
        if canvas.place(kind, rgb, alpha, left, top):
            return
        canvas.picture[box] = before
        reach = 0.35 * (attempt + 1)
        x, y = spot[0] + rng.normal(0, reach * w), spot[1] + abs(rng.normal(0, 0.5 * reach * h))


def _clutter(canvas: _Canvas, horizon: float, rng: np.random.Generator) -> None:
    """A few flat scraps of no nameable kind behind everything."""
    height, width = canvas.ids.shape
    for _ in range(int(rng.choice([0, 0, 1, 2, 3, 4]))):
        corners = int(rng.integers(3, 6))
        turns = np.sort(rng.uniform(0, 2 * math.pi, corners))
        reach = rng.uniform(0.04, 0.16) * height * rng.uniform(0.5, 1.0, corners)
        centre = np.array([rng.uniform(0, width), rng.uniform(horizon, height)])
        points = centre + np.stack([np.cos(turns), np.sin(turns)], 1) * reach[:, None]
        shade = np.clip(rng.uniform(0.15, 0.85) + rng.normal(0, 0.09, 3), 0, 1)
        outline = (points * 32).astype(np.int32)
        colour = tuple(float(value) for value in shade)
        cv2.fillPoly(canvas.picture, [outline], colour, lineType=cv2.LINE_AA, shift=4)


def _texture(rng: np.random.Generator, width: int, height: int) -> Array:
    """A backdrop (2H, 2W, 3): plain, grained, speckled, woven or tiled, with a falling light."""
    value, tint = rng.uniform(0.18, 0.92), rng.uniform(0.0, 0.16)
    hue = rng.normal(0, 1, 3)
    base = np.clip(value + tint * (hue - hue.mean()), 0.04, 0.97)
    if rng.random() < 0.3:
        base = np.clip(value * np.array([1.0, 0.76, 0.52]) * rng.uniform(0.9, 1.3), 0.04, 0.97)
    rows, columns = {
        0: (4, 4),
        1: (int(rng.integers(30, 90)), 5),
        2: (height, width),
        3: (height // 3, width // 3),
        4: (3, 3),
    }[style := int(rng.integers(0, 5))]
    grain = rng.normal(0, 1, (rows, columns)).astype(np.float32)
    pattern = cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR)
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    if style == 4:
        pitch = rng.uniform(10, 40)
        if rng.random() < 0.5:
            pattern = pattern * 0.3 + np.sign(np.sin(x / pitch * 3.14) * np.sin(y / pitch * 3.14))
        else:
            pattern = pattern * 0.3 + np.sin(x / pitch * 6.28) + np.sin(y / pitch * 6.28)
    strength = rng.uniform(0.01, 0.09)
    slope = rng.uniform(-0.2, 0.2) * (x / width - 0.5) + rng.uniform(-0.25, 0.25) * (y / height - 0.5)
    plane = 1.0 + strength * pattern + slope
    small = np.clip(base.astype(np.float32) * plane[..., None], 0.02, 1.0).astype(np.float32)
    return np.asarray(cv2.resize(small, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), np.float32)


def _photograph(picture: Array, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a middling camera makes of it: tint, exposure, a little blur, noise and JPEG."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    image = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    image *= rng.normal(1.0, 0.03, 3).astype(np.float32) * np.float32(rng.uniform(0.85, 1.12))
    blur, noise, quality = rng.uniform(0.0, 0.8), rng.uniform(0.0, 0.022), int(rng.integers(62, 97))
    if blur > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    image += np.float32(noise) * rng.standard_normal(image.shape, np.float32)
    pixels = np.clip(image * 255.0 + 0.5, 0, 255).astype(np.uint8)
    done, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("The JPEG encoder refused the scene: expected bytes. Check the OpenCV build.")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])
