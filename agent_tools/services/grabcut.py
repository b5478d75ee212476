"""GrabCut behind the Segmenter protocol: masks from colours and edges alone, without weights.

Method and file of origin: Rother, Kolmogorov and Blake 2004, "GrabCut: Interactive Foreground Extraction using Iterated
Graph Cuts", as ``cv2.grabCut`` does it: two mixtures of colours, the thing's and its surroundings', learnt in turn with
the cut between them. What is ours is where it starts. From a bare box the cut often shrinks to nothing, so the middle
of the box is given as certain, and more of it until the mask is as large as its box says (the tightness prior of
Lempitsky et al. 2009, "Image Segmentation with a Bounding Box Prior"). All work is done on a small copy of what lies
round the prompt, so that a mask takes as long on a large picture as on a small one, and large outlines are coarse.

This module does not know torch, phrases, handles or what anything is: a thing of several colours, or of the colour of
what lies behind it, is cut wrongly. Nothing is remembered of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ServiceError
from agent_tools.masks import Mask
from agent_tools.pictures import Picture
from agent_tools.services.base import Prompt, SegmentRequest, Segments

Floats = NDArray[np.float64]
Seeds = NDArray[np.uint8]
"""(h, w) uint8 of cv2.GC_BGD, GC_FGD (certain), GC_PR_BGD and GC_PR_FGD (to be decided); odd is foreground."""

LONGEST_SIDE, LEAST_SIDE = 96, 64
"""Longest side of the small copy, pixels: larger windows are shrunk to the first, smaller ones grown to the second."""
ITERATIONS = 5
"""Times the colours are learnt and the cut is made again."""
CERTAIN = (0.3, 0.7, 0.85)
"""Size of the ellipse given as certain, as a share of the box's sides; the next is tried where a mask is not tight."""
TIGHT = 0.8
"""IoU of a mask's own box with the box asked for from which the mask is tight."""
EXTENTS = (1 / 16, 1 / 6, 2 / 5)
"""How far a thing may reach from the points on it, as shares of the picture's shorter side, where no box says it."""
STABILITY_OFFSET = 1.0
"""Log-odds above and below the cut, as for Segment Anything."""
_MARGIN, _LEAST_MARGIN = 0.25, 4
"""Surroundings to learn from: share of the region's sides, and pixels."""
_SEED_RADIUS = 0.03
"""Radius of a point's disc, as a share of the small copy's longer side."""
_REACH = 0.15
"""How far from a point things are taken to go with it at first, as a share of the small copy's longer side."""
_SPECK = 0.1
"""Pieces smaller than this share of the largest are dropped."""
_RNG = Lock()
"""OpenCV's mixtures start from its one generator of random numbers."""


@dataclass(frozen=True, slots=True)
class _Region:
    """Where a thing may lie, and the small copy of that and a margin round it.

    Attributes:
        picture: what it is a region of.
        box: (4,) float64 xyxy of the region, pixels of the picture, inside it.
        window: left, top, right, bottom of the copied part, whole pixels of the picture.
        pixels: (h, w, 3) uint8 RGB, the small copy.
    """

    picture: Picture
    box: Floats
    window: tuple[int, int, int, int]
    pixels: NDArray[np.uint8]

    @classmethod
    def around(cls, picture: Picture, box: Floats) -> _Region:
        """The region of a box, which is clipped to the picture and made a pixel wide at least."""
        size = np.array([picture.width, picture.height], np.float64)
        low = np.clip(box[:2], 0, size - 1)
        high = np.clip(box[2:], low + 1, size)
        margin = np.maximum(_MARGIN * (high - low), _LEAST_MARGIN)
        left, top = (int(side) for side in np.floor(np.maximum(low - margin, 0)))
        right, bottom = (int(side) for side in np.ceil(np.minimum(high + margin, size)))
        part = picture.array[top:bottom, left:right]
        longest = max(part.shape[:2])
        scale = min(LONGEST_SIDE / longest, max(1.0, LEAST_SIDE / longest))
        width, height = (max(1, round(side * scale)) for side in (right - left, bottom - top))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=how), np.uint8)
        return cls(picture, np.concatenate([low, high]), (left, top, right, bottom), pixels)

    def to_copy(self, coordinates: Floats) -> Floats:
        """(..., 2) x, y in pixels of the picture → pixels of the copy."""
        left, top, right, bottom = self.window
        height, width = self.pixels.shape[:2]
        return np.asarray((coordinates - (left, top)) * (width / (right - left), height / (bottom - top)), np.float64)

    def shrink(self, mask: Mask) -> NDArray[np.bool_]:
        """A mask at picture size → (h, w) bool in the copy."""
        left, top, right, bottom = self.window
        height, width = self.pixels.shape[:2]
        part = mask.to_array()[top:bottom, left:right].view(np.uint8) * np.uint8(255)
        small = cv2.resize(np.ascontiguousarray(part), (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small.reshape(height, width) > 127)

    def enlarge(self, mask: NDArray[np.bool_]) -> Mask:
        """(h, w) bool in the copy → a mask at picture size."""
        left, top, right, bottom = self.window
        size = (right - left, bottom - top)
        large = cv2.resize(mask.astype(np.uint8) * np.uint8(255), size, interpolation=cv2.INTER_LINEAR)
        magnified = size[0] / mask.shape[1]
        if magnified > 1:  # the steps of the copy's pixels are no outline
            large = cv2.GaussianBlur(large, (0, 0), magnified / 2)
        inside = large.reshape(size[1], size[0]) > 127
        return Mask.from_crop(inside, left, top, self.picture.height, self.picture.width)

    def radius(self) -> Floats:
        """(h, w) distance from the middle of the region; 1 on the ellipse that touches its sides, pixels' centres."""
        x0, y0, x1, y1 = self.to_copy(self.box.reshape(2, 2)).ravel()
        height, width = self.pixels.shape[:2]
        across = (np.arange(width) + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2)
        down = (np.arange(height) + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2)
        return np.asarray(np.hypot(across[None, :], down[:, None]), np.float64)

    def inside(self) -> NDArray[np.bool_]:
        """(h, w) bool: the pixels of the copy that the region covers, one at least."""
        x0, y0, x1, y1 = self.to_copy(self.box.reshape(2, 2)).ravel()
        height, width = self.pixels.shape[:2]
        covered = np.zeros((height, width), bool)
        left, top = min(round(x0), width - 1), min(round(y0), height - 1)
        covered[top : max(round(y1), top + 1), left : max(round(x1), left + 1)] = True
        return covered


@dataclass(frozen=True, slots=True)
class _Cut:
    """What came of one start.

    Attributes:
        region: where it was looked for.
        mask: (h, w) bool in the region's copy.
        predicted_iou: expected IoU, in [0, 1].
        stability: in [0, 1].
    """

    region: _Region
    mask: NDArray[np.bool_]
    predicted_iou: float
    stability: float


class GrabCut:
    """A segmenter that takes points, boxes, masks and mixes of them, for pictures that no model at hand knows.

    A single point inside a thing and nothing else gets three candidates, one for each of `EXTENTS`; anything more gets
    one. Prompts that say only where the thing is not get an empty mask.

    predicted_iou is the IoU to be expected if each pixel were the thing's with the chance that the two mixtures of
    colours give it: the sum of chances inside the mask, by the mask's area plus the sum of chances in what else was to
    be decided. stability compares, as for Segment Anything, what stays in when the chance needed is a little higher
    with what comes in when it is a little lower. Both say how well colours tell the thing from its surroundings, not
    whether it is the thing that was meant. The same prompt always gets the same answer.
    """

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """One list of Segments a request, one Segments a prompt, in order; see `Segmenter.segment`.

        Raises:
            ServiceError: a prompt's mask is not of its picture's size.
        """
        return [[_answer(request.picture, prompt) for prompt in request.prompts] for request in requests]


def _answer(picture: Picture, prompt: Prompt) -> Segments:
    if prompt.mask is not None and (prompt.mask.width, prompt.mask.height) != (picture.width, picture.height):
        raise ServiceError(
            f"prompt mask size={[prompt.mask.height, prompt.mask.width]} differs from the picture: "
            f"expected {[picture.height, picture.width]}. Pass a mask of this picture."
        )
    cuts = [_best_cut(_Region.around(picture, box), prompt) for box in _boxes(picture, prompt)]
    if not cuts:
        empty = Mask.from_crop(np.zeros((0, 0)), 0, 0, picture.height, picture.width)
        return Segments([empty], np.zeros(1, np.float32), np.zeros(1, np.float32))
    cuts.sort(key=lambda cut: -cut.predicted_iou)
    lone = prompt.points is not None and len(prompt.points) == 1 and prompt.box is None and prompt.mask is None
    cuts = cuts if lone else cuts[:1]
    return Segments(
        masks=[cut.region.enlarge(cut.mask) for cut in cuts],
        predicted_iou=np.array([cut.predicted_iou for cut in cuts], np.float32),
        stability=np.array([cut.stability for cut in cuts], np.float32),
    )


def _boxes(picture: Picture, prompt: Prompt) -> list[Floats]:
    """Where the thing may lie, xyxy in pixels of the picture: one box, one for each of `EXTENTS`, or none."""
    if prompt.box is not None:
        return [prompt.box.astype(np.float64)]
    on_it = _points(prompt, label=1)
    if prompt.mask is not None and prompt.mask.area:
        box = np.array(prompt.mask.box, np.float64)
        grow = np.maximum(_MARGIN * (box[2:] - box[:2]), _LEAST_MARGIN)
        corners = np.concatenate([on_it, [box[:2] - grow, box[2:] + grow]])
        return [np.concatenate([corners.min(axis=0), corners.max(axis=0)])]
    if not len(on_it):
        return []
    shorter = min(picture.width, picture.height)
    low, high = on_it.min(axis=0), on_it.max(axis=0)
    return [np.concatenate([low - share * shorter, high + share * shorter]) for share in EXTENTS]


def _points(prompt: Prompt, label: int) -> Floats:
    """The points of one label, (K, 2) float64 x, y in pixels of the picture."""
    if prompt.points is None or prompt.labels is None:
        return np.zeros((0, 2))
    return np.asarray(prompt.points[prompt.labels == label], np.float64)


def _best_cut(region: _Region, prompt: Prompt) -> _Cut:
    """The first tight cut, or the tightest; only a box without an earlier mask can ask for more than one."""
    on_it = _points(prompt, label=1)
    sizes: tuple[float, ...] = CERTAIN
    if prompt.mask is not None or prompt.box is None:
        sizes = CERTAIN[-1:]
    elif len(on_it):  # the points are certain: the middle of the box need not be the thing
        sizes = (0.0, *CERTAIN)
    best: _Cut | None = None
    best_fit = -1.0
    for size in sizes:
        cut = _cut(region, _start(region, prompt, size), on_it)
        fit = _tightness(region, cut.mask)
        if fit > best_fit:
            best, best_fit = cut, fit
        if fit >= TIGHT:
            break
    assert best is not None  # `sizes` is never empty
    return best


def _start(region: _Region, prompt: Prompt, certain: float) -> Seeds:
    """What is certain and what is to be decided, before the first cut.

    Args:
        region: what is cut.
        prompt: what is asked.
        certain: size of what is given as the thing's, as a share of the box's sides or of the depth of an earlier mask.
    """
    inside, radius = region.inside(), region.radius()
    seeds = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    seeds[inside] = cv2.GC_PR_BGD
    near = _near(region, _points(prompt, label=0))
    if prompt.mask is not None and prompt.mask.area:
        earlier = region.shrink(prompt.mask) & inside
        depth = cv2.distanceTransform(np.pad(earlier, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
        seeds[earlier | (inside & _near(region, _points(prompt, label=1)))] = cv2.GC_PR_FGD
        seeds[earlier & ~near & (depth > (1 - certain) * depth.max())] = cv2.GC_FGD
    elif prompt.box is not None:
        seeds[inside] = cv2.GC_PR_FGD
        seeds[inside & ~near & (radius <= certain)] = cv2.GC_FGD
    else:
        seeds[inside & (radius <= 0.5)] = cv2.GC_PR_FGD
    seeds[near & (seeds == cv2.GC_PR_FGD)] = cv2.GC_PR_BGD
    if (seeds % 2).all():  # the region is the whole picture: its corners are the likeliest surroundings
        seeds[radius > 1] = cv2.GC_PR_BGD
    disc = max(1, round(_SEED_RADIUS * max(inside.shape)))
    for label, kind in ((1, cv2.GC_FGD), (0, cv2.GC_BGD)):
        for x, y in region.to_copy(_points(prompt, label)):
            cv2.circle(seeds, (int(x), int(y)), disc, kind, -1)
    return seeds


def _near(region: _Region, points: Floats) -> NDArray[np.bool_]:
    """(h, w) bool: what lies near one of the points, (K, 2) in pixels of the picture."""
    near = np.zeros(region.pixels.shape[:2], np.uint8)
    for x, y in region.to_copy(points):
        cv2.circle(near, (int(x), int(y)), round(_REACH * max(near.shape)), 1, -1)
    return near > 0


def _cut(region: _Region, start: Seeds, on_it: Floats) -> _Cut:
    """Cut, drop the pieces that belong to nothing, and say how sure the colours are of the rest.

    Args:
        region: what is cut.
        start: its seeds.
        on_it: (K, 2) x, y of points on the thing, pixels of the picture.
    """
    open_to_decide = (start == cv2.GC_PR_FGD) | (start == cv2.GC_PR_BGD)
    seeds, odds = start.copy(), np.zeros(start.shape)
    if (start % 2).any() and not (start % 2).all():
        theirs, its = np.zeros((1, 65)), np.zeros((1, 65))
        with _RNG:
            cv2.setRNGSeed(0)
            cv2.grabCut(region.pixels, seeds, None, theirs, its, ITERATIONS, cv2.GC_INIT_WITH_MASK)
        odds = _log_likelihood(region.pixels, its) - _log_likelihood(region.pixels, theirs)
    mask = _pieces(seeds % 2 == 1, region.to_copy(on_it))
    chance = 1 / (1 + np.exp(-odds.clip(-50, 50)))
    others = open_to_decide & ~mask
    area = max(int(mask.sum()), 1)
    sure = np.count_nonzero(mask & (odds > STABILITY_OFFSET))
    possible = np.count_nonzero(mask | (others & (odds > -STABILITY_OFFSET)))
    return _Cut(
        region,
        mask,
        predicted_iou=float(chance[mask].sum() / (area + chance[others].sum())),
        stability=sure / possible if possible else 0.0,
    )


def _log_likelihood(pixels: NDArray[np.uint8], mixture: Floats) -> Floats:
    """Log-likelihood of every pixel under a mixture as ``cv2.grabCut`` leaves it, (h, w) float64.

    Args:
        pixels: (h, w, 3) uint8.
        mixture: (1, 65): of five Gaussians the weights, then the means (5, 3), then the covariances (5, 3, 3).
    """
    weights, means, spreads = np.split(mixture.ravel(), [5, 20])
    given = weights > 0
    means, spreads = means.reshape(5, 3)[given], spreads.reshape(5, 3, 3)[given] + 0.01 * np.eye(3)
    away = pixels.reshape(-1, 1, 3) - means
    distance = np.einsum("nki,kij,nkj->nk", away, np.linalg.inv(spreads), away)
    each = np.log(weights[given]) - 0.5 * (distance + np.linalg.slogdet(spreads)[1] + 3 * np.log(2 * np.pi))
    return np.asarray(np.logaddexp.reduce(each, axis=1).reshape(pixels.shape[:2]), np.float64)


def _pieces(mask: NDArray[np.bool_], on_it: Floats) -> NDArray[np.bool_]:
    """The pieces of a mask that hold one of the points; without points, all but specks.

    Args:
        mask: (h, w) bool.
        on_it: (K, 2) x, y in pixels of the mask.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # the background
    kept = areas >= max(_SPECK * areas.max(), 1)
    if len(on_it):
        columns, rows = np.clip(on_it.astype(int), 0, np.array(mask.shape[::-1]) - 1).T
        kept &= np.isin(np.arange(len(areas)), labels[rows, columns])
    return np.asarray(kept[labels])


def _tightness(region: _Region, mask: NDArray[np.bool_]) -> float:
    """IoU of a mask's own box with the region, both in the copy, in [0, 1]."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0
    own, inside = np.zeros_like(mask), region.inside()
    own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return float((own & inside).sum() / (own | inside).sum())
