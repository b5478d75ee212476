"""The demo: it tells the truth about whether its answer is true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from workflows import cli
from workflows.commands import demo
from workflows.demo_models.scenes import Scene, SceneObject, render_scene

ORACLE = """
import numpy as np
from agent_tools.services.base import Detections
from workflows.commands.demo import SIZE, commonest
from workflows.demo_models.scenes import render_scene


class Oracle:
    threshold = 0.5

    def detect(self, pictures, phrases):
        scene = render_scene({seed}, *SIZE)
        noun, colour = commonest(scene)
        boxes = [thing.box for thing in scene.objects if (thing.noun, thing.colour) == (noun, colour)]
        count = len(boxes)
        return [Detections(np.stack(boxes), np.full(count, 0.9, np.float32), np.zeros(count, np.int64))]


def factory():
    return Oracle()
"""
SEGMENTER = ("--segmenter", "agent_tools.services.fakes:FakeSegmenter")


def thing(noun: str, colour: str, left: float) -> SceneObject:
    return SceneObject(noun, colour, np.array([left, 0, left + 10, 10], np.float32), np.zeros((50, 100), bool), 1.0)


def test_truth_is_what_was_painted() -> None:
    things = (thing("can", "red", 10), thing("can", "red", 60), thing("can", "blue", 0), thing("apple", "red", 80))
    scene = Scene(np.zeros((50, 100, 3), np.uint8), things, 0)
    assert demo.commonest(scene) == ("can", "red")
    assert demo.left_half(scene, "can", "red") == 1


@pytest.mark.timeout(120)
def test_demo_with_a_detector_that_knows_the_scene_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oracle.py").write_text(ORACLE.format(seed=demo.SEED))
    assert cli.main(["demo", "--detector", "oracle.py:factory", *SEGMENTER, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    scene = render_scene(demo.SEED, *demo.SIZE)
    noun, colour = demo.commonest(scene)
    assert said["truth"] == scene.count(noun, colour) == len(said["objects"])
    assert said["true"]
    assert said["follow_up"]["true"]
    assert 0 < said["follow_up"]["truth"] < said["truth"], "the follow-up must leave some and drop some"
    assert Path(said["scene"]).is_file()
    assert Path(said["pictures"]["p1"]).is_file()
    assert said["follow_up"]["calls"]
    assert said["edit"]["edited"] == ["p1"]
    assert Path(said["edit"]["pictures"]["p1"]).name.endswith("-edited-1.png")


def test_demo_with_a_detector_that_sees_nothing_says_that_it_is_not_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "--detector", "agent_tools.services.fakes:FakeDetector", *SEGMENTER]) == 0
    out = capsys.readouterr().out
    assert "so that is not true" in out
    assert "Request:  count the " in out
    assert "Call:     count(" in out
