"""Photographs of shelves and trees counted against their known numbers, with closer looks and without.

    python -m benchmarks.shelf_photos FOLDER [--files PART ...] [--detector D] [--json] [--out DIR]

FOLDER holds photographs and a ``MANIFEST.json`` that says how many things of which noun each shows
(`benchmarks.photo_truth`). Every noun is counted as the one product of a list that expects nothing, by
`agent_tools.shelves.counting`: as it stands, and from one look at the whole photograph. With ``--out`` what was counted
is drawn. None of the photographs are part of this repository.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2

from agent_tools.drawing import encode_jpeg
from agent_tools.pictures import Picture, open_picture
from agent_tools.services.base import Detector
from agent_tools.services.presets import load_services
from agent_tools.shelves.counting import count_shelf
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import ShelfCount


def counts_in(folder: Path, files: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """File, noun and number of everything that a manifest has a number for."""
    for each in json.loads((folder / "MANIFEST.json").read_text()):
        if not files or any(part in each["file"] for part in files):
            for noun, number in (each.get("counts") or {}).items():
                yield each["file"], noun, int(number)


def measured(folder: Path, files: Sequence[str], detector: Detector, out: Path | None) -> Iterator[dict[str, Any]]:
    """One line for each noun of each photograph."""
    for file, noun, number in counts_in(folder, files):
        picture, product = open_picture(folder / file), [Product(noun, (noun,))]
        closer = count_shelf(picture, product, detector)
        whole = count_shelf(picture, product, detector, closer=False)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{Path(file).stem}-{noun}.jpg").write_bytes(encode_jpeg(drawn(picture, closer)))
        found = closer.counts[0]
        yield {
            "file": file,
            "noun": noun,
            "true": number,
            "n": found.n,
            "low": found.low,
            "high": found.high,
            "one_look": whole.counts[0].n,
        }


def drawn(picture: Picture, count: ShelfCount) -> Any:
    """The photograph with a box round everything counted."""
    canvas = picture.array.copy()
    width = max(1, round(max(canvas.shape) / 400))
    for each in count.objects:
        if each.counted:
            x0, y0, x1, y1 = (round(side) for side in each.box)
            cv2.rectangle(canvas, (x0, y0), (x1, y1), (255, 0, 255), width)
    return canvas


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table and the mean errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", nargs="*", default=[], help="parts of file names; default: all")
    parser.add_argument("--detector")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    detector = load_services("demo", detector=chosen.detector).detector
    lines = list(measured(chosen.folder, chosen.files, detector, chosen.out))
    error = {
        name: sum(abs(line[name] - line["true"]) for line in lines) / max(1, len(lines)) for name in ("n", "one_look")
    }
    if chosen.json:
        print(json.dumps({"photographs": lines, "mean_error": error}))
        return 0
    for line in lines:
        print("{file:50} {noun:8} true {true:4}  counted {n:4} ({low}-{high})  one look {one_look:4}".format(**line))
    print("mean error: counted {n:.2f}, one look {one_look:.2f}".format(**error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
