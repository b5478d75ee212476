import numpy as np

from agent_tools.services.suppression import standing


def kept(boxes: list[list[float]], scores: list[float], claimed: list[int], phrases: list[str]) -> list[int]:
    found = standing(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(claimed, np.int64),
        phrases,
        threshold=0.5,
        iou=0.6,
    )
    return sorted(found.tolist())


def test_standing_duplicates_of_one_phrase_leave_the_best() -> None:
    assert kept([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]], [0.6, 0.9, 0.7], [0, 0, 0], ["apple"]) == [1, 2]


def test_standing_one_box_claimed_by_two_phrases_goes_to_the_better() -> None:
    boxes = [[0, 0, 10, 10], [0, 0, 10, 10], [20, 0, 30, 10]]
    assert kept(boxes, [0.6, 0.9, 0.7], [0, 1, 0], ["tomato", "apple"]) == [1, 2]
    assert kept(boxes, [0.9, 0.6, 0.7], [0, 1, 0], ["tomato", "apple"]) == [0, 2]


def test_standing_equal_scores_of_two_phrases_leave_exactly_one() -> None:
    assert len(kept([[0, 0, 10, 10], [0, 0, 10, 10]], [0.7, 0.7], [0, 1], ["tomato", "apple"])) == 1


def test_standing_a_narrower_phrase_shares_the_box() -> None:
    assert kept([[0, 0, 10, 10], [0, 0, 10, 10]], [0.6, 0.9], [0, 1], ["apple", "red apple"]) == [0, 1]


def test_standing_two_colours_of_one_noun_do_not_share() -> None:
    assert kept([[0, 0, 10, 10], [0, 0, 10, 10]], [0.6, 0.9], [0, 1], ["green apple", "red apple"]) == [1]


def test_standing_small_thing_inside_a_large_one_of_another_phrase_stays() -> None:
    assert kept([[0, 0, 100, 100], [10, 10, 30, 30]], [0.9, 0.6], [0, 1], ["person", "bag"]) == [0, 1]


def test_standing_box_round_a_group_goes() -> None:
    members = [[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]]
    assert kept([[0, 0, 30, 10], *members], [0.9, 0.8, 0.8, 0.8], [0, 0, 0, 0], ["apple"]) == [1, 2, 3]


def test_standing_doubtful_boxes_do_not_make_a_hit_a_group() -> None:
    members = [[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]]
    assert kept([[0, 0, 30, 10], *members], [0.9, 0.2, 0.2, 0.2], [0, 0, 0, 0], ["shelf"]) == [0, 1, 2, 3]


def test_standing_doubtful_box_round_hits_goes() -> None:
    members = [[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]]
    assert kept([[0, 0, 30, 10], *members], [0.3, 0.8, 0.8, 0.8], [0, 0, 0, 0], ["apple"]) == [1, 2, 3]


def test_standing_box_without_area_goes() -> None:
    assert kept([[5, 5, 5, 20], [0, 0, 10, 10]], [0.9, 0.8], [0, 0], ["apple"]) == [1]


def test_standing_nothing_leaves_nothing() -> None:
    assert kept([], [], [], ["apple", "pear"]) == []
