"""Outlines of coarse masks end where the picture's things do."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from agent_tools.services.outlines import snapped

GROUND, THING = (60, 110, 70), (200, 60, 50)


def disc(side: int, radius: float) -> NDArray[np.bool_]:
    """(side, side) bool, a disc in the middle."""
    rows, columns = np.indices((side, side)) - side / 2 + 0.5
    return np.asarray(np.hypot(rows, columns) < radius)


def painted(inside: NDArray[np.bool_], thing: tuple[int, int, int] = THING, noise: float = 6.0) -> NDArray[np.uint8]:
    """A thing on its ground as a camera takes it, (h, w, 3) uint8."""
    picture = np.where(inside[..., None], thing, GROUND) + np.random.default_rng(0).normal(0, noise, (*inside.shape, 3))
    return np.asarray(picture.clip(0, 255), np.uint8)


def coarse(inside: NDArray[np.bool_], cell: int, aside: int = 0) -> NDArray[np.float32]:
    """Logits of a model with cells of so many pixels that sees the thing so many pixels aside."""
    seen = np.roll(inside, aside, axis=1).astype(np.float32)
    height, width = seen.shape
    cells = cv2.resize(seen, (width // cell, height // cell), interpolation=cv2.INTER_AREA)
    return np.asarray(4 * (2 * cv2.resize(cells, (width, height)) - 1), np.float32)


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize(("side", "radius", "cell", "aside"), [(48, 14, 6, 0), (48, 14, 6, 1), (240, 70, 24, 3)])
def test_snapped_outline_lies_nearer_to_the_edge_of_the_thing(side: int, radius: float, cell: int, aside: int) -> None:
    truth = disc(side, radius)
    logits = coarse(truth, cell, aside)
    found = snapped(logits, painted(truth))
    assert found.shape == truth.shape
    lost_before, lost_after = 1 - iou(logits > 0, truth), 1 - iou(found > 0, truth)
    assert lost_after < 0.6 * lost_before


def test_snapped_outline_keeps_a_thin_thing() -> None:
    truth = np.zeros((60, 60), bool)
    truth[25:29, 6:54] = True
    logits = coarse(truth, 6)
    assert iou(snapped(logits, painted(truth)) > 0, truth) > iou(logits > 0, truth) + 0.1


def test_snapped_outline_stays_where_the_picture_shows_no_edge() -> None:
    truth = disc(48, 14)
    logits = coarse(truth, 6)
    assert iou(snapped(logits, painted(truth, GROUND, noise=0.0)) > 0, logits > 0) > 0.95


def test_snapped_outline_leaves_a_neighbour_of_the_same_colour_out() -> None:
    truth, other = disc(64, 12), np.roll(disc(64, 8), 25, axis=1)
    found = snapped(coarse(truth, 4), painted(truth | other)) > 0
    assert iou(found, truth) > 0.85
    assert (found & other).sum() < 0.1 * other.sum()


def test_snapped_outline_takes_in_a_wide_part_that_colours_alone_tell() -> None:
    truth = np.zeros((60, 90), bool)
    truth[10:50, 20:60] = True
    logits = np.full(truth.shape, -3, np.float32)
    logits[10:50, 20:40] = 3
    logits[10:50, 40:75] = -0.4  # unsure, and half of it is the thing's
    found = snapped(logits, painted(truth)) > 0
    assert found[15:45, 40:58].mean() > 0.95
    assert found[15:45, 62:75].mean() < 0.05


def test_snapped_nothing_is_nothing() -> None:
    assert not (snapped(np.full((20, 30), -5, np.float32), painted(np.zeros((20, 30), bool))) > 0).any()
