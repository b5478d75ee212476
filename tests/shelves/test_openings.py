"""Openings of a row: where there is room, one more where one was missed, and nothing where nothing stands."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agent_tools.masks import box_iou
from agent_tools.shelves.appearance import Appearance
from agent_tools.shelves.openings import MOST_TRIALS, OneMore, Opening, one_more, openings, trials
from workflows.demo_models.kinds import Kind
from workflows.demo_models.shelf_scenes import ShelfScene, render_shelf

KINDS: list[Kind] = [("can", "red"), ("bottle", "green"), ("box", "yellow"), ("apple", "red"), ("orange", "orange")]


def row_of(*sides: tuple[float, float]) -> NDArray[np.float32]:
    """Boxes from left to right, one high."""
    return np.array([(x0, 0, x1, 30) for x0, x1 in sides], np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("sides", "found"),
    [
        ([(0, 20), (20, 40), (40, 60)], []),
        ([(0, 20), (36, 56)], [Opening(20, 36, (0, 1))]),
        ([(0, 20), (34, 54)], []),
        ([(0, 20), (36, 66)], []),
        ([(20, 40), (40, 60)], [Opening(0, 20, (0, 1))]),
        ([(0, 20), (20, 40)], [Opening(40, 60, (1, 0))]),
        ([(40, 60), (0, 20)], [Opening(20, 40, (1, 0))]),
        ([(0, 45), (20, 30), (50, 60)], []),
        ([(0, 10), (10, 20), (20, 30), (50, 60)], [Opening(30, 50, (2, 3, 1))]),
        ([], []),
    ],
    ids=["full", "room", "tight", "too small for the wider", "left", "right", "any order", "behind", "beside", "none"],
)
def test_openings_are_where_one_more_would_fit(sides: list[tuple[float, float]], found: list[Opening]) -> None:
    assert openings(row_of(*sides), range(len(sides)), 0.0, 60.0) == found


def test_openings_of_a_row_are_not_closed_by_things_of_another() -> None:
    boxes = np.array([[0, 0, 20, 30], [40, 0, 60, 30], [20, 50, 40, 80]], np.float32)

    assert openings(boxes, [0, 1], 0.0, 60.0) == [Opening(20, 40, (0, 1))]


def test_trials_stand_on_the_rows_board_inside_the_picture_and_are_bounded() -> None:
    boxes = row_of((0, 20), (9_960, 9_980)) + np.array([0, 100, 0, 100], np.float32)
    places, like = trials(boxes, Opening(20, 9_960, (0, 1)), 0.01, 10_000, 300)

    assert len(places) <= MOST_TRIALS
    assert set(like.tolist()) == {0, 1}
    assert (places[:, [0, 1]] >= 0).all()
    assert (places[:, 2] <= 10_000).all()
    assert (places[:, 3] <= 300).all()
    dropped = 130 + 0.01 * (places[:, 0] - boxes[like, 0])
    assert places[:, 3] == pytest.approx(dropped, abs=0.1)
    assert trials(boxes, Opening(0, 8, (0,)), 0.0, 10_000, 300)[0].shape == (0, 4)


def upper_row(scene: ShelfScene) -> list[int]:
    """Indices of the things of the upper row, from left to right."""
    mine = [index for index, (row, _) in enumerate(scene.objects) if row == 1]
    return sorted(mine, key=lambda index: float(scene.objects[index][1].box[0]))


def looked_into(scene: ShelfScene, passed_over: int | None) -> list[OneMore]:
    """The likeliest thing of each opening of a scene, of which one thing's box is left out."""
    known = [index for index in range(len(scene.objects)) if index != passed_over]
    boxes = np.array([scene.objects[index][1].box for index in known], np.float32)
    looks = Appearance.of(scene.image, boxes)
    found = []
    for row in (1, 2):
        mine = [place for place, index in enumerate(known) if scene.objects[index][0] == row]
        for opening in openings(boxes, mine, 0.0, float(scene.image.shape[1])):
            found += one_more(scene.image, boxes, looks, np.zeros(len(boxes), np.int64), opening, 0.0)
    return sorted(found, key=lambda more: -more.chance)


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_one_more_is_found_where_a_thing_was_passed_over(kind: Kind) -> None:
    scene = render_shelf(1, ((kind,) * 8, (kind,) * 8), shop=1)
    middle = upper_row(scene)[4]
    best, *others = looked_into(scene, middle)

    assert best.chance > 0.5
    assert box_iou(np.array([best.box], np.float32), scene.objects[middle][1].box[None].astype(np.float32))[0, 0] > 0.75
    assert all(more.chance < 0.2 for more in others)


@pytest.mark.parametrize("kind", KINDS, ids=" ".join)
def test_one_more_is_not_seen_in_an_empty_place(kind: Kind) -> None:
    row: tuple[Kind | None, ...] = (kind,) * 8
    scene = render_shelf(1, (row, row), ((*row[:4], None, *row[5:]), row), shop=1)
    found = looked_into(scene, None)

    assert found
    assert max(more.chance for more in found) < 0.2


def test_one_more_of_a_wide_opening_are_as_many_as_are_there_and_none_twice() -> None:
    kind: Kind = ("can", "red")
    scene = render_shelf(2, ((kind,) * 8, (kind,) * 8), shop=1)
    upper = upper_row(scene)
    out = upper[3:5]
    known = [index for index in range(len(scene.objects)) if index not in out]
    boxes = np.array([scene.objects[index][1].box for index in known], np.float32)
    mine = [place for place, index in enumerate(known) if index in upper]
    (opening,) = openings(boxes, mine, 0.0, 640.0)
    looks = Appearance.of(scene.image, boxes)
    found = one_more(scene.image, boxes, looks, np.zeros(len(boxes), np.int64), opening, 0.0)
    likely = np.array([more.box for more in found if more.chance > 0.5], np.float32)

    true = np.array([scene.objects[index][1].box for index in out], np.float32)
    assert len(likely) == 2
    assert (box_iou(true, likely).max(axis=1) > 0.75).all()
    assert [more.chance for more in found] == sorted((more.chance for more in found), reverse=True)
