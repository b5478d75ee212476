"""Chances of things to be products: by words, by what stands beside them, and by example."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from agent_tools.shelves.appearance import Appearance
from agent_tools.shelves.judging import UNSEEN, WORDS, Examples, evidence, judged, likenesses, product_chances, softmax

SIDE = 40
INKS = {"a": (200, 40, 40), "b": (30, 70, 200), "c": (40, 160, 60)}


def looks_of(kinds: str, seed: int = 0) -> Appearance:
    """One thing for each letter, those of a letter alike but for noise."""
    rng = np.random.default_rng(seed)
    array = np.zeros((SIDE, SIDE * len(kinds), 3))
    for place, kind in enumerate(kinds):
        pattern = np.random.default_rng(ord(kind)).uniform(0.3, 1, (5, 5)).repeat(8, 0).repeat(8, 1)[..., None]
        array[:, place * SIDE : (place + 1) * SIDE] = pattern * INKS[kind] + rng.normal(0, 4, (SIDE, SIDE, 3))
    boxes = [[i * SIDE, 0, (i + 1) * SIDE, SIDE] for i in range(len(kinds))]
    return Appearance.of(array.clip(0, 255).astype(np.uint8), np.array(boxes, np.float32).reshape(-1, 4))


def shown(kinds: str, products: Sequence[int], belong: Sequence[bool] | None = None) -> Examples:
    return Examples(looks_of(kinds, 9), np.array(products), np.array([True] * len(kinds) if belong is None else belong))


def chances_of(kinds: str, words: Sequence[Sequence[float]], examples: Examples | None = None) -> NDArray[np.float64]:
    looks = looks_of(kinds)
    return judged(evidence(np.array(words), looks), looks, examples)


def test_softmax_leaves_the_rest_to_none_of_them() -> None:
    odds = np.array(
        [[0.0, 0.0, 0.0], [np.log(2), -np.inf, -np.inf], [1000.0, 1000.0, 0.0], [-1000.0, -1000.0, -1000.0]]
    )

    assert softmax(odds) == pytest.approx(np.array([[1 / 4] * 3, [2 / 3, 0, 0], [1 / 2, 1 / 2, 0], [0, 0, 0]]))
    assert softmax(np.zeros((2, 0))).shape == (2, 0)
    assert softmax(np.zeros((0, 3))).shape == (0, 3)


def test_product_chances_are_those_of_its_best_phrase() -> None:
    scores = np.array([[0.2, 0.9, 0.4], [0.6, 0.1, 0.0]])

    assert product_chances(scores, [(0, 0), (1, 0), (2, 1), (1, 2)], 4).tolist() == [
        [0.9, 0.4, 0.9, 0],
        [0.6, 0, 0.1, 0],
    ]


def test_evidence_of_a_thing_without_a_score_is_that_of_one_hardly_seen() -> None:
    looks = looks_of("ab")
    words = evidence(np.array([[0.0, 0.5], [UNSEEN, 0.5]]), looks)

    assert words.shape == (2, 2, len(WORDS))
    assert words[0, :, 0] == pytest.approx(words[1, :, 0])
    assert words[0, 0, 0] == pytest.approx(np.log(UNSEEN / (1 - UNSEEN)))
    assert words[0, 1, 0] == 0


def test_judged_by_words_follows_them_and_sums_to_less_than_one() -> None:
    found = chances_of("abc", [[0.95, 0.1], [0.1, 0.95], [0.02, 0.02]])

    assert found.argmax(axis=1)[:2].tolist() == [0, 1]
    assert (found.max(axis=1) > [0.5, 0.5, 0]).all()
    assert found[2].max() < 0.3
    assert (found.sum(axis=1) < 1).all()


def test_judged_doubtful_thing_among_sure_ones_that_look_the_same_is_one_of_them() -> None:
    words = [[0.35, 0.0]] + [[0.97, 0.0]] * 6
    alike, unlike, alone = chances_of("aaaaaaa", words), chances_of("baaaaaa", words), chances_of("a", words[:1])

    assert alike[0, 0] > 0.8
    assert alike[0, 0] > unlike[0, 0] + 0.2
    assert alike[0, 0] > alone[0, 0] + 0.2


def test_judged_likely_thing_among_others_that_are_not_it_is_doubted() -> None:
    others, sure = ([[0.6, 0.0]] + [[chance, 0.0]] * 6 for chance in (0.02, 0.9))

    assert chances_of("aaaaaaa", others)[0, 0] < chances_of("aaaaaaa", sure)[0, 0] - 0.1
    assert chances_of("abbbbbb", others)[0, 0] == pytest.approx(chances_of("abbbbbb", sure)[0, 0], abs=0.02)


def test_judged_examples_beat_words() -> None:
    words = [[0.85, 0.4], [0.4, 0.85]]

    assert chances_of("ba", words).argmax(axis=1).tolist() == [0, 1]
    by_example = chances_of("ba", words, shown("ab", [0, 1]))
    assert by_example.argmax(axis=1).tolist() == [1, 0]
    assert (by_example.max(axis=1) > 0.8).all()


def test_judged_likest_of_several_examples_counts() -> None:
    words = [[0.5], [0.5]]

    one, several = (chances_of("ac", words, shown(kinds, [0] * len(kinds))) for kinds in ("b", "bac"))
    assert one.max() < 0.5 < several.min()


def test_judged_product_without_examples_is_judged_by_words_beside_one_that_has_some() -> None:
    words = [[0.9, 0.05], [0.05, 0.9]]
    found = chances_of("ab", words, shown("b", [1]))

    assert found.argmax(axis=1).tolist() == [0, 1]


def test_judged_like_what_a_person_took_away_is_spoken_against() -> None:
    words = [[0.9], [0.9]]
    found = chances_of("ab", words, shown("ab", [0, 0], [True, False]))

    assert found[0, 0] > 0.9
    assert found[1, 0] < 0.3
    assert chances_of("ab", words, shown("a", [0]))[1, 0] > found[1, 0]


def test_judged_with_nothing_but_a_counterexample_speaks_against_what_looks_like_it_alone() -> None:
    words = [[0.9, 0.0]] * 2
    plain, warned = chances_of("ac", words), chances_of("ac", words, shown("c", [0], [False]))

    assert warned[0, 0] == pytest.approx(plain[0, 0])
    assert warned[1, 0] < 0.5 < plain[1, 0]


def test_likenesses_are_of_the_likest_example_and_say_which_are_no_examples() -> None:
    looks, against = likenesses(looks_of("abc"), shown("abc", [0, 1, 1], [True, True, False]), 3)

    assert looks.shape == (3, 3, 7)
    assert looks[:, 0, 0].argmax() == 0
    both, _ = likenesses(looks_of("abc"), shown("ab", [0, 0]), 1)
    assert (both[:2, 0, :3] > 0.9).all()
    assert both[2, 0, 0] < 0.8
    assert looks[:, 1, 0].argmax() == 1
    assert not looks[:, 2].any()
    assert against[1:].tolist() == [[False, False, False], [False, True, False]]


def test_judged_nothing_and_no_products_are_answered() -> None:
    empty = looks_of("")

    assert judged(evidence(np.zeros((0, 2)), empty), empty, shown("a", [0])).shape == (0, 2)
    assert chances_of("ab", [[], []]).shape == (2, 0)
