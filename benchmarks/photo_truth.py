"""Reads a folder of photographs with what is true of them, in the form described here.

``MANIFEST.json`` is a list of objects, one a photograph; other keys are left alone:

- ``file``: its path below the folder.
- ``counts``: noun → how many of it are to be seen; null or absent where nobody counted.
- ``labels``: a sentence on where the truth is from. ``image-level class Fruit/Apple/Royal-Gala`` says what the
  photograph is of: the words between the slashes.
- ``segments``: things with ``id``, ``category``, ``bbox`` (x, y, width, height in pixels) and ``iscrowd``, as in COCO's
  panoptic annotations. Those of a category in ``counts`` are things, the others surroundings; a crowd is neither.

Files beside ``NAME.jpg`` that are read where they exist:

- ``NAME.txt``: boxes, one a line: class, then centre x, centre y, width and height as shares of the photograph (YOLO).
  They are the boxes of the one noun in ``counts``.
- ``NAME_panoptic.png``: each pixel's segment, id = R + 256 G + 65536 B.
- ``NAME_polygons.txt``: read where there is no such picture; class, then x, y, x, y, ... as shares of the photograph.

This module does not know any model, nor what is measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ConfigError, shorten
from agent_tools.masks import Boxes, Mask
from agent_tools.pictures import Picture, open_picture

MANIFEST = "MANIFEST.json"
PRODUCE = ("apple", "banana", "carrot", "lemon", "lime", "orange", "peach", "pear", "plum", "potato", "tomato")
"""Nouns that a photograph of a shelf or an orchard is asked for."""
_CLASS = "image-level class "


@dataclass(frozen=True, slots=True)
class Photograph:
    """A photograph and what is true of it.

    Attributes:
        file: its path below the folder, as the manifest has it.
        path: where it lies.
        counts: noun → how many; empty where nobody counted.
        words: what it is of beside that, in lower case.
        boxes: noun → (N, 4) float32 xyxy in pixels, every one of that noun; only nouns whose boxes are known.
        segments: things with an id in the panoptic picture; see the module.
    """

    file: str
    path: Path
    counts: Mapping[str, int]
    words: frozenset[str]
    boxes: Mapping[str, Boxes]
    segments: Sequence[Mapping[str, Any]]

    @property
    def folder(self) -> str:
        """The folder that it lies in, below the manifest's."""
        return str(Path(self.file).parent)

    @property
    def produce(self) -> tuple[str, ...]:
        """The nouns of `PRODUCE` that it is known to show; a package with a fruit in its name shows none."""
        return () if "packages" in self.words else tuple(n for n in PRODUCE if n in self.counts or n in self.words)

    def open(self) -> Picture:
        """The picture."""
        return open_picture(self.path)

    def masks(self, picture: Picture) -> list[Mask]:
        """The true mask of every thing, in the manifest's order; empty where there are none."""
        panoptic = self.path.with_name(f"{self.path.stem}_panoptic.png")
        if panoptic.is_file():
            ids = [int(segment["id"]) for segment in _things(self.segments, self.counts)]
            return masks_of_segments(open_picture(panoptic).array, ids)
        outlines = self.path.with_name(f"{self.path.stem}_polygons.txt")
        if not outlines.is_file():
            return []
        return [mask_of_polygon(line, picture.width, picture.height) for line in outlines.read_text().splitlines()]


def read_photographs(folder: Path) -> list[Photograph]:
    """Every photograph of a manifest.

    Raises:
        ConfigError: no manifest, or one of another form.
    """
    path = folder / MANIFEST
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return [_photograph(folder, entry) for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"folder={shorten(folder)} cannot be measured ({type(error).__name__}: {shorten(error, 120)}): expected "
            f"a {MANIFEST} as benchmarks/photo_truth.py describes it. Correct it."
        ) from error


def _photograph(folder: Path, entry: Mapping[str, Any]) -> Photograph:
    path = folder / entry["file"]
    counts = {str(noun): int(number) for noun, number in (entry.get("counts") or {}).items()}
    segments = entry.get("segments", ())
    labels = str(entry.get("labels", ""))
    named = labels.removeprefix(_CLASS).lower().split("/") if labels.startswith(_CLASS) else ()
    lines = path.with_suffix(".txt")
    boxes: dict[str, Boxes] = {}
    if segments:
        things = _things(segments, counts)
        for noun in counts:
            boxes[noun] = boxes_of_corners([thing["bbox"] for thing in things if thing["category"] == noun])
    elif len(counts) == 1 and lines.is_file():
        picture = open_picture(path)
        boxes[next(iter(counts))] = boxes_of_yolo(lines.read_text(), picture.width, picture.height)
    return Photograph(str(entry["file"]), path, counts, frozenset(named), boxes, segments)


def _things(segments: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> list[Mapping[str, Any]]:
    return [segment for segment in segments if segment["category"] in counts and not segment["iscrowd"]]


def boxes_of_yolo(text: str, width: int, height: int) -> Boxes:
    """Lines of class, centre x, centre y, width, height as shares → (N, 4) float32 xyxy in pixels."""
    rows = np.array([line.split()[1:5] for line in text.splitlines() if line.strip()], np.float64).reshape(-1, 4)
    corners = np.concatenate([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2], axis=1)
    return np.asarray(corners * (width, height, width, height), np.float32)


def boxes_of_corners(rows: Sequence[Sequence[float]]) -> Boxes:
    """x, y, width, height in pixels, as COCO has them → (N, 4) float32 xyxy in pixels."""
    given = np.array(rows, np.float32).reshape(-1, 4)
    return np.concatenate([given[:, :2], given[:, :2] + given[:, 2:]], axis=1)


def masks_of_segments(panoptic: NDArray[np.uint8], ids: Sequence[int]) -> list[Mask]:
    """The mask of each id in a (H, W, 3) uint8 RGB picture of ids."""
    known = panoptic.astype(np.int64) @ np.array([1, 256, 65536])
    return [Mask.from_array(known == each) for each in ids]


def mask_of_polygon(line: str, width: int, height: int) -> Mask:
    """Class, x, y, x, y, ... as shares of the photograph → the mask inside."""
    points = np.array(line.split()[1:], np.float64).reshape(-1, 2) * (width, height)
    return Mask.from_polygon(points.tolist(), height, width)
