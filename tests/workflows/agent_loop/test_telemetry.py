"""Spans go where they were asked for, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_tools.errors import ConfigError
from agent_tools.settings import settings
from workflows.agent_loop import telemetry
from workflows.agent_loop.telemetry import span


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    tracer = telemetry.tracer
    tracer.cache_clear()
    yield
    tracer.cache_clear()


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", got
    server.shutdown()
    server.server_close()
    thread.join()


def ask_for(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKMASK_TRACES", where)
    settings.cache_clear()


def test_span_without_being_asked_for_makes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "tracer", lambda _: pytest.fail("a tracer was set up"))
    with span("askmask.tool", tool="count"):
        pass


def test_span_goes_to_the_collector_that_was_named(
    collector: tuple[str, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, got = collector
    ask_for(address, monkeypatch)
    with span("askmask.request"), span("askmask.tool", tool="count"):
        pass
    telemetry.flush()
    assert b"askmask.request" in b"".join(got)
    assert b"count" in b"".join(got)


def test_span_goes_to_the_provider_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr("opentelemetry.trace.get_tracer", provider.get_tracer)
    ask_for("process", monkeypatch)
    with span("askmask.request"), span("askmask.tool", tool="count"):
        pass
    assert [each.name for each in kept.get_finished_spans()] == ["askmask.tool", "askmask.request"]


def test_span_without_the_packages_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry", None)
    ask_for("http://127.0.0.1:9", monkeypatch)
    with pytest.raises(ConfigError, match=r"pip install \"askmask\[telemetry\]\""), span("askmask.request"):
        pass
