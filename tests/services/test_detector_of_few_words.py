"""A detector with a closed vocabulary beside its weights, and one without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from agent_tools.errors import ServiceError
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections
from agent_tools.services.grounding_dino import GroundingDino

COLOURS = ["red", "green", "blue", "yellow"]
FILE = {
    "nouns": {"apple": ["red", "green"], "box": COLOURS, "orange": ["orange"]},
    "names": {"apples": "apple", "carton": "box", "crate": "box", "satsuma": "orange"},
    "colours": {"crimson": "red", "scarlet": "red"},
    "plain": ["fresh"],
}


def blocks(seed: int = 0) -> Picture:
    cells = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Picture.from_array(cells[np.arange(90) * 6 // 90][:, np.arange(120) * 8 // 120])


@pytest.fixture(params=["grounding-dino", "mm-grounding-dino"])
def folder(request: pytest.FixtureRequest, model_folders: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(model_folders[request.param], tmp_path / "model")


@pytest.fixture
def few(folder: Path) -> GroundingDino:
    (folder / "closed_vocabulary.json").write_text(json.dumps(FILE))
    return GroundingDino(folder, device="cpu")


@pytest.fixture
def many(folder: Path) -> GroundingDino:
    return GroundingDino(folder, device="cpu")


@contextmanager
def prompts(detector: GroundingDino) -> Iterator[list[str]]:
    """The prompt of every pass, as words."""
    seen: list[str] = []

    def note(_module: object, _given: object, named: dict[str, object]) -> None:
        seen.append(detector._processor.tokenizer.decode(named["input_ids"][0]))  # type: ignore[index]

    handle = detector._model.register_forward_pre_hook(note, with_kwargs=True)
    yield seen
    handle.remove()


def rows(found: Detections, index: int) -> np.ndarray:
    """(n, 5) boxes and scores of one phrase, sorted."""
    mine = found.phrase_indices == index
    both = np.concatenate([found.boxes[mine], found.scores[mine, None]], axis=1)
    return both[np.lexsort(both.T)]


def test_detector_without_the_file_asks_every_phrase_as_it_stands(many: GroundingDino) -> None:
    with prompts(many) as seen:
        (found,) = many.detect([blocks()], [["crimson apples", "fresh unicorn", "carton"]])
    assert many.nouns == ()
    assert found.unknown == {}
    words = many._processor.tokenizer("crimson apples. fresh unicorn. carton.")["input_ids"]
    assert seen == [many._processor.tokenizer.decode(words)]


def test_detector_of_few_words_is_asked_in_them_and_answers_for_the_phrases(few: GroundingDino) -> None:
    with prompts(few) as seen:
        (found,) = few.detect([blocks()], [["unicorn", "fresh crimson apples", "satsuma"]])
    assert seen == ["[CLS] red apple. orange. [SEP]"]
    assert few.nouns == ("apple", "box", "orange")
    assert found.unknown == {0: "has no word for unicorn"}
    assert set(found.phrase_indices.tolist()) == {1, 2}
    (plainly,) = few.detect([blocks()], [["red apple", "orange"]])
    np.testing.assert_array_equal(rows(found, 1), rows(plainly, 0))
    np.testing.assert_array_equal(rows(found, 2), rows(plainly, 1))


def test_detector_of_few_words_never_runs_for_words_it_does_not_have(few: GroundingDino) -> None:
    with prompts(few) as seen:
        found = few.detect([blocks(), blocks(1)], [["unicorn", "yellow apple", "..."], ["dragon"]])
    assert seen == []
    assert [len(each.scores) for each in found] == [0, 0]
    assert found[0].unknown == {0: "has no word for unicorn", 1: "knows apple only in red or green"}
    assert found[1].unknown == {0: "has no word for dragon"}


def test_detector_two_names_of_one_thing_are_asked_once_and_both_answered(few: GroundingDino) -> None:
    few.floor = 0.0
    with prompts(few) as seen:
        (found,) = few.detect([blocks()], [["carton", "apple", "crate", "carton"]])
    assert seen == ["[CLS] box. apple. [SEP]"]
    assert len(rows(found, 0)) > 0
    np.testing.assert_array_equal(rows(found, 0), rows(found, 2))
    assert len(rows(found, 3)) == 0
    (alone,) = few.detect([blocks()], [["box", "apple"]])
    np.testing.assert_array_equal(rows(found, 0), rows(alone, 0))
    np.testing.assert_array_equal(rows(found, 1), rows(alone, 1))


def test_detector_other_words_for_the_same_thing_run_nothing_again(few: GroundingDino) -> None:
    (first,) = few.detect([blocks()], [["crimson apple"]])
    with prompts(few) as seen:
        (again,) = few.detect([blocks()], [["unicorn", "scarlet apples"]])
    assert seen == []
    np.testing.assert_array_equal(rows(first, 0), rows(again, 1))


def test_detections_boxes_for_a_phrase_that_was_not_asked_are_refused() -> None:
    with pytest.raises(ServiceError, match="not asked"):
        Detections(
            np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), unknown={0: "has no word"}
        )
