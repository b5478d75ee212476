"""Prompts: tokens, spans and which objects answer which phrase."""

import numpy as np
import pytest

from workflows.demo_models.detector_model import build_processor
from workflows.demo_models.detector_prompts import (
    END,
    START,
    STOP,
    TOKENS,
    UNKNOWN,
    Prompt,
    answers,
    draw_prompt,
    phrase_of,
)
from workflows.demo_models.scenes import KINDS


@pytest.fixture(scope="module")
def tokenizer():
    return build_processor(64, 96).tokenizer


def test_prompt_ids_and_spans_follow_the_phrases():
    prompt = Prompt.of(["red apple", "orange"])
    assert prompt.ids == (START, TOKENS["red"], TOKENS["apple"], STOP, TOKENS["orange"], STOP, END)
    assert prompt.spans == ((1, 3), (4, 5))


@pytest.mark.parametrize("phrases", [["red apple", "orange"], ["unicorn"], ["red unicorn", "grey box", "lime"]])
def test_prompt_ids_equal_what_the_saved_tokenizer_reads(tokenizer, phrases):
    assert tuple(tokenizer(" . ".join(phrases) + " .")["input_ids"]) == Prompt.of(phrases).ids


def test_prompt_unknown_word_is_unknown():
    assert Prompt.of(["unicorn"]).ids == (START, UNKNOWN, STOP, END)


@pytest.mark.parametrize(
    ("phrase", "kind", "expected"),
    [
        ("red apple", ("apple", "red"), True),
        ("red apple", ("apple", "green"), False),
        ("apple", ("apple", "green"), True),
        ("orange", ("orange", "orange"), True),
        ("orange", ("ball", "orange"), False),
        ("orange ball", ("ball", "orange"), True),
        ("grey mug", ("mug", "gray"), True),
        ("[UNK]", ("mug", "gray"), False),
        ("red [UNK]", ("mug", "red"), False),
    ],
)
def test_answers_needs_the_whole_phrase_to_fit(phrase, kind, expected):
    assert answers(phrase, kind) is expected


def test_targets_mark_every_word_of_a_phrase_and_nothing_else():
    kinds = [KINDS.index(("apple", "red")), KINDS.index(("apple", "green")), KINDS.index(("lime", "green"))]
    marks = Prompt.of(["red apple", "apple"]).targets(kinds)
    assert marks.tolist() == [
        [False, True, True, False, True, False, False],
        [False, False, False, False, True, False, False],
        [False, False, False, False, False, False, False],
    ]


def test_phrase_of_orange_orange_is_said_once():
    assert phrase_of("orange", "orange") == "orange"
    assert phrase_of("ball", "orange") == "orange ball"
    assert phrase_of("ball", None) == "ball"


def test_draw_prompt_asks_for_present_and_absent_things():
    kinds = [KINDS.index(("apple", "red")), KINDS.index(("lime", "green"))]
    rng = np.random.default_rng(0)
    drawn = [draw_prompt(kinds, rng) for _ in range(400)]
    answered = [bool(prompt.targets(kinds)[:, start:stop].any()) for prompt in drawn for start, stop in prompt.spans]
    assert 0.5 < np.mean(answered) < 0.85
    assert all(len(set(prompt.phrases)) == len(prompt.phrases) for prompt in drawn)
    assert {len(prompt.phrases) for prompt in drawn} == {1, 2, 3, 4, 5, 6}


def test_draw_prompt_empty_picture_asks_for_absent_things_only():
    rng = np.random.default_rng(0)
    assert all(len(draw_prompt([], rng).phrases) >= 1 for _ in range(20))
