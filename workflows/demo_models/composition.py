"""A scene being put together: things and clutter from back to front, what hides what, and the painting of it.

Layouts only place; `settle` then decides from front to back what stays, so that nothing that people would count is
left with too little of itself in sight. Knows no layout, no backdrop and no camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.kinds import Kind
from workflows.demo_models.lights import Lights
from workflows.demo_models.specimens import Look, Specimens
from workflows.demo_models.surfaces import Array

LEAST_VISIBLE = 0.35
"""Nothing countable is left with less than this fraction of itself in sight."""

LEAST_SIDE = 0.018
"""Nothing countable is left smaller than about this share of the picture's short side."""


@dataclass(frozen=True)
class Shadow:
    """How a thing throws its shadow.

    Attributes:
        height: Height above what the shadow falls on, as a share of the thing's size.
        flat: The shadow lies on level ground seen from the side, not on a surface that faces the viewer.
        depth: Share of the light's own depth.
    """

    height: float = 0.22
    flat: bool = False
    depth: float = 1.0


@dataclass
class Item:
    """One layer of the picture.

    Attributes:
        look: What it looks like.
        x: Left edge in pixels of the canvas.
        y: Top edge.
        kind: What it is, where people would count it.
        shadow: The shadow it throws.
        dimmed: Share of the light that reaches it.
        part_of: The item whose front this is: seen pixels count as that one's.
    """

    look: Look
    x: int
    y: int
    kind: Kind | None = None
    shadow: Shadow | None = None
    dimmed: float = 1.0
    part_of: Item | None = None


@dataclass(frozen=True)
class Settled:
    """What is in sight.

    Attributes:
        ids: (H, W) int16, for each pixel the place in `kinds` of what is seen there, -1 for none.
        kinds: What each is, nearest first.
        visible: Share of each in sight.
        layers: Every item that stays, furthest first.
    """

    ids: NDArray[np.int16]
    kinds: tuple[Kind, ...]
    visible: tuple[float, ...]
    layers: tuple[Item, ...]


@dataclass
class Stage:
    """Where a layout works.

    Attributes:
        rng: Draws everything.
        picture: (H, W, 3) float32 backdrop, painted upon.
        in_frame: (H, W) bool, what the camera will see of it.
        short: Short side of the frame in pixels, the measure of all sizes.
        lights: The light.
        specimens: Makes things.
        items: What has been placed, furthest first.
    """

    rng: np.random.Generator
    picture: Array
    in_frame: NDArray[np.bool_]
    short: float
    lights: Lights
    specimens: Specimens
    items: list[Item] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.picture.shape[1])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.picture.shape[0])

    def put(
        self,
        kind: Kind,
        middle: tuple[float, float],
        size: float,
        angle: float,
        shadow: Shadow | None = None,
        dimmed: float = 1.0,
    ) -> Item:
        """Places a thing about a point in front of all that is there."""
        return self.lay(self.specimens.pose(kind, size, angle), middle, kind, shadow or Shadow(), dimmed)

    def stand(
        self, kind: Kind, x: float, floor: float, size: float, angle: float = 0.0, look: Look | None = None
    ) -> Item:
        """Places a thing with its foot at (x, floor) in front of everything; `look` where it is posed already."""
        look = look or self.specimens.pose(kind, size, angle)
        foot = np.flatnonzero(look.alpha.max(1) > 0.5)
        lowest = int(foot[-1]) if len(foot) else look.alpha.shape[0] - 1
        item = Item(look, round(x - look.alpha.shape[1] / 2), round(floor) - lowest, kind, Shadow(flat=True))
        self.items.append(item)
        return item

    def lay(
        self,
        look: Look,
        middle: tuple[float, float],
        kind: Kind | None = None,
        shadow: Shadow | None = None,
        dimmed: float = 1.0,
        part_of: Item | None = None,
    ) -> Item:
        """Places anything about a point in front of all that is there."""
        height, width = look.alpha.shape
        left, top = round(middle[0] - width / 2), round(middle[1] - height / 2)
        item = Item(look, left, top, kind, shadow, dimmed, part_of)
        self.items.append(item)
        return item


Span = tuple[slice, slice]


def _overlap(item: Item, height: int, width: int) -> tuple[Span, Span] | None:
    """The part of an item on the canvas: where on the canvas, where in the item; None where it is off it."""
    h, w = item.look.alpha.shape
    left, top, right, bottom = max(item.x, 0), max(item.y, 0), min(item.x + w, width), min(item.y + h, height)
    if right <= left or bottom <= top:
        return None
    own = slice(top - item.y, bottom - item.y), slice(left - item.x, right - item.x)
    return (slice(top, bottom), slice(left, right)), own


def settle(stage: Stage) -> Settled:
    """Decides from front to back which items stay: a thing too hidden, too small or too far out is taken out."""
    ids = np.full(stage.in_frame.shape, -1, np.int16)
    covered = ~stage.in_frame
    least = 0.6 * (LEAST_SIDE * stage.short) ** 2
    kinds: list[Kind] = []
    visible: list[float] = []
    layers: list[Item] = []
    fronts: dict[int, list[tuple[Span, NDArray[np.bool_]]]] = {}
    for item in reversed(stage.items):
        spans = _overlap(item, *stage.in_frame.shape)
        if spans is None:
            continue
        there, own = spans
        whole = item.look.alpha >= 0.5
        shape = whole[own]
        seen = shape & ~covered[there]
        if item.kind is not None:
            parts = fronts.pop(id(item), [])
            number = int(seen.sum()) + sum(int(part.sum()) for _, part in parts)
            if number < max(LEAST_VISIBLE * whole.sum(), least) or _thin(seen, stage.short, bool(parts)):
                continue
            for where, part in [(there, seen), *parts]:
                ids[where][part] = len(kinds)
            kinds.append(item.kind)
            visible.append(min(1.0, number / max(1, int(whole.sum()))))
        elif item.part_of is not None:
            fronts.setdefault(id(item.part_of), []).append((there, seen))
        covered[there] |= shape
        layers.append(item)
    return Settled(ids, tuple(kinds), tuple(visible), tuple(reversed(layers)))


def _thin(seen: NDArray[np.bool_], short: float, more: bool) -> bool:
    """Whether what is seen is a sliver that nobody would make out."""
    sides = min(int(seen.any(0).sum()), int(seen.any(1).sum()))
    return not more and sides < max(2.0, 0.6 * LEAST_SIDE * short)


def paint(stage: Stage, settled: Settled) -> None:
    """Paints what stays into the stage's picture, furthest first, each after the shadow it throws."""
    for item in settled.layers:
        if item.shadow is not None:
            _cast(stage, item, item.shadow)
        spans = _overlap(item, stage.height, stage.width)
        if spans is None:
            continue
        there, own = spans
        colours = item.look.lit(stage.lights)[own]
        target = stage.picture[there]
        target += item.look.alpha[own][..., None] * (np.float32(item.dimmed) * colours - target)


def _cast(stage: Stage, item: Item, shadow: Shadow) -> None:
    """Darkens what lies behind an item where its shadow falls, most where they touch."""
    alpha, lights = item.look.alpha, stage.lights
    height, width = alpha.shape
    size = math.sqrt(height * width)
    fall_x, fall_y = lights.fall()
    soft = max(0.6, lights.softness * size)
    margin = math.ceil(2 * soft) + 1
    if shadow.flat:
        squash = 0.22 + 0.16 * min(abs(fall_y), 1.0)
        lean = float(np.clip(fall_x, -1.2, 1.2)) * 0.55
        shift = abs(lean) * height
        left = min(0.0, lean * height)
        matrix = np.array([[1, -lean, margin + lean * height - left], [0, squash, margin]], np.float64)
        w, h = math.ceil(width + shift + 2 * margin), math.ceil(height * squash + 2 * margin)
        dark = cv2.warpAffine(alpha, matrix, (w, h), flags=cv2.INTER_LINEAR)
        x = item.x - margin + math.floor(left)
        y = item.y + round(height * (1 - squash * 0.97)) - margin
    else:
        matrix = np.array([[1, 0, margin], [0, 1, margin]], np.float64)
        dark = cv2.warpAffine(alpha, matrix, (width + 2 * margin, height + 2 * margin), flags=cv2.INTER_NEAREST)
        reach = shadow.height * size
        x, y = item.x - margin + round(fall_x * reach), item.y - margin + round(fall_y * reach)
    dark = np.asarray(cv2.blur(cv2.blur(dark, (k := 2 * round(soft * 0.8) + 1, k)), (k, k)), np.float32)
    top, left_edge = max(0, y), max(0, x)
    bottom, right = min(stage.height, y + dark.shape[0]), min(stage.width, x + dark.shape[1])
    if bottom <= top or right <= left_edge:
        return
    part = dark[top - y : bottom - y, left_edge - x : right - x, None]
    stage.picture[top:bottom, left_edge:right] *= 1.0 - np.float32(lights.depth * shadow.depth) * part
