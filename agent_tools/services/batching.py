"""Questions that come at the same time are answered together, one batch after the other, and never without bound.

A model has one queue, whoever asks: tools of several conversations, an HTTP server, an MCP server. While it works on
one batch, questions gather; the next batch takes as many as fit, so that a lone question never waits for company. A
queue that is full, or that a question waited in for too long, is answered "busy, try again in n s". Where a batch finds
no room on the device, its halves are tried; where one question fails, the others are asked without it. This module does
not know any model, devices or HTTP.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, Generic, TypeVar

from agent_tools.errors import BusyError, OutOfMemoryError
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Detector, Segmenter, SegmentRequest, Segments, check_lists
from agent_tools.settings import settings

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")
_LONGEST_RETRY = 60


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much is asked of a model at once, and how much may wait.

    Attributes:
        together: questions of a batch.
        waiting: questions that may wait; one more is refused.
        patience: seconds a question may wait before it is refused after all.
        gather: seconds that the first question of a batch waits for others when nothing is being worked on; 0: none.
    """

    together: int = 8
    waiting: int = 64
    patience: float = 60.0
    gather: float = 0.0

    @classmethod
    def configured(cls) -> QueueLimits:
        """As ``ASKMASK_MAX_WAITING`` and ``ASKMASK_MAX_WAIT_SECONDS`` say."""
        rules = settings()
        return cls(waiting=rules.max_waiting, patience=rules.max_wait_seconds)


@dataclass(slots=True)
class _Waiting(Generic[_Asked, _Answer]):
    questions: Sequence[_Asked]
    future: Future[list[_Answer]]
    since: float = field(default_factory=time.monotonic)


class Batcher(Generic[_Asked, _Answer]):
    """One queue before one function that answers many questions at a time.

    Attributes:
        batches: how many questions each of the last batches had, newest last.
    """

    def __init__(self, name: str, answer: Callable[[list[_Asked]], list[_Answer]], limits: QueueLimits) -> None:
        """Begins empty; a thread of its own asks, from the first question on.

        Args:
            name: what errors call it: detector or segmenter.
            answer: gives one answer a question, in order.
            limits: of the queue.
        """
        self.batches: deque[int] = deque(maxlen=1000)
        self._name, self._answer, self._limits = name, answer, limits
        self._queue: deque[_Waiting[_Asked, _Answer]] = deque()
        self._changed, self._closed = Condition(), False
        self._seconds_each = 0.1
        self._thread: Thread | None = None

    def submit(self, questions: Sequence[_Asked]) -> Future[list[_Answer]]:
        """Queue questions that belong together; cancelling the future takes them out again while they wait.

        Raises:
            BusyError: too many are waiting.
        """
        with self._changed:
            ahead = self.waiting
            if ahead and ahead + len(questions) > self._limits.waiting:
                raise self._busy(f"has {ahead} questions waiting")
            entry = _Waiting(questions, Future[list[_Answer]]())
            self._queue.append(entry)
            self._changed.notify_all()
            if self._thread is None or not self._thread.is_alive():  # a fork has no threads but the one that forked
                self._thread = Thread(target=self._work, name=f"askmask-{self._name}", daemon=True)
                self._thread.start()
            return entry.future

    def ask(self, questions: Sequence[_Asked]) -> list[_Answer]:
        """Queue questions and wait for their answers.

        Raises:
            BusyError: too many are waiting, or these waited too long.
        """
        if not questions:
            return []
        future = self.submit(questions)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # whoever asked has gone: what still waits is not worked on
            raise

    @property
    def waiting(self) -> int:
        """Questions that wait now."""
        return sum(len(entry.questions) for entry in self._queue)

    def close(self) -> None:
        """Answer what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            questions = [question for entry in batch for question in entry.questions]
            began = time.monotonic()
            answers = self._answers(batch)
            self.batches.append(len(questions))
            self._seconds_each += 0.3 * ((time.monotonic() - began) / len(questions) - self._seconds_each)
            for entry, answer in zip(batch, answers, strict=True):
                if isinstance(answer, BaseException):
                    entry.future.set_exception(answer)
                else:
                    entry.future.set_result(answer)

    def _next(self) -> list[_Waiting[_Asked, _Answer]]:
        """The questions to answer together next, once there are some; none when all is over."""
        with self._changed:
            idle = not self._queue or not self.batches
            while True:
                self._changed.wait_for(lambda: self._queue or self._closed)
                if idle and self._limits.gather:
                    self._changed.wait_for(self._full, self._limits.gather)
                batch = self._taken()
                if batch or (self._closed and not self._queue):
                    return batch

    def _full(self) -> bool:
        return self._closed or self.waiting >= self._limits.together

    def _taken(self) -> list[_Waiting[_Asked, _Answer]]:
        """As many from the queue as fit into a batch; the impatient are sent away."""
        batch: list[_Waiting[_Asked, _Answer]] = []
        room = self._limits.together
        while self._queue and (not batch or len(self._queue[0].questions) <= room):
            entry = self._queue.popleft()
            if not entry.future.set_running_or_notify_cancel():
                continue
            if time.monotonic() - entry.since > self._limits.patience:
                entry.future.set_exception(self._busy(f"kept this waiting for {self._limits.patience:g} s"))
                continue
            batch.append(entry)
            room -= len(entry.questions)
        return batch

    def _answers(self, batch: Sequence[_Waiting[_Asked, _Answer]]) -> list[list[_Answer] | BaseException]:
        """What each entry is answered; the fault of one is not the others'."""
        try:
            flat = iter(self._halved([question for entry in batch for question in entry.questions]))
            return [[next(flat) for _ in entry.questions] for entry in batch]
        except Exception as error:  # noqa: BLE001 (whatever it is, it belongs to whoever asked)
            if len(batch) > 1:
                return [answer for entry in batch for answer in self._answers([entry])]
            return [error]

    def _halved(self, questions: list[_Asked]) -> list[_Answer]:
        """The answers, in smaller and smaller batches where the device has no room for larger ones."""
        try:
            return self._answer(questions)
        except OutOfMemoryError:
            if len(questions) == 1:
                raise
        middle = len(questions) // 2
        return self._halved(questions[:middle]) + self._halved(questions[middle:])

    def _busy(self, why: str) -> BusyError:
        seconds = min(max(1, math.ceil(self.waiting * self._seconds_each)), _LONGEST_RETRY)
        return BusyError(f"{self._name}= {why}: expected a shorter queue. Try again in {seconds} s.", float(seconds))


class BatchedDetector:
    """A detector for many who ask at once; everything else is the wrapped one's own."""

    def __init__(self, inner: Detector, limits: QueueLimits | None = None) -> None:
        """Wraps a detector; a question is one picture with its phrases."""
        self._inner = inner
        self._batcher: Batcher[tuple[Picture, Sequence[str]], Detections] = Batcher(
            "detector", self._together, limits or QueueLimits.configured()
        )

    @property
    def threshold(self) -> float:
        """The wrapped detector's."""
        return self._inner.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._inner.threshold = value

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`.

        Raises:
            BusyError: too many questions are waiting.
        """
        check_lists(pictures, phrases)
        return self._batcher.ask(list(zip(pictures, phrases, strict=True)))

    def _together(self, questions: list[tuple[Picture, Sequence[str]]]) -> list[Detections]:
        return self._inner.detect([picture for picture, _ in questions], [phrases for _, phrases in questions])

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        return getattr(self._inner, name)


class BatchedSegmenter:
    """A segmenter for many who ask at once; everything else is the wrapped one's own."""

    def __init__(self, inner: Segmenter, limits: QueueLimits | None = None) -> None:
        """Wraps a segmenter; a question is one picture with its prompts."""
        self._inner = inner
        self._batcher: Batcher[SegmentRequest, list[Segments]] = Batcher(
            "segmenter", inner.segment, limits or QueueLimits.configured()
        )

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """See `Segmenter.segment`.

        Raises:
            BusyError: too many questions are waiting.
        """
        return self._batcher.ask(requests)

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        return getattr(self._inner, name)
