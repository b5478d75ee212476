"""The same run as a Ray Data pipeline, on this machine or a cluster: read on processors, count on actors with models.

Pictures stream from one stage to the next in small blocks, and Ray stops reading while enough wait to be counted. This
process keeps the results, in the same store as without Ray. A block whose actor died is counted once more, picture by
picture; one that dies again has an error. This module does not know how a picture is counted.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from agent_tools.errors import AskmaskError, ServiceError
from agent_tools.services.ray_cluster import need_ray, start_ray
from workflows.shelf_count.one_picture import Job, Outcome, count_bytes, one_line, open_detector, read_picture
from workflows.shelf_count.results_kept import ShelfPicture
from workflows.shelf_count.run import Failures, cores
from workflows.shelf_count.store import Counted, FoundPicture, RunStore
from workflows.shelf_count.work_keys import WorkKeys
from workflows.shelf_count.workers import one_thread_each

AHEAD_BYTES = 128_000_000
"""Of pictures that are read and wait, for each actor that counts."""
_ROWS_A_BLOCK = 8
_READER_CPUS = 0.5


def count_on_ray(
    store: RunStore,
    found: Sequence[FoundPicture],
    left: Sequence[int],
    job: Job,
    workers: int | None,
    address: str | None = None,
) -> Generator[Counted | None, None, None]:
    """Count on Ray.

    Args:
        store: begun.
        found: the pictures of the run.
        left: which of them to count.
        job: what is counted; its counter importable on every machine.
        workers: actors that count; None: one a GPU, or one a processor where there is none.
        address: of a cluster that runs already, with askmask on its machines; None: Ray is started here.

    Yields:
        results as they come.

    Raises:
        ConfigError: Ray is not installed, the cluster not reached, or the models not known there.
        ServiceError: Ray does not start, or the models cannot be opened or fail whatever they are asked.
    """
    need_ray("data", "retail", own=address is None)
    import ray

    gpus = start_ray((workers or cores()) + 1, address, "askmask-shelves")
    try:
        on_gpu = gpus >= 1 and (job.device or "auto").partition(":")[0] in ("auto", "cuda")
        # Ray shows an actor its own GPU only.
        job = replace(job, device=None if job.device is None else job.device.partition(":")[0])
        if workers is None:
            workers = int(gpus) if on_gpu else max(1, int(ray.cluster_resources().get("CPU", 1)) - 1)
        pipeline = _Pipeline(store, job, min(workers, len(left)), num_gpus=1 if on_gpu else 0)
        again = yield from pipeline.first(dict(enumerate(found[place].picture for place in left)))
        yield from pipeline.again(again)
    finally:
        ray.shutdown()


class _Pipeline:
    """Reads and counts pictures, numbered by their places."""

    def __init__(self, store: RunStore, job: Job, actors: int, num_gpus: float) -> None:
        self._store, self._job, self._actors, self._num_gpus = store, job, actors, num_gpus
        self._failures = Failures()

    def first(self, pictures: dict[int, ShelfPicture]) -> Generator[Counted | None, None, dict[int, ShelfPicture]]:
        """Count each content once; gives back what has to be tried again: whose actor died, or whose twin failed."""
        import ray

        left, waiting = dict(pictures), dict[str, list[int]]()
        counted = self._store.works()
        seen = ray.remote(num_cpus=0)(_Seen).remote(counted)
        for place, outcome in self._outcomes(pictures, seen, _ROWS_A_BLOCK, 2):
            work = self._store.work(outcome.digest, pictures[place])
            if outcome.error or outcome.count is not None:
                yield Counted(left.pop(place), outcome.digest, outcome.count, outcome.error)
                if not outcome.error:
                    counted.add(work)
                    yield from (Counted(left.pop(twin), outcome.digest) for twin in waiting.pop(work, []))
            elif work in counted:
                yield Counted(left.pop(place), outcome.digest)
            else:
                waiting.setdefault(work, []).append(place)
        return left

    def again(self, pictures: dict[int, ShelfPicture]) -> Generator[Counted | None, None, None]:
        """Count what is left, each on its own, so that an actor that dies costs one picture."""
        left = dict(pictures)
        if pictures:
            for place, outcome in self._outcomes(pictures, None, 1, 1):
                yield Counted(left.pop(place), outcome.digest, outcome.count, outcome.error)
        for picture in left.values():
            error = "picture= ended two workers: expected to be counted in the memory there is. Make it smaller."
            yield Counted(picture, error=error)

    def _outcomes(
        self, pictures: dict[int, ShelfPicture], seen: Any, rows_a_block: int, tasks_an_actor: int
    ) -> Generator[tuple[int, Outcome], None, None]:
        import ray

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # those of actors that died; their pictures are missed and tried again
        ahead = self._actors * AHEAD_BYTES
        limits = context.execution_options.resource_limits
        context.execution_options.resource_limits = limits.copy(object_store_memory=ahead)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = [
            {"place": place, "address": each.address, "store": each.store, "shelf": each.shelf, "time": each.time}
            for place, each in pictures.items()
        ]
        outcomes = (
            ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / rows_a_block))
            # Other processors than the actors' keep Ray from making one stage of the two.
            .map(_read, num_cpus=_READER_CPUS, concurrency=self._actors)
            .map(
                _CountingActor,
                fn_constructor_args=(self._job, self._store.keys, seen),
                compute=ray.data.ActorPoolStrategy(size=self._actors, max_tasks_in_flight_per_actor=tasks_an_actor),
                num_cpus=1,
                num_gpus=self._num_gpus,
                max_task_retries=0,
            )
        )
        for row in outcomes.iter_rows():
            if row["broken"]:
                raise ServiceError(row["error"])
            outcome = Outcome(row["digest"], row["count"] or None, row["error"], row["service"])
            self._failures.told(outcome)
            yield row["place"], outcome


def _read(row: dict[str, Any]) -> dict[str, Any]:
    data, outcome = read_picture(row["address"])
    return {**row, "data": data, "digest": outcome.digest, "error": outcome.error}


class _Seen:
    """Knows which content is counted or being counted, whichever actor it came to."""

    def __init__(self, counted: set[str]) -> None:
        self._by: dict[str, int] = dict.fromkeys(counted, -1)

    def is_first(self, work: str, place: int) -> bool:
        return self._by.setdefault(work, place) == place


class _CountingActor:
    """A model in a process of its own."""

    def __init__(self, job: Job, keys: WorkKeys, seen: Any) -> None:
        one_thread_each()
        self._job, self._keys, self._seen, self._broken = job, keys, seen, ""
        try:
            self._detector = open_detector(job)
        except AskmaskError as error:  # told with the first picture: Ray would only say that an actor did not start
            self._broken = one_line(error)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        outcome = self._outcome(row)
        return {
            "place": row["place"],
            "digest": outcome.digest,
            "count": outcome.count or b"",
            "error": outcome.error,
            "service": outcome.service,
            "broken": bool(self._broken),
        }

    def _outcome(self, row: dict[str, Any]) -> Outcome:
        picture = ShelfPicture(row["address"], row["store"], row["shelf"], row["time"])
        if self._broken:
            return Outcome(error=self._broken, service=True)
        if row["error"]:
            return Outcome(error=row["error"])
        if self._seen is not None:
            import ray

            work = self._keys.key(row["digest"], picture)
            if not ray.get(self._seen.is_first.remote(work, row["place"])):
                return Outcome(row["digest"])
        return count_bytes(row["data"], picture, self._job, self._detector)
