"""What was said in a conversation, as Gradio's chat shows it; the calls made are folded away, for the curious.

This module does not know Gradio itself, pictures or how an answer comes about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agent_tools.memory import CallRecord, TurnRecord
from workflows.agent_loop.events import call_in_words

LAST = 60
"""Turns shown; the memory keeps all of them."""
_THING = re.compile(r"\bm([1-9]\d*)\b")
_NUMBER = re.compile(r"#\s?([1-9]\d*)\b")


def messages(history: Sequence[TurnRecord]) -> list[dict[str, Any]]:
    """The last turns as messages of ``gr.Chatbot``; what was forgotten is not among them."""
    told: list[dict[str, Any]] = []
    for turn in history[-LAST:]:
        told += message_pair(turn.request, turn.answer, turn.calls)
    return told


def message_pair(request: str, answer: str, calls: Sequence[CallRecord] = ()) -> list[dict[str, Any]]:
    """A request and its answer, where there are any, with the calls made in between."""
    told: list[dict[str, Any]] = []
    if not answer:
        return told
    if request:
        told.append({"role": "user", "content": request})
    told.append({"role": "assistant", "content": as_shown(answer)})
    if calls:
        steps = "\n".join(
            f"{call_in_words(call.tool, call.arguments)}\n    {call.text} ({call.seconds:.2f} s)" for call in calls
        )
        number = "1 step" if len(calls) == 1 else f"{len(calls)} steps"
        told.append({"role": "assistant", "content": steps, "metadata": {"title": number, "status": "done"}})
    return told


def as_shown(text: str) -> str:
    """Handles of things as the numbers that the picture shows: m3 is #3."""
    return _THING.sub(r"#\1", text)


def as_said(text: str) -> str:
    """The numbers that the picture shows as handles: #3 is m3."""
    return _NUMBER.sub(r"m\1", text)
