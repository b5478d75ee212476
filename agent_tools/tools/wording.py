"""How results are put into few words for a planner, and into records for programs.

This module does not know what any tool does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent_tools.errors import shorten
from agent_tools.memory import ObjectVersion
from agent_tools.tools.results import ToolResult

MOST = 1500
"""Longest text for a planner, characters."""
_RUNS = 24
"""Most runs of handles written out; the rest are said in a number."""


def compact(handles: Iterable[str]) -> str:
    """Handles in few words: ``m1-m4 m7``; at most `_RUNS` runs, then how many more."""
    runs: list[list[str]] = []
    expected = ""
    for name in handles:
        if runs and name == expected:
            runs[-1].append(name)
        else:
            runs.append([name])
        letters = name.rstrip("0123456789")
        digits = name[len(letters) :]
        expected = f"{letters}{int(digits) + 1}" if digits else ""
    words = [run[0] if len(run) == 1 else f"{run[0]}{' ' if len(run) == 2 else '-'}{run[-1]}" for run in runs]
    hidden = sum(len(run) for run in runs[_RUNS:])
    return " ".join(words[:_RUNS]) + (f" and {hidden} more" if hidden else "")


def by_label(objects: Sequence[ObjectVersion]) -> str:
    """What there is of each label: ``17 orange: m1-m17 (score 0.91-0.42); 2 lemon: m18 m19 (score 0.8)``."""
    labels: dict[str, list[ObjectVersion]] = {}
    for thing in objects:
        labels.setdefault(thing.label, []).append(thing)
    return "; ".join(
        f"{len(some)} {label}: {compact(t.handle for t in some)}{_scores(some)}" for label, some in labels.items()
    )


def bounded(text: str) -> str:
    """The text, cut at a word where it is longer than a planner should read."""
    if len(text) <= MOST:
        return text
    return text[: MOST - 40].rsplit(" ", 1)[0] + " ... (cut; use recall or select to see less)"


def record(thing: ObjectVersion) -> dict[str, Any]:
    """An object as ``ask --json`` writes it; box in pixels, mask as COCO run-length encoding or None."""
    return {
        "handle": thing.handle,
        "picture": thing.picture,
        "label": thing.label,
        "score": None if thing.score is None else round(thing.score, 4),
        "box": [round(float(side), 2) for side in thing.box],
        "area": thing.area,
        "review": thing.review,
        "mask": None if thing.mask is None else thing.mask.to_coco(),
    }


def _scores(objects: Sequence[ObjectVersion]) -> str:
    scores = sorted({f"{thing.score:.2f}" for thing in objects if thing.score is not None}, reverse=True)
    return f" (score {scores[0]}{'-' + scores[-1] if len(scores) > 1 else ''})" if scores else ""


def found_nothing(phrase: str, why: str = "") -> str:
    """That a phrase was looked for and not found, which is an answer and not a failure."""
    return f"0 {phrase}: {why or 'none found'}"


def not_asked(unknown: Mapping[str, str], detector: str, nouns: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """That phrases were never asked of the detector, because it has no words for them.

    Args:
        unknown: phrase → why, as `Detections.unknown` tells it.
        detector: its name.
        nouns: those it has words for, where that is known.

    Returns:
        A part for `results`, empty where nothing is unknown; and what programs get.
    """
    if not unknown:
        return "", {}
    knows = f"it knows {', '.join(nouns)}; " if nouns else ""
    reasons = ", and it ".join(dict.fromkeys(unknown.values()))
    more = "`askmask models get base` fetches one that knows many more"
    why = f"the {shorten(detector)} detector {reasons} ({knows}{more})"
    said = f"{', '.join(f'0 {phrase}' for phrase in unknown)}: {why}"
    return said, {"unknown": {"phrases": list(unknown), "why": why}}


def _choice(thing: ObjectVersion) -> list[dict[str, Any]]:
    """The masks an object may have, without their pixels."""
    return [
        {
            "area": each.mask.area,
            "predicted_iou": round(each.predicted_iou, 4),
            "stability": round(each.stability, 4),
            "current": each.mask == thing.mask,
        }
        for each in thing.alternatives
    ]


def results(parts: Sequence[str], objects: Sequence[ObjectVersion], **data: Any) -> ToolResult:
    """A result about objects.

    Args:
        parts: sentences without their full stop; empty ones are left out.
        objects: exactly those the result is about.
        data: what else a program gets; tuples become lists. The masks that objects may have are added: "alternatives".
    """
    text = " ".join(f"{part}." for part in parts if part)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}
    if choice := {thing.handle: _choice(thing) for thing in objects if thing.alternatives}:
        plain["alternatives"] = choice
    return ToolResult(bounded(text), {"objects": [record(thing) for thing in objects], **plain})
