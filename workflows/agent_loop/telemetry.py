"""OpenTelemetry spans of requests, model calls and tool calls, where they were asked for; else nothing at all.

Spans hold names, numbers and times, never words, pictures or keys. This module does not know what it times.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from agent_tools.errors import ConfigError, shorten
from agent_tools.settings import settings

_providers: list[Any] = []


@contextmanager
def span(name: str, **attributes: str | int | float) -> Iterator[None]:
    """Time what is done within as a span called `name`.

    Raises:
        ConfigError: spans were asked for and cannot be made.
    """
    where = settings().traces
    if where is None:
        yield
        return
    with tracer(where).start_as_current_span(name, attributes=attributes, record_exception=False):
        yield


@lru_cache(maxsize=1)
def tracer(where: str) -> Any:
    """What makes spans: the process's own provider, or one that sends them to an OTLP address in the background."""
    try:
        from opentelemetry import trace

        if where == "process":
            return trace.get_tracer("askmask")
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigError(
            f"ASKMASK_TRACES={shorten(where)} needs packages that are not installed: expected OpenTelemetry. "
            'Run: pip install "askmask[telemetry]"'
        ) from None
    provider = TracerProvider(resource=Resource.create({"service.name": "askmask"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=where)))
    _providers.append(provider)
    return provider.get_tracer("askmask")


def flush() -> None:
    """Send what waits to be sent; it happens by itself when the program ends."""
    for provider in _providers:
        provider.force_flush()
