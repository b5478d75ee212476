"""What every request passes before the HTTP front looks at it: who asks, from where, how much it sends.

Outside loopback a key is wanted. On loopback a web page that somebody visits must not reach the server: Host has to be
a name of this machine, and Origin, where there is one, has to be the same. This module does not know models or tasks.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_tools.errors import PictureError, ServiceError, shorten
from agent_tools.services.serving.metrics import FrontFigures
from agent_tools.services.wire import ErrorAnswer, Fault

OPEN = ("/healthz", "/readyz")
"""Where no key is wanted: those who ask cannot have one, and nothing is told."""
_LOCAL = ("127.0.0.1", "localhost", "::1")


class TooLargeError(PictureError):
    """More was sent than is taken."""


class Guard:
    """Lets through only what may come in, and measures it."""

    def __init__(self, app: ASGIApp, keys: Sequence[str], local: bool, most_bytes: int, figures: FrontFigures) -> None:
        """Stands before an application.

        Args:
            app: what is guarded.
            keys: one of which is wanted; none: nobody is asked.
            local: whether the server is on loopback, for this machine alone.
            most_bytes: of a request's body.
            figures: where requests are counted.
        """
        self._app, self._local, self._most, self._figures = app, local, most_bytes, figures
        self._wanted = [f"Bearer {key}".encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        began, status = time.perf_counter(), 499  # as nginx calls it: gone before there was an answer

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._figures.began()
        try:
            refused = self._refusal(scope["path"], headers)
            if refused is not None:
                await refused(scope, receive, noting)
            else:
                await self._app(scope, self._bounded(receive), noting)
        except Exception:
            status = 500
            raise
        finally:
            self._figures.ended(_task(scope["path"]), status, time.perf_counter() - began)

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> Response | None:
        if self._local and not self._is_here(headers):
            return _said(403, "Host or Origin is of another machine: expected 127.0.0.1. Ask this machine directly.")
        given = headers.get(b"authorization", b"")
        # Every key is compared, so that the time it takes tells nothing.
        if self._wanted and path not in OPEN and not sum(hmac.compare_digest(given, key) for key in self._wanted):
            refused = _said(401, "Authorization: expected Bearer and a key of the server. Set ASKMASK_SERVE_KEY.")
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self._most:
            return _said(413, str(self._too_large()), "PictureError")
        return None

    @staticmethod
    def _is_here(headers: dict[bytes, bytes]) -> bool:
        named = [f"//{headers.get(b'host', b'').decode('latin-1')}"]
        if b"origin" in headers:
            named.append(headers[b"origin"].decode("latin-1"))
        try:
            return all(urlsplit(name).hostname in _LOCAL for name in named)
        except ValueError:
            return False

    def _bounded(self, receive: Receive) -> Receive:
        """A body is counted as it comes: its length need not be told beforehand, nor be true."""
        come = 0

        async def counting() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self._most:
                raise self._too_large()
            return message

        return counting

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"request= is too large: expected at most {self._most / 1e6:g} MB. "
            "Make the picture smaller, or raise ASKMASK_MAX_FILE_MEGABYTES at the server."
        )


def _task(path: str) -> str:
    """What a path is about, one of few names: a metric must not have a label for each picture."""
    parts = path.strip("/").split("/")
    known = ("detect", "propose", "segment", "pictures", "models")
    return parts[1] if len(parts) > 1 and parts[0] == "v1" and parts[1] in known else "other"


def _said(status: int, message: str, kind: str = ServiceError.__name__) -> Response:
    body = ErrorAnswer(error=Fault(type=kind, message=shorten(message, 500))).model_dump_json()
    return Response(body, status, media_type="application/json")
