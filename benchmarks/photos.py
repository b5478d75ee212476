"""What a pair of models makes of real photographs: counts, boxes, things asked for in vain, masks.

    python -m benchmarks.photos FOLDER [--models demo] [--detector D] [--segmenter S] [--also FILE=NOUN]
                                       [--json] [--out DIR]

FOLDER holds photographs and a ``MANIFEST.json`` that says what is true of them; `benchmarks.photo_truth` describes its
form. None are part of this repository. Counts are what the `count` tool answers, boxes what the `ground` tool finds,
masks what the segmenter service makes of true boxes. Each figure is over the photographs that have the truth for it:

- counts: asked for each produce noun that the manifest has a number for.
- boxes: recall and precision of each noun whose boxes are known, by folder, at IoU 0.4.
- found by size: of the same things, the share found, by a thing's side as a share of the frame's.
- absent: every produce photograph asked for each produce noun that it is not known to show and that the detector has
  words for. What a photograph shows beside what its manifest says has to be told with ``--also``, or counts as wrong.
- masks: mean IoU, from the tight box of each true mask, beside that of four ways that need no model: the box filled,
  its ellipse filled, OpenCV's GrabCut as it stands, and `agent_tools.services.grabcut`. Seconds a mask are of processor
  time, all threads together, so that another program's work is not counted; the encoding of the photograph included.

With ``--out``, what was found is drawn: green on a thing, red on something else, yellow a thing missed, blue where no
truth judges. This module does not know any model.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.drawing import encode_jpeg
from agent_tools.errors import AskmaskError
from agent_tools.masks import Boxes, Mask, mask_iou
from agent_tools.memory import Memory
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, Segmenter, SegmentRequest, Services
from agent_tools.services.grabcut import GrabCut
from agent_tools.services.presets import load_services
from agent_tools.toolkit import VisionToolkit
from benchmarks.photo_drawings import Pixels, contact_sheet, draw_boxes, draw_masks
from benchmarks.photo_figures import GROUPS, filled_box, filled_ellipse, match, mean, plain_grabcut, share, size_groups
from benchmarks.photo_truth import PRODUCE, Photograph, read_photographs

Shown = Mapping[str, frozenset[str]]
"""A photograph's file → nouns that it also shows, beside what its manifest says."""
WORST = 10
"""Requests for what is not there that the table names; ``--json`` has them all."""


@dataclass(slots=True)
class Drawings:
    """Pictures of what was found; kept only where they are wanted."""

    wanted: bool
    tiles: list[tuple[str, Pixels]] = field(default_factory=list)

    def add(self, words: str, make: Callable[[], Pixels]) -> None:
        """Keep what `make` draws under these words."""
        if self.wanted:
            self.tiles.append((words, make()))

    def write(self, folder: Path) -> None:
        """One JPEG a picture, and the sheet of all."""
        folder.mkdir(parents=True, exist_ok=True)
        for words, pixels in self.tiles:
            (folder / f"{''.join(c if c.isalnum() else '-' for c in words)}.jpg").write_bytes(encode_jpeg(pixels))
        if self.tiles:
            (folder / "sheet.jpg").write_bytes(encode_jpeg(contact_sheet(self.tiles)))


@dataclass(frozen=True, slots=True)
class Found:
    """One noun looked for on one photograph whose boxes of it are known.

    Attributes:
        folder: the photograph's.
        noun: what was asked for.
        lies_on: (N,) int64, the true box that each box found lies on, -1 for none.
        groups: the group by size of each true box.
    """

    folder: str
    noun: str
    lies_on: NDArray[np.int64]
    groups: Sequence[str]

    @property
    def hits(self) -> set[int]:
        """The true boxes that were found."""
        return set(self.lies_on[self.lies_on >= 0].tolist())


def measure(
    photographs: Sequence[Photograph], services: Services, also: Shown | None = None, drawings: Drawings | None = None
) -> dict[str, Any]:
    """Every figure; see the module.

    Args:
        photographs: with what is true of them.
        services: the models.
        also: what photographs show beside what their manifest says.
        drawings: where pictures of what was found are kept.

    Raises:
        ServiceError: a model failed.
    """
    drawings = drawings or Drawings(wanted=False)
    known = tuple(getattr(services.detector, "nouns", ()))
    counts, found = _looked_for(photographs, services, known, drawings)
    names = {"preset": services.preset, "detector": services.detector_name, "segmenter": services.segmenter_name}
    return {
        "models": names,
        "photographs": len(photographs),
        "counts": counts,
        "boxes": box_figures(found),
        "found_by_size": size_figures(found),
        "absent": absent_figures(_asked_in_vain(photographs, services, known, also or {})),
        "masks": _masks(photographs, services.segmenter, drawings),
    }


def asked(services: Services, picture: Picture, tool: str, noun: str) -> dict[str, Any]:
    """The data of `tool` asked for a noun on a picture, in a conversation of its own."""
    with Memory.temporary() as memory:
        toolkit = VisionToolkit(services=services, memory=memory)
        handle = toolkit.open_picture(picture)
        return toolkit.call(tool, {"phrases": [noun], "picture": handle}).data


def boxes_of(services: Services, picture: Picture, noun: str) -> Boxes:
    """The boxes of a noun that the `ground` tool finds, (N, 4) float32 xyxy in pixels."""
    things = asked(services, picture, "ground", noun)["objects"]
    return np.array([thing["box"] for thing in things], np.float32).reshape(-1, 4)


def _looked_for(
    photographs: Iterable[Photograph], services: Services, known: Sequence[str], drawings: Drawings
) -> tuple[list[dict[str, Any]], list[Found]]:
    """The row of each count, and what was found of every noun whose boxes are known."""
    counts: list[dict[str, Any]] = []
    found: list[Found] = []
    for photograph in photographs:
        for noun in photograph.counts:
            counted, truth = noun in PRODUCE, photograph.boxes.get(noun)
            if (known and noun not in known) or not (counted or truth is not None):
                continue
            picture = photograph.open()
            boxes = boxes_of(services, picture, noun)
            lies_on = np.full(len(boxes), -1, np.int64) if truth is None else match(boxes, truth)
            if truth is not None:
                groups = size_groups(truth, picture.width, picture.height)
                found.append(Found(photograph.folder, noun, lies_on, groups))
            if counted:
                answer = asked(services, picture, "count", noun)["counts"][noun]
                counts.append(count_row(photograph.file, noun, photograph.counts[noun], answer, lies_on, truth))
            words = f"{Path(photograph.file).stem} {noun} {len(boxes)} for {photograph.counts[noun]}"
            drawings.add(words, lambda p=picture, b=boxes, on=lies_on, t=truth: draw_boxes(p, b, on, t))  # type: ignore[misc]
    return counts, found


def count_row(
    file: str, noun: str, truth: int, answer: Mapping[str, Any], lies_on: NDArray[np.int64], boxes: Boxes | None
) -> dict[str, Any]:
    """One count against its truth; `elsewhere` is None where no true boxes say what each box lies on."""
    number, low, high = (int(answer[key]) for key in ("n", "low", "high"))
    return {
        "file": file,
        "noun": noun,
        "truth": truth,
        "n": number,
        "low": low,
        "high": high,
        "error": number - truth,
        "within": low <= truth <= high,
        "elsewhere": None if boxes is None else int((lies_on < 0).sum()),
    }


def box_figures(found: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """Recall and precision of each folder's nouns, boxes and things of all its photographs together."""
    figures: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(f"{one.folder} {one.noun}" for one in found):
        mine = [one for one in found if f"{one.folder} {one.noun}" == name]
        things, boxes = sum(len(one.groups) for one in mine), sum(len(one.lies_on) for one in mine)
        hits = sum(len(one.hits) for one in mine)
        figures[name] = {
            "photographs": len(mine),
            "things": things,
            "boxes": boxes,
            "hits": hits,
            "recall": share(hits, things),
            "precision": share(hits, boxes),
        }
    return figures


def size_figures(found: Sequence[Found]) -> dict[str, dict[str, Any]]:
    """The share found of the things of each size."""
    sized = [(group, place in one.hits) for one in found for place, group in enumerate(one.groups)]
    return {
        group: {
            "things": len(hits := [hit for own, hit in sized if own == group]),
            "found": share(sum(hits), len(hits)),
        }
        for group in GROUPS
    }


def _asked_in_vain(
    photographs: Iterable[Photograph], services: Services, known: Sequence[str], also: Shown
) -> list[dict[str, Any]]:
    """How many were found of each produce noun that a photograph does not show."""
    rows = []
    for photograph in photographs:
        shown = set(photograph.produce) | also.get(photograph.file, frozenset())
        if photograph.produce:
            picture = photograph.open()
            for noun in PRODUCE:
                if noun not in shown and (not known or noun in known):
                    hits = len(boxes_of(services, picture, noun))
                    rows.append({"file": photograph.file, "noun": noun, "hits": hits})
    return rows


def absent_figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean hits a photograph and request, the share of requests with any, and the requests with hits, worst first."""
    hits = [int(row["hits"]) for row in rows]
    return {
        "requests": len(rows),
        "photographs": len({row["file"] for row in rows}),
        "mean_hits": mean(hits),
        "with_hits": share(sum(number > 0 for number in hits), len(hits)),
        "hits": sorted((dict(row) for row in rows if row["hits"]), key=lambda row: -row["hits"]),
    }


def _masks(photographs: Iterable[Photograph], segmenter: Segmenter, drawings: Drawings) -> dict[str, dict[str, Any]]:
    """Mean IoU and seconds a mask of each way from a true box to a mask."""
    ways: dict[str, Callable[[Picture, Sequence[Mask]], list[Mask]]] = {
        "segmenter": lambda picture, truth: _segmented(segmenter, picture, truth),
        "filled box": lambda picture, truth: [filled_box(t.box, picture.width, picture.height) for t in truth],
        "filled ellipse": lambda picture, truth: [filled_ellipse(t.box, picture.width, picture.height) for t in truth],
        "plain GrabCut": lambda picture, truth: [plain_grabcut(picture.array, t.box) for t in truth],
        "grabcut": lambda picture, truth: _segmented(GrabCut(), picture, truth),
    }
    reached: dict[str, list[float]] = {way: [] for way in ways}
    seconds = dict.fromkeys(ways, 0.0)
    groups: list[str] = []
    for photograph in photographs:
        picture = photograph.open()
        truth = [mask for mask in photograph.masks(picture) if mask.area]
        if not truth:
            continue
        groups += size_groups(np.array([mask.box for mask in truth], np.float32), picture.width, picture.height)
        for way, cut in ways.items():
            began = time.process_time()
            masks = cut(picture, truth)
            seconds[way] += time.process_time() - began
            ious = [float(mask_iou([mask], [true])[0, 0]) for mask, true in zip(masks, truth, strict=True)]
            reached[way] += ious
            if way in ("segmenter", "grabcut"):
                words = f"{Path(photograph.file).stem} {way} {np.mean(ious):.2f}"
                drawings.add(words, lambda p=picture, m=masks: draw_masks(p, m))  # type: ignore[misc]
    return {way: mask_figures(reached[way], groups, seconds[way]) for way in ways}


def _segmented(segmenter: Segmenter, picture: Picture, truth: Sequence[Mask]) -> list[Mask]:
    prompts = [Prompt(box=np.array(mask.box, np.float32)) for mask in truth]
    return [answer.masks[0] for answer in segmenter.segment([SegmentRequest(picture, prompts)])[0]]


def mask_figures(ious: Sequence[float], groups: Sequence[str], seconds: float) -> dict[str, Any]:
    """Mean IoU of all masks and of each group by size, and seconds a mask."""
    by_size = {group: mean([iou for iou, own in zip(ious, groups, strict=True) if own == group]) for group in GROUPS}
    return {"masks": len(ious), "iou": mean(ious), "by_size": by_size, "seconds": share(seconds, len(ious))}


def table(figures: Mapping[str, Any]) -> str:
    """The figures, to be read."""
    lines = [f"{figures['photographs']} photographs, {', '.join(f'{k} {v}' for k, v in figures['models'].items())}"]
    lines += ["", f"{'count':42} {'noun':8} {'n':>4} {'low..high':>10} {'truth':>6} {'error':>6} {'elsewhere':>10}"]
    for row in figures["counts"]:
        between, elsewhere = f"{row['low']}..{row['high']}", "-" if row["elsewhere"] is None else row["elsewhere"]
        start = f"{row['file']:42} {row['noun']:8} {row['n']:4} {between:>10}"
        lines.append(f"{start} {row['truth']:6} {row['error']:+6} {elsewhere:>10}")
    lines += ["", f"{'boxes':42} {'things':>6} {'boxes':>6} {'recall':>7} {'precision':>10}"]
    for name, row in figures["boxes"].items():
        rates = f"{_said(row['recall']):>7} {_said(row['precision']):>10}"
        lines.append(f"{name:42} {row['things']:6} {row['boxes']:6} {rates}")
    lines += ["", f"{'found by size (side of thing / of frame)':42} {'things':>6} {'found':>6}"]
    lines += [f"{name:42} {row['things']:6} {_said(row['found']):>6}" for name, row in figures["found_by_size"].items()]
    absent = figures["absent"]
    lines += ["", f"asked for what is not there: {absent['requests']} requests on {absent['photographs']} photographs,"]
    lines[-1] += f" mean hits {_said(absent['mean_hits'])}, {_said(absent['with_hits'])} of them with any"
    lines += [f"  {row['hits']:3} {row['noun']:8} on {row['file']}" for row in absent["hits"][:WORST]]
    lines += [
        "",
        f"{'masks from true boxes, mean IoU':34} {'masks':>6} {'all':>6}" + "".join(f"{g:>8}" for g in GROUPS),
    ]
    lines[-1] += f"{'s/mask':>8}"
    for way, row in figures["masks"].items():
        sizes = "".join(f"{_said(row['by_size'][group]):>8}" for group in GROUPS)
        lines.append(f"{way:34} {row['masks']:6} {_said(row['iou']):>6}{sizes}{_said(row['seconds']):>8}")
    return "\n".join(lines)


def _said(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _file_and_noun(typed: str) -> tuple[str, str]:
    file, equals, noun = typed.partition("=")
    if not (file and equals and noun):
        raise argparse.ArgumentTypeError(f"{typed!r} is not FILE=NOUN")
    return file, noun


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the figures of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="photographs and their MANIFEST.json")
    parser.add_argument("--models", default="demo", help="preset (default: demo)")
    parser.add_argument("--detector", help="in place of the preset's")
    parser.add_argument("--segmenter", help="in place of the preset's")
    parser.add_argument(
        "--also", type=_file_and_noun, action="append", default=[], metavar="FILE=NOUN", help="may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--out", type=Path, help="folder for drawn pictures")
    chosen = parser.parse_args(arguments)
    also = {file: frozenset(noun for own, noun in chosen.also if own == file) for file, _ in chosen.also}
    drawings = Drawings(wanted=chosen.out is not None)
    try:
        photographs = read_photographs(chosen.folder)
        services = load_services(chosen.models, detector=chosen.detector, segmenter=chosen.segmenter)
        figures = measure(photographs, services, also, drawings)
    except AskmaskError as error:
        parser.exit(1, f"photos: {error}\n")
    if chosen.out is not None:
        drawings.write(chosen.out)
    print(json.dumps(figures, indent=2) if chosen.json else table(figures))


if __name__ == "__main__":
    main()
