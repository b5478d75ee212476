"""COCO exports, read back with pycocotools and supervision."""

import json
from pathlib import Path

import numpy as np
import pytest
import supervision
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from agent_tools.exporting import export
from agent_tools.label_maps import panoptic_map


def loaded(folder: Path) -> COCO:
    return COCO(str(folder / "annotations.json"))


def by_handle(coco: COCO) -> dict[str, dict]:
    return {each["attributes"]["handle"]: each for each in coco.loadAnns(coco.getAnnIds())}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' decode under NumPy 2
def test_coco_masks_read_by_pycocotools_equal_the_originals(tmp_path, both) -> None:
    result = export(both, "coco", tmp_path / "out")
    coco = loaded(result.folder)
    read = by_handle(coco)
    things = [thing for objects in both.values() for thing in objects]
    assert set(read) == {thing.handle for thing in things}
    for thing in things:
        if thing.mask is not None:
            assert (coco.annToMask(read[thing.handle]) == thing.mask.to_array()).all()
            assert read[thing.handle]["area"] == thing.mask.area
        assert coco.loadCats(read[thing.handle]["category_id"])[0]["name"] == thing.label
        assert read[thing.handle].get("score") == thing.score
    assert result.left_out == ()
    assert result.approximated == ()


def test_coco_every_object_is_an_instance_and_no_crowd(tmp_path, both) -> None:
    coco = loaded(export(both, "coco", tmp_path / "out").folder)
    assert len(coco.getAnnIds(iscrowd=False)) == 8
    assert coco.getAnnIds(iscrowd=True) == []


def test_coco_object_without_a_mask_keeps_its_box_cut_to_the_picture(tmp_path, both) -> None:
    annotation = by_handle(loaded(export(both, "coco", tmp_path / "out").folder))["m6"]
    assert "segmentation" not in annotation
    assert annotation["bbox"] == [100.5, 30.25, 29.5, 19.75]
    assert annotation["area"] == pytest.approx(29.5 * 19.75)


def test_coco_box_outside_the_picture_is_reported_as_left_out(tmp_path, shelf, thing) -> None:
    result = export({shelf: [thing("m1", "can", 0.5, (200, 0, 220, 9), None)]}, "coco", tmp_path / "out")
    assert loaded(result.folder).getAnnIds() == []
    assert [(each.picture, each.handle) for each in result.left_out] == [("shelf 1", "m1")]
    assert "no area within" in result.left_out[0].reason


def test_coco_images_are_the_pictures_to_the_pixel(tmp_path, both) -> None:
    coco = loaded(export(both, "coco", tmp_path / "out").folder)
    for picture, entry in zip(both, coco.loadImgs(coco.getImgIds()), strict=True):
        pixels = np.asarray(Image.open(tmp_path / "out" / "images" / entry["file_name"]))
        assert (pixels == picture.array).all()
        assert pixels.shape[:2] == (entry["height"], entry["width"])


def test_coco_evaluated_against_itself_scores_one(tmp_path, shelf, on_shelf, capsys) -> None:
    coco = loaded(export({shelf: on_shelf[:3]}, "coco", tmp_path / "out").folder)
    found = coco.loadRes([{**each, "score": 0.9} for each in coco.loadAnns(coco.getAnnIds())])
    judged = COCOeval(coco, found, "segm")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    assert judged.stats[0] == pytest.approx(1)


def test_coco_read_by_supervision_has_masks_labels_and_boxes(tmp_path, both) -> None:
    folder = export(both, "coco", tmp_path / "out").folder
    read = supervision.DetectionDataset.from_coco(str(folder / "images"), str(folder / "annotations.json"))
    assert read.classes == ["mug", "can", "crumb", "shelf edge"]
    for (_, image, detections), (picture, things) in zip(read, both.items(), strict=True):
        assert (image[..., ::-1] == picture.array).all()
        assert [read.classes[number] for number in detections.class_id] == [thing.label for thing in things]
        for thing, mask, box in zip(things, detections.mask, detections.xyxy, strict=True):
            if thing.mask is not None:
                assert (mask == thing.mask.to_array()).all()
                assert tuple(box) == thing.mask.box


def test_coco_categories_given_keep_their_order_and_the_empty_ones(tmp_path, both) -> None:
    given = ["dog", "shelf edge", "crumb", "can", "mug"]
    coco = loaded(export(both, "coco", tmp_path / "out", categories=given).folder)
    assert [(each["id"], each["name"]) for each in coco.loadCats(coco.getCatIds())] == list(enumerate(given, start=1))


def test_coco_without_images_names_the_files_that_were_opened(tmp_path, both) -> None:
    result = export(both, "coco", tmp_path / "out", images=None)
    coco = loaded(result.folder)
    assert [each["file_name"] for each in coco.loadImgs(coco.getImgIds())] == ["shelf 1.jpg", "table.png"]
    assert [path.name for path in result.files] == ["annotations.json", "askmask-export.json"]


def test_coco_panoptic_pictures_and_segments_round_trip(tmp_path, both) -> None:
    folder = export(both, "coco-panoptic", tmp_path / "out", stuff=["shelf edge"]).folder
    content = json.loads((folder / "panoptic.json").read_text())
    categories = {each["id"]: each for each in content["categories"]}
    assert {each["name"] for each in categories.values() if not each["isthing"]} == {"shelf edge"}
    for (picture, things), annotation in zip(both.items(), content["annotations"], strict=True):
        pixels = np.asarray(Image.open(folder / "panoptic" / annotation["file_name"]), np.int64)
        ids = pixels[..., 0] + 256 * pixels[..., 1] + 256**2 * pixels[..., 2]
        expected = panoptic_map(things, picture.height, picture.width, stuff=["shelf edge"])
        assert (ids == expected.ids).all()
        segments = {each["id"]: each for each in annotation["segments_info"]}
        assert set(segments) == set(np.unique(ids)) - {0}
        for number, segment in segments.items():
            x, y, width, height = segment["bbox"]
            assert segment["area"] == (ids == number).sum() == (ids[y : y + height, x : x + width] == number).sum()
            label = next(each.label for each in things if each.handle == f"m{number}")
            assert categories[segment["category_id"]]["name"] == label


def test_coco_panoptic_names_what_is_covered_and_what_has_no_mask(tmp_path, both) -> None:
    result = export(both, "coco-panoptic", tmp_path / "out")
    assert {each.handle: each.reason.split(",")[0] for each in result.left_out} == {
        "m6": "it has no mask",
        "m8": "other objects cover all of it",
    }
