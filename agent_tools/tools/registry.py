"""All tools by name, those of other packages included, and the one way to run one. It does not know any framework.

A tool's description is its docstring; its arguments are a pydantic model. Whoever plugs the tools into a framework
takes `TOOLS`, `schema` and `run_tool`, and nothing else.
"""

from __future__ import annotations

import difflib
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from agent_tools.errors import ToolInputError, shorten
from agent_tools.memory import CallRecord
from agent_tools.tools.arguments import Where, json_schema
from agent_tools.tools.context import ToolContext
from agent_tools.tools.count import CountArguments, count
from agent_tools.tools.count_shelf import CountShelfArguments, count_shelf
from agent_tools.tools.edit import EditArguments, edit
from agent_tools.tools.explain import ExplainArguments, explain
from agent_tools.tools.find_similar import FindSimilarArguments, find_similar
from agent_tools.tools.forget import ForgetArguments, forget
from agent_tools.tools.ground import GroundArguments, ground
from agent_tools.tools.open_picture import OpenPictureArguments, open_picture
from agent_tools.tools.plugged import plugged_tools
from agent_tools.tools.product_sources import may_have_lists
from agent_tools.tools.recall import RecallArguments, recall
from agent_tools.tools.redo import RedoArguments, redo
from agent_tools.tools.refine_with_point import RefineWithPointArguments, refine_with_point
from agent_tools.tools.results import ToolResult
from agent_tools.tools.segment import SegmentArguments, segment
from agent_tools.tools.select import SelectArguments, select
from agent_tools.tools.show import ShowArguments, show
from agent_tools.tools.switch_mask import SwitchMaskArguments, switch_mask
from agent_tools.tools.tool import Tool, tool_of
from agent_tools.tools.undo import UndoArguments, undo

TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        tool_of(open_picture, OpenPictureArguments),
        tool_of(ground, GroundArguments),
        tool_of(segment, SegmentArguments),
        tool_of(count, CountArguments),
        tool_of(count_shelf, CountShelfArguments, useful=may_have_lists),
        tool_of(refine_with_point, RefineWithPointArguments),
        tool_of(switch_mask, SwitchMaskArguments),
        tool_of(find_similar, FindSimilarArguments),
        tool_of(select, SelectArguments),
        tool_of(edit, EditArguments),
        tool_of(show, ShowArguments, changes=False),
        tool_of(recall, RecallArguments, changes=False),
        tool_of(explain, ExplainArguments, changes=False),
        tool_of(undo, UndoArguments),
        tool_of(redo, RedoArguments),
        tool_of(forget, ForgetArguments, erases=True),
    )
}
BUILT_IN = frozenset(TOOLS)
TOOLS.update((tool.name, tool) for tool in plugged_tools(BUILT_IN))


def find_tool(name: str) -> Tool:
    """The tool of a name.

    Raises:
        ToolInputError: there is none; names the closest.
    """
    if name in TOOLS:
        return TOOLS[name]
    close = difflib.get_close_matches(str(name).lower(), TOOLS, n=1, cutoff=0.5)
    hint = f"Did you mean {close[0]}?" if close else "Call one of these."
    raise ToolInputError(f"tool={shorten(name)} does not exist: expected one of {', '.join(TOOLS)}. {hint}")


def schema(tool: Tool) -> dict[str, Any]:
    """The JSON schema of a tool's arguments."""
    return json_schema(tool.arguments)


def short_schema(tool: Tool) -> dict[str, Any]:
    """`schema` for a model that is shown all tools at once and pays for every word: `where` is spelt out for select
    alone, `phrases` for segment, and what only a validator reads is left out. Arguments are checked against the whole
    schema all the same.
    """
    whole = schema(tool)
    properties = _told(whole["properties"])
    if "where" in properties and tool.name != "select":
        properties["where"] = {"type": "object", "description": "As for select."}
    elif "where" in properties:
        properties["where"] |= {"properties": _told(properties["where"]["properties"])}
    if "phrases" in properties and tool.name != "segment":
        properties["phrases"].pop("description", None)
    return {key: value for key, value in whole.items() if key != "additionalProperties"} | {"properties": properties}


def _told(properties: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Arguments without what only a validator reads."""
    unread = ("default", "minimum", "maximum")
    return {name: {key: value for key, value in each.items() if key not in unread} for name, each in properties.items()}


def run_tool(
    context: ToolContext, name: str, arguments: Mapping[str, Any] | None = None, call_id: str | None = None
) -> ToolResult:
    """Run one tool within a turn, and record the call in it.

    A call that the conversation knows already, the same tool and arguments under the same id, is answered as it was
    then, and nothing is done again.

    Args:
        context: the turn and the models.
        name: of the tool.
        arguments: as a planner wrote them.
        call_id: what the planner calls this call; None makes one up.

    Raises:
        ToolInputError: the tool, an argument or a handle does not exist or does not fit; nothing was changed.
        ServiceError: a model failed.
    """
    began = time.perf_counter()
    given = dict(arguments or {})
    known = context.turn.call(call_id) if call_id else None
    # An id that comes again with other arguments is a new call: some servers number the calls of every answer from 0.
    identity = call_id if call_id and known is None else f"call-{uuid.uuid4().hex}"
    try:
        tool = find_tool(name)
        checked = _checked(tool, given)
        given = checked.model_dump(mode="json", exclude_unset=True)
        if known is not None and (known.tool, known.arguments, known.error) == (name, given, False):
            return ToolResult(known.text, known.data)
        result = tool.run(context, checked)
    except ToolInputError as error:
        failed = CallRecord(identity, str(name), _plain(given), str(error), {}, True, time.perf_counter() - began)
        context.turn.record_call(failed)
        raise
    context.turn.record_call(
        CallRecord(identity, name, given, result.text, result.data, False, time.perf_counter() - began)
    )
    return result


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments that were refused, fit to be recorded whatever they are."""
    try:
        json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError):
        return {"refused": shorten(arguments)}
    return arguments


def _checked(tool: Tool, arguments: dict[str, Any]) -> BaseModel:
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        raise ToolInputError(_explained(tool, error)) from None


def _explained(tool: Tool, error: ValidationError) -> str:
    """The first thing that is wrong with the arguments, in the form of every error."""
    first = error.errors(include_url=False)[0]
    kind, value, limits = first["type"], first["input"], first.get("ctx", {})
    path, fields, described = _located(tool, first["loc"])
    field = ".".join(path) or tool.name
    if kind == "missing":
        return f"{field} is missing: expected a value. Call {tool.name} again with {field}."
    if kind == "extra_forbidden":
        close = difflib.get_close_matches(path[-1], fields, n=1, cutoff=0.5)
        hint = f"Did you mean {close[0]}?" if close else f"Leave {path[-1]} out."
        owner, expected = ".".join(path[:-1]) or tool.name, ", ".join(fields) or "no arguments"
        return f"{field}={shorten(value)} is not an argument of {owner}: expected {expected}. {hint}"
    expected = described or str(limits.get("expected", "")) or _lowered(first["msg"])
    if kind in ("too_short", "string_too_short"):
        expected = f"{limits['min_length']} or more"
    return f"{field}={shorten(value)} is not valid: expected {expected}. Correct {field} and call again."


def _located(tool: Tool, place: tuple[int | str, ...]) -> tuple[list[str], list[str], str]:
    """The path of an error, the names of the fields there, and what a field of several types takes (else empty)."""
    types = [index for index, part in enumerate(place) if part == "str" or str(part).startswith("tuple[")]
    path = [str(part) for part in place[: types[0] if types else None]]
    fields = (Where if len(path) > 1 and path[0] == "where" else tool.arguments).model_fields
    described = (fields[path[-1]].description or "a name such as m3 or g1, or numbers") if types else ""
    return path, list(fields), _lowered(described.rstrip("."))


def _lowered(message: str) -> str:
    text = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
