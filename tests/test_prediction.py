"""Many pictures, one prompt: batches, results that print and save themselves, and what cannot be opened."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent_tools import Mask, Picture, PictureError, predict
from agent_tools.errors import ConfigError, ToolInputError
from agent_tools.services.base import Detections, Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter

RED, BLUE, WHITE = (220, 30, 30), (30, 60, 220), (255, 255, 255)


class Batches(FakeDetector):
    """Remembers how many pictures came together."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        self.sizes.append(len(pictures))
        return super().detect(pictures, phrases)


@pytest.fixture
def services() -> Services:
    return Services(Batches(), FakeSegmenter(), "custom", "fake", "fake")


def shelf(reds: int, blues: int = 1) -> np.ndarray[Any, Any]:
    array = np.full((48, 64, 3), WHITE, np.uint8)
    for place in range(reds):
        array[4:12, 4 + 14 * place : 12 + 14 * place] = RED
    for place in range(blues):
        array[30:40, 4 + 14 * place : 14 + 14 * place] = BLUE
    return array


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (1, 2, 3, 10):
        Image.fromarray(shelf(min(number, 4))).save(tmp_path / f"shelf {number}.png")
    return tmp_path


def test_predict_of_a_folder_counts_each_picture_in_order_a_batch_at_a_time(folder: Path, services: Services) -> None:
    results = list(predict(folder, ["red"], services=services, batch_size=3))
    assert [(result.name, result.counts["red"]["n"]) for result in results] == [
        ("shelf 1.png", 1),
        ("shelf 2.png", 2),
        ("shelf 3.png", 3),
        ("shelf 10.png", 4),
    ]
    assert services.detector.sizes == [3, 1]


@pytest.mark.parametrize("phrases", [["Red "], "red", ["red"]])
def test_predict_asks_a_phrase_once_however_it_is_written(phrases: Any, services: Services) -> None:
    (result,) = predict(shelf(2), phrases, services=services)
    assert len(result.objects) == 2
    assert services.detector.sizes == [1]


def test_predict_takes_lists_of_arrays_paths_bytes_and_pictures(folder: Path, services: Services) -> None:
    path = folder / "shelf 2.png"
    sources = [shelf(1), path, str(path), path.read_bytes(), Picture.from_array(shelf(3)), Image.fromarray(shelf(4))]
    assert [len(result.objects) for result in predict(sources, "red", services=services)] == [1, 2, 2, 2, 3, 4]


def test_predict_a_broken_picture_is_told_and_the_others_go_on(folder: Path, services: Services) -> None:
    broken = folder / "shelf 2.png"
    broken.write_bytes(broken.read_bytes()[:60])
    results = list(predict(folder, "red", services=services))
    assert [bool(result.error) for result in results] == [False, True, False, False]
    assert results[1].name == "shelf 2.png"
    assert "expected" in results[1].error
    with pytest.raises(PictureError):
        results[1].drawn()
    assert results[1].as_json().keys() == {"name", "error"}


def test_predict_at_boxes_and_points_makes_an_object_of_each(services: Services) -> None:
    # The box-prompt example of PaddleX's tutorial: one picture, several boxes, a mask each.
    (result,) = predict(shelf(2), boxes=[[2, 2, 14, 14], [2, 28, 16, 42]], points=[[20, 6]], services=services)
    assert [thing.box for thing in result.objects] == [(4, 4, 12, 12), (4, 30, 14, 40), (18, 4, 26, 12)]
    assert [thing.area for thing in result.objects] == [64, 100, 64]
    assert services.detector.sizes == []


def test_predict_without_a_prompt_cuts_out_everything(services: Services) -> None:
    (result,) = predict(shelf(2), services=services)
    assert {(4, 4, 12, 12), (18, 4, 26, 12), (4, 30, 14, 40)} <= {thing.box for thing in result.objects}


def test_predict_with_one_wanted_keeps_the_best(services: Services) -> None:
    (result,) = predict(shelf(3), "red", quantity="one", services=services)
    assert len(result.objects) == 1


def test_prediction_prints_draws_and_saves_itself(
    tmp_path: Path, services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = Picture.from_array(shelf(2), name="top shelf.png")
    (result,) = predict(picture, "red", services=services)
    result.print()
    assert capsys.readouterr().out.splitlines() == [
        "top shelf.png: 2 found",
        "  m1 red 0.90 box 4 4 12 12 area 64",
        "  m2 red 0.90 box 18 4 26 12 area 64",
    ]
    written = json.loads(result.save_json(tmp_path / "out").read_text())
    assert (tmp_path / "out" / "top shelf.json").exists()
    assert written["counts"]["red"]["n"] == 2
    mask = Mask.from_coco(written["objects"][0]["mask"]).to_array()
    assert mask[4:12, 4:12].all()
    assert mask.sum() == 64
    drawn = Image.open(result.save_picture(tmp_path / "out" / "seen.jpg"))
    assert drawn.size[0] == 64
    assert np.abs(np.asarray(drawn)[4:12, 4:12].astype(int) - RED).mean() > 5
    with pytest.raises(ConfigError, match="there already"):
        result.save_json(tmp_path / "out")
    result.save_json(tmp_path / "out", replace=True)


def test_predict_leaves_nothing_behind(services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    results = predict([shelf(1), shelf(2)], "red", services=services)
    next(results)
    assert any(tmp_path.iterdir())
    results.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


def test_predict_wrong_batch_size_or_empty_folder_says_so(tmp_path: Path, services: Services) -> None:
    with pytest.raises(ToolInputError, match="batch_size=0"):
        predict(shelf(1), "red", services=services, batch_size=0)
    with pytest.raises(PictureError, match="holds no picture"):
        predict(tmp_path, "red", services=services)
