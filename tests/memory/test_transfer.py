"""A conversation in one file: what it keeps, what is refused, what a failure leaves."""

import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, true

from agent_tools.errors import ConfigError, MemoryStoreError
from agent_tools.memory import Alternative, CallRecord, Memory, archives, json_rows
from agent_tools.pictures import Picture
from agent_tools.settings import settings

Store = Any  # either kind in conftest.py
Edit = Callable[[dict[str, Any]], None]


def talk(memory: Memory, mask: Any, picture: Any) -> str:
    """A conversation with something of everything: branches, undone turns, a forgotten object, two pictures."""
    conversation = memory.create()
    with memory.turn(conversation, "count the oranges", (3, 4.5)) as turn:
        turn.open_picture(picture(100))
        turn.open_picture(picture(200), make_current=False)
        turn.add_gesture("p1", "stroke", [(1, 1), (2.25, 3)])
        for seed in range(4):
            prompts = [{"phrase": "orange", "chance": 0.7}, {"box": [0, 0, 4, 4.5]}]
            turn.add_object(
                picture="p1", label="orange", score=0.1 + 0.2, mask=mask(seed % 2), prompts=prompts, model="test"
            )
        choice = (Alternative(mask(0), 0.9, 0.8), Alternative(mask(1), 0.5, 0.25))
        turn.revise("m3", mask=mask(0), alternatives=choice)
        turn.add_object(picture="p2", label="sticker", box=(0, 0, 1, 1), parent=("m4", 1))
        turn.select(["m1", "m2"])
        thing = {"handle": "m1", "mask": turn.state.objects["m1"].mask.to_coco()}
        turn.record_call(CallRecord("c1", "count", {"phrases": ["orange"]}, "4 “orange”", {"objects": [thing]}))
        turn.answer = "Four: ½ 🍊"
    for label in ("lemon", "lime"):
        with memory.turn(conversation, label) as turn:
            point = {"points": [[1, 2]], "labels": [0], "gesture": "g1"}
            turn.revise("m1", label=label, mask=mask(7), prompts=[point])
            turn.answer = label
    with memory.turn(conversation, "undo") as turn:
        turn.undo()
    with memory.turn(conversation) as turn:  # a second branch
        turn.revise("m2", label="plum", review=True)
        turn.select(["m2", "m5"])
    with memory.turn(conversation) as turn:
        turn.add_object(picture="p2", label="pear", mask=mask(9), predicted_iou=0.5, stability=0.25)
    with memory.turn(conversation) as turn:
        turn.forget(["m4"])
    with memory.turn(conversation, "undo") as turn:
        turn.undo()
        turn.answer = "Undone."
    with memory.turn(conversation, "blur it") as turn:
        turn.add_edit("p1", "blur", ["m1", "m2"], True, {"strength": 0.25})
    with memory.turn(conversation, "cut it out") as turn:
        turn.add_edit("p1", "cut_out", ["m2"])
    with memory.turn(conversation, "undo") as turn:
        turn.undo()
    return conversation


def everything(memory: Memory, conversation: str) -> tuple[dict[str, Any], Any, list[bytes]]:
    """All that the store holds, but for whose it is, and which revision."""
    head, parts = memory._store.rows(conversation)
    rows = {
        table: [{key: value for key, value in row.items() if key not in ("owner", "conversation")} for row in some]
        for table, some in parts.items()
    }
    pictures = [memory._files.read(row["digest"], "it") for row in parts["pictures"]]
    return {key: head[key] for key in head if key not in ("id", "owner", "revision")}, rows, pictures


def undo_and_redo(memory: Memory, conversation: str) -> list[Any]:
    """What a person sees going all the way back and all the way forth, and which handle is next."""
    seen: list[Any] = []
    for move in ("redo", "undo", "undo", "redo", "redo"):
        with memory.turn(conversation) as turn:
            getattr(turn, move)()
            state = turn.state
            things = {handle: (one.version, one.label, one.mask) for handle, one in state.objects.items()}
            seen.append(
                (
                    things,
                    state.edits,
                    state.selection,
                    state.undo,
                    state.redo,
                    list(state.pictures),
                    list(state.gestures),
                )
            )
    with memory.turn(conversation) as turn:
        seen.append(turn.add_object(picture="p1", label="new", box=(0, 0, 1, 1)))
    return seen


@pytest.fixture
def exported(tmp_path: Path, mask: Any, picture: Any) -> Path:
    with Memory(tmp_path / "origin") as memory:
        return memory.export_conversation(talk(memory, mask, picture), tmp_path / "talk.zip")


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
def test_conversation_carried_to_another_store_goes_on_as_if_it_had_stayed(
    store: Store, to: str, request: pytest.FixtureRequest, tmp_path: Path, mask: Any, picture: Any
) -> None:
    with store.open() as origin:
        conversation = talk(origin, mask, picture)
        file = origin.export_conversation(conversation, tmp_path / "talk.zip")
        told, state, before = origin.history(conversation), origin.state(conversation), everything(origin, conversation)
        went_on = undo_and_redo(origin, conversation)
    if to == "sqlite":
        arrival = Memory(tmp_path / "elsewhere", owner="somebody else")
    else:
        other = request.getfixturevalue("postgres_address")
        with store.open() if store.address else Memory(tmp_path / "x", store=other) as memory:
            for one in memory.conversations():
                memory.erase(one.id)
        arrival = Memory(tmp_path / "elsewhere", "somebody else", store=other)
    with arrival as memory:
        assert memory.import_conversation(file) == conversation
        assert everything(memory, conversation) == before
        assert memory.history(conversation) == told
        carried = memory.state(conversation)
        assert (carried.objects, carried.selection, carried.gestures) == (
            state.objects,
            state.selection,
            state.gestures,
        )
        assert memory.picture(carried.pictures["p2"]).array.max() == 200
        assert undo_and_redo(memory, conversation) == went_on
        assert [one.id for one in memory.conversations()] == [conversation]
        memory.erase(conversation)


def test_export_is_for_its_owner_alone_and_the_same_every_time(exported: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    with Memory(tmp_path / "origin") as memory:
        (known,) = memory.conversations()
        again = memory.export_conversation(known.id, tmp_path / "again.zip")
    assert again.read_bytes() == exported.read_bytes()
    with zipfile.ZipFile(exported) as archive:
        assert archive.testzip() is None
        assert {info.external_attr >> 16 for info in archive.infolist()} == {0o600}


def test_export_overwrites_nothing_and_a_failed_one_leaves_nothing(exported: Path, tmp_path: Path) -> None:
    before = exported.read_bytes()
    with Memory(tmp_path / "origin") as memory:
        (known,) = memory.conversations()
        with pytest.raises(ConfigError, match=r"^file=.* is there already: expected a new file\. Name another"):
            memory.export_conversation(known.id, exported)
        with pytest.raises(ConfigError, match=r"^file=.* cannot be written \(.*\): expected .*\. Make room"):
            memory.export_conversation(known.id, tmp_path / "missing" / "talk.zip")
        next((tmp_path / "origin" / "pictures").iterdir()).unlink()
        with pytest.raises(MemoryStoreError, match="cannot be read back"):
            memory.export_conversation(known.id, tmp_path / "new.zip")
    assert exported.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["origin", "talk.zip"]


def test_conversation_whose_id_is_taken_is_imported_under_a_new_one(memory: Memory, exported: Path) -> None:
    first, second = memory.import_conversation(exported), memory.import_conversation(exported)
    assert first != second
    assert everything(memory, first) == everything(memory, second)
    memory.erase(first)
    assert undo_and_redo(memory, second)[-1] == "m7"
    assert memory.import_conversation(exported) == first


def test_conversation_imported_in_the_place_of_an_erased_one_is_not_taken_for_it(
    memory: Memory, exported: Path
) -> None:
    conversation = memory.import_conversation(exported)
    revision = memory.state(conversation).revision
    memory.erase(conversation)
    memory.import_conversation(exported)
    assert memory.state(conversation).revision != revision


# --- files that nobody should trust -------------------------------------------------------------------------------


def rewritten(path: Path, edit: Edit) -> None:
    """Take the archive apart, let `edit` change its members (JSON of tables as lists), and put it together again."""
    with zipfile.ZipFile(path) as archive:
        members: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    for name in members:
        if name.endswith((".json", ".jsonl")):
            members[name] = [json.loads(line) for line in members[name].splitlines()]
    edit(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in members.items():
            if isinstance(value, list):
                value = "".join(json.dumps(line) + "\n" for line in value)
            archive.writestr(name, value)


def setting(table: str, row: int, **values: Any) -> Edit:
    def edit(members: dict[str, Any]) -> None:
        members[f"{table}.jsonl"][row].update(values)

    return edit


def heading(**values: Any) -> Edit:
    return lambda members: members["conversation.json"][0]["conversation"].update(values)


def adding(name: str, value: Any = b"x") -> Edit:
    return lambda members: members.update({name: value})


def lacking(name: str) -> Edit:
    return lambda members: members.pop(name)


def repeating(table: str) -> Edit:
    return lambda members: members[f"{table}.jsonl"].append(members[f"{table}.jsonl"][0])


def other_pixels(members: dict[str, Any]) -> None:
    name = next(name for name in members if name.startswith("pictures/"))
    members[name] = Picture.from_array(np.zeros((8, 8, 3), np.uint8)).original


HOSTILE: dict[str, Edit] = {
    "a header that is none": lambda members: members.update({"conversation.json": [{"hello": 1}]}),
    "a head that is a list": lambda members: members["conversation.json"][0].update(conversation=[]),
    "alternatives that are none": setting("versions", 0, alternatives=["abc"]),
    "alternatives of other runs": setting("versions", 0, alternatives=[["abc", 0.5, 0.5]]),
    "alternatives without a mask": setting("versions", 4, alternatives=[["04", 0.5, 0.5]]),
    "a foreign column": setting("turns", 0, surprise=1),
    "a missing column": lambda members: members["turns.jsonl"][0].pop("kind"),
    "a missing table": lacking("gestures.jsonl"),
    "a path upwards": adding("../../evil"),
    "an absolute path": adding("/tmp/evil"),
    "a picture that is a path": adding("pictures/../../evil"),
    "a picture of nobody": adding("pictures/" + "0" * 64),
    "a line that is no row": lambda members: members["turns.jsonl"].append([1]),
    "a turn that comes twice": repeating("turns"),
    "a call that comes twice": repeating("calls"),
    "an id that is a path": heading(id="../../../../../../../../etc/passwd"),
    "a number too large": heading(turns=2**40),
    "a number that is text": heading(position="1"),
    "a truth that is a number": setting("turns", 0, forgotten=1),
    "a position off the way": heading(position=3, tip=5),
    "a tip that is no turn": heading(tip=4),
    "a handle beyond those used": heading(objects_used=3),
    "a picture beyond those used": heading(pictures_used=1),
    "a current picture that is none": heading(picture=9),
    "a turn beyond the last": heading(turns=3),
    "a turn on top of itself": setting("turns", 1, before=2),
    "a turn on top of none": setting("turns", 4, before=4),
    "a turn of another kind": setting("turns", 0, kind="magic"),
    "a selection of nothing": setting("turns", 0, selection=[99]),
    "a selection of another branch": setting("turns", 1, selection=[6]),
    "a selection of text": setting("turns", 0, selection="m1"),
    "a click of one number": setting("turns", 0, click=[1]),
    "a NUL": setting("turns", 0, request="a\0b"),
    "half a letter": setting("turns", 0, request="\ud83c"),
    "a gesture that is none": setting("gestures", 0, kind="polygon"),
    "a gesture of lists": setting("gestures", 0, coordinates=[[[1], 2]]),
    "a gesture on no picture": setting("gestures", 0, picture=7),
    "an opening of no picture": setting("openings", 0, picture=7),
    "an opening of no turn": setting("openings", 0, turn=4),
    "a version without a first": setting("versions", 0, version=9),
    "a version on no picture": setting("versions", 0, picture=3),
    "a version of no turn": setting("versions", 0, turn=4),
    "a box that is none": setting("versions", 0, x0=None),
    "a score beyond numbers": setting("versions", 0, score=10**400),
    "an edit of no object": setting("edits", 0, objects=[[99, 1]]),
    "an edit of a number that is none": setting("edits", 0, objects=[[1.0, 2]]),
    "an edit beyond those used": heading(edits_used=0),
    "an edit of no turn": setting("edits", 0, turn=99),
    "an edit on no picture": setting("edits", 0, picture=2),
    "an edit with a strength of text": setting("edits", 0, parameters={"strength": "much"}),
    "an edit with a colour of numbers": setting("edits", 0, parameters={"colour": 7}),
    "an edit with a colour of two lines": setting("edits", 0, parameters={"colour": "red\nblue"}),
    "an edit with a colour of a thousand letters": setting("edits", 0, parameters={"colour": "r" * 1000}),
    "an edit without end": setting("edits", 0, parameters={"dx": 1e300}),
    "an edit with a list": setting("edits", 0, parameters={"background": ["p1"]}),
    "edits that are none": setting("turns", 0, edits=[7]),
    "edits before their objects": setting("turns", 0, edits=[2, 1, 1]),
    "a mask of other runs": setting("versions", 0, mask_counts="abc"),
    "a mask of another size": setting("versions", 0, mask_height=4, mask_width=16),
    "a mask of half a size": setting("versions", 0, mask_width=None),
    "a mask of another area": setting("versions", 0, area=1),
    "a mask that is not text": setting("versions", 0, mask_counts="\xe9"),
    "prompts that are none": setting("versions", 0, prompts="orange"),
    "a prompt without its labels": setting("versions", 0, prompts=[{"points": [[1, 2]]}]),
    "a prompt like no object": setting("versions", 0, prompts=[{"like": [1]}]),
    "a prompt of a wild chance": setting("versions", 0, prompts=[{"chance": "high"}]),
    "a prompt in half a shelf row": setting("versions", 0, prompts=[{"shelf_row": 1}]),
    "a prompt in a shelf row beyond": setting("versions", 0, prompts=[{"shelf_row": 2, "shelf_rows": 1}]),
    "a prompt in a shelf row of words": setting("versions", 0, prompts=[{"shelf_row": "1", "shelf_rows": "1"}]),
    "a prompt of a list of numbers": setting("versions", 0, prompts=[{"products": 3}]),
    "a parent without its version": setting("versions", 4, parent_version=None),
    "a version that is its own parent": setting("versions", 1, parent_object=1, parent_version=2),
    "a version made from a later one": setting("versions", 1, parent_object=1, parent_version=3),
    "a version made from none": setting("versions", 2, parent_object=1, parent_version=9),
    "a call of no turn": setting("calls", 0, turn=99),
    "a call that lists a wild mask": setting("calls", 0, data={"objects": [{"handle": "m1", "mask": {"version": []}}]}),
    "a call that lists a wrong mask": setting(
        "calls", 0, data={"objects": [{"handle": "m1", "mask": {"size": [9, 9], "counts": "abc"}}]}
    ),
    "a call that lists a mask of a number": setting(
        "calls", 0, data={"objects": [{"handle": "m1", "mask": {"size": [9, 9], "counts": 10**15}}]}
    ),
    "a call that says a list": setting("calls", 0, data=[]),
    "a picture of another size": setting("pictures", 0, width=9),
    "a picture of another content": other_pixels,
    "a digest that is a path": setting("pictures", 0, digest="../secret"),
    "no number": adding("calls.jsonl", b'{"seconds": NaN}\n'),
    "no JSON": adding("calls.jsonl", b"\x00\xff\n"),
    "a tower of brackets": adding("calls.jsonl", b"[" * 100_000),
}


@pytest.mark.parametrize("edit", HOSTILE.values(), ids=HOSTILE)
def test_import_of_what_no_conversation_holds_is_refused_whole(tmp_path: Path, exported: Path, edit: Edit) -> None:
    rewritten(exported, lambda members: None)
    with Memory(tmp_path / "untouched") as memory:
        memory.import_conversation(exported)  # only the edit is wrong with it
    rewritten(exported, edit)
    with Memory(tmp_path / "data") as memory:
        with pytest.raises(ConfigError, match=r"^file=.* cannot be imported \(.+\): expected a whole .*\. Export"):
            memory.import_conversation(exported)
        assert memory.conversations() == []
    assert not (tmp_path / "data" / "pictures").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "origin", "talk.zip", "untouched"]


def test_import_of_the_format_without_edits_is_taken_in(memory: Memory, exported: Path) -> None:
    def as_before(members: dict[str, Any]) -> None:
        del members["edits.jsonl"]
        del members["conversation.json"][0]["conversation"]["edits_used"]
        members["conversation.json"][0]["format"] = 1
        for row in members["turns.jsonl"]:
            del row["edits"]

    rewritten(exported, as_before)
    conversation = memory.import_conversation(exported)
    assert memory.state(conversation).edits == ()
    with memory.turn(conversation) as turn:
        assert turn.add_edit("p1", "blur", ["m2"]).handle == "e1"


def test_import_of_a_newer_format_says_so(memory: Memory, exported: Path) -> None:
    rewritten(exported, lambda members: members["conversation.json"][0].update(format=3))
    with pytest.raises(ConfigError, match=r"is of format 3: expected 2 or less, .*Install a newer askmask"):
        memory.import_conversation(exported)


def test_import_of_what_is_missing_or_no_archive_says_so(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(No such file.*Check its name"):
        memory.import_conversation(tmp_path / "missing.zip")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ConfigError, match=r"cannot be imported \(File is not a zip file\)"):
        memory.import_conversation(tmp_path / "text")


@pytest.mark.parametrize("bomb", ["text", "values", "line", "picture"])
def test_import_of_what_unfolds_to_too_much_is_refused_before_it_unfolds(
    memory: Memory, exported: Path, monkeypatch: pytest.MonkeyPatch, bomb: str
) -> None:
    with zipfile.ZipFile(exported) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    texts = {
        "text": b" " * 10_000_000,
        "values": b"[" + b"[]," * 300_000 + b"[]]",
        "line": b'"' + b"x" * 700_000 + b'"',
    }
    members["calls.jsonl"] = texts.get(bomb, members["calls.jsonl"])
    monkeypatch.setattr(archives, "MOST_TEXT", 5_000_000)
    monkeypatch.setattr(archives, "MOST_VALUES", 100_000)
    monkeypatch.setattr(archives, "_MOST_LINE", 500_000 if bomb == "line" else 2_000_000)
    with zipfile.ZipFile(exported, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            kind = zipfile.ZIP_DEFLATED if bomb == "picture" or name.endswith("l") else zipfile.ZIP_STORED
            archive.writestr(name, data, kind)
    with pytest.raises(ConfigError, match="is squeezed" if bomb == "picture" else "more than 4 MB"):
        memory.import_conversation(exported)


def test_import_of_a_picture_larger_than_allowed_is_refused(
    memory: Memory, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKMASK_MAX_FILE_MEGABYTES", "0.00001")
    settings.cache_clear()
    with pytest.raises(ConfigError, match="is too large"):
        memory.import_conversation(exported)


def test_import_of_a_damaged_file_is_refused_or_whole(tmp_path: Path, exported: Path) -> None:
    dice, whole = random.Random(7), exported.read_bytes()
    with Memory(tmp_path / "origin") as origin:
        before = everything(origin, origin.conversations()[0].id)
    refused = 0
    with Memory(tmp_path / "data") as memory:
        for _ in range(150):
            data = bytearray(whole)
            if dice.random() < 0.2:
                del data[dice.randrange(len(data)) :]
            for _ in range(dice.choice((1, 1, 8))):
                if data:
                    data[dice.randrange(len(data))] = dice.randrange(256)
            exported.write_bytes(data)
            try:
                conversation = memory.import_conversation(exported)
            except ConfigError:
                refused += 1
            else:
                assert everything(memory, conversation) == before
                memory._store._engine.dispose()
    assert refused > 75


def test_columns_of_an_older_askmask_get_what_is_said_where_nothing_is(memory: Memory, exported: Path) -> None:
    rewritten(exported, lambda members: [row.pop("stability") for row in members["versions.jsonl"]])
    conversation = memory.import_conversation(exported)
    assert {one.stability for one in memory.state(conversation).objects.values()} == {None}


def test_column_that_the_database_fills_may_be_missing_from_every_row() -> None:
    table = Table("things", MetaData(), Column("number", Integer), Column("seen", Boolean, nullable=False))
    kept = Column("kept", Boolean, nullable=False, server_default=true())
    newer = Table("things", MetaData(), Column("number", Integer), Column("seen", Boolean, nullable=False), kept)
    row = json_rows.to_json(table, {"number": 1, "seen": True})
    assert json_rows.from_json(newer, row) == row
    assert json_rows.from_json(newer, {**row, "kept": False})["kept"] is False
    with pytest.raises(ValueError, match="things: kept is unknown; a newer askmask"):
        json_rows.from_json(table, {**row, "kept": False})
    with pytest.raises(ValueError, match="things: seen is missing"):
        json_rows.from_json(table, {"number": 1})


# --- ends in the middle -------------------------------------------------------------------------------------------

IMPORT_UNTIL = """
import os, signal, sys
from agent_tools.memory import Memory, files
folder, address, file, most = sys.argv[1:]
save, saved = files.PictureFiles.save, []
def counted(self, picture):
    save(self, picture)
    saved.append(picture)
    if len(saved) == int(most):
        os.kill(os.getpid(), signal.SIGKILL)
files.PictureFiles.save = counted
with Memory(folder, store=address or None) as memory:
    memory.import_conversation(file)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("most", ["1", "2"])
def test_import_killed_in_the_middle_leaves_nothing_of_it(store: Store, exported: Path, most: str) -> None:
    with store.open() as memory:
        memory.conversations()
    program = [sys.executable, "-c", IMPORT_UNTIL, *store.program_arguments, str(exported), most]
    assert subprocess.run(program, check=False).returncode == -signal.SIGKILL

    def kept() -> list[Path]:
        return [path for path in store.folder.rglob("*") if re.fullmatch("[0-9a-f]{64}", path.name)]

    assert len(kept()) == int(most)
    store.settle()
    with store.open() as memory:
        assert memory.conversations() == []
        assert kept() == [], "pictures of nobody are swept"
        conversation = memory.import_conversation(exported)
        assert undo_and_redo(memory, conversation)[-1] == "m7"
    with store.open() as memory:
        assert len(kept()) == 2


def test_import_that_fails_while_writing_leaves_nothing(
    memory: Memory, store: Store, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent_tools.memory.files._sync", full)
    with pytest.raises(MemoryStoreError, match=r"No space left on device.*: expected .*\. [A-Z]"):
        memory.import_conversation(exported)
    assert memory.conversations() == []
    assert not [path for path in store.folder.rglob("*") if re.fullmatch("[0-9a-f]{64}", path.name)]
