"""The memory of conversations: the one source of truth for what was said, found, selected and undone."""

from agent_tools.memory.memory import Memory
from agent_tools.memory.records import (
    Alternative,
    CallRecord,
    ConversationSummary,
    Edit,
    Gesture,
    ObjectVersion,
    OpenedPicture,
    State,
    TurnRecord,
)
from agent_tools.memory.turn import Turn

__all__ = [
    "Alternative",
    "CallRecord",
    "ConversationSummary",
    "Edit",
    "Gesture",
    "Memory",
    "ObjectVersion",
    "OpenedPicture",
    "State",
    "Turn",
    "TurnRecord",
]
