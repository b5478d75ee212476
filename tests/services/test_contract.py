"""What every Detector and Segmenter must do, whoever made it: fakes, tiny random models, bundled ones, a server's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ServiceError
from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.base import Detector, Prompt, Segmenter, SegmentRequest
from agent_tools.services.checkpoints import TilingSettings
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector, build_segmenter
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.services.grabcut import GrabCut
from agent_tools.services.grounding_dino import GroundingDino
from agent_tools.services.owlv2 import Owlv2
from agent_tools.services.sam import Sam
from agent_tools.services.tiling import InputSize, TiledDetector

REMOTE = ["remote-fake", pytest.param("remote-demo", marks=pytest.mark.slow)]
DETECTORS = ["fake", "tiled-fake", "grounding-dino", "mm-grounding-dino", "owlv2", "demo-detector", *REMOTE]
SEGMENTERS = ["fake", "grabcut", "sam", "demo-segmenter", *REMOTE]
SERVERS = {"remote-fake": "fake_server", "remote-demo": "demo_server"}
PHRASES = ["red apple", "orange", "book"]


def blocks(width: int, height: int, seed: int = 0) -> Picture:
    """A picture of blocks in the colours of `PHRASES`, grey between them."""
    colours = np.array([(220, 30, 30), (240, 140, 20), (128, 128, 128), (30, 60, 220)], np.uint8)
    cells = colours[np.random.default_rng(seed).integers(0, 4, (6, 8))]
    return Picture.from_array(cells[np.arange(height) * 6 // height][:, np.arange(width) * 8 // width])


def opened(folders: dict[str, Path], name: str, service: Callable[..., Any], fake: Callable[[], Any]) -> Any:
    """The service of that name; skips a bundled model that is not there."""
    if name == "fake":
        return fake()
    if not (folders[name] / "model.safetensors").is_file():
        pytest.skip(f"{name} is not in this checkout")
    return service(folders[name], device="cpu")


@pytest.fixture(params=DETECTORS, scope="module")
def detector(request: pytest.FixtureRequest, model_folders: dict[str, Path]) -> Detector:
    if server := SERVERS.get(request.param):
        return build_detector(request.getfixturevalue(server), "auto", EncodingCache(0))
    if request.param == "tiled-fake":
        return TiledDetector(FakeDetector(), InputSize(24, 32), TilingSettings(small=1, many=1))
    service = Owlv2 if request.param == "owlv2" else GroundingDino
    return opened(model_folders, request.param, service, FakeDetector)


@pytest.fixture(params=SEGMENTERS, scope="module")
def segmenter(request: pytest.FixtureRequest, model_folders: dict[str, Path]) -> Segmenter:
    if server := SERVERS.get(request.param):
        return build_segmenter(request.getfixturevalue(server), "auto", EncodingCache(0))
    return GrabCut() if request.param == "grabcut" else opened(model_folders, request.param, Sam, FakeSegmenter)


def box(*sides: float) -> Prompt:
    return Prompt(box=np.array(sides, np.float32))


def points(*xyl: tuple[float, float, int], mask: Mask | None = None) -> Prompt:
    return Prompt(
        points=np.array([row[:2] for row in xyl], np.float32),
        labels=np.array([row[2] for row in xyl], np.int64),
        mask=mask,
    )


def test_detector_any_phrases_answers_with_their_indices_inside_the_picture(detector: Detector) -> None:
    (found,) = detector.detect([blocks(120, 90)], [PHRASES])
    assert len(found.scores) > 0
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert found.phrase_indices.dtype == np.int64
    assert set(found.phrase_indices.tolist()) <= {0, 1, 2}
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [120, 90, 120, 90]).all()
    assert (found.boxes[:, :2] < found.boxes[:, 2:]).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


def test_detector_proposes_whole_things_inside_the_picture_and_the_same_in_company(detector: Any) -> None:
    picture, other = blocks(120, 90), blocks(90, 120, seed=1)
    alone, together = detector.propose([picture])[0], detector.propose([other, picture])[1]
    count = len(alone.scores)
    assert count > 0
    assert alone.boxes.dtype == alone.scores.dtype == alone.features.dtype == np.float32
    assert (alone.boxes >= 0).all()
    assert (alone.boxes <= [120, 90, 120, 90]).all()
    assert (alone.boxes[:, :2] < alone.boxes[:, 2:]).all()
    assert ((alone.scores >= 0) & (alone.scores <= 1)).all()
    np.testing.assert_allclose(np.linalg.norm(alone.features, axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(together.boxes, alone.boxes, atol=0.1)
    np.testing.assert_allclose(together.features @ alone.features.T, alone.features @ alone.features.T, atol=1e-3)


def test_detector_protocol_is_satisfied(detector: Detector) -> None:
    assert isinstance(detector, Detector)
    assert 0 < detector.threshold < 1


@pytest.mark.parametrize("phrases", [[], [""], ["  ", "..."]])
def test_detector_no_words_finds_nothing(detector: Detector, phrases: list[str]) -> None:
    (found,) = detector.detect([blocks(60, 50)], [phrases])
    assert found.boxes.shape == (0, 4)
    assert not found.saturated


def test_detector_no_pictures_answers_nothing(detector: Detector) -> None:
    assert detector.detect([], []) == []


def test_detector_repeated_phrase_answers_at_its_first_place(detector: Detector) -> None:
    (once,) = detector.detect([blocks(120, 90)], [["orange"]])
    (twice,) = detector.detect([blocks(120, 90)], [["orange", "orange"]])
    assert len(twice.scores) == len(once.scores)
    assert set(twice.phrase_indices.tolist()) == {0}


def test_detector_two_pictures_of_two_sizes_answer_as_one_by_one(detector: Detector) -> None:
    pictures, phrases = (
        [blocks(120, 90), blocks(50, 80, seed=1), blocks(120, 90, seed=2)],
        [PHRASES, ["orange"], PHRASES],
    )
    together = detector.detect(pictures, phrases)
    for picture, asked, found in zip(pictures, phrases, together, strict=True):
        (alone,) = detector.detect([picture], [asked])
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-3)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-5)
        assert found.phrase_indices.tolist() == alone.phrase_indices.tolist()


def test_detector_unknown_word_is_no_error(detector: Detector) -> None:
    (found,) = detector.detect([blocks(60, 50)], [["zyzzyva", "犬"]])
    assert set(found.phrase_indices.tolist()) <= {0, 1}


def test_detector_lists_of_two_lengths_raise(detector: Detector) -> None:
    with pytest.raises((ServiceError, ValueError)):
        detector.detect([blocks(60, 50)], [])


def test_detector_tiny_and_narrow_pictures_answer(detector: Detector) -> None:
    for width, height in ((1, 1), (3, 200), (200, 2)):
        (found,) = detector.detect([blocks(width, height)], [["orange"]])
        assert (found.boxes <= [width, height, width, height]).all()


def test_segmenter_protocol_is_satisfied(segmenter: Segmenter) -> None:
    assert isinstance(segmenter, Segmenter)


def test_segmenter_every_kind_of_prompt_answers_in_order_at_picture_size(segmenter: Segmenter) -> None:
    picture = blocks(120, 90)
    earlier = Mask.from_crop(np.ones((30, 40)), 20, 10, 90, 120)
    prompts = [
        points((30, 20, 1)),
        box(20, 10, 60, 40),
        points((30, 20, 1), (100, 80, 0)),
        Prompt(mask=earlier),
        points((30, 20, 1), (50, 30, 0), (10, 10, 1), mask=earlier),
        Prompt(box=np.array([20, 10, 60, 40], np.float32), points=np.float32([[5, 5]]), labels=np.array([0])),
        points((110, 85, 1)),
    ]
    (answers,) = segmenter.segment([SegmentRequest(picture, prompts)])
    assert len(answers) == len(prompts)
    for prompt, answer in zip(prompts, answers, strict=True):
        lone = prompt.points is not None and len(prompt.points) == 1 and prompt.box is None and prompt.mask is None
        assert (len(answer.masks) > 1) == lone
        assert all((mask.height, mask.width) == (90, 120) for mask in answer.masks)
        assert (np.diff(answer.predicted_iou) <= 0).all()
        assert answer.predicted_iou.dtype == answer.stability.dtype == np.float32
        assert ((answer.stability >= 0) & (answer.stability <= 1)).all()
        (alone,) = segmenter.segment([SegmentRequest(picture, [prompt])])
        np.testing.assert_allclose(alone[0].predicted_iou, answer.predicted_iou, atol=1e-5)
        for one, other in zip(alone[0].masks, answer.masks, strict=True):
            assert np.mean(one.to_array() != other.to_array()) < 1e-3


def test_segmenter_two_pictures_answer_as_one_by_one(segmenter: Segmenter) -> None:
    requests = [
        SegmentRequest(blocks(120, 90), [box(10, 10, 60, 60)]),
        SegmentRequest(blocks(50, 80, seed=1), [points((20, 30, 1)), box(5, 5, 40, 70)]),
        SegmentRequest(blocks(120, 90), []),
    ]
    together = segmenter.segment(requests)
    assert [len(answers) for answers in together] == [1, 2, 0]
    for request, answers in zip(requests, together, strict=True):
        (alone,) = segmenter.segment([request])
        assert [answer.masks for answer in alone] == [answer.masks for answer in answers]


def test_segmenter_tiny_and_narrow_pictures_answer(segmenter: Segmenter) -> None:
    for width, height in ((1, 1), (3, 200), (200, 2)):
        ((answer,),) = segmenter.segment([SegmentRequest(blocks(width, height), [box(0, 0, width, height)])])
        assert (answer.masks[0].height, answer.masks[0].width) == (height, width)


def test_segmenter_no_requests_answers_nothing(segmenter: Segmenter) -> None:
    assert segmenter.segment([]) == []
