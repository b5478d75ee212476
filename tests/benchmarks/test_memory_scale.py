"""What is measured of large conversations; how it grows is in tests/memory/test_on_demand.py, without a clock."""

import json
from pathlib import Path

import pytest

from benchmarks.memory_scale import main, measure


def test_memory_scale_measures_what_a_mask_takes_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASKMASK_DATA_DIR", str(tmp_path / "of the person"))
    (figures,) = measure(None, [1_000])
    assert figures["masks"] == 1_000
    assert 200 < figures["bytes"] <= 2_048
    times = ("open", "first recall", "first select", "recall", "select")
    assert all(0 < figures[name] < 60 for name in times)
    assert main(["--json", "--masks", "10", "20"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["masks"] for row in printed["sqlite"]] == [10, 20]
    assert not (tmp_path / "of the person").exists()
