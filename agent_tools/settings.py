"""Every default of askmask in one place, each read from an ``ASKMASK_*`` environment variable.

This module does not know who uses a setting, and it never reads a ``.env`` file from the working folder.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from agent_tools.errors import ConfigError


class Settings(BaseSettings):
    """The defaults; each field is the environment variable ``ASKMASK_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix="ASKMASK_", env_file=None, extra="ignore")

    models: str | None = Field(default=None, description="Model preset; None: the one last fetched, else demo.")
    detector: str | None = Field(default=None, description="Detector to use instead of the preset's.")
    segmenter: str | None = Field(default=None, description="Segmenter to use instead of the preset's.")
    inpainter: str | None = Field(
        default=None, description="What fills holes: patches, opencv, lama:FILE.onnx, ...; None: patches."
    )
    device: str = Field(default="auto", description="auto, cpu, cuda:n or mps.")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Number format of heavy layers; auto: half where the device is measured faster."
    )
    quality: Literal["fast", "balanced", "best"] = Field(
        default="best", description="How large a heavy detector sees pictures: 0.6, 0.8 or all of its usual size."
    )
    llm: str | None = Field(default=None, description="LangChain provider string; None: the rule planner.")
    llm_base_url: str | None = Field(default=None, description="Address of an OpenAI-compatible server.")
    data_dir: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("askmask", appauthor=False)),
        description="Where conversations and their pictures are kept (mode 0700).",
    )
    store: SecretStr | None = Field(
        default=None,
        description="postgresql://... for conversations that several processes share; None: a file in data_dir.",
    )
    owner: str = Field(default="local", min_length=1, description="Owner written on new conversations.")
    picture_folders: tuple[Path, ...] = Field(
        default=(), description="Folders from which an agent's open_picture may read; none unless set."
    )
    product_lists: tuple[Path, ...] = Field(
        default=(), description="Product lists, .csv or .xlsx, that count_shelf may read beside those folders."
    )
    allow_urls: bool = Field(default=False, description="Whether open_picture may fetch http(s) addresses.")
    mcp_token: SecretStr | None = Field(
        default=None, description="Secret that clients of askmask mcp --http have to send."
    )
    max_megapixels: float = Field(default=120.0, gt=0, description="Largest picture that is decoded.")
    max_file_megabytes: float = Field(default=256.0, gt=0, description="Largest picture file that is read.")
    max_pictures_gigabytes: float = Field(
        default=20.0, gt=0, description="Most that the pictures of all conversations may take together."
    )
    encoding_cache_megabytes: float = Field(default=512.0, ge=0, description="Bound of the encoding cache on the host.")
    encoding_cache_device_megabytes: float = Field(
        default=1024.0, ge=0, description="Bound of the encoding cache in a GPU's own memory."
    )
    edited_cache_megabytes: float = Field(
        default=512.0, ge=0, description="Bound of the edited pictures that are kept for the next edit."
    )
    max_waiting: int = Field(default=64, gt=0, description="Pictures that may wait for a model; more are refused.")
    max_wait_seconds: float = Field(default=120.0, gt=0, description="How long one may wait for a model.")
    max_tool_calls: int = Field(default=24, gt=0, description="Tool calls one request may make.")
    max_turn_seconds: float = Field(default=300.0, gt=0, description="Wall time of one request.")
    max_turn_tokens: int = Field(default=200_000, gt=0, description="Tokens a language model may use for a request.")
    max_turn_dollars: float | None = Field(default=None, gt=0, description="Money for a request; needs llm_prices.")
    llm_prices: tuple[float, float] | None = Field(
        default=None, description="Dollars a million tokens read, and written: [2.5, 10]."
    )
    llm_timeout: float = Field(default=60.0, gt=0, description="Seconds to wait for a language model to begin.")
    llm_retries: int = Field(default=3, ge=0, description="How often a busy or broken model is asked again.")
    llm_api: Literal["chat", "responses"] = Field(
        default="chat", description="Which of its two interfaces an OpenAI model is asked through."
    )
    llm_stream: bool = Field(default=True, description="Whether a language model's words are taken as it writes them.")
    speech: str = Field(
        default="auto",
        min_length=1,
        description="What hears a spoken request: auto, small, whisper[:SIZE or folder] or openai[:MODEL].",
    )
    looks: int = Field(default=4, gt=0, description="Pictures that a model may be shown for one request with --look.")
    serve_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Secrets, with commas between; clients of askmask serve have to send one of them."
    )
    serve_key: SecretStr | None = Field(
        default=None, description="Secret that is sent to the server of --models http://..."
    )
    serve_timeout: float = Field(default=120.0, gt=0, description="Seconds to wait for an answer of such a server.")
    serve_retries: int = Field(default=6, ge=0, description="How often a busy or broken server is asked again.")
    served_pictures_megabytes: float = Field(
        default=1024.0,
        gt=0,
        description="Most that askmask serve keeps of pictures, in its front and beside each model.",
    )
    web_logins: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Who may use askmask web, name:password with commas between; asked for where set."
    )
    web_pictures: int = Field(default=20, gt=0, description="Pictures of one conversation on the page.")
    web_keep_days: float | None = Field(
        default=None, gt=0, description="Days without a turn after which a visitor's conversation is erased."
    )
    traces: str | None = Field(
        default=None, description="Where OpenTelemetry spans go: an OTLP address, or process: what the program set up."
    )

    @field_validator("serve_keys", "web_logins", mode="before")
    @classmethod
    def _with_commas(cls, given: object) -> object:
        return [key for part in given.split(",") if (key := part.strip())] if isinstance(given, str) else given


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read from the environment once.

    Raises:
        ConfigError: an ``ASKMASK_*`` variable holds a value that its field does not take.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "ASKMASK_" + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(
            f"{name}={first['input']!r} is not valid: expected {first['msg']}. Correct or unset {name}."
        ) from None
