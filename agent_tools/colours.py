"""Names the colour of a thing with one of the eleven basic colour terms, and understands the words people use for them.

The terms are those of Berlin and Kay, "Basic Color Terms" (1969). Shade changes the value of a pixel and hardly its hue
and saturation (HSV, Smith 1978), so hue and saturation decide, and the value is read on the lit side. The colour is
that of the largest part: a red can with a white label is red. This module does not know handles, phrases or models.
"""

from __future__ import annotations

import colorsys
import re

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ToolInputError, shorten
from agent_tools.masks import Mask

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "white", "grey", "black")
"""The basic terms, as they are written here."""

_WORDS = {
    "red": "crimson scarlet maroon burgundy ruby cherry",
    "orange": "peach amber apricot tangerine",
    "yellow": "gold golden lemon mustard",
    "green": "lime olive emerald mint khaki",
    "blue": "navy azure cyan teal turquoise aqua indigo cobalt",
    "purple": "violet lilac lavender mauve magenta plum",
    "pink": "rose salmon fuchsia coral",
    "brown": "tan beige chocolate bronze copper",
    "white": "cream ivory",
    "grey": "gray silver",
    "black": "jet charcoal",
}
_BASIC = {word: colour for colour, words in _WORDS.items() for word in (colour, *words.split())}

_CODES = {
    "amber": "#ffbf00",
    "apricot": "#fbceb1",
    "bronze": "#cd7f32",
    "brown": "#7b4a21",
    "burgundy": "#800020",
    "charcoal": "#36454f",
    "cherry": "#d2042d",
    "cobalt": "#0047ab",
    "copper": "#b87333",
    "cream": "#fffdd0",
    "darkgrey": "#505050",
    "emerald": "#50c878",
    "golden": "#ffd700",
    "green": "#1e9632",
    "jet": "#343434",
    "lemon": "#fff44f",
    "lightpink": "#ffdfe5",
    "lilac": "#c8a2c8",
    "mauve": "#e0b0ff",
    "mint": "#98ff98",
    "mustard": "#ffdb58",
    "peach": "#ffcba4",
    "rose": "#ff66b2",
    "ruby": "#e0115f",
    "scarlet": "#ff2400",
    "tangerine": "#f28500",
}
"""Names that CSS lacks, and those that mean another colour there than in everyday talk."""
_SHADES = {
    "dark": (-0.45, 0.0),
    "deep": (-0.3, 0.2),
    "light": (0.45, 0.0),
    "pale": (0.55, -0.3),
    "pastel": (0.5, -0.2),
    "soft": (0.25, -0.3),
    "bright": (0.1, 0.5),
    "vivid": (0.0, 0.8),
    "neon": (0.1, 1.0),
    "dull": (-0.1, -0.5),
}
"""By how much of what is left each makes a colour lighter, and stronger (HLS)."""

_SATURATED, _COLOURFUL = 0.2, 0.1
"""From this saturation (0..1) and difference of largest and smallest channel (0..1) on, a pixel has a hue."""
_COLOURFUL_SHARE = 0.35
"""Share of a thing's pixels that must have a hue for it to have one: print on a white mug does not make it red."""
_SAMPLE = 1024


def basic_colour(words: str) -> str:
    """The basic term that a person's words mean: ``dark blue`` and ``navy`` are blue, ``gray`` is grey.

    Raises:
        ToolInputError: none of the words is a colour.
    """
    for word in reversed(re.findall(r"[a-z]+", words.lower())):
        stem = word.removesuffix("ish")
        for known in (word, stem, stem[:-1] if stem[-2:-1] == stem[-1:] else stem, stem + "e"):
            if known in _BASIC:
                return _BASIC[known]
    raise ToolInputError(
        f"colour={shorten(words)!r} is not a colour known here: expected {', '.join(COLOURS)}. Name one of these."
    )


def colour_code(words: str) -> str:
    """The colour that a person's words mean, as ``#rrggbb``: a code, or a name, "dark" before it or not.

    Raises:
        ToolInputError: the words are no colour.
    """
    said = words.strip().lower()
    if re.fullmatch(r"#([0-9a-f]{3}){1,2}", said):
        return said if len(said) == 7 else "#" + "".join(2 * digit for digit in said[1:])
    names = [word for word in re.findall(r"[a-z]+", said.replace("gray", "grey")) if word not in ("colour", "color")]
    if (known := _code("".join(names))) is not None:
        return known
    shades = [word for word in names if word in _SHADES]
    plain = "".join(word for word in names if word not in _SHADES)
    base = _code(plain) or _code(plain.removesuffix("ish")) or _code(basic_colour(words))
    assert base is not None  # every basic colour has a code
    hue, light, saturation = colorsys.rgb_to_hls(*(int(base[place : place + 2], 16) / 255 for place in (1, 3, 5)))
    for shade in shades:
        lighter, stronger = _SHADES[shade]
        light += lighter * (light if lighter < 0 else 1 - light)
        saturation += stronger * (saturation if stronger < 0 else 1 - saturation) if saturation else 0
    channels = colorsys.hls_to_rgb(hue, light, saturation)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in channels)


def _code(name: str) -> str | None:
    """The code of a colour's name without spaces, or None."""
    from PIL import ImageColor

    if name in _CODES or name not in ImageColor.colormap:
        return _CODES.get(name)
    red, green, blue = ImageColor.getrgb(name)[:3]
    return f"#{red:02x}{green:02x}{blue:02x}"


def colour_of(array: NDArray[np.uint8], mask: Mask | None, box: tuple[float, float, float, float]) -> str:
    """The basic colour term of one thing on a picture.

    Args:
        array: (H, W, 3) uint8 RGB.
        mask: the thing at picture size, or None. Its rim, where the background shines through, is left out.
        box: xyxy in pixels; without a mask, the ellipse in the middle of the box is looked at.
    """
    if mask is not None and mask.area:
        crop, left, top = mask.to_crop()
        inside = _without_rim(crop)
    else:
        height, width = array.shape[:2]
        left, top = min(max(0, int(box[0])), width - 1), min(max(0, int(box[1])), height - 1)
        right, bottom = min(width, max(left + 1, int(box[2]))), min(height, max(top + 1, int(box[3])))
        inside = _middle(bottom - top, right - left)
    pixels = array[top : top + inside.shape[0], left : left + inside.shape[1]][inside]
    return name_colour(pixels[:: max(1, len(pixels) // _SAMPLE)])


def name_colour(pixels: NDArray[np.uint8]) -> str:
    """The basic colour term of most of the pixels, (N, 3) uint8 RGB, N >= 1."""
    hue, saturation, value = _hsv(pixels)
    colourful = (saturation >= _SATURATED) & (saturation * value >= _COLOURFUL)
    if colourful.mean() < _COLOURFUL_SHARE:
        middle, lit = np.percentile(value[~colourful], [50, 70])
        return "black" if middle < 0.3 else "white" if lit >= 0.65 else "grey"
    hue, saturation, value = hue[colourful], saturation[colourful], value[colourful]
    peak = _peak(hue, saturation * value)
    offset = (hue - peak + 180) % 360 - 180
    near = np.abs(offset) <= 25
    centre = (peak + float(np.average(offset[near], weights=(saturation * value)[near]))) % 360
    return _chromatic(centre, float(np.median(saturation[near])), float(np.percentile(value[near], 70)))


def _chromatic(hue: float, saturation: float, value: float) -> str:
    """The term for a hue in degrees, a saturation and the value of the lit side, both 0..1."""
    if hue >= 345 or hue < 14:
        return "pink" if saturation < 0.6 and value >= 0.72 else "red"
    if hue < 42:
        dull = value < 0.42 or (saturation < 0.8 and value < 0.72) or (saturation < 0.58 and value < 0.85)
        return "brown" if dull else "orange"
    if hue < 62:
        return "brown" if value < 0.35 else "yellow"
    if hue < 172:
        return "green"
    if hue < 252:
        return "blue"
    if hue < 308:
        return "purple"
    return "pink" if value >= 0.6 else "purple"


def _hsv(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Hue in degrees, saturation and value in 0..1 of (N, 3) uint8 RGB; each (N,) float32."""
    rgb = pixels.astype(np.float32) / 255
    high, low = rgb.max(1), rgb.min(1)
    spread = np.maximum(high - low, 1e-6)
    red, green, blue = rgb.T
    sector = np.select(
        [high == red, high == green],
        [(green - blue) / spread % 6, (blue - red) / spread + 2],
        (red - green) / spread + 4,
    )
    return (sector * 60).astype(np.float32), (high - low) / np.maximum(high, 1e-6), high


def _peak(hue: NDArray[np.float32], weights: NDArray[np.float32]) -> float:
    """The densest hue, in degrees: the largest bin of a histogram smoothed round the circle."""
    bins = np.bincount((hue // 10).astype(int) % 36, weights=weights, minlength=36)
    smooth = bins + 0.5 * (np.roll(bins, 1) + np.roll(bins, -1))
    return float(np.argmax(smooth) * 10 + 5)


def _without_rim(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) bool, shrunk by about a tenth of the thing's size, or less where little would be left."""
    import cv2

    area = int(inside.sum())
    for radius in (max(1, round(0.08 * area**0.5)), 1):
        kernel = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
        smaller = cv2.erode(inside.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0).astype(bool)
        if 4 * smaller.sum() >= area:
            return np.asarray(smaller, bool)
    return inside


def _middle(height: int, width: int) -> NDArray[np.bool_]:
    """The ellipse over the middle 60 % of a window, (height, width) bool, never empty."""
    y = (np.arange(height) + 0.5) / height - 0.5
    x = (np.arange(width) + 0.5) / width - 0.5
    inside = (y[:, None] ** 2 + x[None, :] ** 2) <= 0.3**2
    return inside if inside.any() else np.ones((height, width), bool)
