"""Edits from the command line: the edited picture is written beside the others, and said to be one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workflows.conftest import Run

FAKES = (
    *("--detector", "agent_tools.services.fakes:FakeDetector"),
    *("--segmenter", "agent_tools.services.fakes:FakeSegmenter"),
)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Two red boxes and a blue one on noisy gray, 96 x 64 pixels."""
    pixels = np.random.default_rng(0).integers(100, 156, (64, 96, 3)).astype(np.uint8)
    for x, colour in ((8, (220, 30, 30)), (40, (220, 30, 30)), (68, (30, 60, 220))):
        pixels[20:40, x : x + 20] = colour
    path = tmp_path / "boxes.png"
    Image.fromarray(pixels).save(path)
    return path


def test_ask_for_an_edit_writes_the_edited_picture_exact_outside(run: Run, picture: Path) -> None:
    code, out, _ = run("ask", "count the red boxes, then blur everything else", str(picture), *FAKES)
    assert code == 0
    answer, written = out.strip().splitlines()
    assert answer == "There are 2 red boxes. I blurred everything but 2 red boxes: m1 and m2."
    assert written == "Edited picture: askmask-out/boxes-edited-1.png"
    before, after = np.asarray(Image.open(picture)), np.asarray(Image.open("askmask-out/boxes-edited-1.png"))
    inside = np.zeros((64, 96), bool)
    inside[20:40, 8:28] = inside[20:40, 40:60] = True
    assert np.array_equal(after[inside], before[inside])
    assert np.abs(np.diff(after[:15].astype(int), axis=1)).mean() < 5
    assert [path.name for path in Path("askmask-out").iterdir()] == ["boxes-edited-1.png"]


def test_ask_json_tells_which_pictures_are_edited(run: Run, picture: Path) -> None:
    _, out, _ = run("ask", "cut out the blue box", str(picture), *FAKES, "--json")
    said = json.loads(out)
    assert said["edited"] == ["p1"]
    assert [thing["handle"] for thing in said["objects"]] == ["m1"]
    cut = Image.open(said["pictures"]["p1"])
    assert cut.mode == "RGBA"
    assert cut.getpixel((78, 30)) == (30, 60, 220, 255)
    assert cut.getpixel((1, 1)) == (0, 0, 0, 0)
    _, out, _ = run("ask", "how many now?", "--conversation", said["conversation"], *FAKES, "--json")
    assert json.loads(out)["edited"] == [], "a turn that edits nothing shows what it is about"


def test_chat_stacks_edits_and_undo_takes_the_last_back(run: Run, picture: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.txt"
    script.write_text(
        "segment the red boxes\nblur the rest\nmake them gray\n@78,30 pixelate this\nundo the blur\nundo\n"
        "undo the grayscale\nundo\nrecolour them\nhow many now?\n"
    )
    code, out, _ = run("chat", str(picture), "--script", str(script), *FAKES, "--json")
    assert code == 0
    turns = [json.loads(line) for line in out.splitlines()]
    assert [turn["edited"] for turn in turns] == [[], ["p1"], ["p1"], ["p1"], [], ["p1"], ["p1"], [], [], []]
    assert "3 steps back" in turns[4]["answer"]
    assert "cannot change a picture like that yet" in turns[8]["answer"]
    assert "2 red boxes" in turns[9]["answer"]
    blurred, gray = (np.asarray(Image.open(turns[number]["pictures"]["p1"])) for number in (1, 2))
    assert np.array_equal(np.asarray(Image.open(turns[6]["pictures"]["p1"])), blurred)
    assert len(set(gray[30, 10].tolist())) == 1
    assert np.array_equal(gray[45:], blurred[45:])


def test_edit_of_what_is_not_there_says_so_and_writes_no_edit(run: Run, picture: Path) -> None:
    _, out, _ = run("ask", "blur the unicorns", str(picture), *FAKES, "--json")
    said = json.loads(out)
    assert said["answer"] == "I found no unicorns."
    assert said["edited"] == []
