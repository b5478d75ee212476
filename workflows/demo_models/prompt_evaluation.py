"""Measures ways to point at things, through the product: `python -m workflows.demo_models.prompt_evaluation`.

Words that find another thing than the one meant, or cut it out badly, are corrected by one click on the same handle;
and one click is compared with a scribble, alone and with a second one over the thing next to it. A click is the pixel
of the visible thing farthest from its edge, a scribble a stroke along its middle. Seeds start at `EVALUATION_SEEDS`,
which training never reaches. Knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from agent_tools import Mask, Memory, VisionToolkit
from agent_tools.masks import mask_iou
from workflows.demo_models.evaluate import (
    WORLDS,
    AsJson,
    FirstSeed,
    Models,
    OtherDetector,
    OtherSegmenter,
    Product,
    WorldName,
    tell,
)
from workflows.demo_models.mask_prompts import first_click
from workflows.demo_models.scenes import Scene, SceneObject

app = typer.Typer(add_completion=False)

GOOD = 0.8
"""IoU with the thing that was meant from which nobody would correct a mask."""
LEAST_AREA = 100
"""Pixels of a thing that a person would point at."""
TARGETS = 4
"""Things pointed at in a scene, at most."""
_REACH = 0.7
"""Part of the thing's length that a scribble goes along."""
_STROKE_POINTS = 24


def evaluate_prompts(product: Product, scenes: Iterable[Scene]) -> dict[str, float]:
    """Points at things of every scene.

    Args:
        product: the services to measure.
        scenes: with visible masks.

    Returns:
        `asked`: things whose name found something, be it another of the kind; `wrong`: share of them that the words
        alone did not cut out well;
        `corrected`: share of those that one click made good. `click`, `scribble` and `scribble_background`: mean IoU.
        nan where there is nothing to measure.
    """
    right: list[bool] = []
    corrected: list[bool] = []
    reached: dict[str, list[float]] = {"click": [], "scribble": [], "scribble_background": []}
    for scene in scenes:
        large = [thing for thing in scene.objects if thing.mask.sum() >= LEAST_AREA]
        chosen = np.random.default_rng(scene.seed).permutation(len(large))[:TARGETS]
        with Memory.temporary() as memory:
            for target in (large[index] for index in chosen):
                toolkit = VisionToolkit(services=product.services, memory=memory)
                toolkit.open_picture(scene.image)
                before, after = _corrected(toolkit, target)
                if before is not None:
                    right.append(before >= GOOD)
                    corrected += [] if before >= GOOD else [after >= GOOD]
                for name, values in reached.items():
                    values.append(_pointed(toolkit, name, target, nearest(target, large)))
    figures = {"asked": float(len(right)), "wrong": 1 - _mean(right), "corrected": _mean(corrected)}
    return {**figures, **{name: _mean(values) for name, values in reached.items()}}


def scribble(mask: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """A stroke along the middle of a thing, end to end of the `_REACH` of it, inside it wherever that can be.

    Args:
        mask: (H, W) bool, the thing, at least one pixel set.

    Returns:
        (x, y) pairs, pixels.
    """
    rows, columns = np.nonzero(mask)
    pixels = np.stack([columns, rows], 1).astype(np.float64)
    middle = pixels.mean(0)
    axis = np.linalg.svd(pixels - middle, full_matrices=False)[2][0] if len(pixels) > 2 else np.array([1.0, 0.0])
    along = (pixels - middle) @ axis
    depth = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    low, high = np.quantile(along, [(1 - _REACH) / 2, (1 + _REACH) / 2])
    stroke = []
    for place in np.linspace(low, high, _STROKE_POINTS):
        near = np.flatnonzero(np.abs(along - place) <= 1.0)
        if len(near):
            best = near[depth[rows[near], columns[near]].argmax()]
            stroke.append((float(columns[best]), float(rows[best])))
    return stroke or [first_click(mask)[:2]]


def _corrected(toolkit: VisionToolkit, target: SceneObject) -> tuple[float | None, float]:
    """IoU with the target of what its name finds, None where that is nothing, and after one click on the target."""
    found = toolkit.call("segment", {"phrases": [target.noun], "quantity": "one"}).data["objects"]
    click = first_click(target.mask)
    if not found:
        return None, 0.0
    before = _iou(toolkit, found[0]["handle"], target)
    toolkit.call("refine_with_point", {"handle": found[0]["handle"], "point": [click.x, click.y]})
    return before, _iou(toolkit, found[0]["handle"], target)


def _pointed(toolkit: VisionToolkit, name: str, target: SceneObject, rival: SceneObject | None) -> float:
    """IoU of what one of the ways to point cuts out."""
    toolkit.call("forget", {"handles": list(toolkit.state.objects)})
    stroke = [first_click(target.mask)[:2]] if name == "click" else scribble(target.mask)
    names = [toolkit.gesture(None, "point" if name == "click" else "stroke", stroke)]
    if name == "scribble_background" and rival is not None:
        names.append(toolkit.gesture(None, "stroke", scribble(rival.mask), include=False))
    found: list[dict[str, Any]] = toolkit.call("segment", {"gestures": names}).data["objects"]
    return _iou(toolkit, found[0]["handle"], target) if found else 0.0


def nearest(target: SceneObject, things: Iterable[SceneObject]) -> SceneObject | None:
    """The other thing whose middle is nearest."""
    others = [thing for thing in things if thing is not target]
    middle = (target.box[:2] + target.box[2:]) / 2
    return min(others, key=lambda thing: float(np.hypot(*((thing.box[:2] + thing.box[2:]) / 2 - middle))), default=None)


def _iou(toolkit: VisionToolkit, handle: str, target: SceneObject) -> float:
    mask = toolkit.state.objects[handle].mask
    return 0.0 if mask is None else float(mask_iou([mask], [Mask.from_array(target.mask)])[0, 0])


def _mean(values: list[float] | list[bool]) -> float:
    return float(np.mean(values)) if values else float("nan")


@app.command()
def main(
    number: Annotated[int, typer.Option("--scenes", min=1, help="Scenes, up to four things pointed at in each.")] = 50,
    seed: FirstSeed = 0,
    as_json: AsJson = False,
    models: Models = "demo",
    detector: OtherDetector = None,
    segmenter: OtherSegmenter = None,
    world: WorldName = "plain",
) -> None:
    """Measure corrections by a click, clicks and scribbles on rendered scenes that training never saw."""
    console = Console(stderr=True)
    scenes = track(WORLDS[world].scenes(number, seed), "pointing", total=number, console=console)
    figures = evaluate_prompts(Product(models, detector, segmenter), scenes)
    tell(figures, as_json)


if __name__ == "__main__":
    app()
