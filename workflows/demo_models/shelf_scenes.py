"""Rendered shelves whose plan is known: what should stand in each place, and what does.

A plan is drawn once for a shelf, in rows of places from left to right; a visit takes things away and swaps others, and
a picture is taken of what is left. Things, boards, light and camera are those of `scenes`. Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.backdrops import backdrop, tone
from workflows.demo_models.camera import Hold
from workflows.demo_models.choices import LOOK_ALIKES
from workflows.demo_models.composition import Stage, settle
from workflows.demo_models.containers import shelf
from workflows.demo_models.kinds import KINDS, PAINTED, PRODUCE, Kind
from workflows.demo_models.layouts import GREENGROCERY, WALLS
from workflows.demo_models.lights import Lights
from workflows.demo_models.placing import LONG, standing
from workflows.demo_models.scenes import SceneObject, taken
from workflows.demo_models.specimens import Posed, Prototype, Specimens, drawn

PACKED = ("book", "can", "bottle", "box", "jar", "bag", "mug", "bowl", "ball")
"""Goods that stand on shelves side by side."""
_LOOKS = {True: 4, False: 1}
"""Looks of a product, produce and packed goods: one tin is like the next, one pear is not."""
_SPREAD = 0.12
"""How far the shades of one product lie apart, as a share of its colour's reach."""
_FOOT, _ROOM = 0.09, (0.68, 0.84)
"""Of a row's height: what the board takes below the things, and how high these are."""

Places = tuple[tuple[Kind | None, ...], ...]
"""Row by row from the top, each from left to right: what stands there; None: nothing."""


@dataclass(frozen=True)
class ShelfScene:
    """A picture of a shelf.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        plan: What should stand where.
        places: What does.
        objects: The things in sight with the number of their row, 1 the top one.
        seed: What made it.
    """

    image: NDArray[np.uint8]
    plan: Places
    places: Places
    objects: tuple[tuple[int, SceneObject], ...]
    seed: int

    def count(self, kind: Kind, row: int | None = None) -> int:
        """How many of a kind are in sight, in one row or in all."""
        return sum((thing.noun, thing.colour) == kind and row in (None, at) for at, thing in self.objects)


class Stock(Specimens):
    """The products of one shop: the same look in every picture, whatever its light.

    Args:
        shop: Seed of the shop.
        rng: Draws how each thing of a picture is posed.
    """

    def __init__(self, shop: int, rng: np.random.Generator) -> None:
        super().__init__(rng, 0)
        self._shop = shop
        self._looks: dict[tuple[Kind, int], list[tuple[float, Prototype]]] = {}

    def pose(self, kind: Kind, size: float, angle: float, narrow: bool = False) -> Posed:
        """See `Specimens.pose`."""
        produce = kind[0] in GREENGROCERY
        look = int(self._rng.integers(_LOOKS[produce]))
        length, prototype = self._drawn_once(kind, look, size, narrow)
        share = size / length
        mirrored = produce and bool(self._rng.random() < 0.5)
        tint = np.exp(self._rng.normal(0.0, 0.02, 3)).astype(np.float32)
        return Posed(prototype, (share, share), angle, mirrored, tint)

    def _drawn_once(self, kind: Kind, look: int, size: float, narrow: bool) -> tuple[float, Prototype]:
        """A look of a product, drawn anew only for a size for which it was drawn too small."""
        known = self._looks.setdefault((kind, look), [])
        fitting = [pair for pair in known if size < 1.4 * pair[0] and size > 0.2 * pair[0]]
        if not fitting:
            rng = np.random.default_rng([self._shop, KINDS.index(kind), look])
            shade = np.random.default_rng([self._shop, KINDS.index(kind)]).uniform(0.0, 1.0, 3)
            fitting = [drawn(kind, size * 1.05, narrow, shade + rng.normal(0.0, _SPREAD, 3), rng)]
            known += fitting
        return fitting[0]


def planned(rng: np.random.Generator, produce: bool | None = None) -> Places:
    """A plan: two to four rows, two to six products in blocks of neighbours, some of them look-alikes.

    Args:
        rng: Draws it.
        produce: Of fruit and vegetables; False: of packed goods; None: either.
    """
    produce = bool(rng.random() < 0.4) if produce is None else produce
    products = _products(rng, GREENGROCERY if produce else PACKED, int(rng.integers(2, 7)))
    rows = []
    for row in range(int(rng.integers(2, 5))):
        places = int(rng.integers(6, 13))
        blocks = min(int(rng.integers(1, 4)), len(products))
        first = rng.permutation(len(products))[:blocks] if row else np.arange(blocks)
        ends = np.sort(rng.choice(np.arange(1, places), blocks - 1, replace=False)).tolist()
        sizes = np.diff([0, *ends, places])
        rows.append(tuple(products[index] for index, size in zip(first, sizes, strict=True) for _ in range(size)))
    return tuple(rows)


def visited(rng: np.random.Generator, plan: Places, chance: float = 0.6) -> Places:
    """What is left of a plan: with a chance, one to three blocks have lost things, or two have swapped one."""
    rows: list[list[Kind | None]] = [list(row) for row in plan]
    if rng.random() < chance:
        for _ in range(int(rng.integers(1, 4))):
            row = rows[int(rng.integers(len(rows)))]
            kinds = sorted({kind for kind in row if kind is not None})
            if not kinds:
                continue
            block = kinds[int(rng.integers(len(kinds)))]
            mine = [place for place, kind in enumerate(row) if kind == block]
            for place in rng.permutation(mine)[: int(rng.integers(1, min(4, len(mine)) + 1))]:
                row[place] = None
    if rng.random() < 0.25 * chance:
        there = [(r, c) for r, row in enumerate(rows) for c, kind in enumerate(row) if kind is not None]
        one = there[int(rng.integers(len(there)))]
        others = [at for at in there if at[0] != one[0] and rows[at[0]][at[1]] not in plan[one[0]]]
        if others:
            other = others[int(rng.integers(len(others)))]
            (a, b), (c, d) = one, other
            rows[a][b], rows[c][d] = rows[c][d], rows[a][b]
    return tuple(tuple(row) for row in rows)


def render_shelf(
    seed: int, plan: Places, places: Places | None = None, shop: int = 0, width: int = 640, height: int = 480
) -> ShelfScene:
    """Takes a picture of a shelf.

    Args:
        seed: Draws boards, light and camera.
        plan: What should stand where.
        places: What does; None: as planned.
        shop: Seed of the shop, whose products look the same in every picture.
        width: Pixels across.
        height: Pixels down.
    """
    rng = np.random.default_rng(seed)
    places = plan if places is None else places
    hold = Hold.draw(rng, width, height, roll=0.03, aslant=0.03)
    stage = Stage(
        rng=rng,
        picture=np.zeros((hold.size[1], hold.size[0], 3), np.float32),
        in_frame=hold.in_frame(),
        short=float(min(hold.frame)),
        lights=Lights.draw(rng),
        specimens=Stock(shop, rng),
    )
    row_of = _arranged(stage, hold, places)
    image, things = taken(stage, settle(stage), hold)
    return ShelfScene(image, plan, places, tuple((_row(thing, hold, row_of), thing) for thing in things), seed)


def _arranged(stage: Stage, hold: Hold, places: Places) -> list[float]:
    """Puts everything in its place; returns where each row ends, in pixels of the canvas."""
    rng = stage.rng
    # The frame lies inside the canvas when the camera was held askew; nothing may stand outside of it.
    left, right, top, bottom = _inside(hold)
    stage.picture[:] = backdrop(rng, stage.width, stage.height, WALLS) * np.float32(rng.uniform(0.35, 0.8))
    pitch, colour, room = (bottom - top) / len(places), tone(rng, 0.15, 0.92), rng.uniform(*_ROOM)
    ends = []
    for row, kinds in enumerate(places):
        floor = top + (row + 1) * pitch - _FOOT * pitch
        shelf(stage, floor - 0.02 * pitch, 0.1 * pitch, colour)
        slot = (right - left) / len(kinds)
        sizes: dict[Kind, float] = {}
        for place, kind in enumerate(kinds):
            if kind is not None:
                high = room * pitch * (0.55 if kind[0] in LONG else 1.0)
                size = sizes.setdefault(kind, _size(stage, kind, 0.98 * slot, high))
                x = left + (place + 0.5 + rng.normal(0.0, 0.015)) * slot
                size *= rng.uniform(0.9, 1.0) if kind[0] in GREENGROCERY else 1.0
                look = stage.specimens.pose(kind, size, standing(kind[0], rng), narrow=kind[0] == "book")
                stage.stand(kind, x, floor, size, look=look)
        ends.append(top + (row + 1) * pitch)
    return ends


def _size(stage: Stage, kind: Kind, width: float, height: float) -> float:
    """The longest side of a thing that fills its place."""
    size = max(width, height)
    look = stage.specimens.pose(kind, size, standing(kind[0], stage.rng), narrow=kind[0] == "book")
    down, across = look.alpha.shape
    return float(size * min(width / across, height / down))


def _inside(hold: Hold) -> tuple[float, float, float, float]:
    """Left, right, top and bottom of the largest part of the canvas that is wholly in the frame, roughly."""
    if hold.homography is None:
        return 0.01 * hold.size[0], 0.99 * hold.size[0], -0.02 * hold.size[1], hold.size[1] * 1.0
    width, height = hold.frame
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    back = np.linalg.inv(hold.homography)
    corners = np.c_[frame, np.ones(4)] @ back.T
    x, y = (corners[:, :2] / corners[:, 2:]).T
    return max(x[0], x[3]), min(x[1], x[2]), max(y[0], y[1]), min(y[2], y[3])


def _row(thing: SceneObject, hold: Hold, ends: list[float]) -> int:
    """Number of the row in which a thing in the frame stands."""
    x, y = (thing.box[0] + thing.box[2]) / 2, (thing.box[1] + thing.box[3]) / 2
    if hold.homography is not None:
        point = np.linalg.inv(hold.homography) @ np.array([x, y, 1.0])
        y = float(point[1] / point[2])
    return 1 + int(np.searchsorted(ends[:-1], y))


def _products(rng: np.random.Generator, nouns: tuple[str, ...], number: int) -> list[Kind]:
    """Distinct kinds; now and then of a group that is easily confused, or one noun in several colours."""
    chance, kinds = rng.random(), list[Kind]()
    if chance < 0.3:
        group = [kind for kind in LOOK_ALIKES[int(rng.integers(len(LOOK_ALIKES)))] if kind[0] in nouns]
        kinds = [group[index] for index in rng.permutation(len(group))[:2]]
    elif chance < 0.6:
        noun = str(rng.choice([noun for noun in nouns if noun in PAINTED]))
        kinds = [(noun, str(colour)) for colour in rng.permutation(PAINTED[noun])[:3]]
    while len(kinds) < number:
        noun = str(rng.choice(nouns))
        kind = (noun, PRODUCE[noun][0] if noun in PRODUCE else str(rng.choice(PAINTED[noun])))
        if kind not in kinds:
            kinds.append(kind)
    return kinds
