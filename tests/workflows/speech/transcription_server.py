"""A server on the loopback that transcribes by OpenAI's protocol, always the same; it keeps what it was sent."""

from __future__ import annotations

import email
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """What the server was sent: the path, the key and the fields of each request."""

    address: str
    paths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    fields: list[dict[str, bytes]] = field(default_factory=list)


@contextmanager
def transcribing(text: str, status: int = 200) -> Iterator[Asked]:
    """A running server that hears `text`, or refuses with `status`."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing; a test looks at what was asked."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kind = self.headers["Content-Type"]
            form = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
            asked.paths.append(self.path)
            asked.keys.append(self.headers.get("Authorization", ""))
            asked.fields.append(
                {
                    str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)  # type: ignore[misc]
                    for part in form.get_payload()  # type: ignore[union-attr]
                }
            )
            answer = {"text": text} if status == 200 else {"error": {"message": "no", "code": None}}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    asked = Asked(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
