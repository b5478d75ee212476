"""What a tool gives back. This module does not know any tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool found or did.

    Attributes:
        text: for the planner: handles and numbers, at most about 1.5 KB whatever was found, never pixels.
        data: for programs, JSON-able: any of "counts", "objects", "picture", "selection", "candidates" and what the
            tool adds, shaped as in ``ask --json``.
        preview: a drawn JPEG, where the tool was asked for one.
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    preview: bytes | None = None
