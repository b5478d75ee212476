"""show, recall, undo, redo, forget and open_picture."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import PictureError, ToolInputError
from agent_tools.services.fakes import FakeDetector
from agent_tools.settings import settings
from agent_tools.toolkit import VisionToolkit


def test_show_draws_and_changes_nothing(shelf: VisionToolkit) -> None:
    before = shelf.state
    result = shelf.call("show", {"handles": ["m1", "m4"]})
    assert result.text == "Shown on p1: 1 red: m1 (score 0.90); 1 blue: m4 (score 0.90)."
    assert [thing["handle"] for thing in result.data["objects"]] == ["m1", "m4"]
    assert result.preview is not None
    assert result.preview[:3] == b"\xff\xd8\xff"
    assert (shelf.state.selection, shelf.state.objects) == (before.selection, before.objects)


def test_show_with_nothing_selected_shows_the_picture(make: Any) -> None:
    assert make().call("show").text == "Shown on p1: the picture alone, as nothing is selected."


def test_show_on_a_picture_that_has_none_of_them_is_refused(shelf: VisionToolkit) -> None:
    shelf.open_picture(np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ToolInputError, match=r"^picture=p2 has none of these objects: expected p1\. Leave picture out"):
        shelf.call("show", {"handles": ["m1"], "picture": "p2"})


def test_recall_lists_what_is_known(shelf: VisionToolkit) -> None:
    shelf.gesture("p1", "point", [3, 3])
    shelf.call("select", {"handles": ["m5"]})
    assert shelf.call("recall").text.splitlines() == [
        "p1 picture 64x64 (current)",
        "3 red on p1, turn 2: m1-m3",
        "2 blue on p1, turn 2: m4 m5",
        "1 green on p1, turn 2: m6",
        "Selected 1: m5",
        "Gestures: g1 point on p1",
        "Can undo 2, redo 0.",
        "m5 blue 0.90 row 1 box 4 36 12 44",
    ]


def test_recall_of_nothing_says_so(memory: Any) -> None:
    text = VisionToolkit(memory=memory).call("recall").text
    assert text == "No picture is open.\nSelected none.\nCan undo 0, redo 0."


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ({"label": "reds"}, ["3 red on p1, turn 2: m1-m3", "m1 red 0.90 row 1 box 4 4 12 12"]),
        ({"turn": 3}, ["None of 7 fits turn=3."]),
        ({"turn": 4}, ["1 thing on p2, turn 4: m7", "m7 thing row 1 box 1 2 3 4"]),
        ({"picture": "P2"}, ["1 thing on p2, turn 4: m7", "m7 thing row 1 box 1 2 3 4"]),
        ({"picture": "p1", "turn": 2, "label": "green"}, ["1 green on p1, turn 2: m6", "m6 green 0.90 row 1 box"]),
        ({"label": "pear"}, ["None of 7 fits label=pear."]),
        ({"label": "red", "turn": 9}, ["None of 7 fits label=red, turn=9."]),
    ],
)
def test_recall_of_some_describes_those_alone(shelf: VisionToolkit, asked: dict[str, Any], lines: list[str]) -> None:
    shelf.open_picture(np.zeros((8, 8, 3), np.uint8))
    with shelf.turn("a thing") as turn:
        turn.add_object(picture="p2", label="thing", box=(1, 2, 3, 4))
    result = shelf.call("recall", asked)
    said = result.text.splitlines()
    assert [line[: len(want)] for line, want in zip(said, lines, strict=False)] == lines
    named = [handle for group in result.data["known"] for handle in group["handles"]]
    assert [thing["handle"] for thing in result.data["objects"]] == named
    assert len(said) == len(result.data["known"]) + len(named) or named == []


def test_recall_of_a_picture_that_is_not_open_is_refused(shelf: VisionToolkit) -> None:
    with pytest.raises(ToolInputError, match=r"^picture=p9 does not exist: expected p1"):
        shelf.call("recall", {"picture": "p9"})


def test_recall_of_many_describes_the_first_and_names_all(make: Any) -> None:
    toolkit = make()
    with toolkit.turn("many") as turn:
        for place in range(30):
            turn.add_object(picture="p1", label="dot", box=(place, 0, place + 1, 1))
    result = toolkit.call("recall", {"label": "dot"})
    assert result.text.splitlines()[0] == "30 dot on p1, turn 2: m1-m30"
    assert result.text.splitlines()[-1] == "10 more are not described."
    assert len(result.data["objects"]) == 30


def test_recall_among_ten_thousand_is_quick_and_short(make: Any) -> None:
    toolkit = make()
    with toolkit.turn("many") as turn:
        for place in range(10_000):
            turn.add_object(picture="p1", label="lemon" if place % 50 else "lime", box=(place % 60, 0, 64, 1))
    for asked in ({"label": "limes"}, {"label": "lemon", "turn": 2}, {}):
        began = time.process_time()
        result = toolkit.call("recall", asked)
        # Some 40 ms, but a shared machine is no clock: what looks at everything once for each object takes seconds.
        assert time.process_time() - began < 0.5
        assert len(result.text) <= 1500


def test_undo_and_redo_move_by_the_turn(shelf: VisionToolkit) -> None:
    with shelf.turn("only the red ones, and of these the biggest"):
        shelf.call("select", {"where": {"colour": "red"}})
        shelf.call("select", {"where": {"extreme": "largest"}})
    assert shelf.state.selection == ("m2",)
    result = shelf.call("undo")
    assert result.text.startswith("1 turn undone. Selected now: 3 red: m1-m3")
    assert result.data["undone"] == 1
    assert len(result.data["objects"]) == len(shelf.state.selection) == 6
    assert shelf.call("redo").data["selection"] == ["m2"]


def test_undo_of_the_first_count_leaves_nothing(make: Any) -> None:
    toolkit = make()
    toolkit.call("count", {"phrases": ["red"]})
    assert "Nothing is selected now" in toolkit.call("undo").text
    assert toolkit.state.objects == {}


def test_redo_with_nothing_undone_is_refused(shelf: VisionToolkit) -> None:
    with pytest.raises(ToolInputError, match=r"expected .*\. [A-Z]"):
        shelf.call("redo")


def test_forget_erases_objects_for_good(shelf: VisionToolkit) -> None:
    result = shelf.call("forget", {"handles": ["m2", "m4"]})
    assert result.text == "Forgotten for good: m2 m4."
    assert result.data == {"forgotten": ["m2", "m4"], "selection": ["m1", "m3", "m5", "m6"]}
    assert list(shelf.state.objects) == ["m1", "m3", "m5", "m6"]


def test_forget_a_picture_and_everything(shelf: VisionToolkit) -> None:
    shelf.open_picture(np.zeros((8, 8, 3), np.uint8))
    assert shelf.call("forget", {"picture": "p2"}).text == "Forgotten for good: p2."
    assert shelf.call("forget").text == "Forgotten for good: the whole conversation: m1-m6 p1."
    assert (shelf.state.objects, shelf.state.pictures) == ({}, {})


def test_forget_of_no_handles_forgets_nothing(shelf: VisionToolkit) -> None:
    assert shelf.call("forget", {"handles": []}).data["forgotten"] == []
    assert len(shelf.state.objects) == 6


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An allowed folder with shelf.png in it, and secret.png beside it."""
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    Image.new("RGB", (6, 4)).save(allowed / "shelf.png")
    Image.new("RGB", (5, 5)).save(tmp_path / "secret.png")
    monkeypatch.setenv("ASKMASK_PICTURE_FOLDERS", json.dumps([str(allowed)]))
    settings.cache_clear()
    return allowed


@pytest.mark.parametrize("source", ["shelf.png", "./shelf.png", "{folder}/shelf.png"])
def test_open_picture_below_an_allowed_folder_opens(make: Any, folder: Path, source: str) -> None:
    toolkit = make()
    result = toolkit.call("open_picture", {"source": source.format(folder=folder)})
    assert result.text == "p2: shelf.png, 6 x 4 pixels, now the current picture."
    assert (result.data, toolkit.state.picture) == ({"picture": "p2"}, "p2")


def test_open_picture_from_the_upload_area_opens(make: Any) -> None:
    uploads = settings().data_dir / "uploads"
    uploads.mkdir(parents=True)
    Image.new("RGB", (3, 3)).save(uploads / "mine.png")
    assert make().call("open_picture", {"source": "mine.png"}).data == {"picture": "p2"}


@pytest.mark.parametrize(
    "source",
    [
        "../secret.png",
        "{folder}/../secret.png",
        "{outside}",
        "link.png",
        "linked/secret.png",
        "missing.png",
        ".",
        "/etc/passwd",
        "~/secret.png",
        "shelf.png\x00",
        "x" * 1990,
        "http://127.0.0.1/shelf.png",
        "file:///etc/passwd",
    ],
)
def test_open_picture_anywhere_else_is_refused_alike(make: Any, folder: Path, source: str) -> None:
    outside = folder.parent / "secret.png"
    (folder / "link.png").symlink_to(outside)
    (folder / "linked").symlink_to(folder.parent)
    toolkit = make()
    with pytest.raises(PictureError, match=r"(?s)^source=.*expected a file.*Ask the person to add the picture\.$"):
        toolkit.call("open_picture", {"source": source.format(folder=folder, outside=outside)})
    assert list(toolkit.state.pictures) == ["p1"]


def test_open_picture_by_handle_or_name_turns_to_an_open_one(make: Any) -> None:
    toolkit = make()
    toolkit.open_picture(np.zeros((8, 8, 3), np.uint8))
    toolkit.call("open_picture", {"source": "p1"})
    assert (toolkit.state.picture, len(toolkit.state.pictures)) == ("p1", 2)


def test_open_picture_for_a_person_takes_any_path(make: Any, folder: Path) -> None:
    assert make().open_picture(folder.parent / "secret.png") == "p2"


def test_forget_a_picture_drops_what_the_models_remember_of_it(make: Callable[..., VisionToolkit]) -> None:
    dropped: list[str] = []

    class Remembering(FakeDetector):
        def forget(self, digest: str) -> None:
            dropped.append(digest)

    toolkit = make(detector=Remembering())
    digest = toolkit.state.pictures["p1"].digest
    assert toolkit.services.preset == "custom"
    toolkit.call("forget", {"picture": "p1"})
    assert dropped == [digest]
