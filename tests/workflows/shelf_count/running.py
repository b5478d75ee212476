"""A run in a process of its own, for tests that kill or interrupt it, or that want Ray out of theirs.

python -m tests.workflows.shelf_count.running FOLDER OUT COUNTER WORKERS [ray] → what was done, as JSON
"""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from pathlib import Path

from agent_tools.errors import AskmaskError
from agent_tools.shelves.products import Expected, Product, ProductList
from tests.model_servers import ROOT
from tests.workflows.shelf_count import counters
from workflows.shelf_count.inputs import list_pictures
from workflows.shelf_count.one_picture import Job
from workflows.shelf_count.run import Tally, count_here, keep_all
from workflows.shelf_count.store import RunStore

PRODUCTS = ProductList(
    "fruit.csv", (Product("1", ("orange",), expected=(Expected(6, 6, store="b"),)), Product("2", ("red apple",)))
)
MODELS = {"preset": "demo", "detector": "demo", "askmask": "1"}
FAKE = "agent_tools.services.fakes:FakeDetector"


def started(
    folder: Path, out: Path, counter: str = "count_width", workers: int = 2, *more: str
) -> subprocess.Popen[str]:
    """The process."""
    command = [sys.executable, "-m", __name__, str(folder), str(out), counter, str(workers), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def tally_of(process: subprocess.Popen[str]) -> Tally:
    """What it did, when it has ended well."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return Tally(**json.loads(out.splitlines()[-1]))


def main(folder: str, out: str, counter: str, workers: str, ray: str = "") -> None:
    found = list_pictures([folder]).pictures
    with RunStore.create(out) as store:
        left = store.begin(PRODUCTS, MODELS, found)
        job = Job(PRODUCTS.products, detector=FAKE, device="cpu", counter=getattr(counters, counter))
        if ray:
            from workflows.shelf_count import on_ray

            on_ray.AHEAD_BYTES = int(ray)
            results = on_ray.count_on_ray(store, found, left, job, int(workers))
        else:
            results = count_here(store, found, left, job, int(workers))
        print(json.dumps(dataclasses.asdict(keep_all(store, results, lambda _: print("kept", flush=True)))))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # where tests run in the background it may be ignored
    try:
        main(*sys.argv[1:])
    except AskmaskError as error:
        sys.exit(str(error))
