"""Who may ask: this machine alone, or people with a name and a password; and which conversation a browser is in.

On loopback a web page that somebody visits must not reach the server, so that Host and Origin of every request have to
be this machine's. Elsewhere a login is wanted. This module does not know conversations or Gradio.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from workflows.web.rooms import OWNER, owner_named

COOKIE = "askmask_conversation"
_CONVERSATION = re.compile(r"[0-9a-f]{32}")
_OWNER = "askmask.owner"
_HEADERS = {
    b"referrer-policy": b"no-referrer",  # addresses carry conversations
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"SAMEORIGIN",
    b"cross-origin-resource-policy": b"same-origin",
}
KEPT_SECONDS = 90 * 86_400


def owner_of(request: HTTPConnection) -> str:
    """Whose conversations a request may see."""
    return str(request.scope.get(_OWNER, OWNER))


def remember(response: Response, request: HTTPConnection, conversation: str) -> None:
    """Have the browser come back to a conversation."""
    response.set_cookie(
        COOKIE,
        conversation,
        max_age=KEPT_SECONDS,
        path=str(request.scope.get("root_path") or "/"),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


class Guard:
    """Stands before the page and all that belongs to it."""

    def __init__(
        self, app: ASGIApp, names: Sequence[str], logins: Mapping[str, str], most_bytes: int = 64_000_000
    ) -> None:
        """Let through only what may come in.

        Args:
            app: what is guarded.
            names: of this server, as a browser writes them in Host and Origin, without the port.
            logins: name → password; empty: nobody is asked.
            most_bytes: of a request's body.
        """
        self._app, self._names, self._most = app, frozenset(name.lower() for name in names), most_bytes
        self._logins = {name: password.encode() for name, password in logins.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        refused = self._refusal(request)
        if refused is None and scope["type"] == "http":
            refused = self._by_link(request, scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        if self._logins:
            scope[_OWNER] = owner_named(str(self._name(request)))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS.items() if pair[0] not in own)]
            await send(message)

        await self._app(scope, self._bounded(receive), with_headers)

    def _refusal(self, request: HTTPConnection) -> Response | None:
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if not self._is_here(host) or (origin is not None and origin.partition("://")[2] != host):
            return PlainTextResponse(
                "Host or Origin is of another machine. Open the address that askmask printed.", 403
            )
        if self._logins and self._name(request) is None:
            return PlainTextResponse(
                "A name and a password are wanted.", 401, {"WWW-Authenticate": 'Basic realm="askmask"'}
            )
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._most:
            return JSONResponse({"error": f"That is too large: at most {self._most / 1e6:.0f} MB are taken."}, 413)
        return None

    def _by_link(self, request: HTTPConnection, scope: Scope) -> Response | None:
        """A link to a conversation becomes a cookie, so that the address bar no longer shows it."""
        wanted = request.query_params.get("c", "")
        if scope["method"] != "GET" or not _CONVERSATION.fullmatch(wanted):
            return None
        response = RedirectResponse(str(scope.get("root_path") or "") + "/", 303)
        remember(response, request, wanted)
        return response

    def _is_here(self, host: str) -> bool:
        try:
            return (urlsplit(f"//{host}").hostname or "") in self._names
        except ValueError:
            return False

    def _name(self, request: HTTPConnection) -> str | None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        # Compared for unknown names as well, so that the time it takes tells nothing.
        fits = hmac.compare_digest(self._logins.get(name, b""), password.encode())
        return name if fits and name in self._logins else None

    def _bounded(self, receive: Receive) -> Receive:
        """A body is counted as it comes: its length need not be told beforehand, nor be true."""
        come = 0

        async def counting() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self._most:
                return {"type": "http.disconnect"}
            return message

        return counting
