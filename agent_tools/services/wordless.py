"""Whole things from what a detector of words says to all words at once.

Every look at a picture takes every word, in as many passes as there is room for; what they saw is put together into
one set of boxes, with what each word scores for each of them. This module does not know models, prompts or pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import box_iou, suppress
from agent_tools.services.base import Proposals
from agent_tools.services.fusion import fuse

_UNLIKELY = 0.02
"""Score of a word for a thing that no query saw it in, and the least that proposals begin at."""
_PROPOSED_TWICE = 0.7
"""IoU from which two proposals are one. Closer ones may be two readings of a thing: masks, or an example, tell them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the queries said on one picture: (Q, 4) float32 xyxy pixels and (Q, P) float32, a score a phrase."""

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]


def proposals_of(looks: Sequence[Sequence[Answer]], iou: float) -> Proposals:
    """What all looks at one picture saw in all passes, whatever the words, with what every word scores for it.

    Args:
        looks: of each look, the answer of every pass.
        iou: overlap from which what two passes saw has the scores of both.
    """
    seen = []
    for answers in looks:
        boxes = np.concatenate([answer.boxes for answer in answers])
        scores = np.concatenate([answer.scores.max(axis=1) for answer in answers])
        kept = suppress(boxes, scores, _PROPOSED_TWICE)
        seen.append((boxes[kept], scores[kept]))
    boxes, scores = fuse(seen)
    kept = suppress(boxes, scores, _PROPOSED_TWICE)
    kept = kept[scores[kept] >= _UNLIKELY]
    odds = np.mean([_odds(answers, boxes[kept], iou) for answers in looks], axis=0)
    odds -= odds.mean(axis=1, keepdims=True)
    features = odds / np.maximum(np.linalg.norm(odds, axis=1, keepdims=True), 1e-6)
    return Proposals(boxes[kept], scores[kept], features.astype(np.float32))


def _odds(answers: Sequence[Answer], boxes: NDArray[np.float32], iou: float) -> NDArray[np.float64]:
    """The log-odds of every word, (N, words), from the query of each pass over it that lies where each box does."""
    chances = []
    for answer in answers:
        overlap = box_iou(boxes, answer.boxes)
        same = overlap.argmax(axis=1)
        there = overlap[np.arange(len(boxes)), same] >= iou
        chances.append(np.where(there[:, None], answer.scores[same], _UNLIKELY))
    chance = np.clip(np.concatenate(chances, axis=1).astype(np.float64), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(chance / (1 - chance)))
