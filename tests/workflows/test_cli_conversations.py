"""`askmask conversations`, `askmask export`, and what doctor says of the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agent_tools.exporting import KINDS
from agent_tools.masks import Mask
from agent_tools.memory import Memory
from agent_tools.memory.schema import VERSION
from agent_tools.pictures import Picture
from agent_tools.settings import settings
from tests.workflows.conftest import Run
from workflows.commands import conversations


@pytest.fixture
def kept() -> str:
    """A conversation about two things, one of them selected, one without a mask."""
    with Memory() as memory:
        conversation = memory.create()
        with memory.turn(conversation, "count  the\noranges") as turn:
            turn.open_picture(Picture.from_array(np.zeros((8, 8, 3), np.uint8), "shelf.png"))
            turn.add_object(picture="p1", label="orange", score=0.5, mask=Mask.from_array(np.eye(8)))
            turn.add_object(picture="p1", label="orange", score=0.5, box=(1, 1, 4, 4))
            turn.select(["m1"])
            turn.answer = "Two."
    return conversation


def test_conversations_are_listed_with_size_and_last_words(run: Run, kept: str) -> None:
    code, out, err = run("conversations")
    head, line = out.strip().splitlines()
    assert code == 0
    assert head.split("  ")[0] == "conversation"
    assert line.startswith(f"{kept}  ")
    assert line.endswith("count the oranges")
    assert "1 conversation; their pictures take 0.0 MB of 20 GB" in err
    (said,) = json.loads(run("conversations", "list", "--json")[1])
    assert (said["id"], said["turns"], said["pictures"]) == (kept, 1, 1)
    assert said["picture_bytes"] > 50
    assert said["last_used"].endswith("+00:00")


def test_conversations_of_an_empty_store_are_none(run: Run) -> None:
    code, out, err = run("conversations")
    assert (code, out) == (0, "")
    assert "0 conversations" in err
    assert run("conversations", "--json")[1] == "[]\n"


def test_forget_erases_what_is_named_and_nothing_else(run: Run, kept: str) -> None:
    with Memory() as memory:
        other = memory.create()
    code, out, _ = run("conversations", "forget", kept, "--yes")
    assert (code, out) == (0, f"Forgotten: {kept}\n")
    with Memory() as memory:
        assert [one.id for one in memory.conversations()] == [other]
        assert memory.picture_bytes() == 0


def test_forget_of_an_unknown_id_erases_nothing(run: Run, kept: str) -> None:
    code, _, err = run("conversations", "forget", kept, "0" * 32, "--yes")
    assert code == 1
    assert "is not here" in err
    assert json.loads(run("conversations", "--json")[1])[0]["id"] == kept


def test_forget_older_than_goes_by_the_last_use(run: Run, kept: str) -> None:
    assert run("conversations", "forget", "--older-than", "30", "--yes")[1] == "Nothing to forget.\n"
    with sqlite3.connect(settings().data_dir / "conversations.sqlite3") as connection:
        connection.execute("UPDATE conversations SET created = created - 40 * 86400")
    assert json.loads(run("conversations", "forget", "--older-than", "30", "--yes", "--json")[1]) == {"forgotten": []}
    with sqlite3.connect(settings().data_dir / "conversations.sqlite3") as connection:
        connection.execute("UPDATE turns SET committed = committed - 40 * 86400")
    assert json.loads(run("conversations", "forget", "--older-than", "30", "--yes", "--json")[1]) == {
        "forgotten": [kept]
    }


def test_forget_without_yes_asks_and_takes_no_for_an_answer(
    run: Run, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run("conversations", "forget", kept)
    assert code == 2
    assert "--yes is missing" in err
    asked: list[str] = []
    conversations.forget([kept], None, lambda question: bool(asked.append(question)), as_json=False)
    out, err = capsys.readouterr()
    assert asked == ["Erase 1 conversation?"]
    assert (out, kept in err, "nothing was erased" in err) == ("Nothing to forget.\n", True, True)
    conversations.forget([kept], None, lambda question: True, as_json=False)
    assert capsys.readouterr().out == f"Forgotten: {kept}\n"


@pytest.mark.parametrize(
    "arguments", [("forget",), ("forget", "--older-than", "-1"), ("export",), ("import",), ("remember",)]
)
def test_conversations_used_the_wrong_way_exit_with_two(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("conversations", *arguments)[0] == 2


def test_conversation_is_exported_and_imported(run: Run, kept: str) -> None:
    code, out, err = run("conversations", "export", kept, "talk.zip", "--json")
    assert code == 0
    assert json.loads(out)["bytes"] == Path("talk.zip").stat().st_size
    code, _, err = run("conversations", "export", kept, "talk.zip")
    assert code == 1
    assert "is there already" in err
    assert run("conversations", "forget", kept, "--yes")[0] == 0
    code, out, err = run("conversations", "import", "talk.zip")
    assert (code, out) == (0, f"Imported: {kept}\n")
    assert f"--conversation {kept}" in err
    new = json.loads(run("conversations", "import", "talk.zip", "--json")[1])["conversation"]
    assert new != kept
    with Memory() as memory:
        assert memory.state(new).selection == ("m1",)
    Path("talk.zip").write_bytes(b"PK")
    assert run("conversations", "import", "talk.zip")[0] == 1


@pytest.mark.parametrize(("options", "count"), [((), 1), (("--all",), 2)])
def test_export_writes_the_selection_or_all_and_says_what_was_left_out(
    run: Run, kept: str, options: tuple[str, ...], count: int
) -> None:
    code, out, _ = run("export", kept, "masks", "--out", "found", *options)
    assert code == 0
    written, *left_out = out.strip().splitlines()
    assert written.startswith(f"Written: {count} object{'' if count == 1 else 's'} as masks, ")
    assert len(left_out) == count - 1
    assert all(line.startswith("Left out: m2 of shelf: ") for line in left_out)
    assert Path("found/askmask-export.json").is_file()
    said = json.loads(run("export", kept, "csv", "--out", "table", *options, "--json")[1])
    assert said["objects"] == count
    assert all(Path(path).is_file() for path in said["files"])


def test_export_names_every_format_in_its_help(run: Run) -> None:
    said = " ".join(run("export", "--help")[1].replace("│", " ").split())
    assert [kind for kind in KINDS if kind not in said.replace("- ", "-")] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("ID", "coco"), 2, "--out"),
        (("ID", "cocoa", "--out", "x"), 1, "kind='cocoa' is unknown"),
        (("0" * 32, "coco", "--out", "x"), 1, "is not here"),
    ],
)
def test_export_that_cannot_be_says_why(
    run: Run, kept: str, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = run("export", *(kept if part == "ID" else part for part in arguments))
    assert done[0] == code
    assert message in done[2]
    assert not Path("x").exists()


def test_export_of_an_empty_selection_points_to_all(run: Run, kept: str) -> None:
    with Memory() as memory, memory.turn(kept) as turn:
        turn.select([])
    code, _, err = run("export", kept, "coco", "--out", "x")
    assert code == 1
    assert "--all" in err


def store_check(out: str) -> dict[str, object]:
    (check,) = (check for check in json.loads(out)["checks"] if check["name"] == "store")
    return check


def test_doctor_says_what_the_store_holds(run: Run, kept: str) -> None:
    check = store_check(run("doctor", "--json")[1])
    assert check["ok"] is True
    assert str(check["found"]).startswith(f"version {VERSION}, 1 conversations, pictures 0 of 20000 MB: ")


def broken(_: pytest.MonkeyPatch) -> None:
    settings().data_dir.mkdir(exist_ok=True)
    (settings().data_dir / "conversations.sqlite3").write_bytes(b"no database" * 100)


def newer(_: pytest.MonkeyPatch) -> None:
    Memory().close()
    with sqlite3.connect(settings().data_dir / "conversations.sqlite3") as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")


def away(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setenv("ASKMASK_STORE", "postgresql://me:very-secret@127.0.0.1:1/askmask")


def full(monkeypatch: pytest.MonkeyPatch) -> None:
    with Memory() as memory, memory.turn(memory.create()) as turn:
        turn.open_picture(Picture.from_array(np.zeros((8, 8, 3), np.uint8)))
    monkeypatch.setenv("ASKMASK_MAX_PICTURES_GIGABYTES", "1e-12")


@pytest.mark.parametrize(
    ("trouble", "found", "step"),
    [
        (broken, "not readable as a conversation store", "Follow the message"),
        (newer, f"is of version 99: expected {VERSION}", "Follow the message"),
        (away, "postgresql://me@127.0.0.1:1/askmask cannot be reached", "Follow the message"),
        (full, "1 conversations", "conversations forget --older-than"),
    ],
)
def test_doctor_finds_a_store_that_does_not_work(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[pytest.MonkeyPatch], None],
    found: str,
    step: str,
) -> None:
    trouble(monkeypatch)
    settings.cache_clear()
    code, out, err = run("doctor", "--json")
    check = store_check(out)
    assert (code, check["ok"]) == (1, False)
    assert found in str(check["found"])
    assert step in str(check["step"])
    assert "very-secret" not in out + err
