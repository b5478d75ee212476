"""What is fitted tells alike from unlike, and the pairs are those of the scene."""

import numpy as np
import pytest

from agent_tools.likeness import MEASURED
from agent_tools.services.base import Proposals
from workflows.demo_models.likeness_calibration import fit, pairs_of
from workflows.demo_models.scenes import Scene, render_scene


def test_fit_finds_the_weights_that_made_the_answers() -> None:
    rng = np.random.default_rng(0)
    measured = rng.normal(size=(20_000, 6))
    true = np.array([0.5, 3.0, -1.0, -2.0, 1.0, 2.0, -0.5])
    chance = 1 / (1 + np.exp(-(true[0] + measured @ true[1:])))
    found = fit(measured, rng.random(20_000) < chance)
    # The shrinkage pulls them in, and hardly turns them.
    told = np.array([getattr(found, name) for name in ("bias", *MEASURED)])
    assert told / np.linalg.norm(told) == pytest.approx(true / np.linalg.norm(true), abs=0.05)


def test_fit_answers_the_same_in_whatever_unit_a_thing_is_measured() -> None:
    rng = np.random.default_rng(1)
    measured, units = rng.normal(size=(2_000, 6)), np.array([1, 100, 1, 0.01, 1, 1])
    likely = rng.random(2_000) < 1 / (1 + np.exp(-measured.sum(axis=1)))
    one, other = (fit(values, likely) for values in (measured, measured * units))
    weights, again = (np.array([getattr(found, name) for name in MEASURED]) for found in (one, other))
    assert again * units == pytest.approx(weights, rel=0.02)


class Knowing:
    """Proposes the true boxes, each kind with a feature of its own, and one box round nothing."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def propose(self, pictures: object) -> list[Proposals]:
        things = self.scene.objects
        kinds = sorted({(thing.noun, thing.colour) for thing in things})
        features = np.zeros((len(things) + 1, len(kinds) + 1), np.float32)
        features[-1, -1] = 1
        for row, thing in enumerate(things):
            features[row, kinds.index((thing.noun, thing.colour))] = 1
        boxes = np.array([thing.box for thing in things] + [(0, 0, 3, 3)], np.float32)
        return [Proposals(boxes, np.full(len(boxes), 0.9, np.float32), features)]


def test_pairs_of_a_scene_leave_the_example_out_and_call_its_kind_alike() -> None:
    scene = next(
        scene
        for scene in map(render_scene, range(9_000_000, 9_000_100))
        if len(scene.objects) > len({(thing.noun, thing.colour) for thing in scene.objects}) > 1
    )
    every = list(pairs_of(Knowing(scene), scene, np.random.default_rng(0)))  # type: ignore[arg-type]
    assert every
    for measured, alike in every:
        assert measured.shape == (len(alike), 6)
        assert alike.any()
        assert not alike[-1]
        assert (measured[alike, 0] == 1).all()
