"""Edits of one picture, done to others: `askmask recipe` and `askmask apply`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.workflows.conftest import Run
from tests.workflows.test_cli_edits import FAKES

RED, BLUE = (220, 30, 30), (30, 60, 220)


def paint(path: Path, *boxes: tuple[int, tuple[int, int, int]], size: int = 1) -> Path:
    """Boxes at x, on noisy gray, 96 x 64 pixels times `size`."""
    pixels = np.random.default_rng(len(boxes)).integers(100, 156, (64, 96, 3)).astype(np.uint8)
    for x, colour in boxes:
        pixels[20:40, x : x + 20] = colour
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels.repeat(size, 0).repeat(size, 1)).save(path)
    return path


def made(run: Run, tmp_path: Path, *lines: str) -> dict[str, Any]:
    """The recipe of a conversation about two red boxes and a blue one, as in the file ``recipe.json``."""
    picture = paint(tmp_path / "first.png", (8, RED), (40, RED), (68, BLUE))
    script = tmp_path / "script.txt"
    script.write_text("\n".join(lines))
    code, out, _ = run("chat", str(picture), "--script", str(script), "--json", *FAKES)
    assert code == 0, out
    conversation = json.loads(out.splitlines()[-1])["conversation"]
    code, out, _ = run("recipe", conversation)
    assert code == 0
    (tmp_path / "recipe.json").write_text(out)
    return json.loads(out)


def apply(run: Run, *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    code, out, _ = run("apply", "recipe.json", *map(str, arguments), "--json", *FAKES)
    return code, json.loads(out.splitlines()[0]) if out.startswith("[") else []


def test_recipe_says_how_things_were_found_and_narrowed(run: Run, tmp_path: Path) -> None:
    recipe = made(run, tmp_path, "count the red boxes", "only the leftmost", "blur the rest")
    assert recipe["steps"] == [
        {
            "action": "blur",
            "find": [{"phrases": ["red box"]}, {"where": {"extreme": "leftmost"}}],
            "invert": True,
        }
    ]


def test_recipe_does_to_another_picture_what_was_done_to_the_first(run: Run, tmp_path: Path) -> None:
    made(run, tmp_path, "count the red boxes", "only the leftmost", "turn it gray")
    other = paint(tmp_path / "others" / "second.png", (4, BLUE), (30, RED), (60, RED))
    before = other.read_bytes()
    code, lines = apply(run, tmp_path / "others")
    assert (code, len(lines)) == (0, 1)
    pixels, original = np.asarray(Image.open(lines[0]["file"])), np.asarray(Image.open(other))
    changed = (pixels != original).any(2)
    inside = np.zeros_like(changed)
    inside[20:40, 30:50] = True
    assert (changed == inside).all()
    assert other.read_bytes() == before


def test_recipe_leaves_out_what_finds_nothing_and_never_takes_all_for_it(run: Run, tmp_path: Path) -> None:
    made(run, tmp_path, "count the red boxes", "blur the rest")
    paint(tmp_path / "others" / "blue.png", (30, BLUE))
    code, lines = apply(run, tmp_path / "others")
    assert code == 0
    assert lines[0]["left_out"] == ["blur: no red box found"]
    assert "file" not in lines[0]


def test_recipe_is_not_done_twice_unless_asked_for(run: Run, tmp_path: Path) -> None:
    made(run, tmp_path, "blur the red boxes")
    paint(tmp_path / "others" / "a.png", (30, RED))
    first = apply(run, tmp_path / "others")[1][0]
    again = apply(run, tmp_path / "others")[1][0]
    assert again["done_before"]
    assert again["file"] == first["file"]
    Path(first["file"]).unlink()
    assert "done_before" not in apply(run, tmp_path / "others")[1][0]
    assert "done_before" not in apply(run, tmp_path / "others", "--again")[1][0]


def test_recipe_goes_on_past_a_broken_picture_and_says_so(run: Run, tmp_path: Path) -> None:
    made(run, tmp_path, "blur the red boxes")
    whole = paint(tmp_path / "others" / "b.png", (30, RED))
    (tmp_path / "others" / "a.png").write_bytes(whole.read_bytes()[:200])
    code, out, err = run("apply", "recipe.json", str(tmp_path / "others"), *FAKES)
    assert code == 1
    assert "a.png: picture=a.png is cut off" in out
    assert "b-edited-1.png" in out
    assert "1 of 2 could not be done" in err


def test_recipe_of_things_chosen_by_hand_says_what_it_takes_instead(run: Run, tmp_path: Path) -> None:
    recipe = made(run, tmp_path, "count the red boxes", "@50,30 pixelate this one")
    assert recipe["steps"][0]["find"] == [{"phrases": ["red box"]}]
    assert "chosen by hand" in recipe["steps"][0]["note"]


def test_recipe_leaves_out_what_was_undone(run: Run, tmp_path: Path) -> None:
    recipe = made(run, tmp_path, "blur the red boxes", "undo", "count the blue boxes", "turn them gray")
    assert [step["action"] for step in recipe["steps"]] == ["grayscale"]
    assert recipe["steps"][0]["find"] == [{"phrases": ["blue box"]}]


def test_recipe_lengths_grow_with_the_picture(run: Run, tmp_path: Path) -> None:
    recipe = made(run, tmp_path, "find the blue box", "move it 5 pixels up")
    assert recipe["steps"][0]["parameters"]["dy"] == -5
    paint(tmp_path / "others" / "large.png", (68, BLUE), size=2)
    _, lines = apply(run, tmp_path / "others")
    assert "dy -10" in lines[0]["done"][0]


def test_recipe_of_a_conversation_without_edits_is_refused(run: Run, tmp_path: Path) -> None:
    picture = paint(tmp_path / "first.png", (8, RED))
    _, out, _ = run("ask", "count the red boxes", str(picture), "--json", *FAKES)
    code, _, err = run("recipe", json.loads(out)["conversation"])
    assert code == 1
    assert "Edit it first" in err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "none"),
        ("[]", "none"),
        ('{"askmask_recipe": 1, "width": 9, "height": 9, "steps": []}', "steps"),
        ('{"askmask_recipe": 2, "width": 9, "height": 9, "steps": [{"action": "blur"}]}', "askmask_recipe"),
        ('{"askmask_recipe": 1, "width": 9, "height": 9, "steps": [{"action": "explode"}]}', "explode"),
        (
            '{"askmask_recipe": 1, "width": 9, "height": 9, "steps": [{"action": "blur", "parameters": {"dx": 4}}]}',
            "dx",
        ),
    ],
)
def test_recipe_that_is_none_is_refused_before_any_picture(run: Run, tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "recipe.json").write_text(text)
    code, _, err = run("apply", "recipe.json", str(paint(tmp_path / "a.png", (8, RED))), *FAKES)
    assert code == 1
    assert told in err
    assert not Path("askmask-out").exists()
