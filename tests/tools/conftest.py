"""A toolkit on a small drawn picture, with services whose answers are known."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agent_tools.memory import Memory
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit

RED, BLUE, GREEN, WHITE = (220, 30, 30), (30, 60, 220), (30, 160, 60), (255, 255, 255)
Squares = dict[tuple[int, int, int, int], tuple[int, int, int]]

SHELF: Squares = {
    (4, 4, 12, 12): RED,
    (20, 4, 28, 12): BLUE,
    (36, 2, 46, 12): RED,
    (4, 36, 12, 44): BLUE,
    (20, 36, 28, 44): RED,
    (36, 36, 44, 44): GREEN,
}
"""Two rows of three on 64 x 64 pixels: xyxy → colour. The red one at the top right is the largest."""


def paint(squares: Squares, height: int = 64, width: int = 64) -> NDArray[np.uint8]:
    array = np.full((height, width, 3), WHITE, np.uint8)
    for (x0, y0, x1, y1), colour in squares.items():
        array[y0:y1, x0:x1] = colour
    return array


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory") as memory:
        yield memory


@pytest.fixture
def make(memory: Memory) -> Callable[..., VisionToolkit]:
    """make(squares, answers=..., detector=..., segmenter=...) → a toolkit with the drawn picture open as p1."""

    def build(
        squares: Squares | None = None,
        answers: Any = None,
        detector: Any = None,
        segmenter: Any = None,
        size: Sequence[int] = (64, 64),
    ) -> VisionToolkit:
        services = Services(
            detector or FakeDetector(answers), segmenter or FakeSegmenter(), "custom", "fake-detector", "fake-segmenter"
        )
        toolkit = VisionToolkit(services=services, memory=memory)
        toolkit.open_picture(paint(SHELF if squares is None else squares, *size))
        return toolkit

    return build


@pytest.fixture
def shelf(make: Callable[..., VisionToolkit]) -> VisionToolkit:
    """All six squares known: red m1 m2 m3, blue m4 m5, green m6; all selected."""
    toolkit = make()
    toolkit.call("segment", {"phrases": ["red", "blue", "green"]})
    return toolkit
