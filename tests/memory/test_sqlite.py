"""The store in a file: whose it is, what goes wrong with it, what forgetting leaves in it."""

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent_tools.errors import MemoryStoreError
from agent_tools.memory import Alternative, CallRecord, Memory, Turn
from agent_tools.memory.database import DATABASE
from agent_tools.pictures import Picture

Add = Callable[..., str]

STEPS = (
    "Try again",
    "Make room",
    "Change their permissions",
    "Move it aside",
    "Install a newer",
    "Set ASKMASK_DATA_DIR",
)


def check_house_form(error: BaseException, file: Path) -> None:
    text = str(error)
    assert text.startswith(f"store={file} ")
    assert ": expected " in text
    assert text.endswith(".")
    assert any(step in text for step in STEPS)
    assert "sqlalche.me" not in text


OLD_STORE = Path(__file__).with_name("store_of_version_1.sql")
"""What version 1 wrote: a picture, a stroke, an orange with a mask, a leaf without, and a count."""
OLD_CONVERSATION = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def memory(folder: Path) -> Iterator[Memory]:
    with Memory(folder) as opened:
        yield opened


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_files_are_for_their_owner_alone(folder: Path, add: Add) -> None:
    umask = os.umask(0)
    try:
        with Memory(folder / "new") as memory, memory.turn(memory.create()) as turn:
            add(turn)
        with Memory(folder / "new") as memory:
            memory.create()
            found = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder / "new").rglob("*")}
            found[folder / "new"] = stat.S_IMODE((folder / "new").stat().st_mode)
    finally:
        os.umask(umask)
    assert len(found) == 6, "the folder, the database with its two journals, pictures, one picture"
    for path, mode in found.items():
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_store_that_is_no_database_is_refused_untouched(folder: Path) -> None:
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"these are my holiday notes, not a database\n" * 100)
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(MemoryStoreError, match="not readable as a conversation store") as caught:
        Memory(folder)
    check_house_form(caught.value, folder / DATABASE)
    assert (folder / DATABASE).read_bytes() == before


def test_store_written_by_version_1_is_read_and_written_on(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.executescript(OLD_STORE.read_text())
    with Memory(folder, "local") as memory:
        state = memory.state(OLD_CONVERSATION)
        orange = state.objects["m1"]
        assert orange.mask is not None
        assert (orange.label, orange.area, orange.mask.box, orange.alternatives) == ("orange", 12, (2, 1, 6, 4), ())
        assert (state.gestures["g1"].coordinates, state.gestures["g1"].include) == (((3, 2), (4, 2)), True)
        assert memory.history(OLD_CONVERSATION)[0].calls[0].text == "1 orange"
        with memory.turn(OLD_CONVERSATION) as turn:
            turn.add_gesture("p1", "point", [(1, 1)], include=False)
            turn.revise("m1", alternatives=[Alternative(orange.mask, 0.5, 0.25)])
        after = memory.state(OLD_CONVERSATION)
    with Memory(folder, "local") as memory:
        assert memory.state(OLD_CONVERSATION) == after
        assert after.objects["m1"].alternatives == (Alternative(orange.mask, 0.5, 0.25),)


def test_store_damaged_in_the_middle_is_an_error_that_says_so(folder: Path, add: Add) -> None:
    with Memory(folder) as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            for seed in range(200):
                add(turn, seed=seed)
    raw = bytearray((folder / DATABASE).read_bytes())
    raw[8192:] = b"\xa5" * (len(raw) - 8192)
    (folder / DATABASE).write_bytes(raw)
    with pytest.raises(MemoryStoreError, match="Move it aside") as caught, Memory(folder) as memory:
        memory.state(conversation)
    check_house_form(caught.value, folder / DATABASE)


def test_store_below_a_file_is_an_error_that_names_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MemoryStoreError) as caught:
        Memory(tmp_path / "file" / "askmask")
    check_house_form(caught.value, tmp_path / "file" / "askmask" / DATABASE)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_store_in_a_read_only_folder_is_an_error_that_names_the_next_step(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o500)
    with pytest.raises(MemoryStoreError) as caught:
        Memory(folder)
    check_house_form(caught.value, folder / DATABASE)


def test_store_that_may_only_be_read_is_an_error_and_loses_nothing(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    before = memory.state(conversation)
    pragma(memory, "query_only=ON")
    with pytest.raises(MemoryStoreError, match="Change their permissions") as caught, memory.turn(conversation) as turn:
        add(turn)
    check_house_form(caught.value, memory.data_dir / DATABASE)
    pragma(memory, "query_only=OFF")
    assert memory.state(conversation) == before


def test_store_on_a_full_disk_is_an_error_and_loses_nothing(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    before = memory.state(conversation)
    pragma(memory, "max_page_count=1")  # SQLite then answers as it does when the disk is full

    def fill() -> None:
        with memory.turn(conversation) as turn:
            for seed in range(500):
                add(turn, seed=seed)

    with pytest.raises(MemoryStoreError, match="Make room") as caught:
        fill()
    check_house_form(caught.value, memory.data_dir / DATABASE)
    pragma(memory, "max_page_count=1000000")
    memory._known.clear()
    assert memory.state(conversation) == before
    with memory.turn(conversation) as turn:
        assert add(turn) == "m2"


def pragma(memory: Memory, text: str) -> None:
    """On the one connection that a single thread uses."""
    pooled = memory._store._engine.raw_connection()
    pooled.cursor().execute(f"PRAGMA {text}").close()
    pooled.close()


def test_turn_is_flushed_to_the_disk_unless_it_only_took_in_pictures_and_gestures(
    memory: Memory, picture: Callable[[int], Picture], add: Callable[..., str]
) -> None:
    conversation = memory.create()

    def flushed(work: Callable[[Turn], object]) -> bool:
        with memory.turn(conversation) as turn:
            work(turn)
        with closing(memory._store._engine.raw_connection()) as connection:
            level = connection.cursor().execute("PRAGMA synchronous").fetchone()[0]
        return bool(level == 2)  # FULL; 1 is NORMAL

    assert not flushed(lambda turn: turn.open_picture(picture(100)))
    assert not flushed(lambda turn: turn.add_gesture("p1", "point", [(1, 1)]))
    assert flushed(lambda turn: setattr(turn, "answer", "None found."))
    assert not flushed(lambda turn: turn.open_picture(picture(200)))
    assert flushed(add)
    assert not flushed(lambda turn: turn.open_picture(picture(50)))
    assert flushed(lambda turn: turn.record_call(CallRecord("c1", "count")))
    assert not flushed(lambda turn: turn.use_picture("p1"))
    assert flushed(lambda turn: turn.undo())
    assert not flushed(lambda turn: turn.add_gesture("p1", "point", [(1, 1)]))
    assert flushed(lambda turn: turn.forget("m1"))


def test_forget_of_many_objects_gives_their_room_back(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        handles = [add(turn, seed=seed) for seed in range(500)]
    with closing(sqlite3.connect(memory.data_dir / DATABASE)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = (memory.data_dir / DATABASE).stat().st_size
    with memory.turn(conversation) as turn:
        turn.forget(handles)
    assert (memory.data_dir / DATABASE).stat().st_size < before


def test_forget_while_another_process_reads_is_scrubbed_at_the_next_opening(
    folder: Path, add: Add, caplog: pytest.LogCaptureFixture
) -> None:
    label = b"zebra-crossing"

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())

    with Memory(folder, wait_seconds=0.05) as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn, "orange")
            add(turn, label.decode())
        with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM versions").fetchall()
            with caplog.at_level(logging.WARNING), memory.turn(conversation) as turn:
                turn.forget(["m2"])
            assert "not yet scrubbed" in caplog.text
            assert list(memory.state(conversation).objects) == ["m1"]
            assert label in on_disk()
    assert unscrubbed(folder) == 1
    with Memory(folder):
        assert label not in on_disk()
    assert unscrubbed(folder) == 0


def unscrubbed(folder: Path) -> int:
    raw = sqlite3.connect(folder / DATABASE)
    (value,) = raw.execute("SELECT value FROM meta WHERE key = 'unscrubbed'").fetchone()
    raw.close()
    return int(value)
