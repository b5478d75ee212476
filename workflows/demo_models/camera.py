"""The camera: how it is held, and what it makes of what it sees.

Knows nothing of what is in the picture but how small the smallest thing to be told apart is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.surfaces import Array

_WHITE = 180.0
"""Where white lies among the 256 steps that the tone curve is worked out for; more than white is over-exposed."""


@dataclass(frozen=True)
class Hold:
    """Where the frame lies on the canvas that the scene is painted on.

    Attributes:
        size: Width and height of the canvas, pixels.
        homography: (3, 3) float64 from canvas to frame; None where they are one.
        frame: Width and height of the frame, pixels.
    """

    size: tuple[int, int]
    homography: NDArray[np.float64] | None
    frame: tuple[int, int]

    @classmethod
    def draw(
        cls, rng: np.random.Generator, width: int, height: int, roll: float | None = None, aslant: float = 0.05
    ) -> Hold:
        """Level and square, or rolled and seen a little from the side.

        Args:
            rng: Draws it.
            width: Of the frame, pixels.
            height: Likewise.
            roll: Usual roll, radians; None: 0.05, and now and then a lot more.
            aslant: Most that a corner is out of place, as a share of the frame.
        """
        if rng.random() < 0.4:
            return cls((width, height), None, (width, height))
        steady = roll is not None or rng.random() < 0.8
        roll = rng.normal(0.0, 0.05 if roll is None else roll) if steady else rng.uniform(-0.35, 0.35)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        c, s = math.cos(roll), math.sin(roll)
        middle = np.array([width / 2, height / 2])
        quad = (corners - middle) @ np.array([[c, s], [-s, c]]) + middle
        quad += rng.uniform(-aslant, aslant, (4, 2)) * np.array([width, height])
        quad -= np.floor(quad.min(0))
        size = np.ceil(quad.max(0)).astype(int)
        homography = cv2.getPerspectiveTransform(quad.astype(np.float32), corners.astype(np.float32))
        return cls((int(size[0]), int(size[1])), np.asarray(homography, np.float64), (width, height))

    def in_frame(self) -> NDArray[np.bool_]:
        """(H, W) of the canvas: what the camera sees."""
        seen = np.ones((self.size[1], self.size[0]), np.uint8)
        if self.homography is not None:
            back = np.linalg.inv(self.homography)
            whole = np.ones((self.frame[1], self.frame[0]), np.uint8)
            seen = cv2.warpPerspective(whole, back, self.size, flags=cv2.INTER_NEAREST)
        return np.asarray(seen, bool)

    def seen(self, picture: Array) -> Array:
        """The frame's share of a canvas (H, W, 3)."""
        if self.homography is None:
            return picture
        warped = cv2.warpPerspective(
            picture, self.homography, self.frame, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.float32)

    def seen_ids(self, ids: NDArray[np.int16]) -> NDArray[np.int16]:
        """The frame's share of whose pixel each is, -1 for nobody's."""
        if self.homography is None:
            return ids
        flags = cv2.INTER_NEAREST
        return np.asarray(cv2.warpPerspective(ids, self.homography, self.frame, flags=flags, borderValue=-1), np.int16)


def photograph(picture: Array, smallest: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """What a middling camera makes of a view.

    Args:
        picture: (H, W, 3) float32, 0..1 and over.
        smallest: Pixels across the smallest thing that must still be told apart.
        rng: Draws the faults.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image = _blurred(picture, smallest, rng)
    image = _exposed(image, rng)
    image = _developed(image, rng)
    if rng.random() < 0.15 and smallest > 10:
        image = _small_once(image, rng)
    noise = rng.uniform(0.0, 0.012) if rng.random() < 0.7 else rng.uniform(0.012, 0.045)
    cv2.setRNGSeed(int(rng.integers(1 << 31)))  # OpenCV's own generator draws the grain, several times faster
    grain = np.float32(noise) * rng.standard_normal(image.shape, np.float32) if noise > 0.002 else 0.0
    pixels = np.clip((image + grain) * 255.0 + 0.5, 0, 255).astype(np.uint8)
    done, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 98))])
    if not done:
        raise RuntimeError("The JPEG encoder refused the scene: expected bytes. Check the OpenCV build.")
    return np.ascontiguousarray(np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def _blurred(image: Array, smallest: float, rng: np.random.Generator) -> Array:
    """Out of focus or shaken, but never beyond making out the smallest thing."""
    most = min(0.07 * smallest, 0.012 * min(image.shape[:2]))
    chance = rng.random()
    if chance < 0.4:
        blur = rng.uniform(0.0, 1.0) * most
        return np.asarray(cv2.GaussianBlur(image, (0, 0), blur), np.float32) if blur > 0.3 else image
    if chance < 0.52:
        length = rng.uniform(0.5, 3.0) * most
        if length < 1.0:
            return image
        reach = math.ceil(length / 2)
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        turn = rng.uniform(0.0, math.pi)
        step = np.array([math.cos(turn), math.sin(turn)]) * length / 2
        ends = np.round((reach + np.array([-step, step])) * 16).astype(int)
        start, stop = tuple(map(int, ends[0])), tuple(map(int, ends[1]))
        cv2.line(kernel, start, stop, 1.0, 1, cv2.LINE_AA, 4)
        return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.float32)
    if chance < 0.62:
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        return np.asarray(image + np.float32(rng.uniform(0.2, 0.9)) * (image - soft), np.float32)
    return image


def _exposed(image: Array, rng: np.random.Generator) -> Array:
    """Brighter or darker than it was, darker at the corners, light and shade across it."""
    height, width = image.shape[:2]
    middle = float(np.median(image[::4, ::4].max(2)))
    wanted = rng.uniform(0.3, 0.72) if rng.random() < 0.85 else rng.choice([0.2, 0.85])
    gain = float(np.clip((wanted / max(middle, 0.05)) ** rng.uniform(0.1, 0.6), 0.65, 1.45))
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    dark = np.float32(max(0.0, rng.uniform(-0.15, 0.3)))
    slope = rng.normal(0.0, 0.08, 2).astype(np.float32)
    field = np.float32(gain) * (1.0 - dark * (x * x + y * y) * 0.5 + slope[0] * x + slope[1] * y)
    return np.asarray(image * field[..., None], np.float32)


def _developed(image: Array, rng: np.random.Generator) -> Array:
    """White balance, saturation, contrast and a soft shoulder in the lights."""
    warm, tint = float(np.clip(rng.normal(0.0, 0.04), -0.09, 0.09)), rng.normal(0.0, 0.015)
    balance = np.array([1.0 + warm, 1.0 + tint, 1.0 - 1.2 * warm], np.float32)
    colour = np.float32(np.clip(rng.normal(1.02, 0.12), 0.8, 1.35))
    grey = np.array([[0.3, 0.59, 0.11]], np.float32)
    matrix = (colour * np.eye(3, dtype=np.float32) + (1 - colour) * np.ones((3, 1), np.float32) @ grey) * balance
    image = np.asarray(cv2.transform(image, matrix), np.float32)
    knee = rng.uniform(0.75, 0.98)
    contrast, lift, gamma = rng.uniform(-0.12, 0.35), max(0.0, rng.normal(0.0, 0.03)), rng.uniform(0.82, 1.2)
    level = np.arange(256) / _WHITE
    level = np.where(level > knee, knee + (1 - knee) * np.tanh((level - knee) / (1 - knee) * 0.7), level)
    level = level + contrast * level * (1.0 - level) * (2.0 * level - 1.0)
    curve = (lift + (1.0 - lift) * np.clip(level, 0.0, 1.0) ** gamma).astype(np.float32)
    steps = cv2.convertScaleAbs(np.maximum(image, 0.0), alpha=_WHITE)
    return np.asarray(cv2.LUT(steps, curve), np.float32)


def _small_once(image: Array, rng: np.random.Generator) -> Array:
    """Sent at a smaller size and enlarged again."""
    height, width = image.shape[:2]
    share = rng.uniform(0.5, 0.85)
    small = cv2.resize(image, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
