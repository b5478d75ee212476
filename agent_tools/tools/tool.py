"""What a tool is. A package that adds one needs this module, `arguments`, `context` and `results`, and no more.

    class MeasureArguments(Arguments):
        handles: Names | None = Field(None, description="Default: the selection.")

    def measure(context: ToolContext, arguments: MeasureArguments) -> ToolResult:
        \"\"\"How large things are: "how big is m3?". Returns the area of each in pixels. Changes nothing.\"\"\"
        things = context.chosen_or_selected(arguments.handles)
        return results([f"{thing.handle} {thing.area} px" for thing in things], things)

    TOOL = tool_of(measure, MeasureArguments, changes=False)

This module does not know which tools there are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from agent_tools.settings import Settings
from agent_tools.tools.context import ToolContext
from agent_tools.tools.results import ToolResult

A = TypeVar("A", bound=BaseModel)


def _always(rules: Settings) -> bool:  # noqa: ARG001
    return True


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: what a planner calls it.
        description: when to use it, when not, what comes back.
        arguments: the model of its arguments.
        run: does it, within a turn.
        changes: whether it changes the conversation; calls that do have to run in the order they were made.
        erases: whether it does something that undo cannot take back, so that a person may want to be asked first.
        useful: whether there is anything for it to do under these settings; a model that pays for every word is not
            told of it where there is not.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    run: Callable[[ToolContext, Any], ToolResult]
    changes: bool = True
    erases: bool = False
    useful: Callable[[Settings], bool] = _always


def tool_of(
    run: Callable[[ToolContext, A], ToolResult],
    arguments: type[A],
    *,
    changes: bool = True,
    erases: bool = False,
    useful: Callable[[Settings], bool] = _always,
) -> Tool:
    """A tool from a function: its name, and its docstring as the description."""
    described = " ".join(inspect.cleandoc(run.__doc__ or "").split())
    return Tool(run.__name__, described, arguments, run, changes, erases, useful)
