"""Assignments and losses for the detector: a dense one on proposals, a one-to-one one on queries.

Boxes are centre x, centre y, width, height as fractions of the picture. Written per picture, so pictures
of a batch may ask for different phrases. Knows no tokenizer and no scene.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from scipy.optimize import linear_sum_assignment
from torch import Tensor


@dataclass(frozen=True)
class Targets:
    """What a batch should find, padded to the most things in a picture.

    Attributes:
        boxes: (B, M, 4) float32.
        marks: (B, M, T) float32, 1 on the tokens or classes that a thing answers.
        valid: (B, M) bool, false on padding.
    """

    boxes: Tensor
    marks: Tensor
    valid: Tensor

    @property
    def number(self) -> float:
        """Things in the batch, at least 1."""
        return max(1.0, float(self.valid.sum()))


def corners(boxes: Tensor) -> Tensor:
    """Centre form (..., 4) to x0, y0, x1, y1."""
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    return torch.cat([middle - half, middle + half], -1)


def generalised_iou(first: Tensor, second: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al. 2019) of boxes in centre form, broadcast over leading axes."""
    a, b = corners(first), corners(second)
    size = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0)
    shared = size[..., 0] * size[..., 1]
    both = first[..., 2] * first[..., 3] + second[..., 2] * second[..., 3] - shared
    hull_size = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    hull = hull_size[..., 0] * hull_size[..., 1]
    return shared / both.clamp(min=1e-7) - (hull - both) / hull.clamp(min=1e-7)


def focal(logits: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Focal loss (Lin et al. 2017), not reduced; every argument the same shape."""
    loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    probability = logits.sigmoid()
    wrong = probability + targets - 2 * probability * targets
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return weight * wrong**gamma * loss


@torch.no_grad()
def assign_dense(boxes: Tensor, anchors: Tensor, targets: Tensor, valid: Tensor, best: int) -> Tensor:
    """Gives each thing its `best` proposals by GIoU and closeness to its centre.

    Args:
        boxes: (B, N, 4) what each proposal predicts.
        anchors: (N, 2) centres of the proposals' cells.
        targets: (B, M, 4) things.
        valid: (B, M) which of them are not padding.
        best: Proposals a thing.

    Returns:
        (B, N) int64, index of the thing of each proposal, -1 for none.
    """
    distance = (anchors[None, None] - targets[:, :, None, :2]).abs() / targets[:, :, None, 2:].clamp(min=1e-4)
    offset = distance.amax(-1)
    cost = 1.0 - generalised_iou(boxes[:, None], targets[:, :, None]) + 2.0 * offset
    cost = cost.masked_fill(~valid[..., None], torch.inf)
    nearest = cost.topk(min(best, cost.shape[-1]), dim=-1, largest=False).indices
    chosen = torch.zeros_like(cost, dtype=torch.bool).scatter_(-1, nearest, True) & valid[..., None]
    cost = cost.masked_fill(~chosen, torch.inf)
    lowest, owner = cost.min(1)
    return torch.where(torch.isfinite(lowest), owner, torch.full_like(owner, -1))


def dense_loss(
    logits: Tensor, boxes: Tensor, anchors: Tensor, targets: Targets, tokens: Tensor, best: int
) -> dict[str, Tensor]:
    """Focal, L1 and GIoU loss of dense proposals.

    Args:
        logits: (B, N, T).
        boxes: (B, N, 4).
        anchors: (N, 2).
        targets: The things.
        tokens: (B, T) bool, logits that count.
        best: Proposals a thing is given.
    """
    owner = assign_dense(boxes.detach(), anchors, targets.boxes, targets.valid, best)
    positive = owner >= 0
    index = owner.clamp(min=0)
    marks = torch.gather(targets.marks, 1, index[..., None].expand(-1, -1, targets.marks.shape[-1]))
    marks = marks * positive[..., None]
    number = max(1.0, float(positive.sum()))
    wanted = torch.gather(targets.boxes, 1, index[..., None].expand(-1, -1, 4))[positive]
    predicted = boxes[positive]
    scores = (focal(logits.masked_fill(~tokens[:, None], 0.0), marks) * tokens[:, None]).sum()
    return {
        "class": scores / number,
        "l1": F.l1_loss(predicted, wanted, reduction="sum") / number,
        "giou": (1.0 - generalised_iou(predicted, wanted)).sum() / number,
    }


@torch.no_grad()
def match(logits: Tensor, boxes: Tensor, targets: Targets, tokens: Tensor) -> list[tuple[Tensor, Tensor]]:
    """One query a thing, the cheapest way overall (Carion et al. 2020), picture by picture."""
    probability = logits.masked_fill(~tokens[:, None], -50.0).sigmoid()
    marks = targets.marks / targets.marks.sum(-1, keepdim=True).clamp(min=1.0)
    right = -0.25 * (1 - probability) ** 2 * probability.clamp(min=1e-8).log()
    wrong = -0.75 * probability**2 * (1 - probability).clamp(min=1e-8).log()
    score = torch.einsum("bqt,bmt->bqm", right - wrong, marks)
    length = (boxes[:, :, None] - targets.boxes[:, None]).abs().sum(-1)
    overlap = generalised_iou(boxes[:, :, None], targets.boxes[:, None])
    cost = (2.0 * score + 5.0 * length - 2.0 * overlap).cpu().numpy()
    pairs = []
    for row, valid in zip(cost, targets.valid.cpu().numpy(), strict=True):
        queries, things = linear_sum_assignment(row[:, : int(valid.sum())])
        pairs.append((torch.from_numpy(queries.astype(np.int64)), torch.from_numpy(things.astype(np.int64))))
    return pairs


def set_loss(logits: Tensor, boxes: Tensor, targets: Targets, tokens: Tensor) -> dict[str, Tensor]:
    """Focal, L1 and GIoU loss of queries (B, Q, T) and (B, Q, 4), each thing owned by one query."""
    pairs = match(logits, boxes, targets, tokens)
    device = logits.device
    rows = torch.cat([torch.full_like(queries, row) for row, (queries, _) in enumerate(pairs)]).to(device)
    queries = torch.cat([queries for queries, _ in pairs]).to(device)
    things = torch.cat([things for _, things in pairs]).to(device)
    marks = torch.zeros_like(logits)
    marks[rows, queries] = targets.marks[rows, things]
    predicted, wanted = boxes[rows, queries], targets.boxes[rows, things]
    scores = (focal(logits.masked_fill(~tokens[:, None], 0.0), marks) * tokens[:, None]).sum()
    return {
        "class": scores / targets.number,
        "l1": F.l1_loss(predicted, wanted, reduction="sum") / targets.number,
        "giou": (1.0 - generalised_iou(predicted, wanted)).sum() / targets.number,
    }


def total(parts: dict[str, Tensor]) -> Tensor:
    """The weighted sum: class 1 (2 after normalising by things), L1 5, GIoU 2, as in Grounding DINO."""
    return 2.0 * parts["class"] + 5.0 * parts["l1"] + 2.0 * parts["giou"]
