"""Whose conversation it is, how many may be open, and what is erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError, ToolInputError
from agent_tools.memory import Memory
from tests.workflows.web.rooms_for_tests import rooms_on, shelf

DAY = 86_400.0


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory") as memory:
        yield memory


def test_room_of_another_owner_is_as_if_it_were_not_there(memory: Memory) -> None:
    rooms = rooms_on(memory)
    room, _ = rooms.open(shelf(), None, "web:ann")
    assert rooms.known(room.id, "web:ann") is room
    assert rooms.known(room.id, "web:bob") is None
    assert rooms.known(room.id) is None
    with pytest.raises(ConfigError):
        rooms.erase(room.id, "web:bob")
    assert rooms.known(room.id, "web:ann") is room


def test_room_is_one_for_all_who_name_its_conversation(memory: Memory) -> None:
    rooms = rooms_on(memory)
    room, handle = rooms.open(shelf(), None)
    again, second = rooms.open(shelf("other.png", 3), room.id)
    assert again is room
    assert (handle, second) == ("p1", "p2")


@pytest.mark.parametrize("conversation", [None, "", "nonsense", "0" * 32, "../../etc"])
def test_room_of_no_conversation_is_none_and_a_picture_begins_one(memory: Memory, conversation: str | None) -> None:
    rooms = rooms_on(memory)
    assert rooms.known(conversation) is None
    room, handle = rooms.open(shelf(), conversation)
    assert handle == "p1"
    assert room.id != conversation


def test_rooms_used_longest_ago_make_room_and_come_back_whole(memory: Memory) -> None:
    rooms = rooms_on(memory, open_rooms=2)
    made = [rooms.open(shelf(corner=number), None)[0] for number in range(3)]
    made[0].ask("count the red boxes", (), "p1")
    assert rooms.room(made[2].id) is made[2]
    back = rooms.room(made[0].id)
    assert back is not made[0]
    assert back.state.selection == ("m1", "m2", "m3")


def test_pictures_beyond_the_limit_are_refused_and_a_known_one_is_not(memory: Memory) -> None:
    rooms = rooms_on(memory, pictures=2)
    room, _ = rooms.open(shelf(), None)
    rooms.open(shelf(corner=1), room.id)
    with pytest.raises(ToolInputError, match="at most 2 pictures"):
        rooms.open(shelf(corner=2), room.id)
    assert rooms.open(shelf(), room.id)[1] == "p1"


def test_old_conversations_are_erased_with_their_pictures_and_others_kept(memory: Memory) -> None:
    rooms = rooms_on(memory, keep_days=7)
    own = memory.create()
    old, _ = rooms.open(shelf(), None)
    used = old.toolkit.history()
    now = old.toolkit.memory.conversations()[0].last_used
    assert rooms.erase_old(now=now + 6 * DAY) == 0
    assert rooms.erase_old(now=now + 8 * DAY) == 1
    assert rooms.known(old.id) is None
    assert list(memory.picture_folder.iterdir()) == []
    assert [each.id for each in memory.conversations()] == [own]
    assert used is not None


def test_nothing_is_erased_unless_asked_for(memory: Memory) -> None:
    rooms = rooms_on(memory)
    rooms.open(shelf(), None)
    assert rooms.erase_old(now=1e12) == 0
