"""Puts something else behind things: a colour, another picture, or the same background out of focus.

Whatever is not of the things is replaced; where a thing is mixed with what was behind it, or lets it shine through, it
is mixed anew.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from agent_tools.editing.actions import is_picture
from agent_tools.editing.blurring import blurred
from agent_tools.editing.matting import soft_edges
from agent_tools.editing.profiles import colour_in, pixels_in
from agent_tools.editing.regions import Floats, Pixels, Region, Window, grown, strips
from agent_tools.editing.task import Outcome, Task
from agent_tools.errors import ToolInputError

Behind = Callable[[Window], Floats]
"""A window → the new background there, (h, w, 3) float32, in the range of the pixels."""

_BLUR_OF_SIDE = 1 / 16
"""Standard deviation of the strongest blur, as a share of the picture's shorter side."""
_RIM_OF_SIDE = 1 / 150
"""Width of the rim round a thing that still has some of its colour, likewise: a blur leaves it out."""


def replace_background(task: Task) -> Outcome:
    """Another background; what is meant stays in front."""
    kept = task.region
    if task.background == "blur" and task.strength == 0:
        return task.pixels.copy(), np.zeros_like(kept)
    behind = _behind(task)
    made, changed = task.pixels.copy(), ~kept
    for strip in strips(task.whole):
        gone = changed[strip]
        if gone.any():
            np.copyto(made[strip][..., :3], np.rint(behind(strip)), where=gone[..., None], casting="unsafe")
    if made.shape[2] == 4:
        made[..., 3][~kept] = task.top
        for strip in strips(task.whole):
            _mix(task, made, changed, strip, _opaque(task, strip), task.pixels[strip][..., :3], behind)
    for window, share, colours in soft_edges(task.pixels, kept, task.feather):
        if made.shape[2] == 4:
            share = share * _opaque(task, window)
        _mix(task, made, changed, window, share, colours, behind)
    return made, changed


def _opaque(task: Task, window: Window) -> Floats:
    """How little shines through the thing, (h, w) in [0, 1]."""
    return np.asarray(task.pixels[window][..., 3] / np.float32(task.top), np.float32)


def _mix(
    task: Task, made: Pixels, changed: Region, window: Window, share: Floats, colours: Pixels, behind: Behind
) -> None:
    """Put the new background behind pixels of the thing that are not all its own."""
    mixed = task.region[window] & (share < 1)
    if not mixed.any():
        return
    back = behind(window)
    np.copyto(
        made[window][..., :3],
        np.rint(back + (colours - back) * share[..., None]),
        where=mixed[..., None],
        casting="unsafe",
    )
    if made.shape[2] == 4:
        made[window][..., 3][mixed] = task.top
    changed[window] |= mixed


def _behind(task: Task) -> Behind:
    assert task.background is not None  # checked with the parameters
    if task.background == "blur":
        sigma = max(1.0, task.side * _BLUR_OF_SIDE * task.strength)
        # The rim has some of the thing's colour: it would shine out round it like a halo.
        rest = ~grown(task.region, min(task.side * _RIM_OF_SIDE, 1.5 * sigma))
        return blurred(task.pixels[..., :3], rest if rest.any() else ~task.region, sigma)
    if is_picture(task.background):
        return _picture(task, task.background)
    colour = np.array(colour_in(task.background, task.profile), np.float32) * np.float32(task.top / 255)
    return lambda window: np.broadcast_to(
        colour, (window[0].stop - window[0].start, window[1].stop - window[1].start, 3)
    )


def _picture(task: Task, handle: str) -> Behind:
    """Another picture, scaled so that it covers this one, its middle in the middle."""
    if task.pictures is None:
        raise ToolInputError(f"background={handle} is not known here: expected a colour or blur. Open that picture.")
    pixels = task.pictures(handle).array
    height, width = task.pixels.shape[:2]
    scale = max(height / pixels.shape[0], width / pixels.shape[1])
    rows, columns = (
        min(have, max(1, round(want / scale))) for have, want in zip(pixels.shape, (height, width), strict=False)
    )
    down, across = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    cover = cv2.resize(
        pixels[down : down + rows, across : across + columns],
        (width, height),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
    )
    cover = pixels_in(cover, task.profile)
    return lambda window: cover[window].astype(np.float32) * np.float32(task.top / 255)
