"""How much of each pixel at the rim of a thing is the thing, and what colour that part has.

A camera mixes a thing and what lies behind it along the rim. Where the colours on both sides are known, a mixed pixel
lies on the line between them, and where on it says how much of it is the thing (Chuang et al., "A Bayesian Approach to
Digital Matting", CVPR 2001, with one colour a side). That is done in a narrow band inside the mask; where both sides
look alike nothing can be told, and the edge is a plain ramp. This module does not know what is done with the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from agent_tools.editing.regions import Floats, Pixels, Region, Window, depth_in, ramp, rim_tiles, wider

_BAND_OF_SIDE = 1 / 300
"""How far inside the mask a pixel may be mixed, as a share of the picture's shorter side; at least three pixels."""
_BEYOND = 1.5
"""Pixels outside the mask that count to its rim, too: masks are often a little tight."""
_NOISE = 0.08
"""Difference of both sides' colours, of the range, at which what is told by them counts half."""
_RAMP = 1.0


class Edge(NamedTuple):
    """A window with some of a thing's rim in it.

    Attributes:
        window: where.
        share: (h, w) float32 in [0, 1]: how much of each pixel is the thing; 0 outside its mask.
        colours: (h, w, 3) float32 of the thing alone, in the range of the pixels.
    """

    window: Window
    share: Floats
    colours: Floats


def soft_edges(pixels: Pixels, kept: Region, feather: float | None) -> Iterator[Edge]:
    """The rim of what is kept, window by window.

    Args:
        pixels: (H, W, 3 or 4).
        kept: (H, W).
        feather: width of a plain ramp in pixels, inside what is kept; None: told from the picture.
    """
    if feather == 0 or kept.all():
        return
    if feather is not None:
        for window in rim_tiles(kept, feather + 1):
            yield Edge(window, ramp(kept, window, feather), pixels[window][..., :3].astype(np.float32))
        return
    clear = pixels.shape[2] == 4 and bool((pixels[..., 3] < np.iinfo(pixels.dtype).max).any())
    if clear:  # its own transparency is its edge
        return
    band = max(3.0, min(kept.shape) * _BAND_OF_SIDE)
    for window in rim_tiles(kept, band):
        yield _matte(pixels, kept, window, band)


def _matte(pixels: Pixels, kept: Region, window: Window, band: float) -> Edge:
    top = np.float32(np.iinfo(pixels.dtype).max)
    sigma = 1.5 * band
    around, own = wider(window, round(3 * sigma + band), *kept.shape)
    colours = pixels[around][..., :3].astype(np.float32) / top
    inside = kept[around]
    depth = depth_in(kept, around, band + 2)
    height = depth_in(~inside, (slice(0, inside.shape[0]), slice(0, inside.shape[1])), _BEYOND + 2)
    thing, known_thing = _nearby(colours, depth > band, sigma)
    behind, known_behind = _nearby(colours, height > _BEYOND, sigma)
    apart = thing - behind
    length = np.einsum("hwc,hwc->hw", apart, apart)
    told = np.einsum("hwc,hwc->hw", colours - behind, apart) / np.maximum(length, 1e-6)
    told = cv2.GaussianBlur(np.clip((told - 0.1) / 0.75, 0, 1), (0, 0), 0.7)
    trust = length / (length + _NOISE**2) * known_thing * known_behind
    trust *= np.clip((band + 1 - depth) / 1.5, 0, 1)  # the deeper, the surer that it is the thing
    share = 1 - trust * (1 - told)
    share *= np.clip(depth / (_RAMP + 1), 0, 1)
    share[~inside] = 0
    least = np.maximum(share, np.float32(0.3))[..., None]
    alone = np.clip(behind + (colours - behind) / least, 0, 1)
    alone = thing + (alone - thing) * share[..., None]  # the less of it there is, the less it tells
    mixed = (trust * (share < 1))[..., None]
    cleaned = colours + (alone - colours) * mixed
    return Edge(window, share[own], cleaned[own] * top)


def _nearby(colours: Floats, known: Region, sigma: float) -> tuple[Floats, Floats]:
    """The mean colour of the known pixels near each, (h, w, 3), and 1 where there are such (h, w)."""
    weight, total = (_spread(each, sigma) for each in (known.astype(np.float32), colours * known[..., None]))
    mean = np.asarray(total / np.maximum(weight, 1e-4)[..., None], np.float32)
    return mean, np.asarray(weight > 1e-3, np.float32)


def _spread(values: Floats, sigma: float) -> Floats:
    """Much like a Gaussian blur of `sigma` pixels, in a time that does not grow with it."""
    side = 2 * round(1.2 * sigma) + 1
    for _ in range(2):
        values = cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE)
    return values
