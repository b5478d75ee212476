"""The tool that erases for good. It does not know where anything is stored."""

from __future__ import annotations

from pydantic import Field

from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.wording import bounded, compact


class ForgetArguments(Arguments):
    """What to erase."""

    handles: Names | None = Field(None, description="These objects.")
    picture: str | None = Field(None, description="A picture with all on it. Neither: everything, messages too.")


def forget(context: ToolContext, arguments: ForgetArguments) -> ToolResult:
    """Erase for good, beyond undo. Only when asked to forget, erase or delete from memory."""
    picture = None if arguments.picture is None else context.opened(arguments.picture).handle
    handles = None if arguments.handles is None else [thing.handle for thing in context.objects(arguments.handles)]
    before = context.state
    context.turn.forget(handles, picture)
    gone = [handle for handle in before.objects if handle not in context.state.objects]
    closed = [handle for handle in before.pictures if handle not in context.state.pictures]
    for handle in closed:
        context.forget_encodings(before.pictures[handle].digest)
    for handle in {*closed, *(before.objects[handle].picture for handle in gone)}:
        context.forget_edited(before.pictures[handle].digest)
    what = " ".join(filter(None, (compact(gone), compact(closed)))) or "nothing there was to forget"
    said = f"Forgotten for good: {'the whole conversation: ' if handles is None and picture is None else ''}{what}."
    return ToolResult(bounded(said), {"forgotten": [*gone, *closed], "selection": list(context.state.selection)})
