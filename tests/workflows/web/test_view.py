"""Outlines as the page draws them, and previews as it shows them."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from workflows.web.previews import Previews, edits_key
from workflows.web.talk import as_said, as_shown
from workflows.web.view import outline


def filled(path: str, height: int, width: int, fine: int = 8) -> np.ndarray:
    """The pixels whose middles lie inside an SVG path, by the even-odd rule."""
    canvas = np.zeros((height * fine, width * fine), np.uint8)
    rings = [
        np.array([[float(x), float(y)] for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", part)])
        for part in path.split("Z")
        if part
    ]
    for ring in rings:
        layer = np.zeros_like(canvas)
        cv2.fillPoly(layer, [np.round(ring * fine).astype(np.int32)], 1)
        canvas ^= layer
    return canvas[fine // 2 :: fine, fine // 2 :: fine].astype(bool)


def ring_of(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    far = np.hypot(x - size / 2, y - size / 2)
    return (far < 0.42 * size) & (far > 0.2 * size)


@pytest.mark.parametrize(
    "array",
    [
        ring_of(60),
        np.pad(np.ones((5, 9), bool), ((2, 3), (4, 1))),
        np.ones((20, 20), bool),
        np.eye(12, dtype=bool),
        np.pad(np.ones((1, 1), bool), 3),
    ],
    ids=["ring", "box", "all", "diagonal", "pixel"],
)
def test_outline_filled_is_the_mask_but_for_its_rim(array: np.ndarray) -> None:
    back = filled(outline(Mask.from_array(array)), *array.shape)
    assert np.count_nonzero(back ^ array) <= max(1, 0.02 * np.count_nonzero(array))


def test_outline_of_nothing_is_empty() -> None:
    assert outline(Mask.from_array(np.zeros((4, 4), bool))) == ""


def test_outline_of_a_large_mask_is_short() -> None:
    path = outline(Mask.from_array(ring_of(3000)))
    assert len(path) < 3000


@dataclass
class Step:
    action: str
    masks: Any
    invert: bool = False
    parameters: Any = field(default_factory=dict)


def nobody(handle: str) -> Picture:
    raise AssertionError(handle)


def test_preview_of_a_large_picture_shows_the_edit_in_its_place() -> None:
    array = np.full((300, 400, 3), 200, np.uint8)
    array[:, :, 0] = 40
    mask = np.zeros((300, 400), bool)
    mask[150:, 200:] = True
    steps = [Step("grayscale", [Mask.from_array(mask)])]
    made = Previews().preview(Picture.from_array(array), steps, nobody, longest=100)
    pixels = np.asarray(Image.open(io.BytesIO(made.data)).convert("RGB")).astype(int)
    assert pixels.shape == (75, 100, 3)
    assert np.ptp(pixels[60, 80]) < 10
    assert np.ptp(pixels[10, 10]) > 100


def test_preview_of_a_cut_out_is_transparent() -> None:
    mask = Mask.from_array(np.pad(np.ones((10, 10), bool), 5))
    made = Previews().preview(Picture.from_array(np.zeros((20, 20, 3), np.uint8)), [Step("cut_out", [mask])], nobody)
    assert made.kind == "image/png"
    assert Image.open(io.BytesIO(made.data)).mode == "RGBA"


def test_preview_key_tells_edits_apart() -> None:
    mask, other = (Mask.from_array(np.eye(4, k=k, dtype=bool)) for k in (0, 1))
    steps = [
        (),
        (Step("blur", [mask]),),
        (Step("blur", [other]),),
        (Step("blur", [mask], invert=True),),
        (Step("blur", [mask], parameters={"strength": 0.2}),),
        (Step("blur", [mask]), Step("grayscale", [mask])),
        (Step("grayscale", [mask]), Step("blur", [mask])),
    ]
    assert len({edits_key(each) for each in steps}) == len(steps)


def test_handles_are_shown_and_said_as_the_numbers_on_the_picture() -> None:
    assert as_shown("3 oranges: m1 to m3, m12 is doubtful; m1m") == "3 oranges: #1 to #3, #12 is doubtful; m1m"
    assert as_said("why #3 and # 12, not #0") == "why m3 and m12, not #0"
