"""Which of a detector's boxes stand: within a phrase, across phrases, and groups that merely enclose others.

This module does not know models, tokens or pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, box_area, box_iou, suppress
from agent_tools.services.phrases import narrows

SAME_BOX = 0.75
"""IoU from which boxes of two phrases are taken for the same thing."""


def standing(
    boxes: Boxes,
    scores: NDArray[np.float32],
    phrase_indices: NDArray[np.int64],
    phrases: Sequence[str],
    threshold: float,
    iou: float,
) -> NDArray[np.int64]:
    """Indices of the boxes that stand.

    1. Within a phrase, a box that overlaps a better one by more than `iou` goes.
    2. Within a phrase, a box that merely encloses a group goes. Only boxes that are hits make a group of a hit.
    3. Across phrases, of boxes that are the same (`SAME_BOX`) the best score stands, except that a phrase and a
       narrower one ("apple", "red apple") may both claim a thing: it is both.

    Args:
        boxes: (N, 4) float32 xyxy pixels.
        scores: (N,) float32 in [0, 1].
        phrase_indices: (N,) int64 into `phrases`.
        phrases: cleaned phrases.
        threshold: score where a hit begins.
        iou: overlap within a phrase, in [0, 1].
    """
    kept: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    whole = box_area(boxes) >= 1
    for phrase in np.unique(phrase_indices):
        mine = np.flatnonzero((phrase_indices == phrase) & whole)
        kept.append(mine if len(mine) < 2 else mine[suppress(boxes[mine], scores[mine], iou, threshold)])
    found = np.concatenate(kept)
    return found[_unrivalled(boxes[found], scores[found], phrase_indices[found], phrases)]


def _unrivalled(
    boxes: Boxes, scores: NDArray[np.float32], phrase_indices: NDArray[np.int64], phrases: Sequence[str]
) -> NDArray[np.bool_]:
    """Which boxes no better box of a rival phrase claims, (N,) bool."""
    rivals = _rivals(tuple(phrases))
    alive = np.ones(len(boxes), bool)
    if not rivals.any():
        return alive
    contested = (box_iou(boxes, boxes) >= SAME_BOX) & rivals[phrase_indices][:, phrase_indices]
    order = np.argsort(-scores, kind="stable")
    for index in order[np.asarray(contested[order].any(1))]:
        if alive[index]:
            worse = contested[index] & (scores <= scores[index])
            worse[index] = False
            alive &= ~worse
    return alive


@lru_cache(maxsize=256)
def _rivals(phrases: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which phrases may not both claim a thing, (P, P) bool."""
    rivals = [[p != q and not narrows(p, q) and not narrows(q, p) for q in phrases] for p in phrases]
    return np.array(rivals, bool).reshape(len(phrases), len(phrases))
