"""Where objects come from, in sentences for a person, from what the tool `explain` tells.

The sentences are data in prompts/vocabulary. This module does not know how an object was found, nor who asks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agent_tools.errors import shorten
from workflows.planning.handles import listed

SAID = 6
"""Most origins, and most corrections, that get a sentence of their own."""
Known = Mapping[str, Any]


def reasons(provenance: Sequence[Known], words: Mapping[str, str]) -> list[str]:
    """One sentence an origin, then how sure they are, then what has changed since.

    Args:
        provenance: An entry an object, as in the `data` of `explain`.
        words: The sentences to say it with, `results` of the vocabulary.
    """
    origins: dict[tuple[Any, ...], list[Known]] = {}
    for each in provenance:
        origins.setdefault(_origin(each), []).append(each)
    sentences = [_told(group, words) for group in list(origins.values())[:SAID]]
    sentences += _certainty(provenance, words)
    corrections = [sentence for each in provenance for sentence in _corrections(each, words)]
    sentences += corrections[:SAID]
    if len(origins) > SAID or len(corrections) > SAID:
        sentences.append(words["reason_more"])
    if len(provenance) == 1 and not corrections:
        sentences.append(words["reason_unchanged"])
    return sentences


def _origin(known: Known) -> tuple[Any, ...]:
    like, parent = tuple(known["like"] or ()), tuple(known["parent"] or ())
    return known["phrase"], known["gesture"], like, parent[:1], known["turn"], known["threshold"]


def _told(group: Sequence[Known], words: Mapping[str, str]) -> str:
    """How things of one origin came about."""
    first = group[0]
    if first["gesture"]:
        key = "reason_pointed_as" if first["phrase"] else "reason_pointed"
    elif first["phrase"]:
        key = "reason_phrase"
    elif first["like"]:
        key = "reason_like"
    else:
        key = "reason_made" if first["parent"] else "reason_unnamed"
    said = words[key].format(
        handles=listed((each["handle"] for each in group), words),
        was=words["was_one" if len(group) == 1 else "was_many"],
        phrase=shorten(str(first["phrase"])),
        gesture=first["gesture"],
        examples=listed(first["like"] or (), words),
        parent=(first["parent"] or ("",))[0],
        when=_when(first, words),
    )
    return f"{said}{_scores(group, words) if first['phrase'] and not first['gesture'] else ''}."


def _when(known: Known, words: Mapping[str, str]) -> str:
    if not known["request"]:
        return words["reason_turn"].format(turn=known["turn"])
    return words["reason_request"].format(turn=known["turn"], request=shorten(known["request"]))


def _scores(group: Sequence[Known], words: Mapping[str, str]) -> str:
    scores = [each["score"] for each in group if each["score"] is not None]
    threshold = group[0]["threshold"]
    if not scores:
        return ""
    low, high = f"{min(scores):.2f}", f"{max(scores):.2f}"
    said = words["reason_score" if low == high else "reason_scores"].format(low=low, high=high)
    return said + ("" if threshold is None else words["reason_threshold"].format(threshold=f"{threshold:.2f}"))


def _certainty(provenance: Sequence[Known], words: Mapping[str, str]) -> list[str]:
    """The chance to be real, of one thing; of several, which ones are doubtful."""
    if len(provenance) == 1 and provenance[0]["chance"] is not None:
        chance = f"{provenance[0]['chance']:.0%}"
        return [words["reason_doubtful" if provenance[0]["borderline"] else "reason_chance"].format(chance=chance)]
    doubtful = [each["handle"] for each in provenance if each["borderline"]]
    return [words["doubtful"].format(handles=listed(doubtful, words))] if doubtful else []


def _corrections(known: Known, words: Mapping[str, str]) -> Iterable[str]:
    for before, after in itertools.pairwise(known["versions"]):
        changes = []
        if after["area"] != before["area"]:
            changes.append(words["reason_area"].format(before=before["area"], after=after["area"]))
        if after["label"] != before["label"]:
            changes.append(words["reason_label"].format(label=after["label"]))
        said = ", ".join(changes) or words["reason_same"]
        yield words["reason_corrected"].format(handle=known["handle"], when=_when(after, words), changes=said)
