"""Reasons as a person reads them, from entries shaped as the tool `explain` gives them."""

from __future__ import annotations

from typing import Any

import pytest

from prompts.vocabulary_loader import vocabulary
from workflows.planning.reasons import reasons


def known(handle: str = "m1", **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = dict.fromkeys(("phrase", "gesture", "like", "parent", "request", "threshold", "chance"))
    entry |= {"handle": handle, "turn": 1, "score": 0.8, "borderline": False, "versions": [version(1)]}
    return {**entry, **more}


def version(number: int, **more: Any) -> dict[str, Any]:
    return {"version": number, "turn": number, "request": None, "label": "orange", "area": 100, **more}


def said(*provenance: dict[str, Any]) -> str:
    return " ".join(reasons(provenance, vocabulary().answers.results))


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (known(phrase="orange"), 'm1 was found by "orange" in turn 1, with score 0.80.'),
        (
            known(phrase="orange", threshold=0.35, request="count the oranges"),
            'm1 was found by "orange" in turn 1 ("count the oranges"), with score 0.80 (I count from 0.35 on).',
        ),
        (known(gesture="g2"), "You pointed at m1 (g2) in turn 1."),
        (known(gesture="g2", phrase="dog"), 'You pointed at m1 (g2) and said "dog" in turn 1.'),
        (known(like=["m4", "m5"], parent=["m4", 1]), "m1 was found to be like m4 and m5 in turn 1."),
        (known(parent=["m4", 1]), "m1 was made from m4 in turn 1."),
        (known(), "m1 was found without words in turn 1."),
    ],
)
def test_reasons_of_one_object_say_how_it_came_about(entry: dict[str, Any], sentence: str) -> None:
    assert said(entry) == f"{sentence} It has not changed since."


def test_reasons_of_several_say_an_origin_once_with_the_range_of_scores() -> None:
    group = [known(f"m{number}", phrase="orange", score=number / 10) for number in (7, 8, 9)]

    assert said(*group) == 'm7 to m9 were found by "orange" in turn 1, with scores from 0.70 to 0.90.'


def test_reasons_doubt_is_said_of_one_with_its_chance_and_of_several_by_name() -> None:
    sure, unsure = known("m1", chance=0.97), known("m2", chance=0.4, borderline=True)

    assert "The chance that it is right is 97%." in said(sure)
    assert "That is doubtful: the chance that it is right is 40%." in said(unsure)
    assert said(sure, unsure).endswith("Doubtful: m2.")


def test_reasons_corrections_say_when_and_what() -> None:
    later = version(2, turn=4, request="bigger", area=130, label="lemon")
    entry = known(gesture="g1", versions=[version(1), later, version(3, turn=5, area=130, label="lemon")])

    assert said(entry) == (
        'You pointed at m1 (g1) in turn 1. m1 was corrected in turn 4 ("bigger"): 100 pixels before, 130 now, called '
        "lemon now. m1 was corrected in turn 5: it covers as many pixels as before."
    )


def test_reasons_of_many_origins_stay_short() -> None:
    long = said(*(known(f"m{number}", phrase=f"thing {number}", turn=number) for number in range(1, 60)))

    assert long.endswith("name fewer of them.")
    assert len(long) < 700
