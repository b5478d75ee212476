"""``--speak FILE`` and ``:speak FILE``: what was heard is said, may be put right on a terminal, and then acts."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import ToolInputError
from tests.workflows.conftest import Run, run
from workflows.commands import doctor
from workflows.speech.hearing import Heard

__all__ = ["run"]
FAKES = (
    "--detector",
    "agent_tools.services.fakes:FakeDetector",
    "--segmenter",
    "agent_tools.services.fakes:FakeSegmenter",
)


@pytest.fixture
def picture(tmp_path: Path) -> str:
    """Two red boxes on white."""
    pixels = np.full((120, 160, 3), 255, np.uint8)
    pixels[20:60, 20:60] = pixels[20:60, 90:130] = (220, 30, 30)
    Image.fromarray(pixels).save(tmp_path / "boxes.png")
    return str(tmp_path / "boxes.png")


@pytest.fixture(autouse=True)
def ears(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hears the name of the file as what is said in it."""

    def hear(file: Path) -> Heard:
        if file.stem == "noise":
            raise ToolInputError("audio= holds no request: expected a sentence. Speak again.")
        return Heard(file.stem.replace("_", " "), "small", 1.0, ("it rained",))

    monkeypatch.setattr("workflows.speech.hearing.hear", hear)


def test_ask_acts_on_what_is_spoken_and_says_it(run: Run, picture: str) -> None:
    code, out, err = run("ask", "--speak", "count_the_red_boxes.wav", picture, *FAKES)
    assert code == 0
    assert "2 red boxes" in out
    assert "askmask: heard: count the red boxes" in err
    assert "askmask: it rained" in err


def test_ask_json_tells_what_was_heard_by_whom(run: Run, picture: str) -> None:
    _, out, _ = run("ask", picture, "--speak", "count_the_red_boxes.wav", "--json", *FAKES)
    said = json.loads(out)
    assert said["heard"] == {"text": "count the red boxes", "recogniser": "small"}
    assert said["counts"]["red box"]["n"] == 2
    _, out, _ = run("ask", "count the red boxes", picture, "--json", *FAKES)
    assert "heard" not in json.loads(out)


def test_ask_in_which_nothing_is_heard_is_one_error(run: Run, picture: str) -> None:
    code, out, err = run("ask", "--speak", "noise.wav", picture, *FAKES)
    assert (code, out) == (1, "")
    assert "holds no request" in err


@pytest.mark.parametrize("arguments", [("ask",), ("ask", "--speak", "x.wav")])
def test_ask_without_what_it_needs_is_wrong_usage(run: Run, arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "expected" in err


def test_chat_hears_files_between_lines_and_gestures_before_them(run: Run, picture: str, tmp_path: Path) -> None:
    script = tmp_path / "script.txt"
    script.write_text("@40,40 :speak not_that_one.wav\n:speak noise.wav\n:speak\nundo\n")
    code, out, err = run(
        "chat", picture, "--speak", "count_the_red_boxes.wav", "--script", str(script), "--json", *FAKES
    )
    turns = [json.loads(line) for line in out.splitlines()]
    assert [turn.get("heard", {}).get("text") for turn in turns] == [
        "count the red boxes",
        "not that one",
        None,
        None,
        None,
    ]
    assert [call["tool"] for call in turns[1]["calls"]] == ["select"]
    assert "error" in turns[2]
    assert "names no file" in turns[3]["error"]["message"]
    assert code == 1
    assert "heard: not that one" in err


_ON_A_TERMINAL = """
import sys
from pathlib import Path
import workflows.speech.hearing as ears
ears.hear = lambda file: ears.Heard("count the oranges", "small", 1.0)
from workflows.commands.hearing import listen
print("GOT", repr(listen(Path("x.wav")).text), flush=True)
"""


@pytest.mark.parametrize(
    ("typed", "left"),
    {
        b"\r": "count the oranges",
        b"\x7f" * len("oranges") + b"lemons\r": "count the lemons",
        b"\x15\r": "",
        b"\x15\x04": "",
    }.items(),
)
def test_on_a_terminal_what_was_heard_can_be_put_right(typed: bytes, left: str) -> None:
    """Enter accepts, typing corrects, an emptied line or the end of input cancels."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        [sys.executable, "-c", _ON_A_TERMINAL], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as child:
        os.close(theirs)
        try:
            shown = _typed_into(ours, typed)
        finally:
            child.kill()
    os.close(ours)
    assert f"GOT {left!r}" in shown.decode(), shown


def _typed_into(terminal: int, typed: bytes) -> bytes:
    """Types once the words are shown; everything that the terminal shows."""
    shown, sent = b"", False
    while not (b"GOT" in shown and shown.endswith(b"\n")):
        ready, _, _ = select.select([terminal], [], [], 60)
        assert ready, shown
        try:
            shown += os.read(terminal, 1000)
        except OSError:  # the program has ended
            break
        if not sent and b"count the oranges" in shown:
            os.write(terminal, typed)
            sent = True
    return shown


@pytest.mark.parametrize(
    ("hears", "ok", "found"),
    [("small", True, "small hears"), (None, False, "nothing hears"), ("openai:x", True, "leaves this machine")],
)
def test_doctor_says_what_can_hear(monkeypatch: pytest.MonkeyPatch, hears: str | None, ok: bool, found: str) -> None:
    monkeypatch.setattr("workflows.speech.hearing.available", lambda: hears)
    check = doctor._speech()
    assert check.ok is ok
    assert found in check.found
