"""The models of a server, behind the same protocols as those of this process.

A picture is sent once, and again only where the server does not have it any more; after that its digest says which one
is meant. A server that is busy is asked again when it said, one that broke off after a pause. This module does not know
Ray, or how the server divides its work.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from agent_tools.errors import AskmaskError, BusyError, ConfigError, ServiceError, shorten
from agent_tools.pictures import Picture
from agent_tools.services.base import Detections, Proposals, SegmentRequest, Segments, check_lists
from agent_tools.services.wire import (
    DetectAnswer,
    DetectQuestion,
    ErrorAnswer,
    ModelsAnswer,
    PromptShape,
    ProposeAnswer,
    ProposeQuestion,
    Question,
    SegmentAnswer,
    SegmentQuestion,
    Task,
    UnknownPictureError,
    raised,
)
from agent_tools.settings import settings

T = TypeVar("T")
A = TypeVar("A", bound=BaseModel)
_TOGETHER = 8
"""Questions asked at a time, where several pictures are asked about at once."""
_UPLOADS = 3
"""Times that one question may find its picture gone: servers forget, but not so often."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_CONNECT_SECONDS = 5.0
_REMEMBERED = 4096


class Server:
    """A model server as its clients see it; safe to use from many threads."""

    def __init__(self, address: str) -> None:
        """Reaches nothing yet; key, time-outs and retries are those of the settings.

        Args:
            address: where it is, such as http://127.0.0.1:8000.

        Raises:
            ConfigError: not an address.
        """
        rules = settings()
        try:
            parts = urlsplit(address)
            good = parts.hostname and parts.username is None and not (parts.query or parts.fragment or parts.port == 0)
        except ValueError:
            good = False
        if not good:
            raise ConfigError(
                f"models={shorten(address.rpartition('@')[2])} is not an address: expected http://host:port. "
                "A key goes into ASKMASK_SERVE_KEY."
            )
        self.address = address.rstrip("/")
        self._retries, self._timeout = rules.serve_retries, rules.serve_timeout
        key = rules.serve_key
        self._client = httpx.Client(
            base_url=self.address,
            headers={} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"},
            timeout=httpx.Timeout(rules.serve_timeout, connect=_CONNECT_SECONDS),
            # A proxy knows no server of this machine.
            trust_env=parts.hostname not in ("127.0.0.1", "localhost", "::1"),
        )
        weakref.finalize(self, self._client.close)  # services are not closed, they are let go
        self._sent_as: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def models(self) -> ModelsAnswer:
        """What it serves.

        Raises:
            ConfigError: it wants another key.
            ServiceError: it cannot be reached, or is no model server.
        """
        # Whoever mistyped the address is told at once.
        served: ModelsAnswer = self._call(ModelsAnswer, "GET", "/v1/models", retries=1)
        return served

    def ask(self, task: Task, picture: Picture, question: Callable[[str], Question], answer: type[A]) -> A:
        """Ask about one picture, uploading it where the server does not have it.

        Args:
            task: what is asked.
            picture: what about.
            question: makes the question from the digest that the server knows the picture by.
            answer: what comes back.

        Raises:
            AskmaskError: the server's own, of the type it had there.
        """
        digest = self._digest(picture)
        body = question(digest).model_dump_json(exclude_none=True).encode()
        headers = {"Content-Type": "application/json", "X-Session-Id": digest}
        for _ in range(_UPLOADS):
            try:
                told: A = self._call(answer, "POST", f"/v1/{task}", body, headers)
                return told
            except UnknownPictureError:
                octets = {"Content-Type": "application/octet-stream", "X-Session-Id": digest}
                self._call(None, "PUT", f"/v1/pictures/{digest}", picture.original, octets)
        raise ServiceError(
            f"models={self.address} lost a picture {_UPLOADS} times: expected to keep it. "
            "Raise ASKMASK_SERVED_PICTURES_MEGABYTES where the server runs."
        )

    def forget(self, digest: str) -> None:
        """Have it drop a picture and everything made of it; see `ask` for errors."""
        with self._lock:
            sent_as = self._sent_as.pop(digest, None)
        if sent_as is not None:
            self._call(None, "DELETE", f"/v1/pictures/{sent_as}", headers={"X-Session-Id": sent_as})

    def _digest(self, picture: Picture) -> str:
        """The sha256 of what is uploaded: the picture's own digest, unless it is part of another."""
        with self._lock:
            known = self._sent_as.get(picture.digest)
        if known is None:
            known = hashlib.sha256(picture.original).hexdigest()
            with self._lock:
                self._sent_as[picture.digest] = known
                if len(self._sent_as) > _REMEMBERED:
                    self._sent_as.popitem(last=False)
        return known

    def _call(
        self,
        answer: type[A] | None,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
        retries: int | None = None,
    ) -> Any:
        """One call, again after a pause where that may help; its answer, or None where none is wanted."""
        most = self._retries if retries is None else retries
        for attempt in itertools.count():
            try:
                response = self._client.request(method, path, content=content, headers=headers)
            except httpx.TransportError as gone:
                if isinstance(gone, httpx.ReadTimeout | httpx.WriteTimeout):
                    raise self._slow() from gone
                failed: AskmaskError = self._unreachable(gone)
            else:
                if response.is_success:
                    return None if answer is None else self._read(answer, response)
                failed = self._error(response)
                if not isinstance(failed, BusyError):
                    raise failed
            if attempt >= most:
                raise failed
            time.sleep(_pause(attempt, failed))

    def _read(self, answer: type[A], response: httpx.Response) -> A:
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as error:
            raise self._stranger(response) from error

    def _error(self, response: httpx.Response) -> AskmaskError:
        """What a response that is no answer says."""
        if response.status_code in (401, 403):
            return ConfigError(
                f"models={self.address} refused ({response.status_code}): expected one of its keys. "
                "Set ASKMASK_SERVE_KEY."
            )
        try:
            told = ErrorAnswer.model_validate_json(response.content)
        except ValidationError:
            if response.status_code >= 500:  # a part of the server that knows no models: its queue is full, or it died
                return BusyError(
                    f"models={self.address} broke off ({response.status_code}): expected an answer. Try again later.",
                    _after(response),
                )
            return self._stranger(response)
        return raised(told, _after(response))

    def _stranger(self, response: httpx.Response) -> ServiceError:
        return ServiceError(
            f"models={self.address} answered {response.status_code} {shorten(response.text, 80)!r}: expected a model "
            "server of this version. Start one with askmask serve."
        )

    def _unreachable(self, error: httpx.TransportError) -> ServiceError:
        return ServiceError(
            f"models={self.address} cannot be reached ({shorten(error, 80) or type(error).__name__}): expected a model "
            "server. Start it with askmask serve, or use --models demo."
        )

    def _slow(self) -> ServiceError:
        return ServiceError(
            f"models={self.address} did not answer in time: expected an answer within {self._timeout:g} s. "
            "Ask again later, or raise ASKMASK_SERVE_TIMEOUT."
        )


class RemoteDetector:
    """The detector of a server; it has what that one has.

    Attributes:
        threshold: score where a hit begins.
    """

    def __init__(self, address: str) -> None:
        """Asks the server what its detector is like; see `Server` for arguments and errors."""
        self._server = Server(address)
        self._traits = self._server.models().detector
        self.threshold = self._traits.threshold

    def detect(self, pictures: Sequence[Picture], phrases: Sequence[Sequence[str]]) -> list[Detections]:
        """See `Detector.detect`; pictures are asked about side by side."""
        check_lists(pictures, phrases)
        return _side_by_side(self._detect, zip(pictures, phrases, strict=True))

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture."""
        self._server.forget(digest)

    def _detect(self, picture: Picture, phrases: Sequence[str]) -> Detections:
        asked = list(phrases)
        answer = self._server.ask(
            "detect", picture, lambda digest: DetectQuestion(picture=digest, phrases=asked), DetectAnswer
        )
        return answer.to_detections()

    def _propose_all(self, pictures: Sequence[Picture]) -> list[Proposals]:
        """See `Proposer.propose`."""
        return _side_by_side(self._propose, ((picture,) for picture in pictures))

    def _propose(self, picture: Picture) -> Proposals:
        answer = self._server.ask("propose", picture, lambda digest: ProposeQuestion(picture=digest), ProposeAnswer)
        return answer.to_proposals()

    def __getattr__(self, name: str) -> Any:
        if name == "propose" and "_traits" in vars(self) and self._traits.proposes:
            return self._propose_all
        return _trait(self, name)


class RemoteSegmenter:
    """The segmenter of a server; it has what that one has."""

    def __init__(self, address: str) -> None:
        """Asks the server what its segmenter is like; see `Server` for arguments and errors."""
        self._server = Server(address)
        self._traits = self._server.models().segmenter

    def segment(self, requests: Sequence[SegmentRequest]) -> list[list[Segments]]:
        """See `Segmenter.segment`; pictures are asked about side by side."""
        return _side_by_side(self._segment, ((request,) for request in requests))

    def forget(self, digest: str) -> None:
        """Drop everything remembered about one picture."""
        self._server.forget(digest)

    def _segment(self, request: SegmentRequest) -> list[Segments]:
        if not request.prompts:
            return []
        prompts = [PromptShape.of(prompt) for prompt in request.prompts]
        answer = self._server.ask(
            "segment", request.picture, lambda digest: SegmentQuestion(picture=digest, prompts=prompts), SegmentAnswer
        )
        return [each.to_segments() for each in answer.answers]

    def __getattr__(self, name: str) -> Any:
        return _trait(self, name)


def _trait(service: RemoteDetector | RemoteSegmenter, name: str) -> Any:
    """What the service over there has under a name; one that it lacks is lacking here."""
    if name == "_traits":  # asked for while a copy is still empty
        raise AttributeError(name)
    value = getattr(service._traits, name, None) if name in type(service._traits).model_fields else None
    if value is None or name == "proposes":
        raise AttributeError(name)
    return value


def _side_by_side(ask: Callable[..., T], arguments: Iterable[tuple[Any, ...]]) -> list[T]:
    """`ask` with each of the arguments, several at a time; answers in order."""
    every = list(arguments)
    if len(every) < 2:
        return [ask(*each) for each in every]
    with ThreadPoolExecutor(min(_TOGETHER, len(every))) as threads:
        return list(threads.map(lambda each: ask(*each), every))


def _after(response: httpx.Response) -> float:
    """Seconds after which it wants to be asked again."""
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isdigit() else 0.0


def _pause(attempt: int, error: AskmaskError) -> float:
    """Seconds until the next attempt; drawn by lot, so that clients turned away together do not come back together."""
    usual = min(_FIRST_PAUSE * 2.0**attempt, _LONGEST_PAUSE)
    least = error.retry_after if isinstance(error, BusyError) else 0.0
    return least + usual * random.uniform(0.5, 1.0)
