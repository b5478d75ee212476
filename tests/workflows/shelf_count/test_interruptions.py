"""Runs that are killed, interrupted, or out of room: nothing that was kept is lost, and the end is the same."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError
from tests.model_servers import those_with, wait_until
from tests.workflows.shelf_count.conftest import Count, paint
from tests.workflows.shelf_count.running import started, tally_of
from workflows.shelf_count import run
from workflows.shelf_count.store import FILE, Counted, RunStore

KILLS = 10


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Sixty pictures, some of the same bytes, some broken."""
    for number in range(60):
        paint(
            tmp_path / "pictures" / "abc"[number % 3] / f"{number}.png",
            20 + number // 2 if number % 5 == 0 else 100 + number,
        )
    for number in range(3):
        (tmp_path / "pictures" / f"{number}.jpg").write_bytes(b"<html>" * number)
    return tmp_path / "pictures"


def test_run_killed_at_ten_moments_ends_with_the_table_of_an_undisturbed_one(
    many: Path, count: Count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    undisturbed = count(many)[1]
    mark, moments, out = f"{tmp_path}", random.Random(7), tmp_path / "killed"
    monkeypatch.setenv("RUN_OF_A_TEST", mark)
    monkeypatch.setenv("COUNTED_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("COUNT_SECONDS", "0.5")
    kept, stages = 0, set()
    for _ in range(KILLS):
        process = started(many, out)
        assert process.stdout is not None
        for _ in range(moments.randrange(6)):
            process.stdout.readline()
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.communicate()
        wait_until(lambda: not those_with(f"RUN_OF_A_TEST={mark}"), 20, "the end of the workers")
        now = counted_in(out)
        assert now >= kept
        kept = now
        stages.add(now)
    assert len(stages) > 3, "the kills came at moments that differ"
    monkeypatch.setenv("COUNT_SECONDS", "0")
    tally_of(started(many, out))
    with RunStore.open(out) as store:
        assert list(store.results()) == undisturbed
    # A kill costs at most what was in work or not yet written, not what was counted before.
    asked = len((tmp_path / "log").read_text().splitlines())
    assert asked <= 60 + KILLS * 30


def test_run_interrupted_keeps_what_is_counted_and_goes_on(many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COUNT_SECONDS", "0.1")
    process = started(many, tmp_path / "out")
    assert process.stdout is not None
    for _ in range(5):
        assert process.stdout.readline() == "kept\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0
    with RunStore.open(tmp_path / "out") as store:
        kept = len(list(store.results()))
    assert 5 <= kept < 63
    monkeypatch.setenv("COUNT_SECONDS", "0")
    tally = tally_of(started(many, tmp_path / "out"))
    assert tally.counted + tally.copied + tally.failed <= 63 - kept + 3


def counted_in(out: Path) -> int:
    if not (out / FILE).exists():
        return 0
    with RunStore.open(out) as store:
        return sum(result.count is not None for result in store.results())


def test_run_on_full_disk_ends_with_the_next_step_and_loses_nothing(
    folder: Path, count: Count, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, out, keep = count(folder)[1], tmp_path / "full", RunStore.keep

    def keep_until_disk_is_full(store: RunStore, counted: list[Counted]) -> None:
        if any(each.picture.shelf == "shelf 8" for each in counted):
            pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
            store._connection.execute(f"PRAGMA max_page_count={pages}")
            counted = [Counted(each.picture, each.digest, (each.count or b"") + b" " * 10_000) for each in counted]
        keep(store, counted)

    monkeypatch.setattr(run, "_KEEP_AT_ONCE", 1)
    with monkeypatch.context() as limited:
        limited.setattr(RunStore, "keep", keep_until_disk_is_full)
        with pytest.raises(ConfigError, match=r"free space on its disk.*run the same command again"):
            count(folder, out=out)
    with RunStore.open(out) as store:
        assert list(store.results()) == whole[:4]
    tally, results = count(folder, out=out)
    assert (tally.counted, results) == (8, whole)


def test_store_that_is_damaged_says_so(tmp_path: Path):
    (tmp_path / FILE).write_bytes(b"no database, but long enough to be taken for one" * 40)
    with pytest.raises(ConfigError, match=r"is not readable.*Move it aside"):
        RunStore.open(tmp_path)
