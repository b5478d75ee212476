"""Masks against hand-drawn arrays and NumPy; boxes against arithmetic done by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask, box_iou, enclosing_groups, mask_areas, mask_iou, suppress, union

DRAWN = np.array(
    [
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
    ],
    bool,
)

masks = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))
pairs = st.tuples(st.integers(1, 12), st.integers(1, 12)).flatmap(
    lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape))
)


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_mask_of_drawn_array_keeps_pixels_area_and_box() -> None:
    mask = Mask.from_array(DRAWN)
    assert (mask.to_array() == DRAWN).all()
    assert mask.area == 6
    assert mask.box == (1, 0, 4, 3)


def test_mask_empty_has_no_area_and_a_zero_box() -> None:
    mask = Mask.from_array(np.zeros((3, 5), bool))
    assert mask.area == 0
    assert mask.box == (0, 0, 0, 0)


@given(masks)
def test_mask_any_array_round_trips_through_coco(array: np.ndarray) -> None:
    mask = Mask.from_coco(Mask.from_array(array).to_coco())
    assert (mask.to_array() == array).all()
    assert mask.area == array.sum()


@given(pairs)
def test_mask_algebra_equals_numpy(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    first, second = Mask.from_array(a), Mask.from_array(b)
    assert ((first | second).to_array() == (a | b)).all()
    assert ((first & second).to_array() == (a & b)).all()
    assert ((first - second).to_array() == (a & ~b)).all()
    assert ((~first).to_array() == ~a).all()
    expected = (a & b).sum() / max((a | b).sum(), 1)
    assert mask_iou([first], [second])[0, 0] == pytest.approx(expected)


@given(masks)
def test_mask_contains_agrees_with_every_pixel(array: np.ndarray) -> None:
    mask = Mask.from_array(array)
    for (row, column), inside in np.ndenumerate(array):
        assert mask.contains(column + 0.5, row + 0.5) == inside


def test_mask_contains_outside_the_picture_is_false() -> None:
    mask = Mask.from_array(np.ones((2, 2), bool))
    assert not mask.contains(-0.1, 0)
    assert not mask.contains(0, 2)


def test_mask_from_crop_places_the_window() -> None:
    mask = Mask.from_crop(np.array([[1, 0], [1, 1]]), left=1, top=2, height=4, width=4)
    expected = np.zeros((4, 4), bool)
    expected[2, 1] = expected[3, 1] = expected[3, 2] = True
    assert (mask.to_array() == expected).all()


@given(masks, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_mask_from_any_crop_equals_the_encoding_of_the_whole(
    crop: np.ndarray, left: int, top: int, right: int, bottom: int
) -> None:
    whole = np.pad(crop, ((top, bottom), (left, right)))
    assert Mask.from_crop(crop, left, top, *whole.shape) == Mask.from_array(whole)


def test_mask_from_an_empty_crop_is_empty() -> None:
    assert Mask.from_crop(np.zeros((0, 0)), 0, 0, 4, 5) == Mask.from_array(np.zeros((4, 5)))


def test_mask_from_polygon_fills_a_square() -> None:
    assert Mask.from_polygon([(1, 1), (3, 1), (3, 3), (1, 3)], 4, 4).area == 4


@pytest.mark.parametrize(
    "encoded",
    [
        {},
        {"size": [2, 2]},
        {"size": [2, 2], "counts": "zzzz~"},
        {"size": [4000, 4000], "counts": "04"},
        {"size": [0, 4], "counts": ""},
        {"size": "ab", "counts": "04"},
        {"size": [2, 2], "counts": "P"},
        {"size": [2, 2], "counts": 10**15},  # which would be a petabyte of zeros
    ],
)
def test_mask_from_coco_with_lying_data_is_refused(encoded: dict) -> None:
    with pytest.raises(ToolInputError, match="mask"):
        Mask.from_coco(encoded)


def test_masks_of_different_sizes_do_not_combine() -> None:
    small, large = Mask.from_array(np.ones((2, 2))), Mask.from_array(np.ones((3, 3)))
    for combine in (lambda: small | large, lambda: small - large, lambda: union([small, large])):
        with pytest.raises(ToolInputError, match="one picture"):
            combine()
    with pytest.raises(ToolInputError, match="one picture"):
        mask_iou([small], [large])


def test_box_iou_half_overlap_is_a_third() -> None:
    assert box_iou(boxes((0, 0, 2, 1)), boxes((1, 0, 3, 1), (5, 5, 6, 6))).tolist() == [[pytest.approx(1 / 3), 0.0]]


def test_suppress_keeps_the_better_of_two_and_the_one_apart() -> None:
    found = boxes((0, 0, 10, 10), (1, 0, 11, 10), (20, 0, 30, 10))
    assert suppress(found, np.array([0.5, 0.9, 0.1], np.float32), iou=0.5).tolist() == [1, 2]


def test_suppress_nothing_gives_nothing() -> None:
    assert suppress(boxes(), np.zeros(0, np.float32), iou=0.5).tolist() == []


def test_enclosing_groups_marks_the_box_round_the_crowd() -> None:
    crowd = boxes((0, 0, 30, 10), (0, 0, 10, 10), (10, 0, 20, 10), (20, 0, 30, 10))
    assert enclosing_groups(crowd).tolist() == [True, False, False, False]


def test_enclosing_groups_spares_a_large_thing_with_small_ones_in_a_corner() -> None:
    found = boxes((0, 0, 100, 100), (0, 0, 10, 10), (10, 0, 20, 10), (20, 0, 30, 10))
    assert not enclosing_groups(found).any()


def test_mask_areas_of_very_many_masks_equal_each_alone() -> None:
    masks = [Mask.from_crop(np.ones((1 + index % 5, 2)), 0, 0, 9, 9) for index in range(700)]
    assert mask_areas(masks).tolist() == [mask.area for mask in masks]
    assert mask_areas([]).tolist() == []


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (1, 0), (-1, 1), (2, -3), (-4, 0), (0, 4), (3, 3), (-100, 100)])
def test_mask_shifted_is_the_array_shifted_and_cut_at_the_edge(dx: int, dy: int) -> None:
    array = np.zeros((4, 5), bool)
    array[1:3, 1:4] = True
    array[1, 2] = False
    wide = np.pad(array, 200)
    expected = np.roll(wide, (dy, dx), (0, 1))[200:204, 200:205]
    assert np.array_equal(Mask.from_array(array).shifted(dx, dy).to_array(), expected)
    assert np.array_equal(Mask.from_array(np.zeros((4, 5))).shifted(dx, dy).to_array(), np.zeros((4, 5), bool))
