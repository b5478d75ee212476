"""Light in a drawn scene: where it comes from, its colours, and which way and how softly shadows fall.

Knows nothing of things, layouts or labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workflows.demo_models.surfaces import Array, Surface, Surroundings

_BALL = np.array([(0, 0, 1), (0.7, 0, 0.71), (-0.7, 0, 0.71), (0, 0.7, 0.71), (0, -0.7, 0.71)])
"""Some directions that a ball's near side faces."""


@dataclass(frozen=True)
class Lights:
    """A main lamp, a glow from all sides and what `Surroundings` adds.

    Attributes:
        direction: (3,) float32 unit vector towards the main lamp, x right, y down, z to the viewer.
        ambient: Share of light that comes from all sides, 0..1.
        around: Colours of light, the second lamp, the shape of highlights.
        softness: Width of a shadow's edge as a share of the thing that throws it.
        depth: How dark a shadow is, 0..1.
        exposure: What makes a white ball about white, whatever the lamps.
    """

    direction: Array
    ambient: float
    around: Surroundings
    softness: float
    depth: float
    exposure: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Lights:
        """Any light a snapshot may be taken in: window, sun, flash, shop ceiling, dusk."""
        turn = rng.uniform(-1.3, 1.3) + (math.pi if rng.random() < 0.05 else 0.0)
        rise = rng.uniform(0.35, 1.3)
        direction = [math.sin(turn) * math.cos(rise), -math.cos(turn) * math.cos(rise), math.sin(rise)]
        ambient = rng.uniform(0.22, 0.72)
        around = Surroundings.drawn(rng)
        hard = bool(rng.random() < 0.35)
        fall = np.maximum((_BALL @ np.array(direction) + around.wrap) / (1.0 + around.wrap), 0.0).mean()
        level = 0.5 * ambient * float((around.sky + around.ground).mean()) + (1.15 - ambient) * float(fall)
        return cls(
            np.array(direction, np.float32),
            float(ambient),
            around,
            float(rng.uniform(0.015, 0.06) if hard else rng.uniform(0.07, 0.22)),
            float(np.clip(1.1 - ambient + rng.uniform(-0.1, 0.2), 0.3, 0.88)),
            float(np.clip(rng.uniform(0.72, 0.92) / level, 0.6, 1.9)),
        )

    def shine_on(self, surface: Surface) -> Array:
        """The picture (h, w, 3) of a surface."""
        return surface.lit(self.direction, self.ambient, self.around) * np.float32(self.exposure)

    def fall(self) -> tuple[float, float]:
        """Which way and how far a shadow falls from something of height 1, picture x and y."""
        x, y, z = (float(part) for part in self.direction)
        reach = min(1.6, 1.0 / max(z, 0.25))
        return -x * reach, -y * reach
