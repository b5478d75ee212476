"""What clicks and buttons of the page do to a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_tools.errors import ToolInputError
from agent_tools.memory import Memory
from tests.workflows.web.rooms_for_tests import do, rooms_on, shelf
from workflows.web.hands import read_attached, read_deed
from workflows.web.page import language_of_visitor
from workflows.web.rooms import Room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Three red squares are marked: m1 and m2 in the top row, m3 in the bottom one."""
    with Memory(tmp_path / "memory") as memory:
        room, _ = rooms_on(memory).open(shelf(), None)
        room.ask("count the red boxes", (), "p1")
        assert room.state.selection == ("m1", "m2", "m3")
        yield room


def gesture(include: bool, *points: tuple[float, float], kind: str = "point", chosen: str | None = None) -> Any:
    return {"do": "gesture", "kind": kind, "coordinates": list(points), "include": include, "chosen": chosen}


def test_click_takes_away_what_is_under_it_and_the_count_follows(room: Room) -> None:
    reply = do(room, **gesture(False, (41, 7)))
    assert room.state.selection == ("m1", "m3")
    assert next(iter(reply.counts.values()))["n"] == 2
    assert "2" in reply.answer


def test_click_taking_away_the_last_leaves_nothing(room: Room) -> None:
    for place in ((8, 8), (41, 7), (24, 40)):
        reply = do(room, **gesture(False, place))
    assert room.state.selection == ()
    assert reply.answer


def test_click_taking_away_beside_everything_is_refused_and_changes_nothing(room: Room) -> None:
    before = room.state.revision
    with pytest.raises(ToolInputError, match="nothing that is marked"):
        do(room, **gesture(False, (60, 60)))
    assert room.state.revision == before


def test_click_adds_a_known_thing_again_under_its_handle(room: Room) -> None:
    do(room, **gesture(False, (8, 8)))
    do(room, **gesture(True, (8, 8)))
    assert sorted(room.state.selection) == ["m1", "m2", "m3"]


def test_click_adds_something_new_under_the_name_of_what_is_marked(room: Room) -> None:
    do(room, **gesture(True, (24, 8)))
    new = room.state.objects["m4"]
    assert new.label == room.state.objects["m1"].label
    assert sorted(room.state.selection) == ["m1", "m2", "m3", "m4"]


def test_click_where_nothing_is_known_yet_marks_it(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory") as memory:
        room, _ = rooms_on(memory).open(shelf(), None)
        do(room, **gesture(True, (24, 8)))
        assert room.state.selection == ("m1",)


def test_box_takes_away_all_that_is_in_it(room: Room) -> None:
    do(room, **gesture(False, (0, 0), (64, 20), kind="box"))
    assert room.state.selection == ("m3",)


def test_click_with_a_chosen_thing_mends_that_thing_alone(room: Room) -> None:
    before = room.state.objects["m1"].area
    do(room, **gesture(True, (24, 8), chosen="m1"))
    assert room.state.selection == ("m1", "m2", "m3")
    assert room.state.objects["m1"].version == 2
    assert room.state.objects["m1"].area != before


@pytest.mark.parametrize(
    ("combine", "handles", "left"),
    [
        ("replace", ["m2"], ("m2",)),
        ("subtract", ["m2"], ("m1", "m3")),
        ("add", ["m2"], ("m1", "m2", "m3")),
    ],
)
def test_select_by_button_marks_as_asked(room: Room, combine: str, handles: list[str], left: tuple[str, ...]) -> None:
    do(room, do="select", handles=handles, combine=combine)
    assert room.state.selection == left


def test_every_act_is_one_step_of_undo(room: Room) -> None:
    do(room, **gesture(False, (8, 8)))
    do(room, do="edit", action="blur", target="rest")
    do(room, do="undo")
    assert (room.state.selection, room.state.edits) == (("m2", "m3"), ())
    do(room, do="undo")
    assert room.state.selection == ("m1", "m2", "m3")
    do(room, do="redo")
    assert room.state.selection == ("m2", "m3")


@pytest.mark.parametrize(
    ("target", "objects", "invert"),
    [
        ("marked", ("m1", "m2", "m3"), False),
        ("rest", ("m1", "m2", "m3"), True),
        ("whole", (), True),
        ("m2", ("m2",), False),
    ],
)
def test_edit_by_button_is_done_to_what_was_named(
    room: Room, target: str, objects: tuple[str, ...], invert: bool
) -> None:
    do(room, do="edit", action="blur", target=target)
    made = room.state.edits[0]
    assert tuple(handle for handle, _ in made.objects) == objects
    assert made.invert is invert


def test_every_turn_by_hand_is_told_in_words(room: Room) -> None:
    do(room, **gesture(False, (8, 8)))
    last = room.toolkit.history()[-1]
    assert last.request == "\u270b not this one"
    assert last.answer


@pytest.mark.parametrize(
    "sent",
    [
        None,
        {},
        {"do": "format"},
        {"do": "undo", "more": 1},
        {"do": "select", "handles": ["m1; drop"], "combine": "add"},
        {"do": "select", "handles": [], "combine": "add"},
        {"do": "gesture", "kind": "point", "coordinates": [[float("nan"), 1]], "include": True},
        {"do": "gesture", "kind": "point", "coordinates": [], "include": True},
        {"do": "edit", "action": "blur", "target": "../etc"},
        {"do": "edit", "action": "blur", "target": "marked", "strength": 7},
        {"do": "picture", "handle": 7},
    ],
)
def test_what_the_page_would_never_send_is_refused(sent: Any) -> None:
    with pytest.raises(ToolInputError, match="Reload the page"):
        read_deed(sent)


@pytest.mark.parametrize("sent", ["", "no json", '{"pins": [{"kind": "point"}]}', '{"picture": "../p1"}'])
def test_attached_that_is_none_is_refused(sent: str) -> None:
    with pytest.raises(ToolInputError, match="Reload the page"):
        read_attached(sent)


def test_click_outside_the_picture_is_refused(room: Room) -> None:
    with pytest.raises(ToolInputError, match="outside"):
        do(room, **gesture(True, (640, 8)))


def test_language_of_the_visitor_outlasts_what_is_done_by_hand(room: Room) -> None:
    room.ask("cuenta las cajas azules", (), "p1")
    for _ in range(3):
        do(room, do="undo")
        do(room, do="redo")
    assert language_of_visitor(room) == "spanish"
