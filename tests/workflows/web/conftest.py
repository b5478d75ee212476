"""The page as people get it: the real server on the bundled models, and a browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.servers import running_server
from tests.browser import browser
from tests.browser import chromium as find_chromium
from tests.workflows.web.visiting import Visitor, visitor
from workflows.demo_models.scenes import render_scene


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One headless Chromium for all pages."""
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where `askmask web` is, in a process of its own with a data folder of its own."""
    find_chromium()  # skips before a server is started for nothing
    folder = tmp_path_factory.mktemp("page")
    with running_server("web", "--no-browser", "--models", "demo", ASKMASK_DATA_DIR=str(folder)) as (address, _):
        yield address


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Visitor]:
    """A visitor's page; nothing it does may raise an error or ask another server."""
    with visitor(chromium, address) as visiting:
        yield visiting


@pytest.fixture(scope="session")
def oranges() -> bytes:
    """A rendered crate of eight oranges, 640 x 480, as PNG."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(render_scene(10_000_208, 640, 480).image)).save(file, "PNG")
    return file.getvalue()
