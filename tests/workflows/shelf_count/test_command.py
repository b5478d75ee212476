"""`askmask count-shelves` as people run it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

from agent_tools.shelves.results import Correction
from workflows.shelf_count.store import RunStore

FAKE = ("--detector", "agent_tools.services.fakes:FakeDetector", "--device", "cpu", "--workers", "2", "--no-report")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shelves(tmp_path: Path) -> Path:
    """Three shelves of red squares on gray, 2, 3 and 4 of them; a list that expects three on each."""
    for number in (2, 3, 4):
        shelf = np.full((80, 200, 3), 90, np.uint8)
        for place in range(number):
            shelf[20:50, 10 + 45 * place : 40 + 45 * place] = (220, 30, 30)
        (tmp_path / "shops" / "a").mkdir(parents=True, exist_ok=True)
        Image.fromarray(shelf).save(tmp_path / "shops" / "a" / f"shelf {number}.png")
    (tmp_path / "products.csv").write_text("sku,phrases,expected\n17,red box,3\n")
    return tmp_path / "shops"


def test_count_shelves_tells_totals_and_writes_tables(run: Run, shelves: Path, tmp_path: Path):
    (shelves / "a" / "shelf 9.jpg").write_bytes(b"<html>")
    code, out, err = run("count-shelves", "shops", "--products", "products.csv", *FAKE)
    assert code == 0, err
    assert "4 pictures, 1 could not be counted (see the tables)" in out
    assert "17: 9" in out
    assert "expected 9" in out
    counts = (tmp_path / "askmask-shelves" / "counts.csv").read_text("utf-8-sig")
    assert "shelf 4" in counts
    assert "expected JPEG" in counts


def test_count_shelves_again_counts_nothing_and_gives_the_same_tables(run: Run, shelves: Path, tmp_path: Path):
    run("count-shelves", "shops", "--products", "products.csv", *FAKE)
    tables = {file.name: file.read_bytes() for file in (tmp_path / "askmask-shelves").glob("*.csv")}
    code, out, err = run("count-shelves", "shops", "--products", "products.csv", "--json", *FAKE)
    told = json.loads(out)
    assert (code, told["run"]["counted"], told["pictures"]) == (0, 0, 3)
    assert told["products"]["17"]["n"] == 9
    assert told["products"]["17"]["expected"] == [9, 9]
    assert "3 of 3 pictures are counted already" in err
    assert tables == {file.name: file.read_bytes() for file in (tmp_path / "askmask-shelves").glob("*.csv")}
    code, out, _ = run("count-shelves", "shops", "--products", "products.csv", "--json", "--again", *FAKE)
    assert json.loads(out)["run"]["counted"] == 3


def test_count_shelves_with_other_products_says_that_it_counts_again(run: Run, shelves: Path, tmp_path: Path):
    run("count-shelves", "shops", "--products", "products.csv", *FAKE)
    (tmp_path / "products.csv").write_text("sku,phrases,expected\n17,green box,3\n")
    code, out, err = run("count-shelves", "shops", "--products", "products.csv", "--json", *FAKE)
    assert (code, json.loads(out)["run"]["counted"]) == (0, 3)
    assert "other products or models than before" in err


def test_count_shelves_takes_corrections_of_a_reviewed_run_as_examples(run: Run, shelves: Path, tmp_path: Path):
    run("count-shelves", "shops", "--products", "products.csv", *FAKE)
    with RunStore.open(tmp_path / "askmask-shelves") as store:
        picture = next(store.results()).picture.address
        store.correct(picture, Correction(added=(("17", (10.0, 20.0, 40.0, 50.0)),)))
    reviewed = ("--examples", "askmask-shelves", "--out", "next")
    code, _, err = run("count-shelves", "shops", "--products", "products.csv", *reviewed, *FAKE)
    assert code == 0, err
    with RunStore.open(tmp_path / "next") as store:
        assert [example.picture for example in store.products.products[0].examples] == [picture]


def test_count_shelves_takes_examples_and_pictures_from_other_file_systems(run: Run, shelves: Path, tmp_path: Path):
    files = fsspec.filesystem("memory")
    for file in (shelves / "a").iterdir():
        files.pipe(f"/chain/a/{file.name}", file.read_bytes())
    lines = 'sku,phrases,examples\n17,red box,"memory://chain/a/shelf 2.png#10,20,40,50"\n'
    (tmp_path / "products.csv").write_text(lines)
    here = ("--detector", "agent_tools.services.fakes:FakeDetector", "--no-report")
    code, _, err = run("count-shelves", "memory://chain", "--products", "products.csv", "--workers", "1", *here)
    files.rm("/chain", recursive=True)
    assert code == 0, err
    with RunStore.open(tmp_path / "askmask-shelves") as store:
        example = Path(store.products.products[0].examples[0].picture)
        assert example.read_bytes() == (shelves / "a" / "shelf 2.png").read_bytes()
        assert all(result.count is not None for result in store.results())


def test_count_shelves_of_a_panorama_and_a_phrase_in_spanish_counts_them(run: Run, tmp_path: Path):
    panorama = np.full((60, 30_000, 3), 90, np.uint8)
    for place in range(0, 30_000, 3_000):
        panorama[15:45, place + 10 : place + 40] = (220, 30, 30)
    (tmp_path / "shops").mkdir()
    Image.fromarray(panorama).save(tmp_path / "shops" / "long.png")
    (tmp_path / "products.csv").write_text("sku,phrases\n17,manzana verde\n18,red box\n")
    code, out, err = run("count-shelves", "shops", "--products", "products.csv", "--json", *FAKE)
    assert code == 0, err
    assert "manzana verde is read as green apple" in err
    assert json.loads(out)["products"]["18"]["n"] == 10


def test_count_shelves_where_nothing_can_be_counted_exits_with_1(run: Run, tmp_path: Path):
    (tmp_path / "shops").mkdir()
    (tmp_path / "shops" / "1.jpg").touch()
    (tmp_path / "products.csv").write_text("sku,phrases\n17,red box\n")
    code, out, _ = run("count-shelves", "shops", "--products", "products.csv", *FAKE)
    assert code == 1
    assert "1 could not be counted" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("shops",), 2, "--products"),
        (("nowhere", "--products", "products.csv"), 1, "does not exist"),
        (("shops", "--products", "missing.csv"), 1, "missing.csv"),
        (("shops", "--products", "products.csv", "--examples", "nowhere"), 1, "holds no run"),
        (("shops", "--products", "products.csv", "--workers", "0"), 2, "--workers"),
    ],
)
def test_count_shelves_used_the_wrong_way_says_so(
    run: Run, shelves: Path, arguments: tuple[str, ...], code: int, said: str
):
    given, _, err = run("count-shelves", *arguments)
    assert given == code
    assert said in err
