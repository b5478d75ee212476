"""Formats and picture sizes are chosen by setting, device and measurement, and small models stay exact."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForZeroShotObjectDetection

from agent_tools.errors import ConfigError
from agent_tools.services import precision
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector
from agent_tools.services.grounding_dino import GroundingDino
from agent_tools.services.precision import HEAVY, choose_precision, keep_exact, picture_share, store
from agent_tools.services.quick_layers import prepare
from agent_tools.services.sam import Sam
from agent_tools.settings import settings

from .conftest import picture

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Sets one ASKMASK_* variable for the test."""

    def chosen(name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        settings.cache_clear()

    yield chosen
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize(
    ("device", "work", "speed", "capability", "expected"),
    [
        (CPU, HEAVY, 1.7, None, torch.bfloat16),
        (CPU, HEAVY, 1.1, None, torch.float32),
        (CPU, HEAVY / 2, 1.7, None, torch.float32),
        (CUDA, HEAVY, 0.1, (9, 0), torch.bfloat16),
        (CUDA, HEAVY, 0.1, (7, 5), torch.float16),
        (CUDA, HEAVY / 2, 0.1, (9, 0), torch.float32),
        (torch.device("mps"), HEAVY, 1.7, None, torch.float32),
    ],
)
def test_choose_precision_takes_half_where_it_is_worth_it(
    monkeypatch: pytest.MonkeyPatch,
    device: torch.device,
    work: float,
    speed: float,
    capability: tuple[int, int] | None,
    expected: torch.dtype,
) -> None:
    monkeypatch.setattr(precision, "bfloat16_speed", lambda: speed)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert choose_precision(device, work) == expected


def test_bfloat16_speed_is_measured_once() -> None:
    precision.bfloat16_speed.cache_clear()
    assert 0.001 < precision.bfloat16_speed() < 1000
    assert precision.bfloat16_speed() == precision.bfloat16_speed()
    assert precision.bfloat16_speed.cache_info().misses == 1


def test_precision_setting_wins_over_the_measurement(choose: Callable[[str, str], None]) -> None:
    choose("ASKMASK_PRECISION", "bfloat16")
    assert choose_precision(CPU, 0) == torch.bfloat16


def test_precision_setting_of_another_kind_is_refused(choose: Callable[[str, str], None]) -> None:
    choose("ASKMASK_PRECISION", "int4")
    with pytest.raises(ConfigError, match="ASKMASK_PRECISION='int4' is not valid"):
        settings()


@pytest.mark.parametrize("name", ["grounding-dino", "mm-grounding-dino"])
def test_prepared_detector_in_half_precision_answers_nearly_the_same(model_folders: dict[str, Path], name: str) -> None:
    exact = AutoModelForZeroShotObjectDetection.from_pretrained(model_folders[name], dtype=torch.float32).eval()
    with torch.no_grad():
        exact.bbox_embed[0].layers[-1].weight.normal_()  # made silent
    half = copy.deepcopy(exact)
    prepare(half, CPU, torch.bfloat16)
    assert half.model.encoder.layers[0].deformable_layer.fc1.weight.dtype == torch.bfloat16
    assert half.model.encoder.layers[0].deformable_layer.self_attn.offsets.weight.dtype == torch.float32
    torch.manual_seed(0)
    ids = torch.tensor([[101, 1034, 1012, 102]])
    asked = {"pixel_values": torch.randn(1, 3, 64, 96), "input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        expected = exact(**asked)
        with torch.autocast("cpu", torch.bfloat16):
            answer = half(**asked)
            numbers = torch.randn(1, 4, 32)
            correction = half.bbox_embed[0](numbers)
        assert torch.equal(correction, exact.bbox_embed[0](numbers))
    assert answer.pred_boxes.dtype == torch.float32
    seen, given = expected.encoder_last_hidden_state_vision, answer.encoder_last_hidden_state_vision
    assert 0 < (given.float() - seen).norm() / seen.norm() < 0.03


def test_keep_exact_runs_a_part_in_float32_under_autocast() -> None:
    part = torch.nn.Linear(4, 4)
    numbers = torch.rand(2, 4).bfloat16()
    expected = part(numbers.float())
    keep_exact(part)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(part(numbers), expected)


def test_store_gives_what_autocast_gives() -> None:
    part = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(2), torch.nn.Linear(4, 4))
    numbers = torch.rand(1, 3, 4, 4)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = part(numbers)
        store(part, torch.bfloat16)
        assert torch.equal(part(numbers), expected)
    assert part[2].weight.dtype == torch.bfloat16


def test_segmenter_in_half_precision_cuts_the_same_masks(
    model_folders: dict[str, Path], choose: Callable[[str, str], None]
) -> None:
    shown = picture(90, 70)
    prompts = [Prompt(box=np.array([x, y, x + 40, y + 30], np.float32)) for x in (5, 30, 45) for y in (5, 30)]
    made = []
    for wanted in ("float32", "bfloat16"):
        choose("ASKMASK_PRECISION", wanted)
        sam = Sam(model_folders["demo-segmenter"], "cpu", EncodingCache(0))
        made.append(sam.segment([SegmentRequest(shown, prompts)])[0])
    from agent_tools.masks import mask_iou

    agreement = [mask_iou([a.masks[0]], [b.masks[0]])[0, 0] for a, b in zip(*made, strict=True)]
    assert np.mean(agreement) >= 0.99


def test_demo_models_stay_in_float32(model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bfloat16_speed", lambda: 9.0)
    detector = GroundingDino(model_folders["demo-detector"], "cpu", EncodingCache(0))
    segmenter = Sam(model_folders["demo-segmenter"], "cpu", EncodingCache(0))
    assert detector._precision == segmenter._precision == torch.float32


def test_quality_scales_what_a_heavy_detector_and_its_tiles_see(
    model_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, choose: Callable[[str, str], None]
) -> None:
    choose("ASKMASK_QUALITY", "fast")
    assert picture_share(HEAVY) == 0.6
    small = build_detector(str(model_folders["grounding-dino"]), "cpu", EncodingCache(0))
    assert (small.input_size.shorter, small.input_size.longer) == (64, 200)
    monkeypatch.setattr("agent_tools.services.precision.HEAVY", 1.0)
    tiled = build_detector(str(model_folders["grounding-dino"]), "cpu", EncodingCache(0))
    assert (tiled.input_size.shorter, tiled.input_size.longer) == (38, 120)
    assert tiled._size == tiled.input_size
    seen: list[torch.Size] = []
    tiled._inner._model.register_forward_pre_hook(
        lambda _, __, named: seen.append(named["pixel_values"].shape), with_kwargs=True
    )
    tiled.detect([picture(90, 60)], [["apple"]])
    assert seen[0][-2:] == (38, 57)
