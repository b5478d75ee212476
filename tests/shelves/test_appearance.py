"""What things look like: liker things measure liker, each measure on what it is about."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent_tools.shelves.appearance import ALIKE, COMPARED, Appearance, compared, compared_in_pairs

SIDE = 48
SAME = (1.0,) * ALIKE + (0.0,) * (len(COMPARED) - ALIKE)


def tin(colour: tuple[int, int, int] = (200, 40, 40), light: float = 1.0) -> NDArray[np.uint8]:
    """A tin with a label that is not the same from the left and from the right, on one picture of its size."""
    array = np.full((SIDE, SIDE, 3), colour, np.uint8)
    array[30:44, 4:20] = (240, 235, 220)
    cv2.circle(array, (34, 14), 8, (60, 60, 60), -1)
    return (array * light).astype(np.uint8)


def looks_of(*pictures: NDArray[np.uint8]) -> Appearance:
    """Pictures side by side, each with its box."""
    strip = np.concatenate(pictures, axis=1)
    boxes = [[i * SIDE, 0, (i + 1) * SIDE, SIDE] for i in range(len(pictures))]
    return Appearance.of(strip, np.array(boxes, np.float32))


def between(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> dict[str, float]:
    looks = looks_of(one, other)
    return dict(zip(COMPARED, compared(looks.only([0]), looks.only([1]))[0, 0].tolist(), strict=True))


def test_compared_with_itself_is_as_like_as_can_be() -> None:
    assert tuple(between(tin(), tin()).values()) == pytest.approx(SAME, abs=0.01)


def test_compared_mirrored_has_the_same_pattern_and_upside_down_has_not() -> None:
    assert between(tin(), tin()[:, ::-1])["pattern"] == pytest.approx(1, abs=0.01)
    assert between(tin(), tin()[::-1])["pattern"] < 0.7


def test_compared_in_less_light_differs_in_brightness_and_keeps_its_pattern() -> None:
    darker = between(tin(), tin(light=0.6))

    assert darker["pattern"] > 0.95
    assert darker["brightness"] > 1 > 0.1 > between(tin(), tin())["brightness"]


def test_compared_of_another_colour_differs_in_tint_and_histogram() -> None:
    other = between(tin(), tin((40, 60, 200)))

    assert other["tint"] > 2
    assert other["histogram"] < 0.6
    assert other["edges"] > 0.7


def test_compared_of_a_plain_thing_has_neither_pattern_nor_edges_to_share() -> None:
    plain = between(tin(), np.full((SIDE, SIDE, 3), (200, 40, 40), np.uint8))

    assert plain["pattern"] == pytest.approx(0, abs=0.01)
    assert plain["edges"] == pytest.approx(0, abs=0.01)
    assert plain["shading"] > 0.5


def test_compared_shape_grows_with_how_much_slimmer_one_is() -> None:
    array = tin()
    boxes = np.array([[0, 0, 48, 48], [0, 0, 32, 48], [0, 0, 16, 48]], np.float32)
    looks = Appearance.of(array, boxes)
    shape = compared(looks, looks.only([0]))[:, 0, COMPARED.index("shape")].tolist()

    assert shape[0] == 0 < shape[1] < shape[2]


def test_compared_in_pairs_gives_what_compared_gives_each_with_its_own() -> None:
    looks = looks_of(tin(), tin((40, 60, 200)), tin(light=0.6), tin()[::-1])
    others = looks.only([1, 0, 3, 2])
    every = compared(looks, others)

    assert compared_in_pairs(looks, others) == pytest.approx(every[range(4), range(4)], abs=1e-5)
    assert every.shape == (4, 4, len(COMPARED))


def test_appearance_of_boxes_at_and_beyond_the_border_is_finite() -> None:
    boxes = np.array([[-9, -9, 5, 5], [40, 40, 90, 90], [47, 47, 47, 47], [60, 60, 70, 70]], np.float32)
    looks = Appearance.of(tin(), boxes)

    assert np.isfinite(compared(looks, looks)).all()


def test_appearance_of_no_boxes_compares_with_nothing() -> None:
    looks = Appearance.of(tin(), np.zeros((0, 4), np.float32))

    assert compared(looks, looks_of(tin())).shape == (0, 1, len(COMPARED))


def test_appearance_of_several_is_theirs_one_after_the_other() -> None:
    looks = looks_of(tin(), tin((40, 60, 200)))
    again = Appearance.of_all([looks.only([1]), looks.only([0])]).only([1, 0])

    assert compared(again, looks) == pytest.approx(compared(looks, looks), abs=1e-4)
