"""The run on Ray: the same table as without, and no more read than can be counted soon."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.shelves.results import Correction
from tests.model_servers import need
from tests.workflows.shelf_count.conftest import Count, paint
from tests.workflows.shelf_count.running import started, tally_of
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.run import Tally
from workflows.shelf_count.store import RunStore

pytestmark = pytest.mark.slow
AHEAD = "128000000"


def counted_on_ray(folder: Path, out: Path, counter: str, ahead: str = AHEAD) -> tuple[Tally, list[PictureResult]]:
    need("ray", "counting on Ray")
    need("pandas", "counting on Ray")
    tally = tally_of(started(folder, out, counter, 2, ahead))
    with RunStore.open(out) as store:
        return tally, list(store.results())


def test_run_on_ray_gives_the_table_of_the_plain_run(folder: Path, count: Count, tmp_path: Path):
    for number in range(30, 40):
        paint(folder / "c" / f"{number}.png", number)
    paint(folder / "c" / "twin.png", 30)
    (folder / "c" / "empty.jpg").touch()
    plain_tally, plain = count(folder, counter="die_over_thirteen", workers=2)
    tally, results = counted_on_ray(folder, tmp_path / "ray", "die_over_thirteen")
    assert [result for result in results if not result.error] == [result for result in plain if not result.error]
    assert [result.picture.shelf for result in results if result.error] == ["shelf 3", "empty"]
    assert [result.error for result in results] == [result.error for result in plain]
    assert (tally.counted, tally.copied, tally.failed) == (plain_tally.counted, plain_tally.copied, 2)
    with RunStore.open(tmp_path / "ray") as store:
        store.correct(results[0].picture.address, Correction(confirmed=True))
    again, results = counted_on_ray(folder, tmp_path / "ray", "count_width")
    assert (again.counted, again.failed) == (1, 1)
    assert results[0].correction == Correction(confirmed=True)


def test_run_on_ray_reads_no_more_than_can_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    noise = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    monkeypatch.setenv("PICTURES", str(folder))
    monkeypatch.setenv("COUNT_SECONDS", "0.1")
    for number in range(60):
        Image.fromarray(noise.integers(0, 255, (600, 600, 3), np.uint8)).save(folder / f"{number}.png")
    tally, results = counted_on_ray(folder, tmp_path / "ray", "remove_the_last", str(8_000_000))
    assert (tally.counted, tally.failed) == (50, 10)
    assert all("does not exist" in result.error for result in results[50:])
