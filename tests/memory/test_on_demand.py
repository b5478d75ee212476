"""What is read from a store and when: taking up a conversation costs the same however many masks are in it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event

from agent_tools.errors import ConfigError, ConflictError
from agent_tools.masks import Mask
from agent_tools.memory import CallRecord, Memory, ObjectVersion, State, on_demand
from agent_tools.pictures import Picture
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit

Store = Any  # either kind in conftest.py
Add = Callable[..., str]

FEW, MANY = 100, 10_000
ROUNDS = 10
MASK = Mask.from_array(np.eye(8))


def fill(memory: Memory, objects: int) -> str:
    """A conversation of `ROUNDS` turns that find and select these objects, one edit, and one that selects two."""
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.open_picture(Picture.from_array(np.zeros((8, 8), np.uint8)))
    for _ in range(ROUNDS):
        with memory.turn(conversation, "find") as turn:
            turn.select(turn.add_object(picture="p1", label="dot", mask=MASK) for _ in range(objects // ROUNDS))
    with memory.turn(conversation, "blur") as turn:
        turn.select(["m2", f"m{objects}"])
    with memory.turn(conversation, "only the third") as turn:
        turn.select(["m3"])
    return conversation


@dataclass
class Cost:
    """What some work read: rows, characters in them, versions of objects made of them."""

    rows: int = 0
    characters: int = 0
    versions: int = 0


def cost_of(memory: Memory, monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> Cost:
    cost = Cost()
    make = ObjectVersion.__init__

    def read_again(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if statement.startswith("SELECT"):
            again = cursor.connection.cursor()
            rows = again.execute(statement, parameters).fetchall()
            cost.rows += len(rows)
            cost.characters += sum(len(str(value)) for row in rows for value in row)

    def count(one: ObjectVersion, *values: Any, **named: Any) -> None:
        cost.versions += 1
        make(one, *values, **named)

    engine = memory._store._engine
    event.listen(engine, "after_cursor_execute", read_again)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(ObjectVersion, "__init__", count)
            work()
    finally:
        event.remove(engine, "after_cursor_execute", read_again)
    return cost


def take_up(memory: Memory, conversation: str) -> VisionToolkit:
    services = Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
    return VisionToolkit(services=services, memory=memory, conversation=conversation)


def cost_of_taking_up(store: Store, conversation: str, monkeypatch: pytest.MonkeyPatch) -> Cost:
    with store.open() as memory:
        return cost_of(memory, monkeypatch, lambda: take_up(memory, conversation).state)


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most two objects are read at once: m1, then m2 with m3, m4 with m5, and so on."""
    monkeypatch.setattr(on_demand, "PAGE", 2)


def test_taking_up_a_conversation_reads_as_much_for_ten_thousand_masks_as_for_a_hundred(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.open() as memory:
        conversations = [fill(memory, FEW), fill(memory, MANY)]
    few, many = (cost_of_taking_up(store, conversation, monkeypatch) for conversation in conversations)
    assert (many.rows, many.versions) == (few.rows, 0)
    assert many.characters - few.characters < 50, "handles of five digits are longer than those of three"


def test_select_by_handle_reads_no_more_of_ten_thousand_than_is_near(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.open() as memory:
        conversation = fill(memory, MANY)
    with store.open() as memory:
        toolkit = take_up(memory, conversation)
        first = cost_of(memory, monkeypatch, lambda: toolkit.call("select", {"handles": ["m5", "m7"]}))
        assert 0 < first.versions <= on_demand.PAGE
        all_of_it = cost_of(memory, monkeypatch, lambda: toolkit.call("recall"))
        assert all_of_it.versions >= MANY - on_demand.PAGE
        again = cost_of(memory, monkeypatch, lambda: toolkit.call("recall"))
        assert again.versions == 0, "what was read is read again"
        assert again.rows < 100


def test_taking_up_a_conversation_is_as_much_work_for_sqlite_whatever_is_in_it(sqlite_store: Store) -> None:
    """It does not look at rows that it does not give either, such as for whether a turn made any."""
    with sqlite_store.open() as memory:
        conversations = [fill(memory, FEW), fill(memory, MANY)]
    steps = []
    for conversation in conversations:
        with sqlite_store.open() as memory:
            steps.append(0)

            def step() -> None:
                steps[-1] += 1

            with memory._store._engine.connect() as connection:
                connection.connection.driver_connection.set_progress_handler(step, 10)
            take_up(memory, conversation)
    assert 0 < steps[1] <= 1.1 * steps[0]


def test_objects_added_next_to_some_that_were_not_read_are_there_with_them(
    store: Store, add: Add, small_pages: None
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            for seed in range(4):
                add(turn, seed=seed)
    with store.open() as memory:
        with memory.turn(conversation) as turn:
            turn.revise("m1", label="lime")
            made = [add(turn, seed=seed) for seed in (4, 5)]
            objects = [{"handle": handle, "mask": turn.version(handle).mask.to_coco()} for handle in ("m1", *made)]
            turn.record_call(CallRecord("c1", "count", data={"objects": objects}))
            assert turn.calls[0].data["objects"] == objects
            inside = turn.state
        state = memory.state(conversation)
        assert list(state.objects) == ["m1", "m2", "m3", "m4", "m5", "m6"]
        assert state.objects == inside.objects
        with memory.turn(conversation) as turn:
            turn.undo()
        state = memory.state(conversation)
        assert {handle: one.version for handle, one in state.objects.items()} == {"m1": 1, "m2": 1, "m3": 1, "m4": 1}
        assert "m5" not in state.objects
        with memory.turn(conversation) as turn:
            assert turn.revise("m1", label="lemon").version == 3, "the version that was undone is kept"


@pytest.mark.parametrize("handle", ["m0", "m3", "m01", "p1", "m", "", "m-1", "m1x", "m²", "m" + 5000 * "9"])
def test_objects_of_a_handle_that_names_none_are_none(memory: Memory, add: Add, handle: str) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn), add(turn)
    objects = memory.state(conversation).objects
    assert handle not in objects
    assert objects.get(handle) is None
    with pytest.raises(KeyError):
        objects[handle]


def test_state_read_on_while_turns_follow_stays_what_it_was(store: Store, add: Add, small_pages: None) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            turn.select([add(turn, seed=seed) for seed in range(4)])
    with store.open() as reader, store.open() as writer:
        before = reader.state(conversation)
        with writer.turn(conversation) as turn:
            turn.revise("m1", label="lime")
            turn.select([add(turn)])
        with writer.turn(conversation) as turn:
            turn.undo()
        assert [(handle, one.label) for handle, one in before.objects.items()] == [
            (f"m{number}", "orange") for number in (1, 2, 3, 4)
        ]
        assert before.selection == ("m1", "m2", "m3", "m4")


def forget(memory: Memory, conversation: str) -> None:
    with memory.turn(conversation) as turn:
        turn.forget(["m2"])


def come_back(memory: Memory, conversation: str, file: Any) -> None:
    memory.export_conversation(conversation, file)
    memory.erase(conversation)
    assert memory.import_conversation(file) == conversation


@pytest.mark.parametrize("look", [lambda state: state.objects["m1"], lambda state: list(state.objects)])
def test_state_of_which_something_was_forgotten_before_it_was_read_is_refused(
    store: Store, add: Add, look: Callable[[State], object]
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            turn.select([add(turn), add(turn)])
    with store.open() as reader, store.open() as writer:
        before = reader.state(conversation)
        forget(writer, conversation)
        with pytest.raises(ConflictError, match=r"has forgotten something since turn 1: expected .* Ask again"):
            look(before)
        assert list(reader.state(conversation).objects) == ["m1"]


def test_turn_in_which_something_is_forgotten_elsewhere_is_dropped(store: Store, add: Add) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn), add(turn)
    with store.open() as here, store.open() as elsewhere:
        elsewhere._store_name = "that of another process"  # within one, turns wait for each other

        def look() -> None:
            with here.turn(conversation, "look") as turn:
                forget(elsewhere, conversation)
                turn.select(["m2"])

        with pytest.raises(ConflictError, match="has forgotten something since turn 1"):
            look()
        assert [one.kind for one in here.history(conversation)] == ["change", "forget"]


def test_state_of_a_conversation_that_was_erased_and_came_back_is_refused(
    store: Store, add: Add, tmp_path: Any
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
    with store.open() as reader, store.open() as writer:
        before = reader.state(conversation)
        come_back(writer, conversation, tmp_path / "talk.zip")
        with pytest.raises(ConflictError, match="Ask again"):
            len(before.objects)
        gone = reader.state(conversation)
        writer.erase(conversation)
        with pytest.raises(ConfigError, match="is not here"):
            len(gone.objects)


def test_state_is_read_on_after_the_memory_was_closed_and_leaves_no_connection_open(store: Store, add: Add) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            add(turn)
    with store.open() as memory:
        state = memory.state(conversation)
    assert list(state.objects) == ["m1"]
    assert memory._store._engine.pool.checkedin() == 0
