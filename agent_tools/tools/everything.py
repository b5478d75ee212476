"""Cuts out every region of a picture, without a word: a grid of points, and what is stable among the answers.

The method is Segment Anything's automatic mask generator (Kirillov et al. 2023, section 5 and appendix B): keep what
the model is sure of and what does not change with the threshold, then suppress repeats. This
module does not know phrases.
"""

from __future__ import annotations

import numpy as np

from agent_tools.masks import Mask, suppress
from agent_tools.references import reading_order
from agent_tools.services.base import Prompt
from agent_tools.tools.context import ToolContext
from agent_tools.tools.finding import Found

GRID = 16
"""Points along the longer side."""
LEAST_IOU, LEAST_STABILITY = 0.8, 0.85
"""Predicted IoU and stability a mask needs."""
REPEAT = 0.7
"""IoU of boxes above which the weaker of two masks is a repeat."""
LEAST_AREA, MOST_AREA = 0.0005, 0.95
"""Share of the picture that a region may take."""
LABEL = "object"


def everything(context: ToolContext, picture: str) -> list[Found]:
    """Every region of a picture that the segmenter is sure of, in reading order; the score is its predicted IoU."""
    opened, turn = context.opened(picture), context.state.turn_number
    step = max(opened.width, opened.height) / GRID
    columns = (np.arange(max(1, round(opened.width / step))) + 0.5) * opened.width / max(1, round(opened.width / step))
    rows = (np.arange(max(1, round(opened.height / step))) + 0.5) * opened.height / max(1, round(opened.height / step))
    points = [(float(x), float(y)) for y in rows for x in columns]
    one = np.ones(1, np.int64)
    answers = context.segment(picture, [Prompt(points=np.array([p], np.float32), labels=one) for p in points])
    whole = opened.width * opened.height
    sure: list[tuple[Mask, float, float, int, tuple[float, float]]] = [
        (mask, float(iou), float(stability), index, point)
        for point, answer in zip(points, answers, strict=True)
        for index, (mask, iou, stability) in enumerate(
            zip(answer.masks, answer.predicted_iou, answer.stability, strict=True)
        )
        if iou >= LEAST_IOU and stability >= LEAST_STABILITY and LEAST_AREA <= mask.area / whole <= MOST_AREA
    ]
    boxes = np.array([mask.box for mask, *_ in sure], np.float32).reshape(-1, 4)
    kept = suppress(boxes, np.array([iou for _, iou, *_ in sure], np.float32), REPEAT)
    found = [
        Found(
            picture,
            LABEL,
            iou,
            mask.box,
            turn,
            ({"points": [list(point)], "labels": [1]},),
            mask=mask,
            candidate=index,
            predicted_iou=iou,
            stability=stability,
        )
        for mask, iou, stability, index, point in (sure[place] for place in kept)
    ]
    return reading_order(found)
