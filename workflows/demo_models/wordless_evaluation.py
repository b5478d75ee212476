"""Measures finding without words, through the product: `python -m workflows.demo_models.wordless_evaluation`.

`find_similar` from one example, drawn round by a box: of the other things of its kind and colour, how many it finds,
and how many of those that it finds are such. Everything on a picture: how many of its things have a mask among the
regions. Seeds start at `EVALUATION_SEEDS`, which training never reaches. Knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from agent_tools import Mask, Memory, VisionToolkit
from agent_tools.masks import Boxes, box_iou, mask_iou
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
from workflows.demo_models.scenes import Scene, SceneObject

app = typer.Typer(add_completion=False)

SAME_BOX, SAME_MASK = 0.5, 0.7
"""IoU of boxes from which a thing is found, and of masks from which one is covered."""
LEAST_AREA = 100
"""Pixels of a thing that a person would point at, or miss among the regions."""


def evaluate_wordless(
    product: Product, scenes: Iterable[Scene], similar: bool = True, regions: bool = True
) -> dict[str, float]:
    """Finds without words on every scene.

    Args:
        product: the services to measure.
        scenes: with boxes, kinds and visible masks.
        similar: whether to find things like one.
        regions: whether to cut out everything.

    Returns:
        `recall` and `precision` of `find_similar` over all that were `like` an example; `coverage` of `things` by the
        regions, and how many `regions` a scene has. nan where there is nothing to measure.
    """
    like = found = right = things = covered = made = pictures = 0
    for scene in scenes:
        with Memory.temporary() as memory:
            if similar and (kind := _kind(scene)):
                first, *others = kind
                answers = _like(VisionToolkit(services=product.services, memory=memory), scene, first)
                like, found, right = like + len(others), found + len(answers), right + _right(answers, others)
            if regions:
                toolkit = VisionToolkit(services=product.services, memory=memory)
                toolkit.open_picture(scene.image)
                toolkit.call("segment", {"mode": "everything"})
                masks = [thing.mask for thing in toolkit.state.objects.values() if thing.mask is not None]
                truths = [Mask.from_array(each.mask) for each in scene.objects if each.mask.sum() >= LEAST_AREA]
                things, pictures, made = things + len(truths), pictures + 1, made + len(masks)
                if masks and truths:
                    covered += int((mask_iou(truths, masks).max(axis=1) >= SAME_MASK).sum())
    return {
        "like": float(like),
        "recall": _share(right, like),
        "precision": _share(right, found),
        "things": float(things),
        "coverage": _share(covered, things),
        "regions": _share(made, pictures),
    }


def _kind(scene: Scene) -> list[SceneObject]:
    """Things of one kind and colour, of which there are several, the example first; empty where there are none."""
    kinds: dict[tuple[str, str], list[SceneObject]] = {}
    for thing in scene.objects:
        kinds.setdefault((thing.noun, thing.colour), []).append(thing)
    several = [kind for kind in kinds.values() if len(kind) > 1 and any(_large(thing) for thing in kind)]
    if not several:
        return []
    rng = np.random.default_rng(scene.seed)
    kind = several[rng.integers(len(several))]
    large = [thing for thing in kind if _large(thing)]
    example = large[rng.integers(len(large))]
    return [example, *(thing for thing in kind if thing is not example)]


def _like(
    toolkit: VisionToolkit, scene: Scene, example: SceneObject
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Boxes of what is found to be like the example, (N, 4) float32; the example left out."""
    toolkit.open_picture(scene.image)
    gesture = toolkit.gesture(None, "box", example.box.tolist())
    toolkit.call("segment", {"gestures": [gesture]})
    (first,) = toolkit.state.selection
    toolkit.call("find_similar", {"handles": [first]})
    objects = toolkit.state.objects
    boxes = [objects[handle].box for handle in toolkit.state.selection if handle != first]
    return np.array(boxes, np.float32).reshape(-1, 4)


def _right(answers: Boxes, others: Iterable[SceneObject]) -> int:
    """How many answers are one of the others each."""
    overlap = box_iou(answers, np.array([thing.box for thing in others], np.float32))
    right = 0
    while overlap.size and overlap.max() >= SAME_BOX:
        row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[row], overlap[:, column] = -1, -1
        right += 1
    return right


def _large(thing: SceneObject) -> bool:
    return bool(thing.mask.sum() >= LEAST_AREA)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


@app.command()
def main(
    number: Annotated[int, typer.Option("--scenes", min=1, help="Scenes.")] = 50,
    seed: FirstSeed = 0,
    as_json: AsJson = False,
    models: Models = "demo",
    detector: OtherDetector = None,
    segmenter: OtherSegmenter = None,
    world: WorldName = "plain",
    only: Annotated[Literal["both", "similar", "regions"], typer.Option(help="What to measure.")] = "both",
) -> None:
    """Measure finding by example, and everything there is, on rendered scenes that training never saw."""
    scenes = track(WORLDS[world].scenes(number, seed), "finding", total=number, console=Console(stderr=True))
    product = Product(models, detector, segmenter)
    figures = evaluate_wordless(product, scenes, similar=only != "regions", regions=only != "similar")
    tell(figures, as_json)


if __name__ == "__main__":
    app()
