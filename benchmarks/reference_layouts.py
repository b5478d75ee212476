"""Drawn pictures of which it is known by construction what stands where: the ground truth of references.

A thing's name says its place in the layout (`r2c3`: second row, third column); where it lies in the picture follows
from that, and from nothing that is measured. This module does not know requests, tools or handles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from math import cos, radians, sin

import cv2
import numpy as np
from numpy.typing import NDArray

PAINT: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (44, 150, 66),
    "blue": (45, 75, 205),
    "yellow": (235, 205, 50),
    "brown": (122, 78, 42),
    "white": (238, 238, 236),
    "black": (22, 22, 24),
    "grey": (134, 134, 132),
}
"""RGB that things are painted with, by the word a person has for it."""
BACKDROP = (205, 190, 170)
SHEEN = (255, 255, 255)


@dataclass(frozen=True)
class Item:
    """One thing of a layout.

    Attributes:
        name: says where it stands in the layout.
        label: what a detector is asked for.
        colour: a key of `PAINT`.
        middle: x, y in pixels.
        size: width, height in pixels, before it is turned.
        shape: "block", "disc", or "bowl": a disc without its upper half.
        score: the detector's.
        turned: degrees, clockwise as the picture is seen.
        picture: number of the picture it is on, from 0.
    """

    name: str
    label: str
    colour: str
    middle: tuple[float, float]
    size: tuple[float, float]
    shape: str = "block"
    score: float = 0.9
    turned: float = 0.0
    picture: int = 0

    @cached_property
    def outline(self) -> NDArray[np.int32]:
        """(K, 2) int32 corners, x and y in pixels."""
        (x, y), (width, height) = self.middle, self.size
        if self.shape == "block":
            corners = [
                (-width / 2, -height / 2),
                (width / 2, -height / 2),
                (width / 2, height / 2),
                (-width / 2, height / 2),
            ]
        else:
            ring = [(width / 2 * cos(radians(a)), height / 2 * sin(radians(a))) for a in range(0, 360, 6)]
            corners = ring if self.shape == "disc" else [(u, 2 * v - height / 2) for u, v in ring if v >= -1e-9]
        a = radians(self.turned)
        turned = [(x + u * cos(a) - v * sin(a), y + u * sin(a) + v * cos(a)) for u, v in corners]
        return np.array(turned).round().astype(np.int32)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Xyxy in pixels."""
        (x0, y0), (x1, y1) = self.outline.min(0), self.outline.max(0)
        return float(x0), float(y0), float(x1 + 1), float(y1 + 1)


@dataclass(frozen=True)
class Layout:
    """Things on one or more pictures; what is named later stands in front.

    Attributes:
        items: on all pictures.
        size: width, height of every picture in pixels.
    """

    items: Sequence[Item]
    size: tuple[int, int] = (640, 480)
    pictures: int = 1
    answers: dict[str, list[tuple[Sequence[float], float]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """What a detector answers to each label, where there is one picture."""
        if self.pictures == 1:
            for item in self.items:
                self.answers.setdefault(item.label, []).append((item.box, item.score))

    def painted(self, picture: int = 0) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        array = np.full((self.size[1], self.size[0], 3), BACKDROP, np.uint8)
        for item in (each for each in self.items if each.picture == picture):
            cv2.fillPoly(array, [item.outline], PAINT[item.colour])
            x, y = (int(side) for side in item.middle)
            dx, dy = (max(2, int(side / 5)) for side in item.size)
            cv2.circle(array, (x - dx, y + dy), 2, SHEEN, -1)
        return array

    def named(self, words: str) -> set[str]:
        """Names of the things that `words` say, from left to right: a name, a pattern such as ``r1*``, a colour or a
        label adds; the same after a minus takes away.

        Raises:
            ValueError: a word says nothing in this layout.
        """
        chosen: set[str] = set()
        for word in words.split():
            wanted = word.removeprefix("-")
            said = {
                each.name
                for each in self.items
                if wanted in (each.colour, each.label) or fnmatchcase(each.name, wanted)
            }
            if not said:
                raise ValueError(f"{wanted} is not in the layout: expected a name, a pattern, a colour or a label.")
            chosen = chosen - said if word.startswith("-") else chosen | said
        return chosen


def name_at(layout: Layout, picture: int, box: Sequence[float]) -> str:
    """Name of the thing whose box is nearest to a box on a picture."""
    far = {
        each.name: max(abs(a - b) for a, b in zip(each.box, box, strict=True))
        for each in layout.items
        if each.picture == picture
    }
    return min(far, key=far.__getitem__)


def shelf(turned: float = 0.0) -> Layout:
    """Three rows of five equal cans; the camera held askew by some degrees.

    The colours of a row run red, green, blue, red, yellow; every row begins one colour later. The cans of the last
    column were found with less certainty than the others.
    """
    colours = ("red", "green", "blue", "red", "yellow")
    a = radians(turned)
    items = []
    for row in range(3):
        for column in range(5):
            u, v = (column - 2) * 120.0, (row - 1) * 120.0
            middle = (320 + u * cos(a) - v * sin(a), 240 + u * sin(a) + v * cos(a))
            score = 0.52 if column == 4 else 0.9
            colour = colours[(row + column) % 5]
            items.append(Item(f"r{row + 1}c{column + 1}", "can", colour, middle, (56, 80), score=score, turned=turned))
    return Layout(items)


def uneven() -> Layout:
    """Shelves of four, two and three bottles, short and tall, whose undersides stand on the boards."""
    heights = ((60, 100, 60, 100), (110, 70), (90, 50, 110))
    items = []
    for row, tall in enumerate(heights):
        board = 140 + 150 * row
        for column, height in enumerate(tall):
            middle = (90.0 + 140 * column + 30 * row, board - height / 2)
            colour = ("brown", "green", "black")[(row + column) % 3]
            items.append(Item(f"r{row + 1}c{column + 1}", "bottle", colour, middle, (40, height)))
    return Layout(items)


def pile() -> Layout:
    """Seven apples in no order: named by size, `a1` the largest; their scores fall the other way round."""
    places = ((330, 250), (150, 330), (470, 120), (240, 140), (560, 350), (420, 400), (90, 90))
    colours = ("red", "green", "red", "yellow", "green", "red", "yellow")
    return Layout(
        [
            Item(f"a{n + 1}", "apple", colour, place, (110 - 9 * n, 110 - 9 * n), "disc", 0.55 + 0.06 * n)
            for n, (place, colour) in enumerate(zip(places, colours, strict=True))
        ]
    )


def bowl() -> Layout:
    """A tray holds a bowl and two apples, one of them right by the bowl; three small apples lie in the bowl, one lies
    right beside the tray and two lie far away.
    """
    apple = (40.0, 40.0)
    items = [
        Item("tray", "tray", "grey", (230, 300), (360, 200)),
        Item("bowl", "bowl", "blue", (140, 300), (150, 100), "bowl"),
        Item("in1", "apple", "red", (95, 270), (32, 32), "disc"),
        Item("in2", "apple", "green", (140, 272), (32, 32), "disc"),
        Item("in3", "apple", "red", (185, 270), (32, 32), "disc"),
        Item("by", "apple", "green", (240, 240), apple, "disc"),
        Item("ontray", "apple", "green", (360, 340), apple, "disc"),
        Item("beside", "apple", "red", (445, 300), apple, "disc"),
        Item("far1", "apple", "red", (560, 80), apple, "disc"),
        Item("far2", "apple", "green", (80, 60), apple, "disc"),
    ]
    return Layout(items)


def twins() -> Layout:
    """Two mugs alike, with a small cup between them and a plate below."""
    return Layout(
        [
            Item("left", "mug", "white", (140, 200), (90, 100)),
            Item("right", "mug", "white", (500, 200), (90, 100)),
            Item("cup", "mug", "brown", (320, 210), (40, 44)),
            Item("plate", "plate", "green", (320, 400), (300, 60), "disc"),
        ]
    )


def mixed() -> Layout:
    """Balls and blocks of many colours in two rows; blocks are wider than balls."""
    upper = ("ball red", "block red", "ball green", "block blue", "ball blue", "block yellow")
    lower = ("block green", "ball yellow", "ball red", "block black", "ball white")
    items = []
    for row, things in enumerate((upper, lower)):
        for column, thing in enumerate(things):
            label, colour = thing.split()
            side = 50 + 3 * column + 2 * row
            middle = (60.0 + 105 * column + 50 * row, 140.0 + 200 * row)
            shape = "disc" if label == "ball" else "block"
            width = side if label == "ball" else side + 20
            items.append(Item(f"{'ul'[row]}{column + 1}", label, colour, middle, (width, side), shape))
    return Layout(items)


def pair() -> Layout:
    """Two pictures with red blocks: two rows of three, and a row of four."""
    first = [(120 + 160 * column, 120 + 200 * row) for row in range(2) for column in range(3)]
    second = [(100 + 130 * column, 240) for column in range(4)]
    items = []
    for picture, places in enumerate((first, second)):
        for n, place in enumerate(places):
            name, size = f"{'pq'[picture]}{n + 1}", (60.0 + 4 * n, 60.0 + 4 * n)
            items.append(Item(name, "red block", "red", place, size, picture=picture))
    return Layout(items, pictures=2)


LAYOUTS: dict[str, Callable[[], Layout]] = {
    "shelf": shelf,
    "tilted": lambda: shelf(6.0),
    "tilted_back": lambda: shelf(-6.0),
    "uneven": uneven,
    "pile": pile,
    "bowl": bowl,
    "twins": twins,
    "mixed": mixed,
    "pair": pair,
}
"""Every layout, drawn afresh at each call."""
