"""Which numbers of an answer are supported by what tools gave."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.agent_loop.truth import unsupported

FOUND: dict[str, Any] = {
    "counts": {"orange": {"n": 12, "low": 11, "high": 14}, "apple": {"n": 5, "low": 5, "high": 5}},
    "objects": [{"handle": "m1", "score": 0.874, "box": [99.0, 42.0, 120.0, 77.0], "area": 731}],
}


@pytest.mark.parametrize(
    ("answer", "stated"),
    [
        ("There are 12 oranges.", []),
        ("Twelve oranges and five apples, 17 in all.", []),
        ("There are 13 oranges.", ["13"]),
        ("There are thirteen oranges, or 42.", ["42"]),
        ("Between 11 and 14, most likely 12.", []),
        ("m1 has a score of 0.87, about 87 %.", []),
        ("m1 has a score of 0.9.", []),
        ("m1 has a score of 0.91.", ["0.91"]),
        ("m7 is the best one.", ["m7"]),
        ("1. Twelve oranges\n2. Five apples", []),
        ("There are two oranges.", ["two"]),
        ("One of them is red.", []),
        ("Hay doce naranjas y cinco manzanas.", []),
        ("Es gibt sieben Orangen.", ["sieben"]),
        ("有五个苹果。", []),
        ("有七个苹果。", ["七"]),
        ("There are 1,200 of them.", ["1,200"]),
        ("See p1.", []),
        ("It was taken with an f/2.8 lens in 4K.", []),
    ],
)
def test_unsupported_finds_the_numbers_that_no_tool_gave(answer: str, stated: list[str]) -> None:
    assert unsupported(answer, ["count the oranges"], [FOUND], ["m1", "p1"]) == stated


def test_unsupported_takes_numbers_that_were_said_before() -> None:
    assert unsupported("Of your 30 I found 12.", ["I ordered 30 oranges"], [FOUND], []) == []
    assert unsupported("There are 1.200.", ["1200 in stock"], [], []) == []
