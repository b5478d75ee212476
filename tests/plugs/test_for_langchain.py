"""The tools as LangChain tools: the same schemas, results, errors and ids."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agent_tools.errors import ServiceError
from agent_tools.memory import Memory
from agent_tools.plugs.for_langchain import langchain_tools
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.registry import TOOLS, schema


@pytest.fixture
def toolkit(tmp_path: Path) -> Iterator[VisionToolkit]:
    array = np.full((20, 40, 3), 255, np.uint8)
    array[4:12, 4:12] = array[4:12, 24:32] = (220, 30, 30)
    with Memory(tmp_path / "memory") as memory:
        toolkit = VisionToolkit(
            services=Services(FakeDetector(), FakeSegmenter(), "custom", "fake-detector", "fake-segmenter"),
            memory=memory,
        )
        toolkit.open_picture(array)
        yield toolkit


@pytest.fixture
def tools(toolkit: VisionToolkit) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in langchain_tools(toolkit)}


def call(name: str, identity: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_call", "name": name, "id": identity, "args": arguments}


def test_tools_carry_the_registrys_names_words_and_schemas(tools: dict[str, BaseTool]) -> None:
    assert list(tools) == list(TOOLS)
    for name, tool in tools.items():
        function = convert_to_openai_tool(tool)["function"]
        assert (function["name"], function["description"]) == (name, TOOLS[name].description)
        assert function["parameters"] == schema(TOOLS[name])


def test_tool_gives_text_to_the_model_and_data_beside_it(tools: dict[str, BaseTool]) -> None:
    message = tools["count"].invoke(call("count", "c1", phrases=["red"]))
    assert isinstance(message, ToolMessage)
    assert (message.content, message.status) == ("2 red: m1 m2 (score 0.90). low 2, high 2.", "success")
    assert message.artifact["counts"]["red"]["n"] == 2
    assert json.loads(json.dumps(message.artifact)) == message.artifact


def test_tool_without_a_call_id_gives_its_text(tools: dict[str, BaseTool]) -> None:
    assert tools["count"].invoke({"phrases": ["red"]}) == "2 red: m1 m2 (score 0.90). low 2, high 2."
    assert tools["undo"].invoke({}).startswith("1 turn undone.")


def test_tool_called_again_under_the_same_id_is_not_run_again(
    tools: dict[str, BaseTool], toolkit: VisionToolkit
) -> None:
    first = tools["count"].invoke(call("count", "c1", phrases=["red"]))
    again = asyncio.run(tools["count"].ainvoke(call("count", "c1", phrases=["red"])))
    assert (again.content, again.artifact) == (first.content, first.artifact)
    assert len(toolkit.services.detector.calls) == 1  # type: ignore[attr-defined]
    assert [made.call_id for turn in toolkit.history() for made in turn.calls] == ["c1"]


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("count", {"phrase": "red"}, "phrase=red is not an argument of count: expected phrases"),
        ("select", {"handles": ["m9"]}, "handles=m9 do not exist: expected"),
        ("open_picture", {"source": "/etc/passwd"}, "source=/etc/passwd is not a picture you may open"),
        ("undo", {"tool_call_id": "x"}, "tool_call_id=x is not an argument of undo"),
    ],
)
def test_tool_that_refuses_tells_the_model(
    tools: dict[str, BaseTool], name: str, arguments: dict[str, Any], words: str
) -> None:
    message = tools[name].invoke(call(name, "c1", **arguments))
    assert (message.status, message.artifact) == ("error", None)
    assert message.content.startswith(words)


def test_tool_whose_model_fails_raises(tools: dict[str, BaseTool], toolkit: VisionToolkit) -> None:
    class Broken(FakeDetector):
        def detect(self, *_: Any) -> Any:
            raise ServiceError("detector=broken failed: expected an answer. Start it again.")

    toolkit.services.detector = Broken()
    with pytest.raises(ServiceError):
        tools["count"].invoke(call("count", "c1", phrases=["red"]))


class Scripted(GenericFakeChatModel):
    def bind_tools(self, *_: Any, **__: Any) -> Any:
        return self


def test_agent_runs_several_calls_of_one_message_in_order_and_as_one_turn(toolkit: VisionToolkit) -> None:
    asked = [
        call("count", "a", phrases=["red"]),
        call("select", "b", where={"side": "right"}),
        call("select", "c", where={"side": "upper"}),
    ]
    model = Scripted(messages=iter([AIMessage("", tool_calls=asked), AIMessage("One is on the right.")]))
    agent = create_agent(model, langchain_tools(toolkit))
    with toolkit.turn("which red one is on the right?"):
        result = agent.invoke({"messages": [("user", "which?")]}, config={"max_concurrency": 1})
    told = [message for message in result["messages"] if isinstance(message, ToolMessage)]
    assert [(message.tool_call_id, message.status) for message in told] == [
        ("a", "success"),
        ("b", "success"),
        ("c", "error"),
    ]
    assert toolkit.state.selection == ("m2",)
    assert [made.call_id for made in toolkit.history()[-1].calls] == ["a", "b", "c"]
    assert toolkit.state.undo == 1
