"""Prompts drawn from true masks: boxes as a detector gives them, clicks as a person makes them.

The correction clicks follow Segment Anything (Kirillov et al. 2023, appendix A, "Training algorithm"): the
next click is drawn from the region where the last prediction was wrong and carries the label that is true
there. The centred variant is the one interactive segmentation is usually measured with (Sofiiuk et al. 2021,
"Reviving Iterative Training with Mask Guidance"): the point of the wrong region farthest from its edge.

This module does not know: any model, any picture, where masks come from.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


class Click(NamedTuple):
    """One click: `x`, `y` in pixels (origin top left, pixel centres on integers), `label` 1 include, 0 exclude."""

    x: float
    y: float
    label: int


def tight_box(mask: Mask) -> npt.NDArray[np.float32]:
    """Returns the box around a mask.

    Args:
        mask: (H, W) bool, at least one pixel set.

    Returns:
        (4,) float32, x0 y0 x1 y1 in pixels; x1 and y1 lie one past the last pixel.

    Raises:
        ValueError: the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if rows.size == 0:
        raise ValueError("mask=<empty> has no box: expected at least one pixel set. Drop empty masks first.")
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)


def jittered_box(
    box: npt.NDArray[np.float32],
    rng: np.random.Generator,
    *,
    spread: float = 0.05,
    limit: float = 0.15,
    bounds: tuple[int, int] | None = None,
) -> npt.NDArray[np.float32]:
    """Moves each side of a box by a normal draw, as a detector's boxes are off.

    Args:
        box: (4,) float32, x0 y0 x1 y1 in pixels.
        rng: where the draws come from.
        spread: standard deviation, as a fraction of the box's width or height.
        limit: the largest move, as the same fraction.
        bounds: (height, width) the box is clipped to, in pixels; None leaves it.

    Returns:
        (4,) float32, x0 y0 x1 y1 in pixels.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    moves = np.clip(rng.normal(0.0, spread, 4), -limit, limit) * (width, height, width, height)
    moved = box + moves
    if bounds is not None:
        moved = np.clip(moved, 0, (bounds[1], bounds[0], bounds[1], bounds[0]))
    return np.asarray(moved, dtype=np.float32)


def _deepest(region: Mask) -> tuple[int, int, float]:
    """Returns x, y and depth (pixels) of the pixel farthest from a region's edge; the picture's edge counts."""
    padded = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y), float(depth[y, x])


def _anywhere(region: Mask, rng: np.random.Generator) -> tuple[int, int]:
    """Returns x, y of a pixel of the region, each as likely as the next."""
    chosen = rng.choice(np.flatnonzero(region))
    return int(chosen % region.shape[1]), int(chosen // region.shape[1])


def first_click(truth: Mask, rng: np.random.Generator | None = None) -> Click:
    """Clicks on an object.

    Args:
        truth: (H, W) bool, the object, at least one pixel set.
        rng: draws any pixel of the object; None takes the one farthest from its edge.

    Returns:
        A click inside the object, label 1.

    Raises:
        ValueError: the mask is empty.
    """
    if not truth.any():
        raise ValueError("truth=<empty> cannot be clicked: expected at least one pixel set. Drop empty masks first.")
    x, y = _deepest(truth)[:2] if rng is None else _anywhere(truth, rng)
    return Click(x, y, 1)


def correction_click(predicted: Mask, truth: Mask, rng: np.random.Generator | None = None) -> Click:
    """Clicks where a prediction is wrong: include what it missed or exclude what it took too much.

    Args:
        predicted: (H, W) bool.
        truth: (H, W) bool, at least one pixel set.
        rng: draws any wrong pixel; None takes the one deepest inside a missed or a surplus region.

    Returns:
        A click in the wrong region, labelled as the truth is there. Where nothing is wrong, a click on the
        object as `first_click` makes it.
    """
    wrong = predicted ^ truth
    if not wrong.any():
        return first_click(truth, rng)
    if rng is not None:
        x, y = _anywhere(wrong, rng)
    else:
        missed, surplus = _deepest(truth & ~predicted), _deepest(predicted & ~truth)
        x, y = (missed if missed[2] >= surplus[2] else surplus)[:2]
    return Click(x, y, int(truth[y, x]))
