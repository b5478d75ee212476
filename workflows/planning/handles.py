"""Lists, and lists of handles, as a person reads them. This module does not know what a handle names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

ENGLISH = {"range_of": "{first} to {last}", "and": " and ", "comma": ", "}


def listed(handles: Iterable[str], words: Mapping[str, str] = ENGLISH) -> str:
    """`handles` in order, runs of three or more as a range: "m1 to m7, m9 and m10".

    Args:
        handles: In any order, perhaps more than once.
        words: How a language says ranges and lists, `results` of its answers.
    """
    runs: list[list[int]] = []
    for number in sorted({int(handle[1:]) for handle in handles}):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts: list[str] = []
    for run in runs:
        whole = words["range_of"].format(first=f"m{run[0]}", last=f"m{run[-1]}")
        parts += [whole] if len(run) > 2 else [f"m{number}" for number in run]
    return joined(parts, words["and"], words["comma"])


def joined(parts: Sequence[str], last: str, comma: str = ", ") -> str:
    """`parts` in a row, `last` before the last of them."""
    return last.join([comma.join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
