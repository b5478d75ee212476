"""Every way to point at a thing, and what can be done with what was found: one row each, tried and drawn.

    python -m benchmarks.capabilities [--out DIR] [--json]

Each row runs through the tools, on a rendered scene whose truth is known, and says how near to the truth it came. What
it found is drawn into DIR, a picture a row, with the gestures: what points at a thing is green, what does not belong is
red. Which models answer is chosen as everywhere: ``--models``, ``--detector``, ``--segmenter``. This module does not
know models, nor how anything is found.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from agent_tools import Memory, Picture, load_services, predict
from agent_tools.drawing import draw, encode_jpeg
from agent_tools.exporting import KINDS, export
from agent_tools.label_maps import edge_map, panoptic_map
from agent_tools.services.base import Services
from agent_tools.services.grabcut import GrabCut
from benchmarks.capability_stage import GOOD, GREEN, Stage, boxes_of, found_among
from workflows.demo_models.mask_prompts import correction_click
from workflows.demo_models.scenes import EVALUATION_SEEDS, Scene, SceneObject, render_scene

SIZE = (640, 480)
SEED = EVALUATION_SEEDS + 40_007


@dataclass(frozen=True)
class Came:
    """What came of a row: what to read, whether it is right, and what to draw where that is not the selection."""

    said: str
    right: bool
    pixels: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class Row:
    """One capability: where it comes from, what it is, and what tries it."""

    source: str
    name: str
    run: Callable[[Stage], Came]


ROWS: list[Row] = []


def row(source: str, name: str) -> Callable[[Callable[[Stage], Came]], Callable[[Stage], Came]]:
    """Adds what it decorates to the table."""

    def add(run: Callable[[Stage], Came]) -> Callable[[Stage], Came]:
        ROWS.append(Row(source, name, run))
        return run

    return add


def _reached(stage: Stage, thing: SceneObject) -> Came:
    reached = stage.iou(thing)
    return Came(f"IoU {reached:.2f}", reached >= GOOD)


@row("SAM", "one point")
def one_point(stage: Stage) -> Came:
    """A lone click."""
    stage.segment(gestures=[stage.point(stage.target)])
    return _reached(stage, stage.target)


@row("SAM", "many points, some of what does not belong")
def many_points(stage: Stage) -> Came:
    """Three on the thing, one beside it."""
    away = stage.point(stage.rival(stage.target), include=False)
    stage.segment(gestures=[*stage.points(stage.target, 3), away], quantity="one")
    return _reached(stage, stage.target)


@row("SAM", "box")
def box(stage: Stage) -> Came:
    """Drawn round the thing."""
    stage.segment(gestures=[stage.drawn(stage.target, "box")])
    return _reached(stage, stage.target)


@row("SAM", "mask as a prompt, with a point")
def mask_prompt(stage: Stage) -> Came:
    """The mask so far and one more click."""
    (first,) = stage.segment(gestures=[stage.point(stage.target)])
    stage.toolkit.call("refine_with_point", {"handle": first.handle, "point": stage.points(stage.target, 3)[0]})
    return _reached(stage, stage.target)


@row("SAM", "mix: box, points, what does not belong")
def mix(stage: Stage) -> Came:
    """All at once."""
    away = stage.point(stage.rival(stage.target), include=False)
    stage.segment(gestures=[stage.drawn(stage.target, "box"), *stage.points(stage.target, 2), away], quantity="one")
    return _reached(stage, stage.target)


@row("SAM", "candidates of one click: bigger, smaller, whole, part")
def candidates(stage: Stage) -> Came:
    """Up to the largest and down to the smallest."""
    (first,) = stage.segment(gestures=[stage.point(stage.target)])
    areas = []
    for to in ("part", "whole"):
        stage.toolkit.call("switch_mask", {"handles": [first.handle], "to": to})
        areas.append(stage.selected[0].area)
    said = f"{len(first.alternatives)} masks, {areas[0]} to {areas[1]} pixels"
    return Came(said, len(first.alternatives) > 1 and areas[0] <= areas[1])


@row("SAM", "everything: automatic masks")
def everything(stage: Stage) -> Came:
    """Regions without a word."""
    stage.segment(mode="everything")
    there, made = stage.covered(stage.scene.objects)
    return Came(
        f"{there} of {len(stage.scene.objects)} things in {made} regions", there >= GOOD * len(stage.scene.objects)
    )


@row("SAM", "object proposals")
def proposals(stage: Stage) -> Came:
    """Boxes without a word."""
    detector: Any = stage.services.detector
    (proposed,) = detector.propose([Picture.from_array(stage.scene.image)])
    truth = boxes_of(stage.scene.objects)
    there = int(found_among(truth, proposed.boxes).sum())
    pixels = stage.scene.image.copy()
    for (x0, y0, x1, y1), score in zip(proposed.boxes.round().astype(int).tolist(), proposed.scores, strict=True):
        if score >= 0.2:
            cv2.rectangle(pixels, (x0, y0), (x1, y1), GREEN, 1)
    return Came(f"{there} of {len(truth)} things among {len(proposed.boxes)}", there >= GOOD * len(truth), pixels)


@row("SAM", "edge map")
def edges(stage: Stage) -> Came:
    """Where the regions end."""
    stage.segment(mode="everything")
    found = edge_map(stage.selected, *stage.scene.image.shape[:2])
    return Came(f"{np.count_nonzero(found)} pixels", bool(found.any()), cv2.cvtColor(found, cv2.COLOR_GRAY2RGB))


@row("text to mask", "words; one (the best) or all of them")
def words(stage: Stage) -> Came:
    """A wiper, wipers."""
    some = stage.several
    one = len(stage.segment(phrases=[some[0].noun], quantity="one"))
    stage.segment(phrases=[f"{some[0].colour} {some[0].noun}"])
    there, made = stage.covered(some)
    return Came(f"one: {one}; all: {there} of {len(some)}, {made} found", one == 1 and there >= GOOD * len(some))


@row("text to mask", "a click corrects what words found")
def corrected(stage: Stage) -> Came:
    """The same handle moves to the thing that was meant."""
    meant = stage.several[-1]
    found = stage.segment(phrases=[meant.noun], quantity="one")
    if not found:
        return Came("the words found nothing", False)
    stage.toolkit.call("refine_with_point", {"handle": found[0].handle, "point": stage.point(meant)})
    return _reached(stage, meant)


@row("SEEM", "polygon")
def polygon(stage: Stage) -> Came:
    """A rough outline."""
    stage.segment(gestures=[stage.drawn(stage.target, "polygon")])
    return _reached(stage, stage.target)


@row("SEEM", "scribbles, on it and beside it")
def scribbles(stage: Stage) -> Came:
    """Two strokes."""
    away = stage.drawn(stage.rival(stage.target), "stroke", include=False)
    stage.segment(gestures=[stage.drawn(stage.target, "stroke"), away])
    return _reached(stage, stage.target)


@row("SEEM", "words and a point")
def words_and_point(stage: Stage) -> Came:
    """This one of them."""
    thing = stage.several[0]
    stage.segment(phrases=[thing.noun], gestures=[stage.point(thing)])
    return _reached(stage, thing)


@row("SEEM", "words and a box")
def words_and_box(stage: Stage) -> Came:
    """The one in here."""
    thing = stage.several[0]
    stage.segment(phrases=[thing.noun], gestures=[stage.drawn(thing, "box")])
    return _reached(stage, thing)


@row("SEEM", "a region of another picture as the reference")
def elsewhere(stage: Stage) -> Came:
    """The example is in p1, the things are in p2, the scene mirrored."""
    stage.segment(gestures=[stage.drawn(stage.several[0], "box")])
    mirrored = np.ascontiguousarray(stage.scene.image[:, ::-1])
    other = stage.toolkit.open_picture(Picture.from_array(mirrored, "mirrored.png"))
    stage.toolkit.call("find_similar", {"handles": [stage.selected[0].handle], "picture": other})
    boxes, truth = boxes_of(stage.selected), boxes_of(stage.several)
    truth[:, [0, 2]] = mirrored.shape[1] - truth[:, [2, 0]]
    there = int(found_among(truth, boxes).sum())
    pixels = draw(Picture.from_array(mirrored), stage.selected)
    return Came(f"{there} of {len(truth)}, {len(boxes)} found", there >= GOOD * len(truth), pixels)


@row("SEEM", "memory as a prompt: what is known narrows the next request")
def remembered(stage: Stage) -> Came:
    """Those on one side of a known thing."""
    (anchor,) = stage.segment(gestures=[stage.drawn(stage.target, "box")])
    stage.segment(phrases=[stage.several[0].noun], where={"right_of": anchor.handle})
    wrong = [each.handle for each in stage.selected if each.box[0] + each.box[2] <= anchor.box[0] + anchor.box[2]]
    return Came(f"{len(stage.selected)} right of {anchor.handle}, {len(wrong)} of them wrong", not wrong)


@row("exemplars", "find similar, and count by example")
def similar(stage: Stage) -> Came:
    """More like this one."""
    some = stage.several
    stage.segment(gestures=[stage.drawn(some[0], "box")])
    counts = stage.toolkit.call("find_similar").data["counts"]
    there, made = stage.covered(some)
    (counted,) = counts.values()
    said = f"{there} of {len(some)}; counted {counted['n']}, between {counted['low']} and {counted['high']}"
    return Came(said, there >= GOOD * len(some) and made <= 1.5 * len(some))


@row("outputs", "instance, semantic and panoptic")
def outputs(stage: Stage) -> Came:
    """One mask a thing, one a word, and maps without overlap in which nothing is lost."""
    nouns = sorted({thing.noun for thing in stage.scene.objects})
    instances = len(stage.segment(phrases=nouns))
    semantic = len(stage.segment(phrases=nouns, mode="semantic"))
    parted = stage.segment(phrases=nouns, mode="panoptic")
    made = panoptic_map(parted, *stage.scene.image.shape[:2])
    together = sum(each.area for each in parted)
    said = f"{instances} things, {semantic} words, {len(made.segments)} segments"
    return Came(said, together == int((made.ids > 0).sum()) and semantic <= instances)


@row("data engine", "assisted: clicks until it is right")
def assisted(stage: Stage) -> Came:
    """Up to three clicks where the mask is wrong."""
    target = stage.target
    (first,) = stage.segment(gestures=[stage.point(target)])
    clicks = 1
    while stage.iou(target) < GOOD and clicks < 3:
        mask = stage.selected[0].mask
        assert mask is not None
        click = correction_click(mask.to_array(), target.mask)
        name = stage.toolkit.gesture("p1", "point", (click.x, click.y), bool(click.label))
        stage.toolkit.call("refine_with_point", {"handle": first.handle, "point": name})
        clicks += 1
    return Came(
        f"IoU {stage.iou(target):.2f} after {clicks} click{'s' if clicks > 1 else ''}", stage.iou(target) >= GOOD
    )


@row("data engine", "semi-automatic: regions first, a person adds what is missing")
def semi_automatic(stage: Stage) -> Came:
    """Boxes round what everything left out."""
    regions = stage.segment(mode="everything")
    truth = boxes_of(stage.scene.objects)
    seen = found_among(truth, boxes_of(regions))
    rest = [thing for thing, there in zip(stage.scene.objects, seen, strict=True) if not there]
    if rest:
        stage.segment(gestures=[stage.drawn(thing, "box") for thing in rest])
    stage.toolkit.call("select", {"handles": list(stage.toolkit.state.objects)})
    there, _ = stage.covered(stage.scene.objects)
    return Came(f"{there} of {len(truth)} things, {len(rest)} by hand", there >= 0.9 * len(truth))


@row("data engine", "automatic: a folder of pictures to COCO")
def automatic(stage: Stage) -> Came:
    """Nobody points at anything."""
    pictures = [
        Picture.from_array(stage.scene.image, "one.png"),
        Picture.from_array(stage.scene.image[::2, ::2], "two.png"),
    ]
    found = list(predict(list(pictures), services=stage.services))
    with tempfile.TemporaryDirectory() as folder:
        sheets = {each.picture: each.objects for each in found if each.picture is not None}
        written = export(sheets, "coco", Path(folder) / "coco")
    objects = [len(each.objects) for each in found]
    return Came(f"{objects} objects in {len(written.files)} files", all(objects))


@row("PaddleX", "paths, arrays, folders, lists; batches; results that print and save themselves")
def paddlex(stage: Stage) -> Came:
    """The box prompts of its tutorial, and a phrase over a folder."""
    boxes = [thing.box.tolist() for thing in stage.several[:2]]
    (boxed,) = predict(stage.scene.image, boxes=boxes, services=stage.services)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(3):
            (Path(folder) / f"{number}.png").write_bytes(Picture.from_array(stage.scene.image).original)
        counted = list(predict(folder, [stage.several[0].noun], services=stage.services, batch_size=2))
        saved = [each.save_json(Path(folder) / "out").name for each in counted]
    same = {len(each.objects) for each in counted}
    said = f"{len(boxed.objects)} of 2 boxes; {len(counted)} pictures, {', '.join(saved)}"
    return Came(said, len(boxed.objects) == 2 and len(same) == 1, boxed.drawn())


@row("memory", "undo and redo, why, what is known, a conversation as one file")
def memory(stage: Stage) -> Came:
    """And back again."""
    found = stage.segment(phrases=[stage.several[0].noun])
    if not found:
        return Came("the words found nothing", False)
    stage.toolkit.call("select", {"where": {"extreme": "largest"}, "handles": [each.handle for each in found]})
    stage.toolkit.call("undo")
    back = [each.handle for each in stage.selected] == [each.handle for each in found]
    why = stage.toolkit.call("explain", {"handles": [found[0].handle]}).text
    with tempfile.TemporaryDirectory() as folder, Memory.temporary() as other:
        path = Path(folder) / "talk.zip"
        stage.memory.export_conversation(stage.toolkit.conversation, path)
        arrived = other.state(other.import_conversation(path))
        same = dict(arrived.objects) == dict(stage.toolkit.state.objects)
    return Came(why.split(". ")[0].split("\n")[0][:90], back and same and arrived.redo == stage.toolkit.state.redo)


@row("exports", ", ".join(KINDS))
def exports(stage: Stage) -> Came:
    """Every form."""
    stage.segment(phrases=sorted({thing.noun for thing in stage.scene.objects}))
    picture = Picture.from_array(stage.scene.image, "scene.png")
    with tempfile.TemporaryDirectory() as folder:
        made = [len(export({picture: stage.selected}, kind, Path(folder) / kind).files) for kind in KINDS]
    return Came(f"{sum(made)} files in {len(made)} forms", all(made))


@row("GrabCut", "a segmenter without weights behind the same protocol: box, scribbles")
def grabcut(stage: Stage) -> Came:
    """The same tools, another engine."""
    services = Services(stage.services.detector, GrabCut(), "custom", stage.services.detector_name, "grabcut")
    other = Stage(stage.scene, services, stage.memory)
    other.segment(gestures=[other.drawn(other.target, "box")])
    boxed = other.iou(other.target)
    away = other.drawn(other.rival(other.target), "stroke", include=False)
    other.segment(
        gestures=[other.drawn(other.target, "box"), other.drawn(other.target, "stroke"), away], quantity="one"
    )
    reached = other.iou(other.target)
    pixels = draw(Picture.from_array(stage.scene.image), other.selected)
    return Came(f"IoU {boxed:.2f} from a box, {reached:.2f} with scribbles", max(boxed, reached) >= GOOD, pixels)


def run(services: Services, scene: Scene, out: Path | None = None, rows: Iterable[Row] = ROWS) -> list[dict[str, Any]]:
    """Try every row; `source`, `capability`, `said` and `right` of each."""
    told = []
    with Memory.temporary() as kept:
        for number, each in enumerate(rows, start=1):
            stage = Stage(scene, services, kept)
            came = each.run(stage)
            told.append({"source": each.source, "capability": each.name, "said": came.said, "right": came.right})
            if out is not None:
                pixels = stage.shown if came.pixels is None else came.pixels
                out.mkdir(parents=True, exist_ok=True)
                (out / f"{number:02d}-{each.run.__name__}.jpg").write_bytes(encode_jpeg(pixels))
    return told


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for the pictures")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--models", help="preset of models")
    parser.add_argument("--detector", help="in place of the preset's")
    parser.add_argument("--segmenter", help="in place of the preset's")
    parser.add_argument("--seed", type=int, default=SEED, help="of the scene")
    given = parser.parse_args()
    services = load_services(given.models or "demo", detector=given.detector, segmenter=given.segmenter)
    told = run(services, render_scene(given.seed, *SIZE), given.out)
    if given.json:
        print(json.dumps({"right": sum(each["right"] for each in told), "rows": told}))
        return
    table = Table("from", "capability", "what came of it", "right")
    for each in told:
        table.add_row(each["source"], each["capability"], each["said"], "yes" if each["right"] else "no")
    Console().print(table)


if __name__ == "__main__":
    main()
