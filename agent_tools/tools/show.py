"""The tool that shows objects drawn on their picture. It writes no file; it does not know how anything is drawn."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.pictures import Picture, open_picture
from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.wording import by_label, results

LONGEST_SIDE = 768
"""Pixels of a preview's longer side."""


class ShowArguments(Arguments):
    """What to show."""

    handles: Names | None = Field(None, description="Default: the selection.")
    picture: str | None = None


def show(context: ToolContext, arguments: ShowArguments) -> ToolResult:
    """Draw objects for the person: "show me". What was just found is drawn anyway."""
    from agent_tools.drawing import draw, encode_jpeg

    things = context.chosen_or_selected(arguments.handles)
    wanted = arguments.picture or (things[0].picture if things else None)
    picture = context.opened(wanted).handle
    shown = [thing for thing in things if thing.picture == picture]
    if things and not shown:
        raise ToolInputError(
            f"picture={picture} has none of these objects: expected {things[0].picture}. Leave picture out."
        )
    drawn = draw(_as_edited(context, picture), shown, numbers="handles", longest_side=LONGEST_SIDE)
    text = f"Shown on {picture}: {by_label(shown) or 'the picture alone, as nothing is selected'}"
    return replace(results([text], shown, picture=picture), preview=encode_jpeg(drawn))


def _as_edited(context: ToolContext, picture: str) -> Picture:
    """A picture as its edits leave it, for the eye."""
    from agent_tools.editing import edited

    edits = [one for one in context.state.edits if one.picture == picture]
    original = context.turn.picture(picture)
    return open_picture(edited(original, edits, context.turn.picture).png()) if edits else original
