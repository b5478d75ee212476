"""The same run as a Ray Data pipeline, on this machine or a cluster: read on processors, count beside the models.

Pictures stream from one stage to the next in small blocks, and Ray stops reading while enough wait to be counted. Each
counting actor has a worker process of the kind that counts without Ray, so that a picture which kills it costs its row
and never the pipeline. This process keeps the results, in the same store as without Ray. This module does not know how
a picture is counted.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from agent_tools.errors import AskmaskError, ServiceError, shorten
from agent_tools.services.ray_cluster import need_ray, start_ray
from workflows.shelf_count.one_picture import Job, Outcome, one_line, read_picture
from workflows.shelf_count.results_kept import ShelfPicture
from workflows.shelf_count.run import Failures, cores
from workflows.shelf_count.store import Counted, FoundPicture, RunStore
from workflows.shelf_count.work_keys import WorkKeys
from workflows.shelf_count.workers import Task, Workers

AHEAD_BYTES = 128_000_000
"""Of pictures that are read and wait, for each actor that counts."""
_ROWS_A_BLOCK = 8
_READER_CPUS = 0.5
_WAIT_SECONDS = 1.0


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
        ConfigError: Ray is not installed, or the cluster not reached.
        ServiceError: Ray does not start or stops, or the models cannot be opened or fail whatever they are asked.
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
        pictures = {place: found[place].picture for place in left}
        twins = yield from pipeline.count_once(pictures)
        if twins:
            for place, outcome in pipeline.outcomes(twins, None):
                yield Counted(twins[place], outcome.digest, outcome.count, outcome.error)
    except ray.exceptions.RayError as error:
        raise ServiceError(
            f"ray= stopped ({shorten(one_line(error), 200)}): expected it to run to the end. "
            "Run the same command again; all that was counted is kept."
        ) from error
    finally:
        ray.shutdown()


class _Pipeline:
    """Reads and counts pictures, which go by the numbers of their places."""

    def __init__(self, store: RunStore, job: Job, actors: int, num_gpus: float) -> None:
        self._store, self._job, self._actors, self._num_gpus = store, job, actors, num_gpus
        self._failures = Failures()

    def count_once(self, pictures: dict[int, ShelfPicture]) -> Generator[Counted | None, None, dict[int, ShelfPicture]]:
        """Count each content once; gives back those that waited for a twin which could not be counted."""
        import ray

        waiting = dict[str, list[int]]()
        counted = self._store.works()
        seen = ray.remote(num_cpus=0)(_Seen).remote(counted)
        for place, outcome in self.outcomes(pictures, seen):
            picture = pictures[place]
            work = self._store.work(outcome.digest, picture)
            if outcome.error or outcome.count is not None:
                yield Counted(picture, outcome.digest, outcome.count, outcome.error)
                if not outcome.error:
                    counted.add(work)
                    yield from (Counted(pictures[twin], outcome.digest) for twin in waiting.pop(work, []))
            elif work in counted:
                yield Counted(picture, outcome.digest)
            else:
                waiting.setdefault(work, []).append(place)
        return {place: pictures[place] for places in waiting.values() for place in places}

    def outcomes(self, pictures: dict[int, ShelfPicture], seen: Any) -> Generator[tuple[int, Outcome], None, None]:
        """What comes of pictures; neither count nor error: `seen` knows of a twin."""
        import ray

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        limits = context.execution_options.resource_limits
        context.execution_options.resource_limits = limits.copy(object_store_memory=self._actors * AHEAD_BYTES)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = [
            {"place": place, "address": each.address, "store": each.store, "shelf": each.shelf, "time": each.time}
            for place, each in pictures.items()
        ]
        outcomes = (
            ray.data.from_items(rows, override_num_blocks=math.ceil(len(rows) / _ROWS_A_BLOCK))
            # Other processors than the actors' keep Ray from making one stage of the two.
            .map(_read, num_cpus=_READER_CPUS, concurrency=self._actors)
            .map(
                _CountingActor,
                fn_constructor_args=(self._job, self._store.keys, seen),
                compute=ray.data.ActorPoolStrategy(size=self._actors, max_tasks_in_flight_per_actor=2),
                num_cpus=1,
                num_gpus=self._num_gpus,
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
    """A worker process, and what Ray gives it."""

    def __init__(self, job: Job, keys: WorkKeys, seen: Any) -> None:
        self._workers, self._keys, self._seen = Workers(job, 1), keys, seen

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        broken = False
        try:
            outcome = self._outcome(row)
        except AskmaskError as error:  # the model cannot be opened
            broken, outcome = True, Outcome(error=str(error))
        return {
            "place": row["place"],
            "digest": outcome.digest,
            "count": outcome.count or b"",
            "error": outcome.error,
            "service": outcome.service,
            "broken": broken,
        }

    def _outcome(self, row: dict[str, Any]) -> Outcome:
        picture, digest = ShelfPicture(row["address"], row["store"], row["shelf"], row["time"]), row["digest"]
        if row["error"]:
            return Outcome(error=row["error"])
        if self._seen is not None:
            import ray

            if not ray.get(self._seen.is_first.remote(self._keys.key(digest, picture), row["place"])):
                return Outcome(digest)
        self._workers.give(Task(picture, digest, row["data"]))
        while True:
            for _, outcome in self._workers.outcomes(_WAIT_SECONDS):
                return replace(outcome, digest=digest)
