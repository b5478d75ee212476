"""`--speak FILE`: what was heard is shown, and put right by the person, before it acts."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.commands.terminal import note, working

if TYPE_CHECKING:
    from workflows.speech.hearing import Heard


def listen(file: Path, *, ask_first: bool = True) -> Heard:
    """What is said in a sound file; its text is empty where the person cancelled.

    Args:
        file: the sound.
        ask_first: whether, on a terminal, the person may correct it: Enter accepts, an empty line cancels.

    Raises:
        AskmaskError: it cannot be read or heard.
    """
    from workflows.speech.hearing import hear

    with working("listening"):
        heard = hear(file)
    for notice in heard.notices:
        note(notice)
    if not (ask_first and sys.stdin.isatty() and sys.stdout.isatty()):
        note(f"heard: {heard.text}")
        return heard
    corrected = replace(heard, text=_corrected(heard.text))
    if not corrected.text:
        note("nothing was done")
    return corrected


def _corrected(text: str) -> str:
    """The line as the person leaves it, with `text` to begin with where the terminal can do so."""
    try:
        import readline
    except ImportError:  # a terminal without line editing: the words are shown, and may be typed again
        typed = input(f'heard: {text}\nEnter accepts, "-" cancels, or type it: ').strip()
        return "" if typed == "-" else typed or text
    readline.set_startup_hook(lambda: readline.insert_text(text))
    try:
        return input("heard: ").strip()
    except EOFError:
        return ""
    finally:
        readline.set_startup_hook(None)
