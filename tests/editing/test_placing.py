"""Things moved, copied, outlined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agent_tools.editing import apply
from tests.editing.shapes import H, W, box, disc, moved, noise, region


def scene(dtype: Any = np.uint8, channels: int = 3) -> tuple[Any, Any]:
    """A bright disc on a dark weave."""
    rows, columns = np.mgrid[:H, :W]
    pixels = np.empty((H, W, channels), dtype)
    factor = 257 if dtype == np.uint16 else 1
    pixels[..., :3] = (60 + 20 * ((rows + columns) % 6 < 3))[..., None] * factor
    pixels[..., 3:] = np.iinfo(dtype).max
    mask = disc(16, 24, 8)
    pixels[mask.to_array(), :3] = (250 * factor, 200 * factor, 30 * factor)
    return pixels, mask


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [3, 4])
def test_moved_thing_is_there_and_its_place_is_filled(channels: int, dtype: Any) -> None:
    before, mask = scene(dtype, channels)
    after = apply(before, "move", [mask], dx=30.4, dy=-3)
    inside = mask.to_array()
    assert np.array_equal(after[24 - 3, 16 + 30], before[24, 16])
    assert (after[inside][:, :3].max() <= 80 * (257 if dtype == np.uint16 else 1)).all(), "the weave alone"
    assert (after[inside][:, 0].std()) > 5, "with its drawing"


def test_duplicate_leaves_the_first_one() -> None:
    before, mask = scene()
    after = apply(before, "duplicate", [mask], dx=30)
    there = moved(mask.to_array(), 30, 0)
    assert np.array_equal(after[~there], before[~there])
    assert after[24, 46].tolist() == [250, 200, 30]


@pytest.mark.parametrize(("dx", "dy"), [(1000, 0), (0, -1000), (-20, 0), (55, 40)])
def test_thing_moved_over_the_edge_is_cut_there(dx: int, dy: int) -> None:
    before, mask = scene()
    after = apply(before, "move", [mask], dx=dx, dy=dy, feather=0)
    there = moved(mask.to_array(), dx, dy)
    assert (after[there] == (250, 200, 30)).all()
    assert ((after == (250, 200, 30)).all(2) == there).all()


def test_soft_edge_is_over_what_is_there() -> None:
    before, mask = scene()
    after = apply(before, "duplicate", [mask], dx=30, feather=3).astype(int)
    rim = after[24, 46 - 8]
    assert (np.abs(rim - before[24, 16 - 8].astype(int)) > 20).any()
    assert (np.abs(rim - before[24, 46 - 8].astype(int)) > 20).any()


def test_thing_moved_a_little_covers_the_place_it_left() -> None:
    before, mask = scene()
    after = apply(before, "move", [mask], dx=2, feather=0)
    there = moved(mask.to_array(), 2, 0)
    assert (after[there] == (250, 200, 30)).all()
    assert not (after[~there] == (250, 200, 30)).all(1).any()


def test_several_things_move_together() -> None:
    before, mask = scene()
    other = box(40, 4, 50, 14)
    after = apply(before, "duplicate", [mask, other], dx=-3, dy=20, feather=0)
    assert np.array_equal(after[24:34, 37:47], before[4:14, 40:50])


def test_outline_is_beside_the_thing_and_of_even_width() -> None:
    pixels = np.zeros((600, 800, 3), np.uint8)
    mask = box(200, 150, 500, 400, 600, 800)
    after = apply(pixels, "outline", [mask], colour="#ff8000", strength=0.5)
    assert not after[150:400, 200:500].any()
    drawn = after[..., 0] > 127
    assert drawn[300].sum() == 2 * drawn[:, 300].sum() / 2
    assert drawn[300, 195:200].all()
    assert not drawn[300, 194]
    assert after[300, 197].tolist() == [255, 128, 0]
    corner = after[140:150, 190:200, 0]
    assert not corner[:5, :5].any(), "round"
    assert ((corner > 0) & (corner < 255)).any(), "and smooth"


def test_outline_of_two_that_touch_goes_between_them() -> None:
    after = apply(np.zeros((H, W, 3), np.uint8), "outline", [box(8, 8, 24, 40), box(24, 8, 40, 40)], colour="#ffffff")
    assert after[20, 24].any()
    assert after[20, 23].any()


def test_outline_of_everything_else_is_inside_the_thing() -> None:
    after = apply(noise(1), "outline", [box(8, 8, 30, 30)], colour="#ff00ff", invert=True)
    differs = (after != noise(1)).any(2)
    assert differs.any()
    assert not differs[~region([box(8, 8, 30, 30)])].any()


def test_outline_on_transparency_is_seen() -> None:
    pixels = np.zeros((H, W, 4), np.uint8)
    after = apply(pixels, "outline", [box(8, 8, 30, 30)], colour="#ff00ff")
    assert after[20, 7].tolist() == [255, 0, 255, 255]
