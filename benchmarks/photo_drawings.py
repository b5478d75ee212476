"""Draws what was found on a photograph against what is true of it, and lays such pictures out on one sheet.

This module does not know models, manifests or files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from agent_tools.drawing import draw
from agent_tools.masks import Boxes, Mask
from agent_tools.pictures import Picture

Pixels = NDArray[np.uint8]
HIT, WRONG, MISSED, UNJUDGED = (40, 220, 60), (255, 50, 50), (255, 225, 40), (60, 170, 255)
"""RGB: a box on a thing, on something else, a thing without a box, and a box that no truth judges."""
_TILE, _STRIP = 360, 22
"""Longest side of a picture on the sheet and height of its line of words, pixels."""


@dataclass(frozen=True, slots=True)
class CutOut:
    """A mask to be drawn; a `Drawable`."""

    handle: str
    label: str
    mask: Mask

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The mask's tight box."""
        return self.mask.box


def draw_boxes(picture: Picture, found: Boxes, lies_on: NDArray[np.int64], truth: Boxes | None) -> Pixels:
    """Hits green, boxes on something else red, things missed yellow; all blue where the truth has no boxes.

    Args:
        picture: the photograph.
        found: (N, 4) float32 xyxy.
        lies_on: (N,) int64 from `match`, -1 for none.
        truth: (M, 4) float32 xyxy, or None where it is not known.
    """
    canvas = picture.array.copy()
    line = max(2, round(max(canvas.shape[:2]) / 240))
    colours = [UNJUDGED if truth is None else HIT if place >= 0 else WRONG for place in lies_on]
    missed = np.zeros((0, 4), np.float32) if truth is None else np.delete(truth, lies_on[lies_on >= 0], axis=0)
    for boxes, own in ((missed, [MISSED] * len(missed)), (found, colours)):
        for (x0, y0, x1, y1), colour in zip(np.rint(boxes).astype(int).tolist(), own, strict=True):
            cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), (0, 0, 0), line + 2)
            cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), colour, line)
    return canvas


def draw_masks(picture: Picture, masks: Sequence[Mask]) -> Pixels:
    """The masks tinted and outlined, as the product draws what it found, without numbers."""
    things = [CutOut(f"m{number}", "thing", mask) for number, mask in enumerate(masks, start=1) if mask.area]
    return draw(picture, things, numbers=False)


def contact_sheet(tiles: Sequence[tuple[str, Pixels]], columns: int = 6) -> Pixels:
    """Pictures, shrunk, in rows, each under a line of words.

    Args:
        tiles: words and (H, W, 3) uint8 RGB; one at least.
        columns: pictures a row.
    """
    rows = -(-len(tiles) // columns)
    height = _TILE + _STRIP
    sheet = Image.new("RGB", (columns * _TILE, rows * height), (24, 26, 30))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for place, (words, pixels) in enumerate(tiles):
        left, top = place % columns * _TILE, place // columns * height
        tile = Image.fromarray(pixels)
        tile.thumbnail((_TILE - 4, _TILE - 4))
        sheet.paste(tile, (left, top + _STRIP))
        pen.text((left + 3, top + 3), words, fill=(240, 240, 240), font=font)
    return np.asarray(sheet)
