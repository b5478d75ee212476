"""What both kinds of store promise: who else may write, what a kill leaves, what ten thousand masks cost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from agent_tools.errors import ConflictError, MemoryStoreError
from agent_tools.masks import Mask
from agent_tools.memory import Alternative, Memory
from agent_tools.pictures import Picture

Store = Any  # either kind in conftest.py
Add = Callable[..., str]


def test_store_of_a_newer_version_is_refused_untouched(store: Store) -> None:
    with store.open() as memory:
        conversation = memory.create()
    store.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")
    with pytest.raises(MemoryStoreError, match=r"of version 99: expected 4, .*Install a newer askmask") as caught:
        store.open()
    assert str(caught.value).startswith(f"store={store.name} ")
    store.execute("UPDATE meta SET value = 4 WHERE key = 'schema'")
    with store.open() as memory:
        assert [one.id for one in memory.conversations()] == [conversation]


def make_old(store: Store) -> None:
    """Have the store be as version 1 left it."""
    for statement in (
        "ALTER TABLE gestures DROP COLUMN include",
        "ALTER TABLE versions DROP COLUMN alternatives",
        "DROP INDEX versions_of_turn",
        "DROP TABLE edits",
        "ALTER TABLE turns DROP COLUMN edits",
        "ALTER TABLE conversations DROP COLUMN edits_used",
        "UPDATE meta SET value = 1 WHERE key = 'schema'",
    ):
        store.execute(statement)


def test_store_of_an_older_version_is_brought_up_to_date_in_place(store: Store, add: Add) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
            turn.add_gesture("p1", "point", [(3, 4)])
        before = memory.state(conversation)
    make_old(store)
    with store.open() as memory:
        assert memory.state(conversation) == before
        with memory.turn(conversation) as turn:
            one = turn.state.objects["m1"]
            turn.revise("m1", alternatives=[Alternative(one.mask, 0.5, 0.25)])
            turn.add_gesture("p1", "point", [(3, 4)], include=False)
            turn.add_edit("p1", "blur", ["m1"])
        after = memory.state(conversation)
    with store.open() as memory:
        assert memory.state(conversation) == after
    assert [edit.masks for edit in after.edits] == [(one.mask,)]
    assert [gesture.include for gesture in after.gestures.values()] == [True, False]
    assert after.objects["m1"].alternatives[0].stability == 0.25


def test_store_being_written_by_another_process_is_an_error_and_loses_nothing(store: Store, add: Add) -> None:
    with store.open(wait_seconds=0.05) as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
        before = memory.state(conversation)

        def write() -> None:
            with memory.turn(conversation) as turn:
                add(turn)

        with store.being_written(conversation):
            with pytest.raises(MemoryStoreError, match=r"is being written by another process .*Try again") as caught:
                write()
            assert str(caught.value).startswith(f"store={store.name} ")
            assert memory.state(conversation) == before, "reading does not wait"
        with memory.turn(conversation) as turn:
            assert add(turn) == "m2"


def test_conversation_read_while_another_process_commits_is_of_one_moment(store: Store, add: Add) -> None:
    with store.open() as reader, store.open() as writer:
        conversation = writer.create()
        with writer.turn(conversation) as turn:
            add(turn)
        before = writer.state(conversation)
        left = ["gestures"]

        @event.listens_for(reader._store._engine, "before_cursor_execute")
        def commit_in_between(_c: object, _d: object, statement: str, *_: object) -> None:
            if left and f"FROM {left[0]}" in statement:
                left.clear()
                with writer.turn(conversation) as turn:
                    turn.add_gesture("p1", "point", [(1, 1)])

        assert reader.state(conversation) == before
        assert not left, "nothing was committed in between"
        assert reader.state(conversation) == writer.state(conversation) != before


FORKS = """
import json, os, sys
import agent_tools.memory.store, agent_tools.memory.sqlite, agent_tools.memory.postgres
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

    def start(self, *programs: tuple[object, ...]) -> list[int]:
        """Each program is code and its arguments; the process ids."""
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
from agent_tools.memory import Memory
folder, address, conversation = sys.argv[1:]
with Memory(folder, store=address or None) as memory, memory.turn(conversation, "from elsewhere") as turn:
    turn.add_object(picture="p1", label="pear", box=(0, 0, 1, 1))
"""


def test_turn_begun_before_another_process_committed_is_a_conflict(
    store: Store, memory: Memory, add: Add, elsewhere: Elsewhere
) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)

    def clash() -> None:
        with memory.turn(conversation, "mine") as turn:
            add(turn)
            elsewhere.start((ADD_ONE, *store.program_arguments, conversation))
            assert elsewhere.wait() == [0]

    with pytest.raises(ConflictError, match="expected revision 1, found 2"):
        clash()
    state = memory.state(conversation)
    assert [one.label for one in state.objects.values()] == ["orange", "pear"]
    assert [said.request for said in memory.history(conversation)] == ["", "from elsewhere"]
    with memory.turn(conversation) as turn:
        assert add(turn) == "m3"


TURNS, WRITERS = 25, 3

WRITE_MANY = f"""
import time
from agent_tools.errors import ConflictError
from agent_tools.memory import Memory
folder, address, conversation, name = sys.argv[1:]
clashes = 0
with Memory(folder, store=address or None) as memory:
    for number in range({TURNS}):
        while True:
            try:
                with memory.turn(conversation, f"{{name}} {{number}}") as turn:
                    turn.add_object(picture="p1", label=turn.request, box=(0, 0, 1, 1))
                    turn.answer = "Done."
                    time.sleep(0.002)
                break
            except ConflictError:
                clashes += 1
with open(folder + ".clashes", "a") as file:
    print(clashes, file=file)
"""


def test_processes_writing_one_conversation_lose_nothing_and_see_every_clash(
    store: Store, add: Add, elsewhere: Elsewhere
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            turn.open_picture(Picture.from_array(np.zeros((8, 8))))
        names = "abcdef"[:WRITERS]
        elsewhere.start(*[(WRITE_MANY, *store.program_arguments, conversation, name) for name in names])
        assert elsewhere.wait() == [0] * WRITERS
        clashes = [int(line) for line in store.folder.with_name(store.folder.name + ".clashes").read_text().split()]
        said, objects = memory.history(conversation)[1:], memory.state(conversation).objects
    assert sum(clashes) > 0, "nobody was in anybody's way"
    assert [turn.number for turn in said] == list(range(2, TURNS * WRITERS + 2))
    assert [(handle, one.turn, one.label) for handle, one in objects.items()] == [
        (f"m{place}", turn.number, turn.request) for place, turn in enumerate(said, 1)
    ]
    for name in names:
        own = [turn.request for turn in said if turn.request.startswith(name)]
        assert own == [f"{name} {number}" for number in range(TURNS)]


CREATE = """
import time
from agent_tools.memory import Memory
folder, address, together = sys.argv[1:]
while time.time() < float(together):
    pass
with Memory(folder, store=address or None) as memory:
    memory.create()
"""


def test_processes_opening_a_new_store_at_once_all_succeed(store: Store, elsewhere: Elsewhere) -> None:
    elsewhere.start(*[(CREATE, *store.program_arguments, time.time() + 0.1)] * 4)
    assert elsewhere.wait() == [0] * 4
    with store.open() as memory:
        assert len(memory.conversations()) == 4


def test_processes_opening_an_older_store_at_once_all_succeed(store: Store, elsewhere: Elsewhere) -> None:
    store.open().close()
    make_old(store)
    elsewhere.start(*[(CREATE, *store.program_arguments, time.time() + 0.1)] * 4)
    assert elsewhere.wait() == [0] * 4
    with store.open() as memory:
        assert len(memory.conversations()) == 4


MADE = 20

WRITE_UNTIL_KILLED = f"""
import numpy as np
from agent_tools.masks import Mask
from agent_tools.memory import CallRecord, Memory
from agent_tools.pictures import Picture

mask = Mask.from_array(np.eye(8))
folder, address, conversation = sys.argv[1:]
with Memory(folder, store=address or None) as memory, open(folder + ".finished", "a") as finished:
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


KILLS = {"SqliteStore": 50, "PostgresStore": 12}


def test_process_killed_at_any_moment_leaves_every_finished_turn_and_no_half_one(
    store: Store, elsewhere: Elsewhere
) -> None:
    dice = random.Random()
    with store.open() as memory:
        conversation = memory.create()
    log = store.folder.with_name(store.folder.name + ".finished")
    log.touch()
    for kill in range(1, KILLS[type(store).__name__] + 1):
        size, until = log.stat().st_size, time.monotonic() + 60
        (pid,) = elsewhere.start((WRITE_UNTIL_KILLED, *store.program_arguments, conversation))
        if dice.random() < 0.8:  # else perhaps before its first turn
            while log.stat().st_size == size and time.monotonic() < until:
                time.sleep(0.001)
            assert log.stat().st_size > size, "nothing was written"
        time.sleep(dice.uniform(0, 0.05))
        os.kill(pid, signal.SIGKILL)
        assert elsewhere.wait() == [signal.SIGKILL]
        if kill % 4 == 0 or kill == KILLS[type(store).__name__]:  # what a kill has torn stays torn
            store.settle()
            check_whole(store, conversation, [int(line) for line in log.read_text().split()])


def check_whole(store: Store, conversation: str, finished: list[int]) -> None:
    with store.open() as memory:
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


def test_memory_of_ten_thousand_masks_stays_workable(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
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

    def select() -> None:
        with memory.turn(conversation) as turn:
            turn.select(["m5", "m7"])

    def undo() -> None:
        with memory.turn(conversation) as turn:
            turn.undo()

    with store.open() as memory:
        conversation = memory.create()
        timed("write 10000", fill)
        timed("turn of 20", one_turn)
        timed("undo", undo)
        timed("select", select)
        timed("state, known", lambda: memory.state(conversation))
    size = store.size() / 10_000
    opened: list[Memory] = []
    timed("open", lambda: opened.append(store.open()))
    with opened[0] as memory:
        timed("state, first", lambda: memory.state(conversation))
        timed("turn of 20, reopened", one_turn)
        assert len(memory.state(conversation).objects) == 10_020
    with capsys.disabled():
        print(
            f"\n10000 masks in {type(store).__name__}, ms:",
            {name: round(value, 1) for name, value in noted.items()},
            f"{size:.0f} bytes each",
        )
    assert noted["state, first"] < 5_000
    assert noted["state, known"] < 100
    assert noted["turn of 20"] < 1_000
    assert noted["select"] < 500
    assert size < 2_048
