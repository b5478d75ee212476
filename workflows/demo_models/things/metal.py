"""Polished metal: what a curved steel part mirrors. Knows no nouns and no lamp."""

from __future__ import annotations

import numpy as np

from workflows.demo_models.surfaces import Surface, Weights
from workflows.demo_models.things.forms import between

STEEL = np.array([0.69, 0.70, 0.72], np.float32)


def mirrored(surface: Surface, where: Weights, rng: np.random.Generator, strength: float = 0.8) -> None:
    """Turns a part to polished metal: it mirrors a bright sky, a dark horizon and a middling floor."""
    across, down = surface.normal[0] * 1.6, surface.normal[1] * 1.6
    swing, edge = between(rng, -0.5, 0.5), between(rng, -0.3, 0.3)
    level = down + np.float32(swing) * across - np.float32(edge)
    bright = 0.62 + 0.5 * np.tanh(level * -5.0) + 0.22 * np.sin(across * between(rng, 4.0, 9.0) + swing * 6.0)
    surface.scale(1.0 + where * np.float32(strength) * (np.clip(bright, 0.12, 1.35) - 1.0))
