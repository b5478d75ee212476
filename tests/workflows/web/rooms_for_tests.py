"""Rooms on services whose answers are known: six coloured squares on 64 x 64 pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent_tools.memory import Memory
from agent_tools.pictures import Picture
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import SharedModels, VisionToolkit
from tests.tools.conftest import SHELF, paint
from workflows.conversation import Conversation
from workflows.web.hands import read_deed
from workflows.web.rooms import Limits, Room, Rooms


def rooms_on(memory: Memory, converse: Callable[[VisionToolkit], Conversation] = Conversation, **limits: Any) -> Rooms:
    services = Services(FakeDetector(), FakeSegmenter(), "custom", "fake-detector", "fake-segmenter")
    return Rooms(memory, SharedModels(services=services), Limits(**limits), converse)


def shelf(name: str = "shelf.png", corner: int = 255) -> Picture:
    """Two rows of three squares; `corner` makes another picture of it."""
    array = paint(SHELF)
    array[-1, -1] = corner
    return Picture.from_array(array, name)


def do(room: Room, **deed: Any) -> Any:
    """Do by hand what the page would send."""
    return room.do(read_deed(deed).act(), None, "english")
