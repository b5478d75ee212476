"""Training batches for the segmenter: rendered scenes cropped, flipped and recoloured, and the things to prompt.

This module does not know: the model's shape, the loss, how scenes are drawn.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from workflows.demo_models.scene_pool import Labelled, window

Image = npt.NDArray[np.uint8]


def augmented(picture: Labelled, rng: np.random.Generator) -> Labelled:
    """Crops (half the time), flips and recolours a picture; the labels follow."""
    height, width = picture.labels.shape
    if rng.random() < 0.5:
        crop_height, crop_width = (rng.uniform(0.5, 1.0, 2) * (height, width)).astype(int)
        top, left = rng.integers(height - crop_height + 1), rng.integers(width - crop_width + 1)
        picture = window(picture, left, top, crop_width, crop_height)
    image, labels = picture.image, picture.labels
    if rng.random() < 0.5:
        image, labels = image[:, ::-1], labels[:, ::-1]
    if rng.random() < 0.1:
        image, labels = image[::-1], labels[::-1]
    image = _recoloured(np.ascontiguousarray(image), rng)
    return picture._replace(image=image, labels=np.ascontiguousarray(labels))


def _recoloured(image: Image, rng: np.random.Generator) -> Image:
    """Changes exposure, contrast, white balance, now and then sharpness, noise or colour altogether."""
    tone = np.linspace(0, 1, 256)[:, None] ** rng.uniform(0.75, 1.35) * rng.uniform(0.8, 1.15, (1, 3))
    tone = (tone - 0.5) * rng.uniform(0.75, 1.2) + 0.5
    table = np.clip(tone * 255, 0, 255).astype(np.uint8)
    image = np.stack([table[:, c][image[..., c]] for c in range(3)], axis=-1)
    kind = rng.random()
    if kind < 0.12:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.2)), dtype=np.uint8)
    elif kind < 0.24:
        noise = rng.normal(0, rng.uniform(2, 10), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    elif kind < 0.28:
        image = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    return image


class Batch(NamedTuple):
    """What one training step sees; N objects on B pictures, S the model's picture size.

    Attributes:
        pixels: (B, 3, S, S) float32, normalised and padded as the image processor does.
        owners: (N,) int64, the picture each object is on.
        truths: (N, S, S) bool, visible masks, false on the padding.
        labels: (B, S, S) uint8, every object of each picture, small ones too; 0 background and padding.
        extents: (N, 2) int64, height and width of the picture inside the padded square.
    """

    pixels: npt.NDArray[np.float32]
    owners: npt.NDArray[np.int64]
    truths: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.uint8]
    extents: npt.NDArray[np.int64]


def make_batch(
    pictures: Sequence[Labelled],
    image_processor: Any,
    rng: np.random.Generator,
    *,
    objects: int,
    least_area: int,
) -> Batch:
    """Prepares pictures and draws the objects to prompt on each.

    Args:
        pictures: at least one.
        image_processor: a `SamImageProcessorPil`; the very one that is saved beside the model.
        rng: draws the objects.
        objects: at most this many a picture.
        least_area: visible pieces below this many pixels, at the model's picture size, are left out.

    Returns:
        The batch; N may be 0.
    """
    inputs = image_processor(images=[picture.image for picture in pictures], return_tensors="np")
    size = inputs["pixel_values"].shape[-1]
    everything = np.zeros((len(pictures), size, size), dtype=np.uint8)
    owners, truths, extents = [], [], []
    for owner, (picture, extent) in enumerate(zip(pictures, inputs["reshaped_input_sizes"], strict=True)):
        height, width = (int(edge) for edge in extent)
        labels = everything[owner]
        labels[:height, :width] = cv2.resize(picture.labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        areas = np.bincount(labels.ravel(), minlength=2)[1:]
        present = np.flatnonzero(areas >= least_area) + 1
        for number in rng.permutation(present)[:objects]:
            owners.append(owner)
            truths.append(labels == number)
            extents.append((height, width))
    return Batch(
        np.asarray(inputs["pixel_values"], dtype=np.float32),
        np.array(owners, dtype=np.int64),
        np.array(truths, dtype=bool).reshape(-1, size, size),
        everything,
        np.array(extents, dtype=np.int64).reshape(-1, 2),
    )
