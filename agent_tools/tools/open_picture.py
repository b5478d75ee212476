"""The tool that opens a picture, for an agent: only from where it was allowed to.

What a person or a program opens goes through `VisionToolkit.open_picture`, which takes anything. This module does not
know how a picture is decoded or fetched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from agent_tools import pictures
from agent_tools.errors import PictureError, shorten
from agent_tools.settings import Settings
from agent_tools.tools.allowed_files import allowed_file
from agent_tools.tools.arguments import Arguments
from agent_tools.tools.context import ToolContext, ToolResult


class OpenPictureArguments(Arguments):
    """What to open."""

    source: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        description="Name of a file, or a picture handle."
    )


def open_picture(context: ToolContext, arguments: OpenPictureArguments) -> ToolResult:
    """Open a picture, or turn to an open one (p1 or its name); it becomes the current one."""
    source = arguments.source.strip()
    known = context.state.pictures
    named = [one.handle for one in known.values() if source in (one.handle, one.name)]
    if named:
        handle = named[-1]
        context.turn.use_picture(handle)
    else:
        handle = context.turn.open_picture(pictures.open_picture(allowed(source, context.settings)))
    opened = context.opened(handle)
    notices = "; ".join(context.turn.picture(handle).notices)
    text = f"{handle}: {opened.name}, {opened.width} x {opened.height} pixels, now the current picture."
    return ToolResult(text + (f" Note: {notices}." if notices else ""), {"picture": handle})


def allowed(source: str, rules: Settings) -> str | Path:
    """An address, or a file below a folder that an agent may read, links resolved.

    Raises:
        PictureError: neither, or addresses are switched off.
    """
    if "://" in source:
        if rules.allow_urls and source.lower().startswith(("http://", "https://")):
            return source
        raise PictureError(
            f"source={shorten(source)} is an address: expected a file, fetching is not switched on. "
            "Ask the person to add the picture."
        )
    path = allowed_file(source, rules)
    if path is not None:
        return path
    # One answer for "not there" and "not allowed": the planner must not learn what lies elsewhere on the disk.
    raise PictureError(
        f"source={shorten(source)} is not a picture you may open: expected a file below the folders set in "
        "ASKMASK_PICTURE_FOLDERS, or an uploaded one. Ask the person to add the picture."
    )
