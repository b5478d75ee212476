"""A small made-up run, and a browser for its pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agent_tools.shelves import counting
from agent_tools.shelves.results import Correction, ShelfCount
from tests.browser import browser
from tests.workflows.shelf_count import made_up


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One headless Chromium for all pages."""
    with browser() as opened:
        yield opened


@pytest.fixture
def corrections_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Corrections change counts, also where `corrected` is not there yet."""
    try:
        counting.corrected(ShelfCount(1, 1), Correction(), ())
    except NotImplementedError:
        monkeypatch.setattr(counting, "corrected", made_up.put_right)
