"""What is fitted tells products apart as the answers did, and the truth is that of the scene."""

from __future__ import annotations

import numpy as np
import pytest

from agent_tools.shelves.appearance import COMPARED, Appearance
from agent_tools.shelves.judging import BY_EXAMPLE, WORDS, Examples, softmax
from tests.shelves.knowing import Knowing
from workflows.demo_models.kinds import Kind
from workflows.demo_models.scenes import SceneObject
from workflows.demo_models.shelf_calibration import Seen, examples_of, fitted, phrase_of, seen, shelf_visits, truth_of
from workflows.demo_models.shelf_scenes import ShelfScene

CAN, APPLE = ("can", "red"), ("apple", "red")
ORANGE = ("orange", "orange")


def standing(*things: tuple[Kind, tuple[float, float, float, float]]) -> ShelfScene:
    objects = tuple(
        (1, SceneObject(*kind, np.array(box, np.float32), np.zeros((1, 1), bool), 1.0)) for kind, box in things
    )
    return ShelfScene(np.zeros((1, 1, 3), np.uint8), (), (), objects, 0)


def test_phrase_of_a_kind_names_its_colour_where_there_are_several() -> None:
    assert [phrase_of(kind) for kind in (CAN, APPLE, ORANGE)] == ["red can", "red apple", "orange"]


def test_truth_of_boxes_is_the_best_overlap_and_each_true_thing_once() -> None:
    scene = standing((CAN, (0, 0, 10, 10)), (APPLE, (20, 0, 30, 10)))
    boxes = np.array([[0, 0, 10, 8], [0, 0, 10, 10], [20, 0, 30, 6], [20, 0, 30, 4], [50, 0, 60, 9]], np.float32)

    assert truth_of(boxes, scene, [APPLE, CAN]).tolist() == [-1, 1, 0, -1, -1]
    assert truth_of(boxes[:0], scene, [APPLE, CAN]).tolist() == []
    assert truth_of(boxes, standing(), [APPLE, CAN]).tolist() == [-1] * 5


def test_fitted_finds_the_weights_that_made_the_answers() -> None:
    rng = np.random.default_rng(0)
    width = len(WORDS) + len(COMPARED)
    true, bias = rng.normal(size=width), -1.0
    pictures = []
    for _ in range(60):
        measured = rng.normal(size=(100, 3, width))
        chance = softmax(measured @ true + bias)
        limits = np.cumsum(np.c_[1 - chance.sum(axis=1), chance], axis=1)
        truth = (rng.random((100, 1)) > limits).sum(axis=1) - 1
        pictures.append(Seen(measured[..., : len(WORDS)], measured[..., len(WORDS) :], truth))
    found = fitted(pictures, with_examples=True)

    assert (*found.words, *found.looks) == pytest.approx(tuple(true), abs=0.15)
    assert found.bias == pytest.approx(bias, abs=0.15)
    by_words = fitted(pictures, with_examples=False)
    assert by_words.looks == (0.0,) * len(COMPARED)
    assert np.sign(by_words.words).tolist() == np.sign(true[: len(WORDS)]).tolist()


def test_shelf_visits_are_seen_with_words_and_looks_that_point_to_the_truth() -> None:
    ((kinds, as_planned, visits),) = shelf_visits(9_600_002, shelves=1, visits=2)
    marked = examples_of(kinds, as_planned, 2)
    boxes = np.array([thing.box for _, thing in marked], np.float32)
    numbers = np.array([number for number, _ in marked])
    examples = Examples(Appearance.of(as_planned.image, boxes), numbers, np.ones(len(marked), bool))
    picture = seen(visits[0], kinds, examples, Knowing(visits[0]))

    assert as_planned.places == as_planned.plan == visits[0].plan == visits[1].plan
    assert all(kinds[number] == (thing.noun, thing.colour) for number, thing in marked)
    assert max(np.bincount(numbers)) <= 2
    assert sorted(picture.truth.tolist()) == sorted(
        kinds.index((thing.noun, thing.colour)) for _, thing in visits[0].objects
    )
    assert picture.words.shape == (len(picture.truth), len(kinds), len(WORDS))
    assert picture.looks.shape == (len(picture.truth), len(kinds), len(COMPARED))
    assert (picture.words[..., 0].argmax(axis=1) == picture.truth).all()
    assert np.mean((picture.looks @ np.array(BY_EXAMPLE.looks)).argmax(axis=1) == picture.truth) > 0.8
