"""Edits from the command line: the edited picture is written beside the others, and said to be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
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


def chat(run: Run, picture: Path, tmp_path: Path, *lines: str) -> list[dict[str, Any]]:
    script = tmp_path / "script.txt"
    script.write_text("\n".join(lines))
    code, out, err = run("chat", str(picture), "--script", str(script), *FAKES, "--json")
    assert code == 0, err
    return [json.loads(line) for line in out.splitlines()]


def pixels_of(turn: dict[str, Any]) -> NDArray[np.uint8]:
    return np.asarray(Image.open(turn["pictures"]["p1"]))


def test_chat_stacks_edits_and_takes_back_any_of_them(run: Run, picture: Path, tmp_path: Path) -> None:
    turns = chat(
        *(run, picture, tmp_path, "segment the red boxes", "blur the rest", "make them gray", "@78,30 pixelate this"),
        *("undo the blur", "undo", "undo the pixelation", "undo the grayscale", "rotate them", "how many now?"),
    )
    assert [turn["edited"] for turn in turns] == [[], *[["p1"]] * 7, [], []]
    assert turns[4]["answer"] == "I took back: blur (e1)."
    assert "cannot change a picture like that" in turns[8]["answer"]
    assert "2 red boxes" in turns[9]["answer"]
    blurred, gray, all_three, without_blur = (pixels_of(turns[number]) for number in (1, 2, 3, 4))
    assert len(set(gray[30, 10].tolist())) == 1
    assert np.array_equal(gray[45:], blurred[45:])
    original = np.asarray(Image.open(picture))
    assert np.array_equal(without_blur[45:], original[45:])
    assert np.array_equal(without_blur[30, 8:28], all_three[30, 8:28])
    for turn, as_it_was in ((5, all_three), (6, gray), (7, blurred)):
        assert np.array_equal(pixels_of(turns[turn]), as_it_was)


def test_chat_changes_edits_by_talking(run: Run, picture: Path, tmp_path: Path) -> None:
    turns = chat(
        *(run, picture, tmp_path, "make the blue box green", "make it yellow", "darken it", "a bit less", "even less"),
        *("move it 12 pixels down", "a bit more to the left", "put the darkening first", "show me the original"),
    )
    answers = [turn["answer"] for turn in turns]
    assert answers == [
        "I recoloured 1 blue box: m1 (green).",
        "I changed the recolouring: 1 blue box: m1 (yellow).",
        "I made 1 blue box darker: m1.",
        "I changed the darkening: 1 blue box: m1 (strength 30 %).",
        "I changed the darkening: 1 blue box: m1 (strength 10 %).",
        "I moved 1 blue box: m1 (12 px down).",
        "I changed the move: 1 blue box: m1 (5 px to the left).",
        "The edits are done in this order now: darkening (e5), recolouring (e2) and move (e7).",
        "I took back: darkening (e5), recolouring (e2) and move (e7). The picture is as it was.",
    ]
    original = np.asarray(Image.open(picture)).astype(int)
    green, yellow, dark, lighter = (pixels_of(turns[number]).astype(int) for number in range(4))
    red, grass, blue = green[30, 78]
    assert grass > max(red, blue)
    assert min(yellow[30, 78, :2]) > yellow[30, 78, 2]
    assert dark[30, 78].sum() < lighter[30, 78].sum() < yellow[30, 78].sum()
    moved = pixels_of(turns[6]).astype(int)
    assert moved[48, 70, 0] > moved[48, 70, 2] + 50, "it is yellow where it was moved to"
    assert np.array_equal(moved[:, :50], original[:, :50])
    assert turns[8]["edited"] == []


def test_chat_applies_an_edit_to_other_things_by_talking(run: Run, picture: Path, tmp_path: Path) -> None:
    turns = chat(
        *(
            run,
            picture,
            tmp_path,
            "make the red boxes gray",
            "only the left one",
            "the blue box too",
            "@18,30 not that one",
        ),
        "how many now?",
    )
    original = np.asarray(Image.open(picture))
    boxes = {"left": (30, 18), "right": (30, 50), "blue": (30, 78)}
    gray = [
        {name for name, spot in boxes.items() if not np.array_equal(pixels_of(turn)[spot], original[spot])}
        for turn in turns[:4]
    ]
    assert gray == [{"left", "right"}, {"left"}, {"left", "blue"}, {"blue"}]
    assert turns[1]["answer"] == "I changed the grayscale: 1 red box: m1."


def test_annotated_picture_shows_the_edits_under_what_is_drawn(run: Run, picture: Path, tmp_path: Path) -> None:
    turns = chat(run, picture, tmp_path, "make everything black and white", "count the red boxes")
    drawn = np.asarray(Image.open(turns[1]["pictures"]["p1"]).convert("RGB")).astype(int)
    background = drawn[45:60, 2:60]
    assert np.abs(background[..., 0] - background[..., 2]).mean() < 4


def test_edit_of_what_is_not_there_says_so_and_writes_no_edit(run: Run, picture: Path) -> None:
    _, out, _ = run("ask", "blur the unicorns", str(picture), *FAKES, "--json")
    said = json.loads(out)
    assert said["answer"] == "I found no unicorns."
    assert said["edited"] == []


@pytest.mark.parametrize("kept", [False, True])
def test_edit_drops_private_metadata_unless_it_is_kept_on_purpose(run: Run, tmp_path: Path, kept: bool) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "a camera", 6
    exif.get_ifd(0x8825)[1] = "N"
    path = tmp_path / "turned.jpg"
    pixels = np.full((64, 96, 3), 128, np.uint8)
    pixels[20:44, 20:60] = (220, 30, 30)
    Image.fromarray(pixels).save(path, exif=exif, quality=95, subsampling=0)
    code, out, err = run("ask", "blur everything", str(path), *FAKES, *(["--keep-metadata"] if kept else []))
    assert code == 0, err
    edited = Image.open(out.strip().splitlines()[-1].removeprefix("Edited picture: "))
    told = edited.getexif()
    assert edited.size == (64, 96), "it is upright"
    assert (told.get(0x010F) == "a camera", 0x8825 in told) == (kept, kept)
    assert told.get(0x0112, 1) == 1, "and not turned again"


def test_edit_with_an_inpainter_that_is_none_says_which_there_are(run: Run, picture: Path) -> None:
    code, _, err = run("ask", "remove the blue box", str(picture), *FAKES, "--inpainter", "magic")
    assert code == 1
    assert "magic" in err
    assert "lama" in err
