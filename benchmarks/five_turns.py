"""A conversation of five turns: ours against the shape of LangSAM and Grounded-SAM, which start afresh every time.

    python -m benchmarks.five_turns [--json]

One phrase, then two clicks, a correction and a reference ("the largest"), on one picture of 1200 x 800. Both sides use
Grounding DINO tiny and SAM ViT-B with the same random weights. The peer's turn is what these projects do at a request:
transformers' own processors and models in float32, the detector, the picture encoded, a box or a click decoded, dense
masks at picture size; the reference, which they have no means for, is counted as nothing. Ours are whole tool calls,
with the memory on the disk. Both in one process and one run, models loaded and warmed up beforehand.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from agent_tools.memory import Memory
from agent_tools.services.base import Services
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector
from agent_tools.toolkit import VisionToolkit
from benchmarks.full_size import KnownBoxes, SmoothSam, grid_of_boxes, picture_of, save_detector, save_segmenter
from workflows.cli import share_the_machine

WIDTH, HEIGHT, OBJECTS = 1200, 800, 6
CLICKS = ((320.0, 250.0), (700.0, 500.0), (340.0, 270.0))


class Peer:
    """Both models at every request, on transformers alone."""

    def __init__(self, detector: Path, segmenter: Path) -> None:
        from transformers import AutoModelForMaskGeneration, AutoModelForZeroShotObjectDetection, AutoProcessor

        self.detector = AutoModelForZeroShotObjectDetection.from_pretrained(detector).eval()
        self.detector_processor = AutoProcessor.from_pretrained(detector)
        self.segmenter = AutoModelForMaskGeneration.from_pretrained(segmenter).eval()
        self.segmenter_processor = AutoProcessor.from_pretrained(segmenter)

    def turn(self, image: NDArray[np.uint8], **prompt: Any) -> Any:
        """Detect, encode, decode, make dense masks."""
        with torch.inference_mode():
            words = self.detector_processor(images=image, text="apple.", return_tensors="pt")
            self.detector_processor.post_process_grounded_object_detection(
                self.detector(**words), words["input_ids"], target_sizes=[image.shape[:2]]
            )
            inputs = self.segmenter_processor(image, return_tensors="pt", **prompt)
            output = self.segmenter(**inputs, multimask_output=False)
            return self.segmenter_processor.image_processor.post_process_masks(
                output.pred_masks, inputs["original_sizes"], inputs["reshaped_input_sizes"]
            )


def peer_turns(peer: Peer, image: NDArray[np.uint8]) -> list[Callable[[], Any]]:
    """The peer's part of the conversation."""
    boxes = [grid_of_boxes(OBJECTS, WIDTH, HEIGHT).tolist()]
    clicks = [[[[list(click)]]] for click in CLICKS]
    return [
        lambda: peer.turn(image, input_boxes=boxes),
        *(lambda points=points: peer.turn(image, input_points=points) for points in clicks),
        lambda: None,
    ]


def our_turns(toolkit: VisionToolkit) -> list[Callable[[], Any]]:
    """Ours."""
    names = [toolkit.gesture(None, "point", click) for click in CLICKS]

    def corrected() -> Any:
        handle = toolkit.state.selection[0]
        return toolkit.call("refine_with_point", {"handle": handle, "point": names[2]})

    return [
        lambda: toolkit.call("count", {"phrases": ["apple"]}),
        lambda: toolkit.call("segment", {"gestures": [names[0]]}),
        lambda: toolkit.call("segment", {"gestures": [names[1]]}),
        corrected,
        lambda: toolkit.call("select", {"where": {"extreme": "largest"}}),
    ]


def measure(folder: Path) -> dict[str, Any]:
    """Seconds of each turn on both sides, and the ratio of their sums."""
    detector, segmenter = save_detector(folder / "detector"), save_segmenter(folder / "segmenter")
    image, other = picture_of(WIDTH, HEIGHT), picture_of(WIDTH, HEIGHT, seed=1)
    peer = Peer(detector, segmenter)
    cache = EncodingCache.configured()
    boxes = grid_of_boxes(OBJECTS, WIDTH, HEIGHT)
    ours = Services(
        KnownBoxes(build_detector(str(detector), "cpu", cache), boxes),
        SmoothSam(segmenter, "cpu", cache),
        "custom",
        "random",
        "random",
    )
    with Memory(folder / "memory") as memory:
        warm = VisionToolkit(services=ours, memory=memory)
        warm.open_picture(other)
        our_turns(warm)[0]()
        peer_turns(peer, other)[0]()
        toolkit = VisionToolkit(services=ours, memory=memory)
        toolkit.open_picture(image)
        seconds: dict[str, list[float]] = {"peer": [], "ours": []}
        for theirs, own in zip(peer_turns(peer, image), our_turns(toolkit), strict=True):
            for name, turn in (("peer", theirs), ("ours", own)):
                began = time.perf_counter()
                turn()
                seconds[name].append(time.perf_counter() - began)
    totals = {name: sum(each) for name, each in seconds.items()}
    return {
        "seconds": {name: [round(one, 3) for one in each] for name, each in seconds.items()},
        "times_less": round(totals["peer"] / totals["ours"], 2),
    }


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    share_the_machine()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    if options.json:
        print(json.dumps(found))
        return
    print(f"five turns: {found['times_less']} times less time than both models afresh at each")
    for name, each in found["seconds"].items():
        print(f"  {name}: {sum(each):7.2f} s = {' + '.join(f'{one:.2f}' for one in each)}")


if __name__ == "__main__":
    main()
