"""Training pictures for the detector: windows of rendered scenes at model size, with boxes and kinds.

Knows nothing of phrases, tensors or losses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import find_objects

from workflows.demo_models.scene_pool import Labelled, ScenePool, window
from workflows.demo_models.scenes import LEAST_VISIBLE

CLOSEST = 240
"""Shorter side in pixels of the closest look at a scene: an enlargement would show nothing new."""


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


def closer(picture: Labelled, rng: np.random.Generator) -> Labelled:
    """Half the time a window of the same shape anywhere in a picture, as a tile of a large photograph is."""
    height, width = picture.labels.shape
    least = min(1.0, CLOSEST / min(height, width)) * 0.8
    if rng.random() < 0.5:
        return picture
    share = rng.uniform(least, 1.0)
    part_width, part_height = round(width * share), round(height * share)
    left, top = int(rng.integers(width - part_width + 1)), int(rng.integers(height - part_height + 1))
    return window(picture, left, top, part_width, part_height)


def draw_samples(pool: ScenePool, rng: np.random.Generator, number: int, short: int, long: int) -> list[Sample]:
    """A training batch: `number` looks at scenes of one shape."""
    return [draw_sample(picture, short, long, rng) for picture in pool.draw(number, rng, alike=True)]


def draw_sample(picture: Labelled, short: int, long: int, rng: np.random.Generator) -> Sample:
    """A look at a picture; looks at pictures of one shape are of one size, whatever part of it they show."""
    height, width = picture.labels.shape
    return sample_of(closer(picture, rng), model_size(width, height, short, long))


def sample_of(picture: Labelled, size: tuple[int, int]) -> Sample:
    """Resizes a picture to (width, height) as the image processor does; things mostly out of sight are not labelled."""
    height, width = picture.labels.shape
    small = Image.fromarray(picture.image).resize(size, Image.Resampling.BILINEAR)
    edges, kinds = [], []
    for index, spans in enumerate(find_objects(picture.labels, max_label=len(picture.kinds))):
        if spans is not None and picture.visible[index] >= LEAST_VISIBLE:
            rows, columns = spans
            edges.append((columns.start, rows.start, columns.stop, rows.stop))
            kinds.append(picture.kinds[index])
    corners = np.array(edges, np.float32).reshape(-1, 4) / np.array([width, height] * 2, np.float32)
    middle, extent = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    return Sample(np.asarray(small), np.concatenate([middle, extent], 1), np.array(kinds, np.int64))
