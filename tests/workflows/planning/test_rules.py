from __future__ import annotations

from pathlib import Path

import pytest

from workflows.planning.context import PlanContext
from workflows.planning.rules import plan
from workflows.planning.scoring import read_requests, score

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", ["requests.yaml"])
def test_plan_request_sets_at_least_95_percent_right(name: str) -> None:
    result = score(read_requests(HERE / name), plan)

    misses = "\n".join(f"{m.request!r} ({m.context})\n  expected {m.expected}\n  got {m.got}" for m in result.misses)
    assert result.right >= 0.95, f"{result.right:.1%} of {result.requests}\n{misses}"


def test_plan_request_sets_hold_enough_requests() -> None:
    assert len(read_requests(HERE / "requests.yaml").requests) >= 130


def test_plan_same_request_twice_gives_the_same_plan() -> None:
    request = "count the red and green apples on the left, then keep the two biggest"

    assert plan(request, PlanContext()) == plan(request, PlanContext())
