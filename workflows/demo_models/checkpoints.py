"""Training plumbing shared by both demo models: time and checkpoints that survive a kill.

Knows no model in particular.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass
class Budget:
    """How far a training is, by steps where `steps` is given, else by seconds of training time.

    Attributes:
        seconds: Training time there is; stopping and resuming does not use it up.
        steps: Steps there are, or None.
        spent: Seconds used in earlier runs and up to the last `advance`.
        done: Steps done.
    """

    seconds: float
    steps: int | None = None
    spent: float = 0.0
    done: int = 0
    _mark: float | None = None

    def advance(self) -> None:
        """Counts one finished step and the time since the one before; the first of a run sets the clock."""
        now = time.monotonic()
        self.spent += 0.0 if self._mark is None else now - self._mark
        self._mark, self.done = now, self.done + 1

    @property
    def progress(self) -> float:
        """Share of the budget used, 0..1."""
        share = self.done / self.steps if self.steps is not None else self.spent / max(self.seconds, 1e-9)
        return min(1.0, share)

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self.progress >= 1.0


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes a checkpoint whole or not at all, replacing the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The checkpoint at `path`, tensors on the CPU, or None where there is none."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
