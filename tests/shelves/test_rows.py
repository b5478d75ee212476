"""Rows of drawn shelves: level and askew, full, half empty and empty, and goods piled two high."""

from __future__ import annotations

import numpy as np
import pytest

from agent_tools.shelves.rows import find_rows
from tests.shelves.drawn import WALL, Shelf, draw

FULL = ["rrrrrrr", "ggggggg", "yyyyyyy", "ooooooo"]
NONE = "......."
GAPPED = ["r.r..rr", "gg", "..yy", "o"]


def boards(shelf: Shelf, expected: int = 0) -> list[float]:
    """Where the rows' boards were found, as shares of the distance between boards."""
    return [row.corners[3][1] / 120 for row in find_rows(shelf.array, shelf.boxes, expected).rows]


@pytest.mark.parametrize(
    "rows", [FULL, FULL[:1], FULL[:2], GAPPED, ["r", "r", "r"], ["rg", "yyyyyyy"]], ids=lambda rows: " ".join(rows)
)
def test_rows_of_a_level_shelf_are_the_boards_that_things_stand_on(rows: list[str]) -> None:
    shelf = draw(rows)
    found = find_rows(shelf.array, shelf.boxes)

    assert found.row_of.tolist() == shelf.rows
    assert [row.number for row in found.rows] == list(range(1, len(rows) + 1))
    assert boards(shelf) == pytest.approx(range(1, len(rows) + 1), abs=0.03)
    assert found.slope == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize("rows", [FULL, GAPPED], ids=lambda rows: " ".join(rows))
@pytest.mark.parametrize("slope", [-0.09, -0.05, 0.05, 0.1])
def test_rows_seen_by_a_tilted_camera_fall_with_the_boards(rows: list[str], slope: float) -> None:
    shelf = draw(rows, slope=slope)
    found = find_rows(shelf.array, shelf.boxes)

    assert found.row_of.tolist() == shelf.rows
    assert found.slope == pytest.approx(slope, abs=0.01)
    for row in found.rows:
        (_, (_, top_right), (x1, bottom_right), (x0, bottom)) = row.corners
        assert (bottom_right - bottom) / (x1 - x0) == pytest.approx(slope, abs=0.01)
        assert top_right < bottom_right


def test_rows_reach_from_the_board_above_or_the_tallest_thing_to_their_own() -> None:
    shelf = draw(["rrr", "ggg"])
    upper, lower = find_rows(shelf.array, shelf.boxes).rows

    assert upper.corners == ((0, 0), (240, 0), (240, 120), (0, 120))
    assert lower.corners == ((0, 156), (240, 156), (240, 240), (0, 240))


@pytest.mark.parametrize("slope", [0.0, 0.05])
@pytest.mark.parametrize("expected", [0, 4])
@pytest.mark.parametrize("place", range(4))
def test_rows_of_which_one_is_empty_are_counted_by_its_boards_edge(place: int, expected: int, slope: float) -> None:
    shelf = draw([*FULL[:place], NONE, *FULL[place:3]], slope=slope)
    found = find_rows(shelf.array, shelf.boxes, expected)

    assert len(found.rows) == 4
    assert found.row_of.tolist() == shelf.rows


@pytest.mark.parametrize("rows", [[FULL[0], NONE, NONE, FULL[1]], [NONE, NONE, *FULL[:2]], [*FULL[:2], NONE, NONE]])
def test_rows_of_which_two_are_empty_are_found_where_the_plan_says_how_many(rows: list[str]) -> None:
    shelf = draw(rows)

    assert boards(shelf, expected=4) == pytest.approx([1, 2, 3, 4], abs=0.03)
    assert find_rows(shelf.array, shelf.boxes, 4).row_of.tolist() == shelf.rows


@pytest.mark.parametrize("rows", [[FULL[0], NONE, FULL[1], FULL[2]], [NONE, *FULL[:3]], [*FULL[:3], NONE]])
def test_rows_are_not_made_up_where_no_edge_shows(rows: list[str]) -> None:
    shelf = draw(rows)
    empty = 1 + rows.index(NONE)
    shelf.array[empty * 120 - 30 : empty * 120 + 15] = WALL

    assert len(find_rows(shelf.array, shelf.boxes, 4).rows) == 3


@pytest.mark.parametrize(
    "rows",
    [["rrrrrrr", "GGgGgGg", "yyyyyyy"], ["rrrrrrr", "ggggggg", "YYYYYYY", "ooooooo"], ["rrrr", "gGGg", "yyyy", "OOoo"]],
    ids=lambda rows: " ".join(rows),
)
@pytest.mark.parametrize("high", [60, 84])
def test_rows_with_goods_piled_two_high_are_one_row_each(rows: list[str], high: int) -> None:
    shelf = draw(rows, high=high)

    assert find_rows(shelf.array, shelf.boxes).row_of.tolist() == shelf.rows


def test_rows_without_things_are_none() -> None:
    shelf = draw([NONE, NONE])
    found = find_rows(shelf.array, shelf.boxes, 2)

    assert (found.rows, found.row_of.tolist()) == ((), [])
    assert found.place(np.array([[1, 1, 9, 9]], np.float32)).tolist() == [0]


@pytest.mark.parametrize("slope", [0.0, 0.06])
def test_place_puts_other_things_in_the_row_that_their_middle_is_in(slope: float) -> None:
    shelf = draw([*FULL[:2], NONE, FULL[3]], slope=slope)
    found = find_rows(shelf.array, shelf.boxes)
    others = [
        (x, y + slope * (x + 15), x + 30, y + 40 + slope * (x + 15)) for y in (70, 150, 300, 430) for x in (5, 500)
    ]

    assert found.place(np.array(others, np.float32)).tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


def test_find_rows_of_one_pixel_and_of_one_thing_answer() -> None:
    pixel = np.zeros((1, 1, 3), np.uint8)

    assert find_rows(pixel, np.zeros((0, 4), np.float32)).rows == ()
    assert find_rows(pixel, np.array([[0, 0, 1, 1]], np.float32)).row_of.tolist() == [1]
