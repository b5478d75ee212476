"""Figures on rendered scenes: perfect answers score 1, wrong ones what arithmetic says."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from agent_tools.services.base import Detections
from workflows.demo_models import evaluate
from workflows.demo_models.evaluate import Answer, ask, average_precision, count_figures, request, sentence
from workflows.demo_models.scenes import EVALUATION_SEEDS, render_scene


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(EVALUATION_SEEDS + number, 128, 96) for number in range(12)]


def truth_of(scene):
    noun, colour, _ = request(scene)
    things = [thing.box for thing in scene.objects if (thing.noun, thing.colour) == (noun, colour)]
    return np.array(things, np.float32).reshape(-1, 4)


def perfect_count(scene, phrase):
    number = len(truth_of(scene))
    return {"n": number, "low": number, "high": number}


def perfect_detect(scene, phrase):
    boxes = truth_of(scene)
    return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


def answer(scene, number, low, high, boxes, scores, truth):
    return Answer(
        scene,
        "lime",
        np.array(truth, np.float32).reshape(-1, 4),
        number,
        low,
        high,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
    )


def test_figures_perfect_answers_score_one(scenes):
    answers = [ask(scene, perfect_count, perfect_detect) for scene in scenes]
    figures = count_figures(answers)
    assert (figures["exact"], figures["mae"], figures["coverage"], figures["width"]) == (1.0, 0.0, 1.0, 0.0)
    assert average_precision(answers) == pytest.approx(1.0)


def test_count_figures_known_errors_give_known_values(scenes):
    square = [[0, 0, 10, 10]]
    answers = [
        answer(scenes[0], 1, 1, 2, [], [], square),
        answer(scenes[0], 3, 2, 4, [], [], square),
    ]
    figures = count_figures(answers)
    assert figures == {"exact": 0.5, "mae": 1.0, "coverage": 0.5, "width": 1.5, "truth": 1.0}


def test_average_precision_a_false_box_above_a_true_one_halves_it(scenes):
    boxes, truth = [[50, 50, 60, 60], [0, 0, 10, 10]], [[0, 0, 10, 10]]
    assert average_precision([answer(scenes[0], 1, 1, 1, boxes, [0.9, 0.8], truth)]) == pytest.approx(0.5)
    assert average_precision([answer(scenes[0], 1, 1, 1, boxes, [0.8, 0.9], truth)]) == pytest.approx(1.0)


def test_average_precision_a_second_box_on_one_thing_is_false(scenes):
    boxes, truth = [[0, 0, 10, 10], [0, 0, 10, 9]], [[0, 0, 10, 10], [20, 20, 30, 30]]
    assert average_precision([answer(scenes[0], 2, 2, 2, boxes, [0.9, 0.8], truth)]) == pytest.approx(0.5)


def test_request_same_scene_asks_the_same_and_sometimes_for_what_is_not_there():
    scenes = [render_scene(EVALUATION_SEEDS + number, 64, 64) for number in range(60)]
    asked = [request(scene) for scene in scenes]
    assert asked == [request(scene) for scene in scenes]
    absent = [scene.count(noun, colour) == 0 for scene, (noun, colour, _) in zip(scenes, asked, strict=True)]
    assert 0 < sum(absent) < 20


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("red apple", "count the red apples"),
        ("orange", "count the oranges"),
        ("brown potato", "count the brown potatoes"),
    ],
)
def test_sentence_is_what_a_person_says(phrase, expected):
    assert sentence(phrase) == expected


def test_command_prints_one_json_object_and_draws_the_worst(monkeypatch, tmp_path):
    monkeypatch.setattr(evaluate, "product", lambda *_: (perfect_count, perfect_detect, None))
    outcome = CliRunner().invoke(
        evaluate.app, ["--scenes", "3", "--json", "--mask-scenes", "0", "--out", str(tmp_path / "sheet")]
    )
    assert outcome.exit_code == 0, outcome.output
    figures = json.loads(outcome.stdout)
    assert figures["count"]["exact"] == 1.0
    assert figures["boxes"]["ap50"] == pytest.approx(1.0)
    assert (tmp_path / "sheet" / "worst.png").is_file()


def test_command_without_json_prints_a_table(monkeypatch):
    monkeypatch.setattr(evaluate, "product", lambda *_: (perfect_count, perfect_detect, None))
    outcome = CliRunner().invoke(evaluate.app, ["--scenes", "2", "--mask-scenes", "0"])
    assert outcome.exit_code == 0
    assert "count exact" in outcome.stdout
