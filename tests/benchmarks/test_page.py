"""The benchmarks of the page run, and say what they should; small ones."""

from __future__ import annotations

from pathlib import Path

from benchmarks import page_clicks, page_screenshots, page_visitors
from tests.browser import chromium


def test_page_clicks_times_every_kind_of_click() -> None:
    chromium()  # skips without a browser
    found = page_clicks.measure(1)
    assert found["clicks"] == 4
    assert list(found["kinds"]) == ["take away", "put back", "another part", "something new"]
    assert found["median_ms"] > 0


def test_page_visitors_loses_and_mixes_up_nothing() -> None:
    found = page_visitors.measure(visitors=2, rounds=1)
    assert (found["turns"], found["lost"], found["mixed_up"]) == (20, [], [])


def test_page_screenshots_takes_a_picture(tmp_path: Path) -> None:
    chromium()
    assert [path.name for path in page_screenshots.take(tmp_path, "page-empty")] == ["page-empty.png"]
    assert (tmp_path / "page-empty.png").stat().st_size > 20_000
