"""The commands that measure models run and check their numbers; a small model each."""

from __future__ import annotations

import json

import pytest
import torch

from agent_tools.services.quick_layers import FusionLayer
from benchmarks import detector_speed, gpu_speed

SMALL = ["--tiny", "--height", "200", "--width", "264", "--repeats", "1", "--json"]


def test_detector_speed_compares_two_models_and_finds_them_equal(capsys: pytest.CaptureFixture[str]) -> None:
    assert detector_speed.main(SMALL) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["times_less"] == pytest.approx(figures["theirs_seconds"] / figures["ours_seconds"], abs=0.05)
    assert 0 < figures["differences"]["boxes_pixels"] < 0.01
    assert figures["within_tolerance"]


def test_detector_speed_fails_where_a_layer_answers_something_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = FusionLayer._attend

    def wrong(self: FusionLayer, *arguments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        picture, words = right(self, *arguments)
        return picture * 1.01, words

    monkeypatch.setattr(FusionLayer, "_attend", wrong)
    assert detector_speed.main(SMALL) == 1
    assert not json.loads(capsys.readouterr().out)["within_tolerance"]


def test_gpu_speed_measures_all_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_speed.main(["--tiny", "--repeats", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures["steps"]) == {"encode", "detect", "decode_50_boxes"}
    assert all(set(step["times_less"]) == {"float32", "bfloat16"} for step in figures["steps"].values())
    assert figures["within_tolerance"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_speed_without_a_device_says_that_it_did_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu_speed.main([]) == 0
    assert capsys.readouterr().out == "not run: no CUDA device\n"
    assert gpu_speed.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ran": False, "reason": "not run: no CUDA device"}
