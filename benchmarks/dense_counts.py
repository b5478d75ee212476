"""How well many small things are counted: one look at the whole picture against the product's closer looks.

    python -m benchmarks.dense_counts [--scenes N] [--pictures N] [--json]

A picture is a mosaic of rendered scenes that training never saw, all with the same kind of thing in them, so that the
truth is known and runs to a hundred. The question is one noun ("can") a picture. Every picture is new to the detector's
cache. Relative error is |counted - true| / true, mean over pictures; time is wall time, and its ratio that of the sums.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector
from agent_tools.services.presets import find_preset, source_of
from workflows.demo_models.plain.scenes import NOUNS, render_plain_scene
from workflows.demo_models.scenes import EVALUATION_SEEDS, Scene

SHAPES = ((1, 1), (2, 1), (2, 2), (3, 2), (3, 3))
"""Scenes across and down; a scene has 320 x 240 pixels."""
FIRST_SEED = EVALUATION_SEEDS + 700_000


@dataclass(frozen=True)
class Question:
    """A picture, what is asked of it, and how many there are."""

    picture: Picture
    noun: str
    truth: int


def mosaics(scenes: Sequence[Scene], across: int, down: int, number: int) -> Iterator[Question]:
    """One question a noun, of the scenes that show most of it; single scenes are taken as they come."""
    for noun in NOUNS[:: max(1, len(NOUNS) // number)][:number]:
        shown = {scene.seed: sum(thing.noun == noun for thing in scene.objects) for scene in scenes}
        ranked = [scene for scene in scenes if shown[scene.seed]]
        if across * down > 1:
            ranked.sort(key=lambda scene: -shown[scene.seed])
        if len(ranked) < across * down:
            continue
        chosen = ranked[: across * down]
        rows = [
            np.concatenate([scene.image for scene in chosen[row * across : (row + 1) * across]], axis=1)
            for row in range(down)
        ]
        yield Question(Picture.from_array(np.concatenate(rows)), noun, sum(shown[scene.seed] for scene in chosen))


def asked(detector: Detector, questions: Sequence[Question]) -> tuple[list[int], float, int]:
    """Counts, seconds, and how many of the answers said that they were saturated."""
    began = time.perf_counter()
    answers = [detector.detect([each.picture], [[each.noun]])[0] for each in questions]
    seconds = time.perf_counter() - began
    counts = [int((found.scores >= detector.threshold).sum()) for found in answers]
    return counts, seconds, sum(found.saturated for found in answers)


def measure(models: str, scenes: int, pictures: int) -> dict[str, Any]:
    """Figures by shape of mosaic."""
    from agent_tools.services.grounding_dino import GroundingDino

    source = source_of(find_preset(models), "detector")
    whole, product = GroundingDino(source, cache=EncodingCache(0)), build_detector(source, "auto", EncodingCache(0))
    rendered = [render_plain_scene(seed) for seed in range(FIRST_SEED, FIRST_SEED + scenes)]
    figures = {}
    for across, down in SHAPES:
        questions = list(mosaics(rendered, across, down, pictures))
        truth = np.array([each.truth for each in questions])
        asked(whole, questions[:1])
        results = {}
        for name, detector in (("whole", whole), ("tiled", product)):
            counts, seconds, saturated = asked(detector, questions)
            error = np.abs(np.array(counts) - truth)
            results[name] = {
                "relative_error": round(float((error / truth).mean()), 3),
                "bias": round(float(((np.array(counts) - truth) / truth).mean()), 3),
                "seconds": round(seconds / len(questions), 3),
                "saturated": saturated,
            }
        figures[f"{320 * across}x{240 * down}"] = {
            "pictures": len(questions),
            "truth": round(float(truth.mean()), 1),
            **results,
            "time_ratio": round(results["tiled"]["seconds"] / results["whole"]["seconds"], 2),
        }
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="demo")
    parser.add_argument("--scenes", type=int, default=400, help="rendered scenes to choose from")
    parser.add_argument("--pictures", type=int, default=17, help="most pictures of each size")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.models, options.scenes, options.pictures)
    if options.json:
        print(json.dumps(found))
        return
    for size, row in found.items():
        print(
            f"{size:>9}: {row['truth']:6.1f} things on {row['pictures']} pictures; relative error "
            f"{row['whole']['relative_error']:.3f} whole, {row['tiled']['relative_error']:.3f} tiled; "
            f"time x{row['time_ratio']:.1f}"
        )


if __name__ == "__main__":
    main()
