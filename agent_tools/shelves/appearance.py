"""What things look like, measured so that one picture of a product can be told in another.

A pattern of light and dark, its edges (a histogram of oriented gradients: Dalal and Triggs, CVPR 2005), colours, and
shape; each is compared on its own, and how much each counts is for `judging` to say. Everything is measured on the box,
without a model. This module does not know products or words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.likeness import Looks
from agent_tools.masks import Boxes

COMPARED = ("pattern", "edges", "histogram", "tint", "shading", "brightness", "shape")
"""What `compared` gives, in this order; the first three are the higher the liker, the others the lower."""
ALIKE = 3
"""How many of these grow with likeness."""
_SIDE, _CELLS, _TURNS = 24, 4, 8
"""Pixels of a side at which things are compared, cells of a side, and orientations of an edge."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Appearance:
    """What N things look like.

    Attributes:
        pattern: (N, 24, 24) float32, lightness about its mean, of length 1.
        edges: (N, 128) float32, square roots of how strong edges of each direction are in each cell, of length 1.
        grid: (N, 4, 4, 3) float32, mean CIE Lab of each cell, 8 bits a channel.
        histogram: (N, bins) float32; see `Looks`.
        shape: (N,) float32; see `Looks`.
        size: (N,) float32; see `Looks`.
    """

    pattern: Floats
    edges: Floats
    grid: Floats
    histogram: Floats
    shape: Floats
    size: Floats

    @classmethod
    def of(cls, array: NDArray[np.uint8], boxes: Boxes) -> Appearance:
        """What boxes (N, 4) xyxy of a picture (H, W, 3) uint8 RGB look like."""
        lab = np.array([_crop(array, box) for box in boxes.tolist()], np.float32).reshape(-1, _SIDE, _SIDE, 3)
        light = lab[..., 0]
        pattern = light - light.mean(axis=(1, 2), keepdims=True)
        pattern /= np.linalg.norm(pattern, axis=(1, 2), keepdims=True) + 1e-3
        cell = _SIDE // _CELLS
        grid = lab.reshape(len(lab), _CELLS, cell, _CELLS, cell, 3).mean(axis=(2, 4))
        edges = np.array([_edges(each) for each in light], np.float32).reshape(len(light), _CELLS * _CELLS * _TURNS)
        looks = Looks.of(array, boxes, np.zeros((len(boxes), 1), np.float32))
        return cls(pattern, edges, grid, looks.histograms, looks.shapes, looks.sizes)

    def only(self, rows: Sequence[int] | NDArray[np.int64]) -> Appearance:
        """Those of some things, in the order given."""
        chosen = np.asarray(rows, np.int64)
        return Appearance(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @classmethod
    def of_all(cls, parts: Sequence[Appearance]) -> Appearance:
        """Several as one; at least one."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


def compared(things: Appearance, examples: Appearance) -> Floats:
    """How N things differ from M examples, (N, M, 7) float32, in the order of `COMPARED`; mirrored ones are as good."""
    own, other, mirrored = (_flat(each) for each in (things.pattern, examples.pattern, examples.pattern[:, :, ::-1]))
    products = (
        np.maximum(own @ other.T, own @ mirrored.T),
        things.edges @ examples.edges.T,
        things.histogram @ examples.histogram.T,
    )
    return _measures(products, things.grid[:, None] - examples.grid[None], things.shape[:, None] - examples.shape[None])


def compared_in_pairs(things: Appearance, examples: Appearance) -> Floats:
    """How each of N things differs from its own example of as many, (N, 7) float32; see `compared`."""
    own, other, mirrored = (_flat(each) for each in (things.pattern, examples.pattern, examples.pattern[:, :, ::-1]))
    products = (
        np.maximum((own * other).sum(axis=1), (own * mirrored).sum(axis=1)),
        (things.edges * examples.edges).sum(axis=1),
        (things.histogram * examples.histogram).sum(axis=1),
    )
    return _measures(products, things.grid - examples.grid, things.shape - examples.shape)


def _flat(pattern: Floats) -> Floats:
    return pattern.reshape(len(pattern), _SIDE * _SIDE)


def _measures(products: tuple[Floats, Floats, Floats], grid: Floats, shape: Floats) -> Floats:
    """The measures from inner products (...), differences of cells (..., 4, 4, 3) and of shapes (...)."""
    darker = grid[..., 0].mean(axis=(-2, -1))
    return np.stack(
        [
            *products,
            np.sqrt((grid[..., 1:] ** 2).sum(axis=-1)).mean(axis=(-2, -1)) / 10,
            np.abs(grid[..., 0] - darker[..., None, None]).mean(axis=(-2, -1)) / 10,
            np.abs(darker) / 20,
            np.abs(shape),
        ],
        axis=-1,
    ).astype(np.float32)


def _crop(array: NDArray[np.uint8], box: Sequence[float]) -> NDArray[np.uint8]:
    """A box of a picture at 24 x 24, CIE Lab."""
    height, width = array.shape[:2]
    x0, y0 = min(max(0, round(box[0])), width - 1), min(max(0, round(box[1])), height - 1)
    part = array[y0 : max(y0 + 1, round(box[3])), x0 : max(x0 + 1, round(box[2]))]
    small = cv2.resize(part, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2LAB), np.uint8)


def _edges(light: Floats) -> Floats:
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(light, cv2.CV_32F, 0, 1, ksize=3)
    turn = (np.arctan2(down, across) % np.pi / np.pi * _TURNS).astype(np.intp) % _TURNS
    cell = np.arange(_SIDE) // (_SIDE // _CELLS)
    place = (cell[:, None] * _CELLS + cell[None, :]) * _TURNS + turn
    strength = np.bincount(place.ravel(), np.hypot(across, down).ravel(), _CELLS * _CELLS * _TURNS)
    return np.asarray(np.sqrt(strength) / (np.sqrt(strength.sum()) + 1e-3), np.float32)
