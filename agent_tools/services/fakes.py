"""Services without a network, for tests of programs built on askmask: plain colours in, boxes and masks out.

They learn nothing and recognise nothing but colour, and they are exact: a picture painted with rectangles has a known
answer. They satisfy the same protocols, and the same contract tests, as the real models. This module does not know
torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools.masks import Boxes, Mask, box_area
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Prompt, Proposals, SegmentRequest, Segments

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 40),
    "orange": (240, 140, 20),
    "purple": (130, 40, 160),
    "pink": (250, 150, 190),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "gray": (128, 128, 128),
}
"""RGB of each colour the fakes can see; a pixel counts when every channel is within 12 of it."""
_TOLERANCE = 12

Answers = Mapping[str, Sequence[tuple[Sequence[float], float]]]
"""phrase → (box xyxy in pixels, score) for each thing the phrase finds, on every picture."""


class FakeDetector:
    """Finds patches of a plain colour that the phrase names: "red", "red box", "the red ones"; or what it is told.

    Attributes:
        threshold: score where a hit begins.
        calls: (digest, phrases) of every picture it was asked about, in order.
    """

    def __init__(self, answers: Answers | None = None, threshold: float = 0.5) -> None:
        """Begins without calls.

        Args:
            answers: what given phrases find; a phrase that is not among them is looked for by its colour.
            threshold: score where a hit begins; patches found by colour score 0.9.
        """
        self.threshold = threshold
        self.answers = dict(answers or {})
        self.calls: list[tuple[str, tuple[str, ...]]] = []

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`."""
        found = []
        for picture, asked in zip(pictures, phrases, strict=True):
            self.calls.append((picture.digest, tuple(asked)))
            rows = [
                (box, score, index)
                for index, phrase in enumerate(asked)
                if phrase not in asked[:index]
                for box, score in self._find(picture, phrase)
            ]
            found.append(
                Detections(
                    boxes=np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4),
                    scores=np.array([score for _, score, _ in rows], np.float32),
                    phrase_indices=np.array([index for _, _, index in rows], np.int64),
                )
            )
        return found

    def propose(self, pictures: Sequence[Picture]) -> list[Proposals]:
        """Every patch of every colour; patches of one colour are alike and no others; see `Proposer`."""
        found = []
        for picture in pictures:
            patches = [_patches(_close(picture.array, colour)) for colour in COLOURS.values()]
            kinds = np.repeat(np.eye(len(COLOURS), dtype=np.float32), [len(each) for each in patches], axis=0)
            boxes = np.concatenate(patches)
            whole = box_area(boxes) >= 0.5 * picture.width * picture.height  # the ground they lie on
            found.append(Proposals(boxes[~whole], np.full(np.count_nonzero(~whole), 0.9, np.float32), kinds[~whole]))
        return found

    def _find(self, picture: Picture, phrase: str) -> Sequence[tuple[Sequence[float], float]]:
        if phrase in self.answers:
            return self.answers[phrase]
        colour = next((COLOURS[word] for word in phrase.split() if word in COLOURS), None)
        if colour is None:
            return []
        return [(box.tolist(), 0.9) for box in _patches(_close(picture.array, colour))]


class FakeSegmenter:
    """Cuts out the even patch under a point, the patch in the middle of a box, or the mask it is given.

    A point on a second colour adds that patch, an outside point takes its patch away. A single point gets two
    candidates: its patch, and the patch's box.

    Attributes:
        calls: (digest, number of prompts) of every request, in order.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """See `Segmenter.segment`."""
        answers = []
        for request in requests:
            self.calls.append((request.picture.digest, len(request.prompts)))
            answers.append([_cut_out(request.picture, prompt) for prompt in request.prompts])
        return answers


def _cut_out(picture: Picture, prompt: Prompt) -> Segments:
    mask = np.zeros((picture.height, picture.width), bool) if prompt.mask is None else prompt.mask.to_array()
    if prompt.box is not None and prompt.points is None:
        mask |= _middle_patch(picture, prompt.box)
    candidates = []
    if prompt.points is not None and prompt.labels is not None:
        for (x, y), label in zip(prompt.points, prompt.labels, strict=True):
            patch = _patch_under(picture, float(x), float(y))
            mask = mask | patch if label == 1 else mask & ~patch
        if len(prompt.points) == 1 and prompt.box is None and prompt.mask is None:
            boxed = np.zeros_like(mask)
            for x0, y0, x1, y1 in _patches(mask).astype(int):
                boxed[y0:y1, x0:x1] = True
            candidates.append(boxed)
    masks = [Mask.from_array(candidate) for candidate in (mask, *candidates)]
    ious = np.array([0.95, 0.6][: len(masks)], np.float32)
    return Segments(masks, ious, np.ones(len(masks), np.float32))


def _close(array: NDArray[np.uint8], colour: Sequence[int]) -> NDArray[np.bool_]:
    """Pixels of (H, W, 3) near a colour, (H, W) bool."""
    return np.asarray((np.abs(array.astype(np.int16) - np.array(colour, np.int16)) <= _TOLERANCE).all(axis=-1))


def _patches(mask: NDArray[np.bool_]) -> Boxes:
    """Boxes of the connected patches of four pixels or more, (N, 4) float32 xyxy."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    rows = stats[1:][stats[1:, cv2.CC_STAT_AREA] >= 4]
    return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1).astype(np.float32)


def _patch_under(picture: Picture, x: float, y: float) -> NDArray[np.bool_]:
    """The connected patch of even colour under a point, (H, W) bool."""
    column = int(np.clip(x, 0, picture.width - 1))
    row = int(np.clip(y, 0, picture.height - 1))
    _, labels = cv2.connectedComponents(
        _close(picture.array, picture.array[row, column].tolist()).astype(np.uint8), connectivity=4
    )
    return np.asarray(labels == labels[row, column])


def _middle_patch(picture: Picture, box: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The even patch under the middle of a box, cut at the box, (H, W) bool."""
    inside = np.zeros((picture.height, picture.width), bool)
    x0, y0 = np.floor(box[:2]).astype(int).clip(0)
    x1, y1 = np.ceil(box[2:]).astype(int).clip(0)
    inside[y0:y1, x0:x1] = True
    return inside & _patch_under(picture, float(box[[0, 2]].mean()), float(box[[1, 3]].mean()))
