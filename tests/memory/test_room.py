"""What pictures may take, and what the list of conversations says they do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_tools.errors import MemoryStoreError
from agent_tools.memory import Memory
from agent_tools.pictures import Picture
from agent_tools.settings import settings

MakePicture = Callable[[int], Picture]


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how many bytes pictures may take."""

    def allow(size: float) -> None:
        monkeypatch.setenv("ASKMASK_MAX_PICTURES_GIGABYTES", str(size / 1e9))
        settings.cache_clear()

    return allow


def test_picture_beyond_the_limit_is_refused_and_nothing_is_erased(
    memory: Memory, picture: MakePicture, room: Callable[[float], None], tmp_path: Path
) -> None:
    first, second = picture(1), picture(2)
    room(len(first.original) + len(second.original) - 1)
    conversation = memory.create()
    with memory.turn(conversation) as turn:
        turn.open_picture(first)
    with (
        pytest.raises(
            MemoryStoreError,
            match=r"^picture=shade-2\.png would bring .* GB: expected at most .* GB\. Erase .*forget.*raise",
        ),
        memory.turn(conversation, "look") as turn,
    ):
        turn.open_picture(second)
    assert list(memory.state(conversation).pictures) == ["p1"]
    assert memory.picture_bytes() == len(first.original)
    with memory.turn(conversation) as turn:  # one that is there takes no more room
        assert turn.open_picture(first) == "p1"
    file = memory.export_conversation(conversation, tmp_path / "talk.zip")
    memory.erase(conversation)
    assert memory.picture_bytes() == 0
    with memory.turn(memory.create()) as turn:
        turn.open_picture(second)
    with pytest.raises(MemoryStoreError, match="would bring"):
        memory.import_conversation(file)
    assert len(memory.conversations()) == 1
    room(1e9)
    assert memory.import_conversation(file) == conversation


def test_list_of_conversations_says_when_how_many_pictures_and_how_large(memory: Memory, picture: MakePicture) -> None:
    first, second = picture(1), picture(2)
    quiet, busy = memory.create(), memory.create()
    with memory.turn(busy, "look") as turn:
        turn.open_picture(first)
        turn.open_picture(second)
    with memory.turn(busy, "my words") as turn:
        turn.answer = "Yes."
    one, other = memory.conversations()
    assert (one.id, one.pictures, one.picture_bytes, one.last_used) == (quiet, 0, 0, one.created)
    assert (other.id, other.turns, other.last_request) == (busy, 2, "my words")
    assert (other.pictures, other.picture_bytes) == (2, len(first.original) + len(second.original))
    assert other.last_used == memory.history(busy)[-1].seconds_since_epoch > other.created
