"""The tool that takes back the last turn. It does not know what was done in it."""

from __future__ import annotations

from agent_tools.tools.arguments import Arguments
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.wording import by_label, results


class UndoArguments(Arguments):
    """Nothing to say."""


def undo(context: ToolContext, arguments: UndoArguments) -> ToolResult:  # noqa: ARG001
    """Take back all that the last turn changed; again for the turn before."""
    return moved(context, "undone", context.turn.undo())


def moved(context: ToolContext, verb: str, turns: int) -> ToolResult:
    """What is selected after undo or redo."""
    state = context.state
    objects = context.objects(state.selection)
    parts = [
        f"{turns} turn{'' if turns == 1 else 's'} {verb}",
        f"Selected now: {by_label(objects)}" if objects else "Nothing is selected now",
        f"Can undo {state.undo}, redo {state.redo}",
    ]
    picture = {} if state.picture is None else {"picture": state.picture}
    return results(parts, objects, selection=state.selection, **{verb: turns}, **picture)
