"""Brighter, darker, without colour, or dimmed all round a thing."""

from __future__ import annotations

from functools import partial

import numpy as np

from agent_tools.editing.light import of_channels, shifted
from agent_tools.editing.painting import Painter, of_the_rest, repainted
from agent_tools.editing.regions import Floats, Pixels, Region, Window
from agent_tools.editing.task import Outcome, Task

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Shares of red, green and blue in grey (ITU-R BT.601)."""
_MOST = 2.5
"""Logits that the strongest edit adds or takes: a mid grey becomes 0.92, or 0.08."""


def brighten(task: Task) -> Outcome:
    """More light: nothing is clipped, hues stay, black and white too."""
    return repainted(task, partial(_relit, _MOST * task.strength))


def darken(task: Task) -> Outcome:
    """Less light, likewise."""
    return repainted(task, partial(_relit, -_MOST * task.strength))


def grayscale(task: Task) -> Outcome:
    """Without colour."""
    return repainted(task, _grey)


def highlight(task: Task) -> Outcome:
    """All else darker."""
    return repainted(of_the_rest(task), _dimmed)


def _relit(logits: float, colours: Pixels, inside: Region, size: float, task: Task) -> Painter:  # noqa: ARG001
    """A curve for the largest and the smallest channel; the one between keeps its place, and so the hue stays (as the
    tone curves of DNG do).
    """

    def painter(strip: Window) -> Floats:
        values = colours[strip] / np.float32(task.top)
        low, high = (of_channels(each, values)[..., None] for each in (np.minimum, np.maximum))
        place = (values - low) / np.maximum(high - low, np.float32(1e-6))
        low, high = shifted(low, logits), shifted(high, logits)
        return np.asarray((low + place * (high - low)) * np.float32(task.top), np.float32)

    return painter


def _grey(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:  # noqa: ARG001
    def painter(strip: Window) -> Floats:
        values = colours[strip].astype(np.float32)
        return np.asarray(values + ((values @ _LUMA)[..., None] - values) * np.float32(task.strength), np.float32)

    return painter


def _dimmed(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:  # noqa: ARG001
    return lambda strip: colours[strip] * np.float32(1 - task.strength)
