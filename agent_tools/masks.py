"""Masks, run-length encoded, with their algebra; and the geometry of boxes.

A mask is kept as COCO run-length encoding from the moment it exists: a 4K mask is kilobytes instead of megabytes, and
area, box, union and IoU work on the runs. Boxes are float32 ``(x0, y0, x1, y1)`` in pixels, origin top left, x1 and
y1 exclusive.

This module does not know pictures, phrases, models or handles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

from agent_tools.errors import ToolInputError, shorten

Boxes = NDArray[np.float32]
"""(N, 4) float32, xyxy in pixels."""


@dataclass(frozen=True, slots=True)
class Mask:
    """A binary mask of ``height`` x ``width`` pixels as COCO compressed run-length encoding (column-major runs)."""

    height: int
    width: int
    counts: bytes

    @classmethod
    def from_array(cls, array: NDArray[Any]) -> Mask:
        """Encode a mask.

        Args:
            array: (H, W), bool or anything where nonzero means inside.

        Raises:
            ToolInputError: the array does not have two axes, or one of them is empty.
        """
        if array.ndim != 2 or 0 in array.shape:
            raise ToolInputError(
                f"mask shape={array.shape} is not a mask: expected (H, W) with H, W >= 1. Pass one mask."
            )
        encoded = coco.encode(np.asfortranarray(array != 0, dtype=np.uint8))
        return cls(int(array.shape[0]), int(array.shape[1]), encoded["counts"])

    @classmethod
    def from_crop(cls, crop: NDArray[Any], left: int, top: int, height: int, width: int) -> Mask:
        """Encode a mask given only inside a window; what lies outside it costs nothing, however large the picture.

        Args:
            crop: (h, w), nonzero inside; placed with its top left pixel at (`left`, `top`).
            left: column of the window in the full mask, pixels.
            top: row of the window in the full mask, pixels.
            height: rows of the full mask.
            width: columns of the full mask.
        """
        padded = np.zeros((crop.shape[1], crop.shape[0] + 2), bool)
        padded[:, 1:-1] = crop.T
        flat = padded.ravel()
        changes = np.flatnonzero(flat[1:] != flat[:-1])  # down each column, starts and ends in turn
        column, row = np.divmod(changes, padded.shape[1])
        edges = (left + column) * height + top + row
        # A run that ends with its column and one that begins the next are one run.
        apart = np.flatnonzero(edges[1:-1:2] != edges[2::2])
        edges = np.concatenate([edges[:1], edges[1:-1].reshape(-1, 2)[apart].ravel(), edges[-1:]])
        runs = np.diff(edges, prepend=0, append=height * width).tolist()
        runs = runs[:-1] if runs[-1] == 0 else runs
        return cls._of(coco.frPyObjects({"size": [height, width], "counts": runs}, height, width))

    @classmethod
    def from_polygon(cls, points: Sequence[Sequence[float]], height: int, width: int) -> Mask:
        """Fill a polygon.

        Args:
            points: (K, 2) x, y in pixels, K >= 3.
            height: rows of the mask.
            width: columns of the mask.

        Raises:
            ToolInputError: fewer than three points.
        """
        if len(points) < 3:
            raise ToolInputError(f"polygon={shorten(points)} is not an area: expected 3 points or more. Add points.")
        flat = [float(value) for point in points for value in point]
        return cls._of(coco.merge(coco.frPyObjects([flat], height, width)))

    @classmethod
    def from_coco(cls, encoded: Mapping[str, Any]) -> Mask:
        """Read ``{"size": [h, w], "counts": str}``, checking every run before it is used.

        Raises:
            ToolInputError: the size or the runs do not describe one mask.
        """
        try:
            height, width = (int(side) for side in encoded["size"])
            counts = encoded["counts"]
            counts = counts.encode("ascii") if isinstance(counts, str) else bytes(memoryview(counts))
        except (KeyError, TypeError, ValueError) as error:
            raise ToolInputError(
                f"mask={shorten(encoded)} is not run-length encoded: expected {{'size': [h, w], 'counts': str}}. "
                "Pass COCO run-length encoding."
            ) from error
        if height < 1 or width < 1 or sum(_runs(counts).tolist()) != height * width:
            raise ToolInputError(
                f"mask size={[height, width]} does not match its counts: expected runs that fill it. Encode it again."
            )
        return cls(height, width, counts)

    @classmethod
    def _of(cls, encoded: Mapping[str, Any]) -> Mask:
        height, width = encoded["size"]
        return cls(int(height), int(width), encoded["counts"])

    def _coco(self) -> dict[str, Any]:
        return {"size": [self.height, self.width], "counts": self.counts}

    def to_coco(self) -> dict[str, Any]:
        """``{"size": [h, w], "counts": str}``, as COCO and ``ask --json`` write it."""
        return {"size": [self.height, self.width], "counts": self.counts.decode("ascii")}

    def to_array(self) -> NDArray[np.bool_]:
        """The dense mask, (H, W) bool."""
        runs = _runs(self.counts)  # pycocotools' own decode warns under NumPy 2
        inside = np.repeat(_alternating(len(runs)), runs)
        return np.ascontiguousarray(inside.reshape(self.width, self.height).T)

    def to_crop(self) -> tuple[NDArray[np.bool_], int, int]:
        """The mask inside its tight box, (h, w) bool, and the column and row of that box's top left pixel."""
        left, top, right, bottom = (int(value) for value in self.box)
        ends = np.cumsum(_runs(self.counts)).clip(left * self.height, right * self.height)
        ends[1:] -= ends[:-1].copy()
        ends[0] -= left * self.height
        inside = np.repeat(_alternating(len(ends)), ends)
        return np.ascontiguousarray(inside.reshape(right - left, self.height).T[top:bottom]), left, top

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(coco.area(self._coco()))

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The tight box, xyxy in pixels; all zero for an empty mask."""
        x, y, width, height = (float(value) for value in coco.toBbox(self._coco()))
        return (x, y, x + width, y + height)

    def shifted(self, dx: int, dy: int) -> Mask:
        """The mask moved by `dx` pixels to the right and `dy` down; what leaves the picture is lost."""
        crop, left, top = self.to_crop()
        left, top = left + dx, top + dy
        crop = crop[max(0, -top) : max(0, self.height - top), max(0, -left) : max(0, self.width - left)]
        if not crop.any():
            return Mask.from_array(np.zeros((self.height, self.width), bool))
        return Mask.from_crop(crop, max(0, left), max(0, top), self.height, self.width)

    def contains(self, x: float, y: float) -> bool:
        """Whether the pixel under (x, y) lies inside; False outside the picture."""
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < self.width and 0 <= row < self.height):
            return False
        wanted = column * self.height + row
        return bool(np.searchsorted(np.cumsum(_runs(self.counts)), wanted, side="right") % 2)

    def _same_size(self, other: Mask) -> None:
        if (self.height, self.width) != (other.height, other.width):
            raise ToolInputError(
                f"mask size={[other.height, other.width]} differs: expected {[self.height, self.width]}. "
                "Combine masks of one picture."
            )

    def __or__(self, other: Mask) -> Mask:
        self._same_size(other)
        return Mask._of(coco.merge([self._coco(), other._coco()]))

    def __and__(self, other: Mask) -> Mask:
        self._same_size(other)
        return Mask._of(coco.merge([self._coco(), other._coco()], intersect=True))

    def __sub__(self, other: Mask) -> Mask:
        self._same_size(other)
        return self & ~other

    def __invert__(self) -> Mask:
        runs = _runs(self.counts).tolist()
        runs = runs[1:] if runs and runs[0] == 0 else [0, *runs]
        return Mask._of(coco.frPyObjects({"size": [self.height, self.width], "counts": runs}, self.height, self.width))


def mask_areas(masks: Sequence[Mask]) -> NDArray[np.int64]:
    """(N,) int64: pixels inside each."""
    some = 200  # pycocotools fails on more than 255 under NumPy 2
    areas = [coco.area([mask._coco() for mask in masks[start : start + some]]) for start in range(0, len(masks), some)]
    return np.concatenate([np.zeros(0, np.int64), *areas]).astype(np.int64)


def mask_iou(a: Sequence[Mask], b: Sequence[Mask]) -> NDArray[np.float64]:
    """IoU of every mask of `a` with every mask of `b`, (len(a), len(b)) float64 in [0, 1]."""
    if not a or not b:
        return np.zeros((len(a), len(b)))
    for other in (*a, *b):
        a[0]._same_size(other)
    first, second = [m._coco() for m in a], [m._coco() for m in b]
    return np.asarray(coco.iou(first, second, [0] * len(second)), np.float64).reshape(len(a), len(b))


def union(masks: Iterable[Mask]) -> Mask:
    """The union of one mask or more, all of one size.

    Raises:
        ToolInputError: no masks, or masks of different sizes.
    """
    parts = list(masks)
    if not parts:
        raise ToolInputError("masks=[] is empty: expected one mask or more. Find or select something first.")
    for part in parts:
        parts[0]._same_size(part)
    return Mask._of(coco.merge([part._coco() for part in parts]))


_CHARACTERS = bytes(range(48, 112))
"""All that COCO's compressed counts are written in."""


def _alternating(number: int) -> NDArray[np.bool_]:
    """Outside, inside, outside, ...: what each run is."""
    inside = np.zeros(number, bool)
    inside[1::2] = True
    return inside


def _runs(counts: bytes) -> NDArray[np.int64]:
    """The run lengths, (R,) int64, of COCO's compressed counts (five bits a character, differences from the third)."""
    if counts.translate(None, _CHARACTERS):
        raise ToolInputError("mask counts hold a foreign character: expected COCO's. Encode the mask again.")
    characters = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(characters < 0x20)
    if not characters.size:
        return characters
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts + 1
    if not ends.size or ends[-1] != characters.size - 1 or lengths.max() > 9:
        raise ToolInputError("mask counts are cut off: expected whole runs. Encode the mask again.")
    places = 5 * (np.arange(characters.size) - np.repeat(starts, lengths))
    runs = np.add.reduceat((characters & 0x1F) << places, starts)
    runs -= np.where(characters[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    if runs.min() < 0:
        raise ToolInputError("mask counts hold a negative run: expected lengths. Encode the mask again.")
    return runs


def box_area(boxes: Boxes) -> NDArray[np.float32]:
    """Areas of (..., 4) boxes in square pixels, (...,) float32."""
    sides = np.clip(boxes[..., 2:] - boxes[..., :2], 0, None)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float32)


def box_intersection(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """Shared area of every box of `a` (N, 4) with every box of `b` (M, 4): (N, M) float32, square pixels."""
    across, down = (
        np.minimum(a[:, None, end], b[:, end]) - np.maximum(a[:, None, start], b[:, start])
        for start, end in ((0, 2), (1, 3))
    )
    return np.asarray(np.maximum(across, 0) * np.maximum(down, 0), np.float32)


def box_iou(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """IoU of every box of `a` (N, 4) with every box of `b` (M, 4): (N, M) float32 in [0, 1]."""
    return _iou(box_intersection(a, b), box_area(a), box_area(b))


def _iou(shared: NDArray[np.float32], a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """IoU from shared area (N, M) and the areas of both sides, (N,) and (M,)."""
    return np.asarray(shared / np.maximum(a[:, None] + b - shared, 1e-9), np.float32)


def suppress(
    boxes: Boxes, scores: NDArray[np.float32], iou: float, threshold: float | None = None
) -> NDArray[np.int64]:
    """Greedy non-maximum suppression: indices kept, best score first.

    Args:
        boxes: (N, 4) float32 xyxy pixels.
        scores: (N,) float32.
        iou: a box is dropped when its IoU with a better one is above this, in [0, 1].
        threshold: score where a hit begins; given, the boxes that merely enclose a group go too, see
            `enclosing_groups`. None: they stay.
    """
    order = np.argsort(-scores, kind="stable")
    area, shared = box_area(boxes)[order], box_intersection(boxes[order], boxes[order])
    worse = np.triu(_iou(shared, area, area) > iou, 1)
    alive = np.ones(len(boxes), bool)
    for place in np.flatnonzero(worse.any(1)):
        if alive[place]:
            alive &= ~worse[place]
    if threshold is not None:
        alive &= ~_groups(area, shared, alive, scores[order] >= threshold)
    return np.asarray(order[alive], np.int64)


MEMBERS, INSIDE, COVERED = 3, 0.85, 0.5
"""What makes a group: boxes inside it, the share of each that is inside, the share of it that they cover."""


def enclosing_groups(boxes: Boxes, hits: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Which boxes merely enclose several others ("one box round the whole group"), (N,) bool.

    A box counts as a group when at least `MEMBERS` clearly smaller boxes lie inside it and, together, they fill a good
    part of it: a basket with three oranges in one corner is not a group of oranges. Only hits make a group of a hit.

    Args:
        boxes: (N, 4) float32 xyxy pixels, all of one phrase, already suppressed.
        hits: (N,) bool, which of them are hits; None: all.
    """
    every = np.ones(len(boxes), bool)
    return _groups(box_area(boxes), box_intersection(boxes, boxes), every, every if hits is None else hits)


def _groups(
    area: NDArray[np.float32], shared: NDArray[np.float32], counted: NDArray[np.bool_], hits: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """`enclosing_groups` of the boxes that are `counted`, from areas (N,) and shared areas (N, N)."""
    return np.where(hits, _enclosing(area, shared, counted & hits), _enclosing(area, shared, counted))


def _enclosing(area: NDArray[np.float32], shared: NDArray[np.float32], counted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which of the boxes that are `counted` enclose a group of such."""
    if np.count_nonzero(counted) <= MEMBERS:
        return np.zeros(len(area), bool)
    inside = (area < 0.6 * area[:, None]) & (shared >= INSIDE * area) & counted & counted[:, None]
    many = inside.sum(1) >= MEMBERS
    return np.asarray(many & ((shared * inside).sum(1) >= COVERED * area), bool)
