"""The HTTP face of a model server, version 1: pictures are uploaded once, questions name them by their digest.

    PUT    /v1/pictures/<sha256>   the original bytes of a picture's file
    DELETE /v1/pictures/<sha256>   forget it, and everything made of it
    POST   /v1/detect, /v1/propose, /v1/segment   {"picture": "<sha256>", ...}
    GET    /v1/models, /healthz, /readyz, /metrics, /openapi.json

The front keeps the bytes and gives them to a model that does not have the picture, so that a model that died loses
nothing. Where the front itself does not have it, the answer is 404 and the client uploads it again. This module does
not know Ray, models, or how many of them there are.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Protocol

from fastapi import FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from agent_tools.errors import AskmaskError, PictureError, ServiceError, ToolInputError, shorten
from agent_tools.pictures import Picture
from agent_tools.services.serving.guard import Guard, TooLargeError
from agent_tools.services.serving.host import Reply
from agent_tools.services.serving.metrics import CONTENT_TYPE, FrontFigures, ModelFigures, prometheus
from agent_tools.services.serving.shelf import Shelf
from agent_tools.services.wire import (
    DetectAnswer,
    DetectQuestion,
    ErrorAnswer,
    Fault,
    ModelsAnswer,
    PictureAnswer,
    ProposeAnswer,
    ProposeQuestion,
    Question,
    Role,
    SegmentAnswer,
    SegmentQuestion,
    error_answer,
    invalid,
)
from agent_tools.settings import Settings

logger = logging.getLogger(__name__)
ANY_DIGEST = Path(pattern="^[0-9a-f]{64}$", description="sha256 of the picture's file, hex.")
_FAULTS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "Another question would be answered."},
    404: {"model": ErrorAnswer, "description": "The picture is not here: upload it and ask again."},
    500: {"model": ErrorAnswer, "description": "The model failed."},
    503: {"model": ErrorAnswer, "description": "Busy: ask again after as many seconds as Retry-After says."},
}


class Models(Protocol):
    """The models behind the front, wherever they run."""

    async def ask(self, role: Role, question: Question, original: bytes | None) -> Reply:
        """Have one of the models of a role answer.

        Args:
            role: who is asked.
            question: what is asked; its picture decides which model of the role.
            original: the picture's file; None where the model may have it from before.
        """
        ...

    async def forget(self, digest: str) -> None:
        """Have every model drop a picture."""
        ...

    async def served(self) -> ModelsAnswer:
        """Which models these are."""
        ...

    async def figures(self) -> Mapping[str, Sequence[ModelFigures]]:
        """Role → what each of its replicas did."""
        ...


def make_front(models: Models, rules: Settings, keys: Sequence[str], local: bool, figures: FrontFigures) -> FastAPI:
    """The front as an application.

    Args:
        models: who answers.
        rules: how large a request and a picture may be, and how much is kept.
        keys: see `Guard`.
        local: see `Guard`.
        figures: what is counted.
    """
    about = "Boxes and masks for pictures. Upload a picture under its sha256 once, then ask about it."
    app = FastAPI(title="askmask", version="1", description=about, docs_url=None, redoc_url=None)
    pictures: Shelf[bytes] = Shelf(int(rules.served_pictures_megabytes * 1e6))
    app.add_middleware(Guard, keys=keys, local=local, most_bytes=int(rules.max_file_megabytes * 1e6), figures=figures)
    _add_errors(app)
    _add_pictures(app, models, pictures)
    _add_questions(app, models, pictures, figures)
    _add_watching(app, models, figures)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(AskmaskError)
    async def ours(_: Request, error: AskmaskError) -> Response:
        return _response(_too_large(error) if isinstance(error, TooLargeError) else Reply.failed(error))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, TooLargeError):  # FastAPI's words for whatever stops it reading a body
            return _response(_too_large(error.__cause__))
        fault = ErrorAnswer(error=Fault(type=ToolInputError.__name__, message=f"{error.detail}. See /openapi.json."))
        return Response(fault.model_dump_json(), error.status_code, error.headers, "application/json")

    @app.exception_handler(RequestValidationError)
    async def misshapen(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        return _response(Reply.failed(invalid(first["loc"], first.get("input"), str(first["msg"]))))

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> Response:
        logger.exception("the front failed", exc_info=error)
        what = f"the server failed ({type(error).__name__}: {shorten(error, 160)})"
        return _response(Reply.failed(ServiceError(f"{what}: expected an answer. See its log.")))


def _add_pictures(app: FastAPI, models: Models, pictures: Shelf[bytes]) -> None:
    @app.put("/v1/pictures/{digest}", responses=_FAULTS)
    async def upload(digest: Annotated[str, ANY_DIGEST], request: Request) -> PictureAnswer:
        """Upload a picture: the bytes of its file as they are, under their sha256."""
        data = await request.body()
        answer = await asyncio.to_thread(_examined, digest, data)
        pictures.put(digest, data, len(data))
        return answer

    @app.delete("/v1/pictures/{digest}", status_code=204)
    async def forget(digest: Annotated[str, ANY_DIGEST]) -> None:
        """Forget a picture and everything made of it; no error where it is not here."""
        pictures.forget(digest)
        await models.forget(digest)


def _add_questions(app: FastAPI, models: Models, pictures: Shelf[bytes], figures: FrontFigures) -> None:
    async def answered(role: Role, question: Question) -> Response:
        reply = await models.ask(role, question, None)
        if reply.status == 404 and (original := pictures.get(question.picture)) is not None:
            figures.sent_picture(role)
            reply = await models.ask(role, question, original)
        return _response(reply)

    @app.post("/v1/detect", response_model=DetectAnswer, responses=_FAULTS)
    async def detect(question: DetectQuestion) -> Response:
        """Find what phrases say."""
        return await answered("detector", question)

    @app.post("/v1/propose", response_model=ProposeAnswer, responses=_FAULTS)
    async def propose(question: ProposeQuestion) -> Response:
        """Find whole things, whatever they are."""
        return await answered("detector", question)

    @app.post("/v1/segment", response_model=SegmentAnswer, responses=_FAULTS)
    async def segment(question: SegmentQuestion) -> Response:
        """Turn prompts into masks."""
        return await answered("segmenter", question)


def _add_watching(app: FastAPI, models: Models, figures: FrontFigures) -> None:
    @app.get("/v1/models")
    async def served() -> ModelsAnswer:
        """Which models are served, and what callers read from them beside their answers."""
        return await models.served()

    @app.get("/healthz", response_class=PlainTextResponse)
    async def alive() -> str:
        """Whether the front answers."""
        return "ok\n"

    @app.get("/readyz", response_class=PlainTextResponse, responses={503: {"model": ErrorAnswer}})
    async def ready() -> str:
        """Whether every model answers."""
        await models.served()
        return "ok\n"

    @app.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(prometheus(figures, await models.figures()), media_type=CONTENT_TYPE)


def _examined(digest: str, data: bytes) -> PictureAnswer:
    """What an upload is, from its header alone: pixels are decoded where they are needed.

    Raises:
        PictureError: other bytes than announced, not a picture, of a format not allowed, or too large.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        raise PictureError(
            f"digest={digest[:12]}… is not of these {len(data)} bytes: expected {found[:12]}…. Send the file as it is."
        )
    picture = Picture.from_bytes(data, "upload")
    return PictureAnswer(digest=digest, width=picture.width, height=picture.height)


def _response(reply: Reply) -> Response:
    headers = {"X-Askmask-Replica": reply.replica} if reply.replica else {}
    if reply.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(reply.retry_after)))
    return Response(reply.body, reply.status, headers, "application/json")


def _too_large(error: TooLargeError) -> Reply:
    return Reply(413, error_answer(error).model_dump_json().encode())
