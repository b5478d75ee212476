"""Gives a thing another colour and keeps its light and shade.

In CIE Lab: hue and chroma come from the new colour, and lightness is moved as a whole, from what is usual for the thing
towards the new colour's, so that black and white are colours like others. What of a colourful thing has no colour (a
tyre, a label, a glint) stays as it is.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.editing.light import colours_of, lab_of, light_of, light_of_lab, logit, shifted
from agent_tools.editing.painting import Painter, repainted
from agent_tools.editing.profiles import colour_in
from agent_tools.editing.regions import Floats, Pixels, Region, Window, wider
from agent_tools.editing.task import Outcome, Task

_SAMPLE = 20_000
_TOWARDS = 0.9
"""How far the usual lightness moves towards the new colour's: all the way, a lit thing would look painted over."""
_DARKEST, _LIGHTEST = 0.1, 0.9
"""As far as that may go, so that black and white things still have a shape."""
_BLOWN_OUT = 0.98
"""Lightness that is taken for white paint in too much light, not for white light: it changes like what is round it."""
_DULL, _COLOURFUL = 0.12, 0.35
"""Saturations (chroma by lightness) between which a thing turns from one without a colour into one with it."""
_FLOOR = 0.25
"""Share of the thing's lightness below which saturation is noise."""
_LIT = 70
"""Percentile of lightness that is the thing's own: its lit side."""
_GRAIN = 2.0
"""Standard deviation in pixels of what evens out grain before it is told which pixels have the thing's colour."""


def recolour(task: Task) -> Outcome:
    """Another colour, with the thing's own light and shade."""
    return repainted(task, _recoloured)


def _recoloured(colours: Pixels, inside: Region, size: float, task: Task) -> Painter:  # noqa: ARG001
    assert task.colour is not None  # checked with the parameters
    wanted = lab_of(light_of(np.array(colour_in(task.colour, task.profile))[None], 255))[0]
    usual, saturation = _usual(colours, inside, task.top)
    aim = min(max(float(wanted[0]) / 100, _DARKEST), _LIGHTEST)
    shift = _TOWARDS * (logit(aim) - logit(min(max(usual, 0.03), 0.97)))
    colourful = float(np.clip((saturation - _DULL) / (_COLOURFUL - _DULL), 0, 1))

    def painter(strip: Window) -> Floats:
        around, own = wider(strip, round(4 * _GRAIN) + 1, *inside.shape)
        lab = lab_of(light_of(colours[around], task.top))
        even = cv2.GaussianBlur(lab, (0, 0), _GRAIN)[own]
        lab = lab[own]
        # Grain takes the colour from single pixels of a dark thing, and evening out takes it from those beside a label.
        seen = np.maximum(_saturation(lab, usual), _saturation(even, usual))
        depth = np.asarray(seen / max(saturation, _DULL), np.float32)
        # 1 where a pixel has the thing's colour; of a thing without one, everywhere.
        share = 1 - colourful * (1 - _smooth(depth, 0.15, 0.5))
        amount = share * np.float32(task.strength)
        before = np.clip(lab[..., 0] / 100, 0, 1)
        lit = np.minimum(before, _BLOWN_OUT)
        lightness = before - lit + shifted(lit, shift * amount)
        strong = 1 - colourful * (1 - np.clip(depth, 0, 1.3))
        chroma = strong * np.clip(lightness / aim, 0, 1.25)
        lab[..., 0] = 100 * lightness
        lab[..., 1:] += (chroma[..., None] * wanted[1:] - lab[..., 1:]) * amount[..., None]
        return colours_of(light_of_lab(lab), task.top)

    return painter


def _usual(colours: Pixels, inside: Region, top: int) -> tuple[float, float]:
    """The thing's usual lightness in 0..1 and saturation, of what has a colour where it has one."""
    step = max(1, int(np.sqrt(np.count_nonzero(inside) / _SAMPLE)))
    lab = lab_of(light_of(colours[::step, ::step][inside[::step, ::step]], top))
    if not len(lab):
        lab = lab_of(light_of(colours[inside], top))
    lit = float(np.percentile(lab[..., 0], _LIT)) / 100
    saturation = _saturation(lab, lit)
    typical = float(np.percentile(saturation, 65))
    coloured = saturation >= 0.6 * typical
    return float(np.percentile(lab[coloured, 0], _LIT)) / 100, typical


def _saturation(lab: Floats, usual: float) -> NDArray[np.float32]:
    """Chroma by lightness, where the thing is usually as light as `usual`, 0..1."""
    return np.asarray(
        np.hypot(lab[..., 1], lab[..., 2]) / np.maximum(lab[..., 0], max(100 * _FLOOR * usual, 1)), np.float32
    )


def _smooth(values: Floats, low: float, high: float) -> Floats:
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
