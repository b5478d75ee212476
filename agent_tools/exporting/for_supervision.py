"""Objects as `supervision.Detections`.

This module does not know files or folders. supervision is imported when it is first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from agent_tools.errors import ToolInputError
from agent_tools.exporting.records import Exportable, mask_of
from agent_tools.label_maps import categories_of

if TYPE_CHECKING:
    import supervision


def to_supervision(objects: Sequence[Exportable], categories: Sequence[str] | None = None) -> supervision.Detections:
    """Objects of one picture as supervision has them.

    Args:
        objects: those of one picture, in the order that the detections are to have.
        categories: the labels in the order of their class ids; None: as they first occur in `objects`.

    Returns:
        N detections: ``xyxy`` (N, 4) float32 in pixels, round the mask where there is one; ``mask`` (N, H, W) bool, or
        None where no object has one; ``confidence`` (N,) float32, NaN for an object without a score, or None where no
        object has one; ``class_id`` (N,) int, 0 for the first category. ``data`` holds ``class_name``, ``handle``,
        ``label`` and ``has_mask``: the mask of an object without one is empty, as supervision wants one of each.

    Raises:
        ToolInputError: masks of different sizes, or a label that is not among the categories.
    """
    import supervision

    names = categories_of(objects, categories)
    masks = [mask_of(thing) for thing in objects]
    sizes = {(mask.height, mask.width) for mask in masks if mask is not None}
    if len(sizes) > 1:
        raise ToolInputError(f"mask sizes={sorted(sizes)} differ: expected one. Pass objects of one picture.")
    dense = None
    if sizes:
        dense = np.zeros((len(masks), *sizes.pop()), bool)
        for number, mask in enumerate(masks):
            if mask is not None:
                dense[number] = mask.to_array()
    boxes = [thing.box if mask is None else mask.box for thing, mask in zip(objects, masks, strict=True)]
    scored = any(thing.score is not None for thing in objects)
    scores = [np.nan if thing.score is None else thing.score for thing in objects]
    labels = np.array([thing.label for thing in objects], dtype=str)
    data: dict[str, Any] = {
        "class_name": labels,
        "handle": np.array([thing.handle for thing in objects], dtype=str),
        "label": labels.copy(),
        "has_mask": np.array([mask is not None for mask in masks], bool),
    }
    return supervision.Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        mask=dense,
        confidence=np.array(scores, np.float32) if scored else None,
        class_id=np.array([names.index(thing.label) for thing in objects], int),
        data=data,
    )
