"""The tool that changes pictures: an edit on top of those done before, over the untouched original.

It keeps what is to be done and with which masks; the pixels are made in `agent_tools.editing` when somebody wants to
see them. This module does not know pixels or files.
"""

from __future__ import annotations

from itertools import groupby
from typing import Annotated, Any, Literal

from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.memory import Edit, ObjectVersion
from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.segment import masked
from agent_tools.tools.wording import by_label, results

Action = Literal["blur", "pixelate", "grayscale", "highlight", "cut_out"]


class EditArguments(Arguments):
    """What to do, and to what."""

    action: Action = Field(description="highlight dims all else, cut_out clears it.")
    handles: Names | None = Field(None, description="Default: the selection.")
    invert: bool = Field(False, description="All else; with handles []: the whole picture.")
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    feather: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(None, description="Soft edge, pixels.")


def edit(context: ToolContext, arguments: EditArguments) -> ToolResult:
    """Change how known objects look, or all else (invert): "blur the faces", "gray out the rest". Adds to earlier
    edits.
    """
    things = masked(context, context.chosen_or_selected(arguments.handles))
    whole = arguments.handles == [] and arguments.invert
    if not things and not whole:
        raise ToolInputError(
            "handles=None and an empty selection leave nothing to edit: expected handles. "
            "Find something with segment first, or pass handles [] with invert for the whole picture."
        )
    chosen = {name: value for name in ("strength", "feather") if (value := getattr(arguments, name)) is not None}
    made = [
        context.turn.add_edit(picture, arguments.action, [thing.handle for thing in some], arguments.invert, chosen)
        for picture, some in _by_picture(context, things)
    ]
    what = "the whole picture" if whole else ("everything but " if arguments.invert else "") + by_label(things)
    said = f"{' '.join(one.handle for one in made)}: {arguments.action} {what}"
    return results([said], things, picture=made[0].picture, edits=[_record(one) for one in made])


def _by_picture(context: ToolContext, things: list[ObjectVersion]) -> list[tuple[str, list[ObjectVersion]]]:
    """The objects of each picture; the current picture where there are none."""
    if not things:
        return [(context.opened().handle, [])]
    ordered = sorted(things, key=lambda thing: int(thing.picture[1:]))
    return [(picture, list(some)) for picture, some in groupby(ordered, key=lambda thing: thing.picture)]


def _record(one: Edit) -> dict[str, Any]:
    """An edit as programs get it."""
    return {
        "handle": one.handle,
        "picture": one.picture,
        "action": one.action,
        "handles": [handle for handle, _ in one.objects],
        "invert": one.invert,
        "parameters": dict(one.parameters),
    }
