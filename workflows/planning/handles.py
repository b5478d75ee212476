"""Lists of handles as a person reads them. This module does not know what a handle names."""

from __future__ import annotations

from collections.abc import Iterable


def listed(handles: Iterable[str]) -> str:
    """`handles` in order, runs of three or more as a range: "m1 to m7, m9 and m10"."""
    runs: list[list[int]] = []
    for number in sorted({int(handle[1:]) for handle in handles}):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts: list[str] = []
    for run in runs:
        parts += [f"m{run[0]} to m{run[-1]}"] if len(run) > 2 else [f"m{number}" for number in run]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
