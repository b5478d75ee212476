"""Pictures as files: only pixels are written, so that no place, time or owner of a photograph goes along.

This module does not know objects or formats of annotations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ToolInputError
from agent_tools.exporting.records import Job, Sheet

_LONGEST_JPEG = 65_500
"""Pixels that a side of a JPEG may have in libjpeg."""
_JPEG = [
    cv2.IMWRITE_JPEG_QUALITY,
    95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 3]
# Looking for the best filter of every row takes ten times as long as packing a mask, and gains nothing there. OpenCV
# before 4.11 cannot be told to leave it.
_FLAT_PNG = [*_PNG, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE] if hasattr(cv2, "IMWRITE_PNG_FILTER") else _PNG


def file_name(sheet: Sheet, job: Job) -> str:
    """The name of the picture's file in the export; that of the picture itself where none is written."""
    endings = {"png": ".png", "jpeg": ".jpg", None: Path(sheet.picture.name).suffix}
    return sheet.name + endings[job.options.images]


def write_images(job: Job, folder: Path) -> None:
    """Write every picture of the job, upright, unless the caller wants none.

    Raises:
        ToolInputError: a picture too long for JPEG.
    """
    if job.options.images is None:
        return
    folder.mkdir()
    for sheet in job.sheets:
        longest = max(sheet.picture.width, sheet.picture.height)
        if job.options.images == "jpeg" and longest > _LONGEST_JPEG:
            raise ToolInputError(
                f"images=jpeg cannot hold {sheet.name} with a side of {longest} pixels: expected {_LONGEST_JPEG} at "
                "most. Choose images=png."
            )
        write_image(folder / file_name(sheet, job), sheet.picture.array)


def write_image(path: Path, pixels: NDArray[Any], *, flat: bool = False) -> None:
    """Write one picture in the form that its ending says.

    Args:
        path: ends in .png or .jpg.
        pixels: (H, W), (H, W, 3) RGB or (H, W, 4) RGBA; uint8, or uint16 for .png.
        flat: large areas of one value, as in masks and label maps; that is quicker, and changes no pixel.

    Raises:
        OSError: it cannot be written.
    """
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    ordered = cv2.cvtColor(pixels, codes[pixels.shape[2]]) if pixels.ndim == 3 else np.ascontiguousarray(pixels)
    done, encoded = cv2.imencode(path.suffix, ordered, _JPEG if path.suffix == ".jpg" else _FLAT_PNG if flat else _PNG)
    assert done  # cv2 refuses only shapes and types that the callers have excluded
    path.write_bytes(encoded.tobytes())
