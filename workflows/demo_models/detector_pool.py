"""Rendered scenes kept on disk and in memory for the detector: pictures at model size, boxes and kinds.

One process renders shards ahead (each shard one picture shape) while the trainer already draws from those
that are there. Knows nothing of phrases, tensors or losses.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workflows.demo_models.scenes import EVALUATION_SEEDS, KINDS, render_scene

SHARD = 200
SHAPES: tuple[tuple[int, int], ...] = ((320, 240),) * 8 + ((240, 240), (240, 320))
"""Rendered (width, height) of shard after shard: mostly wide, some square and tall."""


@dataclass(frozen=True)
class Sample:
    """One training picture.

    Attributes:
        image: (h, w, 3) uint8 RGB at model size.
        boxes: (n, 4) float32, centre x, centre y, width, height as fractions of the picture.
        kinds: (n,) int64 indices into `KINDS`.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    kinds: NDArray[np.int64]


def model_size(width: int, height: int, short: int, long: int) -> tuple[int, int]:
    """The size a picture is resized to: short side `short` unless the long one would pass `long`."""
    scale = min(short / min(width, height), long / max(width, height))
    return round(width * scale), round(height * scale)


def render_sample(seed: int, size: tuple[int, int], short: int, long: int) -> Sample:
    """Renders a scene of (width, height) and shrinks it as the detector's image processor does."""
    scene = render_scene(seed, *size)
    small = Image.fromarray(scene.image).resize(model_size(*size, short, long), Image.Resampling.BILINEAR)
    corners = np.array([thing.box for thing in scene.objects], np.float32).reshape(-1, 4) / np.array([*size, *size])
    middle, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    kinds = np.array([KINDS.index((thing.noun, thing.colour)) for thing in scene.objects], np.int64)
    return Sample(np.asarray(small), np.concatenate([middle, extent], 1).astype(np.float32), kinds)


def write_shard(path: Path, number: int, short: int, long: int, first_seed: int, size: int = SHARD) -> None:
    """Renders shard `number` into one file, written whole or not at all."""
    shape = SHAPES[number % len(SHAPES)]
    seeds = range(first_seed + number * SHARD, first_seed + number * SHARD + size)
    if seeds[-1] >= EVALUATION_SEEDS:
        raise ValueError(f"seed={seeds[-1]} is for measuring: expected below {EVALUATION_SEEDS}. Lower the first seed.")
    samples = [render_sample(seed, shape, short, long) for seed in seeds]
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        images=np.stack([sample.image for sample in samples]),
        boxes=np.concatenate([sample.boxes for sample in samples]),
        kinds=np.concatenate([sample.kinds for sample in samples]),
        lengths=np.array([len(sample.kinds) for sample in samples]),
    )
    partial.replace(path)


def read_shard(path: Path) -> list[Sample]:
    """The samples of one shard file."""
    with np.load(path) as held:
        images, boxes, kinds, lengths = (held[name] for name in ("images", "boxes", "kinds", "lengths"))
    ends = np.cumsum(lengths)
    spans = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    return [Sample(image, boxes[span], kinds[span]) for image, span in zip(images, spans, strict=True)]


def _render_shards(folder: Path, wanted: int, short: int, long: int, first_seed: int, size: int) -> None:
    os.nice(5)
    for number in range(wanted):
        path = folder / f"shard-{number:04d}.npz"
        if not path.exists():
            write_shard(path, number, short, long, first_seed, size)


class Pool:
    """Shards that are there, growing while a process renders more.

    Args:
        folder: Where shards lie; made where missing.
        wanted: Number of shards in the end.
        short: Short side of a picture in pixels, at model size.
        long: Longest side allowed.
        first_seed: Seed of the first scene.
        size: Scenes a shard.
    """

    def __init__(self, folder: Path, wanted: int, short: int, long: int, first_seed: int, size: int = SHARD) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.wanted = folder, wanted
        self._shards: dict[Path, list[Sample]] = {}
        arguments = (folder, wanted, short, long, first_seed, size)
        self._process: BaseProcess = get_context("spawn").Process(target=_render_shards, args=arguments, daemon=True)
        self._process.start()
        while not self.refresh():
            if not self._process.is_alive() and self._process.exitcode:
                raise RuntimeError("The scene renderer ended early: expected shards. Look at its message above.")
            time.sleep(0.5)

    def refresh(self) -> int:
        """Takes up shards written since; returns how many there are."""
        if len(self._shards) < self.wanted:
            for path in sorted(self.folder.glob("shard-????.npz")):
                if path not in self._shards:
                    self._shards[path] = read_shard(path)
        return len(self._shards)

    def draw(self, number: int, rng: np.random.Generator) -> Sequence[Sample]:
        """`number` samples of one shape, picked at random."""
        shards = list(self._shards.values())
        first = shards[int(rng.integers(len(shards)))]
        alike = [shard for shard in shards if shard[0].image.shape == first[0].image.shape]
        picked = []
        for _ in range(number):
            shard = alike[int(rng.integers(len(alike)))]
            picked.append(shard[int(rng.integers(len(shard)))])
        return picked

    def close(self) -> None:
        """Stops the renderer."""
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()
