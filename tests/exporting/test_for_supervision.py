"""`to_supervision` against supervision's own checks and its filtering."""

import numpy as np
import pytest
import supervision

from agent_tools.errors import ToolInputError
from agent_tools.exporting import to_supervision
from agent_tools.memory import ObjectVersion


def test_to_supervision_keeps_every_object_in_order(on_shelf) -> None:
    found = to_supervision(on_shelf, categories=["dog", "can", "mug", "crumb", "shelf edge"])
    assert isinstance(found, supervision.Detections)
    assert found.data["handle"].tolist() == ["m1", "m2", "m3", "m4", "m5", "m6"]
    assert found.class_id.tolist() == [2, 1, 2, 3, 4, 1]
    assert found.data["class_name"].tolist() == found.data["label"].tolist() == [thing.label for thing in on_shelf]
    assert found.confidence == pytest.approx([0.9, 0.6, 0.3, np.nan, 0.2, 0.5], nan_ok=True)
    assert found.xyxy.dtype == np.float32
    assert found.xyxy.tolist() == [list(thing.box) for thing in on_shelf]
    for thing, mask, has_mask in zip(on_shelf, found.mask, found.data["has_mask"], strict=True):
        assert has_mask == (thing.mask is not None)
        assert (mask == (thing.mask.to_array() if has_mask else False)).all()


def test_to_supervision_result_can_be_filtered_and_merged(on_shelf) -> None:
    found = to_supervision(on_shelf)
    mugs = found[found.data["class_name"] == "mug"]
    assert mugs.data["handle"].tolist() == ["m1", "m3"]
    assert len(supervision.Detections.merge([found, to_supervision(on_shelf)])) == 12


def test_to_supervision_boxes_only_have_no_masks(on_shelf) -> None:
    found = to_supervision(on_shelf[5:])
    assert found.mask is None
    assert found.confidence.tolist() == [0.5]


def test_to_supervision_without_scores_has_no_confidence(on_shelf) -> None:
    assert to_supervision(on_shelf[3:4]).confidence is None


def test_to_supervision_of_nothing_is_empty() -> None:
    found = to_supervision([])
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)


def test_to_supervision_masks_of_two_pictures_are_refused(on_shelf, on_table) -> None:
    with pytest.raises(ToolInputError, match="differ"):
        to_supervision([*on_shelf, *on_table])


def test_to_supervision_takes_objects_of_a_conversation(on_shelf) -> None:
    mask = on_shelf[0].mask
    version = ObjectVersion(
        handle="m1", version=1, picture="p1", label="mug", score=0.9, box=mask.box, mask=mask, area=mask.area,
        parent=None, prompts=(), candidate=0, predicted_iou=0.8, stability=0.9, model="demo", review=False, turn=1,
    )  # fmt: skip
    assert to_supervision([version]).data["handle"].tolist() == ["m1"]
