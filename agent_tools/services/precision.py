"""In which number format a model's heavy layers run, and how large pictures are to it: settings, device and a probe.

Half precision pays where the device has units for it, and that is measured, not looked up: many CPUs take bfloat16 and
are several times slower with it. A model so small that nobody waits for it stays in float32, exact. This module does
not know any model; how a format is applied is in `devices`.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from agent_tools.settings import settings

HEAVY = 10e9
"""Multiply-adds of a pass from which a model is worth any of this: a tenth of a second or more on two cores."""
PAYS = 1.3
"""How many times faster half precision has to be: casts and what stays in float32 take a part of what it wins."""
SHARES = {"fast": 0.6, "balanced": 0.8, "best": 1.0}
"""Quality → share of a detector's usual picture size; its time goes about with the square."""
_FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_precision(device: torch.device, work: float) -> torch.dtype:
    """The format for the heavy layers of a model; boxes and coordinates stay in float32 whatever it is.

    Args:
        device: where the model runs.
        work: multiply-adds of one pass; parameters times tokens will do.

    Returns:
        What ``ASKMASK_PRECISION`` says; for ``auto``, half precision where the model is heavy and it pays.
    """
    wanted = settings().precision
    if wanted != "auto":
        return _FORMATS[wanted]
    if work >= HEAVY and device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if work >= HEAVY and device.type == "cpu" and bfloat16_speed() >= PAYS:
        return torch.bfloat16
    return torch.float32


def picture_share(work: float) -> float:
    """What share of its usual picture size a detector is given: ``ASKMASK_QUALITY`` for a heavy one, else all of it."""
    return SHARES[settings().quality] if work >= HEAVY else 1.0


@cache
def bfloat16_speed() -> float:
    """How many times faster than float32 this CPU multiplies bfloat16 matrices; measured once, in a tenth of a second.

    The fastest of a few runs each, turn about, so that another program's load falls on both.
    """
    numbers = torch.ones(256, 1024), torch.ones(1024, 512)
    pairs = {format_: [some.to(format_) for some in numbers] for format_ in (torch.float32, torch.bfloat16)}
    fastest = dict.fromkeys(pairs, float("inf"))
    with torch.inference_mode():
        for _ in range(4):
            for format_, (left, right) in pairs.items():
                began = time.perf_counter()
                left @ right
                fastest[format_] = min(fastest[format_], time.perf_counter() - began)
    return fastest[torch.float32] / fastest[torch.bfloat16]


def store(part: nn.Module, precision: torch.dtype) -> None:
    """Keep the weights of a part's linear layers and convolutions in the format that autocast would cast them to.

    The numbers are autocast's; the casts at each pass, and half of the memory, are saved. From then on the part runs
    under autocast of that format only.

    Args:
        part: whatever part of a model runs in `precision` as a whole.
        precision: float32 leaves everything as it is.
    """
    for module in part.modules():
        if isinstance(module, nn.Linear | nn.Conv2d) and precision != torch.float32:
            module.to(precision)


def keep_exact(part: nn.Module) -> None:
    """Let a part of a model run in float32 whatever autocast is on round it: what it gives are coordinates."""
    forward = part.forward

    def exact(*arguments: Any, **named: Any) -> Any:
        tensors = [some for some in (*arguments, *named.values()) if isinstance(some, Tensor)]
        with torch.autocast(tensors[0].device.type, enabled=False):
            return forward(*map(_widened, arguments), **{name: _widened(some) for name, some in named.items()})

    part.forward = exact


def _widened(some: Any) -> Any:
    return some.float() if isinstance(some, Tensor) and some.is_floating_point() else some
