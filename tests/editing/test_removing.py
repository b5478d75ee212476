"""Holes, and what they are filled with."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from agent_tools.editing import apply
from agent_tools.editing.patches import fill_from_patches
from agent_tools.errors import ServiceError
from agent_tools.masks import Mask
from tests.editing.shapes import H, W, box, grown, noise


def weave(height: int = 120, width: int = 160) -> Any:
    """Stripes that repeat every 8 pixels."""
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([columns * 32 % 256, rows * 32 % 256, (rows + columns) * 32 % 256], -1)
    return pixels.astype(np.uint8)


@pytest.mark.parametrize(
    "corners",
    [(60, 40, 90, 70), (0, 0, 30, 30), (130, 50, 160, 90), (70, 0, 80, 120)],
    ids=["middle", "corner", "side", "across"],
)
def test_texture_goes_on_through_a_hole(corners: tuple[int, int, int, int]) -> None:
    truth = weave()
    x0, y0, x1, y1 = corners
    before = truth.copy()
    before[y0:y1, x0:x1] = (255, 0, 255)
    after = apply(before, "remove", [box(x0, y0, x1, y1, 120, 160)], feather=0)
    off = np.abs(after[y0:y1, x0:x1].astype(int) - truth[y0:y1, x0:x1])
    smooth = cv2.inpaint(before, box(x0, y0, x1, y1, 120, 160).to_array().astype(np.uint8), 4, cv2.INPAINT_TELEA)
    assert off.mean() < np.abs(smooth[y0:y1, x0:x1].astype(int) - truth[y0:y1, x0:x1]).mean() / 3


def test_large_hole_keeps_the_grain_of_the_picture() -> None:
    rng = np.random.default_rng(0)
    before = rng.normal(128, 12, (700, 900, 3)).clip(0, 255).astype(np.uint8)
    before[150:500, 200:600] = 0
    after = apply(before, "remove", [box(200, 150, 600, 500, 700, 900)])
    filled = after[150:500, 200:600].astype(float)
    assert 8 < filled.std() < 14, "neither fog nor holes"
    fine = np.abs(np.diff(filled, axis=1)).mean() / np.abs(np.diff(before[:140].astype(float), axis=1)).mean()
    assert fine > 0.75


def test_rim_of_the_thing_goes_with_it() -> None:
    pixels = np.full((200, 300, 3), (40, 90, 160), np.uint8)
    cv2.circle(pixels, (150, 100), 41, (250, 240, 30), -1)
    tight = Mask.from_array(np.hypot(*np.mgrid[-100:100, -150:150]) < 40)
    assert (apply(pixels, "remove", [tight]) == (40, 90, 160)).all()
    assert (apply(pixels, "remove", [tight], feather=0) != (40, 90, 160)).any(), "a yellow rim is left"


def test_several_holes_are_filled_each_from_what_is_near() -> None:
    pixels = np.full((200, 400, 3), (200, 60, 60), np.uint8)
    pixels[:, 200:] = (60, 60, 200)
    masks = [box(x, 80, x + 20, 110, 200, 400) for x in (60, 120, 280, 340)]
    for mask in masks:
        pixels[mask.to_array()] = (0, 255, 0)
    after = apply(pixels, "remove", masks)
    assert (after[:, :190] == (200, 60, 60)).all()
    assert (after[:, 210:] == (60, 60, 200)).all()


def test_sixteen_bits_are_filled_with_sixteen_bits() -> None:
    before = noise(1, 3, np.uint16)
    after = apply(before, "remove", [box(20, 20, 30, 30)], feather=0)[20:30, 20:30]
    assert (after % 257 != 0).any()
    assert after.std() > 5000


def test_same_hole_is_always_filled_the_same_way() -> None:
    before = noise(2)
    first, second = (apply(before, "remove", [box(20, 20, 40, 40)]) for _ in range(2))
    assert np.array_equal(first, second)


def test_hole_with_next_to_nothing_round_it_is_filled_smoothly() -> None:
    pixels = np.full((H, W, 3), 77, np.uint8)
    hole = np.ones((H, W), bool)
    hole[:, 0] = False
    pixels[hole] = 255
    assert (fill_from_patches(pixels, hole) == 77).all()


def test_others_are_no_source() -> None:
    pixels = np.full((60, 80, 3), 50, np.uint8)
    others = np.zeros((60, 80), bool)
    others[:, 45:] = True
    pixels[others] = 255
    hole = np.zeros((60, 80), bool)
    hole[20:40, 30:44] = True
    after = fill_from_patches(pixels, hole, others)
    assert (after[hole] == 50).all()
    assert np.array_equal(after[~hole], pixels[~hole])


class Filler:
    """Fills with one colour and remembers what it saw."""

    def __init__(self, made: Any = None) -> None:
        self.seen: list[tuple[Any, Any]] = []
        self.made = made

    def fill(self, pixels: Any, hole: Any) -> Any:
        self.seen.append((pixels.copy(), hole.copy()))
        return np.full_like(pixels, 128) if self.made is None else self.made


@pytest.mark.parametrize(("dtype", "value"), [(np.uint8, 128), (np.uint16, 128 * 257)])
@pytest.mark.parametrize("channels", [3, 4])
def test_inpainter_sees_a_window_in_8_bits_and_only_the_hole_is_taken(channels: int, dtype: Any, value: int) -> None:
    before = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (400, 500, channels), dtype)
    filler = Filler()
    mask = box(200, 100, 240, 130, 400, 500)
    after = apply(before, "remove", [mask], inpainter=filler)
    hole = grown(mask.to_array(), 2)
    assert (after[hole][:, :3] == value).all()
    assert np.array_equal(after[~hole], before[~hole])
    ((seen, wanted),) = filler.seen
    assert seen.dtype == np.uint8
    assert seen.shape == (*wanted.shape, 3)
    assert max(seen.shape) < 250, "what is near, not all of it"
    assert wanted.sum() == hole.sum()


@pytest.mark.parametrize("made", [np.zeros((3, 3, 3), np.uint8), np.zeros((48, 64, 3), np.float32), "no"])
def test_inpainter_that_gives_something_else_is_told(made: Any) -> None:
    filler = Filler(made)
    with pytest.raises(ServiceError, match=r"^inpainter=Filler gave .*: expected uint8"):
        apply(noise(1), "remove", [box(20, 20, 30, 30)], inpainter=filler)


def test_second_hole_is_not_shown_to_whoever_fills_the_first() -> None:
    filler = Filler()
    masks = [box(x, 100, x + 20, 130, 400, 500) for x in (200, 240)]
    apply(np.random.default_rng(0).integers(0, 255, (400, 500, 3), np.uint8), "remove", masks, inpainter=filler)
    (_, first), (around, second) = filler.seen
    assert first.sum() > 1.7 * second.sum(), "both are holes to the first"
    assert (around == 128).all(2).sum() > 300, "the second sees the first filled"
