"""Training batches drawn from a pool of scenes, in the training's own process or in several beside it.

A GPU takes batches faster than one process can crop and resize pictures for it. Knows no model and no batch's make-up.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from workflows.demo_models.scene_pool import PoolSettings, ScenePool

Made = TypeVar("Made")
_REFRESH = 25
"""Batches after which a process looks for new shards."""


class Batches(IterableDataset[Made], Generic[Made]):
    """Endless batches; every process that draws them has draws of its own.

    Args:
        folder: Where the shards lie; something else fills it.
        settings: Of the pool.
        make: A batch from the pool and a random generator; called for ever.
        seed: Of the draws; another one for a training that goes on than for its beginning.
    """

    def __init__(
        self,
        folder: Path,
        settings: PoolSettings,
        make: Callable[[ScenePool, np.random.Generator], Made],
        seed: tuple[int, ...],
    ) -> None:
        self._folder, self._settings, self._make, self._seed = folder, settings, make, seed

    def __iter__(self) -> Iterator[Made]:
        """Batches of this process."""
        process = get_worker_info()
        rng = np.random.default_rng((*self._seed, 0 if process is None else process.id))
        pool = ScenePool.of(self._settings, self._folder, 0)
        for number in itertools.count():
            if number % _REFRESH == 0:
                pool.refresh()
            yield self._make(pool, rng)

    def load(self, workers: int) -> Iterator[Made]:
        """Batches as they come, made by `workers` processes beside this one; 0: here."""
        return iter(DataLoader(self, batch_size=None, num_workers=workers, collate_fn=_untouched))


def _untouched(made: Made) -> Made:
    """Batches stay as they are made; the loader would turn their arrays into tensors."""
    return made
