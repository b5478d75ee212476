"""Masks of everything there is on a picture, without a word.

The method is Segment Anything's automatic mask generator (Kirillov et al. 2023, section 5 and appendix B;
segment-anything's `automatic_mask_generator.py`): a grid of points over the picture and, where the model sees it much
reduced, over overlapping crops of it; keep what the model is sure of and what hardly changes with the threshold; drop
what a crop cuts off; suppress repeats. Where a detector proposes whole things, their boxes are asked first, and points
only where no mask lies yet: a box says more than a point, and there are fewer of them.

This module does not know any model, handles or phrases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Mask, suppress
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, Proposals, Segmenter, SegmentRequest, Segments
from agent_tools.services.seams import Window
from agent_tools.services.tiling import tile

GRID = 16
"""Points along the longer side of the picture, and along that of a crop."""
LEAST_IOU, LEAST_STABILITY = 0.8, 0.85
"""Predicted IoU and stability that a mask needs, for a segmenter that does not bring its own."""
REPEAT = 0.7
"""IoU of boxes above which the weaker of two masks is a repeat."""
LEAST_AREA, MOST_AREA = 0.0005, 0.95
"""Share of the picture that a region may take."""
PROPOSED = 0.1
"""Score from which a detector's proposal is asked for."""
CROPS_FROM = 1.5
"""Reduction of the picture by the segmenter from which crops of it show more."""
CROP = 0.6
"""Share of each side of the picture that one of its four crops shows."""
_EDGE = 2.0
"""Pixels from a crop's own edge at which a mask counts as cut off."""


@dataclass(frozen=True, slots=True)
class Region:
    """A mask that nobody asked for by name.

    Attributes:
        mask: at picture size.
        predicted_iou: the segmenter's estimate, in [0, 1].
        stability: in [0, 1], see `Segments`.
        candidate: which of the segmenter's candidates it is.
        prompt: what brought it, JSON-able: ``{"box": [...]}`` or ``{"points": [[x, y]], "labels": [1]}``, pixels.
    """

    mask: Mask
    predicted_iou: float
    stability: float
    candidate: int
    prompt: dict[str, Any]


def regions(segmenter: Segmenter, picture: Picture, proposed: Proposals | None = None) -> list[Region]:
    """Every region of a picture: what the detector proposes, and what else the segmenter is sure of, best first.

    Two attributes are used where the segmenter has them: ``least_iou`` and ``least_stability``, what suits its
    weights; two more say when crops pay: ``input_side``, pixels that it scales the longer side to, and ``zoom``, with
    which it looks closer by itself.

    Args:
        segmenter: answers boxes and single points.
        picture: what to look at.
        proposed: whole things that a detector sees; None: it sees none without a word.

    Raises:
        ServiceError: the segmenter failed.
    """
    boxes = np.zeros((0, 4), np.float32) if proposed is None else proposed.boxes[proposed.scores >= PROPOSED]
    # The detector has judged these; a segmenter's own doubts would only drop what is there.
    whole = _sure(segmenter, picture, [Prompt(box=box) for box in boxes], least=(0.0, 0.0))
    found = list(whole)
    covered = np.zeros((picture.height, picture.width), bool)
    for region in whole:
        crop, left, top = region.mask.to_crop()
        covered[top : top + crop.shape[0], left : left + crop.shape[1]] |= crop
    found += _at_points(segmenter, picture, _grid(picture.width, picture.height, GRID), covered)
    for window in _crops(segmenter, picture):
        found += _in_crop(segmenter, picture, window, covered)
    first = np.arange(len(found)) < len(whole)
    kept = suppress(
        np.array([region.mask.box for region in found], np.float32).reshape(-1, 4),
        np.array([region.predicted_iou for region in found], np.float32) + first,
        REPEAT,
    )
    return [found[place] for place in kept]


def _at_points(
    segmenter: Segmenter, picture: Picture, points: Sequence[tuple[float, float]], covered: NDArray[np.bool_]
) -> list[Region]:
    """The sure regions at those points that nothing covers yet; `covered` is (H, W) of the picture."""
    free = [(x, y) for x, y in points if not covered[int(y), int(x)]]
    one = np.ones(1, np.int64)
    return _sure(segmenter, picture, [Prompt(points=np.array([point], np.float32), labels=one) for point in free])


def _sure(
    segmenter: Segmenter, picture: Picture, prompts: Sequence[Prompt], least: tuple[float, float] | None = None
) -> list[Region]:
    """Of all candidates for the prompts, those that pass the filters; `least` predicted IoU and stability."""
    if not prompts:
        return []
    least_iou, least_stability = least or (
        float(getattr(segmenter, "least_iou", LEAST_IOU)),
        float(getattr(segmenter, "least_stability", LEAST_STABILITY)),
    )
    whole = picture.width * picture.height
    (answers,) = segmenter.segment([SegmentRequest(picture, prompts)])
    return [
        Region(mask, iou, stability, index, _told(prompt))
        for prompt, answer in zip(prompts, answers, strict=True)
        for index, mask, iou, stability in _candidates(answer)
        if iou >= least_iou and stability >= least_stability and LEAST_AREA <= mask.area / whole <= MOST_AREA
    ]


def _candidates(answer: Segments) -> Iterator[tuple[int, Mask, float, float]]:
    ious, stabilities = answer.predicted_iou.tolist(), answer.stability.tolist()
    yield from zip(range(len(ious)), answer.masks, ious, stabilities, strict=True)


def _told(prompt: Prompt) -> dict[str, Any]:
    if prompt.box is not None:
        return {"box": [round(side, 2) for side in prompt.box.tolist()]}
    assert prompt.points is not None
    return {"points": prompt.points.tolist(), "labels": [1] * len(prompt.points)}


def _grid(width: int, height: int, along: int) -> list[tuple[float, float]]:
    """Middles of even cells, `along` of them along the longer side."""
    cell = max(width, height) / along
    columns, rows = max(1, round(width / cell)), max(1, round(height / cell))
    return [((i + 0.5) * width / columns, (j + 0.5) * height / rows) for j in range(rows) for i in range(columns)]


def _crops(segmenter: Segmenter, picture: Picture) -> list[Window]:
    """Four overlapping corners of a picture of which the segmenter sees much less than there is."""
    longest = max(picture.width, picture.height)
    if getattr(segmenter, "zoom", 0) or longest < CROPS_FROM * getattr(segmenter, "input_side", 1024):
        return []
    wide, high = round(CROP * picture.width), round(CROP * picture.height)
    lefts, tops = (0, picture.width - wide), (0, picture.height - high)
    return [(left, top, left + wide, top + high) for top in tops for left in lefts]


def _in_crop(segmenter: Segmenter, picture: Picture, window: Window, covered: NDArray[np.bool_]) -> list[Region]:
    """The sure regions of a crop that it shows whole, at picture size."""
    x0, y0, x1, y1 = window
    part = tile(picture, window)
    points = _grid(part.width, part.height, GRID)
    found = _at_points(segmenter, part, points, covered[y0:y1, x0:x1])
    if forget := getattr(segmenter, "forget", None):
        forget(part.digest)
    inner = [side in (0, most) for side, most in zip(window, (0, 0, picture.width, picture.height), strict=True)]
    whole = []
    for region in found:
        a, b, c, d = region.mask.box
        far = (a > _EDGE, b > _EDGE, c < part.width - _EDGE, d < part.height - _EDGE)
        if all(edge or away for edge, away in zip(inner, far, strict=True)):
            crop, left, top = region.mask.to_crop()
            mask = Mask.from_crop(crop, left + x0, top + y0, picture.height, picture.width)
            points_there = [[x + x0, y + y0] for x, y in region.prompt["points"]]
            told = {"points": points_there, "labels": region.prompt["labels"]}
            whole.append(Region(mask, region.predicted_iou, region.stability, region.candidate, told))
    return whole
