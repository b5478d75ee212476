"""Workers, asked by somebody who takes one outcome at a time."""

from __future__ import annotations

from pathlib import Path

from tests.workflows.shelf_count import counters
from tests.workflows.shelf_count.conftest import paint
from tests.workflows.shelf_count.running import PRODUCTS
from workflows.shelf_count.one_picture import Job, Outcome
from workflows.shelf_count.results_kept import ShelfPicture
from workflows.shelf_count.workers import Task, Workers


def test_workers_after_a_picture_that_ended_two_of_them_count_the_next_one(tmp_path: Path):
    detector = "agent_tools.services.fakes:FakeDetector"
    job = Job(PRODUCTS.products, "demo", detector, "cpu", counters.die_over_thirteen)
    with Workers(job, 1) as workers:
        outcomes = []
        for width in (13, 20):
            paint(tmp_path / f"{width}.png", width)
            data = (tmp_path / f"{width}.png").read_bytes()
            workers.give(Task(ShelfPicture(f"{width}.png"), str(width), data))
            outcomes.append(first(workers))
    assert "ended two workers" in outcomes[0].error
    assert outcomes[1].count is not None


def first(workers: Workers) -> Outcome:
    while True:
        for _, outcome in workers.outcomes(1.0):
            return outcome
