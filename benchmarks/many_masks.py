"""Fifty masks on a 12 megapixel picture: ours, worked out where each object is, against dense maps.

    python -m benchmarks.many_masks [--masks N] [--json]

Both begin at the mask logits of SAM's decoder (256 x 256 a mask, here of fifty smooth shapes side by side) and end with
masks at picture size. The dense path is transformers' own: `SamImageProcessor.post_process_masks`, all masks at once,
as LangSAM and Grounded-SAM use SAM; it ends with booleans, ours with run-length encodings and the stability of each
mask. Each path runs in a process of its own, so that its peak memory is its own; wall times are medians.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Mask, mask_iou
from agent_tools.pictures import Picture
from agent_tools.services.views import View
from benchmarks.full_size import grid_of_boxes

WIDTH, HEIGHT = 4000, 3000
CELLS, SQUARE = 256, 1024


def logits_of(count: int) -> NDArray[np.float32]:
    """(count, CELLS, CELLS) float32: an ellipse each, with a wavy outline and a soft edge."""
    scale = CELLS / max(WIDTH, HEIGHT)
    rows, columns = np.mgrid[:CELLS, :CELLS].astype(np.float32)
    maps = []
    for number, box in enumerate(grid_of_boxes(count, WIDTH, HEIGHT) * scale):
        x, y, width, height = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
        across, down = (columns - x) / (width / 2), (rows - y) / (height / 2)
        wave = 1 + 0.12 * np.sin((3 + number % 5) * np.arctan2(down, across))
        maps.append(np.clip(6 * (wave - np.hypot(across, down)), -20, 20))
    return np.stack(maps).astype(np.float32)


def ours(logits: NDArray[np.float32]) -> list[Mask]:
    """What the segmenter does with its logits."""
    from agent_tools.services.sam import to_segments

    picture = Picture("benchmark", WIDTH, HEIGHT, _no_pixels)
    view = View(0, 0, WIDTH, HEIGHT, SQUARE, CELLS)
    score = np.ones(1, np.float32)
    return [to_segments(one[None], score, view, picture).masks[0] for one in logits]


def dense(logits: NDArray[np.float32]) -> Any:
    """Post-processing as transformers does it: (N, HEIGHT, WIDTH) booleans."""
    import torch
    from transformers import SamImageProcessorPil

    shrunk = (round(HEIGHT * SQUARE / WIDTH), SQUARE)
    maps = torch.from_numpy(logits)[:, None]
    with torch.inference_mode():
        return SamImageProcessorPil().post_process_masks([maps], [(HEIGHT, WIDTH)], [shrunk])[0][:, 0]


def _no_pixels() -> Any:
    raise AssertionError("no pixel is needed")


def _measured(path: Callable[[NDArray[np.float32]], Any], count: int, repeats: int) -> tuple[float, int, list[Mask]]:
    import torch

    torch.set_num_threads(2)
    logits = logits_of(count)
    path(logits[:1])  # imports and thread pools are no part of it
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        made = path(logits)
        seconds.append(time.perf_counter() - began)
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    masks = made if isinstance(made, list) else [Mask.from_array(one.numpy()) for one in made]
    # What fits into memory that the imports had needed does not grow the process; NumPy tells tracemalloc of it all.
    del made
    tracemalloc.start()
    path(logits)
    return statistics.median(seconds), max(grown, tracemalloc.get_traced_memory()[1]), masks


def measure(count: int = 50, repeats: int = 5) -> dict[str, Any]:
    """Seconds and peak bytes of both paths, their ratios, and the least IoU between their masks."""
    context = multiprocessing.get_context("spawn")
    found = {}
    for name, path in (("ours", ours), ("dense", dense)):
        with ProcessPoolExecutor(1, context) as own_process:
            found[name] = own_process.submit(_measured, path, count, repeats).result()
    (our_seconds, our_bytes, our_masks), (dense_seconds, dense_bytes, dense_masks) = found["ours"], found["dense"]
    return {
        "masks": count,
        "seconds": {"ours": round(our_seconds, 4), "dense": round(dense_seconds, 4)},
        "peak_megabytes": {"ours": round(our_bytes / 1e6, 1), "dense": round(dense_bytes / 1e6, 1)},
        "times_faster": round(dense_seconds / our_seconds, 1),
        "times_less_memory": round(dense_bytes / our_bytes, 1),
        "least_iou": round(float(np.diag(mask_iou(our_masks, dense_masks)).min()), 5),
    }


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.masks, options.repeats)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['masks']} masks on {WIDTH} x {HEIGHT}: {found['times_faster']} times faster than dense maps, with")
    print(f"{found['times_less_memory']} times less memory at the peak; least IoU between both {found['least_iou']}")
    for name in ("ours", "dense"):
        print(f"  {name:>5}: {found['seconds'][name]:7.3f} s, {found['peak_megabytes'][name]:8.1f} MB")


if __name__ == "__main__":
    main()
