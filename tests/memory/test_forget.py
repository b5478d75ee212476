"""Forgetting erases: from the state, from older turns, from the files. What is left can still be undone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import HandleError
from agent_tools.masks import Mask
from agent_tools.memory import CallRecord, Memory, Turn
from agent_tools.pictures import Picture

Store = Any  # either kind in conftest.py
Add = Callable[..., str]
MakePicture = Callable[[int], Picture]

LABEL = "zebra-crossing"
SECRET = Mask.from_array(np.random.default_rng(7).random((8, 8)) < 0.5)


def find_secret(memory: Memory, conversation: str, add: Add) -> None:
    """Turn 1 finds an orange; turns 2 and 3 find and revise a secret, m2."""
    with memory.turn(conversation, "count the oranges") as turn:
        turn.select([add(turn, "orange")])
        turn.record_call(
            CallRecord("c1", "count", {"phrases": ["orange"]}, "1 orange", {"objects": [{"handle": "m1"}]})
        )
        turn.answer = "One orange."
    with memory.turn(conversation, f"count the {LABEL}s") as turn:
        secret = turn.add_object(picture="p1", label=LABEL, mask=SECRET, prompts=[{"phrase": LABEL}])
        turn.select(["m1", secret])
        data = {"objects": [{"handle": secret, "label": LABEL, "mask": SECRET.to_coco()}]}
        turn.record_call(CallRecord("c2", "count", {"phrases": [LABEL]}, f"1 {LABEL}: m2", data))
        turn.answer = f"One {LABEL}."
    with memory.turn(conversation, f"a better {LABEL}") as turn:
        turn.revise("m2", mask=SECRET & Mask.from_array(np.eye(8)))


@pytest.fixture
def secret(memory: Memory, add: Add) -> str:
    conversation = memory.create()
    find_secret(memory, conversation, add)
    return conversation


def forget(memory: Memory, conversation: str, work: Callable[[Turn], None]) -> None:
    with memory.turn(conversation, "forget it") as turn:
        work(turn)
        turn.answer = "Forgotten."


def test_forget_of_an_object_erases_every_trace_of_it(store: Store, memory: Memory, secret: str) -> None:
    before = store.traces()
    assert LABEL.encode() in before
    assert SECRET.counts in before
    forget(memory, secret, lambda turn: turn.forget(["m2"]))
    after = store.traces()
    assert LABEL.encode() not in after
    assert SECRET.counts not in after
    assert b"orange" in after
    assert [(said.kind, said.request, len(said.calls)) for said in memory.history(secret)] == [
        ("change", "count the oranges", 1),
        ("forget", "forget it", 0),
    ]


def test_forget_of_an_object_erases_calls_of_other_turns_that_name_it(memory: Memory, secret: str) -> None:
    with memory.turn(secret, "what is there?") as turn:
        for call, handle in (("c3", "m1"), ("c4", "m2")):
            turn.record_call(CallRecord(call, "recall", {}, f"{handle} {LABEL}", {"selection": [handle]}))
    forget(memory, secret, lambda turn: turn.forget(["m2"]))
    assert [call.call_id for said in memory.history(secret) for call in said.calls] == ["c1", "c3"]


def test_forget_of_an_object_leaves_undo_consistent(memory: Memory, secret: str) -> None:
    with memory.turn(secret) as turn:
        turn.select(["m2"])
    with memory.turn(secret) as turn:
        turn.undo()
    forget(memory, secret, lambda turn: turn.forget(["m2"]))
    state = memory.state(secret)
    assert (list(state.objects), state.selection, state.undo, state.redo) == (["m1"], ("m1",), 1, 1)
    with memory.turn(secret) as turn:
        turn.redo()
        assert turn.state.selection == ()
        turn.undo(2)
        assert (turn.state.objects, turn.state.undo, turn.state.redo) == ({}, 0, 2)
        turn.redo()
        with pytest.raises(HandleError):
            turn.version("m2", 1)
        assert turn.add_object(picture="p1", label="new", box=(0, 0, 1, 1)) == "m3"


def test_forget_of_a_picture_erases_its_file_and_all_that_was_on_it(
    store: Store, memory: Memory, secret: str, picture: MakePicture
) -> None:
    with memory.turn(secret, "look here") as turn:
        turn.open_picture(picture(200))
        turn.add_object(picture="p2", label="pear", box=(0, 0, 1, 1))
        turn.answer = "A pear."
    forget(memory, secret, lambda turn: turn.forget(picture="p1"))
    state = memory.state(secret)
    assert (list(state.pictures), list(state.objects), state.picture) == (["p2"], ["m3"], "p2")
    assert (state.undo, state.selection) == (1, ())
    files = [file.name for file in memory._files.folder.glob("*")]
    assert files == [picture(200).digest]
    after = store.traces()
    assert LABEL.encode() not in after
    assert b"orange" not in after
    assert picture(100).digest.encode() not in after
    assert [said.request for said in memory.history(secret)] == ["look here", "forget it"]
    with memory.turn(secret) as turn:
        assert turn.open_picture(picture(100)) == "p3"


def test_forget_of_everything_leaves_an_empty_conversation(store: Store, memory: Memory, secret: str) -> None:
    def work(turn: Turn) -> None:
        turn.request = "forget my secrets"
        turn.forget()
        turn.record_call(CallRecord("c9", "forget", {}, "Forgotten."))
        assert turn.call("c1") is None
        assert (turn.state.objects, turn.state.pictures, turn.state.undo) == ({}, {}, 0)

    forget(memory, secret, work)
    state = memory.state(secret)
    assert (state.objects, state.pictures, state.gestures, state.picture) == ({}, {}, {}, None)
    assert (state.undo, state.redo, state.selection) == (0, 0, ())
    assert [(one.request, one.answer, len(one.calls)) for one in memory.history(secret)] == [("", "Forgotten.", 1)]
    after = store.traces()
    for trace in (LABEL.encode(), b"orange", SECRET.counts, b"secrets"):
        assert trace not in after
    assert not list(memory._files.folder.glob("*"))
    with memory.turn(secret) as turn:
        assert turn.open_picture(Picture.from_array(np.zeros((8, 8)))) == "p2"
        assert turn.add_object(picture="p2", label="new", box=(0, 0, 1, 1)) == "m3"


def test_forget_of_what_the_same_turn_found_keeps_the_rest(store: Store, memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation, "count") as turn:
        add(turn, "orange")
        add(turn, LABEL)
        turn.select(["m1", "m2"])
        turn.record_call(CallRecord("c1", "count", {}, LABEL, {"objects": [{"handle": "m2"}]}))
        turn.forget("m2")
        assert turn.state.selection == ("m1",)
    assert list(memory.state(conversation).objects) == ["m1"]
    assert LABEL.encode() not in store.traces()


def test_forget_after_undo_in_one_turn_reaches_the_undone(store: Store, memory: Memory, secret: str) -> None:
    def work(turn: Turn) -> None:
        turn.undo(2)
        turn.forget(["m2"])

    forget(memory, secret, work)
    state = memory.state(secret)
    assert (list(state.objects), state.undo, state.redo) == (["m1"], 1, 0)
    assert LABEL.encode() not in store.traces()


def test_forget_dropped_by_an_error_keeps_everything(memory: Memory, secret: str) -> None:
    before, said = memory.state(secret), memory.history(secret)

    def fail(turn: Turn) -> None:
        turn.forget()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        forget(memory, secret, fail)
    memory._known.clear()
    assert memory.state(secret) == before
    assert memory.history(secret) == said


def test_picture_that_another_conversation_shows_stays_when_one_forgets_it(store: Store, picture: MakePicture) -> None:
    with store.open(owner="ann") as ann, store.open(owner="ben") as ben:
        of_ann, of_ben = ann.create(), ben.create()
        for memory, conversation in ((ann, of_ann), (ben, of_ben)):
            with memory.turn(conversation) as turn:
                turn.open_picture(picture(5))
        path = ann.state(of_ann).pictures["p1"].path
        forget(ann, of_ann, lambda turn: turn.forget(picture="p1"))
        assert path.exists()
        with ben.turn(of_ben) as turn:
            turn.picture()
        ben.erase(of_ben)
        assert not path.exists()


def test_erase_takes_the_whole_conversation_and_no_other(store: Store, memory: Memory, secret: str, add: Add) -> None:
    other = memory.create()
    with memory.turn(other, "keep this") as turn:
        turn.open_picture(Picture.from_array(np.full((8, 8), 9, np.uint8)))
        add(turn, "pear")
    before = memory.state(other)
    memory.erase(secret)
    after = store.traces()
    for trace in (LABEL.encode(), b"orange", SECRET.counts, secret.encode()):
        assert trace not in after
    assert [one.id for one in memory.conversations()] == [other]
    memory._known.clear()
    assert memory.state(other) == before
