"""More of the same, by example: in the same picture and in another."""

from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ToolInputError
from agent_tools.likeness import MEASURED, Looks, alike, differences, distinct
from agent_tools.services.base import Proposals
from agent_tools.services.checkpoints import LikenessSettings
from agent_tools.services.fakes import FakeDetector
from agent_tools.toolkit import VisionToolkit
from tests.tools.conftest import BLUE, RED, paint

REDS = [(4, 4, 12, 12), (36, 2, 46, 12), (20, 36, 28, 44)]


def example(toolkit: VisionToolkit, *point: float) -> None:
    toolkit.call("segment", {"gestures": [toolkit.gesture("p1", "point", point)]})


def boxes(toolkit: VisionToolkit) -> list[Any]:
    return [toolkit.state.objects[handle].box for handle in toolkit.state.selection]


def test_find_similar_from_a_click_finds_all_of_its_colour_and_selects_them(make: Any) -> None:
    toolkit = make()
    example(toolkit, 6, 6)
    result = toolkit.call("find_similar", {})
    assert boxes(toolkit) == REDS
    assert result.text == "3 object: m1-m3 (score 0.99) (like m1). low 3, high 3."
    assert result.data["counts"] == {"object": {"n": 3, "low": 3, "high": 3, "borderline": [], "saturated": False}}
    assert all(thing["mask"] for thing in result.data["objects"])


def test_find_similar_takes_the_label_of_its_example_and_says_where_each_comes_from(make: Any) -> None:
    toolkit = make(answers={"apple": [((4, 4, 12, 12), 0.9)]})
    toolkit.call("segment", {"phrases": ["apple"]})
    toolkit.call("find_similar", {"handles": "m1"})
    new = toolkit.state.objects["m2"]
    assert (new.label, new.parent) == ("apple", ("m1", 1))
    assert new.prompts[0]["like"] == ["m1"]
    assert new.prompts[1] == {"box": [36.0, 2.0, 46.0, 12.0]}


def test_find_similar_gives_known_things_their_handle_and_keeps_their_masks(shelf: VisionToolkit) -> None:
    for label in ("m1", "m2", "m3"):
        assert shelf.state.objects[label].label == "red"
    before = dict(shelf.state.objects)
    assert shelf.call("find_similar", {"handles": ["m2"]}).data["selection"] == ["m2", "m1", "m3"]
    assert dict(shelf.state.objects) == before


def test_find_similar_from_examples_of_two_colours_finds_both(make: Any) -> None:
    toolkit = make()
    names = [toolkit.gesture("p1", "point", point) for point in ((6, 6), (22, 8))]
    toolkit.call("segment", {"gestures": names})
    toolkit.call("find_similar", {})
    assert len(toolkit.state.selection) == 5


def test_find_similar_in_another_picture_looks_there_and_makes_it_current(make: Any) -> None:
    toolkit = make()
    example(toolkit, 6, 6)
    other = toolkit.open_picture(paint({(10, 30, 30, 50): RED, (40, 30, 52, 42): BLUE}))
    result = toolkit.call("find_similar", {"handles": "m1", "picture": other})
    assert boxes(toolkit) == [(10, 30, 30, 50)]
    assert toolkit.state.picture == other
    assert result.text.startswith("1 object: m2 (score ")
    assert "(like m1, on p2)" in result.text


def test_find_similar_where_nothing_is_like_it_says_none(make: Any) -> None:
    toolkit = make()
    example(toolkit, 6, 6)
    other = toolkit.open_picture(paint({(40, 30, 52, 42): BLUE}))
    result = toolkit.call("find_similar", {"handles": "m1", "picture": other})
    assert result.text == "0 object (like m1, on p2). low 0, high 0."
    assert toolkit.state.selection == ()


def test_find_similar_without_an_example_says_what_to_do(make: Any) -> None:
    with pytest.raises(ToolInputError, match="expected an example"):
        make().call("find_similar", {})


class Wordy(FakeDetector):
    """A detector that sees nothing without a word."""

    propose = None  # type: ignore[assignment]


def test_find_similar_by_a_detector_that_needs_words_looks_among_the_regions(make: Any) -> None:
    toolkit = make(detector=Wordy())
    example(toolkit, 40, 40)
    toolkit.call("find_similar", {})
    assert boxes(toolkit) == [(36, 36, 44, 44)]
    example(toolkit, 6, 6)
    toolkit.call("find_similar", {})
    assert sorted(boxes(toolkit)) == sorted(REDS)


class Doubtful(FakeDetector):
    """Half sure of the second red square, hardly of the third."""

    def propose(self, pictures: Any) -> list[Proposals]:
        (one,) = super().propose(pictures[:1])
        scores = np.where(one.boxes[:, 0] == 36, 0.5, np.where(one.boxes[:, 1] == 36, 0.15, one.scores))
        return [Proposals(one.boxes, scores.astype(np.float32), one.features)]


def test_find_similar_bounds_hold_what_it_is_unsure_of(make: Any) -> None:
    toolkit = make(detector=Doubtful())
    toolkit.services.detector.likeness = LikenessSettings(bias=-2.0)
    example(toolkit, 6, 6)
    counted = toolkit.call("find_similar", {}).data["counts"]["object"]
    assert (counted["n"], counted["low"], counted["high"]) == (2, 1, 3)
    assert counted["borderline"] == ["m2"]
    assert toolkit.state.objects["m2"].review


def looks(features: list[list[float]], colours: list[list[float]], sizes: list[float]) -> Looks:
    n = len(sizes)
    return Looks(*(np.array(each, np.float32) for each in (features, colours, sizes, [[1, 0]] * n, [0] * n)))


def test_alike_each_difference_lowers_the_chance_and_the_likest_example_decides() -> None:
    settings = LikenessSettings(bias=0, features=2, colour=-0.1, size=-1, score=1)
    sure = np.array([0.5], np.float32)
    same = looks([[1, 0]], [[0, 0, 0]], [3])
    others = [looks([[0, 1]], [[0, 0, 0]], [3]), looks([[1, 0]], [[0, 10, 0]], [3]), looks([[1, 0]], [[0, 0, 0]], [4])]
    best = alike(same, sure, same, settings)[0]
    assert best == pytest.approx(1 / (1 + np.exp(-2)))
    assert [alike(other, sure, same, settings)[0] for other in others] == [
        pytest.approx(1 / (1 + np.exp(-odds))) for odds in (0, 1, 1)
    ]
    both = looks([[1, 0], [0, 1]], [[0, 0, 0], [90, 90, 90]], [3, 9])
    assert alike(same, sure, both, settings)[0] == pytest.approx(best)
    assert alike(same, np.array([0.1], np.float32), same, settings)[0] < best
    elsewhere = alike(others[2], sure, same, settings, same_picture=False)[0]
    assert elsewhere == pytest.approx(1 / (1 + np.exp(-1.75)))


def test_looks_of_stripes_and_of_their_mean_colour_differ_by_histogram_alone() -> None:
    array = np.full((20, 60, 3), 120, np.uint8)
    array[:, 20:40:2], array[:, 21:40:2] = 60, 180
    boxes = np.array([[0, 0, 20, 20], [20, 0, 40, 20], [40, 0, 60, 20], [0, 0, 60, 20]], np.float32)
    seen = Looks.of(array, boxes, np.ones((4, 1), np.float32))
    shown = Looks.of(array, boxes[:1], np.ones((1, 1), np.float32))
    plain, stripes, same, wide = differences(seen, np.full(4, 0.5, np.float32), shown)[:, 0]
    colour, histogram, shape = (MEASURED.index(name) for name in ("colour", "histogram", "shape"))
    assert plain[histogram] == same[histogram] == pytest.approx(1)
    assert stripes[histogram] < 0.1
    assert stripes[colour] < 5
    assert (same[shape], wide[shape]) == (0, pytest.approx(np.log(3)))


def test_distinct_keeps_the_surer_of_two_proposals_of_a_thing() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 8], [20, 0, 30, 10]], np.float32)
    kept = distinct(Proposals(boxes, np.array([0.4, 0.8, 0.1], np.float32), np.eye(3, dtype=np.float32)))
    assert kept.boxes.tolist() == boxes[[1, 2]].tolist()
    assert kept.features.tolist() == np.eye(3)[[1, 2]].tolist()


def test_find_similar_counts_a_thing_once_that_is_proposed_twice(make: Any) -> None:
    class Twice(FakeDetector):
        def propose(self, pictures: Any) -> list[Proposals]:
            (one,) = super().propose(pictures)
            loose = one.boxes + np.array([0, 0, 2, 2], np.float32)
            boxes, scores = np.concatenate([loose, one.boxes]), np.concatenate([one.scores - 0.1, one.scores])
            return [Proposals(boxes, scores, np.concatenate([one.features] * 2))]

    toolkit = make(detector=Twice())
    example(toolkit, 6, 6)
    toolkit.call("find_similar", {})
    assert boxes(toolkit) == REDS
