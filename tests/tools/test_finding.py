"""ground, segment and count by phrases: what is found, how it is numbered, and what is found again."""

from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ServiceError, ToolInputError
from agent_tools.masks import Mask
from agent_tools.services.base import Detections, Segments
from agent_tools.toolkit import VisionToolkit


def handles(data: dict[str, Any]) -> str:
    return " ".join(thing["handle"] for thing in data["objects"])


def test_count_finds_masks_and_selects_what_it_counted(make: Any) -> None:
    toolkit = make()
    result = toolkit.call("count", {"phrases": ["red"]})
    assert result.text == "3 red: m1-m3 (score 0.90). low 3, high 3."
    assert result.data["counts"] == {"red": {"n": 3, "low": 3, "high": 3, "borderline": [], "saturated": False}}
    assert toolkit.state.selection == ("m1", "m2", "m3")
    assert [Mask.from_coco(thing["mask"]).area for thing in result.data["objects"]] == [64, 100, 64]
    assert result.data["objects"][0] == {
        "handle": "m1",
        "picture": "p1",
        "label": "red",
        "score": 0.9,
        "box": [4.0, 4.0, 12.0, 12.0],
        "area": 64,
        "review": False,
        "mask": toolkit.state.objects["m1"].mask.to_coco(),
    }


def test_count_of_several_phrases_numbers_them_phrase_by_phrase_in_reading_order(make: Any) -> None:
    result = make().call("count", {"phrases": ["blue", "red"]})
    places = {thing["handle"]: (thing["label"], thing["box"][:2]) for thing in result.data["objects"]}
    assert places == {
        "m1": ("blue", [20, 4]),
        "m2": ("blue", [4, 36]),
        "m3": ("red", [4, 4]),
        "m4": ("red", [36, 2]),
        "m5": ("red", [20, 36]),
    }


def test_count_of_nothing_is_an_answer_and_empties_the_selection(shelf: VisionToolkit) -> None:
    result = shelf.call("count", {"phrases": ["unicorn"]})
    assert result.text == "0 unicorn: none found."
    assert result.data["counts"]["unicorn"] == {"n": 0, "low": 0, "high": 0, "borderline": [], "saturated": False}
    assert result.data["objects"] == []
    assert shelf.state.selection == ()
    assert len(shelf.state.objects) == 6


def test_count_again_gives_the_same_handles(make: Any) -> None:
    toolkit = make()
    first = handles(toolkit.call("count", {"phrases": ["red"]}).data)
    toolkit.call("count", {"phrases": ["blue"]})
    assert handles(toolkit.call("count", {"phrases": ["red"]}).data) == first
    assert len(toolkit.state.objects) == 5


def test_count_again_keeps_a_corrected_mask(make: Any) -> None:
    toolkit = make()
    toolkit.call("count", {"phrases": ["red"]})
    toolkit.call("refine_with_point", {"handle": "m1", "point": [22, 6]})
    corrected = toolkit.state.objects["m1"].mask
    assert corrected.area == 128
    toolkit.call("count", {"phrases": ["red"]})
    assert toolkit.state.objects["m1"].mask == corrected
    assert len(toolkit.state.objects) == 3


def test_count_where_counts_what_is_left_and_says_the_rest_was_not_meant(make: Any) -> None:
    toolkit = make()
    result = toolkit.call("count", {"phrases": ["red", "green"], "where": {"row": 1}})
    assert {phrase: count["n"] for phrase, count in result.data["counts"].items()} == {"red": 2, "green": 0}
    assert toolkit.state.selection == ("m1", "m2")


def test_count_where_nothing_fits_says_why(make: Any) -> None:
    result = make().call("count", {"phrases": ["red"], "where": {"colour": "green"}})
    assert result.text == "0 red: none of 3 is green (3 red)."


def test_count_where_picks_for_each_phrase(make: Any) -> None:
    result = make().call("count", {"phrases": ["red", "blue"], "where": {"extreme": "rightmost"}})
    assert [thing["box"][:2] for thing in result.data["objects"]] == [[36, 2], [20, 4]]


def test_count_with_doubtful_scores_gives_a_range_and_marks_them(make: Any) -> None:
    answers = {"red": [((4, 4, 12, 12), 0.95), ((36, 2, 46, 12), 0.55), ((20, 36, 28, 44), 0.4)]}
    result = make(answers=answers).call("count", {"phrases": ["red"]})
    counted = result.data["counts"]["red"]
    assert (counted["n"], counted["low"], counted["high"], counted["borderline"]) == (2, 1, 3, ["m2"])
    assert [thing["review"] for thing in result.data["objects"]] == [False, True]
    assert result.text == "2 red: m1 m2 (score 0.95-0.55). low 1, high 3, borderline m2."


def test_count_does_not_take_a_weaker_box_on_a_hit_for_one_that_was_missed(make: Any) -> None:
    answers = {"red": [((4, 4, 12, 12), 0.95), ((4, 4, 12, 11), 0.45)]}
    assert make(answers=answers).call("count", {"phrases": ["red"]}).data["counts"]["red"]["high"] == 1


def test_count_drops_a_box_round_the_whole_group(make: Any) -> None:
    singles = [((x, y, x + 20, y + 20), 0.9) for y in (0, 20) for x in (0, 20, 40)]
    toolkit = make(answers={"orange": [*singles, ((0, 0, 60, 40), 0.8), ((0, 0, 60, 21), 0.45)]})
    counted = toolkit.call("count", {"phrases": ["orange"]}).data["counts"]["orange"]
    assert (counted["n"], counted["high"]) == (6, 6)


def test_count_where_leaves_out_near_misses_that_are_not_meant(make: Any) -> None:
    answers = {"red": [((4, 4, 12, 12), 0.95), ((36, 2, 46, 12), 0.45), ((20, 36, 28, 44), 0.45)]}
    toolkit = make(answers=answers)
    assert toolkit.call("count", {"phrases": ["red"]}).data["counts"]["red"]["high"] == 3
    assert toolkit.call("count", {"phrases": ["red"], "where": {"side": "left"}}).data["counts"]["red"]["high"] == 2


def test_count_where_detector_is_full_says_so(make: Any) -> None:
    class Full:
        threshold = 0.5

        def detect(self, *_: Any) -> Any:
            box = np.array([[4, 4, 12, 12]], np.float32)
            return [Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int64), saturated=True)]

    result = make(detector=Full()).call("count", {"phrases": ["red"]})
    assert result.data["counts"]["red"]["saturated"] is True
    assert result.text.endswith("saturated: there may be more.")


def test_count_without_phrases_counts_the_selection_and_changes_nothing(shelf: VisionToolkit) -> None:
    before = shelf.state
    result = shelf.call("count", {"where": {"row": 2}})
    assert {phrase: count["n"] for phrase, count in result.data["counts"].items()} == {"red": 1, "blue": 1, "green": 1}
    assert result.data["total"] == 3
    assert (shelf.state.selection, shelf.state.objects) == (before.selection, before.objects)
    assert shelf.call("count", {"handles": ["m1-m2"]}).data["total"] == 2


def test_count_without_phrases_keeps_the_doubt_of_the_search(make: Any) -> None:
    toolkit = make(answers={"red": [((4, 4, 12, 12), 0.95), ((36, 2, 46, 12), 0.55)]})
    toolkit.call("count", {"phrases": ["red"]})
    toolkit.services.detector.threshold = 0.1  # what another model would think now does not matter
    assert toolkit.call("count", {}).data["counts"]["red"]["borderline"] == ["m2"]


def test_count_of_an_empty_selection_is_zero(make: Any) -> None:
    result = make().call("count", {})
    assert result.text == "0: nothing is selected; give phrases to look for something."
    assert (result.data["counts"], result.data["total"], result.data["objects"]) == ({}, 0, [])


def test_count_with_phrases_and_handles_is_refused(shelf: VisionToolkit) -> None:
    with pytest.raises(ToolInputError, match=r"^handles is given together with phrases: expected one .* Leave out"):
        shelf.call("count", {"phrases": ["red"], "handles": ["m1"]})


def test_ground_gives_boxes_and_no_masks_and_segment_adds_them(make: Any) -> None:
    toolkit = make()
    result = toolkit.call("ground", {"phrases": ["red"], "quantity": "all"})
    assert [thing["mask"] for thing in result.data["objects"]] == [None] * 3
    assert toolkit.services.segmenter.calls == []
    again = toolkit.call("segment", {})
    assert handles(again.data) == handles(result.data)
    assert [thing["area"] for thing in again.data["objects"]] == [64, 100, 64]
    assert [toolkit.state.objects["m1"].version, len(toolkit.state.objects)] == [2, 3]


def test_segment_of_grounded_things_by_phrase_keeps_their_handles(make: Any) -> None:
    toolkit = make()
    toolkit.call("ground", {"phrases": ["red"]})
    assert handles(toolkit.call("segment", {"phrases": ["red"]}).data) == "m1 m2 m3"
    assert all(thing.mask is not None for thing in toolkit.state.objects.values())


def test_ground_one_keeps_the_best_of_each_phrase(make: Any) -> None:
    answers = {"red": [((4, 4, 12, 12), 0.6), ((36, 2, 46, 12), 0.8)], "blue": [((20, 4, 28, 12), 0.7)]}
    result = make(answers=answers).call("ground", {"phrases": ["red", "blue", "pear"], "quantity": "one"})
    assert [(thing["label"], thing["score"]) for thing in result.data["objects"]] == [("red", 0.8), ("blue", 0.7)]
    assert result.text == "1 red: m1 (score 0.80); 1 blue: m2 (score 0.70). 0 pear: none found."


def test_segment_one_where_keeps_the_best_of_those_meant(make: Any) -> None:
    answers = {"red": [((4, 4, 12, 12), 0.6), ((36, 2, 46, 12), 0.8), ((20, 36, 28, 44), 0.7)]}
    result = make(answers=answers).call("segment", {"phrases": ["red"], "quantity": "one", "where": {"row": 2}})
    assert [thing["score"] for thing in result.data["objects"]] == [0.7]


def test_segment_one_cuts_out_no_more_than_one(make: Any) -> None:
    toolkit = make()
    toolkit.call("segment", {"phrases": ["red"], "quantity": "one"})
    assert [prompts for _, prompts in toolkit.services.segmenter.calls] == [1]


def test_segment_semantic_makes_one_mask_a_phrase_and_the_same_one_again(make: Any) -> None:
    toolkit = make()
    result = toolkit.call("segment", {"phrases": ["red", "blue"], "mode": "semantic"})
    assert [(thing["label"], thing["area"]) for thing in result.data["objects"]] == [("red", 228), ("blue", 128)]
    assert result.data["objects"][0]["box"] == [4, 2, 46, 44]
    assert handles(toolkit.call("segment", {"phrases": ["red"], "mode": "semantic"}).data) == "m1"


def test_segment_panoptic_gives_each_pixel_to_the_better_score(make: Any) -> None:
    class Boxes:
        def segment(self, requests: Any) -> Any:
            one = np.ones(1, np.float32)
            return [
                [
                    Segments(
                        [Mask.from_polygon([(b[0], b[1]), (b[2], b[1]), (b[2], b[3]), (b[0], b[3])], 64, 64)], one, one
                    )
                    for b in (prompt.box for prompt in request.prompts)
                ]
                for request in requests
            ]

    answers = {"can": [((0, 0, 20, 10), 0.7), ((10, 0, 30, 10), 0.9)], "lid": [((12, 2, 18, 8), 0.6)]}
    toolkit = make(answers=answers, segmenter=Boxes())
    result = toolkit.call("segment", {"phrases": ["can", "lid"], "mode": "panoptic"})
    assert [(thing["label"], thing["area"]) for thing in result.data["objects"]] == [("can", 100), ("can", 200)]
    masks = [thing.mask for thing in toolkit.state.objects.values()]
    assert (masks[0] & masks[1]).area == 0


def test_segment_everything_finds_each_region_once(make: Any) -> None:
    toolkit = make()
    result = toolkit.call("segment", {"mode": "everything"})
    assert len(result.data["objects"]) == 7  # six squares and what is behind them
    assert {thing["label"] for thing in result.data["objects"]} == {"object"}
    assert toolkit.call("segment", {"mode": "everything"}).data["selection"] == result.data["selection"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, r"^phrases=None and an empty selection .*: expected phrases, gestures or handles\. Say what"),
        ({"mode": "everything", "phrases": ["red"]}, r"^mode=everything takes no phrases: expected none .* Leave out"),
        (
            {"phrases": ["red"], "handles": ["m1"]},
            r"^handles is given together with phrases: expected one .* Leave out",
        ),
        ({"handles": ["m9"]}, r"^handles=m9 do not exist: expected .* Use recall"),
        ({"phrases": ["red"], "picture": "p7"}, r"^picture=p7 does not exist: expected p1\. Name one"),
        ({"gestures": ["g3"]}, r"^gestures=g3 do not exist: expected .* Ask the person"),
    ],
)
def test_segment_that_cannot_be_says_what_can(make: Any, arguments: dict[str, Any], message: str) -> None:
    toolkit = make()
    with pytest.raises(ToolInputError, match=message):
        toolkit.call("segment", arguments)
    assert toolkit.state.objects == {}


def test_segment_on_a_named_picture_makes_it_the_current_one(make: Any) -> None:
    toolkit = make()
    toolkit.open_picture(np.zeros((8, 8, 3), np.uint8))
    assert toolkit.state.picture == "p2"
    result = toolkit.call("segment", {"phrases": ["red"], "picture": "p1"})
    assert (result.data["picture"], toolkit.state.picture) == ("p1", "p1")


def test_segment_of_things_the_segmenter_cannot_see_keeps_their_boxes_for_review(make: Any) -> None:
    class Blind:
        def segment(self, requests: Any) -> Any:
            empty = Segments([Mask.from_array(np.zeros((64, 64)))], np.ones(1, np.float32), np.ones(1, np.float32))
            return [[empty for _ in request.prompts] for request in requests]

    result = make(segmenter=Blind()).call("segment", {"phrases": ["blue"]})
    assert [(thing["mask"], thing["review"]) for thing in result.data["objects"]] == [(None, True)] * 2


def test_segment_with_masks_of_another_size_blames_the_segmenter(make: Any) -> None:
    class Small:
        def segment(self, requests: Any) -> Any:
            small = Segments([Mask.from_array(np.ones((4, 4)))], np.ones(1, np.float32), np.ones(1, np.float32))
            return [[small for _ in request.prompts] for request in requests]

    with pytest.raises(ServiceError, match=r"^mask size=\[4, 4\] from segmenter=fake-segmenter does not fit"):
        make(segmenter=Small()).call("segment", {"phrases": ["blue"]})


def test_segment_takes_the_candidate_that_fills_the_box(make: Any) -> None:
    class Three:
        def segment(self, requests: Any) -> Any:
            def mask(x0: int, y0: int, x1: int, y1: int) -> Mask:
                return Mask.from_polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], 64, 64)

            three = [mask(22, 5, 26, 9), mask(0, 0, 64, 20), mask(20, 4, 28, 12)]
            ious = np.array([0.95, 0.9, 0.8], np.float32)
            return [[Segments(three, ious, ious) for _ in request.prompts] for request in requests]

    toolkit = make(answers={"label": [((20, 4, 28, 12), 0.9)]}, segmenter=Three())
    toolkit.call("segment", {"phrases": ["label"]})
    thing = toolkit.state.objects["m1"]
    assert (thing.candidate, thing.area, thing.predicted_iou) == (2, 64, pytest.approx(0.8))


def test_text_of_five_hundred_things_is_short(make: Any) -> None:
    boxes = [((x * 5.0, y * 5.0, x * 5 + 4.0, y * 5 + 4.0), 0.9) for y in range(20) for x in range(25)]
    toolkit = make(answers={"dot": boxes}, size=(100, 125))
    assert toolkit.call("count", {"phrases": ["dot"]}).text == "500 dot: m1-m500 (score 0.90). low 490, high 500."
    odd = [f"m{number}" for number in range(1, 501, 2)]
    for name, arguments in (("select", {"handles": odd}), ("recall", {}), ("show", {"handles": odd}), ("count", {})):
        assert len(toolkit.call(name, arguments).text) <= 1500, name
