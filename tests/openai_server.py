"""A server on the loopback that speaks OpenAI's protocol, by a script: Chat Completions and Responses, streamed or not.

It stands in for a language model that cannot be reached from where tests run; the client code is the real one.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Step:
    """What the server does with one request.

    Attributes:
        text: words of the answer.
        calls: (tool, arguments); arguments that are text are sent as they are, JSON or not.
        status: of the answer; anything but 200 is an error with `text` as its message.
        headers: sent along.
        code: of the error.
        refusal: said in place of an answer.
        finish: why the answer ended, as Chat Completions says it.
        breaks: whether the connection ends in the middle.
        delay: seconds before anything is sent.
        pause: seconds between pieces of a stream.
        streams: whether it streams when asked to; else it answers in one piece all the same.
        numbers: whether the ids of calls tell one answer from the next; not every server's do.
    """

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    code: str = ""
    refusal: str = ""
    finish: str = ""
    breaks: bool = False
    delay: float = 0.0
    pause: float = 0.0
    streams: bool = True
    numbers: bool = True


class OpenAIServer:
    """The last step is repeated for ever.

    Attributes:
        address: base URL for a client.
        asked: bodies of the requests so far.
        keys: what each gave for a key.
    """

    def __init__(self, *steps: Step) -> None:
        self.steps, self.asked, self.keys = list(steps), [], []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                """Nothing; a test looks at what was asked."""

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.asked.append(body)
                server.keys.append(self.headers.get("Authorization", ""))
                step = server.steps[min(len(server.asked), len(server.steps)) - 1]
                time.sleep(step.delay)
                try:
                    self._answer(step, body, len(server.asked))
                except (BrokenPipeError, ConnectionResetError):
                    return

            def _answer(self, step: Step, body: dict[str, Any], turn: int) -> None:
                responses = self.path.endswith("/responses")
                if step.status != 200:
                    error = {"message": step.text or "no", "type": "error", "code": step.code or None}
                    self._send(json.dumps({"error": error}).encode(), step)
                elif not (body.get("stream") and step.streams):
                    whole = _response(step, turn) if responses else _completion(step, turn)
                    self._send(json.dumps(whole).encode(), step, "application/json")
                else:
                    pieces = list(_response_events(step, turn) if responses else _completion_chunks(step, turn))
                    self.send_response(200)
                    self.send_header("Content-Type", "text/event-stream")
                    self.end_headers()
                    for name, piece in pieces[: len(pieces) // 2] if step.breaks else pieces:
                        event = f"event: {name}\n" if name else ""
                        data = piece if isinstance(piece, str) else json.dumps(piece)
                        self.wfile.write(f"{event}data: {data}\n\n".encode())
                        self.wfile.flush()
                        time.sleep(step.pause)
                    self.close_connection = True
                    if step.breaks:
                        self.connection.close()

            def _send(self, data: bytes, step: Step, kind: str = "application/json") -> None:
                self.send_response(step.status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                for name, value in step.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data[: len(data) // 2] if step.breaks else data)
                self.close_connection = True

        return Handler


_USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def _id(step: Step, turn: int, place: int) -> str:
    return f"call_{turn if step.numbers else 0}_{place}"


def _arguments(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given)


def _finish(step: Step) -> str:
    return step.finish or ("tool_calls" if step.calls else "stop")


def _completion(step: Step, turn: int) -> dict[str, Any]:
    calls = [
        {"id": _id(step, turn, place), "type": "function", "function": {"name": name, "arguments": _arguments(given)}}
        for place, (name, given) in enumerate(step.calls)
    ]
    message: dict[str, Any] = {"role": "assistant", "content": step.text or None}
    message |= {"tool_calls": calls} if calls else {}
    message |= {"refusal": step.refusal} if step.refusal else {}
    return {
        "id": f"chat-{turn}",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(step)}],
        "usage": _USAGE,
    }


def _completion_chunks(step: Step, turn: int) -> Iterator[tuple[str, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> tuple[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        whole = {"id": f"chat-{turn}", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
        return "", {**whole, "choices": [choice]}

    yield chunk({"role": "assistant", "content": ""})
    for word in step.text.split(" ") if step.text else []:
        yield chunk({"content": f"{word} "})
    if step.refusal:
        yield chunk({"refusal": step.refusal})
    for place, (name, given) in enumerate(step.calls):
        text = _arguments(given)
        start = {"index": place, "id": _id(step, turn, place), "type": "function"}
        yield chunk({"tool_calls": [{**start, "function": {"name": name, "arguments": text[:3]}}]})
        yield chunk({"tool_calls": [{"index": place, "function": {"arguments": text[3:]}}]})
    yield chunk({}, _finish(step))
    yield "", {**chunk({})[1], "choices": [], "usage": _USAGE}
    yield "", "[DONE]"


def _items(step: Step, turn: int) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if step.text or step.refusal:
        said = {"type": "output_text", "text": step.text, "annotations": []}
        content = {"type": "refusal", "refusal": step.refusal} if step.refusal else said
        items.append(
            {"id": f"msg_{turn}", "type": "message", "role": "assistant", "status": "completed", "content": [content]}
        )
    for place, (name, given) in enumerate(step.calls):
        own = {"id": f"fc_{turn}_{place}", "call_id": _id(step, turn, place), "type": "function_call"}
        items.append({**own, "name": name, "arguments": _arguments(given), "status": "completed"})
    return items


def _response(step: Step, turn: int) -> dict[str, Any]:
    return {
        "id": f"resp_{turn}",
        "object": "response",
        "created_at": 1,
        "model": "scripted",
        "status": "incomplete" if step.finish == "length" else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if step.finish == "length" else None,
        "output": _items(step, turn),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 120,
        },
    }


def _response_events(step: Step, turn: int) -> Iterator[tuple[str, Any]]:
    number = iter(range(1000))

    def event(name: str, **data: Any) -> tuple[str, Any]:
        return name, {"type": name, "sequence_number": next(number), **data}

    whole = _response(step, turn)
    yield event("response.created", response={**whole, "status": "in_progress", "output": [], "usage": None})
    for place, item in enumerate(whole["output"]):
        where = {"output_index": place, "item_id": item["id"]}
        if item["type"] == "message":
            yield event("response.output_item.added", output_index=place, item={**item, "content": []})
            part = item["content"][0]
            empty = {**part, ("text" if "text" in part else "refusal"): ""}
            yield event("response.content_part.added", **where, content_index=0, part=empty)
            for word in part.get("text", "").split(" ") if part.get("text") else []:
                yield event("response.output_text.delta", **where, content_index=0, delta=f"{word} ", logprobs=[])
            if step.refusal:
                yield event("response.refusal.delta", **where, content_index=0, delta=step.refusal)
                yield event("response.refusal.done", **where, content_index=0, refusal=step.refusal)
            else:
                yield event("response.output_text.done", **where, content_index=0, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **where, content_index=0, part=part)
        else:
            yield event("response.output_item.added", output_index=place, item={**item, "arguments": ""})
            yield event("response.function_call_arguments.delta", **where, delta=item["arguments"])
            yield event("response.function_call_arguments.done", **where, arguments=item["arguments"])
        yield event("response.output_item.done", output_index=place, item=item)
    ended = "response.incomplete" if whole["status"] == "incomplete" else "response.completed"
    yield event(ended, response=whole)
