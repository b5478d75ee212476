"""Moves the outline of a coarse mask to where the picture says that the thing ends.

A small model says where a thing is in cells that are several pixels wide. Two things that the picture tells sharpen
that: how well each colour fits inside and outside, as far as the mask is to be trusted (the colour models of GrabCut,
Rother et al. 2004, as histograms), and where the edges are (the guided filter, He, Sun and Tang 2010, "Guided Image
Filtering"). This module does not know models, prompts or masks at picture size.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

MARGIN = 0.15
"""Share of a thing's larger side that has to be seen round it: its ground has colours too."""
LEAST_MARGIN = 4
"""Pixels of that margin, at least."""
_LONGEST = 112
"""Pixels of the longer side that an outline is looked for at: finer than the cells that it comes from."""
_EVIDENCE, _MOST = 0.25, 3.0
"""What a colour's log-likelihood ratio counts beside a logit, and the largest one that is believed."""
_RARE = 2e-3
"""Share of the pixels below which a colour says nothing."""
_RADIUS, _SMOOTH = 3, 1e-3
"""Of the guided filter: pixels either side, and the variance of colours in [0, 1] above which an edge is kept."""
_DROPPED_BITS = np.array([5, 4, 4], np.uint8)
"""Of lightness and the two colour axes of CIE Lab, 8 bits each: what is left makes the bins of a histogram."""


def snapped(logits: Floats, pixels: NDArray[np.uint8]) -> Floats:
    """The mask of one thing with its outline at the picture's own edges.

    Args:
        logits: (h, w) float32, positive inside; at least `MARGIN` of ground round the thing where there is any.
        pixels: (h, w, 3) uint8 RGB, the same part of the picture.

    Returns:
        (h, w) float32, positive inside.
    """
    height, width = logits.shape
    scale = min(1.0, _LONGEST / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        logits = np.asarray(cv2.resize(logits, size, interpolation=cv2.INTER_AREA), np.float32)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    inside = _chance(logits + _EVIDENCE * _colour_evidence(pixels, _chance(logits)))
    level = _guided(inside, np.asarray(pixels / 255, np.float32)) - np.float32(0.5)
    return level if scale == 1 else np.asarray(cv2.resize(level, (width, height)), np.float32)


def _chance(logits: Floats) -> Floats:
    """How likely each pixel is inside; steeper than the logistic, so that the unsure rim alone is open."""
    return np.asarray(1 / (1 + np.exp(-2 * np.clip(logits, -10, 10))), np.float32)


def _colour_evidence(pixels: NDArray[np.uint8], inside: Floats) -> Floats:
    """(h, w) float32 log-likelihood ratio of each pixel's colour inside against outside, at most `_MOST` either way."""
    lab = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2LAB) >> _DROPPED_BITS
    colour = (lab[..., 0].astype(np.intp) << 8) + (lab[..., 1].astype(np.intp) << 4) + lab[..., 2]
    shares = []
    for weight in (inside, 1 - inside):
        seen = np.bincount(colour.ravel(), weights=weight.ravel(), minlength=8 * 16 * 16).astype(np.float32)
        near = cv2.GaussianBlur(seen.reshape(-1, 16), (3, 3), 0.7).ravel()
        shares.append(near / max(float(near.sum()), 1e-6) + _RARE)
    return np.asarray(np.log(shares[0] / shares[1]).clip(-_MOST, _MOST)[colour], np.float32)


def _guided(values: Floats, guide: Floats) -> Floats:
    """(h, w) values smoothed as the colours of (h, w, 3) `guide`, in [0, 1], are: the filter's colour form."""
    r, g, b = (np.ascontiguousarray(guide[..., channel]) for channel in range(3))
    mean, mean_r, mean_g, mean_b = (_boxed(plane) for plane in (values, r, g, b))
    x, y, z = (_boxed(some * values) - own * mean for some, own in ((r, mean_r), (g, mean_g), (b, mean_b)))
    rr, gg, bb = (_boxed(some * some) - own * own + _SMOOTH for some, own in ((r, mean_r), (g, mean_g), (b, mean_b)))
    rg, gb, br = _boxed(r * g) - mean_r * mean_g, _boxed(g * b) - mean_g * mean_b, _boxed(b * r) - mean_b * mean_r
    # The inverse of a symmetric 3 x 3 matrix a pixel, written out: many times faster than solving each.
    xx, xy, xz = gg * bb - gb * gb, br * gb - rg * bb, rg * gb - br * gg
    yy, yz, zz = rr * bb - br * br, rg * br - rr * gb, rr * gg - rg * rg
    determinant = rr * xx + rg * xy + br * xz
    slope_r = (xx * x + xy * y + xz * z) / determinant
    slope_g = (xy * x + yy * y + yz * z) / determinant
    slope_b = (xz * x + yz * y + zz * z) / determinant
    offset = mean - slope_r * mean_r - slope_g * mean_g - slope_b * mean_b
    return np.asarray(_boxed(slope_r) * r + _boxed(slope_g) * g + _boxed(slope_b) * b + _boxed(offset), np.float32)


def _boxed(values: Floats) -> Floats:
    """Means over a square round each pixel."""
    side = 2 * _RADIUS + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
