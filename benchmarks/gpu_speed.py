"""What a GPU takes for each heavy step, as we run it, against transformers' eager float32 and bfloat16.

    python -m benchmarks.gpu_speed [--repeats N] [--tiny] [--json]

Three steps with random weights in the published shapes: SAM ViT-H encodes a picture, Grounding DINO-T looks for three
phrases at 800 x 1200, SAM decodes 50 boxes of one picture. Ours is what `agent_tools.services` does to a model
on CUDA: formats by part, the Triton kernel of deformable attention, recorded graphs. The three take turns; times are
medians after warming up, with the device waited for. Differences are against eager float32: of encodings, relative to
their norm; of boxes, in pixels, with the same queries in both; of masks, the mean IoU. The peak is measured: the
fastest of a few large bfloat16 matrix products. Exit 1 where a difference is larger than `TOLERANCES`; without a CUDA
device nothing is run, and the exit is 0.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from agent_tools.services import quick_layers, sam
from agent_tools.services.deformable_attention import triton_kernel
from agent_tools.services.devices import running
from agent_tools.services.precision import HEAVY, choose_precision
from benchmarks.detector_speed import fixed_boxes
from benchmarks.random_models import detector_inputs, grounding_dino
from benchmarks.random_models import sam as random_sam

TOLERANCES = {"encoding": 0.03, "detector_encoding": 0.03, "boxes_pixels": 8.0, "masks_iou": 0.98}
"""Largest differences of half precision from float32; of `masks_iou`, the least."""
GOALS = {"float32": 3.0, "bfloat16": 1.5}
"""Times less than each peer."""
_WARM = 3
Step = Callable[[], Any]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where the numbers differ too much."""
    parser = argparse.ArgumentParser(description="the heavy steps on a GPU: ours against transformers'")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--tiny", action="store_true", help="small models, on a CPU where there is no GPU")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if not torch.cuda.is_available() and not chosen.tiny:
        reason = "not run: no CUDA device"
        print(json.dumps({"ran": False, "reason": reason}) if chosen.json else reason)
        return 0
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
    figures = measure(device, chosen.repeats, chosen.tiny)
    if chosen.json:
        print(json.dumps(figures))
    else:
        print(f"{figures['device']}, measured peak {figures['peak_tflops']} TFLOP/s in bfloat16")
        for name, step in figures["steps"].items():
            less = ", ".join(f"{times} times less than {peer}" for peer, times in step["times_less"].items())
            share = f"{step['share_of_peak']:.0%} of the peak"
            print(f"{name}: {1000 * step['seconds']['ours']:.2f} ms, {less}; {share}")
        print(f"differences: {figures['differences']}; allowed: {TOLERANCES}")
    return 0 if figures["within_tolerance"] else 1


def measure(device: torch.device, repeats: int, tiny: bool) -> dict[str, Any]:
    """All three steps of all three ways."""
    precision = choose_precision(device, 0 if tiny else HEAVY)
    peak = measured_peak(device, 256 if tiny else 8192)
    figures: dict[str, dict[str, Any]] = {}
    differences: dict[str, float] = {}
    for make in (_segmenter_steps, _detector_steps):
        steps, compare = make(device, precision, tiny)
        for name, ways in steps.items():
            figures[name] = _timed(ways, repeats, device, peak)
        differences |= compare()
        del steps, compare
        if device.type == "cuda":
            torch.cuda.empty_cache()
    rounded = {name: float(f"{value:.3g}") for name, value in differences.items()}
    within = all(rounded[name] <= most for name, most in TOLERANCES.items() if name != "masks_iou")
    return {
        "ran": True,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "precision": str(precision).removeprefix("torch."),
        "triton": device.type == "cuda"
        and triton_kernel(torch.device("cuda", torch.cuda.current_device())) is not None,
        "peak_tflops": round(peak / 1e12, 3),
        "steps": figures,
        "goals": GOALS,
        "differences": rounded,
        "tolerances": TOLERANCES,
        "within_tolerance": within and rounded["masks_iou"] >= TOLERANCES["masks_iou"],
    }


def _segmenter_steps(
    device: torch.device, precision: torch.dtype, tiny: bool
) -> tuple[dict[str, dict[str, Step]], Callable[[], dict[str, float]]]:
    exact = random_sam("tiny" if tiny else "huge").to(device)
    half, ours = copy.deepcopy(exact).bfloat16(), copy.deepcopy(exact)
    decoding = sam.prepare(ours, device, precision)
    side = exact.config.vision_config.image_size
    torch.manual_seed(3)
    pixels = torch.randn(1, 3, side, side).to(device)
    corners = torch.rand(1, 4 if tiny else 50, 2).to(device) * (0.8 * side)
    boxes = torch.cat([corners, corners + 0.15 * side], -1)

    def encode(model: Any, given: Tensor, own: torch.dtype) -> Tensor:
        with running(device, "benchmark", own):
            return model.get_image_embeddings(given)  # type: ignore[no-any-return]

    encoding = encode(exact, pixels, torch.float32)

    def decode(model: Any, given: Tensor, prompts: Tensor, own: torch.dtype) -> Tensor:
        with running(device, "benchmark", own):
            return model(  # type: ignore[no-any-return]
                image_embeddings=given, input_boxes=prompts, multimask_output=False
            ).pred_masks.float()

    low_pixels, low_encoding, low_boxes = pixels.bfloat16(), encoding.bfloat16(), boxes.bfloat16()
    steps: dict[str, dict[str, Step]] = {
        "encode": {
            "float32": lambda: encode(exact, pixels, torch.float32),
            "bfloat16": lambda: encode(half, low_pixels, torch.float32),
            "ours": lambda: encode(ours, pixels, precision),
        },
        "decode_50_boxes": {
            "float32": lambda: decode(exact, encoding, boxes, torch.float32),
            "bfloat16": lambda: decode(half, low_encoding, low_boxes, torch.float32),
            "ours": lambda: decode(ours, encoding, boxes, decoding),
        },
    }

    def compare() -> dict[str, float]:
        own = steps["encode"]["ours"]().float()
        masks = [decode(exact, encoding, boxes, torch.float32) > 0, decode(ours, own, boxes, decoding) > 0]
        common, either = (masks[0] & masks[1]).flatten(2).sum(-1), (masks[0] | masks[1]).flatten(2).sum(-1)
        return {
            "encoding": ((own - encoding).norm() / encoding.norm()).item(),
            "masks_iou": (common / either.clamp(min=1)).mean().item(),
        }

    return steps, compare


def _detector_steps(
    device: torch.device, precision: torch.dtype, tiny: bool
) -> tuple[dict[str, dict[str, Step]], Callable[[], dict[str, float]]]:
    exact = grounding_dino(tiny).to(device)
    half, ours = copy.deepcopy(exact).bfloat16(), copy.deepcopy(exact)
    quick_layers.prepare(ours, device, precision)
    size = (200, 264) if tiny else (800, 1200)
    inputs = detector_inputs(*size, str(device))
    low = inputs | {"pixel_values": inputs["pixel_values"].bfloat16()}

    def detect(model: Any, given: dict[str, Tensor], own: torch.dtype) -> Any:
        with running(device, "benchmark", own):
            return model(**given)

    ways: dict[str, Step] = {
        "float32": lambda: detect(exact, inputs, torch.float32),
        "bfloat16": lambda: detect(half, low, torch.float32),
        "ours": lambda: detect(ours, inputs, precision),
    }

    def compare() -> dict[str, float]:
        expected, answer = ways["float32"](), ways["ours"]()
        seen, given = (some.encoder_last_hidden_state_vision.float() for some in (expected, answer))
        boxes = []
        for model, some, own in ((exact, expected, torch.float32), (ours, answer, precision)):
            with running(device, "benchmark", own):
                boxes.append(fixed_boxes(model, some, size))
        sides = torch.tensor([size[1], size[0]] * 2, device=device)
        return {
            "detector_encoding": ((given - seen).norm() / seen.norm()).item(),
            "boxes_pixels": ((boxes[0] - boxes[1]).abs() * sides).max().item(),
        }

    return {"detect": ways}, compare


def _timed(ways: dict[str, Step], repeats: int, device: torch.device, peak: float) -> dict[str, Any]:
    """Seconds of each way, turn about, and how much of the peak ours reaches, counting the float32 way's products."""
    with FlopCounterMode(display=False) as counter:
        ways["float32"]()
    for way in ways.values():
        for _ in range(_WARM):
            way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            times[name].append(_seconds(way, device))
    seconds = {name: statistics.median(some) for name, some in times.items()}
    return {
        "seconds": {name: round(value, 6) for name, value in seconds.items()},
        "times_less": {peer: round(seconds[peer] / seconds["ours"], 2) for peer in GOALS},
        "share_of_peak": round(counter.get_total_flops() / seconds["ours"] / peak, 3),
    }


def measured_peak(device: torch.device, side: int) -> float:
    """Operations a second of bfloat16 matrix products of that many rows."""
    left, right = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / min(_seconds(lambda: left @ right, device) for _ in range(10))


def _seconds(way: Step, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    way()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


if __name__ == "__main__":
    raise SystemExit(main())
