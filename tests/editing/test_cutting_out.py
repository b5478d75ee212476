"""Cut-outs and their soft edges, on pictures whose true mixture is known."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from agent_tools.editing import apply
from agent_tools.masks import Mask
from tests.editing.shapes import H, W, box, disc, grown, noise, region

RED, GREEN = np.array((200, 40, 40.0)), np.array((30, 160, 60.0))


def mixed(side: int = 300, radius: float = 90, wide: float = 0, soft: float = 1.0) -> tuple[Any, Mask, Any]:
    """A red disc on green, mixed at the rim as a lens does; a mask `wide` pixels too large; the true shares."""
    away = np.hypot(*np.mgrid[-side / 2 : side / 2, -side / 2 : side / 2])
    share = cv2.GaussianBlur((away < radius).astype(np.float64), (0, 0), soft)
    grain = np.random.default_rng(0).normal(0, 3, (side, side, 3))
    pixels = RED * share[..., None] + GREEN * (1 - share[..., None]) + grain
    return np.rint(pixels).clip(0, 255).astype(np.uint8), Mask.from_array(away < radius + wide), share


def test_cut_out_is_transparent_outside_and_keeps_no_colour_there() -> None:
    before = noise(6)
    after = apply(before, "cut_out", [box(8, 8, 24, 24)])
    inside = region([box(8, 8, 24, 24)])
    assert after.shape == (H, W, 4)
    assert not after[~inside].any()
    deep = grown(inside, -4)
    assert np.array_equal(after[deep][:, :3], before[deep])
    assert (after[deep][:, 3] == 255).all()
    assert 0 < after[8, 16, 3] < 255, "its edge is soft, inwards"


@pytest.mark.parametrize(("feather", "alphas"), [(0, [255] * 4), (1, [128, 255, 255, 255]), (3, [64, 128, 191, 255])])
def test_feather_is_a_ramp_of_that_many_pixels_and_leaves_colours(feather: float, alphas: list[int]) -> None:
    before = noise(6)
    after = apply(before, "cut_out", [box(8, 8, 40, 40)], feather=feather)
    assert after[24, 8:12, 3].tolist() == alphas
    assert np.array_equal(after[8:40, 8:40, :3], before[8:40, 8:40])


def test_cut_out_keeps_what_was_transparent_before() -> None:
    before = noise(7, 4)
    for feather in (None, 0):
        after = apply(before, "cut_out", [box(8, 8, 24, 24)], feather=feather)
        assert np.array_equal(after[8:24, 8:24], before[8:24, 8:24])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_rim_of_a_mask_a_little_too_large_is_told_from_the_background(dtype: Any) -> None:
    pixels, mask, share = mixed(wide=2)
    deep = (pixels.astype(dtype) * 257) if dtype == np.uint16 else pixels
    after = apply(deep, "cut_out", [mask]).astype(float) / np.iinfo(dtype).max
    inside = mask.to_array()
    assert np.abs(after[..., 3] - share)[inside].mean() < 0.02
    hard = np.abs(1 - share)[inside].mean()
    rim = inside & (share < 0.5)
    assert np.abs(after[..., 3] - share)[rim].mean() < np.abs(1 - share)[rim].mean() / 3, hard


def test_colours_of_the_rim_lose_what_shone_through() -> None:
    pixels, mask, share = mixed(wide=2)
    after = apply(pixels, "cut_out", [mask]).astype(float)
    rim = mask.to_array() & (share > 0.3) & (share < 0.9)
    off = [np.abs(each[rim][:, :3] - RED).mean() for each in (after, pixels.astype(float))]
    assert off[0] < off[1] / 3


def test_edge_between_two_of_a_colour_is_a_plain_ramp() -> None:
    grey = np.random.default_rng(0).normal(128, 2, (120, 120, 3)).clip(0, 255).astype(np.uint8)
    mask = disc(60, 60, 30, 120, 120)
    after = apply(grey, "cut_out", [mask])
    inside = mask.to_array()
    assert (after[grown(inside, -2.5)][:, 3] == 255).mean() > 0.97
    assert np.abs(after[inside][:, :3].astype(int) - grey[inside]).max() < 12


def test_cut_out_of_everything_else_is_the_other_side() -> None:
    before = noise(8)
    after = apply(before, "cut_out", [box(8, 8, 24, 24)], invert=True, feather=0)
    assert not after[8:24, 8:24].any()
    assert np.array_equal(after[30:, :, :3], before[30:])


def test_large_rims_are_worked_in_tiles_without_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, mask, _ = mixed(wide=2)
    at_once = apply(pixels, "cut_out", [mask])
    from agent_tools.editing import matting, regions

    monkeypatch.setattr(matting, "rim_tiles", lambda region, deep: regions.rim_tiles(region, deep, 64))
    assert np.abs(apply(pixels, "cut_out", [mask]).astype(int) - at_once).max() <= 1
