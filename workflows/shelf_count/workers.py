"""Worker processes that count pictures, and what becomes of one that dies.

Each has its own model and is sent the bytes of pictures, two at a time at most, so that it never waits and memory stays
bounded. A worker that dies is replaced; the picture that it was at is tried once more, and then has an error. When this
process dies, however it does, its workers end by themselves. This module does not know stores, files or tables.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

from agent_tools.errors import AskmaskError, ServiceError
from workflows.shelf_count.one_picture import Job, Outcome, count_bytes, one_line, open_detector
from workflows.shelf_count.results_kept import ShelfPicture

IN_FLIGHT = 2
"""Pictures that a worker has: the one it counts, and the next."""
_DEATHS_AT_START = 3
_END_SECONDS = 5.0


@dataclass(slots=True)
class Task:
    """A picture on its way through a worker.

    Attributes:
        picture: which.
        digest: sha256 of its bytes, hex.
        data: the bytes of its file.
        deaths: workers that died over it.
    """

    picture: ShelfPicture
    digest: str
    data: bytes
    deaths: int = 0


@dataclass(slots=True)
class _Worker:
    process: Any
    connection: Connection
    ready: bool = False
    tasks: deque[Task] = field(default_factory=deque)


class Workers:
    """A number of worker processes. Used as a context; leaving it ends them at once."""

    def __init__(self, job: Job, number: int) -> None:
        """Starts none before the first picture is given: a run that has nothing to count loads no model.

        Args:
            job: what they count.
            number: at least 1.
        """
        self._job, self._context = job, multiprocessing.get_context("spawn")
        self._deaths_at_start = 0
        self._again: deque[Task] = deque()
        self._number, self._workers = number, list[_Worker]()

    @property
    def room(self) -> int:
        """Pictures that can be given now."""
        return IN_FLIGHT * self._number - sum(len(worker.tasks) for worker in self._workers) - len(self._again)

    @property
    def busy(self) -> bool:
        """Whether there are pictures whose outcome is still to come."""
        return bool(self._again) or any(worker.tasks for worker in self._workers)

    def give(self, task: Task) -> None:
        """Have a picture counted by the worker that has least to do."""
        if not self._workers:
            self._workers = [self._started() for _ in range(self._number)]
        worker = min(self._workers, key=lambda worker: (len(worker.tasks), not worker.ready))
        worker.tasks.append(task)
        with suppress(OSError):  # it has died, which `outcomes` will see
            worker.connection.send((task.picture, task.data))

    def outcomes(self, seconds: float) -> Iterator[tuple[Task, Outcome]]:
        """What came of pictures since, waiting for it at most so long.

        Raises:
            AskmaskError: the model cannot be opened, or workers die before they are ready.
        """
        ends = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(ends), seconds):
            worker = ends[connection]  # type: ignore[index]
            try:
                message = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._after_death(worker)
                continue
            if isinstance(message, AskmaskError):
                raise message
            if isinstance(message, Outcome):
                yield worker.tasks.popleft(), message
            else:
                worker.ready, self._deaths_at_start = True, 0
        while self._again and any(len(worker.tasks) < IN_FLIGHT for worker in self._workers):
            self.give(self._again.popleft())

    def _after_death(self, worker: _Worker) -> Iterator[tuple[Task, Outcome]]:
        """Replace a worker; its first picture is the one it was at."""
        worker.process.join()
        worker.connection.close()
        if not worker.ready:
            self._deaths_at_start += 1
            if self._deaths_at_start >= _DEATHS_AT_START:
                raise ServiceError(
                    f"workers= end before they are ready ({_how(worker.process.exitcode)}): expected room for a model "
                    "in each. Use fewer with --workers N, or a smaller model."
                )
        failed = []
        if worker.ready and worker.tasks:
            worker.tasks[0].deaths += 1
            if worker.tasks[0].deaths > 1:
                error = (
                    f"picture= ended two workers ({_how(worker.process.exitcode)}): expected to be counted in the "
                    "memory there is. Make it smaller, or use fewer workers with --workers N."
                )
                failed.append((worker.tasks.popleft(), Outcome(error=error)))
        # Before anything is told: whoever takes one outcome may not come back for the rest.
        self._again.extend(worker.tasks)
        self._workers[self._workers.index(worker)] = self._started()
        yield from failed

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(self._job, theirs), name="askmask-counter", daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_END_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.connection.close()


def _work(job: Job, connection: Connection) -> None:
    """What a worker process does, until it is told nothing more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it decides what an interruption means
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread_each()
    # Taken from the pipe at once, so that whoever sends a large picture does not wait until the last one is counted.
    waiting: queue.SimpleQueue[tuple[ShelfPicture, bytes] | None] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, waiting), daemon=True).start()
    try:
        detector = open_detector(job)
    except AskmaskError as error:
        connection.send(error)
        return
    except BaseException as error:  # noqa: BLE001 (told to the process that can tell a person)
        connection.send(ServiceError(f"workers= cannot start: {one_line(error)}"))
        return
    connection.send("ready")
    while (given := waiting.get()) is not None:
        picture, data = given
        connection.send(count_bytes(data, picture, job, detector))


def _receive(connection: Connection, waiting: queue.SimpleQueue[tuple[ShelfPicture, bytes] | None]) -> None:
    with suppress(EOFError, OSError):
        while True:
            waiting.put(connection.recv())
    waiting.put(None)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def one_thread_each() -> None:
    """One thread a worker: as many workers as cores are quicker than threads, and no sum depends on their number."""
    os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it loads
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
    import cv2

    cv2.setNumThreads(1)


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
