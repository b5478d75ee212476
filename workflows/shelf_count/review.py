"""Serves the page on which a person puts counts right, on this machine alone.

The address carries a random token; the Host of every request has to be this machine's, and the Origin of one that
changes something the page's own, so that no other page in the browser can reach it. Nothing is served but the page, and
the pictures of the queue by their number. This module does not know what a correction does.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from agent_tools.errors import AskmaskError, ConfigError, ToolInputError
from workflows.shelf_count.pages import as_json, assemble
from workflows.shelf_count.review_queue import Review

LARGEST_BODY = 2_000_000
"""Bytes of a request that are read."""
_SLOWEST_SECONDS = 30
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ReviewServer(ThreadingHTTPServer):
    """The page and its answers; `serve_forever` returns when the person ends the review on the page."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, review: Review, port: int = 0) -> None:
        """Listen on loopback.

        Args:
            review: what is gone through.
            port: 0 takes any free one.

        Raises:
            ConfigError: the port cannot be listened on.
        """
        self.review, self.token = review, secrets.token_urlsafe(24)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"port={port} cannot be listened on ({getattr(error, 'strerror', None) or error}): expected a free "
                "port of this machine. Choose another with --port, or 0 for any."
            ) from error

    @property
    def hosts(self) -> tuple[str, ...]:
        """By which names a browser on this machine may call."""
        return tuple(f"{name}:{self.server_address[1]}" for name in ("127.0.0.1", "localhost"))

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{self.hosts[0]}/{self.token}/"

    def end(self) -> None:
        """Have `serve_forever` return; from any thread."""
        Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    server: ReviewServer
    timeout = _SLOWEST_SECONDS
    server_version, sys_version = "askmask", ""

    def do_GET(self) -> None:
        """The page, its data, or a picture."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Counts for a correction, keeping one, taking one back, or the end."""
        self._answer(self._post)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is logged: addresses carry the token."""

    def _answer(self, act: Callable[[list[str]], None]) -> None:
        steps = self.path.partition("?")[0].split("/")[1:]
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "Host is not this machine.")
        elif not secrets.compare_digest(steps[0].encode("utf-8", "replace"), self.server.token.encode()):
            self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")
        else:
            try:
                act(steps[1:])
            except ToolInputError as error:
                self._refuse(HTTPStatus.BAD_REQUEST, str(error))
            except AskmaskError as error:
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _get(self, steps: list[str]) -> None:
        match steps:
            case [""]:
                before, after = assemble("review", "img-src 'self' data:; connect-src 'self'")
                page = before + as_json(self.server.review.start()) + after
                self._send(page.encode("utf-8", "replace"), "text/html; charset=utf-8")
            case ["pictures", place]:
                self._send_json(self.server.review.picture(_number(place)))
            case ["previews", place]:
                self._send(self.server.review.preview(_number(place)), "image/jpeg")
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _post(self, steps: list[str]) -> None:
        if self.headers.get("Origin") not in [f"http://{host}" for host in self.server.hosts]:
            self._refuse(HTTPStatus.FORBIDDEN, "Origin is not this page.")
            return
        size = self.headers.get("Content-Length", "")
        if not size.isdecimal() or int(size) > LARGEST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Expected at most {LARGEST_BODY} bytes.")
            return
        body, review = self.rfile.read(int(size)), self.server.review
        match steps:
            case ["numbers", place]:
                self._send_json(review.numbers(_number(place), body))
            case ["corrections", place]:
                self._send_json(review.save(_number(place), body))
            case ["undo"]:
                self._send_json(review.undo())
            case ["end"]:
                self._send_json({"ended": True})
                self.server.end()
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "There is nothing here.")

    def _send_json(self, value: dict[str, Any]) -> None:
        self._send(json.dumps(value).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(json.dumps({"error": why}).encode(), "application/json", status)

    def _send(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ToolInputError(f"place={text[:20]!r} is no number: expected a place in the queue. Load the page again.")
    return int(text)
