"""What each edit takes on a large picture: seconds, peak memory, and whether it is exact.

    python -m benchmarks.edits [--megapixels N] [--deep] [--actions remove,move] [--json]

Each action runs in a process of its own: a drawn picture (noise over gradients, a disc and a box in it) is read from
a PNG file, edited once and encoded again. Memory is the peak resident size of that process, interpreter and
libraries included. Exact means that what comes out of the PNG again differs from the original nowhere outside the
masks, or inside them where the rest is meant, except for the rim that the action says it changes (`RIMS`), and does
differ somewhere. Wall time of decoding, editing and encoding.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.decoding import decode_whole, read_header
from agent_tools.editing import STRENGTHS, Edited, apply
from agent_tools.masks import Mask, union

TOLD: dict[str, dict[str, Any]] = {
    "recolour": {"colour": "#2040c0"},
    "replace_background": {"background": "blur", "strength": 1.0},
    "move": {"dx": 400.0, "dy": 300.0},
    "duplicate": {"dx": 400.0, "dy": 300.0},
}
"""What an action has to be told; the others are done as usual."""
RIMS = {"remove": 1 / 200, "move": 1 / 200, "outline": 1 / 120, "cut_out": -1 / 300, "replace_background": -1 / 300}
"""How far beyond the masks (or, negative, into them) an action reaches, as a share of the picture's shorter side."""
_WHOLE = ("blur", "pixelate", "recolour", "brighten", "darken", "grayscale")
"""Actions that are also measured on everything but the things, which is most of the picture."""


def measure(megapixels: float, deep: bool, actions: list[str]) -> list[dict[str, Any]]:
    """One row for each action, and one inverted for those that may be."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.png"
        draw(file, megapixels, deep)
        jobs = [(action, invert) for action in actions for invert in (False, True) if not invert or action in _WHOLE]
        return [_in_a_process(file, action, invert) for action, invert in jobs]


def draw(file: Path, megapixels: float, deep: bool) -> None:
    """Write the picture, 4 : 3, 8 or 16 bits a channel."""
    width = max(64, round((megapixels * 1e6 * 4 / 3) ** 0.5))
    height = width * 3 // 4
    kind, top = (np.uint16, 65535) if deep else (np.uint8, 255)
    rng = np.random.default_rng(0)
    pixels = np.empty((height, width, 3), kind)
    across = np.linspace(0.3, 0.7, width, dtype=np.float32)[:, None]
    for row in range(height):
        grain = rng.standard_normal((width, 3), np.float32) * np.float32(0.02)
        pixels[row] = np.clip((across + 0.2 * row / height + grain) * top, 0, top)
    for mask, colour in zip(_regions(height, width), ((0.2, 0.3, 0.8), (0.7, 0.5, 0.1)), strict=True):
        pixels[mask] = (pixels[mask] * np.float32(0.3) + np.array(colour, np.float32) * (0.7 * top)).astype(kind)
    assert cv2.imwrite(str(file), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])


def _regions(height: int, width: int) -> list[NDArray[np.bool_]]:
    """A disc across the middle third of the picture, and a box that touches its lower edge."""
    disc = np.zeros((height, width), np.uint8)
    cv2.circle(disc, (width // 3, height // 2), height // 5, 1, -1)
    box = np.zeros((height, width), np.uint8)
    box[height // 2 :, width * 3 // 4 : width * 9 // 10] = 1
    return [disc.view(bool), box.view(bool)]


def run_one(file: Path, action: str, invert: bool) -> dict[str, Any]:
    """Decode, edit and encode once in this process."""
    data = file.read_bytes()
    header = read_header(data, file.name, 1e6)
    masks = [Mask.from_array(region) for region in _regions(header.height, header.width)]
    began = time.perf_counter()
    pixels, profile = decode_whole(data, file.name)
    decoded = time.perf_counter()
    after = apply(pixels, action, masks, invert=invert, **TOLD.get(action, {}))
    del pixels
    done = time.perf_counter()
    png = Edited(after, profile).png()
    encoded = time.perf_counter()
    peak = _peak_gigabytes()
    del after
    exact = _exact(data, png, masks, action, invert)
    seconds = {"decode": decoded - began, "edit": done - decoded, "encode": encoded - done}
    return {
        "action": action,
        "invert": invert,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "peak_gigabytes": round(peak, 2),
        "exact": exact,
    }


def _peak_gigabytes() -> float:
    """The most that this process has had in memory; what its parent had counts in `getrusage`, so not there."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9


def _exact(before: bytes, after: bytes, masks: list[Mask], action: str, invert: bool) -> bool:
    old, new = _unpacked(before), _unpacked(after)
    inside = union(masks).to_array()
    may = ~inside if invert or action in ("highlight", "cut_out", "replace_background") else inside
    if action in ("move", "duplicate"):
        down, right = round(TOLD[action]["dy"]), round(TOLD[action]["dx"])
        there = np.zeros_like(inside)
        there[down:, right:] = inside[: -down or None, : -right or None]
        may = (inside if action == "move" else np.zeros_like(inside)) | there
    rim = max(3.0, min(inside.shape) * abs(RIMS.get(action, 0))) if action in RIMS else 0.0
    if rim:
        reach = 2 * int(np.ceil(rim)) + 3
        may = cv2.dilate(may.view(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))).view(bool)
    differs = (old != new[..., :3]).any(2)
    return bool(differs.any() and not (differs & ~may).any())


def _unpacked(png: bytes) -> NDArray[Any]:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))


def _in_a_process(file: Path, action: str, invert: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.edits", "--one", action, "--file", str(file)]
    made = subprocess.run([*command, *(["--invert"] if invert else [])], capture_output=True, text=True, check=True)
    row: dict[str, Any] = json.loads(made.stdout)
    return row


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 1 if an edit is not exact."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=48)
    parser.add_argument("--deep", action="store_true", help="16 bits a channel")
    parser.add_argument("--actions", default=",".join(STRENGTHS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--invert", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(run_one(options.file, options.one, options.invert)))
        return 0
    rows = measure(options.megapixels, options.deep, options.actions.split(","))
    if options.json:
        print(json.dumps({"megapixels": options.megapixels, "bits": 16 if options.deep else 8, "edits": rows}))
    else:
        print("| edit | decode | edit | encode | peak memory | exact |\n|---|---|---|---|---|---|")
        for row in rows:
            times = " | ".join(f"{value:.1f} s" for value in row["seconds"].values())
            name = row["action"] + (" of the rest" if row["invert"] else "")
            print(f"| {name} | {times} | {row['peak_gigabytes']:.2f} GB | {'yes' if row['exact'] else 'NO'} |")
    return 0 if all(row["exact"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
