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
from datetime import timedelta
from typing import Any

LINE_SECONDS = 30.0
"""How often long work says how far it is where there is no terminal."""
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
def counting(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Work on a known number of things says how far it is, how quick and how long it will take, on stderr.

    A moving bar on a terminal, else a line every half minute.

    Args:
        what: the things, in the plural.
        total: how many.

    Yields:
        what to call when one is done.
    """
    done, began = 0, time.monotonic()

    def rate() -> float:
        return done / max(time.monotonic() - began, 1e-3)

    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
        bar = Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), console=Console(stderr=True))
        task = bar.add_task(what, total=total, rate="")

        def advance() -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done, rate=f"{rate():.2f} a second")

        with bar:
            yield advance
        return
    said = began

    def advance_quietly() -> None:
        nonlocal done, said
        done += 1
        if time.monotonic() - said > LINE_SECONDS:
            said = time.monotonic()
            left = timedelta(seconds=round((total - done) / rate()))
            note(f"{done} of {total} {what}, {rate():.2f} a second, {left} left")

    yield advance_quietly


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
