"""Measures a segmenter on rendered scenes: mean IoU from a box, from one click and from three.

Works through the `Segmenter` protocol alone, so that what is measured is what the product runs. Clicks are the
deterministic ones of interactive segmentation (deepest inside the object, then deepest inside the largest
mistake), and each is asked with all the clicks before it.

This module does not know: torch, any model, how scenes are drawn.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, Segmenter, SegmentRequest
from workflows.demo_models.mask_prompts import Click, correction_click, first_click
from workflows.demo_models.scenes import Scene

MaskArray = npt.NDArray[np.bool_]


def evaluate_masks(segmenter: Segmenter, scenes: Iterable[Scene]) -> dict[str, float]:
    """Prompts every object of every scene from its true mask.

    Args:
        segmenter: answers by its first, best candidate.
        scenes: with visible masks; objects of every size count alike.

    Returns:
        Mean IoU by prompt, `box`, `click1` and `click3`, 0 to 1, and `objects`, how many were measured.

    Raises:
        ValueError: no scene has an object.
    """
    reached: dict[str, list[float]] = {"box": [], "click1": [], "click3": []}
    for scene in scenes:
        if not scene.objects:
            continue
        picture = Picture.from_array(scene.image)
        truths = [thing.mask for thing in scene.objects]
        boxes = [Prompt(box=thing.box) for thing in scene.objects]
        reached["box"] += _ious(_best(segmenter, picture, boxes), truths)
        clicks = [[first_click(truth)] for truth in truths]
        for turn in (1, 2, 3):
            guesses = _best(segmenter, picture, [_clicked(each) for each in clicks])
            if f"click{turn}" in reached:
                reached[f"click{turn}"] += _ious(guesses, truths)
            for each, guess, truth in zip(clicks, guesses, truths, strict=True):
                each.append(correction_click(guess, truth))
    if not reached["box"]:
        raise ValueError("scenes=<no objects> measure nothing: expected at least one object. Give other seeds.")
    return {
        **{kind: float(np.mean(values)) for kind, values in reached.items()},
        "objects": float(len(reached["box"])),
    }


def _best(segmenter: Segmenter, picture: Picture, prompts: Sequence[Prompt]) -> list[MaskArray]:
    """Returns each prompt's first candidate, (H, W) bool."""
    return [answer.masks[0].to_array() for answer in segmenter.segment([SegmentRequest(picture, prompts)])[0]]


def _clicked(clicks: Sequence[Click]) -> Prompt:
    return Prompt(
        points=np.array([(click.x, click.y) for click in clicks], dtype=np.float32),
        labels=np.array([click.label for click in clicks], dtype=np.int64),
    )


def _ious(guesses: Sequence[MaskArray], truths: Sequence[MaskArray]) -> list[float]:
    return [
        float((guess & truth).sum() / max((guess | truth).sum(), 1))
        for guess, truth in zip(guesses, truths, strict=True)
    ]
