"""Fits what `agent_tools.shelves.openings` weighs: `python -m workflows.demo_models.opening_calibration [--shelves N]`.

On rendered shelves of validation seeds some things are passed over, as a detector would, and the openings looked into.
A logistic regression tells trials that show a thing from those that show none; then it is fitted again, twice, to what
would be chosen in each opening under the weights so far, so that its chance is that of the best of many trials. The
constant is printed as it stands in the module. Knows no network.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agent_tools.masks import box_iou
from agent_tools.shelves.appearance import Appearance
from agent_tools.shelves.openings import APART, openings, tried
from workflows.demo_models.shelf_calibration import FIRST_SEED, VISITS, shelf_visits
from workflows.demo_models.shelf_scenes import ShelfScene

PASSED_OVER = 0.08
"""Share of the things that are passed over."""
SAME, OTHER = 0.6, 0.35
"""IoU with a thing passed over of the example's kind from which a trial shows it, and up to which it shows none."""
_RIDGE = 0.1
_JITTER = 0.03
"""Of a thing's sides, how far a box found is usually off."""
_ROUNDS = 2

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tried:
    """All trials in one opening.

    Attributes:
        measures: (T, 14).
        boxes: (T, 4) float32 xyxy pixels.
        overlap: (T,) IoU with the likest true thing of the example's kind that is not known.
    """

    measures: Floats
    boxes: NDArray[np.float32]
    overlap: NDArray[np.float64]

    def chosen(self, odds: Floats) -> list[int]:
        """The trials that would be taken, likeliest first; nothing overlaps."""
        order, taken = np.argsort(-odds, kind="stable").tolist(), list[int]()
        apart = box_iou(self.boxes, self.boxes) < APART
        while order:
            taken.append(order[0])
            order = [each for each in order[1:] if apart[taken[-1], each]]
        return taken


def tried_in(scene: ShelfScene, rng: np.random.Generator) -> list[Tried]:
    """Trials in every opening of a scene of which some things are passed over."""
    rows = np.array([row for row, _ in scene.objects])
    true = np.array([thing.box for _, thing in scene.objects], np.float32).reshape(-1, 4)
    names = [f"{thing.noun} {thing.colour}" for _, thing in scene.objects]
    kinds = np.unique(names, return_inverse=True)[1]
    known = rng.random(len(true)) >= PASSED_OVER
    sides = np.tile(true[:, 2:] - true[:, :2], 2)
    boxes = (true + _JITTER * sides * rng.normal(0, 1, true.shape)).astype(np.float32)[known]
    looks = Appearance.of(scene.image, boxes)
    found = []
    for row in np.unique(rows):
        mine = np.flatnonzero(rows[known] == row).tolist()
        for opening in openings(boxes, mine, 0.0, float(scene.image.shape[1])):
            measures, places, like = tried(scene.image, boxes, looks, kinds[known], opening, 0.0)
            if len(places):
                overlap = box_iou(places, true[~known]).astype(np.float64)
                own = kinds[known][like][:, None] == kinds[~known][None]
                found.append(Tried(measures, places, np.where(own, overlap, 0.0).max(axis=1, initial=0.0)))
    return found


def fitted(openings_tried: Sequence[Tried]) -> tuple[tuple[float, ...], float]:
    """Weights and bias; first of all trials, then of those that would be taken."""
    every: Callable[[Tried], list[int]] = lambda each: list(range(len(each.boxes)))  # noqa: E731
    weights = _regressed(openings_tried, every, balanced=True)
    for _ in range(_ROUNDS):
        last = weights
        weights = _regressed(openings_tried, lambda each, w=last: each.chosen(each.measures @ w[:-1] + w[-1]))  # type: ignore[misc]
    found = weights.round(2).tolist()
    return tuple(found[:-1]), found[-1]


def _regressed(openings_tried: Sequence[Tried], which: Callable[[Tried], list[int]], balanced: bool = False) -> Floats:
    measures, overlap = [], []
    for each in openings_tried:
        rows = which(each)
        measures.append(each.measures[rows])
        overlap.append(each.overlap[rows])
    x, iou = np.concatenate(measures), np.concatenate(overlap)
    certain = (iou >= SAME) | (iou <= OTHER)
    x, shows = x[certain], iou[certain] >= SAME
    share = np.where(shows, 0.5 / max(1, shows.sum()), 0.5 / max(1, (~shows).sum())) * len(shows) if balanced else 1.0

    def loss(weights: Floats) -> float:
        odds = x @ weights[:-1] + weights[-1]
        return float((share * np.logaddexp(0, np.where(shows, -odds, odds))).sum() + _RIDGE * (weights**2).sum())

    found = np.asarray(minimize(loss, np.zeros(x.shape[1] + 1), method="L-BFGS-B").x)
    likely = x @ found[:-1] + found[-1] > 0
    told = likely[shows].mean(), likely[~shows].mean()
    print(f"# {shows.sum()} that show one: {told[0]:.3f} found; {(~shows).sum()} others: {told[1]:.4f} taken")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the constant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shelves", type=int, default=36)
    chosen = parser.parse_args(arguments)
    rng = np.random.default_rng(FIRST_SEED)
    every = [
        each
        for _, _, visits in shelf_visits(FIRST_SEED, chosen.shelves, VISITS)
        for scene in visits
        for each in (*tried_in(scene, rng), *tried_in(scene, rng))
    ]
    weights, bias = fitted(every)
    print(f"LOOKS_ALIKE = ({weights}, {bias})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
