"""Rendered shelves: the plan, what a visit changes, and that the truth is what the picture shows."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from workflows.demo_models.kinds import KINDS, PAINTED, Kind
from workflows.demo_models.layouts import GREENGROCERY
from workflows.demo_models.shelf_scenes import PACKED, planned, render_shelf, visited

CAN, JAR, APPLE = ("can", "red"), ("jar", "blue"), ("apple", "red")
MANY = 200


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("produce", "nouns"), [(True, set(GREENGROCERY)), (False, set(PACKED))])
def test_planned_shelf_has_rows_of_blocks_of_known_products(produce: bool, nouns: set[str]) -> None:
    for seed in range(MANY):
        plan = planned(rng(seed), produce)
        kinds = {kind for row in plan for kind in row}
        assert 2 <= len(plan) <= 4
        assert all(6 <= len(row) <= 12 for row in plan)
        assert 1 <= len(kinds) <= 6
        assert kinds <= set(KINDS)
        assert {kind[0] for kind in kinds if kind is not None} <= nouns
        for row in plan:
            blocks = 1 + sum(one != other for one, other in pairwise(row))
            assert blocks == len(set(row)) <= 3


def test_planned_shelves_are_of_both_sorts_and_some_hold_one_noun_in_several_colours() -> None:
    plans = [{kind for row in planned(rng(seed)) for kind in row if kind is not None} for seed in range(MANY)]
    nouns = [[kind[0] for kind in kinds] for kinds in plans]

    assert 0.2 < np.mean([set(each) <= set(GREENGROCERY) for each in nouns]) < 0.6
    assert np.mean([len(set(each)) < len(each) for each in nouns]) > 0.1
    assert all(kind[1] in PAINTED[kind[0]] for kinds in plans for kind in kinds if kind[0] in PACKED)


def test_planned_and_visited_are_the_same_for_the_same_seed() -> None:
    assert planned(rng(5)) == planned(rng(5)) != planned(rng(6))
    plan = planned(rng(5))
    assert visited(rng(7), plan, 1.0) == visited(rng(7), plan, 1.0)


def test_visited_takes_things_away_or_swaps_two_and_adds_nothing() -> None:
    plan = planned(rng(3))
    before = [kind for row in plan for kind in row]
    changed, swapped = 0, 0
    for seed in range(MANY):
        left = visited(rng(seed), plan)
        after = [kind for row in left for kind in row]
        assert [len(row) for row in left] == [len(row) for row in plan]
        moved = [(b, a) for b, a in zip(before, after, strict=True) if a not in (b, None)]
        assert all(before.count(kind) >= after.count(kind) for kind in set(before))
        assert len(moved) in (0, 1, 2)
        changed += left != plan
        swapped += bool(moved)
    assert 0.4 < changed / MANY < 0.8
    assert 0 < swapped < 0.3 * MANY
    assert all(visited(rng(seed), plan, 0.0) == plan for seed in range(20))


@pytest.mark.parametrize("seed", range(4))
def test_render_shelf_shows_what_stands_in_each_row(seed: int) -> None:
    row: tuple[Kind | None, ...] = (CAN, CAN, None, JAR, JAR, JAR)
    plan = ((CAN,) * 3 + (JAR,) * 3, (APPLE,) * 6)
    scene = render_shelf(seed, plan, (row, (APPLE,) * 6))

    assert scene.image.shape == (480, 640, 3)
    assert scene.image.dtype == np.uint8
    assert (scene.plan, scene.places, scene.seed) == (plan, (row, (APPLE,) * 6), seed)
    assert [scene.count(kind, 1) for kind in (CAN, JAR, APPLE)] == [2, 3, 0]
    assert [scene.count(kind, 2) for kind in (CAN, JAR, APPLE)] == [0, 0, 6]
    assert scene.count(JAR) == 3
    boxes = np.array([thing.box for _, thing in scene.objects])
    numbers = np.array([number for number, _ in scene.objects])
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= (640, 480)).all()
    assert boxes[numbers == 1, 3].max() < boxes[numbers == 2, 3].min()
    assert boxes[numbers == 1, 3].max() < 280


def test_render_shelf_leaves_an_empty_place_open() -> None:
    full: tuple[Kind | None, ...] = (CAN,) * 8
    scene = render_shelf(1, (full, full), ((*full[:4], None, *full[5:]), full))
    boxes = np.array([thing.box for number, thing in scene.objects if number == 1])
    boxes = boxes[np.argsort(boxes[:, 0])]
    between = boxes[1:, 0] - boxes[:-1, 2]

    assert len(boxes) == 7
    assert between.argmax() == 3
    assert between[3] > 0.8 * np.median(boxes[:, 2] - boxes[:, 0])
    assert np.delete(between, 3).max() < 0.3 * between[3]


def test_render_shelf_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    plan = ((CAN,) * 6, (JAR,) * 6)
    one, again, other = (render_shelf(seed, plan, width=160, height=120) for seed in (1, 1, 2))

    assert (one.image == again.image).all()
    assert (one.image != other.image).any()
    assert one.image.shape == (120, 160, 3)


def test_render_shelf_products_of_a_shop_look_the_same_in_every_picture() -> None:
    plan: tuple[tuple[Kind | None, ...], ...] = ((CAN,) * 4, (CAN,) * 4)

    def colour(seed: int, shop: int) -> np.ndarray:
        scene = render_shelf(seed, plan, shop=shop)
        middles = [((t.box[:2] + t.box[2:]) / 2).astype(int) for _, t in scene.objects]
        tints = np.array([scene.image[y - 9 : y + 9, x - 9 : x + 9].mean(axis=(0, 1)) for x, y in middles])
        tints /= tints.sum(axis=1, keepdims=True)
        return np.asarray(np.median(tints, axis=0))

    own = [np.abs(colour(1, shop) - colour(2, shop)).sum() for shop in range(5)]
    others = [np.abs(colour(1, shop) - colour(2, shop + 1)).sum() for shop in range(5)]
    assert np.mean(own) < 0.6 * np.mean(others)
