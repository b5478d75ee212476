"""Draws a line round things, beside them and not over them."""

from __future__ import annotations

import numpy as np

from agent_tools.editing.profiles import colour_in
from agent_tools.editing.regions import Floats, Pixels, Region, depth_in, strips, together, window_of
from agent_tools.editing.task import Outcome, Task

_USUAL = "#ffd400"
_WIDTH_OF_SIDE = 1 / 60
"""Width of the widest line as a share of the picture's shorter side; at least a pixel and a half."""


def outline(task: Task) -> Outcome:
    """A line of one colour and even width round each thing; or, inverted, round everything else."""
    made, changed = task.pixels.copy(), np.zeros(task.pixels.shape[:2], bool)
    if task.strength == 0:
        return made, changed
    colour = np.array(colour_in(task.colour or _USUAL, task.profile), np.float32) * np.float32(task.top / 255)
    width = max(1.5, task.side * _WIDTH_OF_SIDE * task.strength)
    shape = task.pixels.shape[:2]
    for region in [task.region] if task.invert else (together([mask], False, *shape) for mask in task.masks):
        _draw(made, changed, region, width, colour, task.top)
    return made, changed


def _draw(made: Pixels, changed: Region, region: Region, width: float, colour: Floats, top: int) -> None:
    box = window_of(region, round(width) + 2)
    if box is None or region.all():
        return
    outside = ~region
    for strip in strips(box):
        away = depth_in(outside, strip, width + 2)
        # Half a pixel less on each side is what makes the line smooth.
        cover = np.where(outside[strip], np.clip(width + 0.5 - away, 0, 1), 0)[..., None]
        drawn = cover[..., 0] > 0
        colours = made[strip][..., :3].astype(np.float32)
        np.copyto(
            made[strip][..., :3],
            np.rint(colours + (colour - colours) * cover),
            where=drawn[..., None],
            casting="unsafe",
        )
        if made.shape[2] == 4:
            alpha = made[strip][..., 3]
            np.copyto(alpha, np.rint(np.maximum(alpha, cover[..., 0] * top)), where=drawn, casting="unsafe")
        changed[strip] |= drawn
