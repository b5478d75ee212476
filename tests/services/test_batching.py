"""One queue before a model: asked together, answered together; waiting is bounded; one's fault is not the others'."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import BusyError, OutOfMemoryError, ServiceError, ToolInputError
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Prompt, SegmentRequest
from agent_tools.services.batching import BatchedDetector, BatchedSegmenter, Batcher, QueueLimits
from agent_tools.services.fakes import FakeDetector, FakeSegmenter


class Doubling:
    """Answers each number with its double, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.may_go, self.at_work = threading.Event(), threading.Event()
        self.may_go.set()

    def __call__(self, numbers: list[int]) -> list[int]:
        self.asked.append(list(numbers))
        self.at_work.set()
        assert self.may_go.wait(30)
        return [2 * number for number in numbers]


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
def batcher(doubling: Doubling) -> Iterator[Callable[..., Batcher[int, int]]]:
    made: list[Batcher[int, int]] = []

    def make(answer: Callable[[list[int]], list[int]] = doubling, **limits: Any) -> Batcher[int, int]:
        made.append(Batcher("detector", answer, QueueLimits(**limits)))
        return made[-1]

    yield make
    doubling.may_go.set()
    for one in made:
        one.close()


def held(batcher: Batcher[int, int], doubling: Doubling) -> Any:
    """A first question at work, so that the next ones gather."""
    doubling.may_go.clear()
    first = batcher.submit([0])
    assert doubling.at_work.wait(30)
    return first


def test_batcher_questions_that_come_while_it_works_are_answered_together(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    queue = batcher(together=4)
    first = held(queue, doubling)
    futures = [queue.submit([number]) for number in range(1, 7)]
    doubling.may_go.set()
    assert first.result(30) == [0]
    assert [future.result(30) for future in futures] == [[2], [4], [6], [8], [10], [12]]
    assert doubling.asked == [[0], [1, 2, 3, 4], [5, 6]]
    assert list(queue.batches) == [1, 4, 2]


def test_batcher_questions_that_belong_together_are_never_parted_though_too_many(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    queue = batcher(together=2)
    assert queue.ask([1, 2, 3]) == [2, 4, 6]
    assert doubling.asked == [[1, 2, 3]]
    assert queue.ask([]) == []


def test_batcher_full_queue_says_when_to_try_again(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    queue = batcher(together=1, waiting=2)
    first = held(queue, doubling)
    waiting = [queue.submit([number]) for number in (1, 2)]
    with pytest.raises(BusyError, match=r"detector= has 2 questions waiting.*Try again in \d+ s\.") as refused:
        queue.submit([3])
    assert refused.value.retry_after >= 1
    doubling.may_go.set()
    assert [future.result(30) for future in (first, *waiting)] == [[0], [2], [4]]
    assert queue.ask([3]) == [6]


def test_batcher_question_that_waited_too_long_is_refused_and_never_worked_on(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    queue = batcher(patience=0.05)
    held(queue, doubling)
    late = queue.submit([1])
    time.sleep(0.1)
    doubling.may_go.set()
    with pytest.raises(BusyError, match="kept this waiting"):
        late.result(30)
    assert doubling.asked == [[0]]


def test_batcher_cancelled_question_is_never_worked_on(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    queue = batcher()
    held(queue, doubling)
    gone, stays = queue.submit([1]), queue.submit([2])
    assert gone.cancel()
    doubling.may_go.set()
    assert stays.result(30) == [4]
    with pytest.raises(CancelledError):
        gone.result(0)
    assert doubling.asked == [[0], [2]]


def test_batcher_lone_question_waits_for_company_only_where_it_is_told_to(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    queue = batcher(gather=120.0, together=3)
    with ThreadPoolExecutor(3) as pool:
        began = time.monotonic()
        assert sorted(pool.map(lambda number: queue.ask([number])[0], (1, 2, 3))) == [2, 4, 6]
        assert time.monotonic() - began < 60, "went on as soon as it was full"
    assert [sorted(asked) for asked in doubling.asked] == [[1, 2, 3]]


def test_batcher_no_room_on_the_device_tries_halves(batcher: Callable[..., Batcher[int, int]]) -> None:
    sizes: list[int] = []

    def small_device(numbers: list[int]) -> list[int]:
        sizes.append(len(numbers))
        if len(numbers) > 2:
            raise OutOfMemoryError("no room")
        return [2 * number for number in numbers]

    assert batcher(small_device).ask([1, 2, 3, 4, 5]) == [2, 4, 6, 8, 10]
    assert sizes == [5, 2, 3, 1, 2]


def test_batcher_no_room_for_one_is_the_error_of_whoever_asked_for_it(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    def no_room_for_nine(numbers: list[int]) -> list[int]:
        if 9 in numbers:
            raise OutOfMemoryError("no room")
        return doubling(numbers)

    queue = batcher(no_room_for_nine)
    held(queue, doubling)
    fits, too_large = queue.submit([1]), queue.submit([9])
    doubling.may_go.set()
    assert fits.result(30) == [2]
    with pytest.raises(OutOfMemoryError):
        too_large.result(30)


def test_batcher_wrong_question_fails_alone_and_the_next_ones_are_answered(
    batcher: Callable[..., Batcher[int, int]], doubling: Doubling
) -> None:
    def picky(numbers: list[int]) -> list[int]:
        if 7 in numbers:
            raise ToolInputError("phrase=7 is too long")
        return doubling(numbers)

    queue = batcher(picky)
    held(queue, doubling)
    futures = [queue.submit([number]) for number in (1, 7, 3)]
    doubling.may_go.set()
    assert futures[0].result(30) == [2]
    with pytest.raises(ToolInputError, match="too long"):
        futures[1].result(30)
    assert futures[2].result(30) == [6]
    assert queue.ask([4]) == [8]


def test_batcher_after_a_fork_answers_in_the_child(batcher: Callable[..., Batcher[int, int]]) -> None:
    queue = batcher()
    assert queue.ask([1]) == [2]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, b"%d" % queue.ask([4])[0])
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 10) == b"8"
    os.close(read)
    os.close(write)


def test_batched_services_many_at_once_answer_each_its_own() -> None:
    seen: list[int] = []

    class Counting(FakeDetector):
        def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
            seen.append(len(pictures))
            time.sleep(0.02)
            return super().detect(pictures, phrases)

    detector, segmenter = BatchedDetector(Counting()), BatchedSegmenter(FakeSegmenter())
    pictures = []
    for number in range(16):
        pixels = np.full((40, 40, 3), 255, np.uint8)
        pixels[5:15, 2 + number : 12 + number] = (220, 30, 30)
        pictures.append(Picture.from_array(pixels))

    def ask(picture: Picture) -> tuple[float, float]:
        found = detector.detect([picture], [["red box"]])[0]
        request = SegmentRequest(picture, [Prompt(box=found.boxes[0])])
        return float(found.boxes[0][0]), segmenter.segment([request])[0][0].masks[0].box[0]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, pictures))
    assert answers == [(2.0 + number, 2.0 + number) for number in range(16)]
    assert sum(seen) == 16
    assert max(seen) > 1, "nothing was batched"
    assert detector.threshold == FakeDetector().threshold


def test_batched_detector_lists_that_do_not_fit_are_refused_as_by_the_detector_itself(
    model_folders: dict[str, Path],
) -> None:
    from agent_tools.services.owlv2 import Owlv2

    detector = BatchedDetector(Owlv2(model_folders["owlv2"], device="cpu"))
    with pytest.raises(ServiceError, match="do not fit"):
        detector.detect([], [["book"]])
    assert detector.floor == 0.05
