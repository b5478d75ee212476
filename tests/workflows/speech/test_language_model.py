"""The language model, the sentences it is made of, and how their words sound."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest

from prompts.vocabulary_loader import vocabulary
from workflows.planning.patterns import literal_words
from workflows.speech.language_model import LanguageModel
from workflows.speech.pronunciation import Dictionary
from workflows.speech.sentences import Speaker, spoken_words

SENTENCES = [("count", "the", "cans"), ("count", "the", "jars"), ("undo",), ("blur", "the", "cans")]


def test_language_model_shares_out_all_probability() -> None:
    model = LanguageModel(SENTENCES, 3)
    words = ["count", "the", "cans", "jars", "undo", "blur", "</s>"]
    for history in [("<s>",), ("<s>", "count"), ("count", "the"), ("the", "undo"), ("jars",)]:
        assert sum(model._probability((*history, word)) for word in words) == pytest.approx(1.0, abs=1e-6)


def test_language_model_prefers_what_it_was_made_of() -> None:
    model = LanguageModel(SENTENCES, 3)
    scores = [
        model.score(said) for said in (("count", "the", "cans"), ("blur", "the", "jars"), ("the", "count", "cans"))
    ]
    assert all(better > worse for better, worse in pairwise(scores))
    assert math.isfinite(model.score(("never", "heard")))


def test_arpa_holds_every_sequence_once_and_backs_off() -> None:
    model = LanguageModel(SENTENCES, 3)
    lines = model.arpa().splitlines()
    assert lines[1:4] == ["ngram 1=8", "ngram 2=10", "ngram 3=8"]
    entries = [line.split("\t") for line in lines if "\t" in line]
    assert len({words for _, words, *_ in entries}) == len(entries) == 26
    chance = {tuple(words.split()): float(log) for log, words, *_ in entries}
    assert 10 ** chance["<s>", "undo"] == pytest.approx(model._probability(("<s>", "undo")), rel=1e-3)


def test_the_same_seed_says_the_same_sentences() -> None:
    assert [*Speaker(3).usual(50)] == [*Speaker(3).usual(50)] != [*Speaker(4).usual(50)]


def test_sentences_hold_words_and_classes_and_no_pattern() -> None:
    speaker = Speaker()
    for sentence in (*speaker.usual(500), *speaker.any(500)):
        assert sentence
        assert all(word in speaker.classes or not set(word) & set("[]()<>{}|$") for word in sentence), sentence


def test_what_the_planner_learns_is_said_without_a_further_word() -> None:
    """Most words of the sentence shapes can be heard: a new shape of the planner needs no work here."""
    words = {word for frame in vocabulary().frames for text in frame.says for word in literal_words(text)}
    said = {word for sentence in Speaker().any(30_000) for word in sentence}
    assert len(words & said) / len(words) > 0.9


def test_shares_of_a_class_make_one_and_known_nouns_have_most() -> None:
    for members in Speaker().classes.values():
        assert sum(members.values()) == pytest.approx(1.0)
    nouns = Speaker().classes["[nouns]"]
    assert nouns["oranges"] > nouns["cars"] > nouns["satsumas"]
    assert nouns["scissors"] == nouns["oranges"]


@pytest.fixture
def dictionary(tmp_path: Path) -> Dictionary:
    (tmp_path / "d").write_text(
        "color K AH L ER\nred R EH D\nred(2) R IY D\nbox B AA K S\nwine W AY N\nm EH M\ntwo T UW\none W AH N\n"
    )
    return Dictionary(tmp_path / "d", {"fuchsia": "F Y UW SH AH"})


@pytest.mark.parametrize(
    ("word", "sounds"),
    {
        "red": ("R EH D", "R IY D"),
        "fuchsia": ("F Y UW SH AH",),
        "m2": ("EH M T UW",),
        "colour": ("K AH L ER",),
        "colours": (),
        "boxes": ("B AA K S IH Z",),
        "reds": ("R EH D Z", "R IY D Z"),
        "winebox": ("W AY N B AA K S",),
        "m21": (),
        "qwxz": (),
    }.items(),
)
def test_dictionary_gives_sounds_to_words_it_lacks(dictionary: Dictionary, word: str, sounds: tuple[str, ...]) -> None:
    assert dictionary.sounds(word) == sounds


def test_dictionary_says_a_phrase_only_where_it_knows_every_word(dictionary: Dictionary) -> None:
    assert dictionary.phrase("red wine box") == ("R EH D W AY N B AA K S",)
    assert dictionary.phrase("red qwxz") == ()


def test_sounds_that_are_listed_are_phones() -> None:
    get_model_path = pytest.importorskip("pocketsphinx").get_model_path
    dictionary = (Path(get_model_path()) / "en-us" / "cmudict-en-us.dict").read_text(encoding="utf-8")
    phones = {phone for line in dictionary.splitlines() for phone in line.split()[1:]}
    for word, sounds in spoken_words().sounds.items():
        assert set(sounds.split()) <= phones, word
