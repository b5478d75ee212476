from __future__ import annotations

import pytest

from prompts.noun_forms import plural_phrase, singular, singular_phrase
from workflows.planning.handles import listed
from workflows.planning.naming import counted


@pytest.mark.parametrize(
    ("said", "one"),
    [
        ("oranges", "orange"),
        ("orange", "orange"),
        ("people", "person"),
        ("mice", "mouse"),
        ("knives", "knife"),
        ("buses", "bus"),
        ("bus", "bus"),
        ("lens", "lens"),
        ("cactus", "cactus"),
        ("cacti", "cactus"),
        ("glass", "glass"),
        ("glasses", "glass"),
        ("scissors", "scissors"),
        ("sheep", "sheep"),
        ("tomatoes", "tomato"),
        ("cherries", "cherry"),
        ("kiwis", "kiwi"),
        ("dress", "dress"),
        ("children", "child"),
        ("leaves", "leaf"),
        ("cookies", "cookie"),
    ],
)
def test_singular_of_a_noun(said: str, one: str) -> None:
    assert singular(said) == one


@pytest.mark.parametrize(
    ("said", "one"),
    [
        ("boxes of cereal", "box of cereal"),
        ("wine glasses", "wine glass"),
        ("people wearing glasses", "person wearing glasses"),
        ("people wearing red shirts", "person wearing a red shirt"),
        ("people with umbrellas", "person with an umbrella"),
        ("people wearing a hat", "person wearing a hat"),
        ("person with hats", "person with hats"),
        ("women in dresses", "woman in a dress"),
        ("bags of oranges", "bag of oranges"),
        ("red apples", "red apple"),
    ],
)
def test_singular_phrase_keeps_its_description(said: str, one: str) -> None:
    assert singular_phrase(said) == one


@pytest.mark.parametrize(
    ("number", "phrase", "said"),
    [
        (1, "orange", "1 orange"),
        (17, "orange", "17 oranges"),
        (0, "box of cereal", "0 boxes of cereal"),
        (2, "person wearing a red shirt", "2 people wearing a red shirt"),
        (3, "sheep", "3 sheep"),
        (2, "bus", "2 buses"),
    ],
)
def test_counted_number_and_noun_agree(number: int, phrase: str, said: str) -> None:
    assert counted(number, phrase) == said


def test_plural_phrase_of_a_compound() -> None:
    assert plural_phrase("wine glass") == "wine glasses"


@pytest.mark.parametrize(
    ("handles", "said"),
    [
        ([], ""),
        (["m3"], "m3"),
        (["m2", "m1"], "m1 and m2"),
        (["m1", "m2", "m3", "m10"], "m1 to m3 and m10"),
        (["m1", "m2", "m3", "m5", "m7", "m8"], "m1 to m3, m5, m7 and m8"),
    ],
)
def test_listed_handles_in_few_words(handles: list[str], said: str) -> None:
    assert listed(handles) == said
