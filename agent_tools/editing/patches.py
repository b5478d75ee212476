"""Fills holes with what the picture has elsewhere: patches that fit, found coarse to fine, copied at full resolution.

The method is that of Wexler, Shechtman and Irani, "Space-Time Completion of Video" (PAMI 2007), with the search of
Barnes et al., "PatchMatch" (SIGGRAPH 2009), all pixels of a hole at once. The search runs on a reduced picture, whose
size is bounded, and so is its time; what it finds is where each piece comes from, and the pieces themselves are taken
from the full picture, so that grain and texture stay what they are. No weights; the same hole is always filled the
same way. This module does not know masks, things, files or models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.editing.blocks import block_sums
from agent_tools.editing.regions import Floats, Region, strips

Places = NDArray[np.int64]
"""(N, 2) rows and columns."""
Some = NDArray[np.bool_] | slice
"""Which of them."""
Costs = Callable[[Places, Some], Floats]
"""How badly patches from there fit some of the targets."""

_RADIUS = 3
"""Patches are 7 pixels wide, of the reduced picture."""
MOST = 9000
"""Hole pixels that the search works on at most; a larger hole is searched for on a smaller picture."""
_ROUNDS = 5
"""Times that patches are looked for and put together, at each size."""
_FADING = 1.3
"""How much less a pixel tells of what belongs next to it, a pixel deeper in the hole (Newson et al., IPOL 2017)."""


@dataclass
class _Level:
    """One size of the picture.

    Attributes:
        colours: (h, w, C) float32; guessed in the hole.
        hole: (h, w) bool: what to fill.
        unknown: (h, w) bool: that, and what else is not to be looked at.
        targets: (N, 2) int64: centres of the patches that touch the hole.
        sources: (M, 2) int64: centres of the patches that do not.
        usable: (h, w) bool: the same as a map.
    """

    colours: Floats
    hole: Region
    unknown: Region
    targets: Places
    sources: Places
    usable: Region


def fill_from_patches(
    pixels: NDArray[Any], hole: Region, others: Region | None = None, most: int = MOST
) -> NDArray[Any]:
    """Fill a hole.

    Args:
        pixels: (h, w, C), any depth; what is in the hole is not looked at.
        hole: (h, w) bool; not all of it.
        others: (h, w) bool: what else is not looked at.
        most: hole pixels that the search works on at most; a larger hole is searched for on a smaller picture.

    Returns:
        (h, w, C), the hole filled.
    """
    if not hole.any():
        return pixels.copy()
    unknown = hole if others is None else hole | others
    shrink = math.ceil(math.sqrt(np.count_nonzero(hole) / most))
    levels = _pyramid(*_reduced(pixels, hole, unknown, shrink))
    if not levels:
        made = pixels.copy()
        made[hole] = _smooth(pixels, unknown)[hole]
        return made
    rng = np.random.default_rng(0)
    coarse = levels[-1]
    coarse.colours[coarse.hole] = _smooth(coarse.colours, coarse.unknown)[coarse.hole]
    found = coarse.sources[rng.integers(0, len(coarse.sources), len(coarse.targets))]
    for depth in range(len(levels) - 1, -1, -1):
        level = levels[depth]
        found, cost = _search(level, found, rng, everywhere=depth >= len(levels) - 2)
        if depth:
            found = _finer(level, found, levels[depth - 1], rng)
            _put_together(levels[depth - 1], found, np.zeros(len(found), np.float32))
    return _copied(pixels, hole, levels[0], found, cost, shrink)


def _reduced(pixels: NDArray[Any], hole: Region, unknown: Region, shrink: int) -> tuple[Floats, Region, Region]:
    """The picture at one in `shrink`, means of what is known; a block with any of the hole in it is hole."""
    summed, known = block_sums(pixels, ~unknown, shrink)
    means = np.asarray(summed / np.maximum(known, 1e-6)[..., None], np.float32)
    return means, _any(hole, shrink), _any(unknown, shrink)


def _any(region: Region, shrink: int) -> Region:
    """Which blocks have some of a region in them."""
    height, width = region.shape
    down = np.logical_or.reduceat(region, np.arange(0, height, shrink), 0)
    return np.asarray(np.logical_or.reduceat(down, np.arange(0, width, shrink), 1), bool)


def _pyramid(colours: Floats, hole: Region, unknown: Region) -> list[_Level]:
    """The picture at half the size again and again, until the hole is about a patch thick; none where nothing is left
    to copy from even at the first.
    """
    levels: list[_Level] = []
    while True:
        level = _level(colours, hole, unknown)
        if level is None:
            return levels
        levels.append(level)
        thick = cv2.distanceTransform(np.pad(unknown, 1).view(np.uint8), cv2.DIST_L2, 3).max()
        if thick <= _RADIUS or min(hole.shape) < 8 * _RADIUS:
            return levels
        colours, hole, unknown = _reduced(colours, hole, unknown, 2)


def _level(colours: Floats, hole: Region, unknown: Region) -> _Level | None:
    side = 2 * _RADIUS + 1
    kernel = np.ones((side, side), np.uint8)
    usable = cv2.dilate(unknown.view(np.uint8), kernel) == 0
    usable[:_RADIUS] = usable[-_RADIUS:] = False
    usable[:, :_RADIUS] = usable[:, -_RADIUS:] = False
    if np.count_nonzero(usable) < side * side:
        return None
    targets = np.argwhere(cv2.dilate(hole.view(np.uint8), kernel))
    return _Level(colours.copy(), hole, unknown, targets, np.argwhere(usable), usable)


def _smooth(pixels: NDArray[Any], hole: Region) -> NDArray[Any]:
    """The hole filled from its edges without any detail: means of what is known round it, near or far."""
    filled = pixels.astype(np.float32)
    weight = (~hole).astype(np.float32)
    filled *= weight[..., None]
    sums, weights = [filled], [weight]
    while min(weights[-1].shape) > 1 and (weights[-1] == 0).any():
        size = ((sums[-1].shape[1] + 1) // 2, (sums[-1].shape[0] + 1) // 2)
        sums.append(cv2.resize(sums[-1], size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1))
        weights.append(cv2.resize(weights[-1], size, interpolation=cv2.INTER_AREA))
    guess = sums[-1] / np.maximum(weights[-1], 1e-6)[..., None]
    for total, known in zip(sums[-2::-1], weights[-2::-1], strict=True):
        size = (known.shape[1], known.shape[0])
        guess = cv2.resize(guess, size, interpolation=cv2.INTER_LINEAR).reshape(total.shape)
        share = np.minimum(known, 1)[..., None]
        guess = np.where(share > 0, total / np.maximum(known, 1e-6)[..., None], guess)
    made = pixels.copy()
    made[hole] = (np.rint(guess[hole]) if pixels.dtype.kind == "u" else guess[hole]).astype(pixels.dtype)
    return made


def _search(level: _Level, found: Places, rng: np.random.Generator, everywhere: bool) -> tuple[Places, Floats]:
    """Better and better sources for the targets, and the hole's colours from them.

    Args:
        level: its colours are changed.
        found: (N, 2) where each target's patch comes from so far.
        rng: for what is tried at random.
        everywhere: whether to try the whole picture, or only near what is found.

    Returns:
        the sources (N, 2) and how badly each fits (N,), a mean of squares.
    """
    height, width = level.hole.shape
    padding = ((_RADIUS, _RADIUS), (_RADIUS, _RADIUS), (0, 0))
    number = np.full((height, width), -1)
    number[tuple(level.targets.T)] = np.arange(len(level.targets))
    offsets = _offsets(width + 2 * _RADIUS)
    depth = cv2.distanceTransform(level.hole.view(np.uint8), cv2.DIST_L2, 3)
    trust = np.where(level.unknown & ~level.hole, np.float32(1e-6), _FADING**-depth)
    trust = np.pad(trust, _RADIUS).ravel()  # none beyond the picture
    at = _flat(level.targets, width)
    weight = trust[at[:, None] + offsets].astype(np.float32)
    weight /= np.maximum(weight.sum(1, keepdims=True), np.float32(1e-9))
    reach = max(height, width)
    cost = np.zeros(len(found), np.float32)
    for turn in range(_ROUNDS):
        flat = np.pad(level.colours, padding, mode="edge").reshape(-1, level.colours.shape[2])
        wanted = flat[at[:, None] + offsets]

        def costs(candidates: Places, some: Some, flat: Floats = flat, wanted: Floats = wanted) -> Floats:
            apart = flat[_flat(candidates, width)[:, None] + offsets] - wanted[some]
            return np.asarray(np.einsum("nkc,nkc,nk->n", apart, apart, weight[some]), np.float32)

        cost = costs(found, slice(None))
        steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
        for step in steps if turn % 2 else steps[::-1]:
            _try(level, found, cost, _shifted(level, number, found, step), costs)
        radius = reach if everywhere else 8
        while radius >= 1:
            _try(level, found, cost, found + rng.integers(-radius, radius + 1, found.shape), costs)
            radius //= 4
        _put_together(level, found, cost)
    return found, cost


def _try(level: _Level, found: Places, cost: Floats, candidates: Places, costs: Costs) -> None:
    """Take over, in place, the candidates that may be used and fit better."""
    height, width = level.hole.shape
    inside = ((candidates >= 0) & (candidates < (height, width))).all(1)
    inside &= (candidates != found).any(1)
    inside[inside] = level.usable[tuple(candidates[inside].T)]
    if not inside.any():
        return
    new = costs(candidates[inside], inside)
    better = new < cost[inside]
    taken = np.flatnonzero(inside)[better]
    found[taken], cost[taken] = candidates[taken], new[better]


def _shifted(level: _Level, number: NDArray[np.int64], found: Places, step: tuple[int, int]) -> Places:
    """What each target's neighbour found, moved by as much as they are apart: what goes on together stays together."""
    height, width = level.hole.shape
    beside = level.targets + step
    on = ((beside >= 0) & (beside < (height, width))).all(1)
    index = np.full(len(found), -1)
    index[on] = number[tuple(beside[on].T)]
    return np.where((index >= 0)[:, None], found[index] - step, found)


def _put_together(level: _Level, found: Places, cost: Floats) -> None:
    """The hole's colours: what all patches over a pixel say, those that fit more loudly."""
    height, width = level.hole.shape
    spread = max(float(np.percentile(cost, 75)), 1e-6)
    loud = np.exp(-cost / (2 * spread)) + 1e-6
    total = np.zeros((height + 2 * _RADIUS, width + 2 * _RADIUS, level.colours.shape[2]), np.float32)
    weight = np.zeros(total.shape[:2], np.float32)
    for down in range(-_RADIUS, _RADIUS + 1):
        for across in range(-_RADIUS, _RADIUS + 1):
            step = np.array((down, across))
            rows, columns = (level.targets + step + _RADIUS).T
            total[rows, columns] += level.colours[tuple((found + step).T)] * loud[:, None]
            weight[rows, columns] += loud
    own = slice(_RADIUS, -_RADIUS)
    level.colours[level.hole] = (total[own, own] / np.maximum(weight[own, own], 1e-9)[..., None])[level.hole]


def _finer(level: _Level, found: Places, finer: _Level, rng: np.random.Generator) -> Places:
    """What was found, for the targets of the next larger picture."""
    number = np.full(level.hole.shape, -1)
    number[tuple(level.targets.T)] = np.arange(len(level.targets))
    index = number[tuple((finer.targets // 2).T)]
    guess = finer.sources[rng.integers(0, len(finer.sources), len(finer.targets))]
    doubled = 2 * found[index] + finer.targets % 2
    inside = (index >= 0) & (doubled < finer.hole.shape).all(1)
    inside[inside] = finer.usable[tuple(doubled[inside].T)]
    guess[inside] = doubled[inside]
    return guess


def _copied(
    pixels: NDArray[Any], hole: Region, level: _Level, found: Places, cost: Floats, shrink: int
) -> NDArray[Any]:
    """The pieces at full size: for each pixel of the hole, the patches next to it, blended over less than a patch."""
    made = pixels.copy()
    height, width = hole.shape
    last_row, last_column = (int(side) - 1 for side in level.hole.shape)
    jump = np.zeros((*level.hole.shape, 2), np.int64)
    jump[tuple(level.targets.T)] = (found - level.targets) * shrink
    spread = max(float(np.percentile(cost, 25)), 1e-6)
    loud = np.zeros(level.hole.shape, np.float32)
    loud[tuple(level.targets.T)] = np.exp(-np.minimum(cost / (2 * spread), 20)) + 1e-9
    for strip in strips((slice(0, height), slice(0, width))):
        rows, columns = np.argwhere(hole[strip]).T
        rows = rows + strip[0].start
        total = np.zeros((len(rows), pixels.shape[2]), np.float32)
        weight = np.zeros((len(rows), 1), np.float32)
        # Four patches lie round each pixel; the nearer counts for more, as between the pixels of a small picture.
        y, x = (rows + 0.5) / shrink - 0.5, (columns + 0.5) / shrink - 0.5
        for down in (0, 1):
            for across in (0, 1):
                row, column = np.floor(y).astype(np.int64) + down, np.floor(x).astype(np.int64) + across
                near = np.maximum(1 - np.abs(y - row), 0) * np.maximum(1 - np.abs(x - column), 0)
                row, column = np.clip(row, 0, last_row), np.clip(column, 0, last_column)
                share = (loud[row, column] * near)[:, None].astype(np.float32)
                from_row = np.clip(rows + jump[row, column, 0], 0, height - 1)
                from_column = np.clip(columns + jump[row, column, 1], 0, width - 1)
                total += pixels[from_row, from_column] * share
                weight += share
        made[rows, columns] = np.rint(total / np.maximum(weight, 1e-12)).astype(pixels.dtype)
    return made


def _offsets(width: int) -> NDArray[np.int64]:
    """Of a patch's pixels from its middle, in a picture `width` wide laid out flat, (49,)."""
    steps = np.arange(-_RADIUS, _RADIUS + 1)
    return (steps[:, None] * width + steps).ravel()


def _flat(places: Places, width: int) -> NDArray[np.int64]:
    """Places in the padded picture laid out flat, (N,)."""
    return (places[:, 0] + _RADIUS) * (width + 2 * _RADIUS) + places[:, 1] + _RADIUS
