"""The memory of conversations: the one source of truth for what was said, found, selected and undone."""

from agent_tools.memory.records import (
    CallRecord,
    ConversationSummary,
    Gesture,
    ObjectVersion,
    OpenedPicture,
    State,
    TurnRecord,
)

__all__ = [
    "CallRecord",
    "ConversationSummary",
    "Gesture",
    "ObjectVersion",
    "OpenedPicture",
    "State",
    "TurnRecord",
]
