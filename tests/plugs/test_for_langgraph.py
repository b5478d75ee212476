"""The tools in a graph of somebody else's, with a checkpointer of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from agent_tools.memory import Memory
from agent_tools.plugs.for_langgraph import VisionState, graph_tools, later, point_of
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit

Toolkits = Callable[[str | None], VisionToolkit]


class Model(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **kwargs: Any) -> Model:
        return self


@pytest.fixture
def toolkits(tmp_path: Path) -> Iterator[Toolkits]:
    services = Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
    with Memory(tmp_path / "memory") as memory:
        yield lambda conversation: VisionToolkit(services=services, memory=memory, conversation=conversation)


def opened(toolkits: Toolkits) -> VisionToolkit:
    array = np.full((20, 60, 3), 255, np.uint8)
    for x in (4, 24, 44):
        array[4:12, x : x + 8] = (220, 30, 30)
    toolkit = toolkits(None)
    toolkit.open_picture(array)
    return toolkit


def calls(*made: tuple[str, dict[str, Any]], turn: int) -> AIMessage:
    listed = [{"name": name, "args": given, "id": f"c{turn}-{place}"} for place, (name, given) in enumerate(made)]
    return AIMessage("", tool_calls=listed, id=f"said-{turn}")


def graph(toolkits: Toolkits, *messages: AIMessage) -> Any:
    model = Model(messages=iter(messages))
    return create_agent(model, graph_tools(toolkits), state_schema=VisionState, checkpointer=InMemorySaver())


COUNT = ("count", {"phrases": ["red square"]})
FIRST = ("select", {"where": {"extreme": "leftmost"}})
LAST = ("select", {"where": {"extreme": "rightmost"}})


def test_graph_tools_keep_the_conversation_from_turn_to_turn(toolkits: Toolkits) -> None:
    toolkit = opened(toolkits)
    agent = graph(toolkits, calls(COUNT, turn=1), AIMessage("3"), calls(FIRST, turn=2), AIMessage("done"))
    config = {"configurable": {"thread_id": "a"}}
    agent.invoke({"messages": [("user", "count")], "askmask": point_of(toolkit)}, config)
    state = agent.invoke({"messages": [("user", "the leftmost")]}, config)
    assert state["askmask"] == point_of(toolkit)
    assert toolkit.memory.state(toolkit.conversation).selection == ("m1",)


def test_graph_tools_called_together_do_not_clash(toolkits: Toolkits) -> None:
    toolkit = opened(toolkits)
    together = calls(COUNT, ("recall", {}), FIRST, ("nothing_like_this", {}), ("select", {"handles": ["m99"]}), turn=1)
    state = graph(toolkits, together, AIMessage("done")).invoke(
        {"messages": [("user", "count")], "askmask": point_of(toolkit)}, {"configurable": {"thread_id": "a"}}
    )
    said = [each for each in state["messages"] if isinstance(each, ToolMessage)]
    assert len(said) == 5
    assert [each.status for each in said].count("error") >= 2
    assert len(toolkit.state.objects) == 3
    assert state["askmask"] == point_of(toolkit)


def test_graph_tools_without_a_point_begin_one_conversation(toolkits: Toolkits) -> None:
    made: list[VisionToolkit] = []

    def make(conversation: str | None) -> VisionToolkit:
        made.append(toolkits(conversation))
        return made[-1]

    agent = graph(make, calls(("recall", {}), ("recall", {}), turn=1), AIMessage("nothing"))
    state = agent.invoke({"messages": [("user", "what is known?")]}, {"configurable": {"thread_id": "a"}})
    assert len(made) == 1
    assert state["askmask"]["conversation"] == made[0].conversation


def test_graph_tools_two_threads_do_not_see_each_other(toolkits: Toolkits) -> None:
    one, two = opened(toolkits), opened(toolkits)
    agent = graph(toolkits, calls(COUNT, turn=1), AIMessage("3"), calls(("recall", {}), turn=2), AIMessage("none"))
    agent.invoke({"messages": [("user", "count")], "askmask": point_of(one)}, {"configurable": {"thread_id": "1"}})
    agent.invoke({"messages": [("user", "recall")], "askmask": point_of(two)}, {"configurable": {"thread_id": "2"}})
    assert len(one.state.objects) == 3
    assert not two.state.objects


def test_graph_tools_from_an_older_checkpoint_branch(toolkits: Toolkits) -> None:
    toolkit = opened(toolkits)
    agent = graph(
        toolkits, calls(COUNT, turn=1), AIMessage("3"), calls(FIRST, turn=2), AIMessage("m1"), calls(LAST, turn=3),
        AIMessage("m3"),
    )  # fmt: skip
    config = {"configurable": {"thread_id": "a"}}
    agent.invoke({"messages": [("user", "count")], "askmask": point_of(toolkit)}, config)
    counted = agent.get_state(config).config
    agent.invoke({"messages": [("user", "the leftmost")]}, config)
    assert toolkit.state.selection == ("m1",)
    state = agent.invoke({"messages": [("user", "the rightmost")]}, counted)
    assert toolkit.state.selection == ("m3",)
    assert state["askmask"]["position"] == toolkit.state.position
    toolkit.call("undo")
    assert toolkit.state.selection == ("m1", "m2", "m3")


def test_later_takes_the_last_point_of_one_conversation() -> None:
    first: Any = {"conversation": "a", "position": 1, "revision": 1}
    second: Any = {"conversation": "a", "position": 2, "revision": 2}
    assert later(None, first) == later(first, None) == first
    assert later(second, first) == later(first, second) == second
    assert later(second, {**first, "conversation": "b"})["conversation"] == "b"
