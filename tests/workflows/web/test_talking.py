"""What a sentence on the page comes to: what is said while it is at work, where it goes, and how it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agent_tools.memory import Memory
from tests.openai_server import OpenAIServer, Step
from tests.workflows.web.rooms_for_tests import rooms_on, shelf
from workflows.conversation import Conversation
from workflows.web.page import Page, Told
from workflows.web.rooms import Room

ANYBODY: Any = SimpleNamespace(request=SimpleNamespace(scope={}, cookies={}))
COUNT = Step(calls=(("count", {"phrases": ["red box"]}), ("show", {})))
THREE = Step("There are 3 red boxes.")
LOOKED = "The model was shown a small copy of the picture."


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Page, Room, Any]]]:
    """begin(steps...) → a page whose language model follows them, a room with a picture, and the model's server."""
    monkeypatch.setenv("ASKMASK_LLM_API_KEY", "secret")
    with ExitStack() as stack:
        memory = stack.enter_context(Memory(tmp_path / "memory"))

        def make(*steps: Step, look: bool = False) -> tuple[Page, Room, Any]:
            server = stack.enter_context(OpenAIServer(*steps).running())
            llm = f"openai:scripted@{server.address}"
            rooms = rooms_on(memory, lambda toolkit: Conversation(toolkit, llm, look=look))
            room, _ = rooms.open(shelf(), None)
            return Page(rooms, Told("1", "demo", looks=LOOKED)), room, server

        yield make


def attached(room: Room, **more: Any) -> str:
    return json.dumps({"conversation": room.id, "picture": "p1", "pins": [], **more})


def last(page: Page, room: Room, words: str = "how many red boxes?") -> tuple[Any, ...]:
    return list(page.ask(words, attached(room), ANYBODY))[-1]


def test_picture_stays_here_unless_the_model_may_look_and_then_the_page_says_so(begin: Callable[..., Any]) -> None:
    page, room, server = begin(COUNT, THREE)
    assert last(page, room)[3] == ""
    assert "base64" not in str(server.asked)
    page, room, server = begin(COUNT, THREE, look=True)
    assert last(page, room)[3] == LOOKED
    assert "base64" in str(server.asked)


def test_words_are_said_back_at_once_and_answered_with_the_steps_taken(begin: Callable[..., Any]) -> None:
    page, room, _ = begin(COUNT, THREE)
    shown = list(page.ask("how many red boxes?", attached(room), ANYBODY))
    assert shown[0][1][-1] == {"role": "user", "content": "how many red boxes?"}
    picture, said, *_ = shown[-1]
    assert said[-2]["content"] == "There are 3 red boxes."
    assert said[-1]["metadata"]["title"] == "2 steps"
    assert "count(phrases=['red box'])" in said[-1]["content"]
    assert sum(one["marked"] for one in picture["objects"]) == 3


def test_words_that_fail_are_given_back_with_the_reason_and_nothing_is_kept(begin: Callable[..., Any]) -> None:
    page, room, _ = begin(Step("wrong key", status=401))
    picture, said, words, *_ = last(page, room)
    assert words == "how many red boxes?"
    assert "key" in picture["trouble"]
    assert said == []


def test_stop_ends_a_request_and_the_next_one_is_answered(begin: Callable[..., Any]) -> None:
    page, room, _ = begin(Step(calls=(("count", {"phrases": ["red box"]}),), delay=1.5), COUNT, THREE)
    work = page.ask("how many red boxes?", attached(room), ANYBODY)
    next(work)
    threading.Timer(0.5, lambda: page.stop(attached(room), ANYBODY)).start()
    _, said, words, *_ = list(work)[-1]
    assert words == "how many red boxes?"
    assert said == []
    assert last(page, room)[1][-2]["content"] == "There are 3 red boxes."


def test_words_for_an_erased_conversation_say_what_to_do(begin: Callable[..., Any]) -> None:
    page, room, _ = begin()
    room.toolkit.memory.erase(room.id)
    assert "Reload the page" in last(page, room)[0]["trouble"]


def test_words_in_markup_reach_nobody_as_markup(begin: Callable[..., Any]) -> None:
    page, room, _ = begin(Step(calls=(("count", {"phrases": ["<img src=x onerror=alert(1)>"]}),)), Step("None."))
    told = [str(each[3]) for each in page.ask("count <b>that</b>", attached(room), ANYBODY)]
    assert not any("<img" in each for each in told)
