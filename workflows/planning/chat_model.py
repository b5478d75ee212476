"""The language model behind a conversation, from one setting.

    None, "rules"                         the planner that needs no key
    "openai:gpt-4o"                       a provider and a model, as LangChain names them; its key from the environment
    "clever"                              a planner that an installed package brings, by its entry point
    "openai:qwen3@http://127.0.0.1:8000/v1"   a model at an OpenAI-compatible address (or ASKMASK_LLM_BASE_URL)

A key comes from the environment only. At an address of one's own it is ASKMASK_LLM_API_KEY (none, if the server wants
none); OPENAI_API_KEY is sent to OpenAI alone. LangSmith tracing is switched off for the process, whatever the
environment says. This module does not know what a model is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from agent_tools.errors import ConfigError, shorten
from agent_tools.settings import settings
from workflows.planning.plugged import plugged_planner
from workflows.planning.rule_planner import RulePlanner

OWN_KEY = "ASKMASK_LLM_API_KEY"

_PROVIDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "anthropic": ("langchain_anthropic", ("ANTHROPIC_API_KEY",)),
    "azure_openai": ("langchain_openai", ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN")),
    "cohere": ("langchain_cohere", ("COHERE_API_KEY",)),
    "deepseek": ("langchain_deepseek", ("DEEPSEEK_API_KEY",)),
    "fireworks": ("langchain_fireworks", ("FIREWORKS_API_KEY",)),
    "google_genai": ("langchain_google_genai", ("GOOGLE_API_KEY", "GEMINI_API_KEY")),
    "groq": ("langchain_groq", ("GROQ_API_KEY",)),
    "mistralai": ("langchain_mistralai", ("MISTRAL_API_KEY",)),
    "ollama": ("langchain_ollama", ()),
    "openai": ("langchain_openai", ("OPENAI_API_KEY",)),
    "openrouter": ("langchain_openrouter", ("OPENROUTER_API_KEY",)),
    "perplexity": ("langchain_perplexity", ("PPLX_API_KEY",)),
    "together": ("langchain_together", ("TOGETHER_API_KEY",)),
    "xai": ("langchain_xai", ("XAI_API_KEY",)),
}
"""Provider → the package LangChain takes it from, and the variables any of which may hold its key."""


def chat_model(llm: str | None = None, base_url: str | None = None) -> BaseChatModel:
    """The chat model that `llm` names; nothing is sent anywhere.

    Args:
        llm: What `--llm` takes; None: `ASKMASK_LLM`, else the rule planner.
        base_url: Address of an OpenAI-compatible server; None: the one in `llm`, else `ASKMASK_LLM_BASE_URL`.

    Raises:
        ConfigError: a key, a package or the provider is missing, or the address is not one.
    """
    _no_tracing()
    llm = llm if llm is not None else settings().llm
    if llm is None or llm == "rules":
        return RulePlanner()
    named, _, address = llm.partition("@http")
    address = f"http{address}" if address else base_url or settings().llm_base_url or ""
    if address:
        check_address(address)
    provider, _, model = named.partition(":")
    if not model and not address and (planner := plugged_planner(provider)) is not None:
        return planner
    if not provider or not model:
        raise ConfigError(
            f"llm={shorten(named)!r} names no provider and model: expected provider:model. "
            "Try --llm openai:gpt-4o, or leave --llm out for the planner that needs no key."
        )
    _check_package(provider)
    if address:
        return _at_address(provider, model, address)
    _check_key(provider)
    return _from_langchain(provider, model)


def model_name(llm: str | None) -> str:
    """What a model is called in messages: as the person named it, without an address."""
    named = llm if llm is not None else settings().llm
    return (named or "rules").partition("@http")[0]


def call_settings(model: BaseChatModel) -> Callable[[float], dict[str, Any]] | None:
    """Makes the settings of one call from the seconds it may take; None for models that take none."""
    if find_spec("langchain_openai") is None or isinstance(model, RulePlanner):
        return None
    from langchain_openai.chat_models.base import BaseChatOpenAI

    return (lambda seconds: {"timeout": seconds}) if isinstance(model, BaseChatOpenAI) else None


def check_address(address: str) -> None:
    """Refuse what is not the address of a server, or holds a password.

    Raises:
        ConfigError: it is not http(s), names no host, or holds a secret.
    """
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.scheme in ("http", "https")
        secret = parts.password is not None or parts.username is not None
    except ValueError:
        usable, secret = False, False
    if secret:
        raise ConfigError(
            f"base_url=(hidden) holds a password: expected a plain address. Put the key into {OWN_KEY} instead."
        )
    if not usable:
        raise ConfigError(f"base_url={shorten(address)!r} is not an address: expected http://host:port/v1. Correct it.")


def _check_package(provider: str) -> None:
    package = _PROVIDERS.get(provider, ("", ()))[0]
    if package and find_spec(package) is None:
        raise _missing_package(provider, package)


def _check_key(provider: str) -> None:
    variables = _PROVIDERS.get(provider, ("", ()))[1]
    if variables and not any(os.environ.get(variable) for variable in variables):
        raise ConfigError(
            f"{variables[0]}= is not set: expected the key of {provider}. "
            f"Set {' or '.join(variables)} in the environment, or leave --llm out for the planner that needs no key."
        )


def _at_address(provider: str, model: str, address: str) -> BaseChatModel:
    """A model on an OpenAI-compatible server."""
    if provider != "openai":
        raise ConfigError(
            f"llm={provider}:{shorten(model)} has an address of its own: expected openai:MODEL@{shorten(address)}. "
            "Name the provider openai, which any compatible server speaks, or leave the address out."
        )
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    key = os.environ.get(OWN_KEY) or "none"
    return ChatOpenAI(model=model, base_url=address, api_key=SecretStr(key), **_openai_settings())


def _openai_settings() -> dict[str, Any]:
    """For OpenAI's own client: the loop tries again by itself, where the person sees it and can stop it."""
    now = settings()
    return {
        "max_retries": 0,
        "timeout": now.llm_timeout,
        "stream_usage": True,
        "use_responses_api": now.llm_api == "responses",
        "streaming": now.llm_stream,
    }


def _from_langchain(provider: str, model: str) -> BaseChatModel:
    from langchain.chat_models import init_chat_model

    try:
        own = _openai_settings() if provider == "openai" else {}
        found: BaseChatModel = init_chat_model(model, model_provider=provider, **own)
        return found
    except ImportError as error:
        raise _missing_package(provider, error.name or f"langchain_{provider}") from None
    except Exception as error:  # noqa: BLE001, every provider has its own errors, and their texts may quote a key
        raise ConfigError(
            f"llm={provider}:{shorten(model)} cannot be set up ({type(error).__name__}): expected a provider that "
            "LangChain knows, with its key in the environment. See the provider's page in LangChain's documents."
        ) from None


def _missing_package(provider: str, package: str) -> ConfigError:
    name = package.split(".")[0].replace("_", "-")
    return ConfigError(
        f"llm={provider} needs a package that is not installed: expected {name}. Run: pip install {name}"
    )


def _no_tracing() -> None:
    """Keep requests out of LangSmith, which an environment variable alone would otherwise switch on."""
    import langsmith

    langsmith.configure(enabled=False)
