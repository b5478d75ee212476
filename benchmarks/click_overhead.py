"""What a click on a known picture costs beside the decoder: SAM ViT-B, everything but drawing.

    python -m benchmarks.click_overhead [--clicks N] [--json]

"bare" is one pass of transformers' SamModel from a cached encoding: tensors in, logits out. "click" is the whole tool
call `segment` with a new click on the same picture of 12 megapixels: arguments checked, the encoding found, three
candidates cut out at picture size, and all kept on the disk. "refinement" is `refine_with_point`, which asks with the
mask so far and without it: two prompts, so two passes on a CPU. They take turns, so that all see the same machine; wall
time, medians. The weights are random, of the published size, and an ellipse stands for what they see.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from agent_tools.memory import Memory
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector
from agent_tools.services.sam import Sam
from agent_tools.toolkit import VisionToolkit
from benchmarks.full_size import SmoothSam, picture_of, save_segmenter
from workflows.cli import share_the_machine

WIDTH, HEIGHT = 4000, 3000


def measure(folder: Path, clicks: int = 21) -> dict[str, Any]:
    """Median milliseconds of both, and their ratio."""
    segmenter = SmoothSam(save_segmenter(folder / "sam"), "cpu")
    services = Services(FakeDetector(), segmenter, "custom", "none", "random")
    with Memory(folder / "memory") as memory:
        toolkit = VisionToolkit(services=services, memory=memory)
        toolkit.open_picture(picture_of(WIDTH, HEIGHT))
        bare = _bare(segmenter)
        times: dict[str, list[float]] = {"bare": [], "click": [], "refinement": []}
        for number in range(clicks + 2):
            spot = [1300.0 + 40 * (number % 20), 1000.0 + number]
            gesture = toolkit.gesture(None, "point", spot)
            began = time.perf_counter()
            bare()
            passed = time.perf_counter()
            clicked = toolkit.call("segment", {"gestures": [gesture]})
            made = time.perf_counter()
            handle = clicked.data["objects"][0]["handle"]
            toolkit.call("refine_with_point", {"handle": handle, "point": [spot[0] + 60, spot[1] + 40]})
            refined = time.perf_counter()
            for name, seconds in zip(times, (passed - began, made - passed, refined - made), strict=True):
                times[name].append(seconds)
    medians = {name: round(1000 * statistics.median(seconds[2:]), 1) for name, seconds in times.items()}
    ratios = {name: round(medians[name] / medians["bare"], 2) for name in ("click", "refinement")}
    return {"clicks": clicks, "milliseconds": medians, "ratios": ratios}


def _bare(segmenter: Sam) -> Any:
    """One pass of the network for a lone click."""
    model = segmenter._model
    side = model.config.vision_config.image_size // model.config.vision_config.patch_size
    inputs = {
        "image_embeddings": torch.randn(1, 256, side, side),
        "input_points": torch.tensor([[[[300.0, 300.0]]]]),
        "input_labels": torch.tensor([[[1]]]),
    }

    def once() -> None:
        with torch.inference_mode():
            model(**inputs, multimask_output=True)

    return once


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    share_the_machine()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options.clicks)
    if options.json:
        print(json.dumps(found))
        return
    print(f"the bare decoder pass: {found['milliseconds']['bare']} ms")
    for name, ratio in found["ratios"].items():
        print(f"a {name}: {found['milliseconds'][name]} ms, {ratio} times that")


if __name__ == "__main__":
    main()
