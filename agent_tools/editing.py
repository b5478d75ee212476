"""The pixel work of edits: an array, masks and parameters in, an array out; pixels outside the masks are never touched.

Edits are a stack over the untouched original: `edited` starts from the original's own pixels (depth, transparency and
colour profile included) and does one after the other. Each works on a region, its masks or everything else, and checks
itself that nothing outside the region changed. A soft edge lies inside the region, so that this holds for it too.

How strong an edit looks does not depend on the resolution: blur and blocks are scaled to the thing, or, for everything
else, to the picture. Strengths are in [0, 1]. This module does not know handles, conversations, files or models.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.decoding import decode_whole
from agent_tools.errors import ServiceError, ToolInputError, shorten
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

Pixels = NDArray[Any]
"""(H, W, 3) RGB or (H, W, 4) RGBA, upright, uint8 or uint16."""
Colours = NDArray[np.float32]
"""(h, w, 3) RGB, in the range of the pixels."""
Window = tuple[slice, slice]
"""Rows and columns."""

STRENGTHS = {"blur": 0.5, "pixelate": 0.5, "grayscale": 1.0, "highlight": 0.6, "cut_out": 1.0}
"""Every action, and how strong it is unless told otherwise."""
_FEATHER_OF_SIDE = 1 / 800
"""Width of a cut-out's soft edge unless told otherwise, as a share of the picture's shorter side; at least a pixel.
Other edits have none: a rim that keeps its colour or its sharpness is seen at once."""
_REST_OF_SIDE = 1 / 6
"""What counts as the size of a thing where everything else is meant, as a share of the picture's shorter side."""
_SIGMA = 0.25
"""Standard deviation of the strongest blur, as a share of the thing's size."""
_BLOCK = 0.2
"""Side of the largest blocks, likewise: at the usual strength a face is ten blocks across."""
_FINE_ENOUGH = 4.0
"""A wider blur than this, in pixels, is done on a smaller picture: nobody sees the difference."""
_LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in grey (ITU-R BT.601)."""


class Step(Protocol):
    """One edit, as the memory keeps it."""

    @property
    def action(self) -> str:
        """One of `STRENGTHS`."""

    @property
    def masks(self) -> Sequence[Mask]:
        """Where; as large as the picture."""

    @property
    def invert(self) -> bool:
        """Whether everything else is meant."""

    @property
    def parameters(self) -> Mapping[str, float]:
        """``strength`` in [0, 1] and ``feather`` in pixels, where they are not the usual ones."""


@dataclass(frozen=True)
class Edited:
    """An edited picture.

    Attributes:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, upright, uint8 or uint16 as the original.
        profile: the ICC profile of its colours; None for sRGB.
    """

    pixels: Pixels
    profile: bytes | None

    def png(self) -> bytes:
        """The picture as PNG: exact, with its profile, and without anything else that the original's file told."""
        code = cv2.COLOR_RGB2BGR if self.pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        done, encoded = cv2.imencode(".png", cv2.cvtColor(self.pixels, code), [cv2.IMWRITE_PNG_COMPRESSION, 3])
        assert done  # cv2 refuses only shapes and types that cannot come here
        data = encoded.tobytes()
        return data if self.profile is None else _with_profile(data, self.profile)


def edited(picture: Picture, steps: Iterable[Step]) -> Edited:
    """A picture with edits done to it, one after the other.

    Raises:
        ToolInputError: an unknown action, a strength or feather out of range, or a mask of another size.
        PictureError: the original is damaged.
    """
    pixels, profile = decode_whole(picture.original, picture.name)
    for step in steps:
        pixels = apply(pixels, step.action, step.masks, invert=step.invert, **step.parameters)
    return Edited(pixels, profile)


def apply(
    pixels: Pixels,
    action: str,
    masks: Sequence[Mask],
    *,
    invert: bool = False,
    strength: float | None = None,
    feather: float | None = None,
) -> Pixels:
    """Do one edit.

    Args:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16; left as they are.
        action: ``blur``, ``pixelate``, ``grayscale``: the masks' pixels. ``highlight``: the rest is dimmed.
            ``cut_out``: the rest becomes transparent.
        masks: of things, (H, W) each.
        invert: do it to everything else; without masks, to the whole picture.
        strength: in [0, 1]; None: the usual one.
        feather: width of the soft edge in pixels, inside the region that changes; for ``cut_out``, inside what stays.
            None: none, and a narrow one for ``cut_out``.

    Returns:
        New pixels of the same size and depth; with an alpha channel after ``cut_out``.

    Raises:
        ToolInputError: an unknown action, a strength or feather out of range, or a mask of another size.
    """
    height, width = pixels.shape[:2]
    _check(action, masks, height, width, strength, feather)
    strong = STRENGTHS[action] if strength is None else strength
    if action == "cut_out":
        soft = max(1.0, round(min(height, width) * _FEATHER_OF_SIDE)) if feather is None else feather
        return _cut_out(pixels, _together(masks, invert, height, width), soft)
    if action == "highlight":
        invert = not invert
    region = _together(masks, invert, height, width)
    made = pixels.copy()
    window = _window(region)
    if window is None or strong == 0:
        return made
    inside, before = region[window], pixels[window]
    colours = np.ascontiguousarray(before[..., :3], np.float32)
    effect = _EFFECTS[action]
    if invert:
        changed = effect(colours, inside, min(height, width) * _REST_OF_SIDE, strong)
    else:
        changed = colours.copy()
        for here, own, size in _parts(masks, window):
            np.copyto(changed[here], effect(colours[here], own, size, strong), where=own[..., None])
    if feather:
        changed -= colours
        changed *= _ramp(inside, feather)[..., None]
        changed += colours
    del colours  # a picture of 48 megapixels takes half a gigabyte each time
    np.rint(changed, out=changed)
    np.copyto(made[window][..., :3], changed, where=inside[..., None], casting="unsafe")
    _check_exact(before, made[window], inside)
    return made


def _cut_out(pixels: Pixels, kept: NDArray[np.bool_], soft: float) -> Pixels:
    """What is kept; outside, transparent and black, so that dropping the transparency brings nothing back."""
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[..., 3] if pixels.shape[2] == 4 else np.full(kept.shape, top, pixels.dtype)
    made = np.dstack([pixels[..., :3], np.rint(alpha * _ramp(kept, soft)).astype(pixels.dtype)])
    made[~kept] = 0
    _check_exact(pixels[..., :3], made[..., :3], ~kept)
    return made


def _blur(colours: Colours, inside: NDArray[np.bool_], size: float, strength: float) -> Colours:
    """A Gaussian blur that only looks at what is inside, so that nothing from outside bleeds in."""
    sigma = max(1.0, _SIGMA * strength * size)
    height, width = inside.shape
    shrink = max(1, int(sigma / _FINE_ENOUGH))
    weight = inside.astype(np.float32)
    summed = colours * weight[..., None]
    if shrink > 1:
        small = (max(1, math.ceil(width / shrink)), max(1, math.ceil(height / shrink)))
        summed, weight = (cv2.resize(each, small, interpolation=cv2.INTER_AREA) for each in (summed, weight))
    summed, weight = (
        cv2.GaussianBlur(each, (0, 0), sigma / shrink, borderType=cv2.BORDER_REPLICATE) for each in (summed, weight)
    )
    blurred = summed / np.maximum(weight, 1e-6)[..., None]
    if shrink > 1:
        # Not a cubic, which overshoots: what is brighter than white would come out black.
        blurred = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(blurred, np.float32)


def _pixelate(colours: Colours, inside: NDArray[np.bool_], size: float, strength: float) -> Colours:
    """Square blocks, each of the mean colour of what is inside it."""
    side = max(2, round(_BLOCK * strength * size))
    height, width = inside.shape
    padding = ((0, -height % side), (0, -width % side))
    weight = np.pad(inside.astype(np.float32), padding)
    summed = np.pad(colours * inside[..., None], (*padding, (0, 0)))
    down, across = weight.shape[0] // side, weight.shape[1] // side
    summed, weight = (cv2.resize(each, (across, down), interpolation=cv2.INTER_AREA) for each in (summed, weight))
    means = summed.reshape(down, across, 3) / np.maximum(weight.reshape(down, across, 1), 1e-6)
    return np.asarray(means.repeat(side, 0).repeat(side, 1)[:height, :width], np.float32)


def _grayscale(colours: Colours, inside: NDArray[np.bool_], size: float, strength: float) -> Colours:  # noqa: ARG001
    """Without colour."""
    grey = (colours @ np.array(_LUMA, np.float32))[..., None]
    return np.asarray(colours + (grey - colours) * np.float32(strength), np.float32)


def _dim(colours: Colours, inside: NDArray[np.bool_], size: float, strength: float) -> Colours:  # noqa: ARG001
    """Darker."""
    return colours * np.float32(1 - strength)


_EFFECTS: dict[str, Callable[[Colours, NDArray[np.bool_], float, float], Colours]] = {
    "blur": _blur,
    "pixelate": _pixelate,
    "grayscale": _grayscale,
    "highlight": _dim,
}
"""Each gets colours (h, w, 3), what is inside (h, w), the thing's size in pixels and the strength."""


def _together(masks: Sequence[Mask], invert: bool, height: int, width: int) -> NDArray[np.bool_]:
    """The masks as one region (H, W), or everything else."""
    region = np.zeros((height, width), bool)
    for mask in masks:
        crop, left, top = mask.to_crop()
        region[top : top + crop.shape[0], left : left + crop.shape[1]] |= crop
    return ~region if invert else region


def _parts(masks: Sequence[Mask], window: Window) -> Iterator[tuple[Window, NDArray[np.bool_], float]]:
    """Each thing by itself: its box within the window, what is inside (h, w), and its size: the side in pixels of a
    square of the same area.
    """
    for mask in masks:
        if area := mask.area:
            inside, left, top = mask.to_crop()
            top, left = top - window[0].start, left - window[1].start
            here = slice(top, top + inside.shape[0]), slice(left, left + inside.shape[1])
            yield here, inside, math.sqrt(area)


def _window(region: NDArray[np.bool_]) -> Window | None:
    """The region's box and a pixel more on each side, as far as the picture goes; None where the region is empty."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return slice(max(0, int(rows[0]) - 1), int(rows[-1]) + 2), slice(max(0, int(columns[0]) - 1), int(columns[-1]) + 2)


def _ramp(region: NDArray[np.bool_], soft: float) -> NDArray[np.float32]:
    """How much of a change each pixel gets, (h, w) in [0, 1]: 0 outside, rising to 1 over `soft` pixels from the edge.

    The picture's own edge is none.
    """
    if soft == 0 or region.all():
        return region.astype(np.float32)
    depth = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(np.minimum(depth / (soft + 1), 1), np.float32)


def _check(
    action: str, masks: Sequence[Mask], height: int, width: int, strength: float | None, feather: float | None
) -> None:
    if action not in STRENGTHS:
        raise ToolInputError(
            f"action={shorten(action)} is not possible: expected one of {', '.join(STRENGTHS)}. Use one of them."
        )
    if strength is not None and not 0 <= strength <= 1:
        raise ToolInputError(f"strength={strength} is out of range: expected 0 to 1. Correct it.")
    if feather is not None and not 0 <= feather < math.inf:
        raise ToolInputError(f"feather={feather} is out of range: expected pixels, 0 or more. Correct it.")
    for mask in masks:
        if (mask.height, mask.width) != (height, width):
            raise ToolInputError(
                f"mask size={[mask.height, mask.width]} does not fit the picture: expected {[height, width]}. "
                "Use masks of this picture."
            )


def _check_exact(before: Pixels, after: Pixels, changed: NDArray[np.bool_]) -> None:
    """Nothing but what was to change has changed; a defect of ours, so that no wrong picture leaves."""
    if (before != after).any(2)[~changed].any():
        raise ServiceError("edit=inexact changed pixels outside its region: expected none. Report this as a defect.")


def _with_profile(png: bytes, profile: bytes) -> bytes:
    """A PNG with an ICC profile: an iCCP chunk behind the header, which always takes the first 33 bytes."""
    body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]
