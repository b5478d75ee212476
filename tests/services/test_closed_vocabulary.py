from __future__ import annotations

from pathlib import Path

import pytest

from agent_tools.errors import ConfigError
from agent_tools.services.checkpoints import VOCABULARY_FILE, read_vocabulary
from agent_tools.services.closed_vocabulary import ClosedVocabulary, Reading
from workflows.demo_models.detector_words import DetectorWords, vocabulary_of

ALL = ("red", "green", "blue", "yellow", "orange", "purple", "pink", "brown", "white", "black", "gray")
PAINTED = ("book", "can", "bottle", "box", "mug", "ball", "jar", "bag", "bowl", "plate", "spoon", "fork", "pen")
PAINTED += ("scissors", "phone", "envelope")
TAUGHT = {
    **dict.fromkeys(PAINTED, ALL),
    "orange": ("orange",),
    "banana": ("yellow",),
    "peach": ("orange",),
    "lemon": ("yellow",),
    "eggplant": ("purple",),
    "apple": ("red", "green", "yellow"),
    "pepper": ("red", "green"),
    "tomato": ("red",),
    "potato": ("brown",),
    "kiwi": ("brown",),
    "egg": ("white", "brown"),
    "lime": ("green",),
}
WORDS = vocabulary_of(TAUGHT, DetectorWords.load())


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        # itself, one and many
        ("apple", "apple"),
        ("apples", "apple"),
        ("tomatoes", "tomato"),
        ("boxes", "box"),
        ("scissors", "scissors"),
        ("pair of scissors", "scissors"),
        ("pairs of scissors", "scissors"),
        # other names, hyphens, one word or two
        ("tin", "can"),
        ("tins", "can"),
        ("carton", "box"),
        ("cup", "mug"),
        ("teacups", "mug"),
        ("aubergines", "eggplant"),
        ("egg-plant", "eggplant"),
        ("satsuma", "orange"),
        ("mandarins", "orange"),
        ("clementine", "orange"),
        ("capsicum", "pepper"),
        ("bell pepper", "pepper"),
        ("paprika", "pepper"),
        ("kiwi fruit", "kiwi"),
        ("kiwifruits", "kiwi"),
        ("cellphone", "phone"),
        ("cell-phones", "phone"),
        ("smart phone", "phone"),
        ("mobile", "phone"),
        ("spuds", "potato"),
        ("novel", "book"),
        ("paperbacks", "book"),
        ("flask", "bottle"),
        ("sachet", "bag"),
        ("handbag", "bag"),
        # kinds that the model makes no difference for, and what is in a thing
        ("soda can", "can"),
        ("beer tin", "can"),
        ("cherry tomato", "tomato"),
        ("glass jar", "jar"),
        ("milk carton", "box"),
        ("carton of milk", "box"),
        ("red mug of hot tea", "red mug"),
        ("orange juice bottle", "bottle"),
        ("orange bottle", "orange bottle"),
        # colours
        ("crimson apple", "red apple"),
        ("scarlet apples", "red apple"),
        ("dark red apple", "red apple"),
        ("dark blue can", "blue can"),
        ("dark-blue can", "blue can"),
        ("navy blue tin", "blue can"),
        ("navy tin", "blue can"),
        ("light green bottle", "green bottle"),
        ("lime green ball", "green ball"),
        ("grey box", "gray box"),
        ("gray box", "gray box"),
        ("golden apple", "yellow apple"),
        ("teal mug", "blue mug"),
        ("beige box", "brown box"),
        ("reddish brown book", "brown book"),
        ("off-white bowl", "white bowl"),
        ("orange-coloured ball", "orange ball"),
        ("red colored ball", "red ball"),
        ("silver spoon", "spoon"),
        ("silver phone", "gray phone"),
        # natural colours as the training says them
        ("orange orange", "orange"),
        ("yellow banana", "yellow banana"),
        ("orange peach", "orange peach"),
        # words that leave nothing out
        ("fresh orange", "orange"),
        ("nice fresh whole red apple", "red apple"),
        ("the apples on the shelf", "apple"),
        ("visible can in the picture", "can"),
        ("Single  Apple.", "apple"),
    ],
)
def test_read_what_people_say_becomes_the_words_of_the_weights(said: str, asked: str) -> None:
    assert WORDS.read(said) == Reading(asked)


@pytest.mark.parametrize(
    ("said", "why_not"),
    [
        ("unicorn", "has no word for unicorn"),
        ("red unicorn", "has no word for unicorn"),
        ("red wine glass", "has no word for wine glass"),
        ("striped can", "has no word for striped"),
        ("fluffy striped can", "has no word for fluffy striped"),
        ("small red ripe apple", "has no word for small or ripe"),
        ("apple pie", "has no word for apple pie"),
        ("orange juice", "has no word for juice"),
        ("peach can", "has no word for peach can"),
        ("light can", "has no word for light"),
        ("can with a dent", "has no word for with a dent"),
        ("apple in a box", "has no word for in a box"),
        ("apple of gold", "has no word for of gold"),
        ("bunch of bananas", "has no word for bunch"),
        ("cannon", "has no word for cannon"),
        ("green banana", "knows banana only in yellow"),
        ("blue orange", "knows orange only in orange"),
        ("blue apple", "knows apple only in red, green or yellow"),
        ("red blue can", "knows things of one colour, not of red and blue"),
        ("packet", "has no word for packet, only for box and bag"),
        ("blue packets", "has no word for packets, only for box and bag"),
        ("glass", "has no word for glass, only for mug and jar"),
        ("dark red", "needs a noun beside dark red"),
        ("犬", "has no word for 犬"),
    ],
)
def test_read_what_the_weights_have_no_word_for_is_not_asked(said: str, why_not: str) -> None:
    assert WORDS.read(said) == Reading(why_not=why_not)


@pytest.mark.parametrize("said", ["", "...", " - "])
def test_read_no_words_ask_nothing_and_need_no_reason(said: str) -> None:
    assert WORDS.read(said) == Reading()


@pytest.mark.parametrize("said", ["jar", "jam jars", "aubergine", "bell pepper", "mobile phone", "egg", "egg cup"])
def test_read_names_of_nouns_that_were_not_taught_are_unknown(said: str) -> None:
    few = vocabulary_of({"mug": ALL, "apple": ("red",)}, DetectorWords.load())
    assert few.read(said).why_not.startswith("has no word for")
    assert few.read("packet") == Reading(why_not="has no word for packet")
    assert few.read("cup") == Reading("mug")


def test_read_colour_that_was_not_taught_is_unknown_and_so_are_its_kin() -> None:
    few = vocabulary_of({"apple": ("red",), "can": ("red", "gray")}, DetectorWords.load())
    assert few.read("navy can") == Reading(why_not="has no word for navy")
    assert few.read("grey can") == Reading("gray can")


def test_read_every_phrase_of_the_training_is_asked_as_it_stands() -> None:
    for noun, colours in TAUGHT.items():
        assert WORDS.read(noun) == Reading(noun)
        for colour in colours:
            assert WORDS.read(f"{colour} {noun}") == Reading(noun if noun == colour else f"{colour} {noun}")


def test_vocabulary_entry_for_a_noun_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / VOCABULARY_FILE).write_text('{"nouns": {"can": ["red"]}, "names": {"cup": "mug"}}')
    with pytest.raises(ConfigError, match="mug"):
        read_vocabulary(tmp_path)
    (tmp_path / VOCABULARY_FILE).write_text('{"nouns": {"can": ["red"]}, "nuons": {}}')
    with pytest.raises(ConfigError, match=r"closed_vocabulary\.json"):
        read_vocabulary(tmp_path)


def test_read_vocabulary_folder_without_one_is_open(tmp_path: Path) -> None:
    assert read_vocabulary(tmp_path) is None


def test_vocabulary_written_and_read_is_the_same(tmp_path: Path) -> None:
    (tmp_path / VOCABULARY_FILE).write_text(WORDS.model_dump_json())
    assert read_vocabulary(tmp_path) == ClosedVocabulary.model_validate(WORDS.model_dump())
