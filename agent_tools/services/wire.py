"""What crosses the network between a model server and its clients, and how it becomes our types again.

A picture crosses once, as the original bytes of its file, under the sha256 of these; after that only its digest does.
Masks are COCO run-length encoding, never dense. Numbers are written so that they come back bit for bit: a model
answers the same here and over there. Errors keep their type and their words. This module does not know HTTP, Ray,
models, or who asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from agent_tools import errors
from agent_tools.errors import AskmaskError, BusyError, PictureError, ServiceError, ToolInputError, shorten
from agent_tools.masks import Mask
from agent_tools.services.base import Detections, Prompt, Proposals, Segments
from agent_tools.services.checkpoints import LikenessSettings

Role = Literal["detector", "segmenter"]
Task = Literal["detect", "propose", "segment"]
ROLES: dict[Task, Role] = {"detect": "detector", "propose": "detector", "segment": "segmenter"}
"""Which model answers each question."""
MOST_PHRASES, MOST_PROMPTS, MOST_POINTS = 1000, 10_000, 10_000
"""Bounds of one question; far beyond what the tools ask."""

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="sha256 of the picture's file, hex.")]
Number = Annotated[float, Field(allow_inf_nan=False)]
_Corners = tuple[Number, Number, Number, Number]


class UnknownPictureError(PictureError):
    """The server does not hold the picture, or no longer: it has to be uploaded, and the question asked again."""

    @classmethod
    def of(cls, digest: str) -> UnknownPictureError:
        """For one digest."""
        return cls(
            f"picture={digest[:12]}… is not here: expected one that was uploaded. PUT it to /v1/pictures/<digest> and "
            "ask again."
        )


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CocoMask(_Shape):
    """A mask as COCO run-length encoding; ``size`` is [height, width], as COCO has it."""

    size: tuple[int, int]
    counts: str

    @classmethod
    def of(cls, mask: Mask) -> CocoMask:
        """From a mask."""
        return cls(**mask.to_coco())

    def to_mask(self) -> Mask:
        """The mask, every run checked.

        Raises:
            ToolInputError: the runs do not fill the size.
        """
        return Mask.from_coco({"size": self.size, "counts": self.counts})


class PromptShape(_Shape):
    """Points with a label each (1 inside, 0 outside), a box (x0, y0, x1, y1), a mask, or a mix; in pixels."""

    points: list[tuple[Number, Number]] | None = Field(default=None, min_length=1, max_length=MOST_POINTS)
    labels: list[Annotated[int, Field(ge=0, le=1)]] | None = None
    box: _Corners | None = None
    mask: CocoMask | None = None

    @classmethod
    def of(cls, prompt: Prompt) -> PromptShape:
        """From a prompt."""
        return cls(
            points=None if prompt.points is None else prompt.points.tolist(),
            labels=None if prompt.labels is None else prompt.labels.tolist(),
            box=None if prompt.box is None else prompt.box.tolist(),
            mask=None if prompt.mask is None else CocoMask.of(prompt.mask),
        )

    def to_prompt(self, width: int, height: int) -> Prompt:
        """The prompt, for a picture of that size in pixels.

        Raises:
            ToolInputError: a mask of another size; a mask says itself how large it is to become, so it is not believed.
            ServiceError: empty, or labels that do not match the points.
        """
        if self.mask is not None and self.mask.size != (height, width):
            raise ToolInputError(
                f"prompt mask size={list(self.mask.size)} differs from the picture: expected {[height, width]}. "
                "Pass a mask of this picture."
            )
        return Prompt(
            points=None if self.points is None else np.array(self.points, np.float32),
            labels=None if self.labels is None else np.array(self.labels, np.int64),
            box=None if self.box is None else np.array(self.box, np.float32),
            mask=None if self.mask is None else self.mask.to_mask(),
        )


class Question(_Shape):
    """What is asked about one picture; the base of the three kinds."""

    picture: Digest


class DetectQuestion(Question):
    """Where are these things? Phrases are English, lower case, singular."""

    phrases: list[Annotated[str, Field(max_length=2000)]] = Field(max_length=MOST_PHRASES)


class ProposeQuestion(Question):
    """Where are whole things, whatever they are?"""


class SegmentQuestion(Question):
    """Which pixels belong to the thing that each prompt means?"""

    prompts: list[PromptShape] = Field(max_length=MOST_PROMPTS)


class DetectAnswer(_Shape):
    """`Detections`: boxes (x0, y0, x1, y1) in pixels, a score and the index of a phrase for each."""

    boxes: list[_Corners]
    scores: list[Number]
    phrase_indices: list[int]
    saturated: bool = False
    unknown: dict[int, str] = {}

    @classmethod
    def of(cls, found: Detections) -> DetectAnswer:
        """From what a detector found."""
        return cls(
            boxes=found.boxes.tolist(),
            scores=found.scores.tolist(),
            phrase_indices=found.phrase_indices.tolist(),
            saturated=bool(found.saturated),
            unknown=dict(found.unknown),
        )

    def to_detections(self) -> Detections:
        """What the detector found."""
        return Detections(
            boxes=np.array(self.boxes, np.float32).reshape(-1, 4),
            scores=np.array(self.scores, np.float32),
            phrase_indices=np.array(self.phrase_indices, np.int64),
            saturated=self.saturated,
            unknown=self.unknown,
        )


class ProposeAnswer(_Shape):
    """`Proposals`: boxes in pixels, a score for each, and a row of ``feature_size`` features."""

    boxes: list[_Corners]
    scores: list[Number]
    features: list[list[Number]]
    feature_size: int

    @classmethod
    def of(cls, found: Proposals) -> ProposeAnswer:
        """From what a detector proposed."""
        return cls(
            boxes=found.boxes.tolist(),
            scores=found.scores.tolist(),
            features=found.features.tolist(),
            feature_size=found.features.shape[1],
        )

    def to_proposals(self) -> Proposals:
        """What the detector proposed."""
        return Proposals(
            boxes=np.array(self.boxes, np.float32).reshape(-1, 4),
            scores=np.array(self.scores, np.float32),
            features=np.array(self.features, np.float32).reshape(-1, self.feature_size),
        )


class SegmentsShape(_Shape):
    """`Segments`: the candidate masks of one prompt, best first."""

    masks: list[CocoMask]
    predicted_iou: list[Number]
    stability: list[Number]

    @classmethod
    def of(cls, answer: Segments) -> SegmentsShape:
        """From a segmenter's answer to one prompt."""
        masks = [CocoMask.of(mask) for mask in answer.masks]
        return cls(masks=masks, predicted_iou=answer.predicted_iou.tolist(), stability=answer.stability.tolist())

    def to_segments(self) -> Segments:
        """The segmenter's answer to one prompt."""
        return Segments(
            masks=[mask.to_mask() for mask in self.masks],
            predicted_iou=np.array(self.predicted_iou, np.float32),
            stability=np.array(self.stability, np.float32),
        )


class SegmentAnswer(_Shape):
    """One entry a prompt, in order."""

    answers: list[SegmentsShape]


class PictureAnswer(_Shape):
    """A picture that was taken in; width and height in pixels, upright."""

    digest: Digest
    width: int
    height: int


class DetectorTraits(_Shape):
    """What callers read from a detector beside its answers; None where it has no such attribute."""

    threshold: Number
    precision_curve: tuple[tuple[Number, Number], ...] | None = None
    nouns: tuple[str, ...] | None = None
    likeness: LikenessSettings | None = None
    proposes: bool = False


class SegmenterTraits(_Shape):
    """What callers read from a segmenter beside its answers; None where it has no such attribute."""

    least_iou: Number | None = None
    least_stability: Number | None = None
    input_side: Number | None = None
    zoom: Number | None = None


class ModelsAnswer(_Shape):
    """What a server serves."""

    detector_name: str
    segmenter_name: str
    detector: DetectorTraits
    segmenter: SegmenterTraits


class Fault(_Shape):
    """An error of askmask: its type and its words."""

    type: str
    message: str


class ErrorAnswer(_Shape):
    """What stands in for an answer where there is none."""

    error: Fault


def traits_of(service: Any, role: Role) -> DetectorTraits | SegmenterTraits:
    """What callers may read from a detector or segmenter, whoever made it.

    Raises:
        pydantic.ValidationError: one of its attributes is not what the protocol says.
    """
    shape = DetectorTraits if role == "detector" else SegmenterTraits
    found: dict[str, Any] = {name: getattr(service, name, None) for name in shape.model_fields if name != "proposes"}
    plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in found.items()}
    if role == "detector":
        plain["proposes"] = callable(getattr(service, "propose", None))
    return shape.model_validate(plain)


_TYPES: Mapping[str, type[AskmaskError]] = {
    kind.__name__: kind
    for kind in (*vars(errors).values(), UnknownPictureError)
    if isinstance(kind, type) and issubclass(kind, AskmaskError)
}
_STATUS: Sequence[tuple[type[BaseException], int]] = (
    (UnknownPictureError, 404),
    (ToolInputError, 400),
    (BusyError, 503),
)


def status_of(error: AskmaskError) -> int:
    """The HTTP status that an error is sent with."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_answer(error: AskmaskError) -> ErrorAnswer:
    """An error as it is sent; a type that only this process knows is sent as the nearest one that every client has."""
    kind = next(each.__name__ for each in type(error).__mro__ if _TYPES.get(each.__name__) is each)
    return ErrorAnswer(error=Fault(type=kind, message=str(error)))


def raised(answer: ErrorAnswer, retry_after: float | None = None) -> AskmaskError:
    """The error that was sent, to be raised; one of a type that is not known here is a `ServiceError`.

    Args:
        answer: what came.
        retry_after: seconds after which a busy server wants to be asked again.
    """
    kind = _TYPES.get(answer.error.type, ServiceError)
    if kind is BusyError:
        return BusyError(answer.error.message, retry_after or 1.0)
    return kind(answer.error.message)


def invalid(where: Sequence[Any], given: Any, expected: str) -> ToolInputError:
    """The error for a question of the wrong shape; `where` is the path to the part that is wrong."""
    name = ".".join(str(part) for part in where if part != "body") or "body"
    return ToolInputError(f"{name}={shorten(given)} is not valid: expected {expected}. See /openapi.json.")
