"""A picture file in a folder that agents may open, and models whose answers are known."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from agent_tools.memory import Memory
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.settings import Settings, settings

T = TypeVar("T")


def drawn() -> np.ndarray[Any, Any]:
    """Two red squares and a blue one on white, 40 x 20 pixels."""
    array = np.full((20, 40, 3), 255, np.uint8)
    array[4:12, 4:12] = array[4:12, 24:32] = (220, 30, 30)
    array[14:18, 14:18] = (30, 60, 220)
    return array


def fakes(detector: Any = None, segmenter: Any = None) -> Services:
    return Services(
        detector or FakeDetector(), segmenter or FakeSegmenter(), "custom", "fake-detector", "fake-segmenter"
    )


def within(seconds: float, work: Callable[[], Awaitable[T]]) -> T:
    """The result of asynchronous work, which fails when it takes longer."""
    return asyncio.run(asyncio.wait_for(work(), seconds))  # type: ignore[arg-type]


@pytest.fixture
def shelves(tmp_path: Path) -> Path:
    """A folder with shelf.png in it."""
    folder = tmp_path / "shelves"
    folder.mkdir()
    Image.fromarray(drawn()).save(folder / "shelf.png")
    return folder


@pytest.fixture
def rules(shelves: Path) -> Settings:
    return settings().model_copy(update={"picture_folders": (shelves,)})


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory") as memory:
        yield memory


class GatedDetector(FakeDetector):
    """Waits in the middle of its work until it is let on."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.go_on = threading.Event(), threading.Event()

    def detect(self, pictures: Any, phrases: Any) -> Any:
        self.began.set()
        assert self.go_on.wait(60)
        return super().detect(pictures, phrases)
