"""Takes things out of their background, with soft edges."""

from __future__ import annotations

import numpy as np

from agent_tools.editing.matting import soft_edges
from agent_tools.editing.regions import Pixels, strips
from agent_tools.editing.task import Outcome, Task


def cut_out(task: Task) -> Outcome:
    """What is kept; outside, transparent and black, so that dropping the transparency brings nothing back.

    The soft edge lies inside what is kept; there, and only there, colours lose what shone through from behind.
    """
    kept = task.region
    made = with_alpha(task.pixels)
    changed = ~kept
    for strip in strips(task.whole):
        made[strip][~kept[strip]] = 0
    for window, share, colours in soft_edges(task.pixels, kept, task.feather):
        mixed = kept[window] & (share < 1)
        here = made[window]
        np.copyto(here[..., :3], np.rint(colours), where=mixed[..., None], casting="unsafe")
        np.copyto(here[..., 3], np.rint(here[..., 3] * share), where=mixed, casting="unsafe")
        changed[window] |= mixed
    return made, changed


def with_alpha(pixels: Pixels) -> Pixels:
    """A copy as RGBA, opaque where it had no alpha."""
    if pixels.shape[2] == 4:
        return pixels.copy()
    made = np.empty((*pixels.shape[:2], 4), pixels.dtype)
    made[..., :3] = pixels
    made[..., 3] = np.iinfo(pixels.dtype).max
    return made
