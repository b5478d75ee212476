"""What fills holes in pictures looks like to those who use it.

This module does not know any way of doing it.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Inpainter(Protocol):
    """Fills a hole in a picture with what might have been there."""

    def fill(self, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fill a hole.

        Args:
            pixels: (h, w, 3) uint8 RGB: the hole and its surroundings; not to be written to.
            hole: (h, w) bool; never all of it.

        Returns:
            (h, w, 3) uint8 RGB; only what is in the hole is taken.

        Raises:
            ServiceError: the model failed.
        """
