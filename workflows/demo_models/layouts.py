"""How a scene is laid out: one function a layout, named in `LAYOUTS` with how often and with which nouns.

To add one, write a function of (stage, what is wanted) that places things from back to front, and name it there.
Knows no label and no camera.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workflows.demo_models.backdrops import backdrop, softened, tone
from workflows.demo_models.choices import MOST, Wanted
from workflows.demo_models.clutter import CLUTTER, clutter
from workflows.demo_models.composition import Shadow, Stage
from workflows.demo_models.containers import Region, basket, bowl, close, crate, shelf
from workflows.demo_models.kinds import NOUNS
from workflows.demo_models.placing import (
    LONG,
    UPRIGHT,
    fill,
    lying,
    relative,
    scattered,
    spread_out,
    standing,
    unit,
)
from workflows.demo_models.specimens import Posed

SURFACES = ("plain", "wood", "stone", "cloth", "paper", "tiles", "slats", "grass")
WALLS = ("plain", "room", "tiles", "wood", "slats", "leaves", "stone")

FRUIT = ("orange", "lemon", "lime", "plum", "peach", "apple", "pear", "tomato", "avocado", "kiwi", "strawberry")
GREENGROCERY = (
    *FRUIT,
    *("banana", "carrot", "potato", "cucumber", "eggplant", "pepper", "onion", "egg"),
)
GOODS = ("book", "can", "bottle", "box", "jar", "bag", "mug", "bowl", "plate", "phone", "ball")
DESK = ("pen", "phone", "envelope", "book", "scissors", "mug", "spoon", "fork", "ball", "box")
LITTER = tuple(name for name in CLUTTER if name not in ("hand", "post"))
INTRUDERS = ("hand", "hand", "hand", "leaf", "spray", "post", "tag", "scrap", "cable")
ON_TREES = ("orange", "lemon", "lime", "plum", "peach", "apple", "pear", "tomato", "avocado", "kiwi")


def scatter(stage: Stage, wanted: Wanted) -> None:
    """Loose on a table or floor, seen from above or with the wall behind."""
    rng, width, height = stage.rng, stage.width, stage.height
    kinds = spread_out(wanted, rng, 0.8)
    stage.picture[:] = backdrop(rng, width, height, SURFACES)
    seen_from_side = rng.random() < 0.45
    horizon = 0.0
    if seen_from_side:
        horizon = rng.uniform(0.05, 0.42) * height
        wall = softened(backdrop(rng, width, height, WALLS), rng.uniform(0, 0.02) * width)
        stage.picture[: int(horizon)] = wall[: int(horizon)]
        stage.picture[int(horizon) : int(horizon) + max(2, height // 120)] *= 0.7
    litter(stage, int(rng.choice([0, 1, 2, 4, 7], p=[0.2, 0.25, 0.25, 0.2, 0.1])), horizon)
    base = unit(stage, kinds, width * (height - horizon), rng.uniform(0.1, 0.55), 0.045, rng.uniform(0.16, 0.4))
    region = Region(0.02 * width, horizon + 0.03 * height, 0.98 * width, 0.97 * height)
    spots = scattered(rng, len(kinds), region, base * rng.uniform(0.7, 1.3))
    nearness = rng.uniform(0.3, 0.9) if seen_from_side else 0.0
    upright = seen_from_side or rng.random() < 0.25
    for (x, y), kind in zip(spots, kinds, strict=True):
        share = 1.0 - nearness * (1.0 - (y - horizon) / (height - horizon))
        size = base * relative(kind[0]) * share * rng.uniform(0.9, 1.1)
        if upright:
            stage.stand(kind, x, y + 0.25 * size, size, standing(kind[0], rng))
        else:
            stage.put(kind, (x, y), size, lying(kind[0], rng), Shadow(rng.uniform(0.08, 0.25)))


def heap(stage: Stage, wanted: Wanted) -> None:
    """Thrown together on one or two heaps."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = backdrop(rng, width, height, SURFACES)
    litter(stage, int(rng.integers(0, 5)))
    kinds = spread_out(wanted, rng, 0.7)
    base = unit(stage, kinds, width * height, rng.uniform(0.25, 0.75), 0.05, 0.3)
    reach = base * 0.42 * math.sqrt(len(kinds) + 1)
    centres = [(rng.uniform(0.3, 0.7) * width, rng.uniform(0.35, 0.7) * height) for _ in range(rng.integers(1, 3))]
    spots = []
    for index in range(len(kinds)):
        x, y = centres[index % len(centres)]
        spots.append((float(rng.normal(x, reach)), float(rng.normal(y, 0.7 * reach))))
    for (x, y), kind in zip(sorted(spots, key=lambda spot: spot[1]), kinds, strict=True):
        size = base * relative(kind[0]) * rng.uniform(0.9, 1.1)
        where = float(np.clip(x, 0, width)), float(np.clip(y, 0, height))
        stage.put(kind, where, size, lying(kind[0], rng), Shadow(0.2), rng.uniform(0.85, 1.0))


def contained(stage: Stage, wanted: Wanted) -> None:
    """In crates, trays, baskets or bowls, some beside them."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = backdrop(rng, width, height, SURFACES)
    litter(stage, int(rng.integers(0, 4)))
    groups = (
        [wanted]
        if rng.random() < 0.45 or len(wanted) == 1
        else [wanted[: len(wanted) // 2], wanted[len(wanted) // 2 :]]
    )
    for index, group in enumerate(groups):
        left, right = (index + 0.04) * width / len(groups), (index + 0.96) * width / len(groups)
        span = (right - left) * rng.uniform(0.75, 1.05)
        tall = min(span * rng.uniform(0.55, 1.1), height * rng.uniform(0.6, 1.0))
        middle = (left + right) / 2, height * rng.uniform(0.42, 0.6)
        region = Region(middle[0] - span / 2, middle[1] - tall / 2, middle[0] + span / 2, middle[1] + tall / 2)
        kinds = spread_out(group, rng, 0.6)
        chance = rng.random()
        if chance < 0.55 or len(kinds) > 30:
            inside, fronts = crate(stage, region)
        else:
            deep = min(tall, span * rng.uniform(0.45, 0.75))
            room = Region(region.left, region.bottom - deep, region.right, region.bottom)
            inside, fronts = basket(stage, room) if chance < 0.78 else bowl(stage, room)
        fill(stage, inside, kinds, rng.uniform(0.75, 1.0))
        close(stage, fronts)


def display(stage: Stage, wanted: Wanted) -> None:
    """A shop's display: sloping compartments, each full of one kind."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = backdrop(rng, width, height, ("slats", "plain", "room", "wood")) * np.float32(0.5)
    wanted = [
        (kind, min(MOST, number + int(rng.integers(0, 10)))) if number <= MOST else (kind, number)
        for kind, number in wanted
    ]
    bands = 1 if len(wanted) < 3 or rng.random() < 0.4 else 2
    above = rng.uniform(-0.05, 0.2) * height
    split = np.array_split(np.arange(len(wanted)), bands)
    board = tone(rng, 0.05, 0.6)
    size = unit(stage, spread_out(wanted, rng), width * height, rng.uniform(0.6, 1.3), 0.055, 0.3)
    for band, members in enumerate(split):
        top, bottom = (above + (height - above) * share / bands for share in (band, band + 1))
        edges = np.concatenate([[-0.02], np.sort(rng.uniform(0.3, 0.7, max(0, len(members) - 1))), [1.02]]) * width
        if len(members) > 2:
            edges = np.linspace(-0.02, 1.02, len(members) + 1) * width
        for left, right, index in zip(edges[:-1], edges[1:], members, strict=True):
            region = Region(left + 0.01 * width, top + 0.02 * height, right - 0.01 * width, bottom - 0.05 * height)
            kind, number = wanted[index]
            own = unit(stage, [kind] * number, region.width * region.height, 1.0, 0.055, 0.4)
            fill(stage, region, [kind] * number, rng.uniform(0.6, 1.0), float(np.clip(own, 0.7 * size, 1.3 * size)))
        shelf(stage, bottom - 0.07 * height, 0.07 * height, board)
        for x in edges[1:-1]:
            stage.lay(
                Posed(clutter(rng, 0.5 * height, ("post",)), (1.0, 1.0), rng.normal(0, 0.05)), (x, (top + bottom) / 2)
            )
    for _ in range(int(rng.integers(0, 4))):
        card = Posed(clutter(rng, rng.uniform(0.1, 0.22) * width, ("tag",)), (1.0, 1.0), float(rng.normal(0, 0.1)))
        stage.lay(card, (rng.uniform(0, width), rng.uniform(0, height)), None, Shadow(0.1))


def shelves(stage: Stage, wanted: Wanted) -> None:
    """Standing in rows on one to four boards."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = backdrop(rng, width, height, WALLS) * np.float32(rng.uniform(0.45, 1.0))
    kinds = spread_out(wanted, rng, 0.35)
    levels = int(np.clip(round(math.sqrt(len(kinds) / 4) + rng.uniform(-0.4, 0.8)), 1, 4))
    pitch = height / (levels - rng.uniform(0.0, 0.25) if levels > 1 else 1.1)
    colour = tone(rng, 0.15, 0.92)
    largest = max(relative(noun) for noun, _ in kinds)
    for level, members in enumerate(np.array_split(np.arange(len(kinds)), levels)):
        floor = height - (levels - 1 - level) * pitch - 0.09 * pitch
        shelf(stage, floor - 0.02 * pitch, 0.1 * pitch, colour)
        row = [kinds[index] for index in members]
        taken = sum(relative(noun) * (1.0 if noun in LONG else 0.62) for noun, _ in row) or 1.0
        size = min(pitch * rng.uniform(0.6, 0.86) / largest, width * rng.uniform(0.8, 1.25) / taken)
        gaps = rng.dirichlet(np.full(len(row) + 1, 1.2)) * max(0.0, width - size * taken)
        x = float(gaps[0])
        for kind, gap in zip(row, gaps[1:], strict=True):
            long = size * relative(kind[0]) * rng.uniform(0.94, 1.06)
            wide = long * (1.0 if kind[0] in LONG else 0.62)
            stage.stand(kind, x + wide / 2, floor, long, standing(kind[0], rng))
            x += wide * rng.uniform(0.92, 1.04) + float(gap)


def books(stage: Stage, wanted: Wanted) -> None:
    """Spines upright and leaning, stacks lying, a thing or two between."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = backdrop(rng, width, height, ("wood", "plain")) * np.float32(rng.uniform(0.2, 0.7))
    kinds = spread_out(wanted, rng, 0.8)
    levels = 1 if len(kinds) < 14 else int(rng.integers(1, 4))
    pitch, colour = height / levels, tone(rng, 0.2, 0.9)
    for level, members in enumerate(np.array_split(np.arange(len(kinds)), levels)):
        floor = (level + 1) * pitch - 0.08 * pitch
        shelf(stage, floor - 0.01 * pitch, 0.09 * pitch, colour)
        size = pitch * rng.uniform(0.6, 0.85)
        x = width * max(0.0, rng.uniform(-0.3, 0.3))
        for index in members:
            kind = kinds[index]
            long = size * rng.uniform(0.8, 1.05) * (1.0 if kind[0] == "book" else 0.6)
            look = stage.specimens.pose(kind, long, 0.0, narrow=True)
            lean = float(rng.choice([0.0, 1.0], p=[0.9, 0.1]) * rng.uniform(-0.25, 0.25))
            wide = look.alpha.shape[1]
            stage.stand(kind, x + wide / 2, floor, long, lean, look=look if lean == 0.0 else None)
            x += wide - 2 + (rng.uniform(0.5, 2.5) * wide if rng.random() < 0.08 else 0.0) + abs(lean) * long * 0.5
            if x > width:
                break


def tree(stage: Stage, wanted: Wanted) -> None:
    """Fruit hanging among leaves."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = softened(
        backdrop(rng, width, height, ("leaves",)), rng.choice([0.0, rng.uniform(0.005, 0.02)]) * width
    )
    kinds = spread_out(wanted, rng)
    base = unit(stage, kinds, width * height, rng.uniform(0.04, 0.3), 0.05, 0.3)
    blades = [clutter(rng, base * rng.uniform(0.7, 1.6), ("leaf",)) for _ in range(3)]
    blades += [clutter(rng, base * rng.uniform(1.5, 4.0), ("spray",)) for _ in range(2)]
    for _ in range(int(rng.integers(1, 5))):
        bough = Posed(clutter(rng, rng.uniform(0.5, 1.3) * height, ("stick",)), (1.0, 1.0), rng.uniform(-2.5, 2.5))
        stage.lay(bough, (rng.uniform(0, width), rng.uniform(0, height)), None, Shadow(0.3))

    def leafage(number: int) -> None:
        for _ in range(number):
            blade = blades[int(rng.integers(len(blades)))]
            scale = rng.uniform(0.6, 1.05)
            look = Posed(blade, (scale, scale), rng.uniform(-3.1, 3.1), bool(rng.random() < 0.5))
            spot = rng.uniform(-0.05, 1.05) * width, rng.uniform(-0.05, 1.05) * height
            stage.lay(look, spot, None, Shadow(0.25), rng.uniform(0.5, 1.1))

    leafage(int(rng.integers(10, 30)))
    region = Region(0.04 * width, 0.04 * height, 0.96 * width, 0.96 * height)
    for spot, kind in zip(scattered(rng, len(kinds), region, base), kinds, strict=True):
        size = base * relative(kind[0]) * rng.uniform(0.75, 1.1)
        stage.put(kind, spot, size, float(rng.normal(0, 0.3)), Shadow(0.25), rng.uniform(0.7, 1.0))
    leafage(int(rng.integers(4, 26)))


def close_up(stage: Stage, wanted: Wanted) -> None:
    """One to four things right before the lens."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = softened(backdrop(rng, width, height), rng.uniform(0.0, 0.03) * width)
    litter(stage, int(rng.integers(0, 4)), 0.0, 0.35)
    kinds = spread_out(wanted, rng)[:4]
    spots = scattered(
        rng, len(kinds), Region(0.15 * width, 0.2 * height, 0.85 * width, 0.8 * height), 0.6 * stage.short
    )
    upright = rng.random() < 0.5
    for spot, kind in zip(spots, kinds, strict=True):
        size = stage.short * rng.uniform(0.3, 0.6) * (1.0 if relative(kind[0]) < 1.2 else 1.2)
        angle = standing(kind[0], rng) if upright else lying(kind[0], rng)
        stage.put(kind, spot, size, angle, Shadow(rng.uniform(0.05, 0.25)))


def desk(stage: Stage, wanted: Wanted) -> None:
    """A desk or a drawer from above: things in compartments or laid out."""
    rng, width, height = stage.rng, stage.width, stage.height
    stage.picture[:] = backdrop(rng, width, height, ("wood", "plain", "paper", "cloth", "stone"))
    litter(stage, int(rng.integers(0, 4)))
    columns = int(rng.integers(1, 4))
    drawer = rng.random() < 0.5
    along = float(rng.choice([0.0, math.pi / 2]))
    kinds = spread_out(wanted, rng, 0.4)
    base = unit(stage, kinds, width * height, rng.uniform(0.15, 0.5), 0.05, 0.3)
    for column, members in enumerate(np.array_split(np.arange(len(kinds)), columns)):
        left, right = (width * (column + share) / columns for share in (0.04, 0.96))
        region = Region(left, 0.05 * height, right, 0.95 * height)
        for spot, index in zip(scattered(rng, len(members), region, base), members, strict=True):
            noun = kinds[index][0]
            angle = along + float(rng.normal(0, 0.12)) if drawer and noun not in UPRIGHT else lying(noun, rng)
            stage.put(kinds[index], spot, base * relative(noun) * rng.uniform(0.9, 1.1), angle, Shadow(0.08))
        if drawer and column:
            stage.lay(Posed(clutter(rng, 0.7 * height, ("post",)), (1.0, 1.0), 0.0), (left - 0.04 * width, height / 2))


def litter(stage: Stage, number: int, horizon: float = 0.0, most: float = 0.3) -> None:
    """Clutter in front of what is there so far."""
    rng = stage.rng
    for _ in range(number):
        size = stage.short * float(np.exp(rng.uniform(math.log(0.06), math.log(most))))
        piece = clutter(rng, size, LITTER)
        spot = rng.uniform(0, stage.width), rng.uniform(horizon, stage.height)
        stage.lay(Posed(piece, (1.0, 1.0), rng.uniform(-3.1, 3.1)), spot, None, Shadow(rng.uniform(0.03, 0.2)))


def intrude(stage: Stage) -> None:
    """Something between the lens and the scene, mostly at the edge: a hand, a leaf, a strap, a tag."""
    rng = stage.rng
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.62, 0.22, 0.1, 0.06]))):
        name = INTRUDERS[int(rng.integers(len(INTRUDERS)))]
        size = stage.short * (rng.uniform(0.45, 1.0) if name in ("hand", "spray", "post") else rng.uniform(0.1, 0.4))
        near_edge = rng.random() < 0.7
        turn = rng.uniform(0, 2 * math.pi)
        away = rng.uniform(0.4, 0.6) if near_edge else rng.uniform(0.0, 0.4)
        spot = stage.width * (0.5 + away * math.cos(turn)), stage.height * (0.5 + away * math.sin(turn))
        piece = clutter(rng, size, (name,))
        stage.lay(Posed(piece, (1.0, 1.0), turn + math.pi / 2 + math.pi), spot, None, Shadow(0.3))


@dataclass(frozen=True)
class Layout:
    """A layout with how often it is taken, for which nouns, and whether it suits a crowd of one kind."""

    place: Callable[[Stage, Wanted], None]
    weight: float
    nouns: tuple[str, ...]
    most_kinds: int = 5
    crowded: bool = False


LAYOUTS: dict[str, Layout] = {
    "scatter": Layout(scatter, 1.4, NOUNS, crowded=True),
    "heap": Layout(heap, 0.8, (*GREENGROCERY, "ball", "pen", "can", "envelope", "box"), 4),
    "contained": Layout(contained, 1.3, GREENGROCERY, 4, crowded=True),
    "display": Layout(display, 1.3, GREENGROCERY, 5, crowded=True),
    "shelves": Layout(shelves, 1.2, (*GOODS, *GOODS, *GREENGROCERY), crowded=True),
    "books": Layout(books, 0.5, ("book",), 5, crowded=True),
    "tree": Layout(tree, 0.9, ON_TREES, 2, crowded=True),
    "close-up": Layout(close_up, 0.8, NOUNS, 3),
    "desk": Layout(desk, 0.7, DESK, crowded=True),
}
"""Every layout."""
