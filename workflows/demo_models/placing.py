"""How things are posed and packed: what stands, what lies, rows, heaps, sizes.

Knows no backdrop and no container.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from workflows.demo_models.choices import Wanted
from workflows.demo_models.composition import Shadow, Stage
from workflows.demo_models.containers import Region
from workflows.demo_models.kinds import LENGTHS, Kind

UPRIGHT = frozenset({"book", "bottle", "can", "box", "jar", "bag", "mug", "bowl", "plate", "phone"})
"""Things that stand on their foot."""

LONG = frozenset({"banana", "carrot", "cucumber", "eggplant", "pen", "spoon", "fork", "scissors"})
"""Things that lie on their side."""

ROUND = frozenset({"orange", "ball", "lime", "tomato", "peach", "kiwi", "onion", "plum"})

_NEVER_LYING = frozenset({"mug", "bowl", "plate", "bag", "box"})


def standing(noun: str, rng: np.random.Generator) -> float:
    """The turn of a thing seen from the side on a shelf or table."""
    if noun in UPRIGHT:
        return float(rng.normal(0.0, 0.02))
    if noun in LONG:
        return float(rng.choice([-1.0, 1.0]) * math.pi / 2 + rng.normal(0.0, 0.2))
    return float(rng.normal(0.0, 0.5 if noun in ROUND else 0.25))


def lying(noun: str, rng: np.random.Generator) -> float:
    """The turn of a thing seen from above, or thrown on a heap."""
    if noun in _NEVER_LYING:
        return float(rng.normal(0.0, 0.15))
    return float(rng.uniform(-math.pi, math.pi))


def relative(noun: str) -> float:
    """How long a thing is drawn beside others: less far apart than in life."""
    return float((LENGTHS[noun] / 9.0) ** 0.6)


def spread_out(wanted: Wanted, rng: np.random.Generator, mixed: float = 0.5) -> list[Kind]:
    """One entry a thing, shuffled or kind by kind."""
    every = [kind for kind, number in wanted for _ in range(number)]
    if rng.random() < mixed:
        return [every[index] for index in rng.permutation(len(every))]
    return every


def unit(stage: Stage, kinds: Sequence[Kind], area: float, cover: float, low: float = 0.05, high: float = 0.5) -> float:
    """The size in pixels of a 9 cm thing such that all cover a share of an area, within shares of the short side."""
    squares = sum(relative(noun) ** 2 * (0.35 if noun in LONG else 0.65) for noun, _ in kinds)
    size = math.sqrt(cover * area / max(squares, 0.1))
    return float(np.clip(size, low * stage.short, high * stage.short))


def scattered(rng: np.random.Generator, number: int, region: Region, apart: float) -> list[tuple[float, float]]:
    """Spots in a region, furthest first, each the best of a few tries to stay apart from the others."""
    spots: list[tuple[float, float]] = []
    for _ in range(number):
        tries = rng.uniform(0, 1, (8 if rng.random() < 0.85 else 1, 2))
        tries = tries * [region.width, region.height] + [region.left, region.top]
        if spots:
            gaps = np.hypot(*(tries[:, None] - np.array(spots)[None]).transpose(2, 0, 1)).min(1)
            tries = tries[np.argsort(-np.minimum(gaps, apart), kind="stable")]
        spots.append((float(tries[0, 0]), float(tries[0, 1])))
    return sorted(spots, key=lambda spot: spot[1])


def rows(
    rng: np.random.Generator, region: Region, size: float, far: float, step: float
) -> list[tuple[float, float, float]]:
    """Staggered rows that fill a region from the back: x, y and size share, the back row `far` times the front's."""
    spots = []
    y, row = region.top + 0.3 * size * far, 0
    while y < region.bottom - 0.2 * size:
        share = far + (1 - far) * (y - region.top) / max(region.height, 1.0)
        pitch = size * share * step
        half = max(0.2 * pitch, region.width / 2 * (0.5 + 0.5 * share) - 0.3 * size * share)
        if region.round:
            half *= math.sqrt(max(0.05, 1 - ((y - region.middle[1]) / (0.55 * region.height)) ** 2))
        centre = region.middle[0]
        x = centre - half + pitch * (0.45 if row % 2 else 0.05) * rng.uniform(0.6, 1.2)
        while x <= centre + half:
            spots.append((x + rng.normal(0, 0.07) * pitch, y + rng.normal(0, 0.06) * pitch, share))
            x += pitch * rng.uniform(0.94, 1.08)
        y += pitch * rng.uniform(0.78, 0.95)
        row += 1
    return spots


def fill(
    stage: Stage, region: Region, kinds: Sequence[Kind], far: float = 1.0, size: float = 0.0, neat: bool = False
) -> None:
    """Fills a region with things: rows as far as they go, the rest on top; nearer ones in front.

    Args:
        stage: Where.
        region: The room there is.
        kinds: One entry a thing.
        far: Size of the back row as a share of the front one's.
        size: Pixels of a 9 cm thing; what fills the region where 0.
        neat: Upright.
    """
    rng = stage.rng
    if not kinds:
        return
    mean = float(np.mean([relative(noun) for noun, _ in kinds]))
    number = len(kinds)
    room = 0.75 * region.width if region.round else min(region.width, region.height)
    size = size or unit(stage, kinds, region.width * region.height, rng.uniform(0.9, 1.3), 0.055, 0.42)
    size, step = min(size, 0.6 * room / mean), rng.uniform(0.8, 0.98)
    spots = rows(rng, region, size * mean, far, step)
    while len(spots) < 0.85 * number and size > 0.06 * stage.short:
        size *= 0.94
        spots = rows(rng, region, size * mean, far, step)
    if len(spots) > number:
        first = 0 if rng.random() < 0.15 else len(spots) - number
        kept = range(first, first + number) if rng.random() < 0.75 else np.sort(rng.permutation(len(spots))[:number])
        spots = [spots[index] for index in kept]
    loose = rng.uniform(0.15, 0.85, (max(0, number - len(spots)), 2))
    spots += sorted(
        ((region.left + region.width * a, region.top + region.height * b, 1.0) for a, b in loose),
        key=lambda spot: spot[1],
    )
    turn = float(rng.uniform(-math.pi, math.pi))
    under = rng.uniform(0.7, 1.0)
    for index, ((x, y, share), kind) in enumerate(zip(spots, kinds, strict=False)):
        noun = kind[0]
        if neat:
            angle = standing(noun, rng)
        elif noun in LONG:
            angle = turn + float(rng.normal(0, 0.25))
        else:
            angle = lying(noun, rng)
        light = 1.0 - (1.0 - under) * (1.0 - index / number) * rng.uniform(0.0, 1.0)
        stage.put(kind, (x, y), size * relative(noun) * share * rng.uniform(0.93, 1.07), angle, Shadow(0.16), light)
