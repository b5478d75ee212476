"""Tools that other packages add (entry points ``askmask.tools``, each a `Tool`).

One that cannot be used is left out with a notice; it never takes the place of another, nor stops the others. This
module does not know the built-in tools.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

from agent_tools.entry_points import load, package_of, plugged, unusable
from agent_tools.errors import AskmaskError, ConfigError, ServiceError, shorten
from agent_tools.tools.arguments import Arguments, json_schema
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.tool import Tool
from agent_tools.tools.wording import bounded

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
"""Names that every provider of language models takes."""


def plugged_tools(taken: Collection[str]) -> Iterator[Tool]:
    """The tools of other packages, each ready to run; a notice for each that cannot be used.

    Args:
        taken: names that are not to be given again.
    """
    names = set(taken)
    for entry in plugged("tools"):
        try:
            tool = checked(entry, names)
        except ConfigError as error:
            _log.warning("%s", error)
        else:
            names.add(tool.name)
            yield tool


def checked(entry: EntryPoint, taken: Collection[str]) -> Tool:
    """The tool of an entry point.

    Raises:
        ConfigError: it cannot be imported, is no tool, or has a name that is taken.
    """
    tool = load("tools", entry)
    if not isinstance(tool, Tool):
        raise unusable("tools", entry, f"is a {type(tool).__name__}", "a Tool of agent_tools.tools.tool")
    if not _NAME.fullmatch(str(tool.name)):
        raise unusable("tools", entry, f"is named {shorten(tool.name)!r}", "lower case letters, digits and _")
    if tool.name in taken:
        raise unusable("tools", entry, f"is named {tool.name} as another tool is", "a name of its own")
    if not tool.description:
        raise unusable("tools", entry, "has no description", "a docstring that says when to use it")
    try:
        fits = issubclass(tool.arguments, Arguments)
        json.dumps(json_schema(tool.arguments))
    except Exception as error:
        raise unusable("tools", entry, f"has no schema ({type(error).__name__})", "plain arguments") from error
    if not fits:
        raise unusable("tools", entry, "takes other arguments", "a model made from agent_tools.tools.arguments")
    return replace(tool, run=_guarded(tool, package_of(entry)))


def _guarded(tool: Tool, package: str) -> Callable[[ToolContext, Any], ToolResult]:
    """The tool's function; whatever it does wrong is a clear error of that package."""

    def failed(why: str) -> ServiceError:
        return ServiceError(
            f"tool={tool.name} of {package} {why}: expected a ToolResult. Update or uninstall that package."
        )

    def run(context: ToolContext, arguments: Any) -> ToolResult:
        try:
            result: object = tool.run(context, arguments)
        except AskmaskError:
            raise
        except Exception as error:
            raise failed(f"failed ({type(error).__name__}: {shorten(error, 160)})") from error
        if not isinstance(result, ToolResult):
            raise failed(f"gave a {type(result).__name__}")
        try:
            json.dumps(result.data, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise failed(f"gave data that is not JSON ({shorten(error)})") from error
        return replace(result, text=bounded(result.text))

    return run
