"""Closer looks at a picture: each thing is seen large enough, with room round it, in as few looks as will do."""

import numpy as np
import pytest

from agent_tools.pictures import Picture
from agent_tools.services.views import LARGEST, LEAST_ROOM, choose_views

PICTURE = Picture.from_array(np.zeros((300, 400, 3), np.uint8))


def box(x, y, width, height):
    return np.array([x, y, x + width, y + height], np.float32)


def chosen(*extents, zoom=0.6):
    views = choose_views(PICTURE, extents, zoom, 64, 32)
    return [(view.left, view.top, view.width, view.height) for view in views]


@pytest.mark.parametrize(
    ("extent", "width"),
    [(box(0, 0, 400, 300), 400), (box(10, 10, 120, 90), 400), (box(10, 10, 90, 70), 240), (box(10, 10, 40, 40), 144)],
)
def test_view_is_the_closer_the_smaller_the_thing(extent, width):
    assert chosen(extent)[0][2] == width


def test_view_of_a_thing_of_unknown_size_is_the_whole_picture():
    assert chosen(None, box(5, 5, 20, 20))[0] == (0, 0, 400, 300)


def test_view_without_zoom_is_the_whole_picture():
    assert chosen(box(5, 5, 20, 20), zoom=0.0) == [(0, 0, 400, 300)]


def test_views_show_every_thing_with_room_and_small_enough():
    rng = np.random.default_rng(0)
    boxes = [box(*rng.uniform(0, 250, 2), *rng.uniform(5, 50, 2)) for _ in range(200)]
    for extent, (left, top, width, height) in zip(boxes, chosen(*boxes), strict=True):
        inside = (extent - [left, top, left, top]) / [width, height, width, height]
        edges = [left == 0, top == 0, left + width == 400, top + height == 300]
        assert all(
            edge or gap >= LEAST_ROOM - 1e-6 for edge, gap in zip(edges, (*inside[:2], *(1 - inside[2:])), strict=True)
        )
        assert width == 400 or (inside[2:] - inside[:2]).max() <= LARGEST + 1e-6


def test_views_are_shared_by_neighbours():
    row = [box(30 + 25 * k, 40, 20, 20) for k in range(8)]
    assert len(set(chosen(*row))) <= 3


def test_views_are_the_same_whatever_the_order():
    rng = np.random.default_rng(1)
    boxes = [box(*rng.uniform(0, 250, 2), *rng.uniform(5, 90, 2)) for _ in range(30)]
    forwards, backwards = chosen(*boxes), chosen(*boxes[::-1])
    assert set(forwards) == set(backwards)
