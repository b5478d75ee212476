"""Pictures to start from: scenes that the bundled models know, drawn here, so that nothing has to be shipped for them.

This module does not know the page.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache

from agent_tools.pictures import Picture

_SCENES = (
    (10_000_208, "Count the oranges"),
    (10_000_235, "How many lemons are there?"),
    (10_000_247, "Blur everything but the tomatoes"),
)
"""Seed of a scene, and what might be asked of it."""
_SIZE = (640, 480)
_drawing = threading.Lock()


@dataclass(frozen=True)
class Example:
    """A scene's number, and what to ask of it."""

    number: int
    request: str


def examples() -> list[Example]:
    """All there are, in order."""
    return [Example(number, request) for number, (_, request) in enumerate(_SCENES)]


def prepare() -> None:
    """Draw them all, so that nobody has to wait for them."""
    for each in examples():
        picture_of(each.number)


def picture_of(number: int) -> Picture:
    """The picture of an example, a PNG.

    Raises:
        IndexError: there is none of that number.
    """
    if not 0 <= number < len(_SCENES):
        raise IndexError(number)
    with _drawing:  # once, whoever asks first
        return _drawn(number)


@cache
def _drawn(number: int) -> Picture:
    from workflows.demo_models.scenes import render_scene

    return Picture.from_array(render_scene(_SCENES[number][0], *_SIZE).image, f"example-{number + 1}.png")
