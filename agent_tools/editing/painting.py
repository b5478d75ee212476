"""Repaints a region in place, strip by strip: what blur, recolour and the like have in common.

An effect gets a thing's window once, to measure what it needs, and gives a painter, which then paints any strip of it.
This module does not know any effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from agent_tools.editing.regions import Floats, Pixels, Region, Window, parts, ramp, strips, window_of
from agent_tools.editing.task import Outcome, Task

Painter = Callable[[Window], Floats]
"""A strip of the thing's window → its new colours (h, w, 3) float32, in the range of the pixels."""
Effect = Callable[[Pixels, Region, float, Task], Painter]
"""The window's colours (h, w, 3), what of it is inside (h, w), the thing's size in pixels, and the task."""

_REST_OF_SIDE = 1 / 6
"""What counts as the size of a thing where everything else is meant, as a share of the picture's shorter side."""


def repainted(task: Task, effect: Effect) -> Outcome:
    """The picture with an effect on each thing, or on everything else; a feather fades it in from the region's rim."""
    made = task.pixels.copy()
    if task.strength == 0:
        return made, np.zeros_like(task.region)
    if not task.invert:
        things = parts(task.masks)
    else:
        window = window_of(task.region)
        things = iter(() if window is None else ((window, task.region[window], task.side * _REST_OF_SIDE),))
    for window, inside, size in things:
        before = task.pixels[window][..., :3]
        painter = effect(before, inside, size, task)
        for strip in strips((slice(0, inside.shape[0]), slice(0, inside.shape[1]))):
            if not inside[strip].any():
                continue
            painted = painter(strip)
            if task.feather:
                share = ramp(task.region, _shifted(strip, window), task.feather)[..., None]
                colours = before[strip].astype(np.float32)
                painted = colours + (painted - colours) * share
            painted = np.rint(painted).clip(0, task.top)
            np.copyto(made[window][strip][..., :3], painted, where=inside[strip][..., None], casting="unsafe")
    return made, task.region


def of_the_rest(task: Task) -> Task:
    """The same, to everything but what was meant."""
    return replace(task, invert=not task.invert)


def _shifted(strip: Window, window: Window) -> Window:
    """A strip of a window, as a window of the picture."""
    rows, columns = strip
    down, right = window[0].start, window[1].start
    return slice(rows.start + down, rows.stop + down), slice(columns.start + right, columns.stop + right)
