"""Rendered scenes on disk that both trainings draw from, growing while other processes render more.

A shard is a folder of NumPy files, written whole or not at all and read through memory maps, so that several
trainings share one copy. Knows no model, no phrase and no loss.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from workflows.demo_models.scenes import EVALUATION_SEEDS, KINDS, Scene, render_scene

SHARD = 200
"""Scenes a shard."""
SHAPES: tuple[tuple[int, int], ...] = (
    *((320, 240), (480, 360), (320, 240), (240, 240), (320, 240)),
    *((480, 360), (320, 240), (240, 320), (320, 240), (320, 240)),
)
"""(width, height) of shard after shard: mostly wide, some square and tall, some large enough to look closely at."""


class PoolSettings(BaseModel):
    """How many rendered scenes there are to learn from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    shards: int
    shard_size: int
    first_seed: int


class Labelled(NamedTuple):
    """A picture, whose pixel each one is, and what the things are.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) uint8, 0 background, k the visible part of the k-th thing.
        kinds: (n,) int64 indices into `KINDS`.
        visible: (n,) float32, share of each thing in sight, 0 to 1.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    kinds: NDArray[np.int64]
    visible: NDArray[np.float32]


def labelled(scene: Scene) -> Labelled:
    """Folds a scene's visible masks, which never overlap, into one label picture (255 things at most)."""
    labels = np.zeros(scene.image.shape[:2], np.uint8)
    things = scene.objects[:255]
    for number, thing in enumerate(things, start=1):
        labels[thing.mask] = number
    kinds = np.array([KINDS.index((thing.noun, thing.colour)) for thing in things], np.int64)
    return Labelled(scene.image, labels, kinds, np.array([thing.visible for thing in things], np.float32))


def window(picture: Labelled, left: int, top: int, width: int, height: int) -> Labelled:
    """A part of a picture; things keep their numbers and lose the share of them that is left outside."""
    inside = np.s_[top : top + height, left : left + width]
    whole = np.bincount(picture.labels.ravel(), minlength=len(picture.kinds) + 1)[1:]
    part = np.bincount(picture.labels[inside].ravel(), minlength=len(picture.kinds) + 1)[1:]
    visible = picture.visible * part / np.maximum(whole, 1)
    return Labelled(picture.image[inside], picture.labels[inside], picture.kinds, visible.astype(np.float32))


def write_shard(path: Path, number: int, first_seed: int, size: int = SHARD) -> None:
    """Renders shard `number`, one picture shape, into a folder.

    Raises:
        ValueError: It would reach the seeds that are for measuring.
    """
    width, height = SHAPES[number % len(SHAPES)]
    seeds = range(first_seed + number * SHARD, first_seed + number * SHARD + size)
    if seeds[-1] >= EVALUATION_SEEDS:
        raise ValueError(f"seed={seeds[-1]} is for measuring: expected below {EVALUATION_SEEDS}. Lower the first seed.")
    pictures = [labelled(render_scene(seed, width, height)) for seed in seeds]
    partial = path.with_name(f".{path.name}-{os.getpid()}")
    partial.mkdir(parents=True, exist_ok=True)
    np.save(partial / "images.npy", np.stack([picture.image for picture in pictures]))
    np.save(partial / "labels.npy", np.stack([picture.labels for picture in pictures]))
    np.save(partial / "kinds.npy", np.concatenate([picture.kinds for picture in pictures]))
    np.save(partial / "visible.npy", np.concatenate([picture.visible for picture in pictures]))
    np.save(partial / "ends.npy", np.cumsum([len(picture.kinds) for picture in pictures]))
    try:
        partial.rename(path)
    except OSError:  # another renderer was first
        shutil.rmtree(partial)


@dataclass(frozen=True)
class Shard:
    """One shard as it lies on disk.

    Attributes:
        images: (S, H, W, 3) uint8, a memory map.
        labels: (S, H, W) uint8, a memory map.
        kinds: (n,) int64 of all its pictures, one after the other.
        visible: (n,) float32, the same.
        ends: (S,) int64, where each picture's things end.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    kinds: NDArray[np.int64]
    visible: NDArray[np.float32]
    ends: NDArray[np.int64]

    @classmethod
    def open(cls, path: Path) -> Shard:
        """Maps a shard's pictures and reads the rest."""
        maps = (np.load(path / f"{name}.npy", mmap_mode="r") for name in ("images", "labels"))
        return cls(*maps, *(np.load(path / f"{name}.npy") for name in ("kinds", "visible", "ends")))

    def __len__(self) -> int:
        """Pictures in it."""
        return len(self.ends)

    @property
    def aspect(self) -> float:
        """Width over height."""
        _, height, width, _ = self.images.shape
        return float(width / height)

    def picture(self, index: int) -> Labelled:
        """The picture at `index`."""
        things = slice(self.ends[index - 1] if index else 0, self.ends[index])
        return Labelled(self.images[index], self.labels[index], self.kinds[things], self.visible[things])


def _render(folder: Path, numbers: Sequence[int], first_seed: int, size: int) -> None:
    os.nice(5)
    cv2.setNumThreads(1)
    for number in numbers:
        path = folder / f"shard-{number:04d}"
        if not path.exists():
            write_shard(path, number, first_seed, size)


class ScenePool:
    """Shards that are there, while other processes render those that are not.

    Args:
        folder: Where shards lie; made where missing. Trainings may share it.
        wanted: Number of shards in the end.
        first_seed: Seed of the first scene.
        size: Scenes a shard.
        renderers: Processes that render; 0 where something else fills the folder.
    """

    def __init__(self, folder: Path, wanted: int, first_seed: int, size: int = SHARD, renderers: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.wanted = folder, wanted
        self._shards: dict[Path, Shard] = {}
        start: Callable[..., BaseProcess] = get_context("spawn").Process
        self._processes = [
            start(target=_render, args=(folder, range(part, wanted, renderers), first_seed, size), daemon=True)
            for part in range(min(renderers, wanted))
        ]
        for process in self._processes:
            process.start()
        while not self.refresh():
            if any(process.exitcode for process in self._processes):
                raise RuntimeError("The scene renderer ended early: expected shards. Look at its message above.")
            time.sleep(0.5)

    @classmethod
    def of(cls, settings: PoolSettings, folder: Path, renderers: int) -> ScenePool:
        """The pool that a training's settings describe."""
        return cls(folder, settings.shards, settings.first_seed, settings.shard_size, renderers)

    def __len__(self) -> int:
        """Scenes there are by now."""
        return sum(len(shard) for shard in self._shards.values())

    def refresh(self) -> int:
        """Takes up shards written since; returns how many there are."""
        if len(self._shards) < self.wanted:
            for path in sorted(self.folder.glob("shard-????")):
                if path not in self._shards:
                    self._shards[path] = Shard.open(path)
        return len(self._shards)

    def draw(self, number: int, rng: np.random.Generator, alike: bool = False) -> list[Labelled]:
        """`number` pictures at random, of one ratio of width to height where they have to be `alike`."""
        shards = list(self._shards.values())
        if alike:
            first = shards[int(rng.integers(len(shards)))]
            shards = [shard for shard in shards if shard.aspect == first.aspect]
        picked = (shards[int(rng.integers(len(shards)))] for _ in range(number))
        return [shard.picture(int(rng.integers(len(shard)))) for shard in picked]

    def close(self) -> None:
        """Stops the renderers."""
        for process in self._processes:
            if process.is_alive():
                process.terminate()
            process.join()
