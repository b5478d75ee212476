"""Our numbers against those of segment-anything and groundingdino-py, on the same weights, and of the pipelines.

    python -m benchmarks.parity --from DIR [--models sam_vit_b ...] [--no-pipelines] [--json]

`DIR` is what `originals.py` beside this file wrote in the authors' environment. Each checkpoint there is opened as a
person would, and the whole way from the picture is compared: Segment Anything's encoding of it, the logits and
predicted IoU of prompts of every kind, and the masks at picture size; Grounding DINO's prepared pixels, the encoder's
picture features, and every query's logits and box. Then our services are compared with transformers' own pipelines,
"mask-generation" (all of it but its last step, which needs torchvision) and "zero-shot-object-detection". A difference
is the largest absolute one, and its share of the largest value is what the tolerance is about. Exit 1 where one is not
within it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers import pipeline

from agent_tools.masks import Mask, mask_iou
from agent_tools.pictures import Picture, open_picture
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.grounding_dino import GroundingDino
from agent_tools.services.sam import Sam

TOLERANCE = 1e-4
"""Largest difference of a number, as a share of the largest such number."""
AFTER_CHOICE = 1e-3
"""The same for Grounding DINO's queries: one that changes place pulls a little at all others."""
LEAST_IOU = 0.999
"""Of a mask at picture size with the authors' own."""
TIE = 1e-5
"""Share of the largest score within which two proposals change places by rounding, and their queries with them."""
GRID = 4
"""Points a side that the pipeline is asked at."""


@dataclass(frozen=True)
class Finding:
    """One comparison.

    Attributes:
        what: was compared.
        found: the largest difference as a share, or the smallest IoU or share of the same.
        limit: that `found` must not be beyond.
        within: whether it is not.
        note: the absolute difference and the largest value, or what was counted.
    """

    what: str
    found: float
    limit: float
    within: bool
    note: str


def difference(what: str, ours: torch.Tensor, theirs: torch.Tensor, limit: float = TOLERANCE) -> Finding:
    """How far apart two arrays of one shape are."""
    if ours.shape != theirs.shape:
        return Finding(what, 1.0, limit, False, f"shapes {list(ours.shape)} and {list(theirs.shape)}")
    apart, largest = float((ours - theirs).abs().max()), float(theirs.abs().max())
    return Finding(what, apart / largest, limit, apart <= limit * largest, f"{apart:.2g} of {largest:.3g}")


def least(what: str, found: float, limit: float, note: str) -> Finding:
    """A share that must be large enough."""
    return Finding(what, found, limit, found >= limit, note)


def compare_sam(checkpoint: Path, picture: Picture, asked: dict[str, Any], pipelines: bool = True) -> list[Finding]:
    """Segment Anything, from the picture to the masks."""
    theirs = torch.load(checkpoint.with_suffix(".answers.pth"), weights_only=True)
    sam = Sam(checkpoint, "cpu")
    (view,) = sam._views(picture, [None])
    encodings = {view: sam._encode([(picture, view)])[picture.digest, view]}
    findings = [difference("encoding", encodings[view], theirs["embedding"])]
    for kind, said in asked["prompts"].items():
        prompt = Prompt(
            points=np.array(said["points"], np.float32) if "points" in said else None,
            labels=np.array(said["labels"], np.int64) if "labels" in said else None,
            box=np.array(said["box"], np.float32) if "box" in said else None,
        )
        logits, ious = sam._decode(encodings, [prompt], [view])
        expected = theirs[kind]
        findings.append(difference(f"{kind}: logits", torch.from_numpy(logits[0]), expected["logits"]))
        findings.append(difference(f"{kind}: predicted IoU", torch.from_numpy(ious[0]), expected["ious"]))
        ((answer,),) = sam.segment([SegmentRequest(picture, [prompt])])
        best_first = expected["ious"].argsort(descending=True, stable=True)
        masks = [Mask.from_array(expected["masks"][index].numpy()) for index in best_first]
        overlaps = [mask_iou([mine], [other])[0, 0] for mine, other in zip(answer.masks, masks, strict=True)]
        findings.append(least(f"{kind}: masks, IoU", float(min(overlaps)), LEAST_IOU, _sizes(masks)))
    return [*findings, compare_mask_pipeline(sam, picture)] if pipelines else findings


def compare_mask_pipeline(sam: Sam, picture: Picture) -> Finding:
    """Every mask that transformers' pipeline finds at a grid of points, against ours for clicks there."""
    makes = pipeline("mask-generation", model=sam._model, image_processor=sam._processor.image_processor)
    masks: list[Mask] = []
    for batch in makes.preprocess(Image.fromarray(picture.array), points_per_crop=GRID):
        # Negative thresholds keep every mask: random weights think nothing of their own.
        with torch.inference_mode():
            found = makes._forward(batch, pred_iou_thresh=-1.0, stability_score_thresh=-1.0)
        masks += [Mask.from_array(_dense(run_lengths)) for run_lengths in found["masks"]]
    steps = (np.arange(GRID) + 0.5) / GRID
    clicks = [
        Prompt(points=np.array([[across * picture.width, down * picture.height]], np.float32), labels=np.array([1]))
        for down in steps
        for across in steps
    ]
    (answers,) = sam.segment([SegmentRequest(picture, clicks)])
    ours = [mask for answer in answers for mask in answer.masks]
    overlap = mask_iou(masks, ours).max(axis=1)
    return least("mask-generation: masks, IoU", float(overlap.min()), LEAST_IOU, _sizes(masks))


def _sizes(masks: list[Mask]) -> str:
    """How many, and what share of the picture they cover: an empty mask would prove nothing."""
    shares = [mask.area / (mask.width * mask.height) for mask in masks]
    return f"{len(masks)} masks of {min(shares):.0%} to {max(shares):.0%} of the picture"


def _dense(run_lengths: dict[str, Any]) -> NDArray[np.bool_]:
    """A mask of transformers' uncompressed run lengths, which go down the columns."""
    height, width = run_lengths["size"]
    values = np.arange(len(run_lengths["counts"])) % 2 == 1
    return np.repeat(values, run_lengths["counts"]).reshape(width, height).T


def compare_dino(checkpoint: Path, picture: Picture, asked: dict[str, Any], pipelines: bool = True) -> list[Finding]:
    """Grounding DINO, from the picture to every query's logits and box."""
    theirs = torch.load(checkpoint.with_suffix(".answers.pth"), weights_only=True)
    detector = GroundingDino(checkpoint, "cpu")
    inputs = detector._processor(images=picture.array, text=asked["caption"], return_tensors="pt")
    if inputs["input_ids"][0].tolist() != theirs["tokens"].tolist():
        return [least("tokens", 0.0, 1.0, f"{inputs['input_ids'][0].tolist()} and {theirs['tokens'].tolist()}")]
    with torch.inference_mode():
        output = detector._model(**inputs)
    findings = [
        difference("prepared pixels", inputs["pixel_values"][0], theirs["pixels"]),
        difference("encoder's picture features", output.encoder_last_hidden_state_vision, theirs["memory"]),
    ]
    read = torch.isfinite(theirs["logits"][0])
    logits, boxes = output.logits[0][:, : len(read)][:, read], output.pred_boxes[0]
    expected = theirs["logits"][:, read]
    same = ((boxes - theirs["boxes"]).abs().amax(1) < AFTER_CHOICE) & (
        (logits - expected).abs().amax(1) < AFTER_CHOICE * expected.abs().max()
    )
    tied = _tied(output.enc_outputs_class[0].amax(-1), len(same))
    share = float((same | tied).float().mean())
    note = f"{int(same.sum())} of {len(same)} the same; {int((tied & ~same).sum())} changed places by rounding"
    findings.append(least("queries the same or tied", share, 1.0, note))
    findings.append(difference("logits of these", logits[same], expected[same], AFTER_CHOICE))
    findings.append(difference("boxes of these", boxes[same], theirs["boxes"][same], AFTER_CHOICE))
    return [*findings, compare_detection_pipeline(detector, picture)] if pipelines else findings


def _tied(scores: torch.Tensor, queries: int) -> torch.Tensor:
    """Which of the best proposals, best first, have a neighbour of nearly their score.

    Args:
        scores: (N,) float32, of all proposals.
        queries: how many are chosen, Q < N.

    Returns:
        (Q,) bool.
    """
    best = scores.sort(descending=True).values[: queries + 1]
    near = best[:-1] - best[1:] <= TIE * best.abs().max()
    return near | torch.cat([near.new_zeros(1), near[:-1]])


def compare_detection_pipeline(detector: GroundingDino, picture: Picture) -> Finding:
    """Every box of ours is one of the pipeline's, which scores it no lower.

    It also counts the full stop and the special tokens into a score, cuts boxes to whole pixels, and keeps duplicates.
    """
    detector.floor = detector.threshold = 0.05
    (ours,) = detector.detect([picture], [["red apple"]])
    finds = pipeline(
        "zero-shot-object-detection",
        model=detector._model,
        image_processor=detector._processor.image_processor,
        tokenizer=detector._processor.tokenizer,
    )
    found = finds(Image.fromarray(picture.array), candidate_labels=["red apple."], threshold=0.05)
    boxes = np.array([[one["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")] for one in found], np.float32)
    scores = np.array([one["score"] for one in found])
    sides = np.array([picture.width, picture.height] * 2)
    apart = np.abs(boxes.clip(0, sides)[None] - ours.boxes[:, None]).max(axis=2)
    there = (apart <= 1.0) & (scores[None] >= ours.scores[:, None] - AFTER_CHOICE)
    share = float(there.any(axis=1).mean()) if len(there) else 0.0
    return least("zero-shot-object-detection: boxes found", share, 1.0, f"{len(there)} of ours, {len(found)} of its")


def compare(folder: Path, names: list[str], pipelines: bool) -> dict[str, list[Finding]]:
    """The findings of each model."""
    asked = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    picture = open_picture(folder / "picture.png")
    results = {}
    for name in names:
        began = time.perf_counter()
        run = compare_sam if name.startswith("sam") else compare_dino
        results[name] = run(folder / f"{name}.pth", picture, asked, pipelines)
        print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return results


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="folder", type=Path, required=True, help="what originals.py wrote")
    parser.add_argument("--models", nargs="+", help="default: all that are there")
    parser.add_argument("--no-pipelines", action="store_true", help="leave transformers' pipelines out: half the time")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    there = sorted(path.name.removesuffix(".answers.pth") for path in chosen.folder.glob("*.answers.pth"))
    results = compare(chosen.folder, chosen.models or there, not chosen.no_pipelines)
    within = all(finding.within for findings in results.values() for finding in findings)
    if chosen.json:
        said = {name: [asdict(finding) for finding in findings] for name, findings in results.items()}
        print(json.dumps({"models": said, "within": within}, indent=2))
    else:
        for name, findings in results.items():
            print(name)
            for one in findings:
                verdict = "" if one.within else "  NOT WITHIN"
                print(f"  {one.what:42} {one.found:9.2g}  (limit {one.limit:g}; {one.note}){verdict}")
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
