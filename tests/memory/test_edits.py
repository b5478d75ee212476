"""Edits in the memory: a stack that follows undo, redo and forget. Runs on both kinds of store."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_tools.errors import HandleError, ToolInputError
from agent_tools.memory import Memory

Add = Callable[..., str]


def stack(memory: Memory, conversation: str) -> list[str]:
    return [edit.handle for edit in memory.state(conversation).edits]


@pytest.fixture
def edited(memory: Memory, add: Add) -> str:
    """A conversation with m1 and m2; m1 blurred, then all but m2 gray."""
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.select([add(turn), add(turn, seed=1)])
    for action, handle, invert in (("blur", "m1", False), ("grayscale", "m2", True)):
        with memory.turn(conversation, action) as turn:
            turn.add_edit("p1", action, [handle], invert, {"strength": 0.5})
    return conversation


def test_edits_stack_in_order_and_each_undo_takes_the_last(memory: Memory, edited: str) -> None:
    state = memory.state(edited)
    assert [(one.handle, one.action, one.objects, one.invert, one.turn) for one in state.edits] == [
        ("e1", "blur", (("m1", 1),), False, 2),
        ("e2", "grayscale", (("m2", 1),), True, 3),
    ]
    assert state.edits[0].masks == (state.objects["m1"].mask,)
    assert (state.changes, state.undo, dict(state.edits[0].parameters)) == ((3, 2, 1), 3, {"strength": 0.5})
    for expected in (["e1"], []):
        with memory.turn(edited) as turn:
            turn.undo()
        assert stack(memory, edited) == expected
    with memory.turn(edited) as turn:
        turn.redo(2)
    assert stack(memory, edited) == ["e1", "e2"]


def test_edit_made_after_an_undo_gets_a_new_handle(memory: Memory, edited: str) -> None:
    with memory.turn(edited) as turn:
        turn.undo()
        turn.add_edit("p1", "cut_out", ["m2"])
        assert [edit.handle for edit in turn.state.edits] == ["e1", "e3"]
    assert stack(memory, edited) == ["e1", "e3"]


def test_edit_keeps_the_mask_it_was_made_of(memory: Memory, edited: str, mask: Any) -> None:
    before = memory.state(edited).edits[0].masks
    with memory.turn(edited) as turn:
        turn.revise("m1", mask=mask(5))
    assert memory.state(edited).edits[0].masks == before


def test_forgotten_object_takes_its_edits_along_even_after_undo(memory: Memory, edited: str, store: Any) -> None:
    with memory.turn(edited) as turn:
        turn.forget(["m1"])
        assert [edit.handle for edit in turn.state.edits] == ["e2"]
    assert stack(memory, edited) == ["e2"]
    with memory.turn(edited) as turn:
        turn.undo()
    with memory.turn(edited) as turn:
        turn.redo()
    assert stack(memory, edited) == ["e2"]
    with store.open() as again:
        assert stack(again, edited) == ["e2"]


def test_forgotten_picture_takes_its_edits_along(memory: Memory, edited: str) -> None:
    with memory.turn(edited) as turn:
        turn.add_edit("p1", "blur", [], invert=True)
        turn.forget(picture="p1")
        assert turn.state.edits == ()
    assert stack(memory, edited) == []


def test_edit_of_a_box_or_with_a_strange_number_is_refused(memory: Memory, edited: str) -> None:
    with memory.turn(edited) as turn:
        bare = turn.add_object(picture="p1", label="lid", box=(0, 0, 2, 2))
        with pytest.raises(ToolInputError, match="has no mask: expected objects on p1 with masks"):
            turn.add_edit("p1", "blur", [bare])
        with pytest.raises(ToolInputError, match="strength=nan cannot be kept: expected a finite number"):
            turn.add_edit("p1", "blur", ["m1"], parameters={"strength": float("nan")})
        assert [edit.handle for edit in turn.state.edits] == ["e1", "e2"]


def test_changed_edit_takes_the_place_of_the_old_one_and_undo_brings_that_back(
    memory: Memory, edited: str, store: Any
) -> None:
    old = memory.state(edited).edits[0]
    with memory.turn(edited) as turn:
        made = turn.change_edit("e1", parameters={"strength": 0.25, "colour": "#ff0000"})
    assert (made.handle, made.action, made.objects, made.masks) == ("e3", "blur", old.objects, old.masks)
    assert stack(memory, edited) == ["e3", "e2"]
    assert memory.state(edited).edits_before == ("e1", "e2")
    with store.open() as again:
        assert again.state(edited).edits_before == ("e1", "e2")
        assert dict(again.state(edited).edits[0].parameters) == {"strength": 0.25, "colour": "#ff0000"}
    with memory.turn(edited) as turn:
        turn.undo()
    assert memory.state(edited).edits[0] == old
    with memory.turn(edited) as turn:
        turn.redo()
    assert stack(memory, edited) == ["e3", "e2"]


def test_changed_edit_of_other_objects_has_their_masks_and_keeps_the_rest(memory: Memory, edited: str) -> None:
    with memory.turn(edited) as turn:
        made = turn.change_edit("e2", action="cut_out", objects=["m1"], invert=False)
    assert (made.action, made.objects, made.invert, dict(made.parameters)) == (
        "cut_out",
        (("m1", 1),),
        False,
        {"strength": 0.5},
    )
    assert made.masks == (memory.state(edited).objects["m1"].mask,)


def test_change_of_an_edit_keeps_the_masks_that_it_was_made_of(memory: Memory, edited: str, mask: Any) -> None:
    with memory.turn(edited) as turn:
        turn.revise("m1", mask=mask(5))
        made = turn.change_edit("e1", parameters={})
        assert made.objects == (("m1", 1),)
        assert turn.change_edit(made.handle, objects=["m1"]).objects == (("m1", 2),)


def test_edits_are_put_below_others_dropped_and_reordered(memory: Memory, edited: str) -> None:
    with memory.turn(edited) as turn:
        turn.add_edit("p1", "pixelate", ["m2"], at=1)
    assert stack(memory, edited) == ["e1", "e3", "e2"]
    with memory.turn(edited) as turn:
        turn.keep_edits(["e2", "e1"])
    assert stack(memory, edited) == ["e2", "e1"]
    with memory.turn(edited) as turn:
        turn.keep_edits([])
    assert stack(memory, edited) == []
    for expected in (["e2", "e1"], ["e1", "e3", "e2"]):
        with memory.turn(edited) as turn:
            turn.undo()
        assert stack(memory, edited) == expected


def test_edit_that_is_not_in_force_can_be_neither_changed_nor_kept(memory: Memory, edited: str) -> None:
    with memory.turn(edited) as turn:
        turn.undo()
    with memory.turn(edited) as turn:
        with pytest.raises(HandleError, match="edit=e2 was undone"):
            turn.change_edit("e2", action="blur")
        with pytest.raises(HandleError, match="edit=e9 names nothing"):
            turn.keep_edits(["e9"])
        assert [edit.handle for edit in turn.state.edits] == ["e1"]
