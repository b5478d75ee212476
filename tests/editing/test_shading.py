"""Brighter, darker, gray and dimmed, on plain colours."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pytest

from agent_tools.editing import apply
from tests.editing.shapes import H, W, box


def plain(*colour: int, dtype: Any = np.uint8) -> Any:
    return np.full((H, W, 3), colour, dtype)


def after(action: str, colour: tuple[int, int, int], **told: Any) -> Any:
    return apply(plain(*colour), action, [], invert=True, **told)[0, 0]


@pytest.mark.parametrize("colour", [(200, 100, 50), (20, 130, 240), (128, 128, 128), (250, 240, 10), (3, 3, 9)])
@pytest.mark.parametrize(("action", "sign"), [("brighten", 1), ("darken", -1)])
def test_light_changes_and_the_hue_does_not(action: str, sign: int, colour: tuple[int, int, int]) -> None:
    made = [after(action, colour, strength=strength).astype(int) for strength in (0.2, 0.5, 1.0)]
    sums = [sum(colour), *(int(one.sum()) for one in made)]
    assert sums == sorted(sums, reverse=sign < 0)
    assert len(set(sums)) == 4
    hue = colorsys.rgb_to_hsv(*(value / 255 for value in colour))[0]
    now = colorsys.rgb_to_hsv(*(made[1] / 255))[0]
    assert made[1].max() < 40 or abs(now - hue) < 0.01


@pytest.mark.parametrize("action", ["brighten", "darken"])
def test_black_and_white_stay_and_no_two_greys_become_one_in_the_light(action: str) -> None:
    deep = np.linspace(0, 65535, H * W).astype(np.uint16).reshape(H, W)[..., None].repeat(3, 2)
    made = apply(deep, action, [], invert=True, strength=1)[..., 0].ravel().astype(int)
    assert (made[0], made[-1]) == (0, 65535)
    assert (np.diff(made) > 0).all(), "nothing is clipped"


def test_grayscale_has_equal_channels_and_its_strength_is_a_share() -> None:
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert (after("grayscale", (200, 100, 50)) == grey).all()
    half = after("grayscale", (200, 100, 50), strength=0.5)
    assert np.allclose(half, [(200 + grey) / 2, (100 + grey) / 2, (50 + grey) / 2], atol=1)


def test_highlight_dims_the_rest_by_its_strength() -> None:
    made = apply(plain(100, 100, 100), "highlight", [box(8, 8, 20, 20)], strength=0.75)
    assert made[10, 10, 0] == 100
    assert made[40, 40, 0] == 25


def test_highlight_of_everything_else_dims_the_thing() -> None:
    made = apply(plain(100, 100, 100), "highlight", [box(8, 8, 20, 20)], strength=0.75, invert=True)
    assert (made[10, 10, 0], made[40, 40, 0]) == (25, 100)


def test_feather_at_the_edge_of_the_picture_is_none() -> None:
    made = apply(plain(100, 100, 100), "highlight", [box(32, 0, 64, 48)], feather=8, strength=1)
    assert (made[:, 0] == 0).all(), "the region goes on beyond the picture"
    steps = made[20, 24:32, 0].astype(int)
    assert (np.diff(steps) > 0).all(), "soft towards what stays"
