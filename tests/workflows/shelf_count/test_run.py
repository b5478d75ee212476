"""A run: what is counted, what is not counted again, and what one bad picture or worker costs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError, ServiceError
from agent_tools.shelves.products import Expected, Product, ProductList
from agent_tools.shelves.results import Correction
from tests.workflows.shelf_count import running
from tests.workflows.shelf_count.conftest import Count, paint, widths
from tests.workflows.shelf_count.running import MODELS, PRODUCTS
from workflows.shelf_count.store import RunStore


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The names of the pictures that were counted since it was last called, as often as they were."""
    log = tmp_path / "log"
    monkeypatch.setenv("COUNTED_LOG", str(log))

    def names() -> Counter[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return Counter(line.rpartition(" ")[0] for line in lines)

    return names


def test_run_over_folder_counts_every_picture_in_its_order(folder: Path, count: Count):
    tally, results = count(folder, workers=2)
    assert (tally.counted, tally.copied, tally.failed) == (12, 0, 0)
    assert widths(results) == [10, 12, 14, 16, 18, 20, 11, 13, 15, 17, 19, 21]
    assert [result.picture.store for result in results] == ["a"] * 6 + ["b"] * 6
    assert [result.count.counts[0].why for result in results if result.count] == [()] * 6 + [("6 expected",)] * 6


def test_run_again_counts_only_what_is_new_or_changed(folder: Path, count: Count, asked):
    count(folder)
    assert sum(asked().values()) == 12
    paint(folder / "a" / "shelf 2.png", 50)
    paint(folder / "a" / "shelf 1.png", 60)
    (folder / "b" / "shelf 3.png").unlink()
    (folder / "b" / "shelf 5.png").touch()
    tally, results = count(folder)
    assert asked() == {"shelf 2.png": 1, "shelf 1.png": 1}
    assert (tally.counted, tally.copied) == (2, 1)
    assert widths(results) == [10, 60, 50, 14, 16, 18, 20, 11, 15, 17, 19, 21]


def test_run_with_other_products_counts_again_and_with_the_first_ones_does_not(folder: Path, count: Count, asked):
    count(folder)
    asked()
    with RunStore.open(folder.parent / "out") as store:
        store.correct(str(folder / "a" / "shelf 0.png"), Correction(confirmed=True))
    other = ProductList("other", (Product("3", ("pear",)),))
    tally, results = count(folder, products=other)
    assert tally.counted == sum(asked().values()) == 12
    assert results[0].correction == Correction(confirmed=True)
    tally, results = count(folder)
    assert not asked()
    assert [count.sku for count in results[0].count.counts] == ["1", "2"]
    assert count(folder, models=MODELS | {"detector": "base"})[0].counted == 12


def test_run_with_other_expectations_counts_only_the_shelves_they_are_of(folder: Path, count: Count, asked):
    count(folder)
    asked()
    more = ProductList("more", (Product("1", ("orange",), expected=(Expected(7, 7, store="b"),)), PRODUCTS.products[1]))
    assert count(folder, products=more)[0].counted == 6
    assert sorted(asked()) == [f"shelf {number}.png" for number in (1, 11, 3, 5, 7, 9)]


def test_run_over_same_bytes_counts_once_where_the_same_is_expected(tmp_path: Path, count: Count, asked):
    for name in ("a/1", "a/2", "a/10", "b/3", "b/4"):
        paint(tmp_path / "pictures" / f"{name}.png", 30)
    tally, results = count(tmp_path / "pictures", workers=2)
    assert sum(asked().values()) == tally.counted == 2
    assert tally.copied == 3
    first = str(tmp_path / "pictures" / "a" / "1.png")
    assert [result.same_as for result in results] == ["", first, first, first, first]
    assert widths(results) == [30] * 5


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "0 bytes"), (b"<html><body>Log in</body></html>", "expected JPEG"), (b"\x89PNG\r\n\x1a\nxx", "x.jpg")],
)
def test_run_over_file_that_is_no_picture_gives_row_with_error(folder: Path, count: Count, content: bytes, said: str):
    (folder / "x.jpg").write_bytes(content)
    tally, results = count(folder)
    assert (tally.counted, tally.failed) == (12, 1)
    assert results[-1].count is None
    assert said in results[-1].error
    assert "\n" not in results[-1].error


def test_run_over_picture_whose_file_has_gone_gives_row_with_error(folder: Path, count: Count):
    (folder / "list.txt").write_text("a/shelf 0.png\nnot there.png\n")
    tally, results = count(folder / "list.txt")
    assert (tally.counted, tally.failed) == (1, 1)
    assert "does not exist" in results[1].error
    paint(folder / "not there.png", 99)
    assert widths(count(folder / "list.txt")[1]) == [10, 99]


def test_run_where_counter_raises_gives_row_with_error_on_one_line(folder: Path, count: Count):
    tally, results = count(folder, counter="fail_over_thirteen")
    assert (tally.counted, tally.failed) == (11, 1)
    assert [result.error for result in results if result.error] == ["ValueError: a defect of two lines"]


def test_worker_that_dies_once_costs_nothing(folder: Path, count: Count, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DIED_MARK", str(folder.parent / "died"))
    tally, results = count(folder, counter="die_once", workers=2)
    assert (tally.counted, tally.failed) == (12, 0)
    assert len(results) == 12


def test_picture_that_kills_workers_costs_its_row_only(folder: Path, count: Count):
    tally, results = count(folder, counter="die_over_thirteen", workers=2)
    assert (tally.counted, tally.failed) == (11, 1)
    bad = next(result for result in results if result.error)
    assert bad.picture.shelf == "shelf 3"
    assert "ended two workers (killed by SIGKILL)" in bad.error


def test_run_with_broken_model_ends_with_its_error(folder: Path, count: Count):
    for number in range(12, 40):
        paint(folder / f"{number}.png", 10 + number)
    with pytest.raises(ServiceError, match=r"20 pictures in a row.*detector=x is broken"):
        count(folder, counter="fail_always")


def test_run_whose_model_cannot_be_opened_ends_at_once(folder: Path, count: Count, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "FAKE", "/nowhere/at/all.py:detector")
    with pytest.raises(ConfigError, match="no file"):
        count(folder)


def test_second_run_into_the_same_folder_is_refused(folder: Path, count: Count):
    with RunStore.create(folder.parent / "out"), pytest.raises(ConfigError, match="another askmask"):
        count(folder)
    assert count(folder)[0].counted == 12
