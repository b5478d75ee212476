"""Other backgrounds: colours, pictures, and the same one out of focus."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent_tools.editing import apply
from agent_tools.pictures import Picture
from tests.editing.shapes import H, W, box, disc, grown, noise
from tests.editing.test_cutting_out import GREEN, RED, mixed


def replaced(before: Any, masks: Any, **told: Any) -> Any:
    return apply(before, "replace_background", masks, **told)


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 257)])
def test_colour_is_exactly_that_colour_in_every_depth(dtype: Any, factor: int) -> None:
    after = replaced(noise(1, 3, dtype), [box(8, 8, 24, 24)], background="#1080f0")
    assert after[40, 40].tolist() == [0x10 * factor, 0x80 * factor, 0xF0 * factor]


def test_rim_is_mixed_with_the_new_background_and_not_the_old() -> None:
    pixels, mask, share = mixed(wide=2)
    after = replaced(pixels, [mask], background="#0000ff").astype(float)
    truth = RED * share[..., None] + np.array((0, 0, 255.0)) * (1 - share[..., None])
    rim = mask.to_array() & (share > 0.02) & (share < 0.98)
    assert np.abs(after - truth)[rim].mean() < 12
    assert np.abs(replaced(pixels, [mask], background="#0000ff", feather=0) - truth)[rim].mean() > 30


def test_blurred_background_has_no_halo_of_the_thing() -> None:
    pixels, mask, _ = mixed()
    after = replaced(pixels, [mask], background="blur", strength=1).astype(float)
    outside = ~grown(mask.to_array(), 1)
    assert np.abs(after[outside] - GREEN).max() < 6


def test_blur_is_stronger_with_strength() -> None:
    before = noise(2)
    spread = [
        replaced(before, [disc(32, 24, 8)], background="blur", strength=each)[:, :10].std() for each in (0, 0.5, 1)
    ]
    assert spread[0] > spread[1] > spread[2]


@pytest.mark.parametrize("size", [(24, 32), (48, 64), (96, 128), (100, 400), (300, 40), (1, 1)])
def test_picture_covers_the_whole_and_its_middle_is_in_the_middle(size: tuple[int, int]) -> None:
    other = np.zeros((*size, 3), np.uint8)
    other[..., 0] = np.linspace(0, 250, size[0])[:, None]
    other[..., 1] = np.linspace(0, 250, size[1])
    picture = Picture.from_array(other)
    after = replaced(noise(3), [], background="p2", pictures={"p2": picture}.__getitem__)
    middle = other[(size[0] - 1) // 2, (size[1] - 1) // 2].astype(int)
    assert np.abs(after[H // 2 - 1, W // 2 - 1, :2].astype(int) - middle[:2]).max() <= 8
    if min(size) > 1:
        full = {0: size[0] / size[1] <= H / W, 1: size[0] / size[1] >= H / W}
        for channel, shows_all in full.items():
            assert (np.ptp(after[..., channel]) >= 235) == shows_all


def test_what_shines_through_a_thing_shows_the_new_background() -> None:
    before = noise(4, 4)
    before[..., 3] = 255
    before[10:20, 10:20, 3] = 0
    before[20:24, 10:20, 3] = 128
    after = replaced(before, [box(8, 8, 40, 40)], background="#ff0000", feather=0)
    assert (after[..., 3] == 255).all()
    assert (after[10:20, 10:20, :3] == (255, 0, 0)).all()
    half = (before[20:24, 10:20, :3].astype(float) * 128 + np.array((255, 0, 0)) * 127) / 255
    assert np.abs(after[20:24, 10:20, :3] - half).max() <= 1
    assert np.array_equal(after[30:40, 8:40], before[30:40, 8:40])


def test_cut_out_before_a_new_background_is_the_same_as_the_new_background() -> None:
    pixels, mask, _ = mixed(wide=2)
    at_once = replaced(pixels, [mask], background="#2040ff").astype(int)
    after = replaced(apply(pixels, "cut_out", [mask]), [mask], background="#2040ff")
    assert np.abs(after[..., :3] - at_once).max() <= 3


@pytest.mark.parametrize("strength", [0, 0.001, 0.02, 0.3])
def test_blur_however_slight_leaves_no_dark_ring(strength: float) -> None:
    before = np.full((900, 1200, 3), 120, np.uint8)
    mask = disc(600, 450, 200, 900, 1200)
    before[mask.to_array()] = 240
    after = replaced(before, [mask], background="blur", strength=strength)
    assert after[~mask.to_array()].min() >= 119
