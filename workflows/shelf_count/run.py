"""One run: count everything that is missing or changed, and keep every result as it comes.

Readers in threads fetch and digest the next pictures while workers count; what was counted before under the same bytes,
products, models and expectations is not counted again. This module does not know how a picture is counted, and nothing
of tables, reports or the command line.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

from agent_tools.errors import ServiceError
from workflows.shelf_count.one_picture import Job, Outcome, read_picture
from workflows.shelf_count.results_kept import ShelfPicture
from workflows.shelf_count.store import Counted, FoundPicture, RunStore
from workflows.shelf_count.workers import Task, Workers

KEEP_SECONDS = 1.0
"""What is counted is on the disk after so long."""
_KEEP_AT_ONCE = 64
_TICK_SECONDS = 0.05
_FAILURES_IN_A_ROW = 20
"""Pictures that the models may fail on one after the other before they are taken for broken."""

Progress = Callable[[Counted], None]


@dataclass(slots=True)
class Tally:
    """What a run did.

    Attributes:
        counted: pictures that the models looked at.
        copied: pictures whose very bytes were counted already.
        failed: pictures that have an error.
        seconds: wall time.
    """

    counted: int = 0
    copied: int = 0
    failed: int = 0
    seconds: float = 0.0


def usual_workers(device: str) -> int:
    """How many workers suit a device: as many as cores, or one for a GPU, which it has to itself.

    Raises:
        ConfigError: this machine has no such device.
    """
    if device == "cpu":
        return cores()
    from agent_tools.services.devices import choose_device

    return cores() if choose_device(device).type == "cpu" else 1


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_all(store: RunStore, results: Generator[Counted | None, None, None], progress: Progress) -> Tally:
    """Keep results as they come, a few together, so that at most a second of work can be lost.

    Args:
        store: begun.
        results: of pictures; None while there are none, so that time is noticed.
        progress: is told of each result once it is on the disk.

    Raises:
        AskmaskError: what `results` raises; what came before it is kept.
        ConfigError: the disk cannot be written; what was kept before stays.
    """
    began, tally, keeper = time.monotonic(), Tally(), _Keeper(store, progress)
    try:
        with closing(results):
            for result in results:
                if result is not None:
                    tally.failed += bool(result.error)
                    tally.counted += result.count is not None
                    tally.copied += not result.error and result.count is None
                keeper.take(result)
    finally:
        keeper.write()
    tally.seconds = time.monotonic() - began
    return tally


class _Keeper:
    """Holds results until it is time to write them."""

    def __init__(self, store: RunStore, progress: Progress) -> None:
        self._store, self._progress = store, progress
        self._waiting: list[Counted] = []
        self._since = 0.0

    def take(self, result: Counted | None) -> None:
        if result is not None:
            self._since = self._since if self._waiting else time.monotonic()
            self._waiting.append(result)
        if len(self._waiting) >= _KEEP_AT_ONCE or time.monotonic() - self._since > KEEP_SECONDS - 2 * _TICK_SECONDS:
            self.write()

    def write(self) -> None:
        # Not tried again after it failed: the disk is full, and the error that says so is on its way.
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._store.keep(waiting)
        for each in waiting:
            self._progress(each)


def count_here(
    store: RunStore, found: Sequence[FoundPicture], left: Sequence[int], job: Job, workers: int
) -> Generator[Counted | None, None, None]:
    """Count with worker processes of this machine.

    Args:
        store: begun.
        found: the pictures of the run.
        left: which of them to count.
        job: what is counted.
        workers: processes, at least 1.

    Yields:
        results as they come; None now and then while there are none.

    Raises:
        ServiceError: the models cannot be opened, or fail whatever they are asked.
    """
    workers, failures = min(workers, len(left)), Failures()
    copies = _Copies(store)
    with Workers(job, max(workers, 1)) as pool, _Reader([found[place].picture for place in left], workers) as reader:
        while reader.more or pool.busy:
            for picture, data, read in reader.read(pool.room, wait=not pool.busy):
                if read.error:
                    yield Counted(picture, error=read.error)
                elif copies.known(read.digest, picture):
                    yield Counted(picture, read.digest)
                elif not copies.being_counted(read.digest, picture):
                    pool.give(Task(picture, read.digest, data))
            if pool.busy:
                for task, outcome in pool.outcomes(_TICK_SECONDS):
                    failures.told(outcome)
                    yield Counted(task.picture, task.digest, outcome.count, outcome.error)
                    same = copies.counted(task.digest, task.picture, good=not outcome.error)
                    if outcome.error:
                        reader.again(same)  # each for itself: an error names its own picture
                    else:
                        yield from (Counted(picture, task.digest) for picture in same)
            yield None


class _Reader:
    """Reads pictures ahead, in order, so that neither slow storage nor a large file keeps a worker waiting."""

    def __init__(self, pictures: Sequence[ShelfPicture], threads: int) -> None:
        self._left = deque(pictures)
        self._reading: deque[tuple[ShelfPicture, Future[tuple[bytes, Outcome]]]] = deque()
        self._threads = ThreadPoolExecutor(max(threads, 1), "askmask-reader")

    @property
    def more(self) -> bool:
        return bool(self._left or self._reading)

    def read(self, room: int, wait: bool) -> Iterator[tuple[ShelfPicture, bytes, Outcome]]:
        """What has been read, as many as there is room for; where `wait`, at least a moment is waited for one."""
        while self._left and len(self._reading) < room:
            picture = self._left.popleft()
            self._reading.append((picture, self._threads.submit(read_picture, picture.address)))
        if wait and self._reading:
            futures.wait([self._reading[0][1]], _TICK_SECONDS)
        while room > 0 and self._reading and self._reading[0][1].done():
            picture, future = self._reading.popleft()
            room -= 1
            yield (picture, *future.result())

    def again(self, pictures: Iterable[ShelfPicture]) -> None:
        self._left.extend(pictures)

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Copies:
    """Knows which bytes are counted, or just being counted, so that the same are not counted twice."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._counted: set[str] = set()
        self._waiting: dict[str, list[ShelfPicture]] = {}

    def known(self, digest: str, picture: ShelfPicture) -> bool:
        work = self._store.work(digest, picture)
        return work in self._counted or self._store.has(work)

    def being_counted(self, digest: str, picture: ShelfPicture) -> bool:
        """Whether it waits for another now; else it is what others wait for."""
        work = self._store.work(digest, picture)
        if work in self._waiting:
            self._waiting[work].append(picture)
            return True
        self._waiting[work] = []
        return False

    def counted(self, digest: str, picture: ShelfPicture, good: bool) -> list[ShelfPicture]:
        """Those that waited for it."""
        work = self._store.work(digest, picture)
        if good:
            self._counted.add(work)
        return self._waiting.pop(work, [])


class Failures:
    """Tells a broken model from a picture that one fails on."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def told(self, outcome: Outcome) -> None:
        """Take one outcome in.

        Raises:
            ServiceError: too many in a row were the models'.
        """
        self._in_a_row = self._in_a_row + 1 if outcome.service else 0
        if self._in_a_row >= _FAILURES_IN_A_ROW:
            raise ServiceError(
                f"models= failed on {self._in_a_row} pictures in a row, the last time so: {outcome.error} "
                "Run the same command again when they work; all that was counted is kept."
            )
