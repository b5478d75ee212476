"""The file under the memory: whose it is, what goes wrong with it, who else writes it, what a kill leaves of it."""

import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from agent_tools.errors import ConflictError, MemoryStoreError
from agent_tools.masks import Mask
from agent_tools.memory import CallRecord, Memory, Turn
from agent_tools.memory.memory import DATABASE
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


def test_store_of_a_newer_version_is_refused_untouched(folder: Path) -> None:
    with Memory(folder) as memory:
        conversation = memory.create()
    with sqlite3.connect(folder / DATABASE) as raw:
        raw.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")
    raw.close()
    with pytest.raises(MemoryStoreError, match="of version 99: expected 1") as caught:
        Memory(folder)
    check_house_form(caught.value, folder / DATABASE)
    with sqlite3.connect(folder / DATABASE) as raw:
        assert raw.execute("SELECT id FROM conversations").fetchall() == [(conversation,)]
    raw.close()


def test_store_that_is_no_database_is_refused_untouched(folder: Path) -> None:
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"these are my holiday notes, not a database\n" * 100)
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(MemoryStoreError, match="not readable as a conversation store") as caught:
        Memory(folder)
    check_house_form(caught.value, folder / DATABASE)
    assert (folder / DATABASE).read_bytes() == before


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


def test_store_locked_by_another_process_is_an_error_and_loses_nothing(folder: Path, add: Add) -> None:
    with Memory(folder, wait_seconds=0.05) as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
        before = memory.state(conversation)
        other = sqlite3.connect(folder / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryStoreError, match="Try again") as caught, memory.turn(conversation) as turn:
            add(turn)
        check_house_form(caught.value, folder / DATABASE)
        assert memory.state(conversation) == before
        other.execute("ROLLBACK")
        other.close()
        with memory.turn(conversation) as turn:
            assert add(turn) == "m2"


FORKS = """
import json, os, sys
import agent_tools.memory.store
for line in sys.stdin:
    pids = []
    for code, *sys.argv[1:] in json.loads(line):
        pids.append(os.fork())
        if not pids[-1]:
            exec(code)
            os._exit(0)
    print(json.dumps(pids), flush=True)
    print(json.dumps([os.waitpid(pid, 0)[1] for pid in pids]), flush=True)
"""


class Elsewhere:
    """Other processes, forked from one that has imported everything, because importing is what takes long."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def _read(self) -> list[int]:
        assert self.process.stdout is not None
        return list(json.loads(self.process.stdout.readline()))

    def start(self, *programs: tuple[str, object, object]) -> list[int]:
        """Each program is code and its two arguments; the process ids."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([[str(part) for part in program] for program in programs]) + "\n")
        self.process.stdin.flush()
        return self._read()

    def wait(self) -> list[int]:
        """The exit statuses of those last started."""
        return self._read()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    if os.name != "posix":
        pytest.skip("fork and SIGKILL")
    command = [sys.executable, "-c", FORKS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Elsewhere(process)


ADD_ONE = """
from agent_tools.memory import CallRecord, Memory, Turn
with Memory(sys.argv[1]) as memory, memory.turn(sys.argv[2], "from elsewhere") as turn:
    turn.add_object(picture="p1", label="pear", box=(0, 0, 1, 1))
"""


def test_turn_begun_before_another_process_committed_is_a_conflict(
    memory: Memory, add: Add, elsewhere: Elsewhere
) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)

    def clash() -> None:
        with memory.turn(conversation, "mine") as turn:
            add(turn)
            elsewhere.start((ADD_ONE, memory.data_dir, conversation))
            assert elsewhere.wait() == [0]

    with pytest.raises(ConflictError, match="expected revision 1, found 2"):
        clash()
    state = memory.state(conversation)
    assert [one.label for one in state.objects.values()] == ["orange", "pear"]
    assert [said.request for said in memory.history(conversation)] == ["", "from elsewhere"]
    with memory.turn(conversation) as turn:
        assert add(turn) == "m3"


ADD_TEN = """
from agent_tools.errors import ConflictError
from agent_tools.memory import CallRecord, Memory, Turn
with Memory(sys.argv[1]) as memory:
    mine = memory.create()
    done = 0
    while done < 10:
        try:
            with memory.turn(sys.argv[2]) as turn:
                turn.add_object(picture="p1", label="pear", box=(0, 0, 1, 1))
            done += 1
        except ConflictError:
            pass
"""


def test_processes_writing_one_conversation_of_a_new_store_lose_nothing(
    folder: Path, add: Add, elsewhere: Elsewhere
) -> None:
    with Memory(folder) as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
        elsewhere.start(*[(ADD_TEN, folder, conversation)] * 3)
        assert elsewhere.wait() == [0, 0, 0]
        assert list(memory.state(conversation).objects) == [f"m{number}" for number in range(1, 32)]
        assert len(memory.conversations()) == 4


CREATE = """
from agent_tools.memory import CallRecord, Memory, Turn
with Memory(sys.argv[1]) as memory:
    memory.create()
"""


def test_processes_opening_a_new_store_at_once_all_succeed(folder: Path, elsewhere: Elsewhere) -> None:
    elsewhere.start(*[(CREATE, folder, "")] * 4)
    assert elsewhere.wait() == [0] * 4
    with Memory(folder) as memory:
        assert len(memory.conversations()) == 4


MADE = 20

WRITE_UNTIL_KILLED = f"""
import numpy as np
from agent_tools.masks import Mask
from agent_tools.memory import CallRecord, Memory
from agent_tools.pictures import Picture

mask = Mask.from_array(np.eye(8))
folder, conversation = sys.argv[1:]
with Memory(folder) as memory, open(folder + ".finished", "a") as finished:
    while True:
        with memory.turn(conversation, "again") as turn:
            number = turn.number
            picture = turn.open_picture(Picture.from_array(np.full((8, 8), number % 256, np.uint8)))
            handles = [turn.add_object(picture=picture, label=str(number), mask=mask) for _ in range({MADE})]
            turn.select(handles)
            turn.record_call(CallRecord(f"c{{number}}", "count"))
            turn.answer = str(number)
        print(number, file=finished, flush=True)
        if number % 7 == 0:
            with memory.turn(conversation, "back") as turn:
                turn.forget(handles[:1])
                turn.answer = "forgotten"
            print(number + 1, file=finished, flush=True)
"""


def test_process_killed_at_any_moment_leaves_every_finished_turn_and_no_half_one(
    folder: Path, elsewhere: Elsewhere
) -> None:
    dice = random.Random()
    with Memory(folder) as memory:
        conversation = memory.create()
    log = folder.with_name(folder.name + ".finished")
    log.touch()
    for _ in range(20):
        size, until = log.stat().st_size, time.monotonic() + 60
        (pid,) = elsewhere.start((WRITE_UNTIL_KILLED, folder, conversation))
        if dice.random() < 0.8:  # else perhaps before its first turn
            while log.stat().st_size == size and time.monotonic() < until:
                time.sleep(0.001)
            assert log.stat().st_size > size, "nothing was written"
        time.sleep(dice.uniform(0, 0.05))
        os.kill(pid, signal.SIGKILL)
        assert elsewhere.wait() == [signal.SIGKILL]
        check_whole(folder, conversation, [int(line) for line in log.read_text().split()])


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


def check_whole(folder: Path, conversation: str, finished: list[int]) -> None:
    with Memory(folder) as memory:
        state, said = memory.state(conversation), memory.history(conversation)
        with memory.turn(conversation) as turn:
            for handle in state.pictures:
                assert turn.picture(handle).digest == state.pictures[handle].digest
    assert state.turn_number >= max(finished, default=0)
    assert {*finished} <= {one.number for one in said}
    assert [one.number for one in said] == list(range(1, state.turn_number + 1))
    forgotten = {int(one.number) - 1 for one in said if one.kind == "forget"}
    for one in said:
        if one.kind == "change":
            made = [version for version in state.objects.values() if version.turn == one.number]
            assert len(made) == MADE - (one.number in forgotten)
            assert [call.call_id for call in one.calls] == [f"c{one.number}"]
            assert one.answer == str(one.number)


def test_memory_of_ten_thousand_masks_stays_workable(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows, columns = np.mgrid[:480, :640]
    mask = Mask.from_array((columns - 300) ** 2 + (rows - 200) ** 2 < 60**2)
    noted: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        noted[name] = 1e3 * (time.perf_counter() - start)

    def fill() -> None:
        with memory.turn(conversation) as turn:
            turn.open_picture(Picture.from_array(np.zeros((480, 640), np.uint8)))
            for _ in range(10_000):
                turn.add_object(picture="p1", label="orange", score=0.5, mask=mask, prompts=[{"phrase": "orange"}])

    def one_turn() -> None:
        with memory.turn(conversation) as turn:
            handles = [turn.add_object(picture="p1", label="orange", mask=mask) for _ in range(20)]
            turn.select(handles)

    def undo() -> None:
        with memory.turn(conversation) as turn:
            turn.undo()

    with Memory(folder) as memory:
        conversation = memory.create()
        timed("write 10000", fill)
        timed("turn of 20", one_turn)
        timed("undo", undo)
        timed("state, known", lambda: memory.state(conversation))
    size = (folder / DATABASE).stat().st_size / 10_000
    opened: list[Memory] = []
    timed("open", lambda: opened.append(Memory(folder)))
    with opened[0] as memory:
        timed("state, first", lambda: memory.state(conversation))
        timed("turn of 20, reopened", one_turn)
        assert len(memory.state(conversation).objects) == 10_020
    with capsys.disabled():
        print("\n10000 masks, ms:", {name: round(value, 1) for name, value in noted.items()}, f"{size:.0f} bytes each")
    assert noted["state, first"] < 5_000
    assert noted["state, known"] < 100
    assert noted["turn of 20"] < 1_000
    assert size < 2_048
