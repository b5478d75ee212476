import itertools

import pytest

from agent_tools.errors import ToolInputError
from agent_tools.services.phrases import clean_phrase, narrows, pack

START, STOP, END = 101, 1012, 102


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Red  Apple", "red apple"),
        (" orange. ", "orange"),
        ("what? [SEP]", "what sep"),
        ("T-shirt & tie", "t-shirt & tie"),
        ("...", ""),
        ("犬", "犬"),
    ],
)
def test_clean_phrase_anything_typed_leaves_words(typed: str, read: str) -> None:
    assert clean_phrase(typed) == read


def test_pack_phrases_that_fit_share_one_prompt_with_a_span_each() -> None:
    (prompt,) = pack([("red apple", [7, 8]), ("orange", [9])], START, STOP, END, 16)
    assert prompt.token_ids == (101, 7, 8, 1012, 9, 1012, 102)
    assert prompt.spans == ((1, 3), (4, 5))
    assert prompt.phrases == (0, 1)


@pytest.mark.parametrize("limit", [5, 6, 7, 8, 9, 24])
def test_pack_many_phrases_split_without_losing_or_cutting_one(limit: int) -> None:
    phrases = [(f"p{index}", list(range(1, 2 + index % 2))) for index in range(9)]
    prompts = pack(phrases, START, STOP, END, limit)
    assert [index for prompt in prompts for index in prompt.phrases] == list(range(9))
    for prompt in prompts:
        assert len(prompt.token_ids) <= limit
        for index, (start, stop) in zip(prompt.phrases, prompt.spans, strict=True):
            assert list(prompt.token_ids[start:stop]) == phrases[index][1]
            assert prompt.token_ids[stop] == STOP
    fullest = [len(a.token_ids) + len(phrases[b.phrases[0]][1]) + 1 for a, b in itertools.pairwise(prompts)]
    assert all(length > limit for length in fullest)


def test_pack_phrase_longer_than_a_prompt_names_the_limit() -> None:
    with pytest.raises(ToolInputError, match="expected at most 5"):
        pack([("endless", list(range(6)))], START, STOP, END, 8)


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ("red apple", "apple", True),
        ("small red apple", "red apple", True),
        ("person wearing a red shirt", "person", True),
        ("book on the shelf", "book", True),
        ("apple", "red apple", False),
        ("apple juice", "apple", False),
        ("orange box", "orange", False),
        ("red apple", "green apple", False),
        ("apple", "apple", False),
    ],
)
def test_narrows_pairs_of_phrases_by_head_noun_and_words(narrow: str, wide: str, expected: bool) -> None:
    assert narrows(narrow, wide) is expected
