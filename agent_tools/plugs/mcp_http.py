"""The MCP server over HTTP: where it listens, and who may talk to it. This module does not know the protocol.

Only loopback is listened on unless told otherwise, and elsewhere a token is wanted. A web page that somebody visits
must not reach the server: the Host and the Origin of every request have to be names of this machine.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Callable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from agent_tools.errors import ConfigError, shorten
from agent_tools.plugs.mcp_server import VisionServer
from agent_tools.settings import settings

PATH = "/mcp"
SHORTEST_TOKEN = 16


def serve_http(
    server: VisionServer,
    host: str = "127.0.0.1",
    port: int = 8765,
    names: tuple[str, ...] = (),
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve any number of clients over streamable HTTP, until interrupted.

    The Host and the Origin of every request are checked. The token of ``ASKMASK_MCP_TOKEN`` is asked for where it is
    set; elsewhere than on loopback it has to be.

    Args:
        server: what is served.
        host: address to listen on.
        port: 0 takes any free one.
        names: by which clients elsewhere reach this machine, beside its own name; for Host and Origin.
        ready: told the address once connections are taken.

    Raises:
        ConfigError: the address cannot be listened on, or a token is missing.
    """
    import uvicorn

    app = http_app(server, host, names)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"host={shorten(host)} port={port} cannot be listened on ({error.strerror or error}): expected a free port "
            "of this machine. Choose another with --port."
        ) from error
    ready(f"http://{_shown(host)}:{listener.getsockname()[1]}{PATH}")
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
    uvicorn.Server(config).run(sockets=[listener])


def http_app(server: VisionServer, host: str = "127.0.0.1", names: tuple[str, ...] = ()) -> ASGIApp:
    """The server as an ASGI application; arguments and errors as for `serve_http`."""
    token = settings().mcp_token
    if token is None and not _is_loopback(host):
        raise ConfigError(
            f"ASKMASK_MCP_TOKEN= is not set: expected a secret, as host={shorten(host)} can be reached from other "
            "machines. Set it, or leave --host out."
        )
    if token is not None and len(token.get_secret_value()) < SHORTEST_TOKEN:
        raise ConfigError(
            f"ASKMASK_MCP_TOKEN=(hidden) is short: expected {SHORTEST_TOKEN} characters or more. Set a longer one."
        )
    own = dict.fromkeys(["127.0.0.1", "localhost", "[::1]", socket.gethostname(), _shown(host), *names])
    app = server.http_app(PATH, own)
    return app if token is None else _TokenCheck(app, token.get_secret_value())


def _shown(host: str) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _TokenCheck:
    """Lets only requests through that carry the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization", b"")
        if scope["type"] != "http" or hmac.compare_digest(given, self._wanted):
            await self._app(scope, receive, send)
            return
        refused = PlainTextResponse(
            "Authorization: expected Bearer and the token of ASKMASK_MCP_TOKEN.\n",
            401,
            {"WWW-Authenticate": "Bearer"},
        )
        await refused(scope, receive, send)
