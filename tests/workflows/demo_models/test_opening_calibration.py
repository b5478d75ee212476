"""Trials that show a thing that was passed over are told from those that show none."""

from __future__ import annotations

import re
from ast import literal_eval

import numpy as np
import pytest

from agent_tools.shelves.appearance import COMPARED
from workflows.demo_models.kinds import Kind
from workflows.demo_models.opening_calibration import OTHER, SAME, Tried, fitted, main, tried_in
from workflows.demo_models.shelf_scenes import render_shelf

BOXES = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [28, 0, 38, 10]], np.float32)


def test_chosen_trials_are_the_likeliest_that_do_not_overlap() -> None:
    trials = Tried(np.zeros((4, 1)), BOXES, np.zeros(4))

    assert trials.chosen(np.array([1.0, 2.0, 0.0, 3.0])) == [3, 1, 2]
    assert trials.chosen(np.array([2.0, 1.0, 3.0, 0.0])) == [2, 0, 3]


def test_fitted_weights_tell_what_shows_a_thing_from_what_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    trials = []
    for _ in range(200):
        overlap = rng.choice([0.0, 0.9], 4, p=[0.7, 0.3])
        measures = np.c_[overlap + rng.normal(0, 0.2, 4), rng.normal(size=(4, 2))]
        trials.append(Tried(measures, BOXES + 40 * np.arange(4, dtype=np.float32)[:, None] * [1, 0, 1, 0], overlap))
    weights, bias = fitted(trials)

    assert weights[0] > 5 * max(abs(weights[1]), abs(weights[2]))
    assert weights[0] * 0.9 + bias > 2
    assert bias < -2
    assert re.search(r"that show one: (0\.9\d*|1\.0+) found", capsys.readouterr().out.splitlines()[-1])


def test_tried_in_a_scene_looks_where_things_were_passed_over() -> None:
    kind: Kind = ("can", "red")
    full: tuple[Kind | None, ...] = (kind,) * 8
    scene = render_shelf(1, (full, full), ((*full[:4], None, *full[5:]), full), shop=1)
    rng = np.random.default_rng(4)
    trials = [each for _ in range(4) for each in tried_in(scene, rng)]
    overlap = np.concatenate([each.overlap for each in trials])

    assert all(each.measures.shape == (len(each.boxes), 2 * len(COMPARED)) for each in trials)
    assert (overlap >= SAME).any()
    assert (overlap <= OTHER).any()
    alike = np.concatenate([each.measures[:, 0] for each in trials])
    assert alike[overlap >= SAME].mean() > alike[overlap <= OTHER].mean() + 0.2


def test_main_prints_the_constant_as_it_stands_in_the_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--shelves", "1"]) == 0

    told = capsys.readouterr().out.splitlines()[-1]
    weights, bias = literal_eval(told.removeprefix("LOOKS_ALIKE = "))
    assert told.startswith("LOOKS_ALIKE = ")
    assert len(weights) == 2 * len(COMPARED)
    assert isinstance(bias, float)
