"""Rendered scenes with exact labels: what the bundled demo models learn from and are measured on.

A seed makes a scene: kinds are chosen (`choices`), laid out (`layouts`) on a backdrop among clutter, what hides what
is settled and painted (`composition`), and the camera takes it (`camera`). Labels are what is visible. Knows no
model, no tensor and no photograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.camera import Hold, photograph
from workflows.demo_models.choices import choose, crowd
from workflows.demo_models.composition import LEAST_VISIBLE, Settled, Stage, paint, settle
from workflows.demo_models.kinds import COLOURS, KINDS, NOUNS, PAINTED, PLURALS, PRODUCE
from workflows.demo_models.layouts import LAYOUTS, Layout, intrude, litter, scatter
from workflows.demo_models.lights import Lights
from workflows.demo_models.specimens import Specimens
from workflows.demo_models.surfaces import Array

__all__ = [
    "COLOURS",
    "CROWD",
    "EVALUATION_SEEDS",
    "KINDS",
    "LEAST_VISIBLE",
    "NOUNS",
    "PAINTED",
    "PLURALS",
    "PRODUCE",
    "Scene",
    "SceneObject",
    "render_scene",
    "taken",
]

EVALUATION_SEEDS = 10_000_000
"""Scenes from this seed on are for measuring; training and calibration stay below."""

CROWD = (40, 80)
"""Things of one kind in a dense scene, at least and at most."""

_EMPTY = 0.03
_PROTOTYPES = 3
_TRIES = 8
Style = Literal["dense"]


@dataclass(frozen=True)
class SceneObject:
    """One visible thing.

    Attributes:
        noun: One of `NOUNS`.
        colour: One of `COLOURS`; produce carries its natural colour.
        box: (4,) float32 xyxy pixels, tight round the visible part.
        mask: (H, W) bool, the visible pixels.
        visible: Fraction of the thing in sight, 0..1.
    """

    noun: str
    colour: str
    box: Array
    mask: NDArray[np.bool_]
    visible: float


@dataclass(frozen=True)
class Scene:
    """A picture with everything countable in it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        objects: The things in it, furthest first.
        seed: What made it.
    """

    image: NDArray[np.uint8]
    objects: tuple[SceneObject, ...]
    seed: int

    def count(self, noun: str, colour: str | None = None) -> int:
        """How many things of a noun (and colour, where given) are in sight."""
        return sum(thing.noun == noun and colour in (None, thing.colour) for thing in self.objects)


def render_scene(seed: int, width: int = 320, height: int = 240, style: Style | None = None) -> Scene:
    """Draws the scene of a seed; the same seed, size and style give the same scene.

    Args:
        seed: Any non-negative number; measuring uses `EVALUATION_SEEDS` and above.
        width: Pixels across, at least 64.
        height: Pixels down, at least 64.
        style: `dense` for 40 to 80 of one thing; otherwise anything from none to a crowd of several kinds.

    Raises:
        ValueError: The size is too small to draw on, or the style is unknown.
    """
    if min(width, height) < 64:
        raise ValueError(f"size={width}x{height} is too small: expected at least 64x64. Ask for a larger scene.")
    if style not in (None, "dense"):
        raise ValueError(f"style={style!r} is unknown: expected 'dense' or None. Leave it out for an ordinary scene.")
    rng = np.random.default_rng(seed)
    hold = Hold.draw(rng, width, height)
    stage, settled = _set(rng, hold, style)
    return Scene(*taken(stage, settled, hold), seed)


def taken(stage: Stage, settled: Settled, hold: Hold) -> tuple[NDArray[np.uint8], tuple[SceneObject, ...]]:
    """Paints what stays and takes a picture of it: (H, W, 3) uint8 RGB, and everything countable in sight."""
    paint(stage, settled)
    objects = _objects_in(settled, hold.seen_ids(settled.ids))
    smallest = min((float((thing.box[2:] - thing.box[:2]).min()) for thing in objects), default=0.1 * stage.short)
    return photograph(hold.seen(stage.picture), smallest, stage.rng), objects


def _set(rng: np.random.Generator, hold: Hold, style: Style | None) -> tuple[Stage, Settled]:
    """A stage with everything placed; a dense one is set anew while it holds too few."""
    if style is None:
        stage = _empty_stage(rng, hold)
        _lay_out(stage)
        return stage, settle(stage)
    crowded = [layout for layout in LAYOUTS.values() if layout.crowded]
    tries: list[tuple[Stage, Settled]] = []
    while len(tries) < _TRIES:
        stage = _empty_stage(rng, hold)
        layout = _pick(crowded, rng)
        layout.place(stage, crowd(rng, layout.nouns))
        tries.append((stage, settle(stage)))
        if CROWD[0] <= _largest(tries[-1][1]) <= CROWD[1]:
            break
    return max(tries, key=lambda pair: min(_largest(pair[1]), CROWD[1] + CROWD[0] - _largest(pair[1])))


def _largest(settled: Settled) -> int:
    """How many there are of the commonest kind."""
    return max((settled.kinds.count(kind) for kind in set(settled.kinds)), default=0)


def _empty_stage(rng: np.random.Generator, hold: Hold) -> Stage:
    return Stage(
        rng=rng,
        picture=np.zeros((hold.size[1], hold.size[0], 3), np.float32),
        in_frame=hold.in_frame(),
        short=float(min(hold.frame)),
        lights=Lights.draw(rng),
        specimens=Specimens(rng, _PROTOTYPES),
    )


def _pick(layouts: Sequence[Layout], rng: np.random.Generator) -> Layout:
    weights = np.array([layout.weight for layout in layouts])
    return layouts[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _lay_out(stage: Stage) -> None:
    rng = stage.rng
    if rng.random() < _EMPTY:
        scatter(stage, [])
        litter(stage, int(rng.integers(2, 12)))
        return
    layout = _pick(list(LAYOUTS.values()), rng)
    layout.place(stage, choose(rng, layout.nouns, layout.most_kinds))
    intrude(stage)


def _objects_in(settled: Settled, ids: NDArray[np.int16]) -> tuple[SceneObject, ...]:
    """Everything countable of which a pixel is in sight; `ids` (H, W) int16 as in `Settled`."""
    objects = []
    for index in reversed(range(len(settled.kinds))):
        mask = ids == index
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            continue
        box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
        objects.append(SceneObject(*settled.kinds[index], box, mask, settled.visible[index]))
    return tuple(objects)
