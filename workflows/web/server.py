"""The page and all that belongs to it as one server.

It listens on this machine alone until told otherwise, and then wants logins. This module does not know what is on the
page.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

from agent_tools.errors import AskmaskError, ConfigError, shorten
from workflows.web.rooms import OWNER, Rooms, owner_named

# Before Gradio is imported: it asks nobody for news, and sends none.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from workflows.web.examples import prepare
from workflows.web.guard import Guard
from workflows.web.page import Told, blocks
from workflows.web.routes import add_routes

_log = logging.getLogger(__name__)
_SWEEP_SECONDS = 3600.0


@dataclass(frozen=True)
class Place:
    """Where the server is, and who may come in.

    Attributes:
        host: address to listen on.
        port: 0 takes any free one.
        names: by which browsers elsewhere call this machine, for Host and Origin.
        logins: name → password.
        most_megabytes: of a file that is sent.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    names: Sequence[str] = ()
    logins: Mapping[str, str] = field(default_factory=dict)
    most_megabytes: float = 256.0


def application(rooms: Rooms, told: Told, place: Place) -> ASGIApp:
    """The server as an ASGI application.

    Raises:
        ConfigError: it can be reached from other machines, and nobody has to log in.
    """
    if not place.logins and not _is_loopback(place.host):
        raise ConfigError(
            f"host={shorten(place.host)} can be reached from other machines: expected logins. "
            "Set ASKMASK_WEB_LOGINS=name:password, or leave --host out."
        )
    app = FastAPI(title="askmask", docs_url=None, redoc_url=None, openapi_url=None)
    add_routes(app, rooms)
    page = blocks(rooms, told)
    page.queue(max_size=rooms.limits.waiting, api_open=False)
    style = files("workflows.web").joinpath("static/page.css").read_text(encoding="utf-8")
    app = gr.mount_gradio_app(
        app,
        page,
        path="/",
        css=style,
        theme=_theme(),
        footer_links=[],
        show_error=False,
        ssr_mode=False,
        max_file_size=20_000_000,  # of a recording: pictures come by an address of ours
        enable_monitoring=False,
    )
    own = ["127.0.0.1", "localhost", "::1", *([] if _is_loopback(place.host) else [socket.gethostname(), place.host])]
    return Guard(app, [*own, *place.names], place.logins, int(place.most_megabytes * 1e6))


def serve(rooms: Rooms, told: Told, place: Place, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve the page until interrupted.

    Args:
        rooms: the conversations.
        told: what the page says of itself.
        place: where to listen, and who may come in.
        ready: told the address once connections are taken.

    Raises:
        ConfigError: the address cannot be listened on, or logins are missing.
    """
    app = application(rooms, told, place)
    try:
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        listener = socket.create_server((place.host, place.port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"host={shorten(place.host)} port={place.port} cannot be listened on "
            f"({getattr(error, 'strerror', None) or error}): expected a free port of this machine. "
            "Choose another with --port, or 0 for any."
        ) from error
    threading.Thread(target=prepare, daemon=True, name="askmask-examples").start()
    owners = [OWNER, *(owner_named(name) for name in place.logins)]
    threading.Thread(target=_sweep, args=(rooms, owners), daemon=True, name="askmask-sweep").start()
    shown = f"[{place.host}]" if ":" in place.host else place.host
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=3)
    with tempfile.TemporaryDirectory(prefix="askmask-page-", ignore_cleanup_errors=True) as recordings:
        os.environ["GRADIO_TEMP_DIR"] = recordings  # nobody else's to read, and gone with the server
        ready(f"http://{shown}:{listener.getsockname()[1]}/")
        uvicorn.Server(config).run(sockets=[listener])


def _sweep(rooms: Rooms, owners: Sequence[str]) -> None:
    """Erase what nobody has gone on with for too long, now and then."""
    while True:
        try:
            rooms.erase_old(owners)
        except AskmaskError as error:
            _log.warning("old conversations were not erased: %s", error)
        time.sleep(_SWEEP_SECONDS)


def _theme() -> gr.themes.Base:
    """Quiet colours and the fonts of the visitor's own system: nothing is fetched from elsewhere."""
    letters = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    return gr.themes.Base(
        primary_hue="blue",
        neutral_hue="slate",
        font=letters,
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
