"""Shelves from the command line: lists that are named in the request, given by option, or not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.pictures import Picture
from agent_tools.services.base import Detector
from agent_tools.shelves import counting
from agent_tools.shelves.products import Product
from agent_tools.shelves.results import Finding, ProductCount, ShelfCount, ShelfObject, ShelfRow
from tests.workflows.conftest import Run

FAKES = (
    "--detector",
    "agent_tools.services.fakes:FakeDetector",
    "--segmenter",
    "agent_tools.services.fakes:FakeSegmenter",
)
LIST = "sku,phrases,expected,row\n1,red,3,1\n1,,3,2\n"


def count_two_rows(
    picture: Picture, products: Sequence[Product], detector: Detector, *, store: str = "", shelf: str = ""
) -> ShelfCount:
    """What the detector finds, in an upper and a lower row, and which of them lacks some."""
    objects: list[ShelfObject] = []
    counts: list[ProductCount] = []
    findings: list[Finding] = []
    for product in products:
        found = detector.detect([picture], [list(product.phrases)])[0]
        mine = [
            ShelfObject(product.sku, 1 if box[1] < 100 else 2, tuple(box.tolist()), float(score), 0.95)
            for box, score in zip(found.boxes, found.scores, strict=True)
        ]
        objects += mine
        for row in (0, 1, 2):
            n = sum(row in (0, thing.row) for thing in mine)
            counts.append(ProductCount(product.sku, row, n, n, n, 0.9))
        for one in product.expected:
            n = sum(thing.row == one.row for thing in mine)
            if n < one.low:
                findings.append(Finding("missing", product.sku, one.row or 0, (one.low, one.high), n, 0.9))
    rows = (ShelfRow(1, ()), ShelfRow(2, ()))
    return ShelfCount(320, 240, rows, tuple(objects), tuple(counts), tuple(findings))


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "count_shelf", count_two_rows)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Three red boxes on a top row, two on a bottom row, on white."""
    pixels = np.full((240, 320, 3), 255, np.uint8)
    for x, y in ((20, 20), (120, 30), (220, 25), (60, 150), (180, 160)):
        pixels[y : y + 40, x : x + 40] = (220, 30, 30)
    path = tmp_path / "shelf.png"
    Image.fromarray(pixels).save(path)
    return path


def test_ask_counts_a_shelf_against_the_list_that_the_request_names(run: Run, picture: Path) -> None:
    Path("products.csv").write_text(LIST)
    code, out, _ = run("ask", "count this shelf against products.csv", str(picture), *FAKES)

    assert code == 0
    assert out.splitlines()[0] == "5 reds in 2 rows. Row 2: 2 of 3 reds, 1 missing."
    assert Path("askmask-out/shelf-1.jpg").exists()


def test_ask_json_has_counts_and_the_shelf_selected(run: Run, picture: Path) -> None:
    Path("products.csv").write_text(LIST)
    said = json.loads(run("ask", "what is missing?", str(picture), *FAKES, "--json", "--products", "products.csv")[1])

    assert said["counts"] == {"red": {"n": 5, "low": 5, "high": 5, "borderline": [], "saturated": False}}
    assert [thing["handle"] for thing in said["objects"]] == ["m1", "m2", "m3", "m4", "m5"]
    assert said["calls"] == [{"tool": "count_shelf", "arguments": {}}]


def test_chat_goes_on_about_the_shelf(run: Run, picture: Path, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "products.csv").write_text(LIST)
    script = tmp_path / "talk.txt"
    script.write_text(
        "count this shelf against lists/products.csv\nonly the second row\nhow sure are you?\nwhat is missing?\n"
    )
    code, out, _ = run("chat", str(picture), "--script", str(script), *FAKES, "--json")
    turns = [json.loads(line) for line in out.splitlines()]

    assert code == 0
    assert [len(turn["objects"]) for turn in turns] == [5, 2, 2, 5]
    assert turns[1]["answer"].startswith("2 reds are selected now: m4 and m5")
    assert turns[2]["answer"].startswith('m4 and m5 were found by "red"')
    assert turns[3]["answer"] == turns[0]["answer"]


def test_ask_for_a_list_that_is_not_there_names_those_that_are(run: Run, picture: Path) -> None:
    Path("fruit.csv").write_text(LIST)
    code, out, err = run(
        "ask", "count this shelf against products.csv", str(picture), *FAKES, "--products", "fruit.csv"
    )

    assert "products=products.csv is no product list here: expected fruit.csv, or phrases" in out + err
    assert code == 0


def test_products_option_is_read_before_any_model(run: Run, picture: Path) -> None:
    Path("broken.csv").write_text("name\nPears\n")
    for name, message in (("broken.csv", "lack sku"), ("none.csv", "cannot be read")):
        code, _, err = run("ask", "count the shelf", str(picture), "--detector", "no:such", "--products", name)
        assert code == 1
        assert message in err


def test_products_option_passes_on_how_the_list_was_read(run: Run, picture: Path) -> None:
    Path("frutas.csv").write_text("sku,phrases,price\n1,naranja roja,2\n")
    _, _, err = run("ask", "count the shelf", str(picture), *FAKES, "--products", "frutas.csv")

    assert "frutas.csv: columns not used: price" in err
    assert "frutas.csv: naranja roja is read as red orange" in err
