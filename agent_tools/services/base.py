"""The two protocols every model implements, and the types that cross them.

Only pictures, prompts, boxes and masks cross: no tensors, no encodings, no model names. That is what lets a service
run in this process, in another, or be forty lines of somebody else's code. This module does not know torch, handles,
conversations or thresholds for counting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ServiceError
from agent_tools.masks import Boxes, Mask
from agent_tools.pictures import Picture
from agent_tools.services.encodings import EncodingCache


@dataclass(frozen=True, slots=True)
class Detections:
    """What a detector found on one picture, best score first within a phrase or not: order carries no meaning.

    Attributes:
        boxes: (N, 4) float32, xyxy in pixels of the upright picture, inside it.
        scores: (N,) float32 in [0, 1]. Candidates below the detector's threshold, down to its floor, are included.
        phrase_indices: (N,) int64, which of the phrases asked for each box answers.
        saturated: whether the model ran out of room (queries) and may have missed things.
        unknown: index of each phrase that the model was never asked, since it has no words for it → why, as the end of
            a sentence about the detector ("has no word for unicorn"). No box answers such a phrase.

    Raises:
        ServiceError: shapes or values that contradict the above.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    phrase_indices: NDArray[np.int64]
    saturated: bool = False
    unknown: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.scores)
        for name, array, shape in (
            ("boxes", self.boxes, (rows, 4)),
            ("scores", self.scores, (rows,)),
            ("phrase_indices", self.phrase_indices, (rows,)),
        ):
            if array.shape != shape:
                raise ServiceError(
                    f"Detections.{name} shape={array.shape} does not fit: expected {shape}. Correct the detector."
                )
        if not (np.isfinite(self.boxes).all() and np.isfinite(self.scores).all()):
            raise ServiceError("Detections hold nan or infinity: expected finite numbers. Correct the detector.")
        if answered := sorted(self.unknown.keys() & set(self.phrase_indices.tolist())):
            raise ServiceError(
                f"Detections.unknown={answered} have boxes: expected none for phrases that were not asked. "
                "Correct the detector."
            )

    @classmethod
    def none(cls, unknown: Mapping[int, str] | None = None) -> Detections:
        """Nothing found, be it because some phrases are `unknown`."""
        return cls(
            np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), unknown=dict(unknown or {})
        )


@dataclass(frozen=True, slots=True)
class Proposals:
    """What may be whole things on one picture, whatever they are.

    Attributes:
        boxes: (N, 4) float32, xyxy in pixels of the upright picture, inside it.
        scores: (N,) float32 in [0, 1], how sure the model is of one whole thing there.
        features: (N, D) float32, rows of length 1: things that look alike to the model have a high inner product.

    Raises:
        ServiceError: shapes that contradict the above.
    """

    boxes: Boxes
    scores: NDArray[np.float32]
    features: NDArray[np.float32]

    def __post_init__(self) -> None:
        rows = len(self.scores)
        if self.boxes.shape != (rows, 4) or self.scores.shape != (rows,) or self.features.shape[:1] != (rows,):
            raise ServiceError(
                f"Proposals boxes={self.boxes.shape}, scores={self.scores.shape}, features={self.features.shape} do "
                "not fit: expected (N, 4), (N,) and (N, D). Correct the detector."
            )


class Proposer(Protocol):
    """A detector that also finds things without being told a word, and can say which of them are alike."""

    def propose(self, pictures: Sequence[Picture]) -> list[Proposals]:
        """Everything on each picture that may be one whole thing; one Proposals a picture, in order.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        ...


@runtime_checkable
class Detector(Protocol):
    """Finds boxes for phrases.

    Two more attributes are used where a detector has them: ``precision_curve``, (score, precision) pairs with rising
    scores, and ``nouns``, the only nouns it has words for. One that is a `Proposer` too also serves requests without
    words.
    """

    threshold: float
    """Score where a hit begins, calibrated for this model."""

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """Find every phrase of ``phrases[i]`` on ``pictures[i]``; one Detections a picture, in order.

        Args:
            pictures: the pictures, any sizes.
            phrases: as many lists of phrases, each English, lower case, singular; a list may be empty.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        ...


def check_lists(pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> None:
    """Refuse what `Detector.detect` cannot answer.

    Raises:
        ServiceError: not one list of phrases a picture.
    """
    if len(pictures) != len(phrases):
        raise ServiceError(
            f"phrases={len(phrases)} lists do not fit {len(pictures)} pictures: expected one a picture. Pass as many."
        )


@dataclass(frozen=True, slots=True)
class Prompt:
    """What to segment: points, a box, a mask, or a mix, all of one thing, in pixels of the upright picture.

    Attributes:
        points: (K, 2) float32 x, y; None without points.
        labels: (K,) int64, 1 inside the thing and 0 outside; as many as points.
        box: (4,) float32 xyxy, or None.
        mask: an earlier mask of the thing at picture size, or None.

    Raises:
        ServiceError: empty, or shapes that contradict the above.
    """

    points: NDArray[np.float32] | None = None
    labels: NDArray[np.int64] | None = None
    box: NDArray[np.float32] | None = None
    mask: Mask | None = None

    def __post_init__(self) -> None:
        if self.points is None and self.box is None and self.mask is None:
            raise ServiceError("prompt is empty: expected points, a box or a mask. Give at least one.")
        if self.points is not None and (self.points.ndim != 2 or self.points.shape[1] != 2 or not len(self.points)):
            raise ServiceError(f"prompt points shape={self.points.shape} is wrong: expected (K, 2). Give x, y pairs.")
        count = None if self.points is None else (len(self.points),)
        if (None if self.labels is None else self.labels.shape) != count:
            raise ServiceError("prompt labels do not match its points: expected one a point. Give 1 or 0 for each.")
        if self.box is not None and self.box.shape != (4,):
            raise ServiceError(f"prompt box shape={self.box.shape} is wrong: expected (4,). Give x0, y0, x1, y1.")


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """Prompts on one picture, each answered on its own."""

    picture: Picture
    prompts: Sequence[Prompt]


@dataclass(frozen=True, slots=True)
class Segments:
    """The candidate masks for one prompt, best first.

    Attributes:
        masks: C >= 1 masks at picture size, best first by predicted IoU.
        predicted_iou: (C,) float32 in [0, 1], the model's own estimate.
        stability: (C,) float32 in [0, 1]: IoU of the mask cut a little above and a little below its threshold.
    """

    masks: Sequence[Mask]
    predicted_iou: NDArray[np.float32]
    stability: NDArray[np.float32]

    def __post_init__(self) -> None:
        count = len(self.masks)
        if count < 1 or self.predicted_iou.shape != (count,) or self.stability.shape != (count,):
            raise ServiceError(
                f"Segments masks={count}, predicted_iou={self.predicted_iou.shape}, stability={self.stability.shape} "
                "do not fit: expected one or more of each. Correct the segmenter."
            )


@runtime_checkable
class Segmenter(Protocol):
    """Turns prompts into masks. Encodings of pictures stay inside, so the next prompt on a picture is cheap."""

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """One list of Segments a request, one Segments a prompt, in order; masks at the picture's size.

        Raises:
            ServiceError: the model failed; OutOfMemoryError where the device had no room.
        """
        ...


@dataclass(slots=True)
class Services:
    """A detector and a segmenter that work together.

    Attributes:
        detector: finds boxes.
        segmenter: makes masks.
        preset: the preset's name, or "custom" where neither part came from one.
        detector_name: what a person would type to get this detector again.
        segmenter_name: likewise for the segmenter.
        seconds: wall time spent in each so far, by "detect" and "segment".
        cache: what both keep of pictures seen; None where they keep it elsewhere.
    """

    detector: Detector
    segmenter: Segmenter
    preset: str
    detector_name: str
    segmenter_name: str
    seconds: dict[str, float] = field(default_factory=lambda: {"detect": 0.0, "segment": 0.0})
    cache: EncodingCache | None = None
