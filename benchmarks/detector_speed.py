"""Grounding DINO-T as we run it against transformers' own, on one picture of 800 x 1200 pixels and three phrases.

    python -m benchmarks.detector_speed [--height N] [--width N] [--repeats N] [--threads N] [--tiny] [--json]

The same random weights in both: transformers' model, eager in float32, and ours, with the layers of
`agent_tools.services.quick_layers` in the format that `agent_tools.services.precision` chooses. They take turns, so
that the load of other programs falls on both; times are medians of one run, to be read as a ratio. Differences are the
largest absolute ones: of the encoder's outputs, each as a share of their spread; and of boxes, in pixels. With random
weights the best queries are a matter of rounding, so that boxes are compared with the same queries in both: the
decoder is given the encoder's outputs of each and one set of reference points. Exit 1 where a difference is larger
than `TOLERANCES`.
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

from agent_tools.services.devices import running
from agent_tools.services.precision import HEAVY, choose_precision
from agent_tools.services.quick_layers import prepare
from benchmarks.random_models import detector_inputs, grounding_dino

TOLERANCES = {
    torch.float32: {"vision": 1e-3, "text": 1e-3, "boxes_pixels": 0.1},
    torch.bfloat16: {"vision": 0.15, "text": 0.15, "boxes_pixels": 8.0},
    torch.float16: {"vision": 0.03, "text": 0.03, "boxes_pixels": 2.0},
}
"""Largest differences by the format of the heavy layers; half precision has 8 or 11 bits."""


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where the numbers differ too much."""
    parser = argparse.ArgumentParser(description="Grounding DINO-T: ours against transformers'")
    parser.add_argument("--height", type=int, default=800)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true", help="a small model, to try the command")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    before = torch.get_num_threads()
    torch.set_num_threads(chosen.threads)
    try:
        figures = measure(chosen.height, chosen.width, chosen.repeats, chosen.tiny)
    finally:
        torch.set_num_threads(before)
    if chosen.json:
        print(json.dumps(figures))
    else:
        print(
            f"{figures['model']} at {chosen.height} x {chosen.width}, {figures['threads']} threads, ours in "
            f"{figures['precision']}: transformers {figures['theirs_seconds']:.2f} s, ours "
            f"{figures['ours_seconds']:.2f} s, {figures['times_less']:.2f} times less\n"
            f"differences: {figures['differences']}; allowed: {figures['tolerances']}"
        )
    return 0 if figures["within_tolerance"] else 1


def measure(height: int, width: int, repeats: int, tiny: bool) -> dict[str, Any]:
    """Both models in turn on one picture."""
    theirs = grounding_dino(tiny)
    ours = copy.deepcopy(theirs)
    device = torch.device("cpu")
    precision = choose_precision(device, 0 if tiny else HEAVY)
    prepare(ours, device, precision)
    inputs = detector_inputs(height, width)

    def ask(model: Any, precision: torch.dtype) -> Any:
        with running(device, "benchmark", precision):
            return model(**inputs)

    asks: dict[str, Callable[[], Any]] = {
        "theirs": lambda: ask(theirs, torch.float32),
        "ours": lambda: ask(ours, precision),
    }
    answers = {name: one() for name, one in asks.items()}
    times: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(repeats):
        for name, one in asks.items():
            began = time.perf_counter()
            one()
            times[name].append(time.perf_counter() - began)
    seconds = {name: statistics.median(some) for name, some in times.items()}
    found = differences(theirs, answers["theirs"], ours, answers["ours"], precision, (height, width))
    allowed = TOLERANCES[precision]
    return {
        "model": "a small Grounding DINO" if tiny else "Grounding DINO-T",
        "height": height,
        "width": width,
        "threads": torch.get_num_threads(),
        "precision": str(precision).removeprefix("torch."),
        "theirs_seconds": round(seconds["theirs"], 3),
        "ours_seconds": round(seconds["ours"], 3),
        "times_less": round(seconds["theirs"] / seconds["ours"], 2),
        "differences": {name: float(f"{value:.2g}") for name, value in found.items()},
        "tolerances": allowed,
        "within_tolerance": all(found[name] <= most for name, most in allowed.items()),
    }


def differences(
    theirs: Any, their_answer: Any, ours: Any, our_answer: Any, precision: torch.dtype, size: tuple[int, int]
) -> dict[str, float]:
    """The largest: of the encoder's outputs as shares of their spread, of fixed queries' boxes in pixels."""
    found = {}
    for name in ("vision", "text"):
        key = f"encoder_last_hidden_state_{name}"
        expected, answer = their_answer[key], our_answer[key].float()
        found[name] = ((answer - expected).abs().max() / expected.std()).item()
    boxes = []
    for model, answer, own in ((theirs, their_answer, torch.float32), (ours, our_answer, precision)):
        with running(torch.device("cpu"), "benchmark", own):
            boxes.append(fixed_boxes(model, answer, size))
    height, width = size
    sides = torch.tensor([width, height, width, height])
    found["boxes_pixels"] = ((boxes[0] - boxes[1]).abs() * sides).max().item()
    return found


def fixed_boxes(model: Any, answer: Any, size: tuple[int, int]) -> Tensor:
    """Boxes of queries that begin at the same places whatever the encoder says, (1, Q, 4) as shares of the picture."""
    inner, (height, width) = model.model, size
    shapes = feature_shapes(model, height, width)
    device = answer.encoder_last_hidden_state_vision.device
    sizes = torch.tensor(shapes, device=device)
    pixels, words = answer.encoder_last_hidden_state_vision.float(), answer.encoder_last_hidden_state_text.float()
    torch.manual_seed(2)
    queries = model.config.num_queries
    centres, sides = torch.rand(1, queries, 2), 0.05 + 0.3 * torch.rand(1, queries, 2)
    places = torch.cat([centres, sides], -1).to(device)
    decoded = inner.decoder(
        inputs_embeds=inner.query_position_embeddings.weight[None],
        vision_encoder_hidden_states=pixels,
        vision_encoder_attention_mask=torch.ones(pixels.shape[:2], dtype=torch.bool, device=device),
        text_encoder_hidden_states=words,
        text_encoder_attention_mask=torch.zeros(words.shape[:2], dtype=torch.bool, device=device),
        reference_points=places,
        spatial_shapes=sizes,
        spatial_shapes_list=shapes,
        level_start_index=torch.cat([sizes.new_zeros(1), sizes.prod(1).cumsum(0)[:-1]]),
        valid_ratios=torch.ones(1, len(shapes), 2, device=device),
        return_dict=True,
    )
    last = decoded.intermediate_hidden_states[:, -1].float()
    # The box of the last layer corrects the reference that it was given.
    given = decoded.intermediate_reference_points[:, -2].float().logit(eps=1e-5)
    boxes: Tensor = (model.bbox_embed[-1](last).float() + given).sigmoid()
    return boxes


def feature_shapes(model: Any, height: int, width: int) -> list[tuple[int, int]]:
    """(height, width) of each feature map: at strides 8, 16, 32 from the backbone, then halved."""
    shapes = [(-(-height // stride), -(-width // stride)) for stride in (8, 16, 32)]
    while len(shapes) < model.config.num_feature_levels:
        shapes.append((-(-shapes[-1][0] // 2), -(-shapes[-1][1] // 2)))
    return shapes


if __name__ == "__main__":
    raise SystemExit(main())
