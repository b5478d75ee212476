"""Regions without a word: boxes first, points where nothing lies yet, crops of what is seen too small."""

from collections.abc import Sequence

import numpy as np
import pytest

from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.automatic import regions
from agent_tools.services.base import Prompt, Proposals, SegmentRequest, Segments
from agent_tools.services.fakes import FakeDetector, FakeSegmenter

WHITE, RED, BLUE = (255, 255, 255), (220, 30, 30), (30, 60, 220)


def picture_of(*squares: tuple[int, int, int, int], size: tuple[int, int] = (64, 48)) -> Picture:
    width, height = size
    array = np.full((height, width, 3), WHITE, np.uint8)
    for number, (x0, y0, x1, y1) in enumerate(squares):
        array[y0:y1, x0:x1] = (RED, BLUE)[number % 2]
    return Picture.from_array(array)


def boxes_of(found: Sequence[object]) -> set[tuple[float, ...]]:
    return {tuple(region.mask.box) for region in found}  # type: ignore[attr-defined]


class Recording(FakeSegmenter):
    """Remembers what it was asked, and is as unsure as it is told."""

    def __init__(self, iou: float = 0.95, stability: float = 1.0) -> None:
        super().__init__()
        self.prompts: list[Prompt] = []
        self.sizes: list[tuple[int, int]] = []
        self.iou, self.stability = iou, stability

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        for request in requests:
            self.prompts += request.prompts
            self.sizes.append((request.picture.width, request.picture.height))
        return [
            [
                Segments(each.masks[:1], np.array([self.iou], np.float32), np.array([self.stability], np.float32))
                for each in some
            ]
            for some in super().segment(requests)
        ]


TWO = ((4, 4, 14, 14), (30, 20, 44, 40))


def test_regions_of_two_squares_are_both_and_the_ground() -> None:
    found = regions(FakeSegmenter(), picture_of(*TWO))
    assert {(4, 4, 14, 14), (30, 20, 44, 40), (0, 0, 64, 48)} == boxes_of(found)
    assert all(region.prompt["labels"] == [1] for region in found)


def test_regions_asks_proposals_by_their_box_and_no_point_on_what_they_covered() -> None:
    picture, segmenter = picture_of(*TWO), Recording()
    (proposed,) = FakeDetector().propose([picture])
    found = regions(segmenter, picture, proposed)
    assert boxes_of(found) >= {(4, 4, 14, 14), (30, 20, 44, 40)}
    assert sum(prompt.box is not None for prompt in segmenter.prompts) == 2
    points = [tuple(prompt.points[0]) for prompt in segmenter.prompts if prompt.points is not None]
    assert points
    assert not [(x, y) for x, y in points for a, b, c, d in TWO if a <= x < c and b <= y < d]


def test_regions_leaves_out_proposals_that_the_detector_hardly_believes_in() -> None:
    picture, segmenter = picture_of(*TWO), Recording()
    weak = Proposals(np.array([TWO[0]], np.float32), np.array([0.05], np.float32), np.ones((1, 1), np.float32))
    regions(segmenter, picture, weak)
    assert all(prompt.box is None for prompt in segmenter.prompts)


@pytest.mark.parametrize(("iou", "stability"), [(0.5, 1.0), (0.95, 0.5)])
def test_regions_keeps_none_that_is_unsure_or_unstable(iou: float, stability: float) -> None:
    assert regions(Recording(iou, stability), picture_of(*TWO)) == []


def test_regions_takes_the_limits_that_the_segmenter_brings() -> None:
    segmenter = Recording(0.5, 0.5)
    segmenter.least_iou = segmenter.least_stability = 0.4  # type: ignore[attr-defined]
    assert len(regions(segmenter, picture_of(*TWO))) == 3


def test_regions_of_a_picture_seen_too_small_come_from_crops_and_are_whole() -> None:
    # A grid of 16 points along 640 pixels has a point every 40: the small square lies between them.
    small, large = (404, 308, 418, 326), (40, 40, 180, 160)
    picture, segmenter = picture_of(large, small, size=(640, 480)), Recording()
    assert small not in boxes_of(regions(segmenter, picture))
    segmenter.input_side = 64  # type: ignore[attr-defined]
    found = regions(segmenter, picture)
    assert {small, large} <= boxes_of(found)
    assert set(segmenter.sizes) == {(640, 480), (384, 288)}
    mask = next(region.mask for region in found if tuple(region.mask.box) == small)
    expected = np.zeros((480, 640), bool)
    expected[308:326, 404:418] = True
    assert mask == Mask.from_array(expected)
    x, y = next(region.prompt["points"][0] for region in found if tuple(region.mask.box) == small)
    assert 404 <= x < 418
    assert 308 <= y < 326


def test_regions_that_a_crop_cuts_off_are_left_out() -> None:
    wide = (0, 200, 640, 280)  # every crop shows a part of it alone
    segmenter = Recording()
    segmenter.input_side = 64  # type: ignore[attr-defined]
    found = boxes_of(regions(segmenter, picture_of(wide, size=(640, 480))))
    assert wide in found
    assert not [box for box in found if box[1:] == (200, 384, 280)]
    assert all(box[2] - box[0] in (640,) for box in found)


def test_regions_by_a_segmenter_that_looks_closer_itself_need_no_crops() -> None:
    segmenter = Recording()
    segmenter.input_side, segmenter.zoom = 64, 0.6  # type: ignore[attr-defined]
    regions(segmenter, picture_of(*TWO, size=(640, 480)))
    assert set(segmenter.sizes) == {(640, 480)}
