"""Several looks at one picture become one answer."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_tools.masks import box_iou
from agent_tools.pictures import Picture
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.fusion import fuse
from agent_tools.services.grounding_dino import GroundingDino


def look(*rows: tuple[float, float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    array = np.array(rows, np.float32).reshape(-1, 5)
    return array[:, :4], array[:, 4]


def test_fuse_of_one_thing_seen_twice_is_its_mean_by_score() -> None:
    boxes, scores = fuse([look((0, 0, 10, 10, 0.9)), look((1, 0, 12, 10, 0.3))])
    np.testing.assert_allclose(boxes, [[0.25, 0, 10.5, 10]])
    np.testing.assert_allclose(scores, [0.6])


def test_fuse_what_one_look_alone_saw_counts_less_and_neighbours_stay_apart() -> None:
    first, second = look((0, 0, 10, 10, 0.8), (20, 0, 30, 10, 0.6)), look((0, 0, 10, 10, 0.8))
    boxes, scores = fuse([first, second])
    np.testing.assert_allclose(boxes, [[0, 0, 10, 10], [20, 0, 30, 10]])
    np.testing.assert_allclose(scores, [0.8, 0.3])


def test_fuse_takes_of_each_look_the_one_box_that_fits_best() -> None:
    boxes, scores = fuse([look((0, 0, 10, 10, 0.9)), look((0, 0, 10, 9, 0.5), (0, 3, 10, 10, 0.6))])
    np.testing.assert_allclose(scores, [0.7, 0.3])
    assert boxes[0, 3] == pytest.approx((0.9 * 10 + 0.5 * 9) / 1.4)


def test_fuse_of_nothing_is_nothing() -> None:
    boxes, scores = fuse([look(), look()])
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


@given(st.integers(0, 2**32 - 1))
def test_fuse_of_equal_looks_is_the_look(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = 40 * np.arange(rng.integers(0, 6))[:, None] + rng.uniform(0, 5, (1, 1))
    one = np.hstack([corners, corners, corners + 20, corners + 20]).astype(np.float32)
    scores = rng.random(len(one)).astype(np.float32)
    boxes, fused = fuse([(one, scores)] * 3)
    order = np.argsort(-scores, kind="stable")
    np.testing.assert_allclose(boxes, one[order], rtol=1e-4)
    np.testing.assert_allclose(fused, scores[order], rtol=1e-4)


@pytest.fixture
def detector_with(model_folders: dict[str, Path], tmp_path: Path):
    def build(looks: list[dict[str, object]]) -> GroundingDino:
        folder = tmp_path / f"detector{len(list(tmp_path.iterdir()))}"
        shutil.copytree(model_folders["grounding-dino"], folder)
        (folder / "askmask.json").write_text(json.dumps({"looks": looks, "floor": 0.01, "threshold": 0.3}))
        return GroundingDino(folder, device="cpu", cache=EncodingCache(0))

    return build


def test_detector_mirrored_look_at_a_mirrored_picture_is_the_plain_look(detector_with) -> None:
    array = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    plain = detector_with([{}]).detect([Picture.from_array(array)], [["apple"]])[0]
    mirrored = detector_with([{"mirrored": True}])
    (turned,) = mirrored.detect([Picture.from_array(np.ascontiguousarray(array[:, ::-1]))], [["apple"]])
    flipped = plain.boxes.copy()
    flipped[:, [0, 2]] = 80 - plain.boxes[:, [2, 0]]
    order, other = np.lexsort(flipped.T), np.lexsort(turned.boxes.T)
    np.testing.assert_allclose(turned.boxes[other], flipped[order], atol=0.05)
    np.testing.assert_allclose(turned.scores[other], plain.scores[order], atol=1e-4)


def test_detector_that_also_looks_mirrored_proposes_the_same_in_a_mirror(detector_with) -> None:
    array = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    detector = detector_with([{}, {"mirrored": True}])
    plain, turned = detector.propose(
        [Picture.from_array(array), Picture.from_array(np.ascontiguousarray(array[:, ::-1]))]
    )
    flipped = plain.boxes.copy()
    flipped[:, [0, 2]] = 80 - plain.boxes[:, [2, 0]]
    overlap = box_iou(flipped, turned.boxes)
    same = overlap.argmax(axis=1)
    assert len(flipped) == len(turned.boxes) > 0
    np.testing.assert_allclose(overlap.max(axis=1), 1, atol=0.01)
    np.testing.assert_allclose(turned.scores[same], plain.scores, atol=1e-4)
    np.testing.assert_allclose((turned.features[same] * plain.features).sum(axis=1), 1, atol=1e-3)


def test_detector_scaled_look_sees_more_pixels(detector_with, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = detector_with([{}, {"scale": 1.5}])
    sizes = []
    run = detector._run
    monkeypatch.setattr(
        detector, "_run", lambda inputs, *rest: sizes.append(inputs["pixel_values"].shape[-2:]) or run(inputs, *rest)
    )
    detector.detect([Picture.from_array(np.zeros((60, 80, 3), np.uint8))], [["apple"]])
    (height, width), (larger_height, larger_width) = sizes
    assert larger_height == pytest.approx(1.5 * height, abs=2)
    assert larger_width == pytest.approx(1.5 * width, abs=2)
