"""Bigger, smaller, the whole thing, just the part: the masks an object may have."""

from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask
from agent_tools.services.base import Segments
from agent_tools.toolkit import VisionToolkit


def square(x0: int, y0: int, x1: int, y1: int) -> Mask:
    array = np.zeros((64, 64), bool)
    array[y0:y1, x0:x1] = True
    return Mask.from_array(array)


PART, THING, GROUP = square(6, 6, 10, 10), square(4, 4, 12, 12), square(4, 4, 28, 12)


class Nested:
    """Answers a lone click with the thing, its part, its group, the group again and nonsense; a box with the thing."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def segment(self, requests: Any) -> Any:
        self.asked += [prompt for request in requests for prompt in request.prompts]
        return [[self._answer(prompt) for prompt in request.prompts] for request in requests]

    def _answer(self, prompt: Any) -> Segments:
        if prompt.box is not None:
            return Segments([THING], np.array([0.8], np.float32), np.ones(1, np.float32))
        masks = [THING, GROUP, square(4, 4, 29, 12), PART, square(0, 0, 64, 64)]
        return Segments(masks, np.array([0.9, 0.85, 0.8, 0.7, 0.1], np.float32), np.full(5, 0.5, np.float32))


@pytest.fixture
def clicked(make: Any) -> VisionToolkit:
    toolkit: VisionToolkit = make(segmenter=Nested())
    toolkit.call("segment", {"gestures": [toolkit.gesture("p1", "point", [8, 8])]})
    return toolkit


def test_lone_click_keeps_every_candidate_of_the_segmenter(clicked: VisionToolkit) -> None:
    thing = clicked.state.objects["m1"]
    assert (thing.mask, thing.candidate) == (THING, 0)
    assert [each.mask.area for each in thing.alternatives] == [64, 192, 200, 16, 4096]
    assert [round(each.predicted_iou, 2) for each in thing.alternatives] == [0.9, 0.85, 0.8, 0.7, 0.1]
    assert {each.stability for each in thing.alternatives} == {0.5}


@pytest.mark.parametrize(
    ("steps", "mask", "last"),
    [
        (["bigger"], GROUP, "m1 (object): 64 -> 192 pixels, now the largest of 3."),
        (["smaller"], PART, "m1 (object): 64 -> 16 pixels, now the smallest of 3."),
        (["part", "whole"], GROUP, "m1 (object): 16 -> 192 pixels, now the largest of 3."),
        (["part", "bigger"], THING, "m1 (object): 16 -> 64 pixels, now the 2nd smallest of 3."),
        (["bigger", "bigger"], GROUP, "m1 (object) is already the largest of 3."),
        (["part", "smaller"], PART, "m1 (object) is already the smallest of 3."),
    ],
)
def test_switch_mask_goes_up_and_down_what_makes_sense(
    clicked: VisionToolkit, steps: list[str], mask: Mask, last: str
) -> None:
    said = [clicked.call("switch_mask", {"to": to}) for to in steps]
    assert said[-1].text == last
    assert clicked.state.objects["m1"].mask == mask
    assert clicked.state.objects["m1"].box == mask.box
    assert len(said[-1].data["alternatives"]["m1"]) == 5
    assert [each["area"] for each in said[-1].data["alternatives"]["m1"] if each["current"]] == [mask.area]
    assert len(clicked.services.segmenter.asked) == 1, "what a click gave is not asked for again"


def test_switch_mask_is_undone_like_everything(clicked: VisionToolkit) -> None:
    clicked.call("switch_mask", {"to": "bigger"})
    clicked.call("undo")
    assert clicked.state.objects["m1"].mask == THING
    clicked.call("redo")
    assert clicked.state.objects["m1"].mask == GROUP


def test_switch_mask_of_a_thing_found_by_its_box_asks_at_its_deepest_point(make: Any) -> None:
    toolkit = make(segmenter=Nested(), answers={"can": [((4, 4, 12, 12), 0.9)]})
    toolkit.call("segment", {"phrases": ["can"]})
    assert toolkit.state.objects["m1"].alternatives == ()
    assert toolkit.call("switch_mask", {"handles": ["m1"], "to": "bigger"}).text.endswith("now the largest of 3.")
    lone, larger, smaller = toolkit.services.segmenter.asked[1:]
    assert (lone.box, lone.labels.tolist()) == (None, [1])
    assert THING.contains(*lone.points[0])
    assert larger.box[2] - larger.box[0] > 8 > smaller.box[2] - smaller.box[0]
    assert toolkit.state.objects["m1"].mask == GROUP
    toolkit.call("switch_mask", {"handles": ["m1"], "to": "part"})
    assert toolkit.state.objects["m1"].mask == PART
    assert len(toolkit.services.segmenter.asked) == 4


def test_switch_mask_without_another_mask_says_so_and_changes_nothing(make: Any) -> None:
    toolkit = make()
    toolkit.call("segment", {"phrases": ["blue"], "quantity": "one"})
    assert toolkit.call("switch_mask", {"to": "whole"}).text == "m1 (blue) is unchanged: no other mask of it was found."
    assert toolkit.state.objects["m1"].version == 1


def test_refine_after_a_switch_is_about_the_larger_thing(clicked: VisionToolkit) -> None:
    clicked.call("switch_mask", {"to": "bigger"})
    clicked.call("refine_with_point", {"handle": "m1", "point": [20, 8]})
    assert clicked.services.segmenter.asked[-2].box.tolist() == [4, 4, 28, 12]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"to": "bigger"}, r"^handles=None and an empty selection .* Find something first\.$"),
        (
            {"handles": ["m1"], "to": "bigger"},
            r"^handles=m1 have no masks: expected .* Call segment with these handles",
        ),
        ({"handles": ["m1"], "to": "huge"}, r"^to=huge is not valid: expected 'bigger', 'smaller', 'whole' or 'part'"),
    ],
)
def test_switch_mask_that_cannot_be_says_what_can(make: Any, arguments: dict[str, Any], message: str) -> None:
    toolkit = make()
    toolkit.call("ground", {"phrases": ["blue"], "quantity": "one"})
    toolkit.call("select", {"handles": []})
    with pytest.raises(ToolInputError, match=message):
        toolkit.call("switch_mask", arguments)
