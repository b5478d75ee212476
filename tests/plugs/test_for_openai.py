"""The tools for OpenAI's client: strict schemas, and the calls of an answer run; the real client against a loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from agent_tools.errors import ServiceError
from agent_tools.memory import Memory
from agent_tools.plugs.for_openai import chat_results, chat_tools, responses_results, responses_tools, run_call
from agent_tools.services.fakes import FakeDetector
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.registry import TOOLS, schema
from tests.openai_server import OpenAIServer, Step
from tests.plugs.conftest import drawn, fakes

RED = "2 red: m1 m2 (score 0.90). low 2, high 2."


@pytest.fixture
def toolkit(memory: Memory) -> VisionToolkit:
    toolkit = VisionToolkit(services=fakes(), memory=memory)
    toolkit.open_picture(drawn())
    return toolkit


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every object schema within a schema."""
    if isinstance(node, dict):
        if "properties" in node:
            yield node
        for each in node.values():
            yield from objects(each)
    elif isinstance(node, list):
        for each in node:
            yield from objects(each)


@pytest.mark.parametrize("name", TOOLS)
def test_strict_schemas_hold_what_strict_mode_asks_for(name: str) -> None:
    function = next(tool["function"] for tool in chat_tools() if tool["function"]["name"] == name)
    assert (function["strict"], function["description"]) == (True, TOOLS[name].description)
    short = schema(TOOLS[name])
    assert list(function["parameters"]["properties"]) == list(short["properties"])
    for one in objects(function["parameters"]):
        assert one["required"] == list(one["properties"])
        assert one["additionalProperties"] is False
    for argument, node in function["parameters"]["properties"].items():
        takes_null = "null" in node["type"] if "type" in node else {"type": "null"} in node["anyOf"]
        assert takes_null == (argument not in short.get("required", []))
        assert (None in node["enum"]) == takes_null if "enum" in node else True
    assert not [word for word in ('"default"', '"$ref"', '"title"') if word in json.dumps(function["parameters"])]


def test_schemas_of_both_interfaces_are_the_same_and_lenient_ones_are_the_registrys() -> None:
    assert [{"type": "function", **tool["function"]} for tool in chat_tools()] == responses_tools()
    assert [tool["parameters"] for tool in responses_tools(strict=False)] == [schema(tool) for tool in TOOLS.values()]
    quantity = responses_tools()[1]["parameters"]["properties"]["quantity"]
    assert quantity == {
        "type": ["string", "null"],
        "enum": ["all", "one", None],
        "description": "one: the best of each phrase. Default: all.",
    }


def test_arguments_as_strict_mode_writes_them_are_taken(toolkit: VisionToolkit) -> None:
    for tool in responses_tools():
        if tool["name"] == "count":
            nothing = dict.fromkeys(tool["parameters"]["properties"])
            where = dict.fromkeys(tool["parameters"]["properties"]["where"]["properties"])
    given = {**nothing, "phrases": ["red"], "where": {**where, "extreme": "leftmost"}}
    assert run_call(toolkit, "count", json.dumps(given)).startswith("1 red: m1")


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("count", '{"phrases": ["red"', 'Error: arguments={"phrases": ["red" are not JSON (Expecting'),
        ("count", '["red"]', "Error: arguments=['red'] are no object: expected one. Write them again."),
        ("count", '{"phrase": "red"}', "Error: phrase=red is not an argument of count: expected phrases"),
        ("cuont", "{}", "Error: tool=cuont does not exist: expected one of"),
        (None, None, "Error: tool=None does not exist: expected one of"),
        ("select", {"handles": ["m9"]}, "Error: handles=m9 do not exist"),
        ("recall", "", "p1 "),
        ("recall", None, "p1 "),
    ],
)
def test_call_comes_back_as_text_that_the_model_can_mend(
    toolkit: VisionToolkit, name: Any, arguments: Any, words: str
) -> None:
    assert run_call(toolkit, name, arguments, "c1").startswith(words)


def test_call_that_a_model_fails_is_raised(memory: Memory) -> None:
    class Dead(FakeDetector):
        def detect(self, *_: Any) -> Any:
            raise ServiceError("detector=dead does not answer: expected an answer. Start it again.")

    toolkit = VisionToolkit(services=fakes(Dead()), memory=memory)
    toolkit.open_picture(drawn())
    with pytest.raises(ServiceError):
        run_call(toolkit, "count", '{"phrases": ["red"]}')


THREE = (("count", {"phrases": ["red"]}), ("select", {"where": {"side": "right"}}), ("select", '{"where": '))


def test_chat_calls_of_one_message_run_in_order_and_once(toolkit: VisionToolkit) -> None:
    with OpenAIServer(Step(calls=THREE)).running() as server, client(server) as openai:
        completion = openai.chat.completions.create(model="m", messages=[], tools=chat_tools())  # type: ignore[call-overload]
        message = completion.choices[0].message
    results = chat_results(toolkit, message)
    assert [(each["role"], each["tool_call_id"]) for each in results] == [("tool", f"call_1_{n}") for n in range(3)]
    assert results[0]["content"] == RED
    assert results[1]["content"].startswith("1 selected: 1 red: m2")
    assert results[2]["content"].startswith('Error: arguments={"where":  are not JSON')
    assert server.asked[0]["tools"] == chat_tools()
    assert chat_results(toolkit, message.model_dump())[0] == results[0]
    assert len(toolkit.services.detector.calls) == 1, "the same call again is answered as it was"  # type: ignore[attr-defined]


def test_responses_calls_run_in_order_and_other_items_are_left_alone(toolkit: VisionToolkit) -> None:
    with OpenAIServer(Step("Let me look.", THREE)).running() as server, client(server) as openai:
        response = openai.responses.create(model="m", input="count", tools=responses_tools())  # type: ignore[call-overload]
    results = responses_results(toolkit, response)
    assert [(each["type"], each["call_id"]) for each in results] == [
        ("function_call_output", f"call_1_{n}") for n in range(3)
    ]
    assert results[0]["output"] == RED
    assert server.asked[0]["tools"] == responses_tools()
    assert responses_results(toolkit, response.model_dump())[0] == results[0]


def test_message_without_calls_gives_nothing_to_append(toolkit: VisionToolkit) -> None:
    assert chat_results(toolkit, {"role": "assistant", "content": "Two."}) == []
    assert responses_results(toolkit, {"output": [{"type": "message", "content": []}]}) == []


def client(server: OpenAIServer) -> OpenAI:
    return OpenAI(base_url=server.address, api_key="none", max_retries=0)


@pytest.mark.parametrize("example", ["openai_chat_completions", "openai_responses"])
def test_example_runs_against_any_server(example: str, shelves: Path, own_data_folder: Path) -> None:
    mended = (Step(calls=(("cuont", {}),)), Step(calls=(("count", {"phrases": ["red"]}),)), Step("There are two."))
    script = Path(__file__).parents[2] / "examples" / f"{example}.py"
    with OpenAIServer(*mended).running() as server:
        environment = {
            **os.environ,
            "OPENAI_BASE_URL": server.address,
            "OPENAI_API_KEY": "none",
            "ASKMASK_DATA_DIR": str(own_data_folder),
            "ASKMASK_DETECTOR": "agent_tools.services.fakes:FakeDetector",
            "ASKMASK_SEGMENTER": "agent_tools.services.fakes:FakeSegmenter",
            "PYTHONPATH": str(script.parents[1]),
        }
        command = [sys.executable, str(script), str(shelves / "shelf.png"), "how many red squares are there?"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout == "There are two.\n", done.stderr
    sent = json.dumps(server.asked[-1])
    assert "Did you mean count?" in sent
    assert RED in sent
