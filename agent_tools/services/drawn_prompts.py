"""Prompts drawn into Segment Anything's mask input: where a box, clicks and an earlier mask say the thing is.

Segment Anything reads points and boxes as codes that its decoder must learn to match with places, which takes very
much training. A checkpoint with ``"draw_prompts": true`` in its `askmask.json` was also shown each prompt as a picture,
through the mask input the model has anyway, and expects that. This module does not know models, pictures or files.
"""

from __future__ import annotations

import torch
from torch import Tensor

SURE = 6.0
"""Logit of a cell that the prompt says is inside (and, negated, outside)."""
CLICK_RADIUS = 1.5
"""Standard deviation of a click's spot, cells."""


def drawn_prompts(
    cells: int,
    points: Tensor | None = None,
    labels: Tensor | None = None,
    boxes: Tensor | None = None,
    masks: Tensor | None = None,
    scale: float = 1.0,
) -> Tensor:
    """Draw N prompts of one make.

    Args:
        cells: side of the mask input.
        points: (N, K, 2) float32 x, y; None without.
        labels: (N, K) int64, 1 inside and 0 outside.
        boxes: (N, 4) float32 xyxy; None without.
        masks: (N, cells, cells) float32 logits of an earlier mask; None without.
        scale: cells a unit of the coordinates; 1 where they are in cells.

    Returns:
        (N, cells, cells) float32 logits: the earlier mask, cut off outside the box (by the share of each cell that it
        covers), and a spot a click.
    """
    given = next(each for each in (masks, boxes, points) if each is not None)
    edges = torch.arange(cells, device=given.device, dtype=torch.float32)
    drawn = torch.zeros(len(given), cells, cells, device=given.device) if masks is None else masks.clamp(-SURE, SURE)
    if boxes is not None:
        across, down = (_covered(boxes[:, low] * scale, boxes[:, low + 2] * scale, edges) for low in (0, 1))
        box = (2 * down[:, :, None] * across[:, None, :] - 1) * SURE
        drawn = box if masks is None else torch.minimum(drawn, box)
    if points is not None and labels is not None:
        away = (edges + 0.5 - (points * scale)[..., None]).square()  # (N, K, 2, cells), squared, one axis at a time
        spots = torch.exp(-(away[:, :, 1, :, None] + away[:, :, 0, None, :]) / (2 * CLICK_RADIUS**2))
        signs = 2.0 * labels.float() - 1
        drawn = drawn + (2 * SURE * signs[..., None, None] * spots).sum(1)
    return drawn


def _covered(low: Tensor, high: Tensor, edges: Tensor) -> Tensor:
    """How much of each cell along one axis lies between `low` and `high`, (N, cells) in [0, 1]."""
    return (torch.minimum(high[:, None], edges + 1) - torch.maximum(low[:, None], edges)).clamp(0, 1)
