"""A turn is kept whole or not at all, and is there again after the process."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ConfigError, HandleError, MemoryStoreError, ToolInputError
from agent_tools.masks import Mask
from agent_tools.memory import Alternative, CallRecord, Memory
from agent_tools.pictures import Picture

Store = Any  # either kind in conftest.py
Add = Callable[..., str]
MakePicture = Callable[[int], Picture]
MakeMask = Callable[[int], Mask]


def test_turn_leaving_its_block_is_there_after_reopening(store: Store, picture: MakePicture, mask: MakeMask) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation, "count the oranges", click=(3, 4)) as turn:
            turn.open_picture(picture(10))
            turn.add_gesture("p1", "point", [(3, 4)])
            turn.add_gesture("p1", "stroke", [(1, 2), (3, 4)], include=False)
            turn.add_object(
                picture="p1",
                label="orange",
                score=0.75,
                mask=mask(1),
                prompts=[{"phrase": "orange"}],
                model="test",
                predicted_iou=0.5,
                stability=0.25,
                candidate=2,
                review=True,
            )
            turn.add_object(picture="p1", label="leaf", box=(1, 2, 3, 4))
            choice = [Alternative(mask(2), 0.75, 0.5), Alternative(mask(3), 0.25, 0.125)]
            turn.revise("m1", mask=mask(2), prompts=[{"gesture": "g1"}], alternatives=choice)
            turn.select(["m2", "m1"])
            turn.record_call(CallRecord("c1", "count", {"phrases": ["orange"]}, "1 orange", {"n": 1}, seconds=0.5))
            turn.answer = "There is 1 orange."
        before, said = memory.state(conversation), memory.history(conversation)
    with store.open() as memory:
        assert memory.state(conversation) == before
        assert memory.history(conversation) == said
        assert memory.conversations()[0].last_request == "count the oranges"
        with memory.turn(conversation) as turn:
            assert turn.picture().digest == picture(10).digest
            np.testing.assert_array_equal(turn.picture("p1").array, picture(10).array)
            first = turn.version("m1", 1)
    found = before.objects["m1"]
    assert (first.mask, found.mask) == (mask(1), mask(2))
    assert (found.version, found.parent, found.area, found.box) == (2, ("m1", 1), mask(2).area, mask(2).box)
    assert found.prompts == ({"phrase": "orange"}, {"gesture": "g1"})
    assert (found.score, found.predicted_iou, found.stability, found.candidate) == (0.75, 0.5, 0.25, 2)
    assert (found.review, found.turn, found.model) == (True, 1, "test")
    assert (before.objects["m2"].mask, before.objects["m2"].box) == (None, (1, 2, 3, 4))
    assert before.selection == ("m2", "m1")
    assert (first.alternatives, found.alternatives) == ((), tuple(choice))
    assert (before.gestures["g1"].coordinates, before.gestures["g1"].include) == (((3, 4),), True)
    assert (before.gestures["g2"].kind, before.gestures["g2"].include) == ("stroke", False)
    assert (said[0].request, said[0].answer, said[0].kind) == ("count the oranges", "There is 1 orange.", "change")
    assert said[0].click == (3, 4)
    assert said[0].calls == (CallRecord("c1", "count", {"phrases": ["orange"]}, "1 orange", {"n": 1}, False, 0.5),)


def test_alternatives_stay_with_their_mask_and_go_with_it(memory: Memory, add: Add, mask: MakeMask) -> None:
    with memory.turn(memory.create()) as turn:
        handle = add(turn)
        turn.revise(handle, mask=mask(1), alternatives=[Alternative(mask(1), 0.5, 0.5), Alternative(mask(2), 0.5, 0.5)])
        assert len(turn.revise(handle, label="lemon").alternatives) == 2
        assert turn.revise(handle, mask=mask(3)).alternatives == ()


def test_turn_whose_block_raises_leaves_nothing(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    before = memory.state(conversation)

    def fail() -> None:
        with memory.turn(conversation, "count") as turn:
            add(turn)
            turn.record_call(CallRecord("c1", "count"))
            assert memory.state(conversation) == before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert memory.state(conversation) == before
    assert memory.history(conversation) == []
    assert not list(memory._files.folder.glob("*"))
    with memory.turn(conversation, "count") as turn:
        assert turn.call("c1") is None


def test_turn_that_cannot_be_written_leaves_nothing(memory: Memory, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    before = memory.state(conversation)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def open_another() -> None:
        with memory.turn(conversation) as turn:
            add(turn)
            turn.open_picture(Picture.from_array(np.zeros((3, 3, 3), np.uint8)))

    monkeypatch.setattr(memory._files, "save", no_room)
    with pytest.raises(MemoryStoreError, match="free space"):
        open_another()
    monkeypatch.undo()
    assert memory.state(conversation) == before
    with memory.turn(conversation) as turn:
        assert add(turn) == "m2"


def test_turn_in_which_nothing_happened_leaves_no_trace(memory: Memory) -> None:
    conversation = memory.create()
    with memory.turn(conversation, "hello"):
        pass
    assert memory.history(conversation) == []
    assert memory.state(conversation).revision == 0


def test_turn_with_only_an_answer_is_a_message_and_no_undo_step(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    with memory.turn(conversation, "how many now?") as turn:
        turn.select(turn.state.selection)
        turn.answer = "One."
    assert [said.kind for said in memory.history(conversation)] == ["change", "message"]
    assert memory.state(conversation).undo == 1
    assert memory.state(conversation).turn_number == 2


def test_turn_state_shows_what_is_staged_and_no_view_changes_later(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        empty = turn.state
        add(turn)
        one = turn.state
        add(turn)
        assert (len(empty.objects), len(one.objects), len(turn.state.objects)) == (0, 1, 2)
        assert (one.undo, one.redo, one.turn_number, one.revision) == (1, 0, 1, 0)
        with pytest.raises(TypeError):
            turn.state.objects["m3"] = one.objects["m1"]  # type: ignore[index]


def test_turn_after_its_block_refuses_writes(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)
    with pytest.raises(MemoryStoreError, match="is over"):
        turn.select(["m1"])


def test_turn_inside_a_turn_of_the_same_thread_is_refused(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        with pytest.raises(MemoryStoreError, match="in a turn already"), memory.turn(conversation):
            pass
        add(turn)
    assert list(memory.state(conversation).objects) == ["m1"]


def test_turns_of_several_threads_follow_each_other(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        add(turn)

    def work() -> None:
        for _ in range(5):
            with memory.turn(conversation) as turn:
                add(turn)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(memory.state(conversation).objects) == [f"m{number}" for number in range(1, 22)]
    assert memory.state(conversation).undo == 21


def test_call_of_a_known_id_is_kept_once(memory: Memory, add: Add) -> None:
    conversation = memory.create()
    first = CallRecord("c1", "count", {"phrases": ["orange"]}, "one")
    with memory.turn(conversation) as turn:
        turn.record_call(first)
        turn.record_call(CallRecord("c1", "count", {}, "another"))
        assert turn.call("c1") == first
        assert turn.calls == (first,)
    with memory.turn(conversation) as turn:
        turn.record_call(CallRecord("c1", "count", {}, "another"))
        assert turn.call("c1") == first
        assert turn.calls == ()
        assert turn.call("c2") is None
    assert [said.calls for said in memory.history(conversation)] == [(first,)]


def test_call_with_masks_gives_them_back_without_keeping_them_twice(memory: Memory, add: Add, mask: MakeMask) -> None:
    conversation = memory.create()
    data = {"objects": [{"handle": "m1", "mask": mask(0).to_coco()}, {"handle": "m1", "mask": None}]}
    with memory.turn(conversation) as turn:
        add(turn)
        turn.record_call(CallRecord("c1", "segment", {}, "m1", data))
        turn.revise("m1", mask=mask(5))
        found = turn.call("c1")
        assert found is not None
        assert found.data == data
    assert memory.history(conversation)[0].calls[0].data == data
    kept = memory._store.find_call(conversation, "c1")
    assert kept is not None
    assert kept.data["objects"][0]["mask"] == {"version": 1}


def test_call_with_numpy_values_is_kept_plain(memory: Memory) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.record_call(CallRecord("c1", "count", {}, "", {"n": np.int64(3), "box": np.ones(2, np.float32)}))
        with pytest.raises(ToolInputError, match="cannot be kept"):
            turn.record_call(CallRecord("c2", "count", {}, "", {"n": float("nan")}))
    assert memory.history(conversation)[0].calls[0].data == {"n": 3, "box": [1.0, 1.0]}


def test_picture_opened_again_keeps_its_handle(memory: Memory, picture: MakePicture) -> None:
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        assert [turn.open_picture(picture(shade)) for shade in (1, 2, 1)] == ["p1", "p2", "p1"]
        assert turn.state.picture == "p1"
        turn.open_picture(picture(2), make_current=False)
        assert turn.state.picture == "p1"
    with memory.turn(conversation) as turn:
        assert turn.open_picture(picture(2), "again") == "p2"
        assert turn.state.pictures["p2"].name == "shade-2.png"
    state = memory.state(conversation)
    assert state.picture == "p2"
    assert state.undo == 0
    assert state.pictures["p2"].path.read_bytes() == picture(2).original


def test_picture_whose_file_is_damaged_or_missing_is_an_error_and_opening_it_again_helps(
    store: Store, picture: MakePicture
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            turn.open_picture(picture(1))
        path = memory.state(conversation).pictures["p1"].path
    with store.open() as memory:
        path.write_bytes(b"x")
        with memory.turn(conversation) as turn, pytest.raises(MemoryStoreError, match="is damaged"):
            turn.picture()
        path.unlink()
        with memory.turn(conversation) as turn, pytest.raises(MemoryStoreError, match="cannot be read back"):
            turn.picture()
        with memory.turn(conversation) as turn:
            turn.open_picture(picture(1))
            turn.answer = "opened"
    assert path.read_bytes() == picture(1).original


def test_picture_without_any_open_asks_to_open_one(memory: Memory) -> None:
    with memory.turn(memory.create()) as turn, pytest.raises(ToolInputError, match="open_picture"):
        turn.picture()


def test_handles_that_name_nothing_are_errors_that_list_the_nearest(memory: Memory, add: Add) -> None:
    with memory.turn(memory.create()) as turn:
        with pytest.raises(HandleError, match="there are none yet"):
            turn.select(["m1"])
        for seed in range(30):
            add(turn, seed=seed)
        for wrong in (
            lambda: turn.select(["m1", "m22x"]),
            lambda: turn.revise("p1"),
            lambda: turn.forget(["m31"]),
            lambda: turn.forget(picture="p2"),
            lambda: turn.use_picture("p2"),
            lambda: turn.picture(""),
            lambda: turn.add_gesture("p9", "point", [(1, 1)]),
            lambda: turn.add_object(picture="p2", label="orange", box=(0, 0, 1, 1)),
            lambda: turn.version("m1", 2),
            lambda: turn.version("m31", 1),
        ):
            with pytest.raises(HandleError, match="expected one of the"):
                wrong()
        with pytest.raises(HandleError, match="for example m26, m27, m28, m29, m30"):
            turn.version("m99")


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        ("point", []),
        ("point", [(1, 2), (3, 4)]),
        ("box", [(1, 2)]),
        ("polygon", [(1, 2), (3, 4)]),
        ("stroke", []),
        ("stroke", [(1, float("nan"))]),
        ("stroke", [(1, 2, 3)]),
        ("stroke", [1, 2]),
        ("wave", [(1, 2)]),
    ],
)
def test_gesture_that_makes_no_sense_is_refused(
    memory: Memory, picture: MakePicture, kind: str, coordinates: list[object]
) -> None:
    with memory.turn(memory.create()) as turn:
        turn.open_picture(picture(1))
        with pytest.raises(ToolInputError):
            turn.add_gesture("p1", kind, coordinates)  # type: ignore[arg-type]
        assert turn.add_gesture("p1", "point", [(1, 2)]) == "g1"


@pytest.mark.parametrize(
    ("alternative", "message"),
    [
        (Alternative(Mask.from_array(np.ones((2, 2))), 0.5, 0.5), r"mask size=\[2, 2\] does not fit"),
        (Alternative(Mask.from_array(np.ones((8, 8))), float("nan"), 0.5), "predicted_iou=nan is no number"),
    ],
)
def test_alternative_that_does_not_fit_is_refused(
    memory: Memory, add: Add, alternative: Alternative, message: str
) -> None:
    with memory.turn(memory.create()) as turn:
        handle = add(turn)
        with pytest.raises(ToolInputError, match=message):
            turn.revise(handle, alternatives=[alternative])


def test_object_that_does_not_fit_its_picture_is_refused(memory: Memory, add: Add) -> None:
    small = Mask.from_array(np.ones((4, 4)))
    with memory.turn(memory.create()) as turn:
        add(turn)
        for wrong in (
            lambda: turn.add_object(picture="p1", label="orange", mask=small),
            lambda: turn.revise("m1", mask=small),
            lambda: turn.add_object(picture="p1", label="orange"),
            lambda: turn.add_object(picture="p1", label="orange", box=(1, 2, 3)),
            lambda: turn.add_object(picture="p1", label="orange", box=(1, 2, 3, float("inf"))),
            lambda: turn.add_object(picture="p1", label="orange", box=(1, 2, 3, 4), score=float("nan")),
            lambda: turn.add_object(picture="p1", label="orange", box=(1, 2, 3, 4), prompts=[{"a": object()}]),
        ):
            with pytest.raises(ToolInputError):
                wrong()
        with pytest.raises(TypeError, match="handle"):
            turn.revise("m1", handle="m2")  # type: ignore[misc]
        assert list(turn.state.objects) == ["m1"]
        assert turn.state.objects["m1"].version == 1
        assert add(turn) == "m2"


@pytest.mark.parametrize("wrong", ["0" * 32, "", "../../etc/passwd", "A" * 32, "1' OR '1'='1", "0" * 33, None, 7])
def test_conversation_of_unknown_id_is_a_config_error(memory: Memory, wrong: object) -> None:
    for use in (memory.state, memory.history, memory.erase):
        with pytest.raises(ConfigError, match="expected"):
            use(wrong)  # type: ignore[operator]
    with pytest.raises(ConfigError), memory.turn(wrong):  # type: ignore[arg-type]
        pass


def test_conversation_of_another_owner_is_as_if_it_did_not_exist(store: Store, add: Add) -> None:
    with store.open(owner="ann") as ann, store.open(owner="ben") as ben:
        conversation = ann.create()
        with ann.turn(conversation, "a secret") as turn:
            add(turn)
        unknown = "0" * 32
        for use in (ben.state, ben.history, ben.erase):
            with pytest.raises(ConfigError) as of_ann:
                use(conversation)
            with pytest.raises(ConfigError) as of_nobody:
                use(unknown)
            assert str(of_ann.value).replace(conversation, unknown) == str(of_nobody.value)
        with pytest.raises(ConfigError), ben.turn(conversation):
            pass
        assert ben.conversations() == []
        assert [one.id for one in ann.conversations()] == [conversation]


def test_memory_import_loads_no_database(tmp_path: Path) -> None:
    code = """
import sys
from agent_tools.memory import Memory
assert not {"sqlalchemy", "psycopg", "torch"} & sys.modules.keys()
with Memory.temporary() as memory:
    memory.create()
assert "psycopg" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_memory_temporary_is_gone_after_closing() -> None:
    with Memory.temporary() as memory:
        memory.create()
        folder = memory.data_dir
        assert folder.exists()
    assert not folder.exists()


def test_picture_comes_back_from_its_file_and_says_what_to_do_where_that_is_gone(
    store: Store, picture: MakePicture
) -> None:
    with store.open() as memory:
        conversation = memory.create()
        with memory.turn(conversation) as turn:
            turn.open_picture(picture(10))
    with store.open() as memory:
        opened = memory.state(conversation).pictures["p1"]
        np.testing.assert_array_equal(memory.picture(opened).array, picture(10).array)
    opened.path.unlink()
    with store.open() as memory, pytest.raises(MemoryStoreError, match="cannot be read back"):
        memory.picture(opened)
