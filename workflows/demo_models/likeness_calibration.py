"""What makes two things of one kind to the demo detector: fits `LikenessSettings` on rendered scenes.

One thing of each kind that a scene has several of is the example; everything else that the detector proposes there is
of the same kind or not. The chance is logistic in what the product measures, so that it is fitted by logistic
regression. Knows no training and no evaluation seed.

    python -m workflows.demo_models.likeness_calibration FOLDER --scenes 300
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track
from scipy.optimize import minimize

from agent_tools.likeness import MEASURED, Looks, differences, distinct
from agent_tools.masks import box_iou
from agent_tools.pictures import Picture
from agent_tools.services.checkpoints import SETTINGS_FILE, LikenessSettings
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.grounding_dino import GroundingDino
from workflows.demo_models.detector_calibration import VALIDATION_SEEDS
from workflows.demo_models.scenes import Scene, render_scene

_SAME = 0.5
"""IoU of boxes from which a proposal is a thing."""
_SHRINK = 1e-3
"""Weight of the squared coefficients; keeps them finite where a few scenes tell all apart."""

app = typer.Typer(add_completion=False)
Pairs = tuple[NDArray[np.float64], NDArray[np.bool_]]


def pairs_of(detector: GroundingDino, scene: Scene, rng: np.random.Generator) -> Iterator[Pairs]:
    """Of each kind of which a scene has several: (N, 6) differences of proposals to an example, (N,) same kind or not.

    Args:
        detector: proposes things.
        scene: with true boxes and kinds.
        rng: draws the example of each kind.
    """
    picture = Picture.from_array(scene.image)
    proposed = distinct(detector.propose([picture])[0])
    kinds = np.array([f"{thing.colour} {thing.noun}" for thing in scene.objects])
    if not len(kinds) or not len(proposed.scores):
        return
    boxes = np.array([thing.box for thing in scene.objects], np.float32)
    overlap = box_iou(proposed.boxes, boxes)
    looks = Looks.of(picture.array, proposed.boxes, proposed.features)
    for kind in np.unique(kinds):
        members = np.flatnonzero(kinds == kind)
        if len(members) > 1:
            example = int(rng.choice(members))
            shown = Looks.of_examples(picture.array, boxes[[example]], proposed)
            other = np.asarray(overlap[:, example] < _SAME)
            alike = np.asarray((overlap[:, members[members != example]] >= _SAME).any(axis=1))
            yield differences(looks, proposed.scores, shown)[other, 0], alike[other]


def fit(measured: NDArray[np.float64], alike: NDArray[np.bool_]) -> LikenessSettings:
    """Logistic regression.

    Args:
        measured: (N, 6) as `differences` gives them.
        alike: (N,) whether they are of one kind.
    """
    # What is measured has scales of its own: degrees of colour, shares, log-odds; each is to be shrunk alike.
    spread = np.maximum(measured.std(axis=0), 1e-6)
    rows = np.column_stack([np.ones(len(alike)), measured / spread])
    sign = np.where(alike, 1.0, -1.0)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (rows @ weights)
        slope = -sign / (1 + np.exp(np.clip(margin, -50, 50)))
        value = np.logaddexp(0, -margin).mean() + _SHRINK * (weights**2).sum()
        return float(value), rows.T @ slope / len(rows) + 2 * _SHRINK * weights

    weights = minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
    weights[1:] /= spread
    return LikenessSettings(**dict(zip(("bias", *MEASURED), np.round(weights, 4).tolist(), strict=True)))


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The detector; its settings change.")],
    number: Annotated[int, typer.Option("--scenes", min=1, help="Scenes to fit on.")] = 300,
) -> None:
    """Fit how alike things of one kind are to a detector, and write it beside its weights."""
    detector, rng = GroundingDino(folder, cache=EncodingCache(0)), np.random.default_rng(VALIDATION_SEEDS)
    seeds = track(range(VALIDATION_SEEDS, VALIDATION_SEEDS + number), "comparing")
    every = [pairs for seed in seeds for pairs in pairs_of(detector, render_scene(seed), rng)]
    found = fit(np.concatenate([measured for measured, _ in every]), np.concatenate([alike for _, alike in every]))
    path = folder / SETTINGS_FILE
    settings = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**settings, "likeness": found.model_dump()}, indent=2) + "\n", encoding="utf-8")
    typer.echo(found.model_dump_json())


if __name__ == "__main__":
    app()
