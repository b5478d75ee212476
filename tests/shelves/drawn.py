"""Shelves drawn plainly, of which everything is known: boards, and boxes of one colour with a white label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.pictures import Picture
from agent_tools.services.fakes import COLOURS

WALL, BOARD, LABEL = (205, 200, 190), (110, 80, 50), (255, 255, 255)
NAMES = {name[0]: name for name in ("red", "green", "yellow", "orange", "purple")}
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Shelf:
    """A drawn shelf.

    Attributes:
        array: (H, W, 3) uint8 RGB.
        things: number of the row, colour and box of each thing, row by row from the top, from left to right.
    """

    array: NDArray[np.uint8]
    things: tuple[tuple[int, str, Box], ...]

    @property
    def picture(self) -> Picture:
        return Picture.from_array(self.array)

    @property
    def boxes(self) -> NDArray[np.float32]:
        return np.array([box for _, _, box in self.things], np.float32).reshape(-1, 4)

    @property
    def rows(self) -> list[int]:
        return [row for row, _, _ in self.things]

    def count(self, colour: str, row: int = 0) -> int:
        return sum(name == colour and row in (0, at) for at, name, _ in self.things)


def draw(rows: Sequence[str], pitch: int = 120, slot: int = 80, high: int = 84, slope: float = 0.0) -> Shelf:
    """A shelf with a row for each string and a place for each letter.

    Args:
        rows: first letters of colours; a capital one stands for two, one on top of the other; a dot for none.
        pitch: pixels from one board to the next.
        slot: pixels of a place; a thing takes three quarters.
        high: pixels of a place's thing or things.
        slope: by how much all falls to the right.
    """
    width = slot * max(len(row) for row in rows)
    fall = slope * width
    height = round(pitch * len(rows) + 16 + abs(fall))
    array = np.full((height, width, 3), WALL, np.uint8)
    things: list[tuple[int, str, Box]] = []
    for number, row in enumerate(rows, start=1):
        floor = number * pitch + max(0.0, -fall)
        corners = [(0, floor), (width, floor + fall), (width, floor + fall + 8), (0, floor + 8)]
        cv2.fillPoly(array, [np.array(corners).round().astype(np.int32)], BOARD)
        for place, letter in enumerate(row):
            if letter == ".":
                continue
            left, bottom = place * slot + slot // 8, round(floor + slope * (place + 0.5) * slot)
            tall = high if letter.islower() else high // 2 - 2
            for level in range(1 if letter.islower() else 2):
                y1 = bottom - level * (tall + 4)
                box = (left, y1 - tall, left + 3 * slot // 4, y1)
                _paint(array, box, COLOURS[NAMES[letter.lower()]])
                things.append((number, NAMES[letter.lower()], tuple(map(float, box))))  # type: ignore[arg-type]
    return Shelf(array, tuple(things))


def _paint(array: NDArray[np.uint8], box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
    x0, y0, x1, y1 = box
    array[y0:y1, x0:x1] = colour
    third, quarter = (y1 - y0) // 3, (x1 - x0) // 4
    array[y0 + third : y1 - third, x0 + quarter : x1 - quarter] = LABEL
