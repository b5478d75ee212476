"""YOLO exports, read back with supervision and, as Ultralytics fills polygons, by hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agent_tools.exporting import export
from agent_tools.exporting.polygons import one_polygon
from agent_tools.masks import Mask


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a.astype(bool) & b.astype(bool)).sum() / (a.astype(bool) | b.astype(bool)).sum()


def read_by_supervision(folder: Path) -> supervision.DetectionDataset:
    return supervision.DetectionDataset.from_yolo(
        str(folder / "images"), str(folder / "labels"), str(folder / "data.yaml")
    )


def filled_as_ultralytics_does(line: str, height: int, width: int) -> np.ndarray:
    """Its polygons2masks: parts of the sides, multiplied out, cut to whole numbers, filled."""
    corners = np.array([float(word) for word in line.split()[1:]]).reshape(-1, 2) * (width, height)
    canvas = np.zeros((height, width), np.uint8)
    return cv2.fillPoly(canvas, [corners.astype(np.int32)], 1)


def test_yolo_detect_boxes_read_by_supervision_equal_the_originals(tmp_path, both) -> None:
    result = export(both, "yolo-detect", tmp_path / "out")
    read = read_by_supervision(result.folder)
    assert read.classes == ["mug", "can", "crumb", "shelf edge"]
    by_name = {Path(path).stem: (image, detections) for path, image, detections in read}
    assert len(by_name) == len(read) == 2
    for picture, things in both.items():
        image, detections = by_name[Path(picture.name).stem]
        assert (image[..., ::-1] == picture.array).all()
        assert [read.classes[number] for number in detections.class_id] == [thing.label for thing in things]
        expected = [(*thing.box[:2], min(thing.box[2], picture.width), thing.box[3]) for thing in things]
        assert detections.xyxy == pytest.approx(np.array(expected), abs=1e-3)
    assert result.left_out == ()


def test_yolo_segment_polygons_fill_to_the_masks(tmp_path, shelf, on_shelf) -> None:
    """A ring and two parts lose only the pixels on the lines that join them; what is in one piece loses nothing."""
    result = export({shelf: on_shelf}, "yolo-segment", tmp_path / "out")
    lines = (result.folder / "labels" / "shelf 1.txt").read_text().splitlines()
    reported = {each.handle: each.iou for each in result.approximated}
    read = read_by_supervision(result.folder)[0][2]
    assert len(lines) == len(read) == 5
    for thing, line, mask in zip(on_shelf, lines, read.mask, strict=False):
        original = thing.mask.to_array()
        for filled in (filled_as_ultralytics_does(line, 90, 130), mask):
            assert iou(filled, original) == pytest.approx(reported.get(thing.handle, 1))
    assert set(reported) <= {"m1", "m2"}
    assert reported["m2"] > 0.96


def test_yolo_segment_hole_stays_empty(tmp_path, shelf, on_shelf, drawn) -> None:
    export({shelf: on_shelf[:1]}, "yolo-segment", tmp_path / "out")
    line = (tmp_path / "out" / "labels" / "shelf 1.txt").read_text()
    filled = filled_as_ultralytics_does(line, 90, 130)
    assert drawn["ring"][38, 44] == 0
    assert filled[38, 44] == 0
    assert iou(filled, drawn["ring"]) > 0.99


def test_yolo_segment_numbers_lie_within_the_picture(tmp_path, both) -> None:
    export(both, "yolo-segment", tmp_path / "out")
    for path in (tmp_path / "out" / "labels").iterdir():
        for line in path.read_text().splitlines():
            values = [float(word) for word in line.split()]
            assert len(values) >= 7
            assert len(values) % 2 == 1
            assert all(0 <= value <= 1 for value in values[1:])


def test_yolo_segment_object_without_a_mask_is_reported_as_left_out(tmp_path, both) -> None:
    result = export(both, "yolo-segment", tmp_path / "out")
    assert [(each.picture, each.handle) for each in result.left_out] == [("shelf 1", "m6")]


def test_yolo_picture_without_objects_has_an_empty_file(tmp_path, table) -> None:
    export({table: []}, "yolo-detect", tmp_path / "out")
    assert (tmp_path / "out" / "labels" / "table.txt").read_text() == ""
    assert (tmp_path / "out" / "images" / "table.png").is_file()


def test_yolo_label_that_is_yaml_comes_back_as_text(tmp_path, table, on_table, thing) -> None:
    labels = ["yes", "a: [b", "1e3", "#none", "naïve 'café'"]
    things = [thing(f"m{number}", label, 0.5, (0, 0, 9, 9), None) for number, label in enumerate(labels, start=1)]
    export({table: things}, "yolo-detect", tmp_path / "out")
    read = yaml.safe_load((tmp_path / "out" / "data.yaml").read_text(encoding="utf-8"))
    assert read == {"train": "images", "val": "images", "names": dict(enumerate(labels))}


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any))
def test_one_polygon_of_any_mask_covers_it_and_tells_its_own_iou(array: np.ndarray) -> None:
    corners, told = one_polygon(Mask.from_array(array))
    assert len(corners) >= 3
    filled = cv2.fillPoly(np.zeros(array.shape, np.uint8), [corners], 1)
    assert told == pytest.approx(iou(filled, array))
    assert (filled[array] == 1).mean() > 0.5


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 5), st.integers(0, 5))
def test_one_polygon_of_a_filled_rectangle_is_exact(height: int, width: int, left: int, top: int) -> None:
    array = np.zeros((20, 20), bool)
    array[top : top + height, left : left + width] = True
    corners, told = one_polygon(Mask.from_array(array))
    assert told == 1
    assert corners.min(0).tolist() == [left, top]
    assert corners.max(0).tolist() == [left + width - 1, top + height - 1]


def test_one_polygon_joins_parts_where_they_are_nearest() -> None:
    array = np.zeros((50, 50), bool)
    array[10, :31] = array[20, :31] = True
    corners, told = one_polygon(Mask.from_array(array))
    filled = cv2.fillPoly(np.zeros(array.shape, np.uint8), [corners], 1).astype(bool)
    assert filled[array].all()
    assert filled.sum() == 62 + 9
    assert told == pytest.approx(62 / 71)


def test_one_polygon_of_thousands_of_specks_is_found_in_time() -> None:
    array = np.random.default_rng(3).random((400, 400)) < 0.03
    corners, told = one_polygon(Mask.from_array(array))
    filled = cv2.fillPoly(np.zeros(array.shape, np.uint8), [corners], 1)
    assert told == pytest.approx(iou(filled, array))
