"""One model of a server: opens it, keeps the pictures it was shown, answers questions in the words of the wire.

What runs here runs the same in a Ray replica and in a test. This module does not know Ray, HTTP, or where questions
come from.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from pydantic import BaseModel

from agent_tools.errors import AskmaskError, OutOfMemoryError, ServiceError, shorten
from agent_tools.pictures import Picture
from agent_tools.services.base import Detector, Proposer, Segmenter, SegmentRequest
from agent_tools.services.batching import BatchedDetector, BatchedSegmenter
from agent_tools.services.encodings import EncodingCache
from agent_tools.services.factories import build_detector, build_segmenter
from agent_tools.services.presets import find_preset, source_of
from agent_tools.services.serving.metrics import ModelFigures
from agent_tools.services.serving.shelf import Shelf
from agent_tools.services.wire import (
    DetectAnswer,
    DetectorTraits,
    DetectQuestion,
    ProposeAnswer,
    ProposeQuestion,
    Question,
    Role,
    SegmentAnswer,
    SegmenterTraits,
    SegmentQuestion,
    SegmentsShape,
    UnknownPictureError,
    error_answer,
    status_of,
    traits_of,
)
from agent_tools.settings import settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it goes over the wire.

    Attributes:
        status: of HTTP: 200, or what says that `body` is an error.
        body: JSON.
        retry_after: seconds after which a busy server wants to be asked again; None: it is not busy.
        replica: who answered.
    """

    status: int
    body: bytes
    retry_after: float | None = None
    replica: str = ""

    @classmethod
    def of(cls, answer: BaseModel, replica: str = "") -> Reply:
        """A good answer."""
        return cls(200, answer.model_dump_json().encode(), replica=replica)

    @classmethod
    def failed(cls, error: AskmaskError, replica: str = "") -> Reply:
        """An error."""
        body = error_answer(error).model_dump_json().encode()
        return cls(status_of(error), body, getattr(error, "retry_after", None), replica)


class ModelHost:
    """A detector or a segmenter that answers questions; safe to ask from many threads."""

    def __init__(self, role: Role, models: str, typed: str | None, device: str, name: str = "") -> None:
        """Opens the model.

        Args:
            role: detector or segmenter.
            models: preset to take it from.
            typed: what to take in its place, as ``--detector`` and ``--segmenter`` take it; None: the preset's.
            device: auto, cpu, cuda:n or mps.
            name: what this host is called in its replies.

        Raises:
            ConfigError: no such model, or one that does not keep to the protocol.
            ServiceError: its weights cannot be fetched.
        """
        self.name = name
        preset = find_preset(models)
        self.model_name = typed or getattr(preset, role) or preset.name
        self._cache = EncodingCache.configured()
        # Questions that come together from several clients are answered together; see `batching`.
        source = typed or source_of(preset, role)
        self._service: Any = (
            BatchedDetector(build_detector(source, device, self._cache))
            if role == "detector"
            else BatchedSegmenter(build_segmenter(source, device, self._cache))
        )
        self.traits: DetectorTraits | SegmenterTraits = traits_of(self._service, role)
        self._pictures: Shelf[Picture] = Shelf(int(settings().served_pictures_megabytes * 1e6))
        self._lock = Lock()
        self._running = self._answered = 0
        self._seconds = 0.0

    def ask(self, question: Question, original: bytes | None = None) -> Reply:
        """Answer a question.

        Args:
            question: of a kind that this model answers.
            original: the bytes of the picture's file, for a host that does not have it; what it has, it keeps.

        Returns:
            the answer or the error; 404 where the picture is not here and did not come with the question.
        """
        began = time.perf_counter()
        with self._lock:
            self._running += 1
        try:
            return Reply.of(self._answer(question, original), self.name)
        except AskmaskError as error:
            return Reply.failed(error, self.name)
        except MemoryError as error:
            return Reply.failed(OutOfMemoryError(f"{self.model_name} ran out of memory ({error})."), self.name)
        except Exception as error:
            # Somebody else's model may raise anything; the server says what, and goes on.
            logger.exception("%s failed", self.model_name)
            what = f"{self.model_name} failed ({type(error).__name__}: {shorten(error, 160)})"
            return Reply.failed(ServiceError(f"{what}: expected an answer. See the server's log."), self.name)
        finally:
            with self._lock:
                self._running -= 1
                self._answered += 1
                self._seconds += time.perf_counter() - began

    def forget(self, digest: str) -> None:
        """Drop a picture and everything made of it."""
        self._pictures.forget(digest)
        if forget := getattr(self._service, "forget", None):
            forget(digest)

    def figures(self) -> ModelFigures:
        """What this host has done so far."""
        with self._lock:
            return ModelFigures(
                replica=self.name,
                answers=self._answered,
                seconds=self._seconds,
                running=self._running,
                pictures=len(self._pictures),
                cache_bytes=self._cache.size_bytes,
                cache=self._cache.counts(),
            )

    def _answer(self, question: Question, original: bytes | None) -> BaseModel:
        picture = self._picture(question.picture, original)
        match question:
            case DetectQuestion():
                (found,) = cast(Detector, self._service).detect([picture], [question.phrases])
                return DetectAnswer.of(found)
            case ProposeQuestion():
                self._check_proposes()
                (proposed,) = cast(Proposer, self._service).propose([picture])
                return ProposeAnswer.of(proposed)
            case SegmentQuestion():
                prompts = [prompt.to_prompt(picture.width, picture.height) for prompt in question.prompts]
                (answers,) = cast(Segmenter, self._service).segment([SegmentRequest(picture, prompts)])
                return SegmentAnswer(answers=[SegmentsShape.of(answer) for answer in answers])
            case _:
                raise ServiceError(f"question={type(question).__name__} is not known: expected one of the wire's.")

    def _check_proposes(self) -> None:
        if not callable(getattr(self._service, "propose", None)):
            raise ServiceError(f"detector={self.model_name} proposes nothing: expected phrases. Ask it with words.")

    def _picture(self, digest: str, original: bytes | None) -> Picture:
        picture = self._pictures.get(digest)
        if picture is None:
            if original is None:
                raise UnknownPictureError.of(digest)
            picture = Picture.from_bytes(original)
            self._pictures.put(digest, picture, 3 * picture.width * picture.height + len(original))
        return picture
