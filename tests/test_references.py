"""Which ones are meant: rows, sides, places, labels, order and extremes."""

from dataclasses import dataclass

import numpy as np
import pytest

from agent_tools import references
from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask


@dataclass(frozen=True)
class Block:
    """The least that geometry needs."""

    handle: str
    box: tuple[float, float, float, float]
    mask: Mask | None = None
    label: str = "can"
    score: float | None = 0.9
    picture: str = "p1"
    review: bool = False
    turn: int = 1


def blocks(*boxes: tuple[float, float, float, float]) -> list[Block]:
    return [Block(f"m{number}", box) for number, box in enumerate(boxes, 1)]


def names(rows: list[list[Block]]) -> list[str]:
    return [" ".join(block.handle for block in row) for row in rows]


def picked(taken: tuple[list[Block], list[Block]]) -> tuple[str, str]:
    """Handles of those meant, and of those that tie."""
    meant, tied = taken
    return " ".join(each.handle for each in meant), " ".join(each.handle for each in tied)


def drawn(*lines: str) -> Mask:
    return Mask.from_array(np.array([[mark == "#" for mark in line] for line in lines]))


def test_rows_of_nothing_are_none() -> None:
    assert references.rows([]) == []


def test_rows_of_a_grid_are_read_like_a_page() -> None:
    grid = blocks((40, 50, 60, 70), (10, 10, 30, 30), (40, 12, 60, 32), (10, 52, 30, 72))
    assert names(references.rows(grid)) == ["m2 m3", "m4 m1"]
    assert " ".join(block.handle for block in references.reading_order(grid)) == "m2 m3 m4 m1"


def test_rows_of_shelves_hold_tall_and_short_things_together() -> None:
    shelf = blocks((0, 0, 10, 100), (20, 80, 30, 100), (40, 60, 50, 100), (0, 110, 10, 200), (20, 180, 30, 200))
    assert names(references.rows(shelf)) == ["m1 m2 m3", "m4 m5"]


def test_rows_under_a_tilted_camera_stay_apart() -> None:
    slope = np.tan(np.radians(6))
    tilted = [(x, y + slope * x, x + 60, y + 60 + slope * x) for y in (0, 90, 180) for x in range(0, 1000, 100)]
    assert [len(row) for row in references.rows(blocks(*tilted))] == [10, 10, 10]


def test_rows_with_one_tall_thing_across_both_are_not_bridged() -> None:
    across = blocks((0, 20, 10, 40), (12, 20, 22, 40), (0, 60, 10, 80), (12, 60, 22, 80), (30, 0, 40, 80))
    assert len(references.rows(across)) == 2


def test_rows_of_a_staggered_pile_are_its_layers() -> None:
    pile = [
        (x + 10 * (layer % 2), 17 * layer, x + 20 + 10 * (layer % 2), 17 * layer + 20)
        for layer in range(3)
        for x in range(0, 100, 20)
    ]
    assert [len(row) for row in references.rows(blocks(*pile))] == [5, 5, 5]


def test_in_row_counts_from_both_ends() -> None:
    grid = blocks((0, 0, 9, 9), (0, 20, 9, 29), (0, 40, 9, 49))
    assert [references.in_row(grid, row)[0].handle for row in (1, 3, -1, -3)] == ["m1", "m3", "m3", "m1"]


@pytest.mark.parametrize("row", [0, 3, -3])
def test_in_row_that_does_not_exist_says_which_do(row: int) -> None:
    with pytest.raises(
        ToolInputError, match=rf"^row={row} does not exist: expected 1 \(top\) to 2 .*1, 2 from the top"
    ):
        references.in_row(blocks((0, 0, 9, 9), (0, 20, 9, 29), (20, 20, 29, 29)), row)


@pytest.mark.parametrize(
    ("side", "expected"),
    [("left", "m1 m3"), ("right", "m2 m4 m5"), ("top", "m1 m2"), ("bottom", "m3 m4 m5"), ("centre", "m5")],
)
def test_on_side_is_a_half_of_the_picture_and_its_middle_third(side: references.Side, expected: str) -> None:
    things = blocks((0, 0, 20, 20), (80, 0, 100, 20), (0, 80, 20, 100), (80, 80, 100, 100), (45, 45, 59, 59))
    assert " ".join(each.handle for each in things if references.on_side(each, side, 100, 100)) == expected


def test_inside_an_object_counts_what_its_outline_goes_round() -> None:
    bowl = Block("m1", (0, 0, 6, 4), drawn("#....#", "#....#", "#....#", "######"))
    apple = Block("m2", (2, 1, 4, 3), drawn("......", "..##..", "..##..", "......"))
    region = references.area_of(bowl)
    assert references.is_inside(apple, region)
    assert not references.is_inside(bowl, region)
    assert not references.is_outside(bowl, region)


def test_inside_takes_more_than_half_of_the_mask_and_not_of_the_box() -> None:
    region = references.area_of_box((0, 0, 2, 4), 4, 4)
    corner = Block("m1", (0, 0, 4, 4), drawn("##..", "##..", "####", "...."))
    assert references.is_inside(corner, region)
    half = Block("m2", (0, 0, 4, 4))
    assert not references.is_inside(half, region)
    assert references.is_outside(half, region)


def test_inside_a_point_is_what_lies_under_it() -> None:
    ring = Block("m1", (0, 0, 3, 3), drawn("###", "#.#", "###"))
    assert references.is_inside(ring, references.place_of_points([(0.5, 0.5)]))
    assert not references.is_inside(ring, references.place_of_points([(1.5, 1.5)]))


@pytest.mark.parametrize(("left", "near"), [(20, True), (20.5, False)])
def test_near_reaches_as_far_as_the_smaller_is_large(left: float, near: bool) -> None:
    small, large = Block("m1", (0, 0, 10, 10)), Block("m2", (left, 0, left + 50, 50))
    assert references.is_near(small, references.area_of_box(large.box, 100, 100, "m2")) is near
    assert references.is_near(large, references.area_of_box(small.box, 100, 100, "m1")) is near


@pytest.mark.parametrize(
    ("label", "words", "fits"),
    [
        ("red apple", "apples", True),
        ("apple", "red apple", False),
        ("apple", "Apples", True),
        ("cherry", "cherries", True),
        ("box", "boxes", True),
        ("knife", "knives", True),
        ("pineapple", "apple", False),
        ("glass", "gla", False),
    ],
)
def test_has_label_forgives_plurals_and_not_more(label: str, words: str, fits: bool) -> None:
    assert references.has_label(Block("m1", (0, 0, 1, 1), label=label), words) is fits


def test_in_order_sorts_each_way() -> None:
    a = Block("a", (20, 0, 30, 10), score=0.5)
    b = Block("b", (0, 20, 40, 60), score=None)
    c = Block("c", (50, 40, 55, 45), score=0.8)

    def sorted_by(order: references.Order) -> str:
        return "".join(each.handle for each in references.in_order([a, b, c], order))

    assert sorted_by("left_to_right") == "bac"
    assert sorted_by("top_to_bottom") == "abc"
    assert sorted_by("by_size") == "bac"
    assert sorted_by("by_score") == "cab"


def test_size_is_the_masks_where_there_is_one() -> None:
    thin = Block("m1", (0, 0, 4, 4), drawn("#...", ".#..", "..#.", "...#"))
    assert references.size(thin) == 4
    assert references.extreme([thin, Block("m2", (0, 0, 3, 3))], "largest")[0][0].handle == "m2"


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ("leftmost", "m1"),
        ("rightmost", "m2"),
        ("topmost", "m3"),
        ("bottommost", "m1"),
        ("largest", "m3"),
        ("smallest", "m2"),
    ],
)
def test_extreme_is_one_where_one_stands_out(which: references.Extreme, expected: str) -> None:
    things = blocks((0, 60, 20, 80), (80, 30, 90, 40), (30, 0, 70, 40))
    assert picked(references.extreme(things, which)) == (expected, "")


def test_extreme_that_the_eye_cannot_decide_gives_all_that_tie() -> None:
    grid = blocks((0.4, 0, 20.4, 20), (0, 40, 20, 60), (40, 0, 60, 20))
    assert picked(references.extreme(grid, "leftmost")) == ("", "m2 m1")
    assert picked(references.extreme(grid, "leftmost", 2)) == ("m2 m1", "")
    assert picked(references.extreme(grid, "rightmost")) == ("m3", "")
    assert picked(references.extreme(grid, "rightmost", 2)) == ("m3", "m1 m2")


def test_take_counts_from_both_ends_and_refuses_more() -> None:
    things = blocks((0, 0, 1, 1), (2, 0, 3, 1), (4, 0, 5, 1))
    assert picked(references.take(things, None, 2)) == ("m2", "")
    assert picked(references.take(things, "left_to_right", -1, 2)) == ("m3 m2", "")
    assert picked(references.take(things, "left_to_right", 2, 9)) == ("m2 m3", "")
    with pytest.raises(ToolInputError, match=r"^ordinal=7 does not exist among 3: expected 1 to 3, or -1 .* Pick one"):
        references.take(things, None, 7)


def test_take_things_that_tie_share_a_place_counted_from_either_end() -> None:
    # Sizes 100, 99, 97.5: the two that tie with the largest are not those that tie with the smallest.
    sizes = blocks((0, 0, 10, 10), (20, 0, 29.9, 10), (40, 0, 49.75, 10), (60, 0, 65, 10))
    assert picked(references.take(sizes, "by_size", 1)) == ("", "m1 m2")
    assert picked(references.take(sizes, "by_size", 2)) == ("m3", "")
    assert picked(references.take(sizes, "by_size", -2)) == ("", "m3 m2")
    scores = [Block("a", (0, 0, 1, 1), score=0.9), Block("b", (2, 0, 3, 1), score=0.9)]
    with pytest.raises(ToolInputError, match=r"^ordinal=2 .* among 1 places of 2 things \(those that tie share one\):"):
        references.take(scores, "by_score", 2)


def test_take_in_a_grid_counts_columns_from_the_left_and_rows_from_the_top() -> None:
    grid = blocks(*((x + y / 80, y, x + y / 80 + 20, y + 20) for y in (0, 100, 200) for x in (0, 50, 100)))
    assert picked(references.take(grid, "left_to_right", 2)) == ("", "m2 m5 m8")
    assert picked(references.take(grid, "top_to_bottom", -2)) == ("", "m4 m5 m6")
    assert picked(references.take(grid, "left_to_right", 1)) == ("m1", "")
    assert picked(references.take(grid, "left_to_right", 1, 3)) == ("m1 m4 m7", "")
    staggered = blocks(*((x + y / 7, y, x + y / 7 + 20, y + 20) for y in (0, 100, 200) for x in (0, 50, 100)))
    assert picked(references.take(staggered, "left_to_right", 3)) == ("m7", "")


def test_columns_of_a_grid_are_read_downwards() -> None:
    grid = blocks((40, 50, 60, 70), (10, 10, 30, 30), (40, 12, 60, 32), (10, 52, 30, 72))
    assert names(references.columns(grid)) == ["m2 m4", "m3 m1"]
    assert [each.handle for each in references.in_column(grid, -1)] == ["m3", "m1"]
    with pytest.raises(ToolInputError, match=r"^column=3 .*: expected 1 \(left\) to 2 \(right\).* 2, 2 from the left"):
        references.in_column(grid, 3)


@pytest.mark.parametrize("degrees", [-8, -6, 6, 8])
def test_columns_under_a_tilted_camera_stay_apart(degrees: int) -> None:
    slope = np.tan(np.radians(degrees))
    tilted = [
        (x - slope * y, y + slope * x, x + 60 - slope * y, y + 60 + slope * x)
        for y in range(0, 600, 90)
        for x in range(0, 500, 100)
    ]
    assert [len(column) for column in references.columns(blocks(*tilted))] == [7] * 5
    lone = [box for box in tilted if tilted.index(box) % 5 == 0]
    assert [len(column) for column in references.columns(blocks(*lone))] == [7]


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("left_of", "m1 m4"), ("right_of", "m3 m6"), ("above", ""), ("below", "m4 m5 m6")],
)
def test_beside_is_beyond_the_edge_even_under_a_tilted_camera(direction: references.Direction, expected: str) -> None:
    slope = np.tan(np.radians(6))
    grid = blocks(
        *(
            (x - slope * y, y + slope * x, x + 40 - slope * y, y + 40 + slope * x)
            for y in (20, 80)
            for x in (20, 140, 260)
        )
    )
    middle = references.area_of_box(grid[1].box, 400, 200, "m2")
    beside = [each.handle for each in grid if references.is_beside(each, middle, direction, references.roll(grid))]
    assert " ".join(beside) == expected


def test_rows_of_many_things_take_little_time() -> None:
    import time

    many = blocks(*((x * 12.0, y * 14.0, x * 12.0 + 10, y * 14.0 + 11) for y in range(20) for x in range(25)))
    began = time.process_time()
    assert len(references.rows(many)) == 20
    assert time.process_time() - began < 1.0
