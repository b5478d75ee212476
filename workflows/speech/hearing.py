"""What a person said: picks a recogniser, has it hear a sound, and says who heard it.

    auto                        Whisper where its weights are on this machine, else small; never a provider
    small                       a few thousand words of requests, without weights from a hub
    whisper[:SIZE or folder]    faster-whisper
    openai[:MODEL[@address]]    a provider's transcription: the sound leaves the machine

A recogniser is loaded once, and hears one sound at a time. This module does not know what the words mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from agent_tools.errors import ConfigError, ToolInputError, shorten
from agent_tools.settings import settings
from workflows.speech.sound_files import RATE, Samples, read_sound

_QUIETEST = 0.002
"""Root mean square of the loudest twentieth of a second below which nobody spoke: -54 dB of full scale."""


class Recogniser(Protocol):
    """Turns sound into words."""

    def transcribe(self, samples: Samples) -> str:
        """The words of (N,) float32 mono samples at 16 kHz in -1..1; empty where there are none."""
        ...


@dataclass(frozen=True)
class Heard:
    """What was heard.

    Attributes:
        text: the words.
        recogniser: who heard them, such as "small" or "whisper:base".
        seconds: how long the sound is.
        notices: what a person should know, such as that the sound left the machine.
    """

    text: str
    recogniser: str
    seconds: float
    notices: tuple[str, ...] = ()


@dataclass
class _Loaded:
    """A recogniser, and what comes with it."""

    recogniser: Recogniser
    notices: tuple[str, ...] = ()
    lock: threading.Lock = field(default_factory=threading.Lock)


_loaded: dict[tuple[str, str | None], _Loaded] = {}
_loading = threading.Lock()


def hear(audio: Path | bytes, recogniser: str | None = None) -> Heard:
    """The words of a recording of one request.

    Args:
        audio: a sound file, or its content.
        recogniser: as above; None: ``ASKMASK_SPEECH``.

    Raises:
        ConfigError: no such recogniser, or what it needs is missing; the file cannot be read.
        ToolInputError: it is no sound, too long, or no request is heard in it.
        ServiceError: a model or provider failed.
    """
    name = _chosen(recogniser)
    sound = read_sound(audio)
    if loudest(sound.samples) < _QUIETEST:
        raise ToolInputError("audio= is silent: expected a spoken request. Check the microphone, and speak again.")
    found = _recogniser(name)
    with found.lock:
        text = " ".join(found.recogniser.transcribe(sound.samples).split())
    if not any(letter.isalnum() for letter in text):
        raise ToolInputError(
            f"audio= holds no request that {name} hears: expected a sentence such as 'count the oranges'. "
            "Speak again, nearer to the microphone, or type it."
        )
    return Heard(text, name, round(sound.seconds, 3), found.notices)


def available() -> str | None:
    """The recogniser that `hear` would use, None where none is here. Loads no model."""
    name = settings().speech
    if name != "auto":
        kind = name.partition(":")[0]
        if kind == "whisper":
            return _whisper_named(name)
        return name if kind == "openai" or (kind == "small" and small_is_here()) else None
    return _whisper_named("whisper") or ("small" if small_is_here() else None)


def loudest(samples: Samples) -> float:
    """Root mean square of the loudest twentieth of a second of (N,) samples; 0.0 for none."""
    size = RATE // 20
    padded = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    return float(np.sqrt((padded.astype(np.float64) ** 2).mean(axis=1).max(initial=0.0)))


def _chosen(recogniser: str | None) -> str:
    """The name of the recogniser to use, "auto" settled."""
    name = (recogniser or settings().speech).strip()
    if name.partition(":")[0] not in ("auto", *_MAKERS) or name.startswith(("auto:", "small:")):
        raise ConfigError(
            f"recogniser={shorten(name)!r} is not known: expected auto, small, whisper[:SIZE or folder] or "
            "openai[:MODEL]. Correct ASKMASK_SPEECH."
        )
    if name == "auto":
        name = _whisper_named("whisper") or "small"
    return name


def _recogniser(name: str) -> _Loaded:
    """The recogniser of that name, loaded once for the process."""
    key = (name, settings().llm_base_url)
    with _loading:
        if key not in _loaded:
            kind, _, rest = name.partition(":")
            _loaded[key] = _MAKERS[kind](rest)
        return _loaded[key]


def small_is_here() -> bool:
    """Whether the recogniser of few words is installed."""
    return find_spec("pocketsphinx") is not None


def _whisper_named(name: str) -> str | None:
    """`name` with the size that would be used, None where there are no weights for it."""
    if find_spec("faster_whisper") is None:
        return None
    from workflows.speech.whisper import found

    size = found(name.partition(":")[2])
    return None if size is None else f"whisper:{size}"


def _small(_: str) -> _Loaded:
    if not small_is_here():
        raise ConfigError(
            "recogniser=small needs a package that is not installed: expected pocketsphinx. "
            "Run pip install 'askmask[speech]', or choose another with ASKMASK_SPEECH."
        )
    from workflows.speech.small_vocabulary import SmallVocabulary

    return _Loaded(SmallVocabulary())


def _whisper(named: str) -> _Loaded:
    from workflows.speech.whisper import Whisper

    return _Loaded(Whisper(named))


def _provider(named: str) -> _Loaded:
    from workflows.speech.provider import Provider

    provider = Provider(named)
    return _Loaded(provider, (f"the sound left this machine, for {provider.where}",))


_MAKERS: dict[str, Callable[[str], _Loaded]] = {"small": _small, "whisper": _whisper, "openai": _provider}
