"""What gestures say to a segmenter: few points, in good places."""

from typing import Any

import numpy as np
import pytest

from agent_tools.masks import Mask
from agent_tools.memory import Gesture
from agent_tools.tools.gesture_prompts import STROKE_POINTS, deepest_point, hint_of, points_within, stroke_points

WIDTH, HEIGHT = 200, 100


def gesture(kind: Any, *coordinates: tuple[float, float], include: bool = True) -> Gesture:
    return Gesture("g1", "p1", kind, coordinates, 1, include)


def box_mask(x0: int, y0: int, x1: int, y1: int) -> Mask:
    array = np.zeros((HEIGHT, WIDTH), bool)
    array[y0:y1, x0:x1] = True
    return Mask.from_array(array)


def test_stroke_points_are_spread_by_length_however_slow_the_hand_was() -> None:
    even = [(float(x), 50.0) for x in range(20, 181, 2)]
    slow_at_first = [(20 + step / 100, 50.0) for step in range(2000)] + [(float(x), 50.0) for x in range(40, 181, 20)]
    points = stroke_points(even, WIDTH, HEIGHT)
    np.testing.assert_allclose(points, [(x, 50) for x in (36, 68, 100, 132, 164)], atol=0.5)
    np.testing.assert_allclose(stroke_points(slow_at_first, WIDTH, HEIGHT), points, atol=0.5)


@pytest.mark.parametrize(
    ("stroke", "points"),
    [
        ([(7, 8)], [(7, 8)]),
        ([(7, 8)] * 30, [(7, 8)]),
        ([(7, 8), (8, 8)], [(7.5, 8)]),
        ([(-50, 50), (50, 50)], [(5, 50), (15, 50), (25, 50), (35, 50), (45, 50)]),
        ([(-50, -50), (-10, -10)], [(0, 0)]),
        ([(200, 100)], [(199, 99)]),
    ],
    ids=["a click", "the same point again", "a twitch", "from outside", "all outside", "on the corner"],
)
def test_stroke_points_lie_on_the_picture_and_are_no_more_than_it_is_long(stroke: Any, points: Any) -> None:
    np.testing.assert_allclose(stroke_points(stroke, WIDTH, HEIGHT), points, atol=0.3)


def test_points_within_are_deep_and_apart() -> None:
    area = box_mask(10, 10, 70, 30)
    points = points_within(area, 3)
    assert len(points) == 3
    assert all(area.contains(x - reach, y) and area.contains(x + reach, y) for x, y in points for reach in (0, 4))
    gaps = [np.hypot(a[0] - b[0], a[1] - b[1]) for a in points for b in points if a != b]
    assert min(gaps) > 8
    assert points_within(Mask.from_array(np.zeros((4, 4))), 3) == []


def test_deepest_point_is_in_the_thick_part() -> None:
    x, y = deepest_point(box_mask(10, 48, 100, 52) | box_mask(100, 30, 140, 70))
    assert 115 <= x <= 125
    assert 45 <= y <= 55


def test_hint_of_many_gestures_is_one_prompt() -> None:
    gestures = [
        gesture("box", (20, 20), (60, 60)),
        gesture("point", (70, 40)),
        gesture("stroke", (30, 30), (30, 31)),
        gesture("point", (150, 40), include=False),
    ]
    prompt = hint_of(gestures, WIDTH, HEIGHT).prompt()
    assert prompt.points is not None
    assert prompt.labels is not None
    assert prompt.box is not None
    np.testing.assert_allclose(prompt.points, [(70, 40), (30, 30.5), (150, 40)], atol=0.1)
    assert prompt.labels.tolist() == [1, 1, 0]
    assert prompt.box.tolist() == [20, 20, 70, 60], "the box reaches to the point on the thing, not to the one beside"
    assert prompt.mask is None


def test_hint_of_an_outline_is_its_mask_and_box() -> None:
    hint = hint_of([gesture("polygon", (20, 20), (60, 20), (40, 60))], WIDTH, HEIGHT)
    prompt = hint.prompt()
    assert prompt.box is not None
    assert prompt.mask is not None
    assert prompt.box.tolist() == [20, 20, 60, 60]
    assert prompt.mask.area == pytest.approx(800, rel=0.05)
    assert hint_of([gesture("polygon", (20, 20), (60, 20), (60, 60), (20, 60))], WIDTH, HEIGHT).outline is None


def test_hint_of_an_area_beside_is_points_in_it_and_what_is_left_out() -> None:
    hint = hint_of([gesture("point", (10, 10)), gesture("box", (40, 40), (60, 60), include=False)], WIDTH, HEIGHT)
    assert hint.labels[0] == 1
    assert set(hint.labels[1:]) == {0}
    assert all(40 <= x < 60 and 40 <= y < 60 for x, y in hint.points[1:])
    assert hint.without(box_mask(30, 30, 60, 60)) == box_mask(30, 30, 60, 60) - box_mask(40, 40, 60, 60)
    assert hint.box is None


@pytest.mark.parametrize(
    ("stroke", "lasso"),
    [
        ([(20, 20), (60, 20), (60, 60), (20, 60), (20, 22)], True),
        ([(10, 40), (190, 40), (190, 52), (10, 52), (10, 41)], True),
        ([(20, 20), (60, 24), (22, 28), (60, 32), (22, 36), (60, 40), (20, 24)], False),
        ([(20, 20), (60, 20), (20, 21)], False),
    ],
    ids=["round a thing", "round a row", "a scribble that comes back", "to and fro"],
)
def test_stroke_that_goes_round_something_is_an_outline_and_a_scribble_is_not(stroke: Any, lasso: bool) -> None:
    hint = hint_of([gesture("stroke", *stroke)], WIDTH, HEIGHT)
    assert (hint.box is not None) == lasso
    assert len(hint.points) == (0 if lasso else STROKE_POINTS)
