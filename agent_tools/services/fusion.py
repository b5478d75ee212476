"""Makes one answer of several looks at the same picture: mirrored, or larger.

The method is weighted boxes fusion (Solovyev, Wang and Gabruseva 2021): boxes of different looks that overlap are one
thing, its box their mean by score, its score their sum over the number of looks, so that what one look alone saw counts
less. This module does not know models, phrases or thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, box_iou

SAME = 0.55
"""IoU from which boxes of two looks are one thing, as in the paper."""


def fuse(looks: Sequence[tuple[Boxes, NDArray[np.float32]]]) -> tuple[Boxes, NDArray[np.float32]]:
    """One set of boxes from several of one phrase, best first.

    Args:
        looks: for each look, (N, 4) float32 xyxy in pixels of the same picture and (N,) float32 scores; in each, no
            thing twice.

    Returns:
        (M, 4) float32 and (M,) float32.
    """
    boxes = np.concatenate([some for some, _ in looks])
    scores = np.concatenate([some for _, some in looks])
    look_of = np.repeat(np.arange(len(looks)), [len(some) for _, some in looks])
    overlap = box_iou(boxes, boxes)
    free = np.ones(len(boxes), bool)
    groups: list[NDArray[np.int64]] = []
    for best in np.argsort(-scores, kind="stable"):
        if not free[best]:
            continue
        members = [best]
        for look in range(len(looks)):
            others = np.flatnonzero(free & (look_of == look) & (overlap[best] >= SAME))
            if look != look_of[best] and len(others):
                members.append(others[np.argmax(overlap[best, others])])
        group = np.array(members, np.int64)
        free[group] = False
        groups.append(group)
    fused = [np.average(boxes[group], axis=0, weights=np.maximum(scores[group], 1e-6)) for group in groups]
    total = np.array([scores[group].sum() / len(looks) for group in groups], np.float32)
    order = np.argsort(-total, kind="stable")
    return np.array(fused, np.float32).reshape(-1, 4)[order], total[order]
