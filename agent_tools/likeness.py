"""How likely proposals are to be of one kind with examples: what they look like to the model, colours, size, certainty.

Each is measured on the pictures; how much it counts comes from the detector (`LikenessSettings`), so that
the sum's logistic is a chance. Of several examples the likest decides. This module does not know handles or tools.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, box_area, box_iou, suppress
from agent_tools.services.base import Proposals
from agent_tools.services.checkpoints import LikenessSettings

MEASURED = ("features", "colour", "size", "score", "histogram", "shape")
"""What is measured, by the names of its weights in `LikenessSettings`."""
_CENTRE = 0.6
"""Part of each side of a box whose pixels make its colour."""
_LIGHTNESS = 0.4
"""What a difference of lightness counts beside one of colour: shade changes it."""
_LIGHTNESSES, _TINTS = 6, 10
"""Bins of a histogram along lightness, and along each of the two colour axes."""
_TWICE = 0.5
"""IoU from which two proposals are one thing."""
_ELSEWHERE = 0.25
"""Difference of size that is taken for the usual one between pictures, where sizes cannot be compared."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What things look like.

    Attributes:
        features: (N, D) float32, rows of length 1; see `Proposals`.
        colours: (N, 3) float32 mean CIE Lab of the middles, 8 bits a channel, lightness weighted.
        sizes: (N,) float32 logarithm of the side of a square of the box's area, pixels.
        histograms: (N, bins) float32, rows of length 1: square roots of the share of each CIE Lab colour in the middle.
        shapes: (N,) float32 logarithm of width over height.
    """

    features: NDArray[np.float32]
    colours: NDArray[np.float32]
    sizes: NDArray[np.float32]
    histograms: NDArray[np.float32]
    shapes: NDArray[np.float32]

    @classmethod
    def of(cls, array: NDArray[np.uint8], boxes: Boxes, features: NDArray[np.float32]) -> Looks:
        """The looks of boxes (N, 4) on a picture's (H, W, 3) uint8 RGB array; `features` are (N, D)."""
        sizes = np.log(np.maximum(box_area(boxes), 1.0)) / 2
        sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
        shapes = np.log(sides[:, 0] / sides[:, 1])
        colours, histograms = _colours(array, boxes)
        return cls(features, colours, sizes.astype(np.float32), histograms, shapes.astype(np.float32))

    @classmethod
    def of_examples(cls, array: NDArray[np.uint8], boxes: Boxes, proposed: Proposals) -> Looks:
        """The looks of boxes that may not be proposals: each has the features of the one it overlaps most."""
        if not len(proposed.scores):
            return cls.of(array, boxes, np.zeros((len(boxes), proposed.features.shape[1]), np.float32))
        return cls.of(array, boxes, proposed.features[box_iou(boxes, proposed.boxes).argmax(axis=1)])


def distinct(proposed: Proposals) -> Proposals:
    """Each thing once: of proposals that overlap, the one that the model is surest of."""
    kept = suppress(proposed.boxes, proposed.scores, _TWICE)
    return Proposals(proposed.boxes[kept], proposed.scores[kept], proposed.features[kept])


def alike(
    proposed: Looks,
    scores: NDArray[np.float32],
    examples: Looks,
    settings: LikenessSettings,
    same_picture: bool = True,
) -> NDArray[np.float64]:
    """The chance of each proposal to be a whole thing of the examples' kind, (N,) float64 in [0, 1].

    Args:
        proposed: N of them.
        scores: (N,) float32, their own.
        examples: K >= 1 of them.
        settings: what each difference counts.
        same_picture: whether sizes can be compared.
    """
    weights = np.array([getattr(settings, name) for name in MEASURED])
    odds = settings.bias + differences(proposed, scores, examples, same_picture) @ weights
    return np.asarray(1 / (1 + np.exp(-odds.max(axis=1))), np.float64)


def differences(
    proposed: Looks, scores: NDArray[np.float32], examples: Looks, same_picture: bool = True
) -> NDArray[np.float64]:
    """What the chance is made from, (N, K, 6) float64, in the order of `MEASURED`; arguments as for `alike`.

    The inner product of the features, the distance of the mean colours, that of the sizes, the log-odds of the score,
    the inner product of the histograms, and the distance of the shapes.
    """
    certain = np.clip(scores.astype(np.float64), 1e-4, 1 - 1e-4)
    shape = (len(scores), len(examples.sizes))
    size = np.abs(proposed.sizes[:, None] - examples.sizes[None]) if same_picture else np.full(shape, _ELSEWHERE)
    return np.stack(
        [
            np.asarray(proposed.features @ examples.features.T, np.float64),
            np.linalg.norm(proposed.colours[:, None] - examples.colours[None], axis=2),
            size,
            np.broadcast_to(np.log(certain / (1 - certain))[:, None], shape),
            np.asarray(proposed.histograms @ examples.histograms.T, np.float64),
            np.abs(proposed.shapes[:, None] - examples.shapes[None]),
        ],
        axis=2,
    )


def _colours(array: NDArray[np.uint8], boxes: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean colour, (N, 3) float32, and histogram, (N, bins) float32, of the middle of each box; see `Looks`."""
    import cv2

    height, width = array.shape[:2]
    means = np.zeros((len(boxes), 3), np.float32)
    histograms = np.zeros((len(boxes), _LIGHTNESSES * _TINTS**2), np.float32)
    for row, (x0, y0, x1, y1) in enumerate(boxes.tolist()):
        across, down = (1 - _CENTRE) / 2 * (x1 - x0), (1 - _CENTRE) / 2 * (y1 - y0)
        left, top = min(max(0, int(x0 + across)), width - 1), min(max(0, int(y0 + down)), height - 1)
        right, bottom = max(left + 1, int(x1 - across) + 1), max(top + 1, int(y1 - down) + 1)
        part = np.ascontiguousarray(array[top:bottom, left:right])
        lab = cv2.cvtColor(part, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(np.intp)
        means[row] = lab.mean(axis=0)
        bins = lab * (_LIGHTNESSES, _TINTS, _TINTS) // 256
        places = np.ravel_multi_index(tuple(bins.T), (_LIGHTNESSES, _TINTS, _TINTS))
        seen = np.bincount(places, minlength=histograms.shape[1]).astype(np.float32)
        # Neighbouring tints share what they have: a shade more or less is no other colour.
        near = [cv2.GaussianBlur(each, (3, 3), 0.7) for each in seen.reshape(_LIGHTNESSES, _TINTS, _TINTS)]
        histograms[row] = np.sqrt(np.concatenate(near).ravel() / max(float(np.sum(near)), 1e-6))
    return means * np.array([_LIGHTNESS, 1.0, 1.0], np.float32), histograms
