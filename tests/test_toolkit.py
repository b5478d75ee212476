"""The toolkit: turns, threads, laziness, gestures, and a conversation that goes on."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.errors import ConfigError, MemoryStoreError, ServiceError, ToolInputError
from agent_tools.memory import Memory
from agent_tools.pictures import Picture
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.toolkit import VisionToolkit


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(tmp_path / "memory") as memory:
        yield memory


def drawn() -> np.ndarray:
    array = np.full((20, 40, 3), 255, np.uint8)
    array[4:12, 4:12] = array[4:12, 24:32] = (220, 30, 30)
    return array


def services() -> Services:
    return Services(FakeDetector(), FakeSegmenter(), "custom", "fake-detector", "fake-segmenter")


@pytest.fixture
def toolkit(memory: Memory) -> VisionToolkit:
    toolkit = VisionToolkit(services=services(), memory=memory)
    toolkit.open_picture(drawn())
    return toolkit


def test_toolkit_loads_no_models_before_they_are_needed(memory: Memory) -> None:
    toolkit = VisionToolkit("no such preset", memory=memory)
    toolkit.open_picture(drawn())
    toolkit.gesture(None, "point", [3, 3])
    assert toolkit.call("recall").data["picture"] == "p1"
    assert toolkit.seconds == {"detect": 0.0, "segment": 0.0}
    with pytest.raises(ConfigError, match="no such preset"):
        toolkit.call("count", {"phrases": ["red"]})


def test_toolkit_opens_paths_bytes_arrays_and_images(toolkit: VisionToolkit, tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.new("RGB", (5, 4)).save(path)
    assert toolkit.open_picture(path) == toolkit.open_picture(path.read_bytes()) == "p2"
    assert toolkit.open_picture(str(path)) == "p2"
    assert toolkit.open_picture(Image.new("RGB", (3, 3))) == "p3"
    assert toolkit.open_picture(Picture.from_array(np.zeros((2, 2), np.uint8))) == "p4"
    assert toolkit.state.picture == "p4"
    assert toolkit.state.pictures["p2"].name == "one.png"


def test_toolkit_goes_on_with_a_conversation(toolkit: VisionToolkit, memory: Memory) -> None:
    toolkit.call("count", {"phrases": ["red"]})
    again = VisionToolkit(services=services(), memory=memory, conversation=toolkit.conversation)
    assert again.call("count").data["total"] == 2
    assert again.call("select", {"where": {"extreme": "leftmost"}}).data["selection"] == ["m1"]
    assert toolkit.state.selection == ("m1",)


@pytest.mark.parametrize("conversation", ["0" * 32, "mine"])
def test_toolkit_for_a_conversation_that_does_not_exist_is_refused(memory: Memory, conversation: str) -> None:
    with pytest.raises(ConfigError, match="conversation="):
        VisionToolkit(memory=memory, conversation=conversation)


def test_turn_keeps_all_of_its_calls_as_one(toolkit: VisionToolkit) -> None:
    with toolkit.turn("count the red ones, then only the left one") as turn:
        toolkit.call("count", {"phrases": ["red"]})
        toolkit.call("select", {"where": {"side": "left"}})
        assert toolkit.state.selection == ("m1",)
        turn.answer = "One."
    last = toolkit.history()[-1]
    assert (last.request, last.answer) == ("count the red ones, then only the left one", "One.")
    assert [call.tool for call in last.calls] == ["count", "select"]
    toolkit.call("undo")
    assert toolkit.state.objects == {}


def test_turn_that_fails_keeps_nothing_and_the_next_one_works(toolkit: VisionToolkit) -> None:
    before = toolkit.state

    def stumble() -> None:
        with toolkit.turn("count"):
            toolkit.call("count", {"phrases": ["red"]})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    assert toolkit.state == before
    assert toolkit.call("count", {"phrases": ["red"]}).data["selection"] == ["m1", "m2"]


def test_turn_within_a_turn_is_refused_and_the_outer_one_goes_on(toolkit: VisionToolkit) -> None:
    with toolkit.turn("outer"):
        with pytest.raises(MemoryStoreError, match="one turn at a time"), toolkit.turn("inner"):
            pass
        toolkit.call("count", {"phrases": ["red"]})
    assert len(toolkit.state.objects) == 2


def test_call_that_a_model_fails_keeps_nothing(memory: Memory) -> None:
    class Broken:
        threshold = 0.5

        def detect(self, *_: object) -> list[object]:
            raise ServiceError("detector=broken failed: expected an answer. Start it again.")

    toolkit = VisionToolkit(services=Services(Broken(), FakeSegmenter(), "custom", "d", "s"), memory=memory)  # type: ignore[arg-type]
    toolkit.open_picture(drawn())
    with pytest.raises(ServiceError):
        toolkit.call("count", {"phrases": ["red"]})
    assert [call for turn in toolkit.history() for call in turn.calls] == []


def test_calls_from_many_threads_run_one_after_the_other(toolkit: VisionToolkit) -> None:
    toolkit.call("count", {"phrases": ["red"]})
    inside, most = 0, 0

    class Watched(FakeDetector):
        def detect(self, pictures, phrases):  # type: ignore[no-untyped-def]
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.01)
            inside -= 1
            return super().detect(pictures, phrases)

    toolkit.services.detector = Watched()
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            toolkit.call("count", {"phrases": ["red"]}, f"call-{number}")
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    with toolkit.turn("all at once"):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (errors, most) == ([], 1)
    assert len(toolkit.history()[-1].calls) == 8
    assert list(toolkit.state.objects) == ["m1", "m2"]


def test_turns_and_calls_of_other_threads_do_not_block_each_other(toolkit: VisionToolkit) -> None:
    def turns() -> None:
        for _ in range(5):
            with toolkit.turn("look"):
                toolkit.call("count", {"phrases": ["red"]})

    def calls() -> None:
        for _ in range(5):
            toolkit.call("recall")

    threads = [threading.Thread(target=work, daemon=True) for work in (turns, calls, turns, calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert sum(turn.request == "look" for turn in toolkit.history()) == 10


@pytest.mark.parametrize(
    ("kind", "coordinates", "kept"),
    [
        ("point", (3, 4), ((3, 4),)),
        ("point", [(3, 4)], ((3, 4),)),
        ("box", (1, 2, 3, 4), ((1, 2), (3, 4))),
        ("stroke", np.array([[1, 2], [3, 4], [50, 4]]), ((1, 2), (3, 4), (50, 4))),
        ("polygon", [(1, 2), (3, 4), (5, 6)], ((1, 2), (3, 4), (5, 6))),
    ],
)
def test_gesture_takes_pairs_or_numbers(toolkit: VisionToolkit, kind, coordinates, kept) -> None:  # type: ignore[no-untyped-def]
    name = toolkit.gesture("p1", kind, coordinates)
    assert (name, toolkit.state.gestures[name].coordinates) == ("g1", kept)


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [("point", (40.5, 3)), ("point", (-1, 3)), ("polygon", [(50, 1), (60, 1), (60, 9)]), ("point", (1, 2, 3)),
     ("point", "here"), ("point", (float("nan"), 1)), ("circle", (1, 2)), ("box", (1, 2))],
)  # fmt: skip
def test_gesture_that_is_none_is_refused(toolkit: VisionToolkit, kind, coordinates) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ToolInputError, match=r"expected .*\. [A-Z]"):
        toolkit.gesture(None, kind, coordinates)
    assert toolkit.state.gestures == {}
