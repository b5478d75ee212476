"""Blur and blocks on drawn pictures."""

from __future__ import annotations

import numpy as np
import pytest

from agent_tools.editing import apply, regions
from agent_tools.masks import Mask
from tests.editing.shapes import H, W, box, noise


def test_blur_does_not_let_colours_from_outside_in() -> None:
    pixels = np.full((H, W, 3), (255, 0, 0), np.uint8)
    pixels[10:30, 10:30] = (0, 0, 255)
    for invert in (False, True):
        assert np.array_equal(apply(pixels, "blur", [box(10, 10, 30, 30)], invert=invert, strength=1), pixels)


def test_blur_of_a_larger_thing_is_wider() -> None:
    pixels = np.zeros((H, W, 3), np.uint8)
    pixels[:, 10:] = 255
    near = [int(apply(pixels, "blur", [box(4, 4, 4 + side, 4 + side)])[10, 12, 0]) for side in (12, 40)]
    assert near[0] > near[1] + 20, "two pixels from an edge"


@pytest.mark.parametrize("strength", [0.05, 0.6, 1.0])
def test_blur_of_a_gradient_in_the_middle_stays_what_it_was(strength: float) -> None:
    pixels = np.linspace(0, 255, 256).astype(np.uint8)[None, :, None].repeat(256, 0).repeat(3, 2)
    after = apply(pixels, "blur", [], invert=True, strength=strength)
    assert np.abs(after[:, 100:156].astype(int) - pixels[:, 100:156]).max() <= 1


@pytest.mark.parametrize("action", ["blur", "pixelate", "grayscale", "recolour"])
@pytest.mark.parametrize("strength", [0.02, 1.0])
def test_strips_leave_no_seams(action: str, strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    mask = Mask.from_array(np.hypot(*np.mgrid[-150:150, -100:100]) < 90)
    told = {"colour": "#00ff00"} if action == "recolour" else {}
    at_once = apply(pixels, action, [mask], strength=strength, **told)
    monkeypatch.setattr(regions, "_STRIP", 900)
    assert np.array_equal(apply(pixels, action, [mask], strength=strength, **told), at_once)


@pytest.mark.parametrize(("scale", "side"), [(1, 3), (4, 13)])
def test_blocks_grow_with_the_resolution(scale: int, side: int) -> None:
    pixels = noise(4).repeat(scale, 0).repeat(scale, 1)
    inside = box(8, 8, 40, 40).to_array().repeat(scale, 0).repeat(scale, 1)
    after = apply(pixels, "pixelate", [Mask.from_array(inside)])[8 * scale, 8 * scale : 40 * scale].astype(int)
    assert np.flatnonzero(np.abs(np.diff(after, axis=0)).any(1))[0] + 1 == side


def test_pixelate_gives_each_block_the_mean_of_what_is_inside() -> None:
    pixels = noise(5)
    after = apply(pixels, "pixelate", [box(10, 10, 30, 30)], strength=1)
    assert (after[10:14, 10:14] == after[10, 10]).all()
    assert np.allclose(after[10, 10], pixels[10:14, 10:14].mean((0, 1)), atol=0.51)


def test_feather_fades_a_blur_in_from_the_rim_alone() -> None:
    pixels = noise(6)
    hard, soft = (apply(pixels, "blur", [box(4, 4, 44, 44)], feather=feather).astype(int) for feather in (0, 8))
    assert np.array_equal(soft[16:32, 16:32], hard[16:32, 16:32])
    changed = [np.abs(soft[24, 4 + step] - pixels[24, 4 + step].astype(int)).mean() for step in (0, 2, 4, 6)]
    assert changed[0] < np.abs(hard[24, 4] - pixels[24, 4].astype(int)).mean() / 2
    assert changed[0] < changed[-1]
