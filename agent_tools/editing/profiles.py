"""Colours of sRGB in the numbers of a picture that has a colour profile of its own.

This module does not know edits.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms


def colour_in(colour: str, profile: bytes | None) -> tuple[int, int, int]:
    """A colour "#rrggbb" of sRGB as red, green and blue, 0..255, of a profile; None: sRGB."""
    wanted = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)], np.uint8)
    red, green, blue = (int(value) for value in pixels_in(wanted[None, None], profile)[0, 0])
    return red, green, blue


def pixels_in(pixels: NDArray[np.uint8], profile: bytes | None) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 sRGB in the numbers of a profile; as they are where it is sRGB's, or none for RGB."""
    if profile is None or b"sRGB" in profile:
        return pixels
    try:
        target = ImageCms.ImageCmsProfile(BytesIO(profile))
        made = ImageCms.profileToProfile(
            Image.fromarray(pixels), ImageCms.createProfile("sRGB"), target, outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return pixels
    return np.asarray(made, np.uint8)
