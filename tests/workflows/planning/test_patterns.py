from __future__ import annotations

import pytest

from agent_tools.errors import ConfigError
from prompts.vocabulary_loader import vocabulary
from workflows.planning.acts import ACTS
from workflows.planning.patterns import compiled


@pytest.mark.parametrize(
    ("pattern", "words", "values"),
    [
        ("go [far] away", "go away", {}),
        ("go [far] away", "go far away", {}),
        ("go [far] away", "go near away", None),
        ("(go|come) <things>", "come blue car", {"things": "blue car"}),
        ("(just|just keep) <things>", "just keep cars", {"things": "cars"}),
        ("<ordinal> one", "third one", {"ordinal": 3}),
        ("<ordinal> one", "last one", {"ordinal": -1}),
        ("{picture} <number>", "photo two", {"number": 2}),
        ("<things>", "", None),
        ("part 1.5", "part 1x5", None),
    ],
)
def test_fits_pattern_gives_the_values_of_its_slots(pattern: str, words: str, values: dict[str, object] | None) -> None:
    assert compiled(pattern).fits(words) == values


def test_begins_gives_what_is_left() -> None:
    assert compiled("<ordinal>").begins("second red car") == ({"ordinal": 2}, "red car")


def test_found_in_place_at_an_end_is_found_and_before_a_noun_is_not() -> None:
    pattern = compiled("on the left $")

    assert pattern.found_in("cars on the left") == ({}, "cars", "")
    assert pattern.found_in("cars on the left and trees") == ({}, "cars", "and trees")
    assert pattern.found_in("cars on the left lane") is None


@pytest.mark.parametrize("pattern", ["go [away", "go (away]", "go away)", "{nonsense} go", "<nonsense> go"])
def test_compiled_faulty_pattern_is_named(pattern: str) -> None:
    with pytest.raises(ConfigError) as error:
        compiled(pattern)

    assert pattern in str(error.value)


def test_vocabulary_every_pattern_compiles_and_every_act_exists() -> None:
    entry = vocabulary()
    patterns = [says for frame in entry.frames for says in frame.says]
    patterns += [place.says for place in (*entry.places.anywhere, *entry.places.leading)] + entry.places.nowhere

    for pattern in patterns:
        compiled(pattern).fits("anything at all")
    assert {frame.act for frame in entry.frames} <= set(ACTS)
    assert set(ACTS) - {frame.act for frame in entry.frames} == {"bare", "click_alone"}
