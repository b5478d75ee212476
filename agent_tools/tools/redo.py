"""The tool that brings back what undo took. It does not know what that is."""

from __future__ import annotations

from agent_tools.tools.arguments import Arguments
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.undo import moved


class RedoArguments(Arguments):
    """Nothing to say."""


def redo(context: ToolContext, arguments: RedoArguments) -> ToolResult:  # noqa: ARG001
    """Bring back the turn undone last, if nothing changed since."""
    return moved(context, "redone", context.turn.redo())
