"""The benchmark of shelf counts: figures that can be worked out by hand, and folders that counting can read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent_tools.drawing import encode_jpeg
from agent_tools.pictures import Picture, open_picture
from agent_tools.services.fakes import FakeDetector
from agent_tools.services.presets import load_services
from agent_tools.shelves.counting import corrected, count_shelf
from agent_tools.shelves.product_lists import read_products
from agent_tools.shelves.results import Finding, ProductCount, ShelfCount
from benchmarks import shelf_counts, shelf_learning
from benchmarks.shelf_counts import Tally, main, render
from benchmarks.shelf_learning import measure, products_of, put_right
from workflows.demo_models import shelf_scenes
from workflows.demo_models.shelf_calibration import shelf_visits

PLANNED = [["a", 1, 3], ["b", 2, 4]]


def counted(sku: str, row: int, n: int, low: int, high: int, sure: float) -> ProductCount:
    return ProductCount(sku, row, n, low, high, sure)


def two_pictures() -> Tally:
    """Of the first, an a is gone and a b too many was counted; of the second, a b stands among the a unseen."""
    tally = Tally()
    one = (counted("a", 0, 2, 2, 2, 0.9), counted("a", 1, 2, 2, 2, 0.9))
    one += (counted("b", 0, 5, 4, 5, 0.3), counted("b", 2, 5, 4, 5, 0.3))
    flags = (Finding("missing", "a", 1, (3, 3), 2, 0.95), Finding("surplus", "b", 2, (4, 4), 5, 0.9))
    gap = Finding("gap", "a", 1, None, 0, 0.9, (0, 0, 9, 9))
    tally.add(
        ShelfCount(9, 9, counts=one, findings=(*flags, gap)), {"planned": PLANNED, "true": [["a", 1, 2], PLANNED[1]]}
    )
    two = (counted("a", 0, 3, 3, 4, 0.8), counted("a", 1, 3, 3, 4, 0.8))
    two += (counted("b", 0, 3, 3, 3, 0.6), counted("b", 2, 3, 3, 3, 0.6))
    missing = Finding("missing", "b", 2, (4, 4), 3, 0.95)
    true = [["a", 1, 3], ["b", 1, 1], ["b", 2, 3]]
    tally.add(ShelfCount(9, 9, counts=two, findings=(missing,)), {"planned": PLANNED, "true": true})
    return tally


def test_tally_of_two_pictures_is_what_arithmetic_says() -> None:
    assert two_pictures().figures() == {
        "counts": 4,
        "exact": 0.5,  # both a
        "mae": 0.5,  # two b are off by one
        "range_holds_truth": 0.75,  # 3 to 3 of four b
        "by_row": {"counts": 5, "exact": 0.6},  # not b in row 2 of the first, nor b in row 1 of the second
        "missing": {
            "places": 2,
            "flagged": 1.0,
            "false_of_flags": 0.3333,
            "unchanged_places": 2,
            "false_of_unchanged": 0.5,
        },
        "swaps": {"places": 1, "flagged": 0.0},
        "review": {"wrong": 2, "in_first_fifth": 0.5},
    }


def test_tally_stray_told_as_misplaced_is_flagged() -> None:
    tally = Tally()
    counts = (counted("a", 0, 1, 1, 1, 0.9), counted("a", 2, 1, 1, 1, 0.9))
    finding = Finding("misplaced", "a", 2, (0, 0), 1, 0.95)
    tally.add(ShelfCount(9, 9, counts=counts, findings=(finding,)), {"planned": [["a", 1, 1]], "true": [["a", 2, 1]]})

    assert tally.figures()["swaps"] == {"places": 1, "flagged": 1.0}
    assert tally.figures()["missing"]["flagged"] == 0.0
    assert tally.figures()["review"]["in_first_fifth"] is None


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small pictures of each shelf, and a detector that knows colours."""

    def small(seed: int, plan: Any, places: Any = None, shop: int = 0) -> shelf_scenes.ShelfScene:
        return shelf_scenes.render_shelf(seed, plan, places, shop, width=240, height=180)

    def visits(first: int, shelves: int, number: int) -> Iterator[Any]:
        monkeypatch.setattr("workflows.demo_models.shelf_calibration.render_shelf", small)
        return shelf_visits(first, shelves, number)

    monkeypatch.setattr(shelf_counts, "VISITS", 2)
    monkeypatch.setattr(shelf_counts, "shelf_visits", visits)
    services = SimpleNamespace(detector=FakeDetector())
    monkeypatch.setattr(shelf_counts, "load_services", lambda preset, detector=None: services)


@pytest.mark.usefixtures("few")
def test_render_writes_pictures_their_truth_and_a_list_that_can_be_read(tmp_path: Path) -> None:
    render(tmp_path, pictures=3, examples=1)
    truth = json.loads((tmp_path / "truth.json").read_text())
    products = read_products(tmp_path / "products.csv").products

    assert sorted(truth) == [
        "shelf-0000/shelf-0000.0.jpg",
        "shelf-0000/shelf-0000.1.jpg",
        "shelf-0001/shelf-0001.0.jpg",
    ]
    for name, true in truth.items():
        store = name.partition("/")[0]
        picture = open_picture(tmp_path / "pictures" / name)
        assert (picture.width, picture.height) == (240, 180)
        expected = [
            [product.sku, each.row, each.low] for product in products for each in product.expected_in(store, "")
        ]
        assert sorted(expected) == sorted(true["planned"])
        assert sum(n for _, _, n in true["true"]) <= sum(n for _, _, n in true["planned"])
        assert all(sku.startswith(store) and n > 0 for sku, _, n in true["true"])
    assert all(Path(product.examples[0].picture).exists() for product in products)
    assert all(product.examples[0].box for product in products)


@pytest.mark.usefixtures("few")
def test_main_renders_counts_and_prints_all_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = ["--folder", str(tmp_path), "--pictures", "2", "--examples", "1"]

    assert main([*folder, "--render"]) == 0
    assert capsys.readouterr().out == ""
    drawn = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")}
    assert main([*folder, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jpg")} == drawn
    assert figures.keys() == {"pictures", "pictures_a_second", *two_pictures().figures()}
    assert figures["pictures"] == 2
    assert figures["counts"] == 2 * len(read_products(tmp_path / "products.csv").products)
    assert 0 <= figures["exact"] <= 1


def test_put_right_makes_a_count_the_truth_and_teaches_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_learning, "VISITS", 2)
    monkeypatch.setattr(shelf_learning, "TAUGHT", 1)
    ((kinds, as_planned, (scene,)),) = shelf_visits(shelf_counts.FIRST_SEED, 1, 1)
    (tmp_path / "planned.jpg").write_bytes(encode_jpeg(as_planned.image))
    products = products_of("shelf", kinds, as_planned, tmp_path / "planned.jpg")
    detector = load_services("demo").detector
    count = count_shelf(Picture.from_array(scene.image), products, detector)
    right = corrected(count, put_right(count, scene, "shelf"), products)
    assert {each.sku: each.n for each in right.counts if not each.row} == {
        shelf_counts.sku_of("shelf", kind): scene.count(kind) for kind in kinds
    }
    assert set(measure([0], detector, tmp_path)) == {"before", "after"}
