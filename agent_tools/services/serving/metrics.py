"""The figures of a model server in Prometheus' text format, version 0.0.4. This module does not know HTTP or Ray.

The front counts what it was asked; each model says of itself what it did. Of several fronts, each counts its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the latency histogram, seconds."""
_OF_MODELS = (
    ("answers", "counter", "askmask_model_answers_total", "Questions that the model answered."),
    ("seconds", "counter", "askmask_model_seconds_total", "Time spent on them, waiting for the model included."),
    (
        "running",
        "gauge",
        "askmask_model_running",
        "Questions that it has: answered now, or waiting.",
    ),
    ("pictures", "gauge", "askmask_model_pictures", "Pictures kept beside the model."),
    ("cache_bytes", "gauge", "askmask_cache_bytes", "Bytes of what is kept of them: encodings and answers."),
)


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """What one model did so far.

    Attributes:
        replica: which one it is.
        answers: questions answered.
        seconds: time spent on them, waiting included.
        running: questions that it has now.
        pictures: pictures kept.
        cache_bytes: bytes of what is kept of them.
        cache: kind → how often it was there ("hits") and had to be made ("misses").
    """

    replica: str
    answers: int
    seconds: float
    running: int
    pictures: int
    cache_bytes: int
    cache: Mapping[str, Mapping[str, int]]


class FrontFigures:
    """What the HTTP front counts; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._sent: Counter[str] = Counter()
        self.in_flight = 0
        self.usual_seconds = 0.0

    def began(self) -> None:
        """A request came."""
        with self._lock:
            self.in_flight += 1

    def ended(self, task: str, status: int, seconds: float) -> None:
        """A request went, after so many seconds."""
        with self._lock:
            self.in_flight -= 1
            self._requests[task, status] += 1
            self._seconds[task] += seconds
            self._buckets.setdefault(task, [0] * (len(BUCKETS) + 1))[bisect_left(BUCKETS, seconds)] += 1
            if status == 200 and task in ("detect", "propose", "segment"):
                self.usual_seconds += 0.1 * (seconds - self.usual_seconds)

    def sent_picture(self, role: str) -> None:
        """A model did not have a picture and was given it."""
        with self._lock:
            self._sent[role] += 1

    def lines(self) -> Iterator[str]:
        """The figures, a line each, comments included."""
        with self._lock:
            requests, buckets = dict(self._requests), {task: list(each) for task, each in self._buckets.items()}
            seconds, sent, in_flight = dict(self._seconds), dict(self._sent), self.in_flight
        counts = [({"task": task, "status": str(status)}, count) for (task, status), count in sorted(requests.items())]
        yield from _metric("counter", "askmask_requests_total", "Requests answered.", counts)
        name = "askmask_request_seconds"
        yield from _metric("histogram", name, "Time from a request to its answer.", [])
        for task, each in sorted(buckets.items()):
            upto = 0
            for bound, count in zip((*BUCKETS, "+Inf"), each, strict=True):
                upto += count
                yield _line(f"{name}_bucket", {"task": task, "le": str(bound)}, upto)
            yield _line(f"{name}_sum", {"task": task}, seconds[task])
            yield _line(f"{name}_count", {"task": task}, upto)
        yield from _metric("gauge", "askmask_requests_in_flight", "Requests being answered.", [({}, in_flight)])
        given = [({"role": role}, count) for role, count in sorted(sent.items())]
        about = "Pictures given to a model that did not have them; each is encoded there."
        yield from _metric("counter", "askmask_pictures_sent_total", about, given)


def prometheus(front: FrontFigures, models: Mapping[str, Sequence[ModelFigures]]) -> str:
    """All figures as one text.

    Args:
        front: what the front counted.
        models: role → the figures of each of its replicas.
    """
    lines = list(front.lines())
    each = [({"role": role, "replica": one.replica}, one) for role, replicas in models.items() for one in replicas]
    for key, kind, name, about in _OF_MODELS:
        lines += _metric(kind, name, about, [(labels, getattr(one, key)) for labels, one in each])
    for key, about in (("hits", "What was there when it was needed."), ("misses", "What had to be made.")):
        rows = [({**labels, "kind": what}, n[key]) for labels, one in each for what, n in one.cache.items()]
        lines += _metric("counter", f"askmask_cache_{key}_total", about, rows)
    return "\n".join(lines) + "\n"


def _metric(kind: str, name: str, about: str, rows: Sequence[tuple[Mapping[str, str], float]]) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    for labels, value in rows:
        yield _line(name, labels, value)


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value:.10g}" if inside else f"{name} {value:.10g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
