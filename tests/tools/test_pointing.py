"""Gestures cut things out, and points correct masks."""

from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask
from agent_tools.services.base import Segments
from agent_tools.services.fakes import FakeSegmenter
from agent_tools.toolkit import VisionToolkit


def mask_of(*box: int) -> Mask:
    array = np.zeros((64, 64), bool)
    array[box[1] : box[3], box[0] : box[2]] = True
    return Mask.from_array(array)


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("point", [22, 8]),
        ("box", [20, 4, 28, 12]),
        ("box", [28, 12, 20, 4]),
        ("polygon", [(20, 4), (28, 4), (28, 12), (20, 12)]),
        ("stroke", [(21, 5), (24, 8), (27, 11)]),
        ("point", [np.array([22.0, 8.0])]),
    ],
)
def test_segment_at_each_kind_of_gesture_cuts_out_what_is_there(make: Any, kind: Any, coordinates: Any) -> None:
    toolkit = make()
    name = toolkit.gesture(None, kind, coordinates)
    result = toolkit.call("segment", {"gestures": [name]})
    thing = toolkit.state.objects["m1"]
    assert thing.mask == mask_of(20, 4, 28, 12)
    assert (thing.label, thing.score, thing.review) == ("object", None, False)
    assert thing.prompts[0] == {"gesture": "g1"}
    assert result.text == "1 object: m1."
    assert toolkit.state.selection == ("m1",)


def test_segment_at_a_known_thing_gives_its_handle(shelf: VisionToolkit) -> None:
    name = shelf.gesture("p1", "point", [22, 8])
    assert shelf.call("segment", {"gestures": [name]}).data["selection"] == ["m4"]
    assert len(shelf.state.objects) == 6


def test_segment_at_several_gestures_makes_a_thing_of_each(make: Any) -> None:
    toolkit = make()
    names = [toolkit.gesture("p1", "point", point) for point in ((6, 6), (22, 8))]
    assert [thing["area"] for thing in toolkit.call("segment", {"gestures": names}).data["objects"]] == [64, 64]


def test_segment_by_words_at_a_point_takes_the_candidate_under_it(make: Any) -> None:
    toolkit = make(answers={"box": [((4, 4, 12, 12), 0.9), ((36, 2, 46, 12), 0.3)]})
    name = toolkit.gesture("p1", "point", [40, 6])
    toolkit.call("segment", {"phrases": ["box"], "gestures": [name]})
    thing = toolkit.state.objects["m1"]
    assert (thing.label, thing.score, thing.box) == ("box", pytest.approx(0.3), (36, 2, 46, 12))


def test_segment_by_words_beside_a_thing_takes_the_nearest(make: Any) -> None:
    toolkit = make(answers={"box": [((4, 4, 12, 12), 0.9), ((36, 2, 46, 12), 0.6)]})
    name = toolkit.gesture("p1", "point", [33, 6])
    assert toolkit.call("segment", {"phrases": ["box"], "gestures": [name]}).data["objects"][0]["score"] == 0.6


def test_segment_by_words_well_beside_a_known_thing_is_another_one(make: Any) -> None:
    toolkit = make(answers={"box": [((4, 4, 12, 12), 0.9)]})
    toolkit.call("segment", {"phrases": ["box"]})
    beside, slipped = (toolkit.gesture("p1", "point", point) for point in ([22, 8], [12.2, 8]))
    result = toolkit.call("segment", {"phrases": ["box"], "gestures": [beside]})
    assert [(thing["handle"], thing["label"], thing["review"]) for thing in result.data["objects"]] == [
        ("m2", "box", True)
    ]
    again = toolkit.call("segment", {"phrases": ["box"], "gestures": [slipped]})
    assert again.data["selection"] == ["m1"]


def test_segment_by_words_the_detector_does_not_see_trusts_the_hand_and_says_so(make: Any) -> None:
    toolkit = make(answers={"teapot": []})
    name = toolkit.gesture("p1", "point", [22, 8])
    result = toolkit.call("segment", {"phrases": ["teapot"], "gestures": [name]})
    thing = toolkit.state.objects["m1"]
    assert (thing.label, thing.score, thing.review, thing.area) == ("teapot", None, True, 64)
    assert "the detector sees no teapot at g1; cut out what is there" in result.text


class Recording(FakeSegmenter):
    """The even patches, and what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def segment(self, requests: Any) -> Any:
        self.asked += [prompt for request in requests for prompt in request.prompts]
        return super().segment(requests)


def test_segment_one_of_many_gestures_is_one_thing_from_one_prompt(make: Any) -> None:
    toolkit = make(segmenter=Recording())
    names = [
        toolkit.gesture("p1", "point", [22, 8]),
        toolkit.gesture("p1", "stroke", [(6, 8), (10, 8)]),
        toolkit.gesture("p1", "point", [24, 8], include=False),
        toolkit.gesture("p1", "stroke", [(40, 4), (40, 10)], include=False),
    ]
    result = toolkit.call("segment", {"gestures": names[:2], "quantity": "one"})
    assert result.text == "1 object: m1."
    assert toolkit.state.objects["m1"].mask == mask_of(4, 4, 12, 12) | mask_of(20, 4, 28, 12)
    toolkit.call("segment", {"gestures": names, "quantity": "one"})
    thing = toolkit.state.objects["m2"]
    assert thing.mask == mask_of(4, 4, 12, 12)
    assert len(toolkit.services.segmenter.asked) == 2
    asked = toolkit.services.segmenter.asked[-1]
    assert sorted(zip(asked.labels.tolist(), asked.points.tolist(), strict=True))[0][0] == 0
    assert asked.labels.tolist().count(1) == 3
    assert thing.prompts[:4] == (
        {"gesture": "g1"},
        {"gesture": "g2"},
        {"gesture": "g3", "include": False},
        {"gesture": "g4", "include": False},
    )


def test_segment_background_gestures_trim_every_thing_and_make_none(make: Any) -> None:
    toolkit = make()
    names = [toolkit.gesture("p1", "point", point) for point in ((6, 6), (22, 8))]
    names.append(toolkit.gesture("p1", "box", [0, 8, 64, 64], include=False))
    found = toolkit.call("segment", {"gestures": names}).data["objects"]
    assert [thing["handle"] for thing in found] == ["m1", "m2"]
    assert [toolkit.state.objects[each].mask for each in ("m1", "m2")] == [mask_of(4, 4, 12, 8), mask_of(20, 4, 28, 8)]
    assert all(each.mask.box[3] <= 8 for each in toolkit.state.objects["m1"].alternatives)


def test_segment_at_a_known_thing_less_an_area_corrects_its_handle(make: Any) -> None:
    toolkit = make()
    toolkit.call("segment", {"phrases": ["red"]})
    names = [toolkit.gesture("p1", "point", [40, 6]), toolkit.gesture("p1", "box", [45, 11, 64, 64], include=False)]
    assert toolkit.call("segment", {"gestures": names}).data["selection"] == ["m2"]
    assert toolkit.state.objects["m2"].mask == mask_of(36, 2, 46, 12) - mask_of(45, 11, 46, 12)
    assert toolkit.state.objects["m2"].version == 2


@pytest.mark.parametrize("kind", ["point", "stroke", "box"])
def test_segment_at_background_alone_is_refused(make: Any, kind: Any) -> None:
    toolkit = make()
    name = toolkit.gesture("p1", kind, [(3, 3), (9, 9)][: 1 + (kind != "point")], include=False)
    with pytest.raises(ToolInputError, match=r"^gestures=g1 point at nothing, only at what does not belong: expected"):
        toolkit.call("segment", {"gestures": [name]})
    assert toolkit.state.objects == {}


@pytest.mark.parametrize(
    ("gestures", "score"),
    [
        ([("point", [(6, 6)], True)], 0.9),
        ([("stroke", [(38, 4), (44, 10)], True)], 0.4),
        ([("box", [(35, 1), (47, 13)], True)], 0.4),
        ([("polygon", [(35, 1), (47, 1), (41, 20)], True)], 0.4),
        ([("point", [(6, 6)], True), ("stroke", [(38, 4), (44, 10)], True), ("box", [(35, 1), (47, 13)], True)], 0.4),
        ([("point", [(10, 10)], True), ("point", [(14, 14)], False)], 0.6),
    ],
)
def test_segment_by_words_and_gestures_takes_the_candidate_that_most_of_them_mean(
    make: Any, gestures: Any, score: float
) -> None:
    answers = {"box": [((4, 4, 16, 16), 0.9), ((9, 9, 13, 13), 0.6), ((36, 2, 46, 12), 0.4)]}
    toolkit = make(answers=answers)
    names = [toolkit.gesture("p1", kind, points, include=include) for kind, points, include in gestures]
    toolkit.call("segment", {"phrases": ["box"], "gestures": names, "quantity": "one"})
    assert toolkit.state.objects["m1"].score == pytest.approx(score)


def test_segment_at_gestures_of_another_picture_is_refused(make: Any) -> None:
    toolkit = make()
    toolkit.open_picture(np.zeros((8, 8, 3), np.uint8))
    names = [toolkit.gesture(picture, "point", [2, 2]) for picture in ("p1", "p2")]
    with pytest.raises(ToolInputError, match=r"^gestures=g1, g2 are on p1, p2: expected gestures on p1\. Call segment"):
        toolkit.call("segment", {"gestures": names})


def test_refine_adds_what_the_point_is_on_as_a_new_version(shelf: VisionToolkit) -> None:
    result = shelf.call("refine_with_point", {"handle": "m1", "point": [22, 8]})
    thing = shelf.state.objects["m1"]
    assert thing.mask == mask_of(4, 4, 12, 12) | mask_of(20, 4, 28, 12)
    assert (thing.version, thing.parent, thing.box) == (2, ("m1", 1), (4, 4, 28, 12))
    assert thing.prompts[-1] == {"points": [[22, 8]], "labels": [1]}
    assert result.text == "m1 (red) now takes in (22, 8): 64 -> 128 pixels."
    assert shelf.state.selection == ("m1", "m2", "m3", "m4", "m5", "m6")


def test_refine_again_asks_with_all_points_so_far(shelf: VisionToolkit) -> None:
    shelf.call("refine_with_point", {"handle": "m1", "point": [22, 8]})
    name = shelf.gesture("p1", "point", [24, 8])
    shelf.call("refine_with_point", {"handle": "m1", "point": name, "include": False})
    thing = shelf.state.objects["m1"]
    assert thing.mask == mask_of(4, 4, 12, 12)
    assert thing.prompts[-2:] == (
        {"points": [[22, 8]], "labels": [1]},
        {"gesture": name, "points": [[24, 8]], "labels": [0]},
    )


def test_refine_without_a_mask_makes_one(make: Any) -> None:
    toolkit = make()
    toolkit.call("ground", {"phrases": ["blue"]})
    toolkit.call("refine_with_point", {"handle": "m1", "point": [22, 8]})
    assert toolkit.state.objects["m1"].mask == mask_of(20, 4, 28, 12)


def test_refine_takes_the_candidate_that_obeys_most_points(make: Any) -> None:
    class Stubborn:
        """Prefers a mask that disobeys."""

        def segment(self, requests: Any) -> Any:
            masks = [mask_of(0, 0, 64, 64), mask_of(4, 4, 12, 12), mask_of(4, 4, 28, 12)]
            ious = np.array([0.99, 0.9, 0.5], np.float32)
            return [[Segments(masks, ious, ious) for _ in request.prompts] for request in requests]

    toolkit = make(segmenter=Stubborn(), answers={"can": [((4, 4, 12, 12), 0.9)]})
    toolkit.call("segment", {"phrases": ["can"]})
    toolkit.call("refine_with_point", {"handle": "m1", "point": [40, 40], "include": False})
    toolkit.call("refine_with_point", {"handle": "m1", "point": [22, 8]})
    thing = toolkit.state.objects["m1"]
    assert (thing.mask, thing.candidate) == (mask_of(4, 4, 28, 12), 2)


def test_refine_that_no_candidate_obeys_changes_nothing_and_says_so(make: Any) -> None:
    class Deaf:
        def segment(self, requests: Any) -> Any:
            one = np.ones(1, np.float32)
            return [[Segments([mask_of(4, 4, 12, 12)], one, one) for _ in request.prompts] for request in requests]

    toolkit = make(segmenter=Deaf())
    toolkit.call("segment", {"phrases": ["blue"], "quantity": "one"})
    result = toolkit.call("refine_with_point", {"handle": "m1", "point": [50, 50]})
    assert result.text == "m1 (blue) is unchanged: no mask takes it in at (50, 50)."
    assert toolkit.state.objects["m1"].version == 1


@pytest.mark.parametrize(
    ("kind", "points", "include", "mask"),
    [
        ("stroke", [(21, 8), (27, 8)], True, mask_of(4, 4, 12, 12) | mask_of(20, 4, 28, 12)),
        ("box", [(19, 3), (29, 13)], True, mask_of(4, 4, 12, 12) | mask_of(20, 4, 28, 12)),
        ("polygon", [(4, 8), (12, 8), (12, 12), (4, 12)], False, mask_of(4, 4, 12, 8)),
        ("box", [(8, 0), (64, 64)], False, mask_of(4, 4, 8, 12)),
    ],
)
def test_refine_by_any_gesture_takes_in_or_leaves_out_as_it_was_drawn(
    shelf: VisionToolkit, kind: Any, points: Any, include: bool, mask: Mask
) -> None:
    name = shelf.gesture("p1", kind, points, include=include)
    result = shelf.call("refine_with_point", {"handle": "m1", "point": name})
    assert shelf.state.objects["m1"].mask == mask
    assert f"now {'takes in' if include else 'leaves out'} {name}" in result.text


@pytest.mark.parametrize("include", [True, False])
def test_refine_by_an_area_without_a_pixel_changes_nothing(shelf: VisionToolkit, include: bool) -> None:
    name = shelf.gesture("p1", "box", [(8, 8), (8, 8)], include=include)
    shelf.call("refine_with_point", {"handle": "m1", "point": name})
    assert shelf.state.objects["m1"].mask == mask_of(4, 4, 12, 12)


def test_refine_with_include_overrides_how_the_gesture_was_drawn(shelf: VisionToolkit) -> None:
    name = shelf.gesture("p1", "box", [8, 0, 64, 64])
    shelf.call("refine_with_point", {"handle": "m1", "point": name, "include": False})
    assert shelf.state.objects["m1"].mask == mask_of(4, 4, 8, 12)


def test_refine_later_still_leaves_out_an_area_until_a_point_in_it_is_taken_in(shelf: VisionToolkit) -> None:
    area = shelf.gesture("p1", "box", [8, 0, 64, 64], include=False)
    shelf.call("refine_with_point", {"handle": "m1", "point": area})
    shelf.call("refine_with_point", {"handle": "m1", "point": [6, 40]})
    assert shelf.state.objects["m1"].mask == mask_of(4, 4, 8, 12) | mask_of(4, 36, 8, 44)
    shelf.call("refine_with_point", {"handle": "m1", "point": [10, 8]})
    assert shelf.state.objects["m1"].mask.contains(10, 8)


class Scripted:
    """Answers with given masks: (lone click, with the mask so far, with a box)."""

    def __init__(self, lone: Mask, again: Mask, boxed: Mask) -> None:
        self.lone, self.again, self.boxed = lone, again, boxed

    def segment(self, requests: Any) -> Any:
        return [[self._answer(prompt) for prompt in request.prompts] for request in requests]

    def _answer(self, prompt: Any) -> Segments:
        mask = self.boxed if prompt.box is not None else self.again if prompt.mask is not None else self.lone
        return Segments([mask], np.array([0.8], np.float32), np.ones(1, np.float32))


CAN, OTHER = mask_of(4, 4, 12, 12), mask_of(36, 36, 44, 44)


@pytest.mark.parametrize(
    ("again", "mask", "said"),
    [
        (OTHER | mask_of(4, 4, 6, 12), OTHER, "is now what is at"),
        (OTHER | CAN, OTHER | CAN, "now takes in"),
    ],
    ids=["another thing", "the thing reaches further"],
)
def test_refine_beside_the_whole_thing_moves_unless_a_mask_keeps_it(
    make: Any, again: Mask, mask: Mask, said: str
) -> None:
    toolkit = make(segmenter=Scripted(OTHER, again, CAN), answers={"can": [((4, 4, 12, 12), 0.9)]})
    toolkit.call("segment", {"phrases": ["can"]})
    result = toolkit.call("refine_with_point", {"handle": "m1", "point": [40, 40]})
    thing = toolkit.state.objects["m1"]
    assert (thing.mask, thing.box, thing.label) == (mask, mask.box, "can")
    assert f"m1 (can) {said} (40, 40): 64 -> " in result.text
    toolkit.call("undo")
    assert toolkit.state.objects["m1"].mask == CAN


def test_refine_beside_the_thing_goes_to_what_its_words_mean_there(make: Any) -> None:
    answers = {"can": [((4, 4, 12, 12), 0.9), ((36, 36, 44, 44), 0.3)]}
    toolkit = make(answers=answers)
    toolkit.call("segment", {"phrases": ["can"]})
    toolkit.call("refine_with_point", {"handle": "m1", "point": [40, 40]})
    thing = toolkit.state.objects["m1"]
    assert (thing.mask, thing.score) == (OTHER, pytest.approx(0.3))
    toolkit.call("refine_with_point", {"handle": "m1", "point": [37, 37]})
    assert toolkit.state.objects["m1"].mask == OTHER, "clicks before the move are not asked again"
    toolkit.call("segment", {"phrases": ["can"]})
    assert toolkit.state.objects["m1"].mask == OTHER, "m1 is not the can at the place that it left"
    assert toolkit.state.objects["m2"].mask == CAN


class Loose(FakeSegmenter):
    """Sure of a wrong mask in a box with a click in it, less so of three candidates for a click alone."""

    boxed = mask_of(30, 30, 50, 50)
    clicked = (mask_of(39, 39, 42, 42), mask_of(36, 36, 45, 44), OTHER)

    def segment(self, requests: Any) -> list[list[Segments]]:
        wrong = Segments([self.boxed], np.array([0.9], np.float32), np.ones(1, np.float32))
        click = Segments(self.clicked, np.array([0.8, 0.75, 0.7], np.float32), np.ones(3, np.float32))
        (answers,) = super().segment(requests)
        points = [prompt.points is not None for prompt in requests[0].prompts]
        boxes = [prompt.box is not None for prompt in requests[0].prompts]
        return [
            [
                answer if not point else wrong if box else click
                for answer, point, box in zip(answers, points, boxes, strict=True)
            ]
        ]


def test_refine_beside_the_thing_takes_the_mask_that_another_one_is_most_like(make: Any) -> None:
    answers = {"can": [((4, 4, 12, 12), 0.9), ((30, 30, 50, 50), 0.3)]}
    toolkit = make(answers=answers, segmenter=Loose())
    toolkit.call("segment", {"phrases": ["can"]})
    toolkit.call("refine_with_point", {"handle": "m1", "point": [40, 40]})
    thing = toolkit.state.objects["m1"]
    assert (thing.mask, thing.predicted_iou) == (Loose.clicked[1], pytest.approx(0.75))
    assert [each.mask for each in thing.alternatives] == list(Loose.clicked)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"handle": "m1", "point": [64, 3]},
            r"^point=\[64, 3\] lies outside p1: expected 0 <= x < 64 and .* Pass a point",
        ),
        ({"handle": "m1", "point": [3, -1]}, r"^point=\[3, -1\] lies outside p1"),
        ({"handle": "m1", "point": "g9"}, r"^gestures=g9 do not exist"),
        ({"handle": "m1", "point": "g1"}, r"^point=g1 is on p2: expected a gesture on p1\. Ask the person"),
        ({"handle": "m1-m2", "point": [3, 3]}, r"^handle=m1-m2 names 2 objects: expected one\. Refine one"),
        ({"handle": "m1"}, r"^point is missing: expected a value\. Call refine_with_point again with point"),
        (
            {"handle": "m1", "point": [float("nan"), 1]},
            r"^point=\[nan, 1\] is not valid: expected g1, or x,y",
        ),
    ],
)
def test_refine_that_cannot_be_says_what_can(shelf: VisionToolkit, arguments: dict[str, Any], message: str) -> None:
    shelf.gesture(shelf.open_picture(np.zeros((16, 16, 3), np.uint8)), "box", [2, 2, 9, 9])
    with pytest.raises(ToolInputError, match=message):
        shelf.call("refine_with_point", arguments)
