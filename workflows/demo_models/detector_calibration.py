"""Where a hit begins: finds the demo detector's threshold on rendered scenes that training never saw.

Asks one phrase a scene, as people mostly do, and one for something that is not there; scores and suppresses boxes with
the product's own code, and takes what counts right most often and finds least where there is nothing; then measures how
often a candidate of each score is real. Knows no training and no evaluation seed.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

from agent_tools.masks import box_iou
from agent_tools.services.checkpoints import LookSettings
from agent_tools.services.fusion import fuse
from agent_tools.services.grounding_dino import phrase_scores, scaled
from agent_tools.services.suppression import standing
from workflows.demo_models.detector_prompts import Prompt
from workflows.demo_models.requests import Request, draw_missing, draw_request
from workflows.demo_models.scenes import EVALUATION_SEEDS, Scene, render_scene

VALIDATION_SEEDS = 9_000_000
"""First seed of the scenes that thresholds are found on; training stays below, measuring starts above."""

SMALL = 0.146
"""Median size of candidates, as a share of the model's input, that tells a crowd from the scenes it learnt from.
Most mosaics of scenes have it, though the model takes neighbours in them for one larger thing; few scenes do. Chosen
below `EVALUATION_SEEDS`; `python -m benchmarks.dense_counts` measures what comes of it."""

LOOKS = (LookSettings(), LookSettings(mirrored=True))
"""How the product looks at each picture: a small model gains more from a second look than from being twice as large."""

_ERROR, _FALSE = 0.2, 0.3
"""What an object too many or too few, and an absent thing found, cost beside a scene counted exactly."""
_LOWEST = 0.05
_LEVELS = np.arange(0.1, 0.85, 0.01)


@dataclass(frozen=True)
class Calibration:
    """What was found on the validation scenes; see `CheckpointSettings` for what the product reads.

    Attributes:
        threshold: Where a hit begins.
        floor: Lowest score of a candidate.
        phrase_score: How a phrase's words make its score.
        suppress_iou: Overlap from which two boxes are one thing.
        precision_curve: (score, share of such candidates that are real), both rising.
        exact: Share of scenes counted exactly.
        mae: Mean absolute error of the count.
        truth: Mean true count.
        false: Share of requests for what is not there that are answered with a hit.
    """

    threshold: float
    floor: float
    phrase_score: str
    suppress_iou: float
    precision_curve: tuple[tuple[float, float], ...]
    exact: float
    mae: float
    truth: float
    false: float

    def write(self, folder: Path) -> None:
        """Puts what the product reads beside the weights."""
        read = {
            "threshold": round(self.threshold, 4),
            "floor": round(self.floor, 4),
            "phrase_score": self.phrase_score,
            "suppress_iou": self.suppress_iou,
            "precision_curve": [[round(value, 4) for value in pair] for pair in self.precision_curve],
            "tiling": {"small": SMALL},
            "looks": [look.model_dump() for look in LOOKS],
        }
        (folder / "askmask.json").write_text(json.dumps(read, indent=2) + "\n", encoding="utf-8")

    def summary(self) -> str:
        """One line for a log."""
        return (
            f"exact {self.exact:.3f} mae {self.mae:.2f} (true mean {self.truth:.1f}) absent found {self.false:.3f} "
            f"threshold {self.threshold:.3f} {self.phrase_score} iou {self.suppress_iou}"
        )


@dataclass(frozen=True)
class _Asked:
    """A request's raw answer: each look's word logits (1, Q, words) and boxes (Q, 4), and true boxes (n, 4), pixels."""

    looks: tuple[tuple[torch.Tensor, NDArray[np.float32]], ...]
    truth: NDArray[np.float32]

    def candidates(self, how: str, overlap: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Boxes and scores of what stands, lowest scores left out."""
        seen = []
        for logits, boxes in self.looks:
            scores = phrase_scores(logits, [(0, logits.shape[-1])], how)[0, :, 0].numpy()
            likely = scores >= _LOWEST
            seen.append(_standing(boxes[likely], scores[likely], overlap))
        return _standing(*fuse(seen), overlap)


def _standing(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    kept = standing(boxes, scores, np.zeros(len(boxes), np.int64), ["thing"], 0.3, overlap)
    return boxes[kept], scores[kept]


@torch.inference_mode()
def _ask(folder: Path, number: int) -> Iterator[tuple[_Asked, _Asked]]:
    """What is there, and something that is not, of one scene after the other."""
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    model = AutoModelForZeroShotObjectDetection.from_pretrained(folder, local_files_only=True).float().eval()
    rng = np.random.default_rng(VALIDATION_SEEDS)
    for seed in range(VALIDATION_SEEDS, min(VALIDATION_SEEDS + number, EVALUATION_SEEDS)):
        scene = render_scene(seed)
        views = [(look.mirrored, _view(processor.image_processor, scene, look)) for look in LOOKS]
        there, absent = draw_request(scene, rng), draw_missing(scene, rng)
        yield _answer(model, views, scene, there), _answer(model, views, scene, absent)


def _view(image_processor: Any, scene: Scene, look: LookSettings) -> Any:
    """The tensors that the model is given for one look at a scene."""
    image = np.ascontiguousarray(scene.image[:, ::-1]) if look.mirrored else scene.image
    size = scaled(image_processor.size, look.scale)
    return image_processor([image], size=size, input_data_format="channels_last", return_tensors="pt")


def _answer(model: Any, views: Sequence[tuple[bool, Any]], scene: Scene, request: Request) -> _Asked:
    prompt = Prompt.of([request.phrase])
    ((start, stop),) = prompt.spans
    height, width = scene.image.shape[:2]
    looks = []
    for mirrored, pixels in views:
        output = model(**pixels, input_ids=torch.tensor([prompt.ids]))
        middle, half = output.pred_boxes[0, :, :2].numpy(), output.pred_boxes[0, :, 2:].numpy() / 2
        if mirrored:
            middle = np.array([1, 0], np.float32) + middle * np.array([-1, 1], np.float32)
        boxes = np.concatenate([middle - half, middle + half], 1) * np.array([width, height] * 2, np.float32)
        looks.append((output.logits[..., start:stop], boxes))
    return _Asked(tuple(looks), request.boxes)


def calibrate(folder: Path, number: int) -> Calibration:
    """Finds what suits the bundle in `folder` on `number` scenes; writes nothing."""
    asked, missing = (list(each) for each in zip(*_ask(folder, number), strict=True))
    truths = np.array([len(each.truth) for each in asked])
    found: list[tuple[float, Calibration]] = []
    for how, overlap in itertools.product(("max", "mean", "min"), (0.5, 0.6, 0.7, 0.8)):
        scores = [each.candidates(how, overlap)[1] for each in asked]
        best = np.array([each.candidates(how, overlap)[1].max(initial=0.0) for each in missing])
        counts = np.array([[(score >= level).sum() for score in scores] for level in _LEVELS])
        error, false = np.abs(counts - truths[None]), (best >= _LEVELS[:, None]).mean(1)
        value = (error == 0).mean(1) - _ERROR * error.mean(1) - _FALSE * false
        smooth = np.convolve(np.pad(value, 2, mode="edge"), np.ones(5) / 5, mode="valid")
        at = int(smooth.argmax())
        level, exact, mae = float(_LEVELS[at]), float((error[at] == 0).mean()), float(error[at].mean())
        result = Calibration(level, level / 3, how, overlap, (), exact, mae, float(truths.mean()), float(false[at]))
        found.append((float(smooth[at]), result))
    chosen = max(found, key=lambda pair: pair[0])[1]
    return replace(chosen, precision_curve=precision_curve(*_reality(asked, chosen)))


def _reality(asked: Sequence[_Asked], chosen: Calibration) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores of all candidates, and which of them are a real thing that no better candidate has."""
    every, real = [], []
    for each in asked:
        boxes, scores = each.candidates(chosen.phrase_score, chosen.suppress_iou)
        overlap = box_iou(boxes, each.truth)
        for index in np.argsort(-scores):
            best = int(overlap[index].argmax()) if overlap.shape[1] else -1
            hit = best >= 0 and overlap[index, best] >= 0.5
            if hit:
                overlap[:, best] = -1.0
            every.append(scores[index])
            real.append(hit)
    return np.array(every, np.float32), np.array(real, bool)


def precision_curve(
    scores: NDArray[np.float32], real: NDArray[np.bool_], points: int = 12
) -> tuple[tuple[float, float], ...]:
    """(score, share real) of candidates in groups of equal size, made to rise; empty below two groups' worth."""
    if len(scores) < 4 * points:
        return ()
    order = np.argsort(scores)
    groups = [(float(scores[part].mean()), float(real[part].mean())) for part in np.array_split(order, points)]
    level, share = np.array(groups).T
    return tuple(zip(level.tolist(), np.maximum.accumulate(share).tolist(), strict=True))
