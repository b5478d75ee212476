"""A picture of 200 x 100 pixels, two tiles of 120 x 100 that share 40 columns, and boxes asserted one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agent_tools.services.base import Detections
from agent_tools.services.seams import Look, Window, put_together

WHOLE, LEFT, RIGHT = (0, 0, 200, 100), (0, 0, 120, 100), (80, 0, 200, 100)
Seen = Sequence[tuple[Sequence[float], float]]


def look(window: Window, *seen: tuple[Sequence[float], float], full: bool = False) -> Look:
    boxes = np.array([box for box, _ in seen], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score in seen], np.float32)
    return Look(window, Detections(boxes, scores, np.zeros(len(seen), np.int64), full))


def things(*looks: Look) -> list[tuple[list[float], float]]:
    """Boxes with their scores, from left to right."""
    boxes, scores = put_together(looks, 0)
    return sorted((box, round(score, 3)) for box, score in zip(boxes.tolist(), scores.tolist(), strict=True))


def test_put_together_small_thing_takes_box_and_score_of_the_tile_it_is_most_central_in() -> None:
    found = things(
        look(WHOLE, ([84, 40, 96, 52], 0.4)),
        look(LEFT, ([85, 41, 95, 51], 0.7)),
        look(RIGHT, ([85, 40, 95, 51], 0.9)),
    )
    assert found == [([85, 41, 95, 51], 0.7)]


def test_put_together_large_thing_takes_box_and_score_of_the_whole_look() -> None:
    found = things(look(WHOLE, ([10, 10, 100, 90], 0.6)), look(LEFT, ([12, 12, 98, 88], 0.9)), look(RIGHT))
    assert found == [([10, 10, 100, 90], 0.6)]


def test_put_together_thing_that_its_judge_does_not_see_is_not_there_unless_the_judge_was_full() -> None:
    seen = ([30, 40, 45, 55], 0.6)
    assert things(look(WHOLE, seen), look(LEFT), look(RIGHT)) == []
    assert things(look(WHOLE, seen), look(LEFT, full=True), look(RIGHT)) == [seen]


def test_put_together_piece_at_a_seam_is_the_thing_that_another_look_shows_whole() -> None:
    found = things(look(WHOLE), look(LEFT, ([112, 40, 120, 60], 0.8)), look(RIGHT, ([112, 40, 130, 60], 0.7)))
    assert found == [([112, 40, 130, 60], 0.7)]


def test_put_together_two_neighbours_in_every_look_stay_two() -> None:
    pair = (([90, 40, 105, 60], 0.8), ([95, 40, 110, 60], 0.7))
    found = things(look(WHOLE, *pair), look(LEFT, *pair), look(RIGHT, *pair))
    assert [box for box, _ in found] == [[90, 40, 105, 60], [95, 40, 110, 60]]


def test_put_together_pieces_that_no_look_shows_whole_are_joined_where_the_whole_look_was_full() -> None:
    pieces = look(LEFT, ([20, 30, 120, 60], 0.5)), look(RIGHT, ([80, 30, 180, 60], 0.7))
    assert things(look(WHOLE, full=True), *pieces) == [([20, 30, 180, 60], 0.7)]
    assert things(look(WHOLE), *pieces) == []


def test_put_together_piece_of_a_large_thing_that_was_judged_is_no_thing_of_its_own() -> None:
    whole = ([60, 10, 180, 90], 0.8)
    # Too different in height to be joined, but inside.
    found = things(look(WHOLE, whole, full=True), look(LEFT, ([70, 20, 120, 45], 0.6)), look(RIGHT))
    assert found == [whole]


def test_put_together_thing_at_the_edge_of_the_picture_is_not_cut() -> None:
    edge = ([0, 0, 15, 12], 0.7)
    assert things(look(WHOLE, ([0, 0, 16, 13], 0.9)), look(LEFT, edge), look(RIGHT)) == [edge]


def test_put_together_other_phrases_are_left_out() -> None:
    assert put_together([look(WHOLE, ([0, 0, 9, 9], 0.5))], 1)[0].shape == (0, 4)
