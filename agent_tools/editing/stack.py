"""Does edits, one after the other, over the untouched original, and checks each.

This module does not know how any of them is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from agent_tools.decoding import decode_whole
from agent_tools.editing.actions import STRENGTHS, check_parameters
from agent_tools.editing.backgrounds import replace_background
from agent_tools.editing.blurring import blur, pixelate
from agent_tools.editing.cutting_out import cut_out
from agent_tools.editing.light import of_channels
from agent_tools.editing.outlining import outline
from agent_tools.editing.placing import duplicate, move
from agent_tools.editing.recolouring import recolour
from agent_tools.editing.regions import Pixels, Region, strips
from agent_tools.editing.removing import remove
from agent_tools.editing.result import Edited
from agent_tools.editing.shading import brighten, darken, grayscale, highlight
from agent_tools.editing.task import Outcome, Task
from agent_tools.errors import ServiceError, ToolInputError
from agent_tools.inpainting import Inpainter
from agent_tools.masks import Mask
from agent_tools.pictures import Picture

_ACTIONS: dict[str, Callable[[Task], Outcome]] = {
    "remove": remove,
    "blur": blur,
    "pixelate": pixelate,
    "recolour": recolour,
    "brighten": brighten,
    "darken": darken,
    "cut_out": cut_out,
    "replace_background": replace_background,
    "grayscale": grayscale,
    "highlight": highlight,
    "outline": outline,
    "move": move,
    "duplicate": duplicate,
}


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
    def parameters(self) -> Mapping[str, float | str]:
        """What it is told, as for `check_parameters`."""


def edited(
    picture: Picture,
    steps: Iterable[Step],
    pictures: Callable[[str], Picture] | None = None,
    *,
    inpainter: Inpainter | None = None,
) -> Edited:
    """A picture with edits done to it, one after the other.

    Args:
        picture: the original.
        steps: in order.
        pictures: gives the picture of a handle, for backgrounds.
        inpainter: what fills holes; None: patches of the picture itself.

    Raises:
        ToolInputError: as for `apply`.
        PictureError: the original is damaged.
        ServiceError: the inpainter failed.
    """
    pixels, profile = decode_whole(picture.original, picture.name)
    for step in steps:
        pixels = done(step, pixels, profile, pictures, inpainter)
    return Edited(pixels, profile)


def done(
    step: Step,
    pixels: Pixels,
    profile: bytes | None,
    pictures: Callable[[str], Picture] | None,
    inpainter: Inpainter | None,
) -> Pixels:
    """One step done to the pixels, which are left as they are; errors as for `apply`."""
    told: Mapping[str, Any] = step.parameters
    more: dict[str, Any] = {"profile": profile, "pictures": pictures, "inpainter": inpainter}
    return apply(pixels, step.action, step.masks, invert=step.invert, **told, **more)


def apply(
    pixels: Pixels,
    action: str,
    masks: Sequence[Mask],
    *,
    invert: bool = False,
    profile: bytes | None = None,
    pictures: Callable[[str], Picture] | None = None,
    inpainter: Inpainter | None = None,
    **parameters: Any,
) -> Pixels:
    """Do one edit.

    Args:
        pixels: (H, W, 3) RGB or (H, W, 4) RGBA, uint8 or uint16; left as they are.
        action: one of `STRENGTHS`. Most change the masks' pixels; ``highlight`` dims the rest, ``cut_out`` clears it,
            ``replace_background`` replaces it; ``outline`` draws beside the masks; ``remove`` and ``move`` fill the
            masks and a rim of ``feather`` pixels (by default a two-hundredth of the shorter side, at least 2).
        masks: of things, (H, W) each.
        invert: mean everything else; without masks, the whole picture.
        profile: ICC profile of the pixels; None for sRGB.
        pictures: gives the picture of a handle, for backgrounds.
        inpainter: what fills holes; None: patches of the picture itself.
        parameters: as for `check_parameters`. A ``feather`` is the width in pixels of a soft edge inside the region
            that changes; for ``cut_out``, ``replace_background``, ``move`` and ``duplicate``, inside the thing, where
            None is an edge told from the picture, in a band of a three-hundredth of the shorter side, at least 3.

    Returns:
        New pixels of the same size and depth; with an alpha channel after ``cut_out``.

    Raises:
        ToolInputError: an unknown action, parameters that do not fit it, a mask of another size, or nothing left to
            fill a hole from.
        ServiceError: the inpainter failed.
    """
    check_parameters(action, parameters)
    height, width = pixels.shape[:2]
    for mask in masks:
        if (mask.height, mask.width) != (height, width):
            raise ToolInputError(
                f"mask size={[mask.height, mask.width]} does not fit the picture: expected {[height, width]}. "
                "Use masks of this picture."
            )
    told = {"strength": STRENGTHS[action], **{name: value for name, value in parameters.items() if value is not None}}
    task = Task(pixels, masks, invert, profile=profile, pictures=pictures, inpainter=inpainter, **told)
    after, changed = _ACTIONS[action](task)
    check_exact(pixels, after, changed)
    return after


def check_exact(before: Pixels, after: Pixels, changed: Region) -> None:
    """Nothing but what was to change has changed; a defect of ours, so that no wrong picture leaves.

    Raises:
        ServiceError: something has.
    """
    channels = before.shape[2]
    for strip in strips((slice(0, before.shape[0]), slice(0, before.shape[1]))):
        differs = of_channels(np.logical_or, before[strip] != after[strip][..., :channels])
        if after.shape[2] > channels:
            differs |= after[strip][..., 3] != np.iinfo(after.dtype).max
        if (differs & ~changed[strip]).any():
            raise ServiceError(
                "edit=inexact changed pixels outside its region: expected none. Report this as a defect."
            )
