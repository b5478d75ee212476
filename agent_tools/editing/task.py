"""One edit to do: the pixels, where, and what it was told.

This module does not know what any action does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from agent_tools.editing.regions import Pixels, Region, together
from agent_tools.inpainting import Inpainter
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

Outcome = tuple[Pixels, Region]
"""The new pixels, and the region (H, W) outside which they are those before."""


@dataclass(frozen=True)
class Task:
    """One edit to do.

    Attributes:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16; not to be written to.
        masks: of things, (H, W) each.
        invert: whether everything else is meant.
        strength: in [0, 1].
        feather: pixels; None: as the action likes it.
        colour: "#rrggbb", sRGB.
        background: "#rrggbb", "blur" or a picture's handle.
        dx: pixels to the right.
        dy: pixels down.
        profile: ICC profile of the pixels; None for sRGB.
        pictures: gives the picture of a handle.
        inpainter: what fills holes; None: patches of the picture itself.
    """

    pixels: Pixels
    masks: Sequence[Mask]
    invert: bool
    strength: float
    feather: float | None = None
    colour: str | None = None
    background: str | None = None
    dx: float = 0
    dy: float = 0
    profile: bytes | None = None
    pictures: Callable[[str], Picture] | None = None
    inpainter: Inpainter | None = None

    @cached_property
    def region(self) -> Region:
        """What is meant, (H, W)."""
        return together(self.masks, self.invert, *self.pixels.shape[:2])

    @property
    def side(self) -> int:
        """The picture's shorter side in pixels."""
        return min(int(self.pixels.shape[0]), int(self.pixels.shape[1]))

    @property
    def top(self) -> int:
        """The largest value of a channel: white, or opaque."""
        return int(np.iinfo(self.pixels.dtype).max)

    @property
    def whole(self) -> tuple[slice, slice]:
        """The picture as a window."""
        return slice(0, self.pixels.shape[0]), slice(0, self.pixels.shape[1])
