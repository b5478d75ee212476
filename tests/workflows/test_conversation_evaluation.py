"""The conversation benchmark: exact services and planner get everything right, and what is wrong is found and named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agent_tools.editing import apply
from agent_tools.masks import Mask
from agent_tools.memory import ObjectVersion
from agent_tools.memory.versions import blank
from agent_tools.services.base import Detections, Services
from agent_tools.services.fakes import COLOURS, FakeDetector, FakeSegmenter
from tests.workflows.conftest import Run
from workflows import conversation_evaluation
from workflows.conversation_evaluation import EDITS, evaluate, questions, subject_of, summary, wrong_pixels
from workflows.demo_models import evaluate as evaluation
from workflows.demo_models.evaluate import World
from workflows.demo_models.requests import draw_kind
from workflows.demo_models.scenes import KINDS, Scene, SceneObject

H, W = 120, 160


def render(seed: int, width: int = W, height: int = H) -> Scene:
    """Three or four red cans of different sizes and two blue ones, on gray; everything a little noisy."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 128, np.uint8)
    things = []
    for place in range(6):
        side = 16 + 4 * place
        colour = "red" if place < 3 + seed % 2 else "blue"
        x, y = 52 * (place % 3) + int(rng.integers(0, 8)), 58 * (place // 3) + int(rng.integers(0, 8))
        image[y : y + side, x : x + side] = COLOURS[colour]
        mask = np.zeros((height, width), bool)
        mask[y : y + side, x : x + side] = True
        things.append(SceneObject("can", colour, np.array([x, y, x + side, y + side], np.float32), mask, 1.0))
    noise = rng.integers(-6, 7, image.shape)
    return Scene(np.clip(image + noise, 0, 255).astype(np.uint8), tuple(things), seed)


WORLD = World(render, ((W, H),), KINDS, draw_kind)


def services(detector: Any = None, segmenter: Any = None) -> Services:
    return Services(detector or FakeDetector(), segmenter or FakeSegmenter(), "custom", "fake", "fake")


@pytest.mark.timeout(120)
def test_exact_models_and_the_rule_planner_get_every_turn_right() -> None:
    talks = list(evaluate(WORLD, services(), None, 12, 0))
    figures = summary(talks)
    assert figures["wrong"] == []
    assert (figures["right"], figures["whole"], figures["turns"]) == (1, 1, 60)
    assert {turn.kind for turn in talks[0]} == {"find", "correct", "refer", "edit", "undo"}
    assert len({turn.request for talk in talks for turn in talk}) > 15, "many ways to say it"


class OneTooFew(FakeDetector):
    """Overlooks the first thing it finds."""

    def detect(self, pictures: Any, phrases: Any) -> list[Detections]:
        found = super().detect(pictures, phrases)
        return [Detections(one.boxes[1:], one.scores[1:], one.phrase_indices[1:]) for one in found]


class OneTooMany(FakeDetector):
    """Takes the background for one more."""

    def detect(self, pictures: Any, phrases: Any) -> list[Detections]:
        (found,) = super().detect(pictures, phrases)
        more = np.array([[2, 112, 30, 119]], np.float32)
        return [
            Detections(
                np.concatenate([found.boxes, more]),
                np.append(found.scores, np.float32(0.8)),
                np.append(found.phrase_indices, 0),
            )
        ]


@pytest.mark.parametrize("detector", [OneTooFew, OneTooMany])
def test_models_that_count_wrong_are_wrong_in_that_turn_and_the_click_puts_it_right(detector: type) -> None:
    figures = summary(list(evaluate(WORLD, services(detector()), None, 4, 0)))
    assert figures["by_kind"] == {"find": 0, "correct": 1, "refer": 1, "edit": 1, "undo": 1}
    assert figures["right"] == pytest.approx(0.8)
    assert "in sight" in figures["wrong"][0]["wrong"]
    assert figures["whole"] == 0


class Blind(FakeDetector):
    def detect(self, pictures: Any, phrases: Any) -> list[Detections]:
        empty = np.zeros(0, np.float32)
        return [Detections(empty.reshape(0, 4), empty, empty.astype(np.int64)) for _ in pictures]


def test_a_conversation_that_holds_nothing_is_wrong_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing(FakeSegmenter):
        def segment(self, requests: Any) -> Any:
            raise conversation_evaluation.AskmaskError("no luck")

    figures = summary(list(evaluate(WORLD, services(Blind(), Nothing()), None, 2, 0)))
    assert figures["right"] == 0
    assert {turn["wrong"] for turn in figures["wrong"] if turn["kind"] == "correct"} == {"error: no luck"}


def test_subject_is_what_there_are_three_of_and_says_a_colour_where_needed() -> None:
    subject = subject_of(render(0))
    assert subject is not None
    assert len(subject.masks) == 3
    assert subject.things in ("red cans", "blue cans")
    one_kind = replace(render(0), objects=tuple(thing for thing in render(0).objects if thing.colour == "red"))
    named = subject_of(one_kind)
    assert named is not None
    assert named.things == "cans"
    assert subject_of(replace(one_kind, objects=one_kind.objects[:2])) is None


def thing(number: int, x0: int, y0: int, x1: int, y1: int) -> ObjectVersion:
    mask = np.zeros((H, W), bool)
    mask[y0:y1, x0:x1] = True
    made = Mask.from_array(mask)
    return replace(blank(f"m{number}", "p1"), box=made.box, mask=made, area=made.area)


def test_questions_have_one_clear_answer() -> None:
    held = [thing(1, 0, 0, 20, 20), thing(2, 60, 4, 76, 20), thing(3, 130, 80, 160, 110)]
    asked = dict(questions(held, W, H))
    assert asked["only the ones on the left"] == {"m1", "m2"}
    assert asked["only those at the bottom"] == {"m3"}
    assert asked["just the leftmost one"] == {"m1"}
    assert asked["all but the leftmost one"] == {"m2", "m3"}
    assert asked["only the largest one"] == {"m3"}
    assert asked["the smallest one"] == {"m2"}
    alike = [thing(1, 10, 10, 30, 30), thing(2, 12, 40, 32, 60)]
    assert not {said for said, _ in questions(alike, W, H)} & {"only the largest one", "just the leftmost one"}
    assert questions([thing(4, 10, 10, 30, 30)], W, H) == [("only m4", {"m4"})]


@pytest.mark.parametrize(("said", "action", "rest"), EDITS, ids=[said for said, _, _ in EDITS])
def test_pixels_of_the_edit_asked_for_are_right_and_of_any_other_wrong(said: str, action: str, rest: bool) -> None:
    scene = render(1)
    chosen = [scene.objects[5].mask, scene.objects[4].mask]
    masks = [Mask.from_array(each) for each in chosen]
    for other, other_rest in {(each, inverted) for _, each, inverted in EDITS}:
        after = apply(scene.image, other, masks, invert=other_rest)
        wrong = wrong_pixels(scene.image, after, chosen, action, rest)
        assert bool(wrong) == ((other, other_rest) != (action, rest)), (other, other_rest, wrong)
    after = apply(scene.image, action, masks, invert=rest)
    things = chosen[0] | chosen[1]
    stays = things if rest or action in ("highlight", "cut_out") else ~things
    row, column = np.argwhere(stays & (after[..., 3] == 255) if action == "cut_out" else stays)[0]
    after[row, column, 0] ^= 64
    assert wrong_pixels(scene.image, after, chosen, action, rest), "one pixel that was to stay"


@pytest.mark.timeout(120)
def test_evaluate_conversation_prints_a_table_and_each_wrong_turn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "WORLDS", {"plain": WORLD, "full": WORLD})
    models = ("--detector", "agent_tools.services.fakes:FakeDetector")
    models += ("--segmenter", "agent_tools.services.fakes:FakeSegmenter")
    code, out, _ = run("evaluate", "conversation", "--scenes", "2", *models)
    assert code == 0
    assert "2 conversations on full scenes, planned by rules" in out
    assert "100.0% right of 10 turns" in out
    code, out, _ = run(
        "evaluate", "conversation", "--scenes", "1", "--seed", "3", "--world", "plain", *models, "--json"
    )
    said = json.loads(out)
    assert code == 0
    assert (said["turns"], said["right"], said["wrong"], said["planner"]) == (5, 1, [], "rules")
