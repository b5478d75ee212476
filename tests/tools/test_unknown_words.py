"""What the tools say of phrases that the detector has no words for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from agent_tools.pictures import Picture
from agent_tools.services.base import Detections
from agent_tools.services.fakes import FakeDetector
from agent_tools.toolkit import VisionToolkit

WHY = (
    "the fake-detector detector has no word for unicorn (it knows square, disc; "
    "`askmask models get base` fetches one that knows many more)"
)


class FewWords(FakeDetector):
    """Sees colours, and has no word for a unicorn."""

    nouns = ("square", "disc")

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        known = [[phrase for phrase in some if "unicorn" not in phrase] for some in phrases]
        answers = []
        for found, asked, kept in zip(super().detect(pictures, known), phrases, known, strict=True):
            places = [list(asked).index(phrase) for phrase in kept]
            indices = found.phrase_indices.copy()
            for row, index in enumerate(found.phrase_indices):
                indices[row] = places[index]
            strange = {place: "has no word for unicorn" for place, word in enumerate(asked) if word not in kept}
            answers.append(replace(found, phrase_indices=indices, unknown=strange))
        return answers


@pytest.fixture
def toolkit(make: Callable[..., VisionToolkit]) -> VisionToolkit:
    return make(detector=FewWords())


@pytest.mark.parametrize("tool", ["count", "segment", "ground"])
def test_tool_phrase_without_a_word_says_why_and_finds_the_others(toolkit: VisionToolkit, tool: str) -> None:
    result = toolkit.call(tool, {"phrases": ["unicorn", "red", "purple"]})
    assert f"0 unicorn: {WHY}." in result.text
    assert result.text.count("unicorn") == 2
    assert "0 purple: none found" in result.text
    assert result.data["unknown"] == {"phrases": ["unicorn"], "why": WHY}
    assert [thing["label"] for thing in result.data["objects"]] == ["red"] * 3


@pytest.mark.parametrize("tool", ["count", "segment", "ground"])
def test_tool_phrases_that_were_asked_say_nothing_of_words(toolkit: VisionToolkit, tool: str) -> None:
    result = toolkit.call(tool, {"phrases": ["red", "purple"]})
    assert "unknown" not in result.data
    assert "word" not in result.text


def test_count_says_of_each_phrase_whether_it_was_asked(toolkit: VisionToolkit) -> None:
    counts = toolkit.call("count", {"phrases": ["unicorn", "purple"], "where": {"side": "left"}}).data["counts"]
    assert counts["unicorn"]["unknown"] == "has no word for unicorn"
    assert "unknown" not in counts["purple"]


def test_segment_thing_pointed_at_has_a_name_the_detector_lacks_is_cut_out(toolkit: VisionToolkit) -> None:
    gesture = toolkit.gesture(None, "point", (8, 8))
    result: Any = toolkit.call("segment", {"phrases": ["unicorn"], "gestures": [gesture]})
    assert WHY in result.text
    assert [thing["label"] for thing in result.data["objects"]] == ["unicorn"]
    assert result.data["objects"][0]["review"]
