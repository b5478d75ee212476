from __future__ import annotations

from collections.abc import Iterator

import pytest
from langsmith.utils import tracing_is_enabled

from agent_tools.errors import ConfigError
from agent_tools.settings import settings
from tests.openai_server import OpenAIServer, Step
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

    with OpenAIServer(Step("hello")).running() as server:
        assert chat_model(f"openai:m@{server.address}").invoke("hi").text.strip() == "hello"
        monkeypatch.setenv(OWN_KEY, "mine")
        assert chat_model("openai:m", base_url=server.address).invoke("hi").text.strip() == "hello"

    assert server.keys == ["Bearer none", "Bearer mine"]


def test_chat_model_address_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASKMASK_LLM_BASE_URL", "http://127.0.0.1:9/v1")

    assert "127.0.0.1:9" in str(getattr(chat_model("openai:m"), "openai_api_base", ""))


def test_chat_model_switches_tracing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")

    chat_model()

    assert not tracing_is_enabled()
