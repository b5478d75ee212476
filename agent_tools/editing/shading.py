"""Brighter, darker, without colour, or dimmed all round a thing."""

from __future__ import annotations

import numpy as np

from agent_tools.editing.light import colours_of, light_of, lightness_of, luminance_of, shifted
from agent_tools.editing.painting import Painter, of_the_rest, repainted
from agent_tools.editing.regions import Floats, Pixels, Region, Window
from agent_tools.editing.task import Outcome, Task

_LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Shares of red, green and blue in grey (ITU-R BT.601)."""
_MOST = 3.0
"""Logits of lightness that the strongest edit adds or takes: a mid grey becomes 0.95, or 0.05."""


def brighten(task: Task) -> Outcome:
    """More light. Highlights keep their drawing and colours their hue; black stays black."""
    return repainted(task, _relit(_MOST * task.strength))


def darken(task: Task) -> Outcome:
    """Less light, likewise."""
    return repainted(task, _relit(-_MOST * task.strength))


def grayscale(task: Task) -> Outcome:
    """Without colour."""
    return repainted(task, _grey)


def highlight(task: Task) -> Outcome:
    """All else darker."""
    return repainted(of_the_rest(task), _dimmed)


def _relit(logits: float):  # type: ignore[no-untyped-def]
    def effect(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:
        def painter(strip: Window) -> Floats:
            light = light_of(colours[strip], task.top)
            before = lightness_of(light)
            ratio = luminance_of(shifted(before, logits)) / np.maximum(luminance_of(before), np.float32(1e-6))
            return colours_of(light * ratio[..., None], task.top)

        return painter

    return effect


def _grey(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:
    def painter(strip: Window) -> Floats:
        values = colours[strip].astype(np.float32)
        return np.asarray(values + ((values @ _LUMA)[..., None] - values) * np.float32(task.strength), np.float32)

    return painter


def _dimmed(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:
    return lambda strip: colours[strip] * np.float32(1 - task.strength)
