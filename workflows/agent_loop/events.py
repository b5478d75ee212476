"""What happens while a request is answered, as it happens; kept, the same events are the trace.

This module does not know who listens, nor what models and tools do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EventKind = Literal["text", "model", "tool", "result", "wait", "check", "stop"]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: "text", a piece of the answer as the model writes it, not checked yet; "model", a model call is over;
            "tool", a tool begins; "result", it is done; "wait", before another try; "check", something the model said
            was not accepted; "stop", the turn ends before the model was done.
        text: for a person.
        at: seconds since the request.
        data: for programs, JSON-able.
    """

    kind: EventKind
    text: str
    at: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As ``ask --trace --json`` prints it."""
        return {"kind": self.kind, "text": self.text, "at": round(self.at, 3), **self.data}

    def line(self) -> str:
        """As ``--trace`` prints it: when, what."""
        return f"{self.at:7.3f} s  {self.kind:6} {self.text}"


def call_in_words(tool: str, arguments: Mapping[str, Any]) -> str:
    """A tool call as a person reads it: ``count(phrases=['orange'])``."""
    return f"{tool}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"


Listener = Callable[[Event], None]


class Trace:
    """The events of one request; pieces of text are passed on, not kept."""

    def __init__(self, listener: Listener | None = None) -> None:
        self.events: list[Event] = []
        self._listener = listener
        self._began = time.perf_counter()

    def add(self, kind: EventKind, text: str, **data: Any) -> None:
        """Note what happened, and tell the listener."""
        event = Event(kind, text, time.perf_counter() - self._began, data)
        if kind != "text":
            self.events.append(event)
        if self._listener is not None:
            self._listener(event)
