"""What it costs to begin: the import, the help, the first answer, and the memory they take.

    python -m benchmarks.startup [--repeats N] [--json]

Each in a process of its own, medians; the files are in the disk's cache after the first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

PROGRAMS = {
    "import agent_tools": "import agent_tools",
    "askmask --help": "from workflows.cli import main; main()",
    "bundled models ready": "from agent_tools import load_services; load_services('demo')",
}
_AT_EXIT = """
import atexit, resource
atexit.register(lambda: print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def run(name: str) -> tuple[float, float]:
    """Seconds and peak megabytes of one process."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _AT_EXIT + PROGRAMS[name], "--help"], capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - began
    peak = next(line for line in done.stdout.splitlines() if line.startswith("PEAK"))
    return seconds, int(peak.split()[1]) * 1024 / 1e6


def measure(repeats: int = 5) -> dict[str, Any]:
    """Median seconds and peak megabytes of each."""
    found = {}
    for name in PROGRAMS:
        runs = [run(name) for _ in range(repeats + 1)][1:]
        found[name] = {
            "seconds": round(statistics.median(seconds for seconds, _ in runs), 3),
            "megabytes": round(statistics.median(megabytes for _, megabytes in runs), 1),
        }
    return found


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.repeats)
    if options.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name:>22}: {figures['seconds']:6.3f} s, {figures['megabytes']:7.1f} MB at the peak")


if __name__ == "__main__":
    main()
