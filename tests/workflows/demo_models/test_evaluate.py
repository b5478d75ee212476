"""Figures on rendered scenes: perfect answers score 1, wrong ones what arithmetic says."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from agent_tools.services.base import Detections
from workflows.demo_models import evaluate
from workflows.demo_models.evaluate import (
    Answer,
    ask,
    average_precision,
    colour_figures,
    count_figures,
    dense_figures,
    missing_figures,
    sentence,
)
from workflows.demo_models.requests import Request, about, draw_request
from workflows.demo_models.scenes import EVALUATION_SEEDS, render_scene


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(EVALUATION_SEEDS + number, 128, 96) for number in range(12)]


class Perfect:
    """A product that knows the truth."""

    class services:  # noqa: N801 - stands for an instance
        segmenter = None

    def __init__(self, *_):
        pass

    def count(self, scene, phrase):
        number = len(about(scene, phrase))
        return {"n": number, "low": number, "high": number}

    def detect(self, scene, phrase):
        boxes = about(scene, phrase)
        return Detections(boxes, np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64))


def answer(scene, number, low, high, boxes, scores, truth, sort="noun", rivals=0):
    return Answer(
        scene,
        Request("lime", sort, rivals, np.array(truth, np.float32).reshape(-1, 4)),
        number,
        low,
        high,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
    )


def test_figures_perfect_answers_score_one(scenes):
    product = Perfect()
    answers = [
        ask(scene, draw_request(scene, np.random.default_rng(0)), product.count, product.detect) for scene in scenes
    ]
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


def test_colour_figures_count_only_requests_with_rivals(scenes):
    answers = [
        answer(scenes[0], 1, 1, 1, [], [], [[0, 0, 1, 1]], "colour", 2),
        answer(scenes[0], 2, 1, 1, [], [], [[0, 0, 1, 1]], "colour", 1),
        answer(scenes[0], 2, 1, 1, [], [], [[0, 0, 1, 1]], "colour", 0),
        answer(scenes[0], 2, 1, 1, [], [], [[0, 0, 1, 1]], "noun", 0),
    ]
    assert colour_figures(answers) == {"exact": 0.5, "requests": 2.0}


def test_missing_figures_a_hit_on_one_of_four_is_a_quarter(scenes):
    answers = [
        *(answer(scenes[0], number, 0, 0, [], [], [], "absent") for number in (0, 3)),
        *(answer(scenes[0], 0, 0, 0, [], [], [], "unknown") for _ in range(2)),
    ]
    assert missing_figures(answers) == {"absent": 0.5, "unknown": 0.0, "hits": 0.25}


def test_dense_figures_are_relative(scenes):
    square = [[0, 0, 10, 10]] * 10
    figures = dense_figures([answer(scenes[0], 8, 7, 9, [], [], square), answer(scenes[0], 10, 9, 11, [], [], square)])
    assert figures == {"error": pytest.approx(0.1), "truth": 10.0, "coverage": 0.5}


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


def run(monkeypatch, *options):
    monkeypatch.setattr(evaluate, "Product", Perfect)
    worlds = {name: replace(world, sizes=((128, 96),)) for name, world in evaluate.WORLDS.items()}
    monkeypatch.setattr(evaluate, "WORLDS", worlds)
    return CliRunner().invoke(evaluate.app, ["--mask-scenes", "0", "--timed", "0", *options])


def test_command_prints_one_json_object_and_draws_the_worst(monkeypatch, tmp_path):
    outcome = run(monkeypatch, "--scenes", "3", "--dense-scenes", "1", "--json", "--out", str(tmp_path / "sheet"))
    assert outcome.exit_code == 0, outcome.output
    figures = json.loads(outcome.stdout)
    assert figures["count"]["exact"] == 1.0
    assert figures["boxes"]["ap50"] == pytest.approx(1.0)
    assert figures["missing"]["hits"] == 0.0
    assert figures["dense"]["error"] == 0.0
    assert figures["dense"]["truth"] >= 30
    assert (tmp_path / "sheet" / "worst.png").is_file()


def test_command_without_json_prints_a_table(monkeypatch):
    outcome = run(monkeypatch, "--scenes", "2", "--dense-scenes", "0")
    assert outcome.exit_code == 0
    assert "count exact" in outcome.stdout


def test_whole_asks_are_timed_with_the_bundled_models():
    seconds = evaluate.Product("demo", None, None).seconds([render_scene(EVALUATION_SEEDS, 160, 120)] * 3)
    assert 0 < seconds["median"] <= seconds["p90"] < 60
