"""Spoken requests for the tests: espeak-ng says them, where it is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

from benchmarks.spoken_requests import Request, said

Say = Callable[..., bytes]


@pytest.fixture
def say() -> Say:
    """Says a sentence: a WAV file's content. Skips where that is not possible, unless SPEECH_REQUIRED=1."""
    missing = [
        name for name, here in (("espeak-ng", shutil.which("espeak-ng")), ("pocketsphinx", _sphinx())) if not here
    ]
    if missing:
        reason = f"{' and '.join(missing)} not on this machine"
        if os.environ.get("SPEECH_REQUIRED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return lambda sentence, voice="en-us", speed=150: said(Request(sentence, voice, speed))


def _sphinx() -> bool:
    from workflows.speech.hearing import small_is_here

    return small_is_here()
