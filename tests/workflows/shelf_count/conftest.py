"""Folders of small pictures, runs over them with counters that need no model, and a browser for the pages of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent_tools.shelves.products import ProductList
from tests.browser import browser
from tests.workflows.shelf_count import counters, running
from tests.workflows.shelf_count.running import MODELS, PRODUCTS
from workflows.shelf_count.inputs import list_pictures
from workflows.shelf_count.one_picture import Job
from workflows.shelf_count.results_kept import PictureResult
from workflows.shelf_count.run import Tally, count_here, keep_all
from workflows.shelf_count.store import RunStore

Count = Callable[..., tuple[Tally, list[PictureResult]]]


def paint(file: Path, width: int, height: int = 8) -> None:
    """A picture of that size; equal sizes, equal bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), width, np.uint8)).save(file)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures in two stores, 10 to 21 pixels wide."""
    for number in range(12):
        paint(tmp_path / "pictures" / "ab"[number % 2] / f"shelf {number}.png", 10 + number)
    return tmp_path / "pictures"


@pytest.fixture
def count(tmp_path: Path) -> Count:
    """Count what is named into a folder; what was done, and the results."""

    def counting(
        *named: str | Path,
        counter: str = "count_width",
        products: ProductList = PRODUCTS,
        models: dict[str, str] = MODELS,
        workers: int = 1,
        out: Path = tmp_path / "out",
    ) -> tuple[Tally, list[PictureResult]]:
        found = list_pictures([str(each) for each in named]).pictures
        with RunStore.create(out) as store:
            left = store.begin(products, models, found)
            job = Job(products.products, detector=running.FAKE, device="cpu", counter=getattr(counters, counter))
            tally = keep_all(store, count_here(store, found, left, job, workers), lambda _: None)
            return tally, list(store.results())

    return counting


def widths(results: Sequence[PictureResult]) -> list[int]:
    """What `count_width` counted."""
    return [result.count.counts[0].n if result.count else -1 for result in results]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One headless Chromium for all pages."""
    with browser() as opened:
        yield opened
