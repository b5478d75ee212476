"""LaMa, run by OpenCV: ``--inpainter lama:FILE.onnx``.

Suvorov et al. 2022, "Resolution-robust Large Mask Inpainting with Fourier Convolutions". The file is that of OpenCV's
model zoo (``inpainting_lama_2025jan.onnx``, Apache-2.0) or one exported likewise: inputs ``image`` (1, 3, 512, 512)
RGB in 0..1 and ``mask`` (1, 1, 512, 512) with 1 in the hole, output (1, 3, 512, 512) in 0..255. A larger window is
filled on a smaller copy, and what is taken of it gets the picture's grain. This module does not know where the file
comes from.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ConfigError, ServiceError, shorten
from agent_tools.services.inpainting.grain import with_grain

SIDE = 512


class Lama:
    """LaMa from an ONNX file; may be called from several threads."""

    def __init__(self, file: str) -> None:
        """Load the model.

        Raises:
            ConfigError: there is no such file, or it is no ONNX model that OpenCV runs.
        """
        self._file, self._lock = file, Lock()
        path = Path(file).expanduser()
        if not path.is_file():
            raise ConfigError(
                f"inpainter=lama:{shorten(file)} has no such file: expected inpainting_lama_2025jan.onnx of OpenCV's "
                "model zoo (github.com/opencv/opencv_zoo). Download it, or leave --inpainter out."
            )
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise ConfigError(
                f"inpainter=lama:{shorten(file)} cannot be loaded ({_one_line(error)}): expected an ONNX model. "
                "Download it again."
            ) from error

    def fill(self, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fill a hole; see `Inpainter`.

        Raises:
            ServiceError: the model cannot be run, or gives something else.
        """
        height, width = hole.shape
        side = max(height, width, SIDE)
        padding = (0, side - height, 0, side - width)
        square = cv2.copyMakeBorder(pixels, *padding, cv2.BORDER_REFLECT)
        wanted = cv2.copyMakeBorder(hole.view(np.uint8), *padding, cv2.BORDER_CONSTANT, value=0)
        image = cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        mask = (cv2.resize(wanted.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA) > 0).astype(
            np.float32
        )
        image *= 1 - mask[..., None]  # nothing of what is removed may be seen
        filled = cv2.resize(self._run(image, mask), (side, side), interpolation=cv2.INTER_CUBIC)[:height, :width]
        return with_grain(filled, pixels, hole, side / SIDE) if side > SIDE else filled

    def _run(self, image: NDArray[np.float32], mask: NDArray[np.float32]) -> NDArray[np.uint8]:
        try:
            with self._lock:
                self._net.setInput(np.ascontiguousarray(image.transpose(2, 0, 1)[None]), "image")
                self._net.setInput(np.ascontiguousarray(mask[None, None]), "mask")
                made = np.asarray(self._net.forward())
        except cv2.error as error:
            raise ServiceError(
                f"inpainter=lama:{shorten(self._file)} failed ({_one_line(error)}): expected a model with the "
                f"inputs image and mask of {SIDE} x {SIDE}. Use another file, or leave --inpainter out."
            ) from error
        if made.shape != (1, 3, SIDE, SIDE) or not np.isfinite(made).all():
            raise ServiceError(
                f"inpainter=lama:{shorten(self._file)} gave {made.shape}: expected finite numbers of "
                f"{(1, 3, SIDE, SIDE)}. Use another file, or leave --inpainter out."
            )
        return np.asarray(np.rint(made[0].transpose(1, 2, 0)).clip(0, 255), np.uint8)


def _one_line(error: cv2.error) -> str:
    return shorten(" ".join(str(error).split()), 160)
