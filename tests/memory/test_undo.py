"""One undo reverts one turn; redo brings it back; a change in between begins a new branch."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from agent_tools.errors import HandleError, ToolInputError
from agent_tools.masks import Mask
from agent_tools.memory import Memory, State, Turn, on_demand
from agent_tools.pictures import Picture

Add = Callable[..., str]
MakePicture = Callable[[int], Picture]


def found(state: State) -> list[str]:
    return [f"{one.handle}v{one.version}" for one in state.objects.values()]


def test_undo_and_redo_walk_through_what_turns_did(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.select([add(turn), add(turn)])
    with memory.turn(conversation) as turn:
        turn.select(["m2"])
    with memory.turn(conversation) as turn:
        turn.revise("m2", label="lemon")

    seen = []
    for move in ("undo", "undo", "redo", "redo", "undo", "undo", "undo"):
        with memory.turn(conversation) as turn:
            assert getattr(turn, move)() == 1
            assert turn.state == replace(memory.state(conversation), **_staged(turn))
        state = memory.state(conversation)
        seen.append((found(state), state.selection, state.undo, state.redo))
    assert seen == [
        (["m1v1", "m2v1"], ("m2",), 2, 1),
        (["m1v1", "m2v1"], ("m1", "m2"), 1, 2),
        (["m1v1", "m2v1"], ("m2",), 2, 1),
        (["m1v1", "m2v2"], ("m2",), 3, 0),
        (["m1v1", "m2v1"], ("m2",), 2, 1),
        (["m1v1", "m2v1"], ("m1", "m2"), 1, 2),
        ([], (), 0, 3),
    ]
    assert [said.kind for said in memory.history(conversation)] == ["change"] * 3 + ["undo"] * 2 + ["redo"] * 2 + [
        "undo"
    ] * 3


def _staged(turn: Turn) -> dict[str, object]:
    names = (
        "turn_number",
        "pictures",
        "picture",
        "gestures",
        "objects",
        "selection",
        "selected_before",
        "undo",
        "redo",
        "changes",
        "position",
    )
    return {name: getattr(turn.state, name) for name in names}


def test_selected_before_is_what_the_last_change_of_the_selection_replaced(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.select([add(turn), add(turn), add(turn)])
    for chosen in (["m1", "m2"], ["m2"]):
        with memory.turn(conversation) as turn:
            turn.select(chosen)
            assert turn.state.selected_before == memory.state(conversation).selection
    with memory.turn(conversation) as turn:
        turn.revise("m2", label="lemon")
        assert turn.state.selected_before == ("m1", "m2")
    assert memory.state(conversation).selected_before == ("m1", "m2")
    for _ in range(2):
        with memory.turn(conversation) as turn:
            turn.undo()
    assert memory.state(conversation).selected_before == ("m1", "m2", "m3")
    with memory.turn(conversation) as turn:
        turn.forget(handles=["m1"])
    assert memory.state(conversation).selected_before == ("m2", "m3")


def test_undo_of_several_steps_says_how_many_there_were(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    for _ in range(3):
        with memory.turn(conversation) as turn:
            add(turn)
    with memory.turn(conversation) as turn:
        assert (turn.undo(2), turn.redo(5), turn.undo(9)) == (2, 2, 3)
        assert turn.state.redo == 3
    assert memory.state(conversation).redo == 3


def test_undo_or_redo_without_any_is_a_tool_input_error(memory: Memory) -> None:
    with memory.turn(memory.create()) as turn:
        with pytest.raises(ToolInputError, match="nothing to undo"):
            turn.undo()
        with pytest.raises(ToolInputError, match="nothing to redo"):
            turn.redo()
        for move in (turn.undo, turn.redo):
            with pytest.raises(ToolInputError, match="1 or more"):
                move(0)


def test_undo_steps_over_turns_that_changed_nothing(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    for _ in range(2):
        with memory.turn(conversation) as turn:
            add(turn)
        with memory.turn(conversation, "how many now?") as turn:
            turn.answer = "Some."
    with memory.turn(conversation) as turn:
        turn.undo()
    with memory.turn(conversation, "how many now?") as turn:
        turn.answer = "One."
    assert found(memory.state(conversation)) == ["m1v1"]
    with memory.turn(conversation) as turn:
        turn.redo()
    assert found(memory.state(conversation)) == ["m1v1", "m2v1"]


def test_change_after_undo_begins_a_branch_and_reuses_no_number(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    with memory.turn(conversation) as turn:
        add(turn)
        turn.revise("m1", label="undone")
    with memory.turn(conversation) as turn:
        turn.undo()
    with memory.turn(conversation) as turn:
        assert add(turn) == "m3"
        revised = turn.revise("m1", label="lemon")
        assert (revised.version, revised.parent) == (3, ("m1", 1))
        assert turn.version("m1", 2).label == "undone"
        with pytest.raises(HandleError, match="was undone"):
            turn.version("m2")
    state = memory.state(conversation)
    assert (found(state), state.undo, state.redo) == (["m1v3", "m3v1"], 2, 0)
    with memory.turn(conversation) as turn:
        turn.undo()
    assert found(memory.state(conversation)) == ["m1v1"]


def test_undo_of_opening_closes_the_picture_and_opening_it_again_finds_its_handle(
    memory: Memory, picture: MakePicture
) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.open_picture(picture(1))
    with memory.turn(conversation) as turn:
        turn.open_picture(picture(2))
        turn.add_gesture("p2", "point", [(1, 1)])
    with memory.turn(conversation) as turn:
        turn.undo()
        assert (list(turn.state.pictures), turn.state.picture, list(turn.state.gestures)) == (["p1"], "p1", [])
    state = memory.state(conversation)
    assert (list(state.pictures), state.picture) == (["p1"], "p1")
    with memory.turn(conversation) as turn:
        with pytest.raises(HandleError, match="was undone"):
            turn.use_picture("p2")
        assert turn.open_picture(picture(3)) == "p3"
        assert turn.open_picture(picture(2)) == "p2"
    state = memory.state(conversation)
    assert (list(state.pictures), state.picture, list(state.gestures)) == (["p1", "p2", "p3"], "p2", ["g1"])
    with memory.turn(conversation) as turn:
        assert turn.undo(2) == 1
    assert memory.state(conversation).picture == "p1"


def test_undo_stops_at_the_pictures_that_a_conversation_began_with(
    memory: Memory, picture: MakePicture, add: Add
) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.open_picture(picture(1))
    assert memory.state(conversation).undo == 0
    with memory.turn(conversation) as turn, pytest.raises(ToolInputError, match="nothing to undo"):
        turn.undo()
    with memory.turn(conversation) as turn:
        add(turn)
    with memory.turn(conversation) as turn:
        assert turn.undo(5) == 1
    state = memory.state(conversation)
    assert (found(state), state.picture, state.undo, state.redo) == ([], "p1", 0, 1)
    with memory.turn(conversation) as turn:
        turn.redo()
    assert found(memory.state(conversation)) == ["m1v1"]


def test_gestures_and_the_current_picture_are_no_undo_steps(memory: Memory, picture: MakePicture, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.open_picture(picture(1))
        turn.open_picture(picture(2))
    with memory.turn(conversation) as turn:
        add(turn)
    with memory.turn(conversation) as turn:
        turn.use_picture("p1")
        turn.add_gesture("p1", "stroke", [(1, 1), (2, 2)])
    assert (memory.state(conversation).undo, memory.state(conversation).picture) == (1, "p1")
    with memory.turn(conversation) as turn:
        turn.undo()
    state = memory.state(conversation)
    assert (found(state), state.picture, list(state.gestures)) == ([], "p2", ["g1"])


def test_undo_in_a_turn_that_changed_something_drops_that_first(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    with memory.turn(conversation) as turn:
        add(turn, "wrong")
        turn.revise("m1", label="wrong")
        assert turn.undo() == 1
        assert found(turn.state) == ["m1v1"]
        assert add(turn) == "m3"
        assert turn.revise("m1", label="right").version == 3
    assert found(memory.state(conversation)) == ["m1v3", "m3v1"]
    with memory.turn(conversation) as turn:
        turn.select(["m3"])
        assert turn.undo(2) == 2
    state = memory.state(conversation)
    assert (found(state), state.undo, state.redo) == (["m1v1"], 1, 1)


@dataclass
class Snapshot:
    """What a person sees, as plain Python."""

    pictures: tuple[str, ...] = ()
    objects: dict[str, int] = field(default_factory=dict)
    selection: tuple[str, ...] = ()

    def without(self, gone: set[str]) -> "Snapshot":
        return Snapshot(
            tuple(handle for handle in self.pictures if handle not in gone),
            {handle: version for handle, version in self.objects.items() if handle not in gone},
            tuple(handle for handle in self.selection if handle not in gone),
        )


class SnapshotMachine(RuleBasedStateMachine):
    """The memory against a list of snapshots with a finger on one of them."""

    def __init__(self, memory: Memory) -> None:
        super().__init__()
        self.memory = memory
        self.conversation = self.memory.create()
        self.snapshots = [Snapshot()]
        self.at = 0
        self.ever: set[str] = set()
        self.highest: dict[str, int] = {}
        self.lies_on: dict[str, str] = {}
        self.forgotten: set[str] = set()

    def fresh(self, handle: str) -> str:
        assert handle not in self.ever
        self.ever.add(handle)
        return handle

    def change(self, turn: Turn, now: Snapshot, choice: int) -> None:
        kind, pick = choice % 4, choice // 4
        objects, mask = list(now.objects), Mask.from_array(np.eye(3) * (pick % 2))
        if kind == 0 or not now.pictures:
            handle = turn.open_picture(Picture.from_array(np.full((3, 3, 3), pick % 3, np.uint8)))
            if handle not in now.pictures:
                now.pictures = tuple(sorted((*now.pictures, handle)))
            assert handle not in self.forgotten
        elif kind == 1 or not objects:
            place = now.pictures[pick % len(now.pictures)]
            handle = self.fresh(turn.add_object(picture=place, label="thing", mask=mask))
            now.objects[handle], self.highest[handle], self.lies_on[handle] = 1, 1, place
        elif kind == 2:
            handle = objects[pick % len(objects)]
            self.highest[handle] += 1
            now.objects[handle] = self.highest[handle]
            assert turn.revise(handle, mask=mask).version == self.highest[handle]
        else:
            now.selection = tuple(objects[pick % len(objects) :: 2])
            turn.select(now.selection)

    @rule(choices=st.lists(st.integers(0, 40), min_size=1, max_size=4), fails=st.booleans())
    def turn_of_changes(self, choices: list[int], fails: bool) -> None:
        now = self.snapshots[self.at].without(set())
        highest, ever = dict(self.highest), set(self.ever)
        try:
            with self.memory.turn(self.conversation, "change") as turn:
                for choice in choices:
                    self.change(turn, now, choice)
                if fails:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            self.highest, self.ever = highest, ever
        else:
            if now != self.snapshots[self.at]:
                self.snapshots[self.at + 1 :] = [now]
                self.at += 1

    @property
    def begins_at(self) -> int:
        """Where undo stops: after the first change, where that did nothing but open pictures."""
        first = self.snapshots[1] if len(self.snapshots) > 1 else Snapshot()
        return int(bool(first.pictures) and not first.objects and not first.selection)

    @rule(steps=st.integers(1, 3), back=st.booleans())
    def move(self, steps: int, back: bool) -> None:
        target = (
            max(self.at - steps, min(self.at, self.begins_at))
            if back
            else min(self.at + steps, len(self.snapshots) - 1)
        )
        try:
            with self.memory.turn(self.conversation) as turn:
                moved = turn.undo(steps) if back else turn.redo(steps)
        except ToolInputError:
            moved = 0
        assert moved == abs(target - self.at)
        self.at = target

    @rule()
    def say(self) -> None:
        with self.memory.turn(self.conversation, "how many now?") as turn:
            turn.answer = str(len(turn.state.objects))

    @rule()
    def carry(self) -> None:
        with TemporaryDirectory() as folder:
            file = self.memory.export_conversation(self.conversation, Path(folder, "talk.zip"))
            self.conversation = self.memory.import_conversation(file)

    @rule(choices=st.lists(st.integers(0, 40), max_size=2), pick=st.integers(0, 10), picture=st.booleans())
    def forget(self, choices: list[int], pick: int, picture: bool) -> None:
        now = self.snapshots[self.at].without(set())
        with self.memory.turn(self.conversation, "forget") as turn:
            for choice in choices:
                self.change(turn, now, choice)
            handles = list(now.pictures if picture else now.objects)
            handle = handles[pick % len(handles)] if handles else None
            if handle is not None:
                turn.forget(picture=handle) if picture else turn.forget([handle])
        gone = {handle, *(one for one, place in self.lies_on.items() if place == handle)} - {None}
        self.forgotten |= gone
        kept: list[Snapshot] = []
        for index, snapshot in enumerate(self.snapshots):
            rest = snapshot.without(gone)
            if not kept or rest != kept[-1]:
                kept.append(rest)
            if index == self.at:
                at = len(kept) - 1
        if now.without(gone) != kept[at]:
            kept[at + 1 :] = [now.without(gone)]
            at += 1
        self.snapshots, self.at = kept, at

    @invariant()
    def is_what_the_model_says(self) -> None:
        state, now = self.memory.state(self.conversation), self.snapshots[self.at]
        assert tuple(state.pictures) == now.pictures
        assert {handle: one.version for handle, one in state.objects.items()} == now.objects
        assert state.selection == now.selection
        undo = max(self.at - self.begins_at, 0)
        assert (state.undo, state.redo) == (undo, len(self.snapshots) - 1 - self.at)
        self.memory._known.clear()
        assert self.memory.state(self.conversation) == state
        self.memory._known.clear()  # so that the next turn begins with nothing read


def test_memory_is_what_a_list_of_snapshots_with_a_finger_on_one_is(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand, "PAGE", 2)  # as if there were hundreds of objects
    rounds = settings(max_examples=25, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(lambda: SnapshotMachine(memory), settings=rounds)
