"""The tools for OpenAI's own client: schemas for Chat Completions and for Responses, and the calls of an answer run.

    messages.append(message)                        # what the model said
    messages += chat_results(toolkit, message)      # what its calls came to; empty when it called nothing

Schemas are strict: every argument is required and null stands for one that is left out. A wrong argument, a tool that
does not exist and text that is no JSON come back as text, which the model reads and mends; every other error is raised,
because no plan can mend it. A call's id goes along, so that an answer that is run twice is done once. Messages may be
the client's objects or plain dictionaries: this module does not know the client, nor what any tool does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent_tools.errors import ToolInputError, shorten
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.registry import TOOLS, schema
from agent_tools.tools.tool import Tool


def chat_tools(strict: bool = True) -> list[dict[str, Any]]:
    """What ``client.chat.completions.create`` takes as `tools`.

    Args:
        strict: have the model's arguments fit the schema by construction; False for servers that cannot.
    """
    return [{"type": "function", "function": _function(tool, strict)} for tool in TOOLS.values()]


def responses_tools(strict: bool = True) -> list[dict[str, Any]]:
    """What ``client.responses.create`` takes as `tools`; `strict` as for `chat_tools`."""
    return [{"type": "function", **_function(tool, strict)} for tool in TOOLS.values()]


def chat_results(toolkit: VisionToolkit, message: Any) -> list[dict[str, Any]]:
    """Run the calls of a message, in their order, each as a turn of its own unless a turn is in progress.

    Args:
        toolkit: the conversation they are about.
        message: ``completion.choices[0].message``; append it yourself, before what comes back.

    Returns:
        One message for each call; empty when there was none, which means that the message is the answer.

    Raises:
        ServiceError: a model failed.
        ConfigError: no such models.
        MemoryStoreError: the conversation could not be read or written.
    """
    results = []
    for call in _part(message, "tool_calls") or ():
        function = _part(call, "function") or {}
        identity = _part(call, "id")
        text = run_call(toolkit, _part(function, "name"), _part(function, "arguments"), identity)
        results.append({"role": "tool", "tool_call_id": identity, "content": text})
    return results


def responses_results(toolkit: VisionToolkit, response: Any) -> list[dict[str, Any]]:
    """Run the calls of a response, in their order; for the next request's `input`, after ``response.output``.

    Arguments and errors as for `chat_results`.
    """
    results = []
    for item in _part(response, "output") or ():
        if _part(item, "type") == "function_call":
            identity = _part(item, "call_id")
            text = run_call(toolkit, _part(item, "name"), _part(item, "arguments"), identity)
            results.append({"type": "function_call_output", "call_id": identity, "output": text})
    return results


def run_call(toolkit: VisionToolkit, name: Any, arguments: Any, call_id: str | None = None) -> str:
    """Run one call and give its text to the model; for messages that also call tools of your own.

    Args:
        toolkit: the conversation it is about.
        name: of the tool.
        arguments: JSON text as the model wrote it, or what it stands for.
        call_id: of the call; one that is known already is not run again.

    Raises:
        ServiceError: a model failed.
        ConfigError: no such models.
        MemoryStoreError: the conversation could not be read or written.
    """
    try:
        return toolkit.call(str(name), _read(arguments), call_id).text
    except ToolInputError as error:
        return f"Error: {error}"


def _part(whole: Any, name: str) -> Any:
    return whole.get(name) if isinstance(whole, Mapping) else getattr(whole, name, None)


def _read(arguments: Any) -> Mapping[str, Any]:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except ValueError as error:
            raise ToolInputError(
                f"arguments={shorten(arguments)} are not JSON ({error}): expected one object. Write them again."
            ) from None
    if arguments is None:
        return {}
    if not isinstance(arguments, Mapping):
        raise ToolInputError(f"arguments={shorten(arguments)} are no object: expected one. Write them again.")
    return arguments


def _function(tool: Tool, strict: bool) -> dict[str, Any]:
    takes = strict_schema(schema(tool)) if strict else schema(tool)
    return {"name": tool.name, "description": tool.description, "parameters": takes, "strict": strict}


def strict_schema(node: dict[str, Any]) -> dict[str, Any]:
    """A schema in the form of OpenAI's strict mode: all is required, nothing may be added, null is "left out".

    A default, which that form has no word for, is said in the description.

    Args:
        node: as `agent_tools.tools.registry.schema` writes it: without references.
    """
    node = dict(node)
    default = node.pop("default", None)
    if default is not None:
        node["description"] = f"{node.get('description', '')} Default: {default}.".strip()
    if "properties" in node:
        needed = node.get("required", [])
        node["properties"] = {
            name: strict_schema(each) if name in needed else _nullable(strict_schema(each))
            for name, each in node["properties"].items()
        }
        node |= {"required": list(node["properties"]), "additionalProperties": False}
    if "items" in node:
        node["items"] = strict_schema(node["items"])
    if "anyOf" in node:
        node["anyOf"] = [strict_schema(each) for each in node["anyOf"]]
    return node


def _nullable(node: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in node:
        return {**node, "anyOf": [*node["anyOf"], {"type": "null"}]}
    if "enum" in node:
        node = {**node, "enum": [*node["enum"], None]}
    return {**node, "type": [node["type"], "null"]} if "type" in node else node
