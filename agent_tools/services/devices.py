"""Where a model runs, in which precision, and what happens when there is no room left.

Weights stay float32 everywhere. Where half precision was chosen the heavy layers run in it under autocast, which keeps
boxes and coordinates, where half precision would move things by whole pixels, in float32. This module does not know any
model, nor when half precision pays; see `precision`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from agent_tools.errors import AskmaskError, ConfigError, OutOfMemoryError, ServiceError, shorten

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "failed to allocate")


def available_devices() -> list[str]:
    """The devices of this machine as ``--device`` takes them, best first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def choose_device(name: str = "auto") -> torch.device:
    """The device behind ``auto``, ``cpu``, ``cuda``, ``cuda:n`` or ``mps``.

    Raises:
        ConfigError: this machine has no such device.
    """
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise ConfigError(
            f"device={shorten(name)} is not on this machine: expected one of auto, {', '.join(available)}. "
            "Pass --device cpu, or install a PyTorch build for the device."
        )
    return torch.device(wanted)


@contextmanager
def running(device: torch.device, what: str, precision: torch.dtype = torch.float32) -> Iterator[None]:
    """Run a model inside this: no gradients, and errors a person can act on.

    Args:
        device: where the model lies.
        what: names the model in errors, for example ``detector=IDEA-Research/grounding-dino-tiny``.
        precision: of the heavy layers.

    Raises:
        OutOfMemoryError: the device had no room.
        ServiceError: the model failed in another way.
    """
    half = precision != torch.float32
    try:
        # Autocast refuses float32 even when it is off.
        with torch.inference_mode(), torch.autocast(device.type, precision if half else torch.bfloat16, enabled=half):
            yield
    except AskmaskError:
        raise
    except (RuntimeError, ValueError, MemoryError, IndexError, TypeError) as error:
        text = str(error).lower()
        if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(sign in text for sign in _NO_MEMORY):
            if device.type == "cuda":
                torch.cuda.empty_cache()
            raise OutOfMemoryError(
                f"{what} ran out of memory on {device}: expected room for one pass. "
                "Use a smaller picture, --models fast or demo, or --device cpu."
            ) from error
        raise ServiceError(
            f"{what} failed on {device}: {type(error).__name__}: {shorten(error, 200)}: expected a result. "
            "Try another picture or --models demo, and report this with --debug."
        ) from error
