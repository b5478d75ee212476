"""The tools inside somebody else's graph, whose state keeps two words of ours: the conversation, and a point of it.

    class MyState(VisionState): ...
    agent = create_agent(model, graph_tools(toolkits), state_schema=MyState, checkpointer=...)
    agent.invoke({"messages": [...], "askmask": point_of(toolkit)}, config)

One set of tools serves every thread of the graph, as each brings its conversation along. Where a graph goes back to an
older checkpoint, the conversation goes back to that point and branches; calls that one message makes together follow
each other on one branch. This module does not know what any tool does, nor where the graph keeps its state.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, NotRequired, TypedDict

from langchain.agents import AgentState
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.types import Command

from agent_tools.errors import ToolInputError
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.registry import TOOLS, schema
from agent_tools.tools.tool import Tool


class Point(TypedDict):
    """A conversation and a point of it: all that a graph has to keep.

    Attributes:
        conversation: its id.
        position: `State.position`.
        revision: how often the conversation had been written; the later of two points is the one that counts.
    """

    conversation: str
    position: int
    revision: int


def later(known: Point | None, told: Point | None) -> Point | None:
    """Of the points that calls made together report, the last; a graph's reducer."""
    if known is None or told is None or known["conversation"] != told["conversation"]:
        return told or known
    return told if told["revision"] >= known["revision"] else known


class VisionState(AgentState[Any]):
    """A graph's state that keeps where its conversation stands."""

    askmask: NotRequired[Annotated[Point | None, later]]


def point_of(toolkit: VisionToolkit) -> Point:
    """Where a conversation stands, for the state of a graph."""
    state = toolkit.state
    return {"conversation": state.conversation, "position": state.position, "revision": state.revision}


def graph_tools(toolkits: Callable[[str | None], VisionToolkit]) -> list[BaseTool]:
    """Every tool of the registry, for a graph whose state is a `VisionState`.

    Args:
        toolkits: the toolkit of a conversation, by its id, or, for None, one with a new conversation. It is asked once
            for each id; let it share models and memory: ``lambda id: VisionToolkit(services=services, memory=memory,
            conversation=id)``.
    """
    threads = _Threads(toolkits)
    return [_plugged(tool, threads) for tool in TOOLS.values()]


class _Threads:
    """The toolkits in use, and which message of which conversation calls are being made for."""

    def __init__(self, toolkits: Callable[[str | None], VisionToolkit]) -> None:
        self._make = toolkits
        self._known: dict[str, VisionToolkit] = {}
        self._begun: dict[str, str] = {}
        self._message: dict[str, str] = {}
        self._lock = threading.Lock()

    def call(
        self, name: str, arguments: dict[str, Any], point: Point | None, message: str, call_id: str
    ) -> Command[Any]:
        with self._lock:
            # Without a point, the calls that one message makes together begin one conversation, not one each.
            wanted = point["conversation"] if point else self._begun.get(message)
            if wanted not in self._known:
                toolkit = self._make(wanted)
                wanted = toolkit.conversation
                self._known[wanted] = toolkit
                self._begun[message] = wanted
            toolkit = self._known[wanted]
            try:
                with toolkit.turn(name) as turn:
                    same = self._message.get(wanted) == message
                    if point is not None and not same and turn.state.position != point["position"]:
                        turn.go_to(point["position"])
                    result = toolkit.call(name, arguments, call_id)
                said = ToolMessage(result.text, tool_call_id=call_id, name=name, artifact=result.data)
            except ToolInputError as error:
                said = ToolMessage(str(error), tool_call_id=call_id, name=name, status="error")
            self._message[wanted] = message
            return Command(update={"messages": [said], "askmask": point_of(toolkit)})


def _plugged(tool: Tool, threads: _Threads) -> BaseTool:
    def run(runtime: ToolRuntime, **arguments: Any) -> Command[Any]:
        state = runtime.state
        asked = next((each for each in reversed(state["messages"]) if isinstance(each, AIMessage)), None)
        return threads.call(
            tool.name, arguments, state.get("askmask"), str(asked.id if asked else ""), str(runtime.tool_call_id)
        )

    return StructuredTool.from_function(
        run, name=tool.name, description=tool.description, args_schema=schema(tool), infer_schema=False
    )
