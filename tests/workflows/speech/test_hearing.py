"""Which recogniser hears, what it is given, and what is said where none can or nothing was said."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agent_tools.errors import ConfigError, ServiceError, ToolInputError
from agent_tools.settings import settings
from tests.workflows.speech.transcription_server import transcribing
from workflows.speech import hearing
from workflows.speech.hearing import available, hear
from workflows.speech.provider import wav
from workflows.speech.sound_files import RATE, read_sound

HUM = wav((0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32))


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(hearing, "_loaded", {})
    yield
    settings.cache_clear()


def chosen(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"ASKMASK_{name.upper()}", value)
    settings.cache_clear()


class Fake:
    """A recogniser that says how long what it was given is."""

    def __init__(self) -> None:
        self.at_once = 0
        self.most_at_once = 0

    def transcribe(self, samples: np.ndarray) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        threading.Event().wait(0.01)
        self.at_once -= 1
        assert samples.dtype == np.float32
        return f"  {len(samples)}   samples "


def test_hear_gives_the_recogniser_the_samples_and_tells_who_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hearing._MAKERS, "small", lambda _: hearing._Loaded(Fake(), ("loud",)))
    heard = hear(HUM, "small")
    assert (heard.text, heard.recogniser, heard.seconds, heard.notices) == ("16000 samples", "small", 1.0, ("loud",))


def test_hear_loads_once_and_hears_one_sound_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setitem(hearing._MAKERS, "small", lambda _: made.append(Fake()) or hearing._Loaded(made[-1]))
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda _: hear(HUM, "small").text, range(16)))
    assert heard == ["16000 samples"] * 16
    assert len(made) == 1
    assert made[0].most_at_once == 1


def test_hear_without_words_is_an_error_and_not_an_empty_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        hearing._MAKERS, "small", lambda _: hearing._Loaded(SimpleNamespace(transcribe=lambda _: " . "))
    )
    with pytest.raises(ToolInputError, match="no request"):
        hear(HUM, "small")


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_silence_reaches_no_recogniser(monkeypatch: pytest.MonkeyPatch, level: float) -> None:
    monkeypatch.setitem(hearing._MAKERS, "small", lambda _: pytest.fail("was asked"))
    quiet = wav(np.random.default_rng(0).normal(scale=level, size=RATE).astype(np.float32))
    with pytest.raises(ToolInputError, match="is silent"):
        hear(quiet, "small")


@pytest.mark.parametrize("name", ["loud", "small:big", "auto:x", "whisperer", ":"])
def test_an_unknown_recogniser_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match="expected auto, small, whisper"):
        hear(HUM, name)


def test_missing_packages_are_named_with_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.speech.hearing.find_spec", lambda _: None)
    monkeypatch.setattr("workflows.speech.whisper.find_spec", lambda _: None)
    assert available() is None
    with pytest.raises(ConfigError, match=r"pip install 'askmask\[speech\]'"):
        hear(HUM, "auto")
    with pytest.raises(ConfigError, match="pip install faster-whisper"):
        hear(HUM, "whisper")


# --- a provider ---------------------------------------------------------------------------------------------


def test_provider_is_sent_the_sound_and_the_person_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with transcribing("Count the oranges.") as server:
        monkeypatch.setenv("ASKMASK_LLM_API_KEY", "sesame")
        heard = hear(HUM, f"openai:ears@{server.address}")
        assert heard.text == "Count the oranges."
        assert heard.notices == ("the sound left this machine, for 127.0.0.1",)
        assert server.paths == ["/v1/audio/transcriptions"]
        assert server.keys == ["Bearer sesame"]
        assert server.fields[0]["model"] == b"ears"
        assert len(read_sound(server.fields[0]["file"]).samples) == RATE


def test_provider_is_at_the_address_of_the_language_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with transcribing("undo") as server:
        chosen(monkeypatch, llm_base_url=server.address, speech="openai")
        assert available() == "openai"
        assert hear(HUM).text == "undo"
        assert server.fields[0]["model"] == b"whisper-1"
        assert server.keys == ["Bearer none"]


def test_provider_that_refuses_is_a_service_error_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with transcribing("", status=401) as server:
        monkeypatch.setenv("ASKMASK_LLM_API_KEY", "sesame")
        with pytest.raises(ServiceError, match=r"status 401 from 127\.0\.0\.1") as error:
            hear(HUM, f"openai:ears@{server.address}")
        assert "sesame" not in str(error.value)


def test_provider_that_is_not_there_is_a_service_error(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, llm_retries="0")
    with pytest.raises(ServiceError, match="APIConnectionError"):
        hear(HUM, "openai:ears@http://127.0.0.1:9/v1")


def test_provider_without_a_key_says_which() -> None:
    with pytest.raises(ConfigError, match="OPENAI_API_KEY"):
        hear(HUM, "openai")


def test_auto_never_chooses_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    monkeypatch.setattr("workflows.speech.hearing.find_spec", lambda _: None)
    assert available() is None


# --- Whisper, its package played by a module of ours ----------------------------------------------------------


@pytest.fixture
def whisper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A faster_whisper whose only weights here are those of "base"; `loaded` keeps how it was asked."""
    fake: Any = ModuleType("faster_whisper")
    fake.loaded = []

    class WhisperModel:
        def __init__(self, folder: str, **options: Any) -> None:
            fake.loaded.append((folder, options))

        def transcribe(self, samples: np.ndarray, **_: Any) -> tuple[list[SimpleNamespace], None]:
            return [SimpleNamespace(text=" Count"), SimpleNamespace(text=" the cans.")], None

    def download_model(size: str, **options: Any) -> str:
        assert options == {"local_files_only": True}, "nothing is fetched in silence"
        if size == "base":
            return str(tmp_path)
        raise ValueError(size) if size == "huge" else FileNotFoundError(size)

    fake.WhisperModel, fake.download_model = WhisperModel, download_model
    monkeypatch.setitem(sys.modules, "faster_whisper", fake)
    for module in ("hearing", "whisper"):
        monkeypatch.setattr(f"workflows.speech.{module}.find_spec", lambda _: object())
    return fake


def test_auto_takes_whisper_where_its_weights_are(whisper: Any) -> None:
    assert available() == "whisper:base"
    heard = hear(HUM)
    assert (heard.text, heard.recogniser, heard.notices) == ("Count the cans.", "whisper:base", ())
    assert [options for _, options in whisper.loaded] == [{"local_files_only": True}]


def test_whisper_takes_a_folder(whisper: Any, tmp_path: Path) -> None:
    assert hear(HUM, f"whisper:{tmp_path}").text == "Count the cans."
    assert whisper.loaded[0][0] == str(tmp_path)


@pytest.mark.parametrize("size", ["small", "huge"])
def test_whisper_without_weights_says_how_to_fetch_them(whisper: Any, size: str) -> None:
    with pytest.raises(ConfigError, match=f"download_model\\('{size}'\\)"):
        hear(HUM, f"whisper:{size}")
    assert not whisper.loaded
