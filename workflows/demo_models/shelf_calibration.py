"""Fits what `agent_tools.shelves.judging` weighs: `python -m workflows.demo_models.shelf_calibration [--shelves N]`.

Shelves are rendered from validation seeds, each with a picture as planned, of which examples are taken, and visits on
which things are missing. Two multinomial logistic regressions, on words alone and on words with examples, say what each
measure counts; the constants are printed as they stand in the module. Knows no network's inside.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from agent_tools.certainty import chances
from agent_tools.masks import box_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.services.presets import load_services
from agent_tools.shelves.appearance import COMPARED, Appearance
from agent_tools.shelves.judging import WORDS, Examples, Weights, evidence, likenesses, product_chances
from agent_tools.shelves.looking import look_closely, things_in
from workflows.demo_models.kinds import PAINTED, Kind
from workflows.demo_models.scenes import SceneObject
from workflows.demo_models.shelf_scenes import ShelfScene, planned, render_shelf, visited

FIRST_SEED = 9_600_000
VISITS = 5
SAME = 0.5
"""IoU from which a thing found is the true one."""
EXAMPLES = 3
"""Of each product."""
_RIDGE = 0.5
"""Pull of the weights towards none."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """One picture as the regression sees it.

    Attributes:
        words: (N, P, 4), `evidence`.
        looks: (N, P, 7), `likenesses`.
        truth: (N,) int64, the product that each thing is, -1 for none.
    """

    words: Floats
    looks: Floats
    truth: NDArray[np.int64]


def phrase_of(kind: Kind) -> str:
    """What a person would call a product."""
    return f"{kind[1]} {kind[0]}" if kind[0] in PAINTED else kind[0]


def shelf_visits(
    first: int, shelves: int, visits: int, skip: int = 0
) -> Iterator[tuple[list[Kind], ShelfScene, list[ShelfScene]]]:
    """The products of each shelf, a picture of it as planned, and pictures of visits.

    Args:
        first: Seeds from here on.
        shelves: How many.
        visits: Of each.
        skip: Shelves passed over at the beginning.
    """
    for shop in range(first + skip, first + skip + shelves):
        plan = planned(np.random.default_rng(shop))
        kinds = sorted({kind for row in plan for kind in row if kind is not None})
        seeds = [first + 1000 * (1 + shop - first) + visit for visit in range(visits + 1)]
        taken = [
            render_shelf(seed, plan, visited(np.random.default_rng(seed), plan) if visit else plan, shop)
            for visit, seed in enumerate(seeds)
        ]
        yield kinds, taken[0], taken[1:]


def examples_of(kinds: Sequence[Kind], planned_picture: ShelfScene, each: int) -> list[tuple[int, SceneObject]]:
    """Some things of each product on a picture, as a person would mark them."""
    rng = np.random.default_rng(planned_picture.seed)
    chosen = []
    for number, kind in enumerate(kinds):
        mine = [thing for _, thing in planned_picture.objects if (thing.noun, thing.colour) == kind]
        chosen += [(number, mine[index]) for index in rng.permutation(len(mine))[:each]]
    return chosen


def seen(scene: ShelfScene, kinds: Sequence[Kind], examples: Examples, detector: Detector) -> Seen:
    """One picture, looked at and compared with the truth."""
    picture = Picture.from_array(scene.image)
    found = look_closely(detector, picture, [phrase_of(kind) for kind in kinds])
    things = things_in(found, len(kinds), detector.threshold)
    looks = Appearance.of(picture.array, things.boxes)
    sure = np.where(things.scores > 0, chances(things.scores, detector), 0.0)
    own = product_chances(sure, [(each, each) for each in range(len(kinds))], len(kinds))
    return Seen(evidence(own, looks), likenesses(looks, examples, len(kinds))[0], truth_of(things.boxes, scene, kinds))


def truth_of(boxes: NDArray[np.float32], scene: ShelfScene, kinds: Sequence[Kind]) -> NDArray[np.int64]:
    """The product that each box is, -1 for none; each true thing once, the best overlap first."""
    true = [thing for _, thing in scene.objects]
    truth = np.full(len(boxes), -1, np.int64)
    overlap = box_iou(boxes, np.array([thing.box for thing in true], np.float32).reshape(-1, 4))
    while overlap.size and overlap.max() >= SAME:
        box, thing = np.unravel_index(int(overlap.argmax()), overlap.shape)
        truth[box] = kinds.index((true[thing].noun, true[thing].colour))
        overlap[box], overlap[:, thing] = 0.0, 0.0
    return truth


def fitted(pictures: Sequence[Seen], with_examples: bool) -> Weights:
    """The weights under which the truth is likeliest."""
    parts = [np.concatenate([each.words, each.looks], axis=2) if with_examples else each.words for each in pictures]
    width = parts[0].shape[2]

    def loss(weights: Floats) -> float:
        total = _RIDGE * float((weights**2).sum())
        for part, each in zip(parts, pictures, strict=True):
            odds = np.concatenate([np.zeros((len(part), 1)), part @ weights[:width] + weights[width]], axis=1)
            odds -= odds.max(axis=1, keepdims=True)
            total += float(np.log(np.exp(odds).sum(axis=1)).sum() - odds[np.arange(len(odds)), each.truth + 1].sum())
        return total

    found = minimize(loss, np.zeros(width + 1), method="L-BFGS-B").x.round(2).tolist()
    return Weights(tuple(found[: len(WORDS)]), tuple(found[len(WORDS) : width]) or (0.0,) * len(COMPARED), found[width])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shelves", type=int, default=36)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    detector = load_services("demo").detector
    pictures = []
    for kinds, as_planned, visits in shelf_visits(FIRST_SEED, chosen.shelves, VISITS):
        marked = examples_of(kinds, as_planned, EXAMPLES)
        boxes = np.array([thing.box for _, thing in marked], np.float32)
        products = np.array([number for number, _ in marked], np.int64)
        examples = Examples(Appearance.of(as_planned.image, boxes), products, np.ones(len(marked), bool))
        pictures += [seen(scene, kinds, examples, detector) for scene in visits]
    weights = {"BY_WORDS": fitted(pictures, False), "BY_EXAMPLE": fitted(pictures, True)}
    if chosen.json:
        print(json.dumps({name: [each.words, each.looks, each.bias] for name, each in weights.items()}))
    else:
        for name, each in weights.items():
            print(f"{name} = {each}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
