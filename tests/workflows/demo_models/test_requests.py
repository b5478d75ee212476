"""Requests about scenes have the answers that the scenes hold."""

import numpy as np
import pytest

from workflows.demo_models.detector_prompts import TOKENS
from workflows.demo_models.requests import MOST, STRANGERS, about, draw_kind, draw_missing, draw_request
from workflows.demo_models.scenes import NOUNS, PAINTED, Scene, SceneObject, render_scene


def thing(noun, colour, left):
    mask = np.zeros((20, 100), bool)
    mask[:, left : left + 5] = True
    return SceneObject(noun, colour, np.array([left, 0, left + 5, 20], np.float32), mask, 1.0)


@pytest.fixture
def apples():
    objects = (
        thing("apple", "red", 0),
        thing("apple", "green", 10),
        thing("apple", "red", 20),
        thing("lime", "green", 40),
    )
    return Scene(np.zeros((20, 100, 3), np.uint8), objects, 0)


@pytest.mark.parametrize(
    ("phrase", "lefts"),
    [("apple", [0, 10, 20]), ("red apple", [0, 20]), ("lime", [40]), ("book", []), ("blue apple", [])],
)
def test_about_a_phrase_finds_the_things_it_names(apples, phrase, lefts):
    assert about(apples, phrase)[:, 0].tolist() == lefts


def test_requests_cover_nouns_colours_and_rivals(apples):
    drawn = [draw_request(apples, np.random.default_rng(seed), 0.0) for seed in range(60)]
    seen = {(request.phrase, request.sort, request.rivals, len(request.boxes)) for request in drawn}
    assert seen == {
        ("apple", "noun", 0, 3),
        ("red apple", "colour", 1, 2),
        ("green apple", "colour", 2, 1),
        ("lime", "noun", 0, 1),
    }


def test_request_by_kind_names_noun_and_colour(apples):
    drawn = [draw_kind(apples, np.random.default_rng(seed), 0.0) for seed in range(60)]
    seen = {(request.phrase, request.rivals, len(request.boxes)) for request in drawn}
    assert seen == {("red apple", 1, 2), ("green apple", 2, 1), ("green lime", 0, 1)}


def test_request_by_kind_may_be_for_what_is_not_there(apples):
    drawn = [draw_kind(apples, np.random.default_rng(seed), 1.0) for seed in range(30)]
    assert {request.sort for request in drawn} == {"absent"}
    assert not {request.phrase for request in drawn} & {"red apple", "green apple", "green lime"}


def test_request_now_and_then_is_for_what_is_not_there(apples):
    sorts = [draw_request(apples, np.random.default_rng(seed)).sort for seed in range(200)]
    assert 5 < sorts.count("absent") < 40


def test_request_for_a_crowd_is_left_to_dense_scenes():
    crowd = Scene(np.zeros((20, 100, 3), np.uint8), tuple(thing("lime", "green", 3 * k) for k in range(MOST + 1)), 0)
    assert {draw_request(crowd, np.random.default_rng(seed), 0.0).sort for seed in range(20)} == {"absent"}


def test_missing_things_are_not_in_the_scene():
    for seed in range(40):
        scene = render_scene(seed, 96, 72)
        request = draw_missing(scene, np.random.default_rng(seed), 0.2)
        assert len(request.boxes) == 0
        assert len(about(scene, request.phrase)) == 0
        noun = request.phrase.split()[-1]
        assert (noun in NOUNS) == (request.sort == "absent")
        assert noun in PAINTED or request.sort == "unknown" or noun in request.phrase


def test_strangers_are_words_that_no_model_of_ours_learns():
    assert not {phrase.split()[-1] for phrase in STRANGERS} & set(TOKENS)
