"""Expected against found, on shelves written down as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from agent_tools.shelves.expectations import as_planned, by_plan, compared_with, planned, row_number
from agent_tools.shelves.products import Expected, Product
from agent_tools.shelves.results import Finding, ShelfObject, ShelfRow

SKUS = {"a": "apple", "b": "bread", "c": "cake"}
PRODUCTS = [Product(sku, (sku,)) for sku in SKUS.values()]
SURE, DOUBT = 0.99, 0.6

Plan = Mapping[str, tuple[Expected, ...]]


def shelf(*rows: str) -> tuple[list[ShelfObject], list[ShelfRow]]:
    """Things from rows of letters 10 apart: a capital is doubtful, a dot an empty place, a comma a near miss of a."""
    objects = []
    for number, row in enumerate(rows, start=1):
        for place, letter in enumerate(row):
            if letter != ".":
                box = (10.0 * place, 20.0 * number - 18, 10.0 * place + 10, 20.0 * number)
                sku = SKUS[letter.lower().replace(",", "a")]
                chance = 0.2 if letter == "," else SURE if letter.islower() else DOUBT
                objects.append(ShelfObject(sku, number, box, chance, chance, letter != ","))
    lines = [
        ShelfRow(n, ((0, 20.0 * n - 20), (99, 20.0 * n - 20), (99, 20.0 * n), (0, 20.0 * n)))
        for n in range(1, len(rows) + 1)
    ]
    return objects, lines


def told(rows: Sequence[str], expected: Plan, unknown: Sequence[str] = ()) -> list[tuple[str, str, int, int]]:
    """Kind, sku, row and number found of each finding but gaps, in order of rows."""
    objects, lines = shelf(*rows)
    found = compared_with(PRODUCTS, expected, objects, lines, dict.fromkeys(unknown, "has no word for it"))
    return sorted((each.kind, each.sku, each.row, each.found) for each in found if each.kind != "gap")


def gaps(rows: Sequence[str], expected: Plan) -> list[tuple[str, int, tuple[float, ...] | None]]:
    objects, lines = shelf(*rows)
    found = compared_with(PRODUCTS, expected, objects, lines, {})
    return sorted((each.sku, each.row, each.box) for each in found if each.kind == "gap")


@pytest.mark.parametrize(
    ("rows", "expected", "findings"),
    [
        (["aaa", "bbb"], {"apple": (Expected(3, 3, 1),), "bread": (Expected(3, 3, 2),)}, []),
        (["aa", "bbb"], {"apple": (Expected(3, 3, 1),)}, [("missing", "apple", 1, 2)]),
        (["bb", "bbb"], {"apple": (Expected(1, 3, 1),)}, [("missing", "apple", 1, 0)]),
        (["aaaaa", "bbb"], {"apple": (Expected(3, 4, 1),)}, [("surplus", "apple", 1, 5)]),
        (["aaaaa", "bbb"], {"apple": (Expected(3, None, 1),)}, []),
        (["aaa", "bab"], {"apple": (Expected(3, 3, 1),)}, [("misplaced", "apple", 2, 1)]),
        (["aab", "bab"], {"apple": (Expected(3, 3),)}, []),
        (["aab", "bbb"], {"apple": (Expected(3, 3),)}, [("missing", "apple", 0, 2)]),
        (["aaa", "aaa"], {"apple": (Expected(2, 3),)}, [("surplus", "apple", 0, 6)]),
        (
            ["aab", "bba"],
            {"apple": (Expected(3, 3, 1),), "bread": (Expected(3, 3, 2),)},
            [
                ("misplaced", "apple", 2, 1),
                ("misplaced", "bread", 1, 1),
                ("missing", "apple", 1, 2),
                ("missing", "bread", 2, 2),
            ],
        ),
        (["aaa", "bbb", "aa"], {"apple": (Expected(3, 3, 1), Expected(3, 3, -1))}, [("missing", "apple", 3, 2)]),
        (["aaa", "bbb", "aaa"], {"apple": (Expected(3, 3, -1), Expected(3, 3, -3))}, []),
        (["bbb", "aaa"], {"apple": (Expected(3, 3, 3),)}, [("misplaced", "apple", 2, 3), ("missing", "apple", 3, 0)]),
        (["aaa"], {"apple": (Expected(0, 0),)}, [("surplus", "apple", 0, 3)]),
        (["aaa"], {}, []),
    ],
)
def test_compared_with_a_plan_tells_what_differs(
    rows: list[str], expected: Plan, findings: list[tuple[str, str, int, int]]
) -> None:
    assert told(rows, expected) == findings


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["aa,", "bbb"], {"apple": (Expected(3, 3, 1),)}),
        (["aaA", "bbb"], {"apple": (Expected(2, 2, 1),)}),
        (["aaa", "bbA"], {"apple": (Expected(3, 3, 1),)}),
    ],
    ids=["missing", "surplus", "misplaced"],
)
def test_compared_with_differences_that_are_not_sure_are_not_told(rows: list[str], expected: Plan) -> None:
    assert told(rows, expected) == []
    sure = [row.lower().replace(",", ".") for row in rows]
    assert len(told(sure, expected)) == 1


def test_compared_with_confidence_is_the_chance_that_there_is_a_difference() -> None:
    objects, rows = shelf("aa,bbb")
    (missing, *_) = compared_with(PRODUCTS, {"apple": (Expected(4, 4, 1),)}, objects, rows, {})
    plan = {"apple": (Expected(2, 2, 1),), "bread": (Expected(2, 2, 1),)}
    (surplus,) = (each for each in compared_with(PRODUCTS, plan, objects, rows, {}) if each.kind != "gap")

    assert missing == Finding("missing", "apple", 1, (4, 4), 2, 1.0)
    assert surplus == Finding("surplus", "bread", 1, (2, 2), 3, round(SURE**3, 4))


@pytest.mark.parametrize(
    ("rows", "findings"),
    [
        # An apple taken for bread: the row is full, and there is more bread than there can be.
        (["aab", "bbb"], []),
        # Two gone: the row is short of them.
        (["a", "bbb"], [("missing", "apple", 1, 1)]),
        # An apple and a bread have changed places: each is missing where it should be.
        (
            ["aab", "bba"],
            [
                ("misplaced", "apple", 2, 1),
                ("misplaced", "bread", 1, 1),
                ("missing", "apple", 1, 2),
                ("missing", "bread", 2, 2),
            ],
        ),
        # A bread too many makes its row too full.
        (["aaa", "bbbb"], [("surplus", "bread", 2, 4)]),
    ],
)
def test_compared_with_a_difference_that_does_not_add_up_has_to_be_surer(
    rows: list[str], findings: list[tuple[str, str, int, int]]
) -> None:
    objects, lines = shelf(*rows)
    likely = [replace(each, chance=0.98) for each in objects]
    rivals = {"apple": "bread", "bread": "apple"}
    less_sure = [*likely, *(replace(each, sku=rivals[each.sku], chance=0.02, counted=False) for each in likely)]
    plan = {"apple": (Expected(3, 3, 1),), "bread": (Expected(3, 3, 2),)}
    found = compared_with(PRODUCTS, plan, less_sure, lines, {})
    told = sorted((each.kind, each.sku, each.row, each.found) for each in found if each.kind != "gap")

    assert told == findings


def test_compared_with_products_that_nobody_looked_for_are_not_missing() -> None:
    plan = {"apple": (Expected(3, 3, 1),), "bread": (Expected(3, 3, 1),)}

    assert told(["c"], plan) == [("missing", "apple", 1, 0), ("missing", "bread", 1, 0)]
    assert told(["c"], plan, unknown=["apple"]) == [("missing", "bread", 1, 0)]


def test_compared_with_a_shelf_without_anything_tells_what_is_missing_anywhere() -> None:
    assert told([], {"apple": (Expected(2, 3),), "bread": (Expected(1, 1, 2),)}) == [
        ("missing", "apple", 0, 0),
        ("missing", "bread", 2, 0),
    ]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["aaa", "bbb"], []),
        (["a.a", "bbb"], [("apple", 1, (10, 2, 20, 20))]),
        (["a.b", "bbb"], [("", 1, (10, 2, 20, 20))]),
        (["aaa", "bb."], [("bread", 2, (20, 22, 30, 40))]),
        (["a.a", ".bb"], [("apple", 1, (10, 2, 20, 20)), ("bread", 2, (0, 22, 10, 40))]),
        (["aaa", "..."], [("", 2, (0, 20, 30, 40))]),
        (["a,a", "bbb"], [("apple", 1, (10, 2, 20, 20))]),
        (["...", "..."], []),
    ],
)
def test_compared_with_empty_places_are_gaps_of_what_stands_beside_them(
    rows: list[str], found: list[tuple[str, int, tuple[float, ...]]]
) -> None:
    assert gaps(rows, {"cake": (Expected(0, None),)}) == found


def test_compared_with_an_empty_row_is_a_gap_of_the_product_that_is_missing_there() -> None:
    assert gaps(["aaa", "..."], {"bread": (Expected(3, 3, 2),)}) == [("bread", 2, (0, 20, 30, 40))]


def test_compared_with_a_gap_in_which_something_may_stand_is_less_sure() -> None:
    objects, rows = shelf("a,a", "a.a")
    likely = [
        ShelfObject(each.sku, each.row, each.box, 0.7, 0.7, False) if not each.counted else each for each in objects
    ]
    plan = {"apple": (Expected(0, None),)}

    def sure(things: Sequence[ShelfObject]) -> dict[int, float]:
        return {each.row: each.confidence for each in compared_with(PRODUCTS, plan, things, rows, {})}

    assert sure(objects) == {1: 0.8, 2: 1.0}
    assert sure(likely) == {2: 1.0}


def test_compared_with_nothing_expected_tells_nothing() -> None:
    objects, rows = shelf("a.a", "...")

    assert compared_with(PRODUCTS, {}, objects, rows, {}) == ()


def test_compared_with_tells_the_surest_first() -> None:
    objects, rows = shelf("aaa", "b.b", "c,c")
    plan = {"apple": (Expected(2, 2, 1),), "cake": (Expected(2, 2, 3),)}
    sure = [each.confidence for each in compared_with(PRODUCTS, plan, objects, rows, {})]

    assert len(sure) == 3
    assert sure == sorted(sure, reverse=True)


@pytest.mark.parametrize(
    ("row", "rows", "number"), [(None, 3, 0), (1, 3, 1), (3, 3, 3), (4, 3, 4), (-1, 3, 3), (-3, 3, 1), (-1, 1, 1)]
)
def test_row_number_counts_from_the_top_or_from_the_bottom(row: int | None, rows: int, number: int) -> None:
    assert row_number(Expected(1, 1, row), rows) == number


def test_planned_has_each_products_number_in_its_row_and_of_any_row_a_share_in_each() -> None:
    plan = planned(PRODUCTS, {"apple": (Expected(4, 6, 1), Expected(2, 2, -1)), "bread": (Expected(6, None),)}, rows=2)

    assert plan.tolist() == [[0, 3, 0], [5, 3, 0], [2, 3, 0]]
    assert not planned(PRODUCTS, {}, rows=2).any()
    assert planned(PRODUCTS, {"apple": (Expected(4, 4, 3),)}, rows=2).tolist() == [[0, 0, 0]] * 3


def test_by_plan_tells_look_alikes_apart_and_keeps_the_chance_that_something_is_there() -> None:
    chances = np.array([[0.4, 0.5, 0.05], [0.4, 0.5, 0.05], [0.01, 0.02, 0.01], [0.02, 0.9, 0.0]])
    plan = np.array([[0, 0, 0], [6, 0, 0], [0, 6, 0]], np.float64)
    told = by_plan(chances, np.array([1, 2, 1, 1]), plan)

    assert told.sum(axis=1) == pytest.approx(chances.sum(axis=1))
    assert told.argmax(axis=1).tolist() == [0, 1, 0, 1]
    assert told[0, 0] == pytest.approx(0.95 * 0.4 * 6.3 / (0.4 * 6.3 + 0.5 * 0.3 + 0.05 * 0.3))


def test_by_plan_without_one_or_without_things_changes_nothing() -> None:
    chances = np.array([[0.4, 0.5]])

    assert by_plan(chances, np.array([0]), np.zeros((1, 2))).tolist() == chances.tolist()
    assert by_plan(np.zeros((0, 2)), np.zeros(0, np.int64), np.ones((2, 2))).shape == (0, 2)


@pytest.mark.parametrize(
    ("rows", "expected", "row", "agrees"),
    [
        (["aaa"], (), 1, None),
        (["aaa"], (), 0, None),
        (["aaa"], (Expected(3, 3, 1),), 1, True),
        (["aa"], (Expected(3, 3, 1),), 1, False),
        (["aaaa"], (Expected(3, None, 1),), 1, True),
        (["aaa", "a"], (Expected(3, 3, 1),), 1, True),
        (["aaa", "a"], (Expected(3, 3, 1),), 2, False),
        (["aaa", "a"], (Expected(3, 3, 1),), 0, False),
        (["aaa", "b"], (Expected(3, 3, 1),), 0, True),
        (["aaa", "a"], (Expected(4, 4),), 0, True),
        (["aaa", "a"], (Expected(4, 4),), 1, None),
        (["aaa", "aa"], (Expected(3, 3, 1), Expected(2, 2, -1)), 0, True),
        (["aaa", "a"], (Expected(3, 3, 1), Expected(2, 2, -1)), 0, False),
    ],
)
def test_as_planned_is_whether_a_count_is_what_is_expected_of_it(
    rows: list[str], expected: tuple[Expected, ...], row: int, agrees: bool | None
) -> None:
    objects, _ = shelf(*rows)

    assert as_planned("apple", row, expected, objects, len(rows)) is agrees
