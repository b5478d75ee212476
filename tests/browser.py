"""Pages in headless Chromium, for tests. Its own connections are off, and what a page asks for is taken down."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """The browser's path; skips where it or playwright is missing, and fails there if BROWSER_REQUIRED is set."""
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    missing = "playwright" if importlib.util.find_spec("playwright") is None else None if path else "chromium"
    if missing:
        told = f"pages are tested in Chromium: {missing} is missing (pip install playwright; apt-get install chromium)"
        pytest.fail(told) if os.environ.get("BROWSER_REQUIRED") else pytest.skip(told)
    assert path is not None
    return path


@contextmanager
def browser(*more: str) -> Iterator[Any]:
    """A playwright Browser, with more arguments; there may be several at a time."""
    path = chromium()
    with _playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *more])
        try:
            yield opened
        finally:
            opened.close()


_in_use: list[Any] = []
"""The one playwright of this process, as often as it is in use: a second one does not start beside it."""


@contextmanager
def _playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    _in_use.append(_in_use[0] if _in_use else sync_playwright().start())
    try:
        yield _in_use[0]
    finally:
        if len(_in_use) == 1:
            _in_use[0].stop()
        _in_use.pop()


@contextmanager
def page_of(opened: Any, **options: Any) -> Iterator[Any]:
    """A page in a context of its own; `requests` lists every address it asked for, `errors` what its scripts raised."""
    context = opened.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()
