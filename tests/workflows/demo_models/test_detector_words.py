"""What people say, as a person edits it, and as it lies beside the weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_tools.colours import basic_colour
from agent_tools.errors import ToolInputError
from agent_tools.services.checkpoints import read_vocabulary
from agent_tools.services.presets import bundled_folder
from workflows.demo_models.detector_words import DetectorWords, vocabulary_of, write_vocabulary
from workflows.demo_models.scenes import COLOURS, KINDS, NOUNS


@pytest.fixture(scope="module")
def words() -> DetectorWords:
    return DetectorWords.load()


def save_tokenizer(folder: Path, *known: str) -> None:
    vocabulary = {word: index for index, word in enumerate(["[PAD]", *known])}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))


def test_words_cover_everything_that_scenes_show(words: DetectorWords) -> None:
    assert set(NOUNS) <= set(words.nouns)
    assert set(COLOURS) <= set(words.colours)


def test_words_each_name_means_one_thing(words: DetectorWords) -> None:
    taught = {noun: tuple(words.colours) for noun in words.nouns}
    names = [name for noun, said in words.nouns.items() for name in (noun, *said.also)] + list(words.unclear)
    assert len({name.replace(" ", "") for name in names}) == len(names)
    vocabulary = vocabulary_of(taught, words)
    for noun, said in words.nouns.items():
        for name in said.also:
            assert vocabulary.read(name).asked == noun, name
        for kind in said.kinds:
            assert vocabulary.read(f"{kind} {noun}").asked == noun, kind
    for colour, kin in words.colours.items():
        for name in (colour, *kin):
            assert vocabulary.read(f"{name} ball").asked == f"{colour} ball", name


def test_words_for_colours_mean_what_they_mean_in_the_rest_of_askmask(words: DetectorWords) -> None:
    for colour, kin in words.colours.items():
        for name in kin:
            try:
                assert basic_colour(name) == basic_colour(colour), name
            except ToolInputError:  # a colour that askmask names nothing by contradicts nothing
                continue


def test_write_vocabulary_leaves_out_what_the_tokenizer_lacks(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "can", "lemon", "red", "yellow", "mug")
    kinds = [("can", "red"), ("can", "blue"), ("can", "yellow"), ("lemon", "yellow"), ("jar", "red"), ("mug", "blue")]
    written = write_vocabulary(tmp_path, kinds)
    assert written == read_vocabulary(tmp_path)
    assert written.nouns == {"can": ("red", "yellow"), "lemon": ("yellow",)}
    assert set(written.names.values()) == {"can", "lemon"}
    assert set(written.colours.values()) == {"red", "yellow"}
    assert written.names["tins"] == "can"


def test_bundled_vocabulary_is_what_its_tokenizer_knows_in_the_words_of_the_file(words: DetectorWords) -> None:
    folder = bundled_folder("detector")
    bundled = read_vocabulary(folder)
    assert bundled is not None
    tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    assert {word for word in (*words.nouns, *words.colours) if word in tokens} == {
        word for noun, colours in bundled.nouns.items() for word in (noun, *colours)
    }
    # python -m workflows.demo_models.detector_words agent_tools/services/demo/detector
    assert bundled == vocabulary_of(bundled.nouns, words)


def test_bundled_vocabulary_reads_every_phrase_of_the_scenes_it_was_taught() -> None:
    bundled = read_vocabulary(bundled_folder("detector"))
    assert bundled is not None
    for noun, colour in KINDS:
        assert bundled.read(f"{colour} {noun}").asked in (f"{colour} {noun}", noun)
