"""The benchmark on photographs: perfect answers score 1, wrong ones what arithmetic says, on folders drawn here."""

import json

import cv2
import numpy as np
import pytest

from agent_tools.errors import ConfigError
from agent_tools.masks import Mask, mask_iou
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from benchmarks import photos as benchmark
from benchmarks.photo_drawings import HIT, MISSED, UNJUDGED, WRONG, draw_boxes
from benchmarks.photo_figures import filled_box, filled_ellipse, match, plain_grabcut, size_groups
from benchmarks.photo_truth import mask_of_polygon, masks_of_segments, read_photographs
from benchmarks.photos import absent_figures, count_row, mask_figures, measure

WIDTH, HEIGHT = 200, 100
ORANGES = [[20, 20, 60, 60], [120, 30, 160, 70]]
ORANGE, GREY = (240, 140, 20), (128, 128, 128)


def write(path, pixels):
    assert cv2.imwrite(str(path), cv2.cvtColor(np.asarray(pixels, np.uint8), cv2.COLOR_RGB2BGR))


@pytest.fixture
def folder(tmp_path):
    """Two oranges with YOLO boxes, a crate that is only counted, a class without a count, a panoptic picture."""
    (tmp_path / "trees").mkdir()
    pixels = np.full((HEIGHT, WIDTH, 3), GREY)
    ids = np.zeros((HEIGHT, WIDTH, 3), int)
    for number, (x0, y0, x1, y1) in enumerate(ORANGES):
        pixels[y0:y1, x0:x1] = ORANGE
        ids[y0:y1, x0:x1] = (7, number, 1)
    for name in ("trees/boxed", "counted", "classed", "scene"):
        write(tmp_path / f"{name}.png", pixels)
    write(tmp_path / "scene_panoptic.png", ids)
    yolo = [
        f"4 {(a + c) / 2 / WIDTH} {(b + d) / 2 / HEIGHT} {(c - a) / WIDTH} {(d - b) / HEIGHT}" for a, b, c, d in ORANGES
    ]
    (tmp_path / "trees" / "boxed.txt").write_text("\n".join(yolo) + "\n")
    segments = [
        {"id": 7 + 65536 + 256 * number, "category": "ball", "bbox": [a, b, c - a, d - b], "iscrowd": 0}
        for number, (a, b, c, d) in enumerate(ORANGES)
    ]
    segments += [{"id": 1, "category": "sky", "bbox": [0, 0, 9, 9], "iscrowd": 0}]
    segments += [{"id": 2, "category": "ball", "bbox": [0, 0, 9, 9], "iscrowd": 1}]
    entries = [
        {"file": "trees/boxed.png", "counts": {"orange": 2}},
        {"file": "counted.png", "counts": {"orange": 3}, "labels": "hand count"},
        {"file": "classed.png", "labels": "image-level class Fruit/Orange/Navel"},
        {"file": "scene.png", "counts": {"ball": 2}, "segments": segments},
    ]
    (tmp_path / "MANIFEST.json").write_text(json.dumps(entries))
    return tmp_path


def services(**answers):
    return Services(
        FakeDetector({**{noun: [] for noun in benchmark.PRODUCE}, **answers}), FakeSegmenter(), "x", "d", "s"
    )


def hits(*boxes):
    return [(box, 0.9) for box in boxes]


def test_match_each_thing_is_found_once_by_the_closest_box():
    truth = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    found = np.array([[2, 0, 12, 10], [0, 0, 10, 10], [21, 0, 31, 10], [50, 50, 60, 60]], np.float32)
    assert match(found, truth).tolist() == [-1, 0, 1, -1]
    assert match(found, truth[:0]).tolist() == [-1, -1, -1, -1]
    assert match(found[:0], truth).tolist() == []


def test_match_box_below_the_overlap_lies_on_nothing():
    truth = np.array([[0, 0, 10, 10]], np.float32)
    assert match(np.array([[0, 0, 10, 4.1]], np.float32), truth).tolist() == [0]
    assert match(np.array([[0, 0, 10, 3.9]], np.float32), truth).tolist() == [-1]


def test_size_groups_side_is_the_root_of_the_area():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 20, 5], [0, 0, 5, 80], [0, 0, 100, 100]], np.float32)
    assert size_groups(boxes, 100, 100) == ["<5%", "5-15%", "15-33%", ">33%"]


def test_filled_shapes_have_their_areas():
    assert filled_box((2, 3, 6, 9), 20, 10) == Mask.from_crop(np.ones((6, 4)), 2, 3, 10, 20)
    ellipse = filled_ellipse((0, 0, 80, 40), 80, 40)
    assert ellipse.area == pytest.approx(np.pi / 4 * 80 * 40, rel=0.01)
    assert ellipse.box == (0, 0, 80, 40)


def test_plain_grabcut_cuts_a_disc_from_its_box():
    pixels = np.full((120, 160, 3), (60, 140, 70), np.uint8)
    disc = cv2.circle(np.zeros((120, 160), np.uint8), (80, 60), 30, 1, -1).astype(bool)
    pixels[disc] = (200, 50, 40)
    truth = Mask.from_array(disc)
    assert mask_iou([plain_grabcut(pixels, truth.box)], [truth])[0, 0] > 0.9


def test_plain_grabcut_of_the_whole_frame_is_the_box():
    assert plain_grabcut(np.zeros((6, 8, 3), np.uint8), (0, 0, 8, 6)).area == 48


def test_masks_of_segments_reads_all_three_bytes_of_an_id():
    panoptic = np.zeros((2, 3, 3), np.uint8)
    panoptic[0, 1] = (1, 2, 3)
    (mask,) = masks_of_segments(panoptic, [1 + 256 * 2 + 65536 * 3])
    assert mask.to_array().tolist() == [[False, True, False], [False, False, False]]


def test_mask_of_polygon_is_in_shares_of_the_photograph():
    mask = mask_of_polygon("1 0.25 0.5 0.75 0.5 0.75 1 0.25 1", 8, 4)
    assert mask.to_array().tolist() == [[False] * 8] * 2 + [[False] * 2 + [True] * 4 + [False] * 2] * 2


def test_read_photographs_every_kind_of_truth_is_found(folder):
    boxed, counted, classed, scene = read_photographs(folder)
    assert boxed.boxes["orange"].round(3).tolist() == ORANGES
    assert (counted.boxes, counted.counts) == ({}, {"orange": 3})
    assert (classed.produce, boxed.produce, scene.produce) == (("orange",), ("orange",), ())
    assert scene.boxes["ball"].tolist() == ORANGES
    assert [mask.box for mask in scene.masks(scene.open())] == [tuple(box) for box in ORANGES]
    assert classed.masks(classed.open()) == []


def test_read_photographs_package_with_a_fruit_in_its_name_shows_none(tmp_path):
    labels = "image-level class Packages/Juice/Apple"
    (tmp_path / "MANIFEST.json").write_text(json.dumps([{"file": "a.png", "labels": labels}]))
    assert read_photographs(tmp_path)[0].produce == ()


def test_read_photographs_polygons_are_read_where_there_is_no_panoptic_picture(folder):
    (folder / "scene_panoptic.png").unlink()
    (folder / "scene_polygons.txt").write_text("1 0.25 0.5 0.75 0.5 0.75 1 0.25 1\n")
    scene = read_photographs(folder)[3]
    assert [mask.box for mask in scene.masks(scene.open())] == [(50, 50, 150, 100)]


@pytest.mark.parametrize("written", [None, "{", '[{"counts": {}}]', '[{"file": "a.png", "counts": {"orange": "x"}}]'])
def test_read_photographs_manifest_of_another_form_raises(tmp_path, written):
    if written is not None:
        (tmp_path / "MANIFEST.json").write_text(written)
    with pytest.raises(ConfigError, match="cannot be measured"):
        read_photographs(tmp_path)


def test_measure_perfect_answers_score_one(folder):
    figures = measure(read_photographs(folder), services(orange=hits(*ORANGES), ball=hits(*ORANGES)))
    assert [(row["n"], row["error"], row["elsewhere"]) for row in figures["counts"]] == [(2, 0, 0), (2, -1, None)]
    for row in figures["boxes"].values():
        assert (row["things"], row["recall"], row["precision"]) == (2, 1.0, 1.0)
    assert figures["found_by_size"]["15-33%"] == {"things": 4, "found": 1.0}
    assert figures["found_by_size"]["<5%"] == {"things": 0, "found": None}
    assert (figures["absent"]["mean_hits"], figures["absent"]["photographs"]) == (0.0, 3)
    masks = figures["masks"]
    assert masks["segmenter"]["iou"] == masks["filled box"]["iou"] == 1.0
    assert masks["filled ellipse"]["iou"] == pytest.approx(np.pi / 4, abs=0.02)
    assert {row["masks"] for row in masks.values()} == {2}


def test_measure_wrong_answers_cost_what_they_should(folder):
    wrong = services(orange=hits(ORANGES[0], [80, 70, 110, 95]), lemon=hits(ORANGES[1]))
    figures = measure(read_photographs(folder), wrong)
    assert figures["counts"][0]["elsewhere"] == 1
    assert (figures["boxes"]["trees orange"]["recall"], figures["boxes"]["trees orange"]["precision"]) == (0.5, 0.5)
    assert figures["boxes"][". ball"]["recall"] == 0.0
    assert figures["absent"]["requests"] == 3 * 10
    assert figures["absent"]["mean_hits"] == 0.1
    assert [row["noun"] for row in figures["absent"]["hits"]] == ["lemon"] * 3


def test_measure_told_what_else_is_shown_asks_no_more_for_it(folder):
    also = {"counted.png": frozenset({"lemon"})}
    figures = measure(read_photographs(folder), services(lemon=hits(ORANGES[1])), also)
    assert figures["absent"]["requests"] == 29
    assert len(figures["absent"]["hits"]) == 2


def test_measure_detector_of_few_nouns_is_asked_for_these_alone(folder):
    models = services(orange=hits(*ORANGES))
    models.detector.nouns = ("orange", "lemon")
    figures = measure(read_photographs(folder), models)
    assert list(figures["boxes"]) == ["trees orange"]
    assert figures["absent"]["requests"] == 3
    assert {phrase for _, phrases in models.detector.calls for phrase in phrases} == {"orange", "lemon"}


def test_count_row_truth_outside_the_range_is_not_within():
    row = count_row("a", "orange", 17, {"n": 12, "low": 10, "high": 16}, np.array([0, -1]), None)
    assert (row["error"], row["within"], row["elsewhere"]) == (-5, False, None)


def test_absent_figures_nothing_asked_has_no_mean():
    assert absent_figures([])["mean_hits"] is None


def test_mask_figures_groups_have_their_own_means():
    figures = mask_figures([0.2, 0.4, 0.9], ["<5%", "<5%", ">33%"], 1.5)
    assert (figures["iou"], figures["seconds"]) == (0.5, 0.5)
    assert figures["by_size"] == {"<5%": 0.3, "5-15%": None, "15-33%": None, ">33%": 0.9}


def test_draw_boxes_colours_tell_hits_from_wrong_missed_and_unjudged(folder):
    picture = read_photographs(folder)[0].open()
    truth = np.array(ORANGES, np.float32)
    found = np.array([ORANGES[0], [80, 70, 110, 95]], np.float32)

    def at(canvas, box):
        return tuple(canvas[box[1], (box[0] + box[2]) // 2].tolist())

    judged = draw_boxes(picture, found, match(found, truth), truth)
    assert [at(judged, box) for box in (ORANGES[0], [80, 70, 110, 95], ORANGES[1])] == [HIT, WRONG, MISSED]
    free = draw_boxes(picture, found, np.array([-1, -1]), None)
    assert at(free, ORANGES[0]) == UNJUDGED


def test_main_prints_a_table_and_draws(folder, monkeypatch, capsys):
    given = services(orange=hits(*ORANGES), ball=hits(*ORANGES))
    monkeypatch.setattr(benchmark, "load_services", lambda *names, **others: given)
    benchmark.main([str(folder), "--out", str(folder / "out")])
    printed = capsys.readouterr().out
    assert "trees orange" in printed
    assert (folder / "out" / "sheet.jpg").is_file()
    benchmark.main([str(folder), "--json", "--also", "counted.png=lemon"])
    assert json.loads(capsys.readouterr().out)["absent"]["requests"] == 29


@pytest.mark.photos
def test_read_photographs_real_manifest_agrees_with_its_files(photos):
    known = read_photographs(photos)
    assert known
    for photograph in known:
        assert photograph.path.is_file()
        for noun, boxes in photograph.boxes.items():
            assert len(boxes) == photograph.counts[noun]
            assert (boxes[:, 2:] > boxes[:, :2]).all()
    scene = next(one for one in known if one.segments)
    picture = scene.open()
    masks = scene.masks(picture)
    assert len(masks) == sum(scene.counts.values())
    assert all((mask.width, mask.height) == (picture.width, picture.height) and mask.area for mask in masks)
