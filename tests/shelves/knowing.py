"""A detector that sees exactly what a rendered shelf shows, on the whole picture and on any part of it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from agent_tools.pictures import Picture
from agent_tools.services.base import Detections
from workflows.demo_models.shelf_calibration import phrase_of
from workflows.demo_models.shelf_scenes import ShelfScene


class Knowing:
    """Gives the true box of each thing of which it is shown at least half.

    Args:
        scene: what it knows.
        score: what it gives a thing for its own phrase.
    """

    threshold = 0.5

    def __init__(self, scene: ShelfScene, score: float = 0.9) -> None:
        self._scene = scene
        self._score = score
        self.asked: list[tuple[str, ...]] = []

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`."""
        return [self._seen(picture, asked) for picture, asked in zip(pictures, phrases, strict=True)]

    def _seen(self, picture: Picture, phrases: Sequence[str]) -> Detections:
        self.asked.append(tuple(phrases))
        # Where in the scene the picture was cut out.
        apart = cv2.matchTemplate(self._scene.image, picture.array, cv2.TM_SQDIFF)
        down, across = np.unravel_index(int(apart.argmin()), apart.shape)
        shown = np.array([picture.width, picture.height] * 2)
        boxes, claimed = [], []
        for _, thing in self._scene.objects:
            phrase = phrase_of((thing.noun, thing.colour))
            box = np.clip(thing.box - np.array([across, down] * 2), 0, shown)
            whole = np.prod(thing.box[2:] - thing.box[:2])
            if phrase in phrases and np.prod(box[2:] - box[:2]) >= whole / 2:
                boxes.append(box)
                claimed.append(phrases.index(phrase))
        found = np.array(boxes, np.float32).reshape(-1, 4)
        return Detections(found, np.full(len(found), self._score, np.float32), np.array(claimed, np.int64))
