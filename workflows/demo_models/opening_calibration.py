"""Fits what `agent_tools.shelves.openings` weighs: `python -m workflows.demo_models.opening_calibration [--shelves N]`.

On rendered shelves of validation seeds every thing is looked for as if it had been missed, from the look of its
neighbours, and so are all empty places. A logistic regression tells the two apart; the constant is printed as it stands
in the module. Knows no network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agent_tools.masks import box_iou
from agent_tools.shelves.appearance import Appearance, compared_in_pairs
from agent_tools.shelves.openings import Opening, openings, trials
from workflows.demo_models.shelf_calibration import FIRST_SEED, VISITS, shelf_visits
from workflows.demo_models.shelf_scenes import ShelfScene

SAME, OTHER = 0.7, 0.35
"""IoU with a true thing of the example's kind from which a trial shows it, and up to which it shows none."""
_RIDGE = 0.5
_JITTER = 0.03
"""Of a thing's sides, how far a box found is usually off."""

Floats = NDArray[np.float64]


def measured(scene: ShelfScene, rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Trials in every opening of a scene, (N, 7), and whether each shows one more of its example, (N,)."""
    rows = np.array([row for row, _ in scene.objects])
    true = np.array([thing.box for _, thing in scene.objects], np.float32).reshape(-1, 4)
    kinds = [(thing.noun, thing.colour) for _, thing in scene.objects]
    sides = np.tile(true[:, 2:] - true[:, :2], 2)
    boxes = (true + _JITTER * sides * rng.normal(0, 1, true.shape)).astype(np.float32)
    left, right = 0.0, float(scene.image.shape[1])
    parts, labels = [np.zeros((0, 7))], [np.zeros(0, bool)]
    looks = Appearance.of(scene.image, boxes)
    for row in np.unique(rows):
        mine = np.flatnonzero(rows == row).tolist()
        for missed in (None, *mine):
            rest = [each for each in mine if each != missed]
            for opening in openings(boxes, rest, left, right):
                if missed is None or _around(opening, boxes[missed]):
                    places, like = trials(boxes, opening, 0.0, scene.image.shape[1], scene.image.shape[0])
                    if not len(places):
                        continue
                    overlap = np.array([[box_iou(p[None], t[None])[0, 0] for t in true] for p in places])
                    own = np.array([[kinds[index] == kind for kind in kinds] for index in like])
                    best = np.where(own, overlap, 0.0).max(axis=1)
                    certain = (best >= SAME) | (best <= OTHER)
                    apart = compared_in_pairs(Appearance.of(scene.image, places), looks.only(like))
                    parts.append(apart[certain].astype(np.float64))
                    labels.append(best[certain] >= SAME)
    return np.concatenate(parts), np.concatenate(labels)


def _around(opening: Opening, box: NDArray[np.float32]) -> bool:
    return bool(opening.left < (box[0] + box[2]) / 2 < opening.right)


def fitted(apart: Floats, shows: NDArray[np.bool_]) -> tuple[tuple[float, ...], float]:
    """Weights and bias of a logistic regression in which what shows and what does not weigh the same in all."""
    weigh = np.where(shows, 0.5 / max(1, shows.sum()), 0.5 / max(1, (~shows).sum())) * len(shows)

    def loss(weights: Floats) -> float:
        odds = apart @ weights[:-1] + weights[-1]
        return float((weigh * np.logaddexp(0, np.where(shows, -odds, odds))).sum() + _RIDGE * (weights**2).sum())

    found = minimize(loss, np.zeros(apart.shape[1] + 1), method="L-BFGS-B").x.round(2).tolist()
    return tuple(found[:-1]), found[-1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the constant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shelves", type=int, default=20)
    chosen = parser.parse_args(arguments)
    rng = np.random.default_rng(FIRST_SEED)
    samples = [
        measured(scene, rng)
        for _, _, visits in shelf_visits(FIRST_SEED, chosen.shelves, VISITS)
        for scene in visits
    ]
    apart, shows = (np.concatenate([each[part] for each in samples]) for part in (0, 1))
    weights, bias = fitted(apart, shows)
    right = ((apart @ np.array(weights) + bias) > 0) == shows
    print(f"LOOKS_ALIKE = ({weights}, {bias})")
    print(f"# right: {right[shows].mean():.3f} of {shows.sum()} that show one, {right[~shows].mean():.3f} of the others")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
