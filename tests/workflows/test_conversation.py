"""The agent loop with both kinds of planner, on a painted picture whose answers are known."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from agent_tools.errors import ServiceError, ToolInputError
from agent_tools.memory import Memory
from agent_tools.services.base import Detections, Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit
from workflows import conversation as conversation_module
from workflows.conversation import Conversation

RED, BLUE = (220, 30, 30), (30, 60, 220)


def painted(shift: int = 0) -> np.ndarray:
    """Three red squares above two, and one blue, 96 x 96."""
    picture = np.full((96, 96, 3), 255, np.uint8)
    for x, y in ((4, 8), (36, 8), (68, 8), (4, 56), (36, 56)):
        picture[y : y + 16, x + shift : x + shift + 16] = RED
    picture[56:72, 68:84] = BLUE
    return picture


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory") as memory:
        yield memory


@pytest.fixture
def talk(memory: Memory) -> Callable[..., Conversation]:
    def begin(detector: Any = None, conversation: str | None = None, llm: str | None = None) -> Conversation:
        services = Services(detector or FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
        toolkit = VisionToolkit(services=services, memory=memory, conversation=conversation)
        if conversation is None:
            toolkit.open_picture(painted())
        return Conversation(toolkit, llm)

    return begin


class Scripted(BaseChatModel):
    """Says what it was told to, step by step, and keeps what it was shown."""

    steps: list[AIMessage]
    seen: list[list[BaseMessage]] = []

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> "Scripted":
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(list(messages))
        step = self.steps[min(len(self.seen) - 1, len(self.steps) - 1)]
        return ChatResult(generations=[ChatGeneration(message=step.model_copy())])


def calling(*calls: tuple[str, dict[str, Any]], start: int = 0) -> AIMessage:
    made = [
        {"name": name, "args": arguments, "id": f"call-{start + number}"}
        for number, (name, arguments) in enumerate(calls)
    ]
    return AIMessage("", tool_calls=made)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Scripted]:
    def use(*steps: AIMessage) -> Scripted:
        model = Scripted(steps=list(steps))
        monkeypatch.setattr(conversation_module, "chat_model", lambda _: model)
        return model

    return use


def test_conversation_of_five_turns_gives_the_right_numbers(talk: Callable[..., Conversation]) -> None:
    chat = talk()
    assert chat.ask("count the red squares").counts["red square"]["n"] == 5
    top = chat.ask("only the ones on the top row")
    assert [thing["box"][1] for thing in top.objects] == [8, 8, 8]
    assert len(chat.ask("not that one", click=(40, 12)).objects) == 2
    assert chat.ask("undo").answer
    now = chat.ask("how many now?")
    assert "3" in now.answer
    assert len(now.objects) == 3


def test_conversation_one_click_shows_what_to_count(talk: Callable[..., Conversation]) -> None:
    chat = talk()
    reply = chat.ask("how many of these are there?", click=(8, 12))
    assert [call["tool"] for call in reply.calls] == ["segment", "find_similar"]
    assert reply.counts["object"]["n"] == 5
    assert reply.answer == "There are 5 objects like m1: m1 to m5."
    assert "m1, m2, m4 and m5" in chat.ask("only the ones like m2 on the left").answer
    assert chat.ask("find more like this", click=(72, 60)).answer == "I found no other objects like m6."


def test_conversation_finds_the_same_in_the_other_picture(talk: Callable[..., Conversation]) -> None:
    chat = talk()
    chat.toolkit.open_picture(painted(8))
    chat.ask("count the blue squares")
    reply = chat.ask("find the same in the other picture")
    assert [(thing["picture"], thing["box"][0]) for thing in reply.objects] == [("p1", 68)]
    assert reply.answer == "There is 1 blue square like m1 on p1: m2."
    assert chat.ask("what is on p2?").answer == "I know 1 blue square on p2: m1."
    assert "found to be like m1" in chat.ask("why m2?").answer
    assert 'found by "blue square" in turn 3' in chat.ask("why m1?").answer


def test_conversation_tells_why_it_counted_and_changes_nothing(talk: Callable[..., Conversation]) -> None:
    chat = talk()
    chat.ask("count the red squares")
    reply = chat.ask("why did you count that one?", click=(40, 12))
    assert reply.answer.startswith(
        'm2 was found by "red square" in turn 2 ("count the red squares"), with score 0.90 (I count from 0.50 on).'
    )
    assert [thing["handle"] for thing in reply.objects] == ["m2"]
    assert len(chat.toolkit.state.selection) == 5
    assert chat.ask("what did you find in turn 2?").answer == "I know 5 red squares found in turn 2: m1 to m5."
    assert chat.ask("which apples do you know?").answer == "I know no apples."


class NoWords(FakeDetector):
    """Has no word for anything."""

    def detect(self, pictures: Sequence[Any], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        return [Detections.none(dict.fromkeys(range(len(asked)), "has no word for it")) for asked in phrases]


def test_conversation_words_the_detector_lacks_on_several_pictures_are_explained_not_added_up(
    talk: Callable[..., Conversation],
) -> None:
    chat = talk(NoWords())
    second = chat.toolkit.open_picture(painted(8))
    reply = chat.ask("count the unicorns", pictures=["p1", second])
    assert reply.answer.count("I found no unicorns: the fake detector has no word for it (") == 2
    assert "in all" not in reply.answer
    assert reply.counts["unicorn"]["unknown"] == "has no word for it"
    assert reply.counts["unicorn"]["n"] == 0


def test_conversation_taken_up_again_still_knows_the_selection(
    talk: Callable[..., Conversation], memory: Memory
) -> None:
    chat = talk()
    chat.ask("count the red squares")
    chat.ask("only the ones on the top row")
    again = talk(conversation=chat.toolkit.conversation)
    assert len(again.ask("how many now?").objects) == 3


def test_conversation_nothing_found_is_an_answer_with_no_objects(talk: Callable[..., Conversation]) -> None:
    chat = talk()
    chat.ask("count the red squares")
    reply = chat.ask("count the green squares")
    assert reply.counts["green square"]["n"] == 0
    assert reply.objects == []
    assert chat.toolkit.state.selection == ()


def test_conversation_several_pictures_are_answered_apart_and_summed(talk: Callable[..., Conversation]) -> None:
    chat = talk()
    other = painted()
    other[8:24, 4:20] = 255
    second = chat.toolkit.open_picture(other)
    reply = chat.ask("count the red squares", pictures=["p1", second])
    assert reply.counts["red square"]["n"] == 9
    assert reply.pictures == ("p1", second)
    assert len(chat.toolkit.state.selection) == 9


def test_conversation_a_failing_model_leaves_no_turn_behind(talk: Callable[..., Conversation]) -> None:
    class Broken(FakeDetector):
        def detect(self, pictures: Any, phrases: Any) -> Any:
            raise ServiceError("detector=broken failed: expected an answer. Try again.")

    chat = talk(detector=Broken())
    before = len(chat.toolkit.history())
    with pytest.raises(ServiceError, match="broken"):
        chat.ask("count the red squares")
    assert len(chat.toolkit.history()) == before
    assert not chat.toolkit.state.objects


@pytest.mark.parametrize(("request_", "click"), [("  ", None), ("not that one", (500.0, 3.0))])
def test_conversation_bad_request_is_refused_and_changes_nothing(
    talk: Callable[..., Conversation], request_: str, click: tuple[float, float] | None
) -> None:
    chat = talk()
    before = len(chat.toolkit.history())
    with pytest.raises(ToolInputError, match="expected"):
        chat.ask(request_, click)
    assert len(chat.toolkit.history()) == before


def test_conversation_parallel_calls_run_in_the_order_given(
    talk: Callable[..., Conversation], scripted: Callable[..., Scripted]
) -> None:
    scripted(
        calling(("count", {"phrases": ["red square"]}), ("select", {"where": {"row": 1}}), ("undo", {})),
        AIMessage("Done it."),
    )
    chat = talk()
    reply = chat.ask("do three things")
    assert [call["tool"] for call in reply.calls] == ["count", "select", "undo"]
    assert reply.answer == "Done it."


def test_conversation_tool_error_goes_back_to_the_model_which_mends_it(
    talk: Callable[..., Conversation], scripted: Callable[..., Scripted]
) -> None:
    model = scripted(
        calling(("count", {"phrase": "red square"})),
        calling(("count", {"phrases": ["red square"]}), start=1),
        AIMessage("Five."),
    )
    reply = talk().ask("count")
    failed = model.seen[1][-1]
    assert isinstance(failed, ToolMessage)
    assert failed.status == "error"
    assert reply.counts["red square"]["n"] == 5


def test_conversation_endless_loop_ends_politely_and_keeps_what_is_known(
    talk: Callable[..., Conversation], scripted: Callable[..., Scripted]
) -> None:
    scripted(calling(("count", {"phrases": ["red square"]})))
    chat = talk()
    reply = chat.ask("count for ever")
    assert "stopped" in reply.answer
    assert len(chat.toolkit.state.objects) == 5


def test_conversation_language_model_sees_the_table_and_the_last_turns_but_no_pixels(
    talk: Callable[..., Conversation], scripted: Callable[..., Scripted]
) -> None:
    chat = talk()
    chat.ask("count the red squares")
    model = scripted(AIMessage("Nothing to do."))
    talk(conversation=chat.toolkit.conversation).ask("thanks")
    system, *rest = model.seen[0]
    assert isinstance(system, SystemMessage)
    assert "m5" in system.text
    assert rest[0].text == "count the red squares"
    assert rest[-1].text == "thanks"
    assert "base64" not in "".join(message.text for message in model.seen[0])


def test_conversation_asked_again_works_nothing_out_again_and_a_refinement_encodes_nothing(memory: Memory) -> None:
    toolkit = VisionToolkit("demo", memory=memory)
    toolkit.open_picture(painted())
    talk = Conversation(toolkit)
    first = talk.ask("find the apples").cache
    assert first["detections"]["misses"] == 1
    again = talk.ask("find the apples").cache
    assert again["detections"] == {"hits": 1, "misses": 0}
    assert again.get("encodings", {"misses": 0})["misses"] == 0
    [thing] = talk.click(76, 64).objects
    before = toolkit.cached["encodings"]
    toolkit.call("refine_with_point", {"handle": thing["handle"], "point": [78, 66]})
    after = toolkit.cached["encodings"]
    assert after["misses"] == before["misses"]
    assert after["hits"] > before["hits"]


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from agent_tools.memory import Memory
from agent_tools.services.base import Detections, Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit
from workflows.conversation import Conversation

folder, luck = Path(sys.argv[1]), random.Random(3)
picture = np.full((96, 96, 3), 255, np.uint8)
for x in (4, 36, 68):
    picture[8:24, x:x + 16] = (220, 30, 30)
    picture[56:72, x:x + 16] = (220, 30, 30)
with Memory(folder) as memory:
    toolkit = VisionToolkit(memory=memory)
    conversation = toolkit.conversation
    toolkit.open_picture(picture)

def talk_for_ever(report):
    with Memory(folder) as memory:
        services = Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
        chat = Conversation(VisionToolkit(services=services, memory=memory, conversation=conversation))
        while True:
            for request in ("count the red squares", "only the top row", "how many now?"):
                chat.ask(request)
                os.write(report, b".")

with Memory(folder / "warm") as memory:  # what is slow the first time is done before the children begin
    chat = Conversation(VisionToolkit(
        services=Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake"), memory=memory))
    chat.toolkit.open_picture(picture)
    chat.ask("count the red squares")

finished = 0
for _ in range(20):
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        talk_for_ever(write)
    os.close(write)
    said = len(os.read(read, 1))
    time.sleep(luck.uniform(0.0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while part := os.read(read, 4096):
        said += len(part)
    os.close(read)
    with Memory(folder) as memory:
        turns = [turn for turn in memory.history(conversation) if turn.answer]
        state = memory.state(conversation)
    assert finished + said <= len(turns) <= finished + said + 1, (finished, said, len(turns))
    assert all(turn.answer and turn.calls for turn in turns), "half a turn"
    assert set(state.selection) <= set(state.objects)
    finished = len(turns)
print(finished)
"""


@pytest.mark.slow
def test_conversation_killed_twenty_times_keeps_every_finished_turn_and_no_half_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "memory")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 20, "killed before it could finish turns"
