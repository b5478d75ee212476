"""A detector that looks closer where one look at the whole picture is not enough: at small things, and at very many.

A model sees every picture at its own small scale and has room for so many boxes. On a full shelf it misses most, and
without a word. Here the first look is always at the whole picture, and its answer says whether more looks pay: the
model ran out of room, or it saw many things that are small for it. A plain picture costs one look. What the looks saw
is put together in `seams`.

This module does not know any model, tokens, or what a phrase means.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import box_area
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Detector
from agent_tools.services.checkpoints import TilingSettings
from agent_tools.services.seams import Look, Window, put_together
from agent_tools.services.suppression import standing

OVERLAP = 0.25
"""Share of a tile that the next one shows too; a thing up to that size is whole in one of them."""
COMFORTABLE = 0.3
"""Size that things get in a tile, as a share of its shorter side. Crowded looks take neighbours for one larger thing,
so that in truth they come out about half as large."""
_CLOSEST, _NATIVE, _HALF = 0.5, 1.4, 0.62
"""Sizes of a tile: the least, in the model's input, as magnifying more shows nothing new; the least where things are
small, but not too many, as things magnified are taken for several; the largest, in the picture, to be worth a look."""
_REDUCED = 0.55
"""Scale at which the model sees the picture, up to which things are looked at closer for being small."""
_SLACK = 0.25
"""Share of a tile by which tiles may grow to save a row of them."""
_REMEMBERED = 512
"""Pictures whose tiles are known by digest, so that forgetting the picture forgets them."""


@dataclass(frozen=True, slots=True)
class InputSize:
    """What a model scales pictures to.

    Attributes:
        shorter: pixels of the shorter side, where the longer allows it.
        longer: most pixels of the longer side.
    """

    shorter: int
    longer: int

    @classmethod
    def of(cls, size: Any) -> InputSize:
        """From a picture processor's `size`: its edges, or a fixed height and width.

        Args:
            size: with ``shortest_edge`` and perhaps ``longest_edge``, or with ``height`` and ``width``, pixels.
        """
        sides = [getattr(size, name, None) for name in ("height", "width")]
        edges = [getattr(size, name, None) for name in ("shortest_edge", "longest_edge")]
        given = [int(side) for side in (sides if all(sides) else edges) if side]
        return cls(min(given), max(given) if len(given) > 1 else 2 * min(given))

    @property
    def area(self) -> int:
        """Most pixels that the model sees."""
        return self.shorter * self.longer

    def scale(self, width: int, height: int) -> float:
        """Pixels that the model sees for each pixel along a side of the picture."""
        return min(self.shorter / min(width, height), self.longer / max(width, height))


class TiledDetector:
    """A detector that takes closer looks where they pay; everything else is the wrapped one's own."""

    def __init__(self, inner: Detector, size: InputSize, chosen: TilingSettings | None = None) -> None:
        """Wraps a detector.

        Args:
            inner: what looks; one that never says that it is saturated is asked more than once only for small things.
            size: what it scales pictures to.
            chosen: when tiles pay for it; None: only where it is saturated.
        """
        self._inner, self._size, self._chosen = inner, size, chosen or TilingSettings()
        self._tiles: OrderedDict[str, set[str]] = OrderedDict()
        self._lock = Lock()

    @property
    def threshold(self) -> float:
        """The wrapped detector's."""
        return self._inner.threshold

    @threshold.setter
    def threshold(self, value: float) -> None:
        self._inner.threshold = value

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # asked for while a copy is still empty
            raise AttributeError(name)
        return getattr(self._inner, name)

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`; saturated is a picture of which even the closest looks were."""
        looks = [
            [Look((0, 0, picture.width, picture.height), found)]
            for picture, found in zip(pictures, self._inner.detect(pictures, phrases), strict=True)
        ]
        newest, saturated = [list(each) for each in looks], [False] * len(looks)
        for windows_of in (self._closer, self._closer_if_saturated):
            wanted: list[tuple[int, Window]] = []
            for index, each in enumerate(newest):
                for look in each:
                    windows = windows_of(look)
                    saturated[index] |= look.found.saturated and not windows
                    wanted += [(index, window) for window in windows]
            newest = [[] for _ in looks]
            for index, look in self._look_at(wanted, pictures, phrases):
                newest[index].append(look)
                looks[index].append(look)
        saturated = [
            full or any(look.found.saturated for look in each) for full, each in zip(saturated, newest, strict=True)
        ]
        return [
            each[0].found if len(each) == 1 else self._settled(each, full)
            for each, full in zip(looks, saturated, strict=True)
        ]

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture and its tiles, where the wrapped detector remembers any."""
        with self._lock:
            tiles = self._tiles.pop(digest, set())
        self._forget_in_turn([digest, *tiles])

    def _closer(self, whole: Look) -> list[Window]:
        """Tiles of a picture, where they pay: it is saturated, or shows many things that are small to the model."""
        sizes, scale = np.sqrt(box_area(whole.found.boxes)), self._scale(whole.window)
        if not len(sizes):
            return []
        usual = float(np.median(sizes)) * scale / self._size.shorter
        _, counts = np.unique(whole.found.phrase_indices, return_counts=True)
        many = counts.max() >= self._chosen.many * min(1.0, scale)
        if many and usual <= self._chosen.small and scale <= _REDUCED:
            return self._grid(whole.window, max(_NATIVE, usual / COMFORTABLE / scale))
        return self._closer_if_saturated(whole)

    def _closer_if_saturated(self, look: Look) -> list[Window]:
        return self._grid(look.window, math.inf) if look.found.saturated else []

    def _scale(self, window: Window) -> float:
        x0, y0, x1, y1 = window
        return self._size.scale(x1 - x0, y1 - y0)

    def _grid(self, window: Window, wanted: float) -> list[Window]:
        """Overlapping tiles of one size that cover a window; empty where they would show nothing that it does not.

        Args:
            window: what is to be covered.
            wanted: size of a tile as a multiple of the model's input; larger where the tiles would be too many, and
                at most `_HALF` of the window.
        """
        x0, y0, x1, y1 = window
        width, height = x1 - x0, y1 - y0
        most = _HALF / self._scale(window)
        if most < _CLOSEST:
            return []
        size = min(wanted, most)
        across, down = self._counts(width, height, size)
        while across * down > self._chosen.most and size < most:
            size = min(1.1 * size, most)
            across, down = self._counts(width, height, size)
        return laid_over(window, across, down) if across * down > 1 else []

    def _counts(self, width: int, height: int, size: float) -> tuple[int, int]:
        """Tiles across and down that cover width x height, when a tile is `size` times the model's input."""
        longer, shorter = size * self._size.longer, size * self._size.shorter
        tile = (longer, shorter) if width >= height else (shorter, longer)
        across, down = (
            max(1, math.ceil((side / extent - OVERLAP) / (1 - OVERLAP) - _SLACK))
            for side, extent in zip((width, height), tile, strict=True)
        )
        return across, down

    def _look_at(
        self, wanted: Sequence[tuple[int, Window]], pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]
    ) -> list[tuple[int, Look]]:
        """Look at windows of pictures, all in one request, so that a device with room takes several at once."""
        if not wanted:
            return []
        tiles = [tile(pictures[index], window) for index, window in wanted]
        self._remember([(pictures[index].digest, tile.digest) for (index, _), tile in zip(wanted, tiles, strict=True)])
        answers = self._inner.detect(tiles, [phrases[index] for index, _ in wanted])
        return [(index, Look.at(window, found)) for (index, window), found in zip(wanted, answers, strict=True)]

    def _settled(self, looks: Sequence[Look], saturated: bool) -> Detections:
        """What all looks at a picture amount to; whatever else the first look said stays."""
        boxes, scores, claimed = [], [], []
        for phrase in np.unique(np.concatenate([look.found.phrase_indices for look in looks])).tolist():
            some, their_scores = put_together(looks, phrase)
            # The looks have suppressed their own; what is left is one box round things that only others saw singly.
            kept = standing(some, their_scores, np.zeros(len(some), np.int64), [""], self.threshold, 1.0)
            boxes.append(some[kept])
            scores.append(their_scores[kept])
            claimed.append(np.full(len(kept), phrase, np.int64))
        return replace(
            looks[0].found,
            boxes=np.concatenate(boxes),
            scores=np.concatenate(scores),
            phrase_indices=np.concatenate(claimed),
            saturated=saturated,
        )

    def _remember(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Note which tiles are of which picture. Of pictures too long ago nothing is kept, here or by the detector."""
        dropped: list[str] = []
        with self._lock:
            for parent, tile in pairs:
                self._tiles.setdefault(parent, set()).add(tile)
                self._tiles.move_to_end(parent)
            while len(self._tiles) > _REMEMBERED:
                dropped += self._tiles.popitem(last=False)[1]
        self._forget_in_turn(dropped)

    def _forget_in_turn(self, digests: Sequence[str]) -> None:
        forget = getattr(self._inner, "forget", None)
        if forget is not None:
            for digest in digests:
                forget(digest)


def laid_over(window: Window, across: int, down: int) -> list[Window]:
    """Tiles of one size that cover a window, row by row, each overlapping the next by `OVERLAP`."""
    x0, y0, x1, y1 = window
    wide, high = (
        min(full, math.ceil(full / (number - (number - 1) * OVERLAP)))
        for full, number in ((x1 - x0, across), (y1 - y0, down))
    )
    lefts, tops = np.linspace(x0, x1 - wide, across), np.linspace(y0, y1 - high, down)
    return [(x, y, x + wide, y + high) for y in map(round, tops.tolist()) for x in map(round, lefts.tolist())]


def tile(picture: Picture, window: Window) -> Picture:
    """A window of a picture as a picture; its digest comes from the parent's, and its pixels are the parent's."""
    x0, y0, x1, y1 = window

    def pixels() -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        return picture.array[y0:y1, x0:x1], ()

    digest = sha256(f"{picture.digest} {x0} {y0} {x1} {y1}".encode()).hexdigest()
    return Picture(digest, x1 - x0, y1 - y0, pixels, name=picture.name)
