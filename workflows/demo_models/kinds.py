"""What the demo models know by name: nouns, the colours each comes in, and the shades that bear a colour's name.

Data only. Knows no picture, no shape and no model.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import inflect
import numpy as np
from numpy.typing import NDArray

Kind = tuple[str, str]
"""A noun and its colour."""


@dataclass(frozen=True)
class Shades:
    """The reach of a colour: hue in degrees, saturation and value in percent, each lowest and highest.

    Kept clear of the neighbouring colours, so that no specimen is one that people would argue about.
    """

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]

    def rgb(self, at: NDArray[np.float64]) -> NDArray[np.float32]:
        """The shade at (3,) positions 0..1 within the three reaches, (3,) float32 RGB in 0..1."""
        reaches = np.array([self.hue, self.saturation, self.value])
        hue, saturation, value = reaches[:, 0] + np.clip(at, 0.0, 1.0) * (reaches[:, 1] - reaches[:, 0])
        return np.array(colorsys.hsv_to_rgb(hue / 360.0 % 1.0, saturation / 100.0, value / 100.0), np.float32)


_PAINT: dict[str, Shades] = {
    "red": Shades((-7, 5), (75, 96), (52, 92)),
    "green": Shades((98, 150), (42, 90), (28, 76)),
    "blue": Shades((206, 232), (48, 95), (38, 95)),
    "yellow": Shades((48, 57), (58, 96), (86, 100)),
    "orange": Shades((20, 30), (80, 100), (86, 100)),
    "purple": Shades((267, 290), (42, 82), (36, 74)),
    "pink": Shades((328, 348), (32, 58), (90, 100)),
    "brown": Shades((17, 30), (50, 76), (24, 48)),
    "white": Shades((20, 60), (0, 6), (90, 98)),
    "black": Shades((200, 260), (0, 20), (4, 12)),
    "gray": Shades((180, 240), (0, 7), (38, 60)),
}
_MIDDLE = np.full(3, 0.5)

COLOURS: dict[str, tuple[float, float, float]] = {
    name: (float(rgb[0]), float(rgb[1]), float(rgb[2]))
    for name, rgb in ((name, shades.rgb(_MIDDLE)) for name, shades in _PAINT.items())
}
"""RGB in 0..1 at the middle of each colour a person would name."""

_NATURAL: dict[Kind, Shades] = {
    ("orange", "orange"): Shades((24, 36), (84, 100), (86, 100)),
    ("lemon", "yellow"): Shades((48, 56), (66, 93), (88, 100)),
    ("lime", "green"): Shades((78, 102), (58, 86), (38, 66)),
    ("tomato", "red"): Shades((-1, 13), (84, 97), (66, 92)),
    ("plum", "purple"): Shades((272, 308), (46, 72), (26, 48)),
    ("peach", "orange"): Shades((25, 35), (55, 75), (90, 100)),
    ("banana", "yellow"): Shades((46, 54), (66, 90), (86, 99)),
    ("carrot", "orange"): Shades((20, 29), (82, 97), (86, 99)),
    ("potato", "brown"): Shades((28, 38), (36, 56), (50, 76)),
    ("strawberry", "red"): Shades((-8, 6), (82, 97), (64, 92)),
    ("cucumber", "green"): Shades((96, 132), (46, 78), (22, 48)),
    ("eggplant", "purple"): Shades((272, 300), (50, 76), (24, 44)),
    ("avocado", "green"): Shades((78, 112), (46, 72), (20, 44)),
    ("kiwi", "brown"): Shades((27, 36), (44, 64), (34, 54)),
    ("spoon", "gray"): Shades((190, 230), (0, 6), (58, 80)),
    ("fork", "gray"): Shades((190, 230), (0, 6), (58, 80)),
    ("apple", "red"): Shades((-14, 4), (74, 95), (46, 86)),
    ("apple", "green"): Shades((70, 94), (52, 82), (55, 82)),
    ("apple", "yellow"): Shades((45, 52), (48, 76), (84, 96)),
    ("pear", "green"): Shades((64, 84), (44, 72), (54, 80)),
    ("pear", "yellow"): Shades((43, 51), (50, 78), (84, 96)),
    ("pepper", "red"): Shades((-6, 6), (84, 98), (54, 88)),
    ("pepper", "green"): Shades((92, 132), (56, 88), (24, 56)),
    ("pepper", "yellow"): Shades((46, 54), (74, 98), (88, 100)),
    ("pepper", "orange"): Shades((20, 29), (84, 100), (86, 100)),
    ("onion", "brown"): Shades((23, 33), (54, 76), (50, 72)),
    ("onion", "purple"): Shades((298, 326), (38, 64), (30, 52)),
    ("onion", "white"): Shades((40, 70), (0, 9), (88, 97)),
    ("egg", "white"): Shades((30, 60), (0, 5), (91, 98)),
    ("egg", "brown"): Shades((17, 27), (36, 54), (58, 78)),
}
"""Shades of things whose colour is their own, not paint."""

PRODUCE: dict[str, tuple[str, tuple[float, float, float]]] = {
    noun: (colour, tuple(float(part) for part in _NATURAL[noun, colour].rgb(_MIDDLE)))  # type: ignore[misc]
    for noun, colour in (
        ("orange", "orange"),
        ("lemon", "yellow"),
        ("lime", "green"),
        ("tomato", "red"),
        ("plum", "purple"),
        ("peach", "orange"),
        ("banana", "yellow"),
        ("carrot", "orange"),
        ("potato", "brown"),
        ("strawberry", "red"),
        ("cucumber", "green"),
        ("eggplant", "purple"),
        ("avocado", "green"),
        ("kiwi", "brown"),
        ("spoon", "gray"),
        ("fork", "gray"),
    )
}
"""Things of one natural colour: its name and its RGB."""

PAINTED: dict[str, tuple[str, ...]] = {
    "apple": ("red", "green", "yellow"),
    "pear": ("green", "yellow"),
    "pepper": ("red", "green", "yellow", "orange"),
    "onion": ("brown", "purple", "white"),
    "egg": ("white", "brown"),
    **{
        noun: tuple(COLOURS)
        for noun in (
            "book",
            "can",
            "bottle",
            "box",
            "jar",
            "bag",
            "mug",
            "bowl",
            "plate",
            "pen",
            "phone",
            "envelope",
            "ball",
            "scissors",
        )
    },
}
"""Things that come in colours, and which."""

NOUNS: tuple[str, ...] = (*PRODUCE, *PAINTED)
PLURALS: dict[str, str] = {
    noun: noun if noun == "scissors" else str(inflect.engine().plural_noun(noun)) for noun in NOUNS
}
KINDS: tuple[Kind, ...] = (
    *((noun, colour) for noun, (colour, _) in PRODUCE.items()),
    *((noun, colour) for noun, colours in PAINTED.items() for colour in colours),
)
"""Every (noun, colour) that can appear."""

LENGTHS: dict[str, float] = {
    "orange": 8.0,
    "lemon": 8.0,
    "lime": 6.0,
    "tomato": 7.0,
    "plum": 5.0,
    "peach": 7.5,
    "banana": 18.0,
    "carrot": 18.0,
    "potato": 9.0,
    "strawberry": 4.0,
    "cucumber": 26.0,
    "eggplant": 22.0,
    "avocado": 11.0,
    "kiwi": 6.5,
    "spoon": 18.0,
    "fork": 19.0,
    "apple": 8.0,
    "pear": 11.0,
    "pepper": 10.0,
    "onion": 8.0,
    "egg": 6.0,
    "book": 24.0,
    "can": 12.0,
    "bottle": 26.0,
    "box": 25.0,
    "jar": 14.0,
    "bag": 34.0,
    "mug": 11.0,
    "bowl": 17.0,
    "plate": 25.0,
    "pen": 14.0,
    "phone": 15.0,
    "envelope": 22.0,
    "ball": 18.0,
    "scissors": 18.0,
}
"""Longest side of each thing, centimetres."""


def shades(kind: Kind) -> Shades:
    """The shades that a kind is found in."""
    return _NATURAL.get(kind, _PAINT[kind[1]])
