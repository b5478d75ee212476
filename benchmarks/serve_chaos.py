"""What a model server loses when one of its processes is killed under load: `askmask serve`, on loopback.

    python -m benchmarks.serve_chaos [--requests N] [--threads N] [--models PRESET] [--json]

Two segmenters and a detector serve questions about a dozen rendered scenes: phrases, boxes and clicks in turn, from
several threads. When half of them are answered, the process of one segmenter gets SIGKILL. "lost" are questions that
ended in an error, "different" those with another answer than the same question got before; both must be 0.
"given again" counts pictures that a segmenter lacked and was given after the kill (two questions at a time may both
bring one), "encoded again" the encodings made after it. Times are what a client waits, retries included. Exit code 1
where anything is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest
from agent_tools.services.remote import RemoteDetector, RemoteSegmenter
from agent_tools.services.wire import PromptShape
from benchmarks.servers import running_server
from workflows.demo_models.plain.scenes import render_plain_scene

ROOT = Path(__file__).parents[1]
PICTURES = 12
SIZE = (320, 240)
FIRST_SEED = 10_700_000


@dataclass
class Watch:
    """What came of the questions.

    Attributes:
        seconds: of each that was answered.
        lost: what went wrong with each that was not.
        different: how many had another answer than before.
    """

    seconds: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    different: int = 0
    _known: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, name: str, question: Callable[[], Any]) -> None:
        """Ask, and note what comes of it; questions of one name have one answer."""
        began = time.perf_counter()
        try:
            answer = question()
        except Exception as error:  # noqa: BLE001 (whatever it is, the question is lost)
            with self._lock:
                self.lost.append(f"{name}: {type(error).__name__}: {error}")
            return
        took = time.perf_counter() - began
        with self._lock:
            self.seconds.append(took)
            self.different += self._known.setdefault(name, answer) != answer

    @property
    def done(self) -> int:
        """Questions that have come to an end."""
        return len(self.seconds) + len(self.lost)


def question(number: int, pictures: Sequence[Picture], detector: Any, segmenter: Any) -> tuple[str, Callable[[], Any]]:
    """One of the questions by its number: its name, and what asks it."""
    kind, which = number % 3, (number // 3) % len(pictures)
    picture = pictures[which]
    if kind == 0:
        return f"phrases on {which}", lambda: detector.detect([picture], [["orange", "red apple"]])[0].boxes.tolist()
    prompt = box() if kind == 1 else click()
    return (
        f"{'box' if kind == 1 else 'click'} on {which}",
        lambda: segmenter.segment([SegmentRequest(picture, [prompt])])[0][0].masks,
    )


def box() -> Prompt:
    """A box in the middle of a scene."""
    return Prompt(box=np.array([100, 70, 220, 170], np.float32))


def click() -> Prompt:
    """A click there."""
    return Prompt(points=np.array([[160, 120]], np.float32), labels=np.ones(1, np.int64))


def replica_of(address: str, digest: str) -> int:
    """The process of the segmenter that answers about a picture that the server has."""
    prompts = [PromptShape.of(click()).model_dump(mode="json", exclude_none=True)]
    asked = httpx.post(f"{address}/v1/segment", json={"picture": digest, "prompts": prompts}, timeout=60)
    asked.raise_for_status()
    return int(asked.headers["X-Askmask-Replica"].rpartition("/")[2])


def belongs_to(process: int, ancestor: int) -> bool:
    """Whether a process was started by another, or by one that it started."""
    while process > 1:
        if process == ancestor:
            return True
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return False


def segmenters(address: str) -> tuple[int, dict[int, int]]:
    """Pictures given to segmenters so far; process → encodings made, of each segmenter that lives."""
    text = httpx.get(f"{address}/metrics", timeout=60).text
    given = re.search(r'askmask_pictures_sent_total{role="segmenter"} (\d+)', text)
    one = r'{role="segmenter",replica="\w+/(\d+)"'
    made = {int(pid): 0 for pid in re.findall(rf"askmask_model_answers_total{one}", text)}
    for pid, count in re.findall(rf'askmask_cache_misses_total{one},kind="\w+"}} (\d+)', text):
        made[int(pid)] += int(count)
    return int(given[1]) if given else 0, made


def run(requests: int, threads: int, models: Sequence[str]) -> dict[str, Any]:
    """Start a server, ask, kill, ask on; the figures.

    Args:
        requests: how many are asked.
        threads: how many at a time.
        models: options that name the models.
    """
    pictures = [Picture.from_array(render_plain_scene(FIRST_SEED + n, *SIZE).image) for n in range(PICTURES)]
    watch = Watch()
    options = (*models, "--detector-replicas", "1", "--segmenter-replicas", "2", "--cpus-per-replica", "0.5")
    with running_server("serve", *options) as (address, server):
        detector, segmenter = RemoteDetector(address), RemoteSegmenter(address)
        # Every picture is known before the load, so that what is given again is given because of the kill.
        segmenter.segment([SegmentRequest(picture, [click()]) for picture in pictures])
        given, made = segmenters(address)
        victim = replica_of(address, pictures[0].digest)
        assert belongs_to(victim, server.pid), "a process of somebody else"
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as clients:
            for number in range(requests):
                clients.submit(watch.ask, *question(number, pictures, detector, segmenter))
            while watch.done < requests // 2:
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)
            killed_after = watch.done
        seconds = time.perf_counter() - began
        given_then, made_then = segmenters(address)
    times = sorted(watch.seconds)
    return {
        "requests": requests,
        "threads": threads,
        "killed_after": killed_after,
        "lost": len(watch.lost),
        "different": watch.different,
        "errors": watch.lost[:5],
        "pictures": len(pictures),
        "given_again": given_then - given,
        "encoded_again": sum(count - made.get(pid, 0) for pid, count in made_then.items()),
        "p50_ms": round(1000 * statistics.median(times), 1),
        "p95_ms": round(1000 * times[int(0.95 * (len(times) - 1))], 1),
        "longest_ms": round(1000 * times[-1], 1),
        "seconds": round(seconds, 2),
    }


def main() -> int:
    """Run and print; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--models", default="demo", help="preset to serve")
    parser.add_argument("--json", action="store_true")
    options_given = parser.parse_args()
    found = run(options_given.requests, options_given.threads, ["--models", options_given.models])
    if options_given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name.replace('_', ' '):14} {value}")
    return 1 if found["lost"] or found["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
