"""Rendered shelves counted against the truth: counts, what is missing, and whether the doubtful ones come first.

    python -m benchmarks.shelf_counts [--pictures 200] [--examples 3] [--json]    renders, counts, compares
    python -m benchmarks.shelf_counts --folder DIR --pictures 2000 --render       only renders, with products.csv
    python -m benchmarks.shelf_counts --folder DIR --run RUN                      compares a run of count-shelves

A shelf has a plan and is visited some times; on a visit things are missing, or two are swapped between rows. Seeds are
those for measuring. ``products.csv`` says what every shelf should hold, by words, and with ``--examples`` also by boxes
on a picture of each shelf as planned. Figures:

- counts: of each product on each picture; by row: of each product in each row where it is, should be, or was found.
- missing: of the places (product and row) from which something was taken, the share flagged as missing; of all flags
  the share at places where nothing changed; of such places the share flagged.
- swaps: of the products found in a row that is not theirs, the share flagged as misplaced.
- review: share of the wrong counts that stand in the first fifth of the queue, counts sorted by doubt.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent_tools.drawing import encode_jpeg
from agent_tools.pictures import Picture
from agent_tools.services.presets import load_services
from agent_tools.shelves.counting import count_shelf
from agent_tools.shelves.product_lists import read_products
from agent_tools.shelves.results import ShelfCount
from workflows.demo_models.kinds import Kind
from workflows.demo_models.shelf_calibration import examples_of, phrase_of, shelf_visits
from workflows.demo_models.shelf_scenes import ShelfScene

FIRST_SEED = 10_800_000
VISITS = 10
QUEUE = 0.2
"""Part of the queue that a person may have the time for."""

Cell = tuple[str, int]
"""A product's sku and the number of a row."""


def render(folder: Path, pictures: int, examples: int) -> None:
    """Write pictures, ``products.csv`` and ``truth.json`` into a folder.

    Args:
        folder: made where it is missing.
        pictures: how many; `VISITS` of each shelf.
        examples: marked things of each product on a picture of the shelf as planned.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    (folder / "planned").mkdir(exist_ok=True)
    truth: dict[str, Any] = {}
    lines: list[list[Any]] = []
    shelves = -(-pictures // VISITS)
    for number, (kinds, as_planned, visits) in enumerate(shelf_visits(FIRST_SEED, shelves, VISITS)):
        shelf = f"shelf-{number:04}"
        (folder / "planned" / f"{shelf}.jpg").write_bytes(encode_jpeg(as_planned.image))
        lines += _listed(shelf, kinds, as_planned, examples)
        (folder / "pictures" / shelf).mkdir(exist_ok=True)
        for visit, scene in enumerate(visits[: pictures - number * VISITS]):
            name = f"{shelf}/{shelf}.{visit}.jpg"
            (folder / "pictures" / name).write_bytes(encode_jpeg(scene.image))
            truth[name] = {
                "planned": cells(((row, kind) for row, kind in standing(scene)), shelf),
                "true": cells(((row, (thing.noun, thing.colour)) for row, thing in scene.objects), shelf),
            }
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "name", "phrases", "examples", "expected", "row", "store"])
        writer.writerows(lines)
    (folder / "truth.json").write_text(json.dumps(truth))


def _listed(shelf: str, kinds: Sequence[Kind], as_planned: ShelfScene, examples: int) -> Iterator[list[Any]]:
    """The lines of a product list for one shelf."""
    marked = examples_of(kinds, as_planned, examples)
    for number, kind in enumerate(kinds):
        boxes = [",".join(f"{side:.0f}" for side in thing.box) for own, thing in marked if own == number]
        shown = ";".join(f"planned/{shelf}.jpg#{box}" for box in boxes)
        for row, places in enumerate(as_planned.plan, start=1):
            if many := sum(place == kind for place in places):
                yield [sku_of(shelf, kind), f"{phrase_of(kind)} {shelf}", phrase_of(kind), shown, many, row, shelf]


def sku_of(shelf: str, kind: Kind) -> str:
    """The number of a product: every shelf has products of its own."""
    return f"{shelf}-{kind[1]}-{kind[0]}"


def standing(scene: ShelfScene) -> Iterator[tuple[int, Kind]]:
    """Row and kind of everything that should stand on a shelf."""
    for row, places in enumerate(scene.plan, start=1):
        yield from ((row, kind) for kind in places if kind is not None)


def cells(standing: Iterable[tuple[int, Kind]], shelf: str) -> list[list[Any]]:
    """How many of each product stand in each row, as JSON."""
    many = Counter((sku_of(shelf, kind), row) for row, kind in standing)
    return [[sku, row, n] for (sku, row), n in sorted(many.items())]


class Tally:
    """Adds up the figures, picture by picture."""

    def __init__(self) -> None:
        self.totals: list[tuple[int, int, float]] = []
        self.cells: list[tuple[int, int]] = []
        self.taken: list[bool] = []
        self.flags: list[bool] = []
        self.unchanged: list[bool] = []
        self.strays: list[bool] = []
        self.inside: list[bool] = []

    def add(self, count: ShelfCount, truth: Mapping[str, Any]) -> None:
        """One picture with what is true of it."""
        true, planned = (_read(truth[name]) for name in ("true", "planned"))
        skus = sorted({sku for sku, _ in planned})
        for sku in skus:
            found = next(each for each in count.counts if each.sku == sku and each.row == 0)
            really = sum(n for (own, _), n in true.items() if own == sku)
            self.totals.append((really, found.n, found.confidence))
            self.inside.append(found.low <= really <= found.high)
        seen = {(each.sku, each.row): each.n for each in count.counts if each.row}
        self.cells += [(true.get(cell, 0), seen.get(cell, 0)) for cell in {*true, *planned, *seen}]
        flagged = {(each.sku, each.row): each.kind for each in count.findings if each.kind != "gap" and each.sku}
        for cell in {*planned, *true, *flagged}:
            kind, before, now = flagged.get(cell), planned.get(cell, 0), true.get(cell, 0)
            if now < before:
                self.taken.append(kind == "missing")
            elif now == before:
                self.unchanged.append(kind is not None)
            elif not before:
                self.strays.append(kind == "misplaced")
            if kind is not None:
                self.flags.append(now == before)

    def figures(self) -> dict[str, Any]:
        """All figures; see the module."""
        true, found, sure = np.array(self.totals).T
        wrong = true != found
        first = np.argsort(sure, kind="stable")[: round(QUEUE * len(sure))]
        rows = np.array(self.cells)
        return {
            "counts": len(true),
            "exact": _share(~wrong),
            "mae": round(float(np.abs(true - found).mean()), 3),
            "range_holds_truth": _share(self.inside),
            "by_row": {"counts": len(rows), "exact": _share(rows[:, 0] == rows[:, 1])},
            "missing": {
                "places": len(self.taken),
                "flagged": _share(self.taken),
                "false_of_flags": _share(self.flags),
                "unchanged_places": len(self.unchanged),
                "false_of_unchanged": _share(self.unchanged),
            },
            "swaps": {"places": len(self.strays), "flagged": _share(self.strays)},
            "review": {"wrong": int(wrong.sum()), "in_first_fifth": _share(np.isin(np.flatnonzero(wrong), first))},
        }


def _read(cells: Sequence[Sequence[Any]]) -> dict[Cell, int]:
    return {(sku, row): n for sku, row, n in cells}


def _share(values: Any) -> float | None:
    return round(float(np.mean(values)), 4) if len(values) else None


def counted(folder: Path, detector_name: str | None = None) -> Iterator[tuple[ShelfCount, Mapping[str, Any]]]:
    """Every picture of a folder counted in this process, with what is true of it."""
    truth = json.loads((folder / "truth.json").read_text())
    products = read_products(folder / "products.csv").products
    detector = load_services("demo", detector=detector_name).detector
    for name, true in truth.items():
        picture = Picture.from_bytes((folder / "pictures" / name).read_bytes(), name)
        yield count_shelf(picture, products, detector, store=Path(name).parent.name), true


def of_run(folder: Path, run: Path) -> Iterator[tuple[ShelfCount, Mapping[str, Any]]]:
    """Every picture of a folder as a run of count-shelves counted it."""
    from workflows.shelf_count.store import RunStore

    truth = json.loads((folder / "truth.json").read_text())
    with RunStore.open(run) as store:
        for result in store.results():
            name = "/".join(Path(result.picture.address).parts[-2:])
            if result.count is not None and name in truth:
                yield result.count, truth[name]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--examples", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where pictures are, or are rendered to; default: a temporary one")
    parser.add_argument("--render", action="store_true", help="only render")
    parser.add_argument("--run", type=Path, help="compare this run instead of counting")
    parser.add_argument("--detector")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        if not (folder / "truth.json").exists():
            render(folder, chosen.pictures, chosen.examples)
        if chosen.render:
            return 0
        tally, pictures, began = Tally(), 0, time.perf_counter()
        for count, true in of_run(folder, chosen.run) if chosen.run else counted(folder, chosen.detector):
            tally.add(count, true)
            pictures += 1
        seconds = time.perf_counter() - began
    figures = {"pictures": pictures, **({} if chosen.run else {"pictures_a_second": round(pictures / seconds, 2)})}
    figures |= tally.figures()
    print(json.dumps(figures, indent=None if chosen.json else 2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
