"""Sixteen people at once, each with a picture and a conversation, against the same people one after another.

    python -m benchmarks.concurrent_users [--users N] [--json]

Everybody counts one kind of thing on a rendered scene and clicks once, on the bundled models, which all share. What is
asked at the same time is answered in batches of one queue. Both rounds are one run on pictures of their own, nothing of
which was seen before. An answer is lost where it is not the one given alone: other words, or a box or an area that
differs by more than the last digits, in which a model's sums depend on what they are worked out together with.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from agent_tools.memory import Memory
from agent_tools.services.base import Services
from agent_tools.services.presets import load_services
from agent_tools.toolkit import VisionToolkit
from workflows.cli import share_the_machine
from workflows.conversation import Conversation
from workflows.demo_models.plain.scenes import render_plain_scene
from workflows.demo_models.scenes import PLURALS, Scene

SIZE = (640, 480)
FIRST_SEED = 10_600_000


def visit(services: Services, memory: Memory, scene: Scene, everybody: threading.Barrier | None) -> tuple[float, Any]:
    """One person's two turns: the seconds they took, and what was answered."""
    toolkit = VisionToolkit(services=services, memory=memory)
    toolkit.open_picture(scene.image)
    talk = Conversation(toolkit)
    thing = scene.objects[0]
    x, y = (float(side) for side in np.asarray(thing.box).reshape(2, 2).mean(axis=0))
    if everybody is not None:
        everybody.wait()
    began = time.perf_counter()
    counted = talk.ask(f"count the {PLURALS[thing.noun]}")
    clicked = talk.click(x, y)
    seconds = time.perf_counter() - began
    return seconds, (counted.answer, [[*one["box"], one["area"] ** 0.5] for one in clicked.objects])


def same(one: tuple[str, list[list[float]]], other: tuple[str, list[list[float]]]) -> bool:
    """Whether two answers are one: the words, and every side within a tenth of a pixel."""
    return one[0] == other[0] and len(one[1]) == len(other[1]) and np.allclose(one[1], other[1], rtol=0, atol=0.1)


def measure(users: int = 16) -> dict[str, Any]:
    """Seconds a person waits for both turns, and people served a second, at once and one after another."""
    services = load_services("demo")
    scenes = [render_plain_scene(FIRST_SEED + number, *SIZE) for number in range(users + 1)]
    with tempfile.TemporaryDirectory() as folder, Memory(Path(folder)) as memory:
        visit(services, memory, scenes[-1], None)
        began = time.perf_counter()
        alone = [visit(services, memory, scene, None) for scene in scenes[:users]]
        alone_seconds = time.perf_counter() - began
        assert services.cache is not None
        for scene in scenes[:users]:
            _forget(services, scene)
        everybody = threading.Barrier(users)
        began = time.perf_counter()
        with ThreadPoolExecutor(users) as pool:
            together = list(pool.map(lambda scene: visit(services, memory, scene, everybody), scenes[:users]))
        together_seconds = time.perf_counter() - began
    lost = sum(not same(one[1], other[1]) for one, other in zip(alone, together, strict=True))
    return {
        "users": users,
        "lost": lost,
        "one_after_another": _figures([seconds for seconds, _ in alone], users / alone_seconds),
        "at_once": _figures([seconds for seconds, _ in together], users / together_seconds),
    }


def _forget(services: Services, scene: Scene) -> None:
    from agent_tools.pictures import Picture

    digest = Picture.from_array(scene.image).digest
    for service in (services.detector, services.segmenter):
        service.forget(digest)  # type: ignore[union-attr]


def _figures(seconds: list[float], throughput: float) -> dict[str, float]:
    return {
        "p50_seconds": round(statistics.median(seconds), 3),
        "p95_seconds": round(float(np.percentile(seconds, 95)), 3),
        "people_a_second": round(throughput, 2),
    }


def main() -> None:
    """Print both rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    share_the_machine()
    found = measure(options.users)
    if options.json:
        print(json.dumps(found))
        return
    print(f"{found['users']} people, two turns each; answers lost: {found['lost']}")
    for name in ("one_after_another", "at_once"):
        figures = found[name]
        print(
            f"  {name.replace('_', ' '):>17}: {figures['people_a_second']} people a second, "
            f"half of them wait {figures['p50_seconds']} s, 95 % at most {figures['p95_seconds']} s"
        )


if __name__ == "__main__":
    main()
