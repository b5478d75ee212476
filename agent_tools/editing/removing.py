"""Takes things away and fills the place they leave.

Masks end where a thing ends, but its rim and a breath of its shadow lie beyond: so the hole is the masks and a few
pixels more (`hole_of`), and that is the region that changes. Each hole is filled by itself, from what is near it.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.editing.patches import MOST, fill_from_patches
from agent_tools.editing.regions import Pixels, Region, Window, grown, wider, window_of
from agent_tools.editing.task import Outcome, Task
from agent_tools.errors import ServiceError, ToolInputError
from agent_tools.inpainting import Inpainter

_RIM_OF_SIDE = 1 / 200
"""How much larger than the masks a hole is unless told otherwise, as a share of the picture's shorter side."""
_AROUND = 0.9
"""How much of its surroundings a hole may be filled from, as a share of its longer side, on each side of it."""
_NEAR_OF_SIDE = 1 / 80
"""Holes less than this apart are filled together, likewise."""
_AT_LEAST = 48
"""Pixels of surroundings, however small the hole."""
_KNOWN = 0.7
"""Share of a window that may be hole; of more, a larger one is looked at."""
_LEAST_SEARCHED = 1500
"""Pixels of a hole that are searched for however many holes there are."""


def remove(task: Task) -> Outcome:
    """What is meant is gone."""
    hole = hole_of(task)
    return filled(task, hole), hole


def hole_of(task: Task) -> Region:
    """The place that a thing leaves, (H, W): its masks and `feather` pixels more; everything else has no rim."""
    rim = max(2.0, task.side * _RIM_OF_SIDE) if task.feather is None else task.feather
    return task.region if task.invert else grown(task.region, rim)


def filled(task: Task, hole: Region) -> Pixels:
    """The picture with a hole (H, W) filled.

    Raises:
        ToolInputError: the hole is the whole picture.
        ServiceError: the inpainter failed.
    """
    made = task.pixels.copy()
    if hole.all():
        raise ToolInputError("region=all leaves nothing to fill it from: expected a part of the picture. Remove less.")
    unknown = hole.copy()
    apart = list(_apart(hole, max(2, round(task.side * _NEAR_OF_SIDE))))
    most = max(_LEAST_SEARCHED, 3 * MOST // max(1, len(apart)))
    for window, own in apart:
        around = made[window]
        others = unknown[window] & ~own
        new = (
            fill_from_patches(around, own, others, min(most, MOST))
            if task.inpainter is None
            else _asked(task.inpainter, around, own, others)
        )
        np.copyto(around[..., : new.shape[2]], new, where=own[..., None])
        unknown[window] &= ~own
    return made


def _apart(hole: Region, near: int) -> Iterator[tuple[Window, Region]]:
    """Each hole by itself: the window to fill it from, and what of it is the hole."""
    height, width = hole.shape
    box = window_of(hole)
    if box is None:
        return
    rough = np.add.reduceat(
        np.add.reduceat(hole, np.arange(0, height, near), 0, np.uint32), np.arange(0, width, near), 1, np.uint32
    )
    number, labels, found, _ = cv2.connectedComponentsWithStats((rough > 0).astype(np.uint8))
    for one in range(1, number):
        left, top, across, down = (int(value) * near for value in found[one, :4])
        tight = slice(top, min(height, top + down)), slice(left, min(width, left + across))
        more = max(_AT_LEAST, round(_AROUND * max(down, across)))
        window, _ = wider(tight, more, height, width)
        while hole[window].mean() > _KNOWN and window != (slice(0, height), slice(0, width)):
            more *= 2
            window, _ = wider(tight, more, height, width)
        rows, columns = (np.arange(each.start, each.stop) // near for each in window)
        yield window, hole[window] & (labels == one)[rows[:, None], columns]


def _asked(inpainter: Inpainter, pixels: Pixels, own: Region, others: Region) -> NDArray[np.generic]:
    """What an inpainter makes of a hole, in the depth of the pixels (h, w, 3)."""
    deep = pixels.dtype == np.uint16
    shown = np.ascontiguousarray(pixels[..., :3] // 257 if deep else pixels[..., :3], np.uint8)
    new = inpainter.fill(shown, own | others)
    if not isinstance(new, np.ndarray) or new.shape != shown.shape or new.dtype != np.uint8:
        what = f"{new.dtype} {new.shape}" if isinstance(new, np.ndarray) else type(new).__name__
        raise ServiceError(
            f"inpainter={type(inpainter).__name__} gave {what}: expected uint8 {shown.shape}. Correct the inpainter."
        )
    return new.astype(np.uint16) * np.uint16(257) if deep else new
