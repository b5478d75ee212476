from __future__ import annotations

import pytest

from agent_tools.errors import ConfigError
from prompts.vocabulary_loader import Answers, Frames, parse_vocabulary, planner_brief, read_vocabulary_file, vocabulary

GOOD = "frames:\n  - act: undo\n    says: [undo]\n"


def test_vocabulary_english_is_complete_and_read_once() -> None:
    assert vocabulary() is vocabulary("english")
    assert vocabulary().frames[0].act == "undo"


def test_parse_vocabulary_good_file_gives_its_frames() -> None:
    assert parse_vocabulary(GOOD, "a.yaml", Frames).frames[0].says == ["undo"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("frames:\n  - acts: undo\n    says: [undo]\n", "frames.0.act"),
        ("frames:\n  - act: undo\n    says: [undo, no]\n", "frames.0.says.1"),
        ("frames:\n  - act: undo\n    says: []\n", "frames.0.says"),
        ("frame: []\n", "frames"),
        ("- a list\n", "(top)"),
    ],
)
def test_parse_vocabulary_wrong_key_or_value_names_file_and_key(text: str, named: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_vocabulary(text, "english_frames.yaml", Frames)

    assert "english_frames.yaml" in str(error.value)
    assert named in str(error.value)


def test_parse_vocabulary_key_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml.*frames"):
        parse_vocabulary(GOOD + GOOD, "a.yaml", Frames)


def test_parse_vocabulary_not_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        parse_vocabulary("frames: [", "a.yaml", Frames)


def test_parse_vocabulary_python_object_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"a\.yaml"):
        parse_vocabulary("frames: !!python/object/apply:os.getcwd []", "a.yaml", Frames)


def test_read_vocabulary_file_of_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"klingon_answers\.yaml"):
        read_vocabulary_file("klingon_answers.yaml", Answers)


def test_planner_brief_is_short() -> None:
    assert 500 < len(planner_brief()) < 4000
