"""What a conversation costs that holds many masks.

    python -m benchmarks.memory_scale [--masks N ...] [--store ADDRESS] [--json]

For 100, 1,000 and 10,000 masks, the true ones of a rendered scene, found in ten turns and selected as they are found:
seconds to take the conversation up (by a process that has not read any of it), to recall and select for the first time
after that, to do so again (the median), and the bytes that a mask takes in the database. In an SQLite file, and in
PostgreSQL where the setting ``store`` or ``--store`` names one; what is written there is erased again. This module does
not know how anything is stored.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent_tools import Mask, Memory, VisionToolkit
from agent_tools.memory.database import DATABASE
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from agent_tools.settings import settings
from workflows.demo_models.plain.scenes import render_plain_scene

MASKS = (100, 1_000, 10_000)
TURNS = 10
SEED, SIZE = 10_500_314, (640, 480)
REPEATS = 5
OWNER = "benchmark"
IN_POSTGRES = """
SELECT coalesce(sum(pg_total_relation_size(tables.oid)), 0) FROM pg_class AS tables
JOIN pg_namespace AS spaces ON spaces.oid = relnamespace WHERE nspname = 'askmask' AND relkind = 'r'
"""


def measure(store: str | None, numbers: Sequence[int]) -> list[dict[str, Any]]:
    """The figures by number of masks.

    Args:
        store: address of a PostgreSQL server; None: an SQLite file.
        numbers: how many masks, each in a conversation of its own; multiples of `TURNS`.
    """
    return [_measured(store, number) for number in numbers]


def _measured(store: str | None, number: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def opened() -> Memory:
            return Memory(folder, OWNER, store=store)

        with opened() as memory:
            conversation = memory.create()
        before = _size(folder, store)
        try:
            with opened() as memory:
                _fill(_toolkit(memory, conversation), number)
            taken = _size(folder, store) - before
            rows = [_one_process(opened, conversation, number, first) for first in ("recall", "select") * REPEATS]
        finally:
            with opened() as memory:
                memory.erase(conversation)
    middle = {key: statistics.median(row[key] for row in rows if key in row) for key in sorted({*rows[0], *rows[1]})}
    return {"masks": number, **{key: round(value, 5) for key, value in middle.items()}, "bytes": round(taken / number)}


def _toolkit(memory: Memory, conversation: str) -> VisionToolkit:
    services = Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
    return VisionToolkit(services=services, memory=memory, conversation=conversation)


def _fill(toolkit: VisionToolkit, number: int) -> None:
    scene = render_plain_scene(SEED, *SIZE)
    things = itertools.cycle([(f"{thing.colour} {thing.noun}", Mask.from_array(thing.mask)) for thing in scene.objects])
    toolkit.open_picture(scene.image)
    for _ in range(TURNS):
        with toolkit.turn("find them") as turn:
            turn.select(
                turn.add_object(
                    picture="p1",
                    label=label,
                    score=0.8731,
                    mask=mask,
                    prompts=[{"phrase": label, "threshold": 0.3, "chance": round(0.9 + place / 1e6, 6)}],
                    model="demo",
                    predicted_iou=0.9127,
                    stability=0.9512,
                )
                for place, (label, mask) in enumerate(itertools.islice(things, number // TURNS))
            )
    toolkit.call("select", {"handles": [f"m{number // 2}", f"m{number}"]})


def _one_process(opened: Callable[[], Memory], conversation: str, number: int, first: str) -> dict[str, float]:
    """Seconds by what was done, `first` first, as in a process that has just begun."""
    calls: dict[str, dict[str, Any]] = {"recall": {}, "select": {"handles": ["m1", f"m{number}"]}}
    with opened() as memory:
        began = time.perf_counter()
        toolkit = _toolkit(memory, conversation)
        seconds = {"open": time.perf_counter() - began}
        for name, key in ((first, f"first {first}"), ("recall", ""), ("recall", "recall"), ("select", "select")):
            began = time.perf_counter()
            toolkit.call(name, calls[name])
            seconds[key] = time.perf_counter() - began
    del seconds[""]
    return seconds


def _size(folder: Path, store: str | None) -> int:
    """Bytes of the database."""
    if store is None:
        return (folder / DATABASE).stat().st_size
    import psycopg

    with psycopg.connect(store) as connection:
        found = connection.execute(IN_POSTGRES).fetchone()
    return int(found[0]) if found else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--masks", type=int, nargs="+", default=MASKS, metavar="N", help="multiples of ten")
    parser.add_argument("--store", help="postgresql://...; default: the setting")
    chosen = parser.parse_args(arguments)
    address = settings().store
    store = chosen.store or (address.get_secret_value() if address else None)
    figures = {"sqlite": measure(None, chosen.masks)}
    if store:
        figures["postgresql"] = measure(store, chosen.masks)
    if chosen.json:
        print(json.dumps(figures))
        return 0
    for name, rows in figures.items():
        for row in rows:
            times = ", ".join(
                f"{key} {1e3 * value:.1f} ms" for key, value in row.items() if key not in ("masks", "bytes")
            )
            print(f"{name}, {row['masks']:,} masks: {times}, {row['bytes']} bytes a mask")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
