"""A diffusion model that fills holes, through diffusers: ``--inpainter diffusers:OWNER/NAME`` or ``diffusers:FOLDER``.

Safetensors only, no code of the repository is run, and nothing is fetched that is not asked for by name. This module
does not know masks or how a hole came about.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from agent_tools.errors import ConfigError, shorten

_LONGEST = 1024
"""Longest side that the model is shown, in pixels; larger windows are shrunk."""
_MULTIPLE = 8
"""What its sides have to divide by."""
_PROMPT = "the empty background, nothing in it"


class Diffusion:
    """Any inpainting pipeline of diffusers; the same hole is always filled the same way."""

    def __init__(self, source: str, device: str = "auto") -> None:
        """Load the model.

        Args:
            source: a folder, or an id owner/name of the hub.
            device: auto, cpu, cuda:n or mps.

        Raises:
            ConfigError: diffusers is not installed, or there is no such model.
        """
        try:
            import diffusers
        except ImportError as error:
            raise ConfigError(
                f"inpainter=diffusers:{shorten(source)} needs a package that is not here: expected diffusers. "
                "Run pip install 'askmask[inpaint]', or leave --inpainter out."
            ) from error
        import torch

        from agent_tools.services.devices import choose_device

        self._device, self._lock = choose_device(device), Lock()
        kind = torch.float32 if self._device.type == "cpu" else torch.float16
        try:
            loaded = diffusers.AutoPipelineForInpainting.from_pretrained(
                source, torch_dtype=kind, use_safetensors=True, trust_remote_code=False
            )
            self._pipeline: Any = loaded.to(self._device)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"inpainter=diffusers:{shorten(source)} cannot be loaded ({shorten(error, 160)}): expected an "
                "inpainting model with safetensors. Correct the name, or leave --inpainter out."
            ) from error
        self._pipeline.set_progress_bar_config(disable=True)

    def fill(self, pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Fill a hole; see `Inpainter`.

        Raises:
            OutOfMemoryError: the device had no room.
            ServiceError: the model failed.
        """
        import torch

        from agent_tools.services.devices import running

        height, width = hole.shape
        scale = min(1.0, _LONGEST / max(height, width))
        size = tuple(max(64, round(side * scale / _MULTIPLE) * _MULTIPLE) for side in (width, height))
        image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
        mask = Image.fromarray(hole.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX).point(_white)
        with self._lock, running(self._device, "inpainter=diffusers"):
            made = self._pipeline(
                prompt=_PROMPT,
                image=image,
                mask_image=mask,
                width=size[0],
                height=size[1],
                generator=torch.Generator("cpu").manual_seed(0),
            ).images[0]
        return np.asarray(
            cv2.resize(np.asarray(made.convert("RGB")), (width, height), interpolation=cv2.INTER_CUBIC), np.uint8
        )


def _white(value: int) -> int:
    """Whatever is partly of the hole is of the hole."""
    return 255 if value else 0
