"""Fetches a picture from an http(s) address: bounded in size and time, from public addresses only.

This module does not know pictures or their formats, and it does not decide whether fetching is allowed.
"""

from __future__ import annotations

import http.client
import ipaddress
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from agent_tools.errors import PictureError, shorten

TIMEOUT_SECONDS = 20.0


class _PrivateAddressError(OSError):
    """The name led to a machine that is not on the public internet."""


def _refuse_private(connection: http.client.HTTPConnection) -> None:
    # Checked on the open connection: a name can change what it points to between a look-up and a connection.
    peer = ipaddress.ip_address(connection.sock.getpeername()[0].split("%")[0])
    mapped = getattr(peer, "ipv4_mapped", None)
    if not (mapped or peer).is_global:
        connection.close()
        raise _PrivateAddressError(f"{peer} is not a public address")


class _PublicHTTP(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _refuse_private(self)


class _PublicHTTPS(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _refuse_private(self)


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_PublicHTTP, request)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_PublicHTTPS, request)


def fetch(address: str, max_megabytes: float) -> tuple[bytes, str]:
    """The bytes at an address, and the last part of its path as a name.

    Args:
        address: http or https; redirects are followed to http and https only.
        max_megabytes: more than this is refused while it arrives.

    Raises:
        PictureError: unreachable, private, refused by the server, or too large.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler({}),
        _HTTPHandler(),
        _HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    limit = int(max_megabytes * 1e6)
    request = urllib.request.Request(address, headers={"User-Agent": "askmask", "Accept": "image/*"})  # noqa: S310
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            data: bytes = response.read(limit + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason: object = error
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        elif isinstance(error, urllib.error.URLError):
            reason = error.reason
        raise PictureError(
            f"picture={shorten(address)} cannot be fetched ({shorten(reason)}): expected a public http(s) address. "
            "Check it, or download the picture and name the file."
        ) from None
    if len(data) > limit:
        raise PictureError(
            f"picture={shorten(address)} is larger than {max_megabytes:g} MB: expected less. "
            "Make it smaller, or raise ASKMASK_MAX_FILE_MEGABYTES."
        )
    return data, urllib.parse.unquote(urllib.parse.urlsplit(address).path) or "picture"
