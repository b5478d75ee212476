"""How often a planner is right on sets of requests, and how long it takes for one.

    python -m benchmarks.planner [FILE ...] [--json]

Without a file: the sets of the repository. This module does not know how a planner plans.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflows.planning.context import Plan, PlanContext
from workflows.planning.rules import plan
from workflows.planning.scoring import read_requests, score

SETS = Path(__file__).parent.parent / "tests" / "workflows" / "planning"


def measure(path: Path) -> dict[str, Any]:
    """Share right, and median and worst milliseconds a request (CPU time), on the set in `path`."""
    spent: list[float] = []

    def timed(request: str, context: PlanContext) -> Plan:
        started = time.process_time()
        planned = plan(request, context)
        spent.append((time.process_time() - started) * 1000)
        return planned

    requests = read_requests(path)
    plan("count the oranges", PlanContext())
    result = score(requests, timed)
    return {
        "requests": result.requests,
        "right": round(result.right, 4),
        "median_ms": round(sorted(spent)[len(spent) // 2], 2),
        "worst_ms": round(max(spent), 2),
        "misses": [miss.__dict__ for miss in result.misses],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the score of each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="files of requests (default: those of the repository)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    scores = {path.stem: measure(path) for path in chosen.files or sorted(SETS.glob("requests*.yaml"))}
    if chosen.json:
        print(json.dumps(scores, indent=2))
        return
    for name, result in scores.items():
        number, right, spent = result["requests"], result["right"], result["median_ms"]
        print(f"{name:24} {number:4} requests  {right:6.1%} right  {spent:5.1f} ms")
        for miss in result["misses"]:
            print(f"  {miss['request']!r} ({miss['context']})")
            print(f"    expected {miss['expected']}\n    got      {miss['got']}")


if __name__ == "__main__":
    main()
