"""The command line: what it prints where, its exit codes, and one clear line for everything that goes wrong."""

from __future__ import annotations

import json
import os
import resource
import struct
import subprocess
import sys
import tomllib
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import ConfigError
from agent_tools.masks import Mask
from tests.workflows.conftest import Run
from workflows import cli
from workflows.commands import asking, session, terminal
from workflows.hand_gestures import HandGesture

FAKES = (
    "--detector",
    "agent_tools.services.fakes:FakeDetector",
    "--segmenter",
    "agent_tools.services.fakes:FakeSegmenter",
)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Three red boxes on a top row, two on a bottom row, on white, 320 x 240 pixels."""
    pixels = np.full((240, 320, 3), 255, np.uint8)
    for x, y in ((20, 20), (120, 30), (220, 25), (60, 150), (180, 160)):
        pixels[y : y + 40, x : x + 40] = (220, 30, 30)
    path = tmp_path / "boxes.png"
    Image.fromarray(pixels).save(path)
    return path


def test_ask_prints_the_answer_and_the_annotated_picture(run: Run, picture: Path) -> None:
    before = picture.read_bytes()
    code, out, err = run("ask", "count the red boxes", str(picture), *FAKES)
    assert code == 0
    answer, drawn = out.strip().splitlines()
    assert "5 red boxes" in answer
    assert drawn == "Picture: askmask-out/boxes-1.jpg"
    assert Image.open("askmask-out/boxes-1.jpg").size == (320, 240)
    assert "--conversation " in err
    assert picture.read_bytes() == before
    run("ask", "count the red boxes", str(picture), *FAKES)
    assert sorted(path.name for path in Path("askmask-out").iterdir()) == ["boxes-1.jpg", "boxes-2.jpg"], (
        "nothing is overwritten"
    )


def test_ask_json_is_one_object_in_the_shape_that_is_promised(run: Run, picture: Path) -> None:
    code, out, _ = run("ask", "count the red boxes", str(picture), *FAKES, "--json", "--out", "results")
    assert code == 0
    said = json.loads(out)
    assert set(said) == {
        "answer",
        "counts",
        "objects",
        "calls",
        "pictures",
        "edited",
        "conversation",
        "models",
        "seconds",
        "cache",
    }
    assert said["counts"]["red box"]["n"] == 5
    assert set(said["counts"]["red box"]) == {"n", "low", "high", "borderline", "saturated"}
    assert [thing["handle"] for thing in said["objects"]] == ["m1", "m2", "m3", "m4", "m5"]
    for thing in said["objects"]:
        assert set(thing) >= {"handle", "picture", "label", "score", "box", "area", "review", "mask"}
        mask = Mask.from_coco(thing["mask"])
        assert (mask.height, mask.width, mask.area) == (240, 320, thing["area"])
    assert said["calls"] == [{"tool": "count", "arguments": {"phrases": ["red box"]}}]
    assert Path(said["pictures"]["p1"]).parent.name == "results"
    assert Path(said["pictures"]["p1"]).is_file()
    assert len(said["conversation"]) == 32
    assert said["models"] == {"preset": "custom", "detector": FAKES[1], "segmenter": FAKES[3]}
    assert set(said["seconds"]) == {"plan", "detect", "segment", "other"}


def test_ask_for_what_is_not_there_answers_zero_and_succeeds(run: Run, picture: Path) -> None:
    code, out, _ = run("ask", "count the unicorns", str(picture), *FAKES, "--json")
    said = json.loads(out)
    assert code == 0
    assert said["counts"]["unicorn"]["n"] == 0
    assert said["objects"] == []
    assert "no unicorns" in said["answer"]


def test_ask_about_several_pictures_answers_for_each(run: Run, picture: Path, tmp_path: Path) -> None:
    other = tmp_path / "one.png"
    pixels = np.full((100, 100, 3), 255, np.uint8)
    pixels[20:60, 20:60] = (220, 30, 30)
    Image.fromarray(pixels).save(other)
    code, out, _ = run("ask", "count the red boxes", str(picture), str(other), *FAKES, "--json")
    said = json.loads(out)
    assert code == 0
    assert said["counts"]["red box"]["n"] == 6
    assert [Path(path).name for path in said["pictures"].values()] == ["boxes-1.jpg", "one-1.jpg"]
    assert [thing["picture"] for thing in said["objects"]].count("p2") == 1


def test_conversation_goes_on_in_another_run(run: Run, picture: Path) -> None:
    _, out, _ = run("ask", "count the red boxes", str(picture), *FAKES, "--json")
    conversation = json.loads(out)["conversation"]
    _, out, _ = run("ask", "only the top row", "--conversation", conversation, *FAKES, "--json")
    assert [thing["handle"] for thing in json.loads(out)["objects"]] == ["m1", "m2", "m3"]
    _, out, _ = run("ask", "how many now?", "--conversation", conversation, *FAKES)
    assert "3 red boxes" in out


def test_click_cuts_out_what_lies_under_it(run: Run, picture: Path) -> None:
    code, out, _ = run("ask", "segment this thing", str(picture), *FAKES, "--click", "40,40", "--json")
    assert code == 0
    (thing,) = json.loads(out)["objects"]
    assert thing["box"] == [20, 20, 60, 60]


SCRIPT = """# a script
count the red boxes

only the ones on the top row
@40,40 remove this one
:undo
how many now?
"""


def test_chat_script_keeps_count_through_refinement_click_and_undo(run: Run, picture: Path, tmp_path: Path) -> None:
    script = tmp_path / "talk.txt"
    script.write_text(SCRIPT)
    code, out, err = run("chat", str(picture), "--script", str(script), *FAKES, "--json")
    turns = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [turn["request"] for turn in turns][-1] == "how many now?"
    assert [len(turn["objects"]) for turn in turns] == [5, 3, 2, 3, 3]
    conversation = turns[0]["conversation"]
    assert f"conversation {conversation}" in err
    code, out, _ = run("ask", "how many now?", "--conversation", conversation, *FAKES)
    assert "3 red boxes" in out


def test_chat_goes_on_after_a_line_that_fails_and_says_so_in_its_exit_code(
    run: Run, picture: Path, tmp_path: Path
) -> None:
    script = tmp_path / "talk.txt"
    script.write_text("@9999,9999 cut out this\n:sing\n@oops\n:help\ncount the red boxes\n:quit\ncount the red boxes\n")
    code, out, err = run("chat", str(picture), "--script", str(script), *FAKES, "--json")
    turns = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert ["error" in turn for turn in turns] == [True, True, True, False]
    assert "expected :speak FILE, :undo, :redo, :help or :quit" in err
    assert "Try @320,200" in err
    assert asking.HELP in err


@pytest.mark.parametrize(
    ("line", "request_", "gestures"),
    [
        ("count the oranges", "count the oranges", ()),
        ("@12,34.5 remove this one", "remove this one", (HandGesture("point", ((12, 34.5),)),)),
        ("@ 12 , 34", "", (HandGesture("point", ((12, 34),)),)),
        (
            "@1,2 @not:3,4 @5,6,7,8 segment this",
            "segment this",
            (
                HandGesture("point", ((1, 2),)),
                HandGesture("point", ((3, 4),), include=False),
                HandGesture("box", ((5, 6), (7, 8))),
            ),
        ),
        ("@stroke:1,2;3,4; 5,6 this", "this", (HandGesture("stroke", ((1, 2), (3, 4), (5, 6))),)),
        ("@not:polygon:1,2;9,2;5,9", "", (HandGesture("polygon", ((1, 2), (9, 2), (5, 9)), include=False),)),
        ("@click:1,2 3 oranges", "3 oranges", (HandGesture("point", ((1, 2),)),)),
        (":undo", "undo", ()),
    ],
)
def test_line_is_a_request_with_the_gestures_before_it(
    line: str, request_: str, gestures: tuple[HandGesture, ...]
) -> None:
    assert asking.parse_line(line) == (request_, gestures)


@pytest.mark.parametrize(
    "line", ["@oops", "@1 this", "@1,2,3 this", "@polygon:1,2;3,4", "@lasso:1,2;3,4", "@1,2 @x", "@"]
)
def test_line_with_a_gesture_that_is_none_says_how_to_write_one(line: str) -> None:
    with pytest.raises(ConfigError, match=r"^line=@.* is not a gesture: expected @x,y words, .* Try @320,200 remove"):
        asking.parse_line(line)


@pytest.mark.parametrize(
    ("options", "boxes"),
    [
        (("--box", "15,15,65,65"), [[20, 20, 60, 60]]),
        (("--stroke", "30,40 50,40"), [[20, 20, 60, 60]]),
        (("--polygon", "18,18 62,18 62,62 18,62"), [[20, 20, 60, 60]]),
        (("--click", "40,40", "--click", "140,50"), [[20, 20, 160, 70]]),
        (("--click", "40,40", "--stroke", "130,50 150,50", "--click", "not:140,60"), [[20, 20, 60, 60]]),
        (("--click", "40,40", "--box", "not:40,0,300,200"), [[20, 20, 40, 60]]),
    ],
)
def test_every_gesture_points_from_the_command_line(
    run: Run, picture: Path, options: tuple[str, ...], boxes: list[list[int]]
) -> None:
    code, out, _ = run("ask", "segment this thing", str(picture), *FAKES, *options, "--json")
    assert code == 0
    assert [thing["box"] for thing in json.loads(out)["objects"]] == boxes


def test_strokes_in_a_chat_correct_a_mask(run: Run, picture: Path, tmp_path: Path) -> None:
    script = tmp_path / "talk.txt"
    script.write_text("@40,40 segment this\n@stroke:125,50;150,50 add this part\n@not:box:0,0,40,240 not this part\n")
    code, out, _ = run("chat", str(picture), "--script", str(script), *FAKES, "--json")
    turns = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [turn["objects"][0]["box"] for turn in turns] == [[20, 20, 60, 60], [20, 20, 160, 70], [40, 20, 160, 70]]
    assert turns[2]["calls"][0]["arguments"]["point"] == "g3"


def test_plan_prints_calls_and_loads_nothing(run: Run) -> None:
    code, out, _ = run("plan", "count the red apples", "--json")
    assert code == 0
    assert json.loads(out) == {"calls": [{"tool": "count", "arguments": {"phrases": ["red apple"]}}], "reply": None}
    assert run("plan", "count the red apples")[1] == "count(phrases=['red apple'])\n"


def test_plan_reads_what_is_known_already(run: Run, tmp_path: Path) -> None:
    known = {
        "picture": {"width": 640, "height": 480},
        "objects": [{"handle": "m1", "label": "apple", "score": 0.9, "box": [0, 0, 10, 10], "turn": 1}],
        "selection": ["m1"],
        "click": None,
        "undo": 1,
        "redo": 0,
    }
    (tmp_path / "known.json").write_text(json.dumps(known))
    code, out, _ = run("plan", "undo", "--context", "known.json", "--json")
    assert code == 0
    assert json.loads(out)["calls"][0]["tool"] == "undo"
    (tmp_path / "known.json").write_text('{"objects": [{"handle": 3}]}')
    code, _, err = run("plan", "undo", "--context", "known.json")
    assert code == 1
    assert "does not fit at objects.0.handle" in err
    assert run("plan", "undo", "--context", "nowhere.json")[0] == 1


def test_models_lists_every_preset_and_the_default(run: Run) -> None:
    code, out, _ = run("models", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert set(rows) == {"demo", "fast", "base", "best"}
    assert [name for name, row in rows.items() if row["default"]] == ["demo"]
    assert run("models", "list", "--json")[1] == out
    assert "askmask models get PRESET" in run("models")[1]


def test_demo_preset_is_announced_with_the_step_to_better_ones() -> None:
    notice = session.Choice(models="demo").notice()
    assert notice is not None
    assert "\n" not in notice
    assert "askmask models get base" in notice
    assert "demo segmenter" in (session.Choice(models="demo", detector="a/b").notice() or "")
    assert session.Choice(models="demo", detector="a/b", segmenter="c/d").notice() is None
    assert session.Choice(models="base").notice() is None


def test_doctor_reports_and_never_shows_a_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    code, out, err = run("doctor", "--json")
    report = json.loads(out)
    checks = {check["name"]: check for check in report["checks"]}
    assert code == (0 if report["ok"] else 1)
    assert report["ok"] == all(check["ok"] for check in report["checks"] if check["required"])
    assert all(checks[name]["ok"] for name in ("python", "torch", "device", "precision", "data folder", "font"))
    assert checks["key OPENAI_API_KEY"]["found"] == "yes"
    assert all(check["ok"] or check["step"] for check in report["checks"])
    offered = tomllib.loads((Path(cli.__file__).parents[1] / "pyproject.toml").read_text())["project"]
    extras = {name.removeprefix("extra ") for name in checks if name.startswith("extra ")}
    assert extras <= set(offered["optional-dependencies"])
    assert "very-secret" not in out + err


def test_doctor_finds_a_data_folder_that_cannot_be_written(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_tools.settings import settings

    Path("file").write_text("")
    monkeypatch.setenv("ASKMASK_DATA_DIR", str(Path("file/data").absolute()))
    settings.cache_clear()
    code, out, _ = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 1
    assert not checks["data folder"]["ok"]
    assert "ASKMASK_DATA_DIR" in checks["data folder"]["step"]


def bomb() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(2000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def jpeg() -> bytes:
    target = BytesIO()
    Image.effect_noise((320, 240), 50).save(target, "JPEG")
    return target.getvalue()


BAD = {
    "a missing file": (("ask", "count", "missing.jpg"), 1, "does not exist"),
    "text named .jpg": (("ask", "count", "text.jpg"), 1, "is text, not a picture"),
    "a truncated JPEG": (("ask", "count", "cut.jpg"), 1, "is cut off"),
    "an empty file": (("ask", "count", "empty.jpg"), 1, "is empty"),
    "a bomb": (("ask", "count", "bomb.png"), 1, "ASKMASK_MAX_MEGAPIXELS"),
    "a folder without pictures": (("ask", "count", "folder"), 1, "holds no picture"),
    "an empty request": (("ask", " ", "good.jpg"), 2, "Try askmask ask"),
    "no request": (("ask",), 2, "expected a sentence. Try askmask ask"),
    "no picture": (("ask", "count the oranges"), 2, "PICTURE is missing"),
    "a click that is none": (("ask", "this", "good.jpg", "--click", "1,2,3"), 2, "Try --click 320,200"),
    "a click that is not a number": (("ask", "this", "good.jpg", "--click", "nan,2"), 2, "Try --click"),
    "a box that is none": (("ask", "this", "good.jpg", "--box", "1,2,3"), 2, "Try --box 20,20,120,90"),
    "a stroke that is none": (("ask", "this", "good.jpg", "--stroke", "1,2 x"), 2, "Try --stroke '20,30 40,35 60,30'"),
    "a polygon of two corners": (("ask", "this", "good.jpg", "--polygon", "not:1,2 3,4"), 2, "Try --polygon '10,10"),
    "a click outside": (("ask", "cut out this", "good.jpg", "--click", "999,2", *FAKES), 1, "outside"),
    "an unknown option": (("ask", "count", "good.jpg", "--modles", "demo"), 2, "--modles"),
    "an unknown command": (("aks", "count"), 2, "aks"),
    "an unknown preset": (("ask", "count the dogs", "good.jpg", "--models", "bset"), 1, "Did you mean best?"),
    "an unknown preset to fetch": (("models", "get", "huge"), 1, "is not a preset"),
    "an unreachable hub id": (
        ("ask", "count the dogs", "good.jpg", "--detector", "nobody/nothing", "--segmenter", FAKES[3]),
        1,
        "--models demo",
    ),
    "a factory that is not there": (
        ("ask", "count the dogs", "good.jpg", "--detector", "nowhere.py:factory", "--segmenter", FAKES[3]),
        1,
        "nowhere.py",
    ),
    "an unknown conversation": (("ask", "undo", "--conversation", "12ab"), 1, "conversation=12ab"),
    "a script that is not there": (("chat", "good.jpg", "--script", "none.txt"), 1, "script=none.txt"),
    "an empty plan": (("plan", ""), 2, "is empty"),
    "a file where the folder should be": (
        ("ask", "count the red boxes", "good.jpg", *FAKES, "--out", "text.jpg"),
        1,
        "--out DIR",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_line_that_names_the_next_step(what: str, run: Run, tmp_path: Path) -> None:
    arguments, wanted, message = BAD[what]
    good = jpeg()
    for name, data in {
        "text.jpg": b"hello there\n",
        "cut.jpg": good[: len(good) // 2],
        "empty.jpg": b"",
        "bomb.png": bomb(),
        "good.jpg": good,
    }.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    code, out, err = run(*arguments)
    lines = [line for line in err.splitlines() if not line.startswith("askmask: using the bundled demo")]
    assert code == wanted
    assert message in lines[-1]
    assert lines[-1].startswith("askmask: ")
    assert "Traceback" not in err
    assert len([line for line in lines if "looking" not in line]) == 1
    code, out, err = run(*arguments, "--json")
    assert code == wanted
    error = json.loads(out.splitlines()[-1])["error"]
    assert set(error) == {"type", "message"}
    assert message in err


def test_folder_that_cannot_be_written_is_refused_before_any_model_runs(
    run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("")
    monkeypatch.setattr("agent_tools.services.presets.load_services", lambda **_: pytest.fail("a model was loaded"))
    for folder in ("file", "file/below"):
        code, _, err = run("ask", "count the red boxes", str(picture), *FAKES, "--out", folder)
        assert code == 1
        assert f"out={folder} cannot be written (not a folder)" in err
    Path("closed").mkdir()
    real = os.access  # root may write anywhere
    monkeypatch.setattr("os.access", lambda path, mode: real(path, mode) and (not mode or Path(path).name != "closed"))
    assert "(Permission denied)" in run("ask", "count", str(picture), *FAKES, "--out", "closed/new")[2]
    assert not Path("closed/new").exists()


def test_defect_is_one_line_without_debug_and_a_traceback_with_it(
    run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("oh no")

    monkeypatch.setattr(asking, "opened", broken)
    code, _, err = run("ask", "count", str(picture), *FAKES)
    assert code == 1
    assert err == "askmask: ZeroDivisionError: oh no This is a defect of askmask; --debug shows where.\n"
    with pytest.raises(ZeroDivisionError):
        run("ask", "count", str(picture), *FAKES, "--debug")


def test_interrupt_ends_quietly_with_130(run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(asking, "opened", interrupted)
    code, out, err = run("ask", "count", str(picture), *FAKES)
    assert (code, out, err.strip()) == (130, "", "")


@pytest.mark.parametrize(("given", "used"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_torch_threads_sleep_while_they_wait_unless_told_otherwise(given: str | None, used: str) -> None:
    # A process of its own: OpenMP reads its environment once, when torch brings it in.
    policy = {} if given is None else {"OMP_WAIT_POLICY": given}
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    told = subprocess.run(
        [sys.executable, "-c", "from workflows import cli; cli.main(['--version']); import torch; torch.ones(9) + 1"],
        env={**inherited, **policy, "OMP_DISPLAY_ENV": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"OMP_WAIT_POLICY = '{used}'" in told.stderr


def test_trace_shows_calls_and_times_on_stderr(run: Run, picture: Path) -> None:
    _, out, err = run("ask", "count the red boxes", str(picture), *FAKES, "--trace")
    assert "tool count(phrases=['red box'])" in err
    assert "tokens" not in err
    assert "detect" in err
    assert "count(" not in out
    _, out, _ = run("ask", "count the red boxes", str(picture), *FAKES, "--trace", "--json")
    assert [step["kind"] for step in json.loads(out)["trace"]] == ["model", "tool", "result", "model"]


def test_long_work_says_that_it_goes_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PATIENCE_SECONDS", 0.0)
    with terminal.working("looking"):
        __import__("time").sleep(0.05)
    assert capsys.readouterr().err.startswith("askmask: looking ...\naskmask: looking: ")
    monkeypatch.setattr(terminal, "PATIENCE_SECONDS", 60.0)
    with terminal.working("looking"):
        pass
    assert capsys.readouterr().err == ""


def test_write_new_never_overwrites_and_keeps_names_harmless(tmp_path: Path) -> None:
    names = [session.write_new(tmp_path, name, b"x").name for name in ("a.png", "a.jpg", "../../etc/a", "", "..")]
    assert names == ["a-1.jpg", "a-2.jpg", "a-3.jpg", "picture-1.jpg", "picture-2.jpg"]


def outside(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "workflows.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload]


def test_help_is_quick_and_names_every_command() -> None:
    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    seconds = []
    for _ in range(3):
        before = spent()
        done = outside("--help")
        seconds.append(spent() - before)
        assert done.returncode == 0
    assert all(command in done.stdout for command in ("ask", "chat", "demo", "plan", "models", "doctor"))
    # Processor time: the wall clock of a busy machine says nothing about us.
    assert min(seconds) < 0.5


def test_help_imports_no_heavy_library() -> None:
    program = (
        "import sys; from workflows.cli import main; main(['--help']); main(['ask', '--help']);"
        "print('HEAVY', [name for name in ('torch', 'transformers', 'langchain', 'langchain_core', 'gradio', 'cv2',"
        " 'numpy', 'PIL', 'rich', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "HEAVY []" in done.stdout


def test_plan_imports_no_model_library() -> None:
    program = (
        "import sys; from workflows.cli import main; code = main(['plan', 'count the red apples']);"
        "print('HEAVY', code, [name for name in ('torch', 'transformers', 'gradio') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "HEAVY 0 []" in done.stdout


def test_exit_codes_leave_the_process(tmp_path: Path) -> None:
    missing = outside("ask", "count the oranges", str(tmp_path / "missing.jpg"))
    assert missing.returncode == 1
    assert missing.stdout == ""
    assert "does not exist" in missing.stderr
    assert outside("ask").returncode == 2
    assert outside("--version").stdout.startswith("askmask")


def test_reader_that_goes_away_is_no_error() -> None:
    command = [sys.executable, "-m", "workflows.cli", "plan", "count the red apples"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(60) == 141
