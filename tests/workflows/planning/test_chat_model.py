from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langsmith.utils import tracing_is_enabled

from agent_tools.errors import ConfigError
from agent_tools.settings import settings
from workflows.planning.chat_model import OWN_KEY, chat_model
from workflows.planning.rule_planner import RulePlanner

SECRET = "sk-not-to-be-seen"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("OPENAI_API_KEY", OWN_KEY, "ASKMASK_LLM", "ASKMASK_LLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    yield
    settings.cache_clear()


@contextmanager
def compatible_server(seen: list[str]) -> Iterator[str]:
    """A server that speaks just enough of the OpenAI protocol, and keeps what it is sent for authorization."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(str(self.headers["Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"]))
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}
            body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("llm", [None, "rules"])
def test_chat_model_default_needs_no_key(llm: str | None) -> None:
    assert isinstance(chat_model(llm), RulePlanner)


def test_chat_model_openai_without_key_names_the_variable() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        chat_model("openai:gpt-4o")


def test_chat_model_package_not_installed_is_named() -> None:
    with pytest.raises(ConfigError, match="pip install langchain-groq"):
        chat_model("groq:llama")


@pytest.mark.parametrize("llm", ["gpt-4o", "openai:", ":gpt", "nobody:model"])
def test_chat_model_unknown_name_is_explained(llm: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        chat_model(llm)


def test_chat_model_with_key_is_made_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)

    model = chat_model("openai:gpt-4o")

    assert SECRET not in repr(model)
    assert model._llm_type == "openai-chat"


@pytest.mark.parametrize("address", ["httpx", "http://", "http://[", "https:///v1"])
def test_chat_model_bad_address_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        chat_model(f"openai:m@{address}")


def test_chat_model_password_in_the_address_is_refused_unseen() -> None:
    with pytest.raises(ConfigError) as error:
        chat_model(f"openai:m@http://user:{SECRET}@127.0.0.1/v1")

    assert SECRET not in str(error.value)
    assert OWN_KEY in str(error.value)


def test_chat_model_own_address_never_gets_the_key_of_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    seen: list[str] = []

    with compatible_server(seen) as address:
        assert chat_model(f"openai:m@{address}").invoke("hi").text == "hello"
        monkeypatch.setenv(OWN_KEY, "mine")
        assert chat_model("openai:m", base_url=address).invoke("hi").text == "hello"

    assert seen == ["Bearer none", "Bearer mine"]


def test_chat_model_address_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKMASK_LLM_BASE_URL", "http://127.0.0.1:9/v1")

    assert "127.0.0.1:9" in str(getattr(chat_model("openai:m"), "openai_api_base", ""))


def test_chat_model_switches_tracing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")

    chat_model()

    assert not tracing_is_enabled()
