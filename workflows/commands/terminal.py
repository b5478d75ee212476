"""How the command line speaks: results on stdout, everything else on stderr, one line at a time.

This module does not know what is said.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE_SECONDS = 1.0
"""Work that takes longer than this says that it is going on."""


def result(text: str) -> None:
    """Print a result on stdout. A reader that has gone away ends the program quietly."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes stdout once more at exit, which must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def result_json(value: dict[str, Any] | list[Any]) -> None:
    """Print one JSON value on one line of stdout."""
    result(json.dumps(value, allow_nan=False))


def note(text: str) -> None:
    """Print a notice on stderr, as one line that says who speaks."""
    print(f"askmask: {' '.join(text.split())}", file=sys.stderr, flush=True)


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Work that takes longer than a second says so on stderr: by a moving line on a terminal, else by plain ones.

    Yields:
        what changes the words of the moving line.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        task = bar.add_task(what)
        with _after(PATIENCE_SECONDS, bar.start):
            try:
                yield lambda words: bar.update(task, description=escape(words[:80]))
            finally:
                bar.stop()
    else:
        began = time.perf_counter()
        with _after(PATIENCE_SECONDS, lambda: note(f"{what} ...")):
            yield lambda _: None
        if (seconds := time.perf_counter() - began) > PATIENCE_SECONDS:
            note(f"{what}: {seconds:.1f} s")


@contextmanager
def _after(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
