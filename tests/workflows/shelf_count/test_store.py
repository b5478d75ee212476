"""What a run keeps, for whom, and under what it is found again."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError
from agent_tools.shelves.products import Example, Product, ProductList
from agent_tools.shelves.results import Correction, Finding, ProductCount, ShelfCount, ShelfObject, ShelfRow
from tests.workflows.shelf_count.running import MODELS, PRODUCTS
from workflows.shelf_count.results_kept import PictureResult, ShelfPicture
from workflows.shelf_count.store import COUNTS, FILE, Counted, FoundPicture, RunStore

BOX = (1.0, 2.0, 3.5, 4.0)
COUNT = ShelfCount(
    40,
    30,
    rows=(ShelfRow(1, ((0.0, 0.0), (40.0, 1.0), (40.0, 30.0), (-1.0, 30.0))),),
    objects=(ShelfObject("1", 1, BOX, 0.8, 0.9), ShelfObject("1", 1, BOX, 0.2, 0.1, counted=False, by="example")),
    counts=(ProductCount("1", 0, 1, 1, 2, 0.8, saturated=True, review=True, why=("dense", "=cmd")),),
    findings=(Finding("gap", "", 1, None, 0, 0.7, BOX), Finding("missing", "1", 0, (6, None), 1, 0.9)),
    unknown={"2": "has no word for it"},
)
PLACES = [ShelfPicture(f"/shop/{number}.jpg", "a", str(number), "9:30") for number in range(450)]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run of 450 pictures: the last could not be read, the first two have the same bytes."""
    with RunStore.create(tmp_path / "out") as store:
        store.begin(PRODUCTS, MODELS, [FoundPicture(each, "1") for each in PLACES])
        store.keep([Counted(PLACES[0], "0" * 64, COUNTS.dump_json(COUNT)), Counted(PLACES[1], "0" * 64)])
        store.keep(
            Counted(each, f"{number:064}", COUNTS.dump_json(COUNT)) for number, each in enumerate(PLACES[2:-1], 2)
        )
        store.keep([Counted(PLACES[-1], error="picture=449.jpg is empty.")])
    return tmp_path / "out"


def test_store_gives_back_what_was_kept_in_order(out: Path):
    with RunStore.open(out) as store:
        results = list(store.results())
        assert store.products == PRODUCTS
        assert store.models == MODELS
        assert store.result("/shop/1.jpg") == results[1]
    assert [result.picture for result in results] == PLACES
    assert results[1] == PictureResult(PLACES[1], COUNT, same_as="/shop/0.jpg")
    assert results[-1] == PictureResult(PLACES[-1], error="picture=449.jpg is empty.")


def test_store_is_for_its_owner_alone(out: Path):
    with RunStore.open(out):
        assert stat.S_IMODE(out.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in out.iterdir()} == {0o600}


def test_correction_is_there_for_others_at_once_and_can_be_taken_back(out: Path):
    correction = Correction(removed=(("1", BOX),), added=(("2", BOX),), confirmed=True)
    with RunStore.open(out) as one, RunStore.open(out) as other:
        one.correct("/shop/3.jpg", correction)
        assert other.result("/shop/3.jpg").correction == correction
        other.correct("/shop/3.jpg", None)
        assert one.result("/shop/3.jpg").correction is None


def test_corrections_may_come_while_results_are_read_and_counted(out: Path):
    with RunStore.create(out) as counting, RunStore.open(out) as reviewing:
        seen = []
        for result in reviewing.results():
            seen.append(result)
            if result.picture == PLACES[5]:
                threads = [
                    threading.Thread(target=reviewing.correct, args=(p.address, Correction())) for p in PLACES[:9]
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                counting.begin(PRODUCTS, MODELS, [FoundPicture(each, "1") for each in PLACES[:-1]])
        assert len(seen) == 449
        assert reviewing.result("/shop/8.jpg").correction == Correction()


def test_correction_holds_for_the_bytes_that_were_seen(out: Path):
    with RunStore.create(out) as store:
        store.correct("/shop/3.jpg", Correction(confirmed=True))
        assert store.begin(PRODUCTS, MODELS, [FoundPicture(PLACES[3], "2")]) == [0]
        store.keep([Counted(PLACES[3], "f" * 64, COUNTS.dump_json(COUNT))])
        assert store.result("/shop/3.jpg").correction is None
        store.begin(PRODUCTS, MODELS, [FoundPicture(PLACES[3], "3")])
        store.keep([Counted(PLACES[3], f"{3:064}")])
        assert store.result("/shop/3.jpg").correction == Correction(confirmed=True)


def test_replaced_example_picture_has_counts_made_again(tmp_path: Path):
    crop = tmp_path / "crop.png"
    crop.write_bytes(b"one")
    products = ProductList("x", (Product("1", (), examples=(Example(str(crop)),)),))
    found = [FoundPicture(PLACES[0], "1")]
    with RunStore.create(tmp_path / "out") as store:
        assert store.begin(products, MODELS, found) == [0]
        store.keep([Counted(PLACES[0], "0" * 64, COUNTS.dump_json(COUNT))])
        assert store.begin(products, MODELS, found) == []
        crop.write_bytes(b"another")
        assert store.begin(products, MODELS, found) == [0]


def test_store_that_is_missing_says_how_to_make_one(tmp_path: Path):
    with pytest.raises(ConfigError, match="holds no run"):
        RunStore.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_picture_that_is_not_in_the_run_cannot_be_corrected(out: Path):
    with RunStore.open(out) as store, pytest.raises(ConfigError, match="no result"):
        store.correct("/elsewhere.jpg", Correction())


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"width": "wide", "height": 3}'])
def test_damaged_result_is_told(out: Path, text: str):
    with sqlite3.connect(out / FILE) as connection:
        connection.execute("UPDATE counts SET count = ?", (text,))
    connection.close()
    with RunStore.open(out) as store, pytest.raises(ConfigError, match=r"is damaged at /shop/0\.jpg"):
        list(store.results())


def test_store_of_a_later_askmask_is_refused(out: Path):
    with sqlite3.connect(out / FILE) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(ConfigError, match="Update askmask"):
        RunStore.open(out)
