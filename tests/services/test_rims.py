"""Outlines found again from colours."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from agent_tools.masks import Mask, mask_iou
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest, Segments
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_segmenter
from agent_tools.services.fakes import FakeSegmenter
from agent_tools.services.rims import RimSegmenter, outlined

RED, BLUE = (200, 40, 40), (40, 60, 200)


def disc(radius: float, across: float = 60, down: float = 50) -> np.ndarray:
    rows, columns = np.mgrid[:100, :120]
    return np.hypot(columns - across, rows - down) < radius


@pytest.fixture
def picture() -> Picture:
    array = np.full((100, 120, 3), BLUE, np.uint8)
    array[disc(30)] = RED
    noise = np.random.default_rng(0).integers(-12, 12, array.shape)
    return Picture.from_array((array + noise).clip(0, 255).astype(np.uint8))


def iou(mask: Mask) -> float:
    return float(mask_iou([mask], [Mask.from_array(disc(30))])[0, 0])


@pytest.mark.parametrize("guess", [disc(27), disc(33), disc(29, 62, 51)])
def test_outlined_finds_the_edge_that_the_mask_missed(picture: Picture, guess: np.ndarray) -> None:
    mask = Mask.from_array(guess)
    assert iou(mask) < 0.9
    assert iou(outlined(picture, mask, 0.1)) > 0.97


def test_outlined_leaves_what_lies_beyond_the_rim_as_it_was(picture: Picture) -> None:
    half = disc(30) & (np.arange(120) < 60)
    found = outlined(picture, Mask.from_array(half), 0.05).to_array()
    assert not found[:, 70:].any()
    assert found[:, 40:55].sum() == pytest.approx(half[:, 40:55].sum(), abs=20)


@pytest.mark.parametrize("guess", [np.zeros((100, 120), bool), np.ones((100, 120), bool)])
def test_outlined_of_nothing_or_of_all_is_the_same(picture: Picture, guess: np.ndarray) -> None:
    assert outlined(picture, Mask.from_array(guess), 0.1) == Mask.from_array(guess)


def test_outlined_of_a_few_pixels_is_a_mask_of_the_picture(picture: Picture) -> None:
    speck = np.zeros((100, 120), bool)
    speck[3, 4] = True
    found = outlined(picture, Mask.from_array(speck), 0.1)
    assert (found.width, found.height) == (120, 100)


def test_rim_segmenter_keeps_scores_and_everything_else_of_the_wrapped_one(picture: Picture) -> None:
    class Rough(FakeSegmenter):
        least_iou = 0.4

        def segment(self, requests: list[SegmentRequest]) -> list[list[Segments]]:
            one, zero = np.full(1, 0.7, np.float32), np.full(1, 0.6, np.float32)
            return [[Segments([Mask.from_array(disc(27))], one, zero) for _ in each.prompts] for each in requests]

    fine = RimSegmenter(Rough(), 0.1)
    box = Prompt(box=np.array([30, 20, 90, 80], np.float32))
    ((answer, again),) = fine.segment([SegmentRequest(picture, [box, box])])
    assert iou(answer.masks[0]) > 0.97
    assert answer.masks[0] == again.masks[0]
    assert (answer.predicted_iou, answer.stability) == (pytest.approx([0.7]), pytest.approx([0.6]))
    assert fine.least_iou == 0.4


def test_segmenter_folder_that_asks_for_a_rim_gets_one(model_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "sam"
    shutil.copytree(model_folders["sam"], folder)
    assert not isinstance(build_segmenter(str(folder), "cpu", EncodingCache(0)), RimSegmenter)
    (folder / "askmask.json").write_text(json.dumps({"rim": 0.06}))
    assert isinstance(build_segmenter(str(folder), "cpu", EncodingCache(0)), RimSegmenter)
