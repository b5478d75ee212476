"""explain: where objects come from, in the words of then."""

from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ToolInputError
from agent_tools.memory import Memory
from agent_tools.services.base import Detections
from agent_tools.services.fakes import FakeDetector
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.wording import MOST


class Scored(FakeDetector):
    """Finds the squares of the shelf with scores that fall from hit to near miss."""

    def detect(self, pictures: Any, phrases: Any) -> list[Detections]:
        (seen,) = super().detect(pictures, phrases)
        scores = np.linspace(0.95, 0.55, len(seen.scores)).astype(np.float32)
        return [Detections(seen.boxes, scores, seen.phrase_indices, seen.saturated)]


def test_explain_says_what_found_an_object_and_whether_it_is_borderline(make: Any) -> None:
    toolkit = make(detector=Scored())
    with toolkit.turn("count the red ones"):
        toolkit.call("count", {"phrases": ["red"]})
    result = toolkit.call("explain", {"handles": ["m1-m3"]})
    first, *each = result.text.splitlines()
    assert first == (
        'm1-m3: found by "red" in turn 2 ("count the red ones") by fake-detector + fake-segmenter; '
        "a hit begins at score 0.50."
    )
    assert [line.split(",")[0] for line in each] == ["m1 red 0.75", "m2 red 0.95", "m3 red 0.55"]
    assert each[2] == "m3 red 0.55, real with chance 60%, borderline, to review"
    doubtful = result.data["provenance"][2]
    assert (doubtful["phrase"], doubtful["gesture"], doubtful["turn"]) == ("red", None, 2)
    assert (doubtful["request"], doubtful["threshold"]) == ("count the red ones", 0.5)
    assert doubtful["borderline"] is True
    assert result.data["provenance"][0]["borderline"] is False
    assert [thing["handle"] for thing in result.data["objects"]] == ["m1", "m2", "m3"]


def test_explain_tells_every_correction_with_what_it_was_made_with(shelf: VisionToolkit) -> None:
    with shelf.turn("not this corner"):
        point = shelf.gesture("p1", "point", [40, 8])
        shelf.call("refine_with_point", {"handle": "m2", "point": point})
    with shelf.turn("call it a plum") as turn:
        turn.revise("m2", label="plum")
    result = shelf.call("explain", {"handles": "m2"})
    before, after = (one["area"] for one in result.data["provenance"][0]["versions"][:2])
    changed = "" if before == after else f" {before} -> {after} pixels"
    assert result.text.splitlines()[1].split(", ")[-2:] == [
        "8)" + changed,
        'v3 in turn 4 ("call it a plum"): now plum',
    ]
    assert 'v2 in turn 3 ("not this corner"): g1 in at (40, 8)' in result.text
    versions = result.data["provenance"][0]["versions"]
    assert [one["version"] for one in versions] == [1, 2, 3]
    assert versions[1]["prompts"] == [{"gesture": "g1", "points": [[40, 8]], "labels": [1]}]
    assert versions[2]["prompts"] == []
    shelf.call("undo")
    assert [one["version"] for one in shelf.call("explain", {"handles": "m2"}).data["provenance"][0]["versions"]] == [
        1,
        2,
    ], "what was undone is no correction"


def test_explain_of_something_pointed_at_names_the_gesture(make: Any) -> None:
    toolkit = make()
    with toolkit.turn("this one"):
        toolkit.call("segment", {"gestures": [toolkit.gesture("p1", "point", [8, 8])]})
    assert toolkit.call("explain").text.startswith('m1: pointed at (g1) in turn 2 ("this one") by ')


def test_explain_of_a_derived_object_says_what_it_was_made_from(shelf: VisionToolkit) -> None:
    with shelf.turn("a copy") as turn:
        turn.add_object(picture="p1", label="copy", box=(0, 0, 2, 2), parent=("m1", 1), model="hand")
    result = shelf.call("explain", {"handles": "m7"})
    assert result.text == 'm7: made in turn 3 ("a copy") by hand.\nm7 copy, made from m1'
    assert result.data["provenance"][0]["parent"] == ["m1", 1]


def test_explain_of_something_alike_names_the_example(shelf: VisionToolkit) -> None:
    with shelf.turn("more like this") as turn:
        told = [{"like": ["m1", "m2"], "chance": 0.6}, {"box": [0, 0, 2, 2]}]
        turn.add_object(picture="p1", label="red", box=(0, 0, 2, 2), prompts=told, parent=("m1", 1), model="fake")
    result = shelf.call("explain", {"handles": "m7"})
    assert result.text.startswith('m7: found to be like m1 m2 in turn 3 ("more like this") by fake.\n')
    assert result.text.endswith("real with chance 60%, borderline, made from m1")


def test_explain_changes_nothing_and_means_the_selection(shelf: VisionToolkit) -> None:
    shelf.call("select", {"handles": ["m5"]})
    before = shelf.state
    assert shelf.call("explain").text.startswith("m5: ")
    assert (shelf.state.selection, shelf.state.objects, shelf.state.undo) == (
        before.selection,
        before.objects,
        before.undo,
    )
    with pytest.raises(ToolInputError, match=r"which is empty: expected handles\. Name those"):
        VisionToolkit(memory=shelf.memory).call("explain")


def test_explain_of_thousands_is_short_and_tells_of_the_remarkable_ones(memory: Memory) -> None:
    toolkit = VisionToolkit(memory=memory)
    toolkit.open_picture(np.zeros((8, 8, 3), np.uint8))
    told = [{"phrase": "dot", "chance": 0.9, "threshold": 0.3}]
    with toolkit.turn("the dots " * 40) as turn:
        for _ in range(2000):
            turn.add_object(picture="p1", label="dot", score=0.8, box=(0, 0, 1, 1), prompts=told, model="x" * 300)
        turn.revise("m1500", label="spot")
    result = toolkit.call("explain", {"handles": ["m1-m2000"]})
    assert len(result.text) <= MOST
    assert [line.split(" ")[0] for line in result.text.splitlines()] == ["m1-m2000:", "m1500"]
    assert len(result.data["provenance"]) == 2000


def test_explain_forgets_the_words_of_forgotten_turns(shelf: VisionToolkit) -> None:
    with shelf.turn("my secret words") as turn:
        turn.add_object(picture="p1", label="a", box=(0, 0, 1, 1))
    with shelf.turn("other words") as turn:
        turn.revise("m1", label="b")
    shelf.call("forget", {"handles": ["m7"]})
    assert "secret" not in shelf.call("explain", {"handles": ["m1"]}).text
    assert shelf.call("explain", {"handles": ["m1"]}).data["provenance"][0]["versions"][1]["request"] == "other words"


def test_explain_tells_of_the_edits_of_an_object_and_of_edits_by_name(make: Any) -> None:
    toolkit = make(detector=Scored())
    toolkit.call("segment", {"phrases": ["red"]})
    with toolkit.turn("paint it blue"):
        toolkit.call("edit", {"action": "recolour", "colour": "blue", "handles": ["m1"]})
    with toolkit.turn("blur the rest"):
        toolkit.call("edit", {"action": "blur", "handles": ["m1"], "invert": True})
    thing = toolkit.call("explain", {"handles": ["m1"]})
    assert thing.text.splitlines()[-1] == (
        'e1: recolour 1 red: m1 (score 0.75), colour #0000ff, in turn 3 ("paint it blue")'
    )
    assert [one["handle"] for one in thing.data["edits"]] == ["e1"], "what is done to all else is not done to it"
    blur = toolkit.call("explain", {"handles": ["e2"]})
    assert blur.text == 'e2: blur everything but 1 red: m1 (score 0.75), in turn 4 ("blur the rest")'
    assert (blur.data["provenance"], blur.data["edits"][0]["turn"]) == ([], 4)
    assert "Edits: e1 recolour 1 red: m1" in toolkit.call("recall").text
    assert [one["action"] for one in toolkit.call("recall").data["edits"]] == ["recolour", "blur"]
