"""Two pictures with objects whose masks are hard for formats: holes, parts, single pixels, the picture's edge."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from agent_tools.masks import Mask
from agent_tools.pictures import Picture


@dataclass(frozen=True)
class Thing:
    handle: str
    label: str
    score: float | None
    box: tuple[float, float, float, float]
    mask: Mask | None
    model: str = "demo/detector"
    turn: int = 1
    review: bool = False


def found(handle: str, label: str, score: float | None, array: np.ndarray, **more) -> Thing:
    mask = Mask.from_array(array)
    return Thing(handle, label, score, mask.box, mask, **more)


def blank(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width), np.uint8)


@pytest.fixture
def shelf() -> Picture:
    rng = np.random.default_rng(7)
    return Picture.from_array(rng.integers(0, 256, (90, 130, 3), dtype=np.uint8), "shelf 1.jpg")


@pytest.fixture
def table() -> Picture:
    rng = np.random.default_rng(8)
    return Picture.from_array(rng.integers(0, 256, (60, 41, 3), dtype=np.uint8), "table.png")


@pytest.fixture
def drawn() -> dict[str, np.ndarray]:
    """Masks by what is hard about them, (90, 130) uint8."""
    ring = cv2.circle(cv2.circle(blank(90, 130), (40, 40), 25, 1, -1), (44, 38), 9, 0, -1)
    parts = cv2.circle(cv2.rectangle(blank(90, 130), (80, 5), (100, 20), 1, -1), (110, 60), 12, 1, -1)
    corner = blank(90, 130)
    corner[70:, 115:] = 1
    pixel = blank(90, 130)
    pixel[3, 2] = 1
    line = blank(90, 130)
    line[10, 0:130] = 1
    return {"ring": ring, "parts": parts, "corner": corner, "pixel": pixel, "line": line}


@pytest.fixture
def on_shelf(drawn: dict[str, np.ndarray]) -> list[Thing]:
    labels = {"ring": "mug", "parts": "can", "corner": "mug", "pixel": "crumb", "line": "shelf edge"}
    scores = {"ring": 0.9, "parts": 0.6, "corner": 0.3, "pixel": None, "line": 0.2}
    things = [
        found(f"m{number}", labels[kind], scores[kind], array, review=kind == "corner", turn=number)
        for number, (kind, array) in enumerate(drawn.items(), start=1)
    ]
    return [*things, Thing("m6", "can", 0.5, (100.5, 30.25, 140.0, 50.0), None)]


@pytest.fixture
def on_table() -> list[Thing]:
    disc = cv2.circle(blank(60, 41), (20, 30), 15, 1, -1)
    under = cv2.circle(blank(60, 41), (20, 30), 5, 1, -1)
    return [found("m7", "mug", 0.8, disc), found("m8", "can", 0.1, under)]


@pytest.fixture
def both(shelf: Picture, table: Picture, on_shelf: list[Thing], on_table: list[Thing]) -> dict[Picture, list[Thing]]:
    return {shelf: on_shelf, table: on_table}


@pytest.fixture
def thing() -> Callable[..., Thing]:
    return Thing
