"""Phrase after phrase on one picture: what the first costs, and the next.

    python -m benchmarks.many_phrases [--detector early|late] [--json]

"late" is OWLv2 base, the detector of the preset fast, which encodes a picture once: the first phrase against new ones
on the same picture. "early" is Grounding DINO tiny, which fuses words and picture: eight phrases in one pass, as ours
asks them, against transformers' model asked for each in turn, as pipelines do. Random weights of the published sizes, a
picture of 1200 x 800, one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from agent_tools.pictures import Picture
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector
from benchmarks.full_size import picture_of, save_detector, save_late_detector
from workflows.cli import share_the_machine

PHRASES = ("apple", "lemon", "melon", "box", "can", "cup", "jar", "tin")


def _seconds(work: Callable[..., Any], *arguments: Any) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def measure_late(folder: Path) -> dict[str, Any]:
    """Seconds of the first phrase on a picture, of new ones, and of one asked again."""
    detector = build_detector(str(save_late_detector(folder / "late")), "cpu", EncodingCache.configured())
    detector.detect([Picture.from_array(picture_of(1200, 800, seed=1))], [["pen"]])
    picture = Picture.from_array(picture_of(1200, 800))
    first = _seconds(detector.detect, [picture], [[PHRASES[0]]])
    new = [_seconds(detector.detect, [picture], [[phrase]]) for phrase in PHRASES[1:]]
    again = [_seconds(detector.detect, [picture], [[phrase]]) for phrase in PHRASES]
    return {
        "seconds": {
            "first": round(first, 3),
            "new": round(statistics.median(new), 4),
            "again": round(statistics.median(again), 4),
        },
        "times_less": round(first / statistics.median(new), 1),
    }


def measure_early(folder: Path) -> dict[str, Any]:
    """Seconds of eight phrases in one pass, one by one on transformers alone, and asked again."""
    from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

    source = save_detector(folder / "early")
    detector = build_detector(str(source), "cpu", EncodingCache.configured())
    model = AutoModelForZeroShotObjectDetection.from_pretrained(source).eval()
    processor = AutoProcessor.from_pretrained(source)
    image = picture_of(1200, 800)

    def one_by_one() -> None:
        with torch.inference_mode():
            for phrase in PHRASES:
                inputs = processor(images=image, text=f"{phrase}.", return_tensors="pt")
                processor.post_process_grounded_object_detection(
                    model(**inputs), inputs["input_ids"], target_sizes=[image.shape[:2]]
                )

    picture = Picture.from_array(image)
    together = _seconds(detector.detect, [picture], [PHRASES])
    again = _seconds(detector.detect, [picture], [PHRASES])
    alone = _seconds(one_by_one)
    return {
        "seconds": {"together": round(together, 3), "one_by_one": round(alone, 3), "again": round(again, 5)},
        "times_less": round(alone / together, 1),
    }


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detector", choices=("early", "late"), default="late")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    share_the_machine()
    with tempfile.TemporaryDirectory() as folder:
        found = (measure_late if options.detector == "late" else measure_early)(Path(folder))
    if options.json:
        print(json.dumps(found))
        return
    what = "a new phrase on a known picture" if options.detector == "late" else "eight phrases in one pass"
    than = "its first phrase" if options.detector == "late" else "one by one"
    print(f"{what}: {found['times_less']} times less time than {than}")
    for name, seconds in found["seconds"].items():
        print(f"  {name.replace('_', ' '):>10}: {1000 * seconds:9.1f} ms")


if __name__ == "__main__":
    main()
