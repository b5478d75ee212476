"""The real client code against a loopback server that speaks OpenAI's protocol, each way the two can go wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ConfigError, ServiceError
from agent_tools.memory import Memory
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.settings import settings
from agent_tools.toolkit import VisionToolkit
from tests.openai_server import OpenAIServer, Step
from workflows.agent_loop.budget import Budget, Cancelled
from workflows.agent_loop.events import Event
from workflows.conversation import Conversation, Reply

KEY = "sk-secret-1234567890abcdef"
COUNT = Step(calls=(("count", {"phrases": ["red square"]}),))
FIVE = Step("There are 5 red squares.")
KNOWN = "There are 5 red squares. The true number may lie between 4 and 5."


@pytest.fixture(params=["chat-stream", "chat", "responses-stream", "responses"])
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    api, _, stream = request.param.partition("-")
    monkeypatch.setenv("ASKMASK_LLM_API", api)
    monkeypatch.setenv("ASKMASK_LLM_STREAM", str(bool(stream)))
    settings.cache_clear()
    return request.param


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Conversation, OpenAIServer]]]:
    monkeypatch.setenv("ASKMASK_LLM_API_KEY", KEY)
    picture = np.full((96, 96, 3), 255, np.uint8)
    for x, y in ((4, 8), (36, 8), (68, 8), (4, 56), (36, 56)):
        picture[y : y + 16, x : x + 16] = (220, 30, 30)
    with ExitStack() as stack:
        memory = stack.enter_context(Memory(tmp_path / "memory"))

        def begin(*steps: Step, **options: Any) -> tuple[Conversation, OpenAIServer]:
            server = stack.enter_context(OpenAIServer(*steps).running())
            toolkit = VisionToolkit(
                services=Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake"), memory=memory
            )
            toolkit.open_picture(picture)
            return Conversation(toolkit, f"openai:scripted@{server.address}", **options), server

        yield begin


def kinds(reply: Reply) -> list[str]:
    return [event.kind for event in reply.trace]


def test_protocol_a_plain_turn_is_answered_from_the_tools(talk: Callable[..., Any], protocol: str) -> None:
    chat, server = talk(COUNT, FIVE)
    reply = chat.ask("how many red squares are there?")
    assert reply.answer == "There are 5 red squares."
    assert reply.counts["red square"]["n"] == 5
    assert kinds(reply) == ["model", "tool", "result", "model"]
    assert len(server.asked) == 2
    assert server.keys == [f"Bearer {KEY}"] * 2
    assert bool(server.asked[0].get("stream")) is protocol.endswith("stream")
    assert ("input" in server.asked[0]) is protocol.startswith("responses")
    assert reply.trace[0].data["tokens"] == {"read": 100, "written": 20}


def test_protocol_words_are_passed_on_as_they_come(talk: Callable[..., Any]) -> None:
    heard: list[Event] = []
    chat, _ = talk(COUNT, FIVE)
    chat.ask("how many red squares are there?", on_event=heard.append)
    assert "".join(event.text for event in heard if event.kind == "text").split() == FIVE.text.split()
    assert [event.kind for event in heard if event.kind != "text"] == ["model", "tool", "result", "model"]


def test_protocol_parallel_calls_run_in_order_and_are_one_turn(talk: Callable[..., Any], protocol: str) -> None:
    both = Step(calls=(("count", {"phrases": ["red square"]}), ("select", {"where": {"row": 1}})))
    chat, _ = talk(both, Step("3 of 5 are on the top row."))
    reply = chat.ask("which red squares are on the top row?")
    assert [call["tool"] for call in reply.calls] == ["count", "select"]
    assert len(chat.toolkit.state.selection) == 3
    chat.toolkit.call("undo")
    assert not chat.toolkit.state.objects


def test_protocol_calls_numbered_afresh_in_each_answer_all_run(talk: Callable[..., Any], protocol: str) -> None:
    undo = Step(calls=(("undo", {}),), numbers=False)
    top = Step(calls=(("select", {"where": {"row": 1}}),))
    chat, _ = talk(COUNT, FIVE, top, Step("Done."), undo, undo, Step("Undone."))
    chat.ask("how many red squares are there?")
    chat.ask("only the top row")
    chat.ask("undo that, and the counting")
    assert not chat.toolkit.state.objects


def test_protocol_a_tool_error_goes_back_and_is_mended(talk: Callable[..., Any], protocol: str) -> None:
    wrong = Step(calls=(("count", {"phrase": "red square"}),))
    chat, server = talk(wrong, COUNT, FIVE)
    assert chat.ask("how many red squares are there?").answer == FIVE.text
    assert "phrases" in str(server.asked[1])


@pytest.mark.parametrize("given", ['{"phrases": ["red squ', "count five", "[1]"])
def test_protocol_malformed_arguments_are_mended(talk: Callable[..., Any], protocol: str, given: str) -> None:
    chat, server = talk(Step(calls=(("count", given),)), COUNT, FIVE)
    assert chat.ask("how many red squares are there?").answer == FIVE.text
    assert len(server.asked) == 3


def test_protocol_malformed_arguments_for_ever_end_the_turn(talk: Callable[..., Any]) -> None:
    chat, server = talk(Step(calls=(("count", "five"),)))
    reply = chat.ask("how many red squares are there?")
    assert "could not be read" in reply.answer
    assert len(server.asked) == 3


def test_protocol_an_unknown_tool_is_named_back(talk: Callable[..., Any], protocol: str) -> None:
    chat, server = talk(Step(calls=(("delete_everything", {}),)), COUNT, FIVE)
    assert chat.ask("how many red squares are there?").answer == FIVE.text
    assert "delete_everything is not a valid tool" in str(server.asked[1])


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        (Budget(calls=3), "I stopped after 3 tool calls"),
        (Budget(tokens=300), "I stopped after 300 tokens"),
        (Budget(dollars=0.01, prices=(10.0, 200.0)), "I stopped after 0.01 dollars"),
    ],
)
def test_protocol_an_endless_loop_ends_with_what_is_known(talk: Callable[..., Any], budget: Budget, said: str) -> None:
    chat, server = talk(COUNT, budget=budget)
    reply = chat.ask("how many red squares are there?")
    assert reply.answer.startswith(said)
    assert reply.answer.endswith(KNOWN)
    assert reply.counts["red square"]["n"] == 5
    assert 2 <= len(server.asked) <= 4
    assert len(chat.toolkit.state.objects) == 5


def test_protocol_more_parallel_calls_than_the_budget_are_not_run(talk: Callable[..., Any]) -> None:
    chat, _ = talk(Step(calls=COUNT.calls * 10), budget=Budget(calls=2))
    assert len(chat.ask("count").calls) == 2


def test_protocol_busy_is_asked_again_when_it_says(talk: Callable[..., Any], protocol: str) -> None:
    chat, server = talk(Step("slow down", status=429, headers={"Retry-After": "0.2"}), COUNT, FIVE)
    started = time.monotonic()
    reply = chat.ask("how many red squares are there?")
    assert reply.answer == FIVE.text
    assert time.monotonic() - started >= 0.2
    assert len(server.asked) == 3
    assert [event.text for event in reply.trace if event.kind == "wait"] == ["0.2 s: openai:scripted busy (429)"]


def test_protocol_busy_for_longer_than_the_budget_is_said_at_once(talk: Callable[..., Any]) -> None:
    chat, _ = talk(Step(status=429, headers={"Retry-After": "3600"}))
    started = time.monotonic()
    with pytest.raises(ServiceError, match=r"llm=openai:scripted busy \(429\)"):
        chat.ask("how many red squares are there?")
    assert time.monotonic() - started < 20


def test_protocol_a_broken_answer_is_asked_for_again(talk: Callable[..., Any], protocol: str) -> None:
    chat, _ = talk(COUNT, Step(FIVE.text, breaks=True), FIVE)
    reply = chat.ask("how many red squares are there?")
    assert reply.answer == FIVE.text
    assert "wait" in kinds(reply)


def test_protocol_a_server_that_stays_broken_loses_nothing_found(
    talk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKMASK_LLM_RETRIES", "1")
    settings.cache_clear()
    chat, _ = talk(COUNT, Step("oh", status=503))
    reply = chat.ask("how many red squares are there?")
    assert reply.answer.startswith("llm=openai:scripted answered 503")
    assert reply.answer.endswith(KNOWN)
    assert kinds(reply)[-1] == "stop"
    assert len(chat.toolkit.state.objects) == 5


def test_protocol_a_server_that_cannot_stream_is_asked_without(talk: Callable[..., Any]) -> None:
    whole = Step(COUNT.text, COUNT.calls, streams=False)
    chat, server = talk(whole, whole, Step(FIVE.text, streams=False))
    assert chat.ask("how many red squares are there?").answer == FIVE.text
    assert [bool(asked.get("stream")) for asked in server.asked][:2] == [True, False]


def test_protocol_a_refusal_is_passed_on_as_such(talk: Callable[..., Any], protocol: str) -> None:
    chat, _ = talk(Step(refusal="I cannot help with that."))
    assert chat.ask("count them").answer == "The language model declined: I cannot help with that."


def test_protocol_an_answer_cut_off_says_so(talk: Callable[..., Any], protocol: str) -> None:
    chat, _ = talk(COUNT, Step("There are", finish="length"))
    assert chat.ask("count the red squares").answer.endswith(
        "(The language model's answer was cut off: it ran out of room.)"
    )


def test_protocol_an_answer_without_words_is_made_from_the_results(talk: Callable[..., Any], protocol: str) -> None:
    chat, _ = talk(COUNT, Step(""))
    assert chat.ask("count the red squares").answer == KNOWN


def test_protocol_a_server_that_does_not_answer_is_given_up(
    talk: Callable[..., Any], protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASKMASK_LLM_TIMEOUT", "0.3")
    monkeypatch.setenv("ASKMASK_LLM_RETRIES", "0")
    settings.cache_clear()
    chat, _ = talk(Step(delay=2))
    started = time.monotonic()
    with pytest.raises(ServiceError, match="no answer in time"):
        chat.ask("count the red squares")
    assert time.monotonic() - started < 2
    assert not chat.toolkit.history()[1:]


def test_protocol_a_model_that_writes_for_ever_is_cut_off_in_time(talk: Callable[..., Any]) -> None:
    chat, _ = talk(COUNT, Step("on and " * 500, pause=0.02), budget=Budget(seconds=1.5))
    started = time.monotonic()
    reply = chat.ask("count the red squares")
    assert reply.answer.startswith("I stopped after 1.5 seconds")
    assert "5 red squares" in reply.answer
    assert time.monotonic() - started < 6


def test_protocol_cancelled_in_the_middle_keeps_nothing(talk: Callable[..., Any]) -> None:
    chat, _ = talk(COUNT, Step("on and " * 500, pause=0.02))
    began = threading.Event()

    def listen(event: Event) -> None:
        if event.kind == "text":
            began.set()

    threading.Thread(target=lambda: (began.wait(20), chat.cancel()), daemon=True).start()
    with pytest.raises(Cancelled):
        chat.ask("count the red squares", on_event=listen)
    assert not chat.toolkit.state.objects


@pytest.mark.parametrize(
    ("step", "kind", "said"),
    [
        (
            Step(f"Incorrect API key provided: {KEY}", status=401, code="invalid_api_key"),
            ConfigError,
            "refused the key",
        ),
        (Step("You exceeded your current quota", status=429, code="insufficient_quota"), ConfigError, "no credit left"),
        (Step("The model `scripted` does not exist", status=404), ConfigError, "is not there"),
        (Step("maximum context length is 8", status=400, code="context_length_exceeded"), ServiceError, "this much"),
        (Step(f"bad request with {KEY}", status=400), ServiceError, r"refused the request \(400: .*\(hidden\)"),
    ],
)
def test_protocol_errors_say_what_to_do_and_hold_no_key(
    talk: Callable[..., Any], protocol: str, step: Step, kind: type[Exception], said: str
) -> None:
    chat, server = talk(step)
    with pytest.raises(kind, match=said) as caught:
        chat.ask("count the red squares")
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(server.asked) == 1
    assert not chat.toolkit.history()[1:]


def test_protocol_no_key_is_in_a_log_a_trace_or_the_memory(
    talk: Callable[..., Any], protocol: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level("DEBUG")
    chat, server = talk(Step("slow", status=503, headers={"Retry-After": "0"}), COUNT, FIVE)
    reply = chat.ask("how many red squares are there?")
    assert KEY in server.keys[0]
    assert len(caplog.records) > 3
    assert KEY not in caplog.text
    assert KEY not in str([event.as_json() for event in reply.trace])
    assert not [
        path for path in (tmp_path / "memory").rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()
    ]


def test_protocol_a_number_no_tool_gave_is_sent_back_once(talk: Callable[..., Any], protocol: str) -> None:
    chat, server = talk(COUNT, Step("There are 7 red squares."), FIVE)
    reply = chat.ask("how many red squares are there?")
    assert reply.answer == FIVE.text
    assert "No tool result holds 7" in str(server.asked[2])
    assert [event.text for event in reply.trace if event.kind == "check"] == ["no tool gave 7"]


def test_protocol_a_number_no_tool_gave_is_flagged_in_the_end(talk: Callable[..., Any]) -> None:
    chat, server = talk(COUNT, Step("There are 7 red squares, m9 the best."))
    answer = chat.ask("how many red squares are there?").answer
    assert answer == "There are 7 red squares, m9 the best. (Not checked by any tool: m9, 7.)"
    assert len(server.asked) == 3


def test_protocol_no_pixels_go_out_unless_asked_to_look(talk: Callable[..., Any], protocol: str) -> None:
    shown = Step(calls=(("count", {"phrases": ["red square"]}), ("show", {})))
    chat, server = talk(shown, FIVE)
    chat.ask("how many red squares are there?")
    assert "base64" not in str(server.asked)
    chat, server = talk(shown, FIVE, look=True)
    reply = chat.ask("how many red squares are there?")
    assert str(server.asked[1]).count("base64") == 1
    assert any("looks at what show drew" in event.text for event in reply.trace)


def test_protocol_looks_have_a_budget(talk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKMASK_LOOKS", "1")
    settings.cache_clear()
    chat, server = talk(Step(calls=(("show", {}),)), Step(calls=(("show", {}),)), Step("Nothing."), look=True)
    chat.ask("what do you see?")
    assert str(server.asked[2]).count("base64") == 1
    assert "No more pictures" in str(server.asked[2])


def test_protocol_a_recording_is_replayed_without_a_model(talk: Callable[..., Any], tmp_path: Path) -> None:
    recording = tmp_path / "talk.jsonl"
    chat, _ = talk(COUNT, FIVE, record=recording)
    first = chat.ask("how many red squares are there?")
    again, other = talk(Step("never asked"), replay=recording)
    second = again.ask("how many red squares are there?")
    assert (second.answer, second.calls) == (first.answer, first.calls)
    assert not other.asked
    assert KEY not in recording.read_text()
    with pytest.raises(ConfigError, match="not what was recorded next"):
        again.ask("something else")


def test_protocol_the_tool_for_shelves_is_offered_where_a_list_may_be(
    talk: Callable[..., Any], protocol: str, tmp_path: Path
) -> None:
    chat, server = talk(Step("Nothing."), Step("Nothing."))
    chat.ask("how many?")
    (tmp_path / "list.csv").write_text("phrases,expected\nred square,5\n")
    chat.toolkit.offer_products(tmp_path / "list.csv")
    chat.ask("what is missing?")
    offered = [{tool.get("name") or tool["function"]["name"] for tool in asked["tools"]} for asked in server.asked]
    assert offered[1] - offered[0] == {"count_shelf"}
    assert offered[0] >= {"count", "edit", "undo"}
