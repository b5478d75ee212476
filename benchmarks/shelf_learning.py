"""Whether what a person puts right helps the next run.

    python -m benchmarks.shelf_learning [--shelves N ...] [--json]

Of each rendered shelf (numbers as in `benchmarks.shelf_counts`) the first visits are counted and put right by the
truth, as a person would on the review page; the visits after them are counted without and with what that taught. The
figures are those of `benchmarks.shelf_counts`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from agent_tools.drawing import encode_jpeg
from agent_tools.masks import box_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.services.presets import load_services
from agent_tools.shelves.counting import count_shelf
from agent_tools.shelves.products import Example, Expected, Product
from agent_tools.shelves.results import Box, Correction, ShelfCount
from benchmarks.shelf_counts import FIRST_SEED, VISITS, Tally, cells, sku_of, standing
from workflows.demo_models.kinds import Kind
from workflows.demo_models.shelf_calibration import examples_of, phrase_of, shelf_visits
from workflows.demo_models.shelf_scenes import ShelfScene
from workflows.shelf_count.corrections import examples_in
from workflows.shelf_count.results_kept import PictureResult, ShelfPicture

TAUGHT = 4
"""Visits that are put right."""
SAME = 0.5
"""IoU from which a box counted is the true one."""


def products_of(shelf: str, kinds: Sequence[Kind], as_planned: ShelfScene, planned: Path) -> tuple[Product, ...]:
    """What a shelf should hold, with three examples each on the picture of it as planned."""
    marked = examples_of(kinds, as_planned, 3)
    return tuple(
        Product(
            sku_of(shelf, kind),
            (phrase_of(kind),),
            examples=tuple(Example(str(planned), _box(thing.box)) for own, thing in marked if own == number),
            expected=tuple(
                Expected(many, many, row)
                for row, places in enumerate(as_planned.plan, start=1)
                if (many := sum(place == kind for place in places))
            ),
        )
        for number, kind in enumerate(kinds)
    )


def put_right(count: ShelfCount, scene: ShelfScene, shelf: str) -> Correction:
    """What a person would take away and add, to make a count the truth."""
    counted = [each for each in count.objects if each.counted]
    true = [(sku_of(shelf, (thing.noun, thing.colour)), _box(thing.box)) for _, thing in scene.objects]
    overlap = box_iou(_array([each.box for each in counted]), _array([box for _, box in true]))
    found: set[int] = set()
    removed = []
    for row, each in enumerate(counted):
        best = int(overlap[row].argmax()) if true else -1
        if best >= 0 and overlap[row, best] >= SAME and best not in found and true[best][0] == each.sku:
            found.add(best)
        else:
            removed.append((each.sku, each.box))
    return Correction(tuple(removed), tuple(one for index, one in enumerate(true) if index not in found), True)


def measure(numbers: Sequence[int], detector: Detector, folder: Path) -> dict[str, object]:
    """The figures of the visits after those that were put right, "before" and "after"."""
    before, after = Tally(), Tally()
    for number in numbers:
        shelf = f"shelf-{number:04}"
        ((kinds, as_planned, visits),) = shelf_visits(FIRST_SEED, 1, VISITS, skip=number)
        addresses = [folder / f"{shelf}.{name}.jpg" for name in ("planned", *range(TAUGHT))]
        for address, scene in zip(addresses, (as_planned, *visits), strict=False):
            address.write_bytes(encode_jpeg(scene.image))
        products = products_of(shelf, kinds, as_planned, addresses[0])
        kept = []
        for address, scene in zip(addresses[1:], visits, strict=False):
            count = count_shelf(Picture.from_bytes(address.read_bytes()), products, detector)
            correction = put_right(count, scene, shelf)
            kept.append(PictureResult(ShelfPicture(str(address)), count, correction=correction))
        learnt = examples_in(kept)
        taught = tuple(replace(each, examples=(*each.examples, *learnt.get(each.sku, ()))) for each in products)
        for scene in visits[TAUGHT:]:
            picture = Picture.from_bytes(encode_jpeg(scene.image))
            truth = {
                "planned": cells(standing(scene), shelf),
                "true": cells(((row, (thing.noun, thing.colour)) for row, thing in scene.objects), shelf),
            }
            before.add(count_shelf(picture, products, detector), truth)
            after.add(count_shelf(picture, taught, detector), truth)
    return {"before": before.figures(), "after": after.figures()}


def _box(box: np.ndarray) -> Box:
    x0, y0, x1, y1 = (float(side) for side in box)
    return (x0, y0, x1, y1)


def _array(boxes: Sequence[Box]) -> np.ndarray:
    return np.array(boxes, np.float32).reshape(-1, 4)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shelves", type=int, nargs="+", default=list(range(10)), help="their numbers")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(chosen.shelves, load_services("demo").detector, Path(folder))
    print(json.dumps(figures, indent=None if chosen.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
