"""Whisper by faster-whisper, where the package and weights are on this machine; nothing is ever fetched.

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (2022). This module does not know requests.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from agent_tools.errors import ConfigError, ServiceError, shorten
from workflows.speech.sound_files import Samples

SIZES = ("small", "base", "large-v3-turbo", "medium", "large-v3", "tiny")
"""Sizes that are looked for where none is named, the first one first: quick enough for a laptop, then others."""


class Whisper:
    """A Whisper model.

    Args:
        named: a size, or a folder with a converted model; empty: the first of `SIZES` that is on this machine.

    Raises:
        ConfigError: the package or the weights are not on this machine.
        ServiceError: the weights cannot be loaded.
    """

    def __init__(self, named: str = "") -> None:
        if find_spec("faster_whisper") is None:
            raise ConfigError(
                "recogniser=whisper needs a package that is not installed: expected faster-whisper. "
                "Run pip install faster-whisper, or choose small."
            )
        size = found(named)
        if size is None:
            wanted = shorten(named or SIZES[0])
            raise ConfigError(
                f"recogniser=whisper:{wanted} has no weights on this machine: expected a folder, or a size fetched "
                f"before. Run python -c \"import faster_whisper; faster_whisper.download_model('{wanted}')\", "
                "or choose small."
            )
        from faster_whisper import WhisperModel

        try:
            self._model = WhisperModel(str(Path(size).expanduser()), local_files_only=True)
        except (RuntimeError, ValueError, OSError) as error:
            raise ServiceError(
                f"recogniser=whisper:{shorten(size)} cannot be loaded ({shorten(error)}): expected a converted "
                "Whisper model. Name another, or choose small."
            ) from error

    def transcribe(self, samples: Samples) -> str:
        """The words of (N,) float32 mono samples at 16 kHz in -1..1; silence is left out before it is looked at."""
        segments, _ = self._model.transcribe(samples, vad_filter=True, condition_on_previous_text=False)
        return " ".join(segment.text.strip() for segment in segments)


def found(named: str = "") -> str | None:
    """The size or folder that would be used, None where its weights are not on this machine."""
    if find_spec("faster_whisper") is None:
        return None
    if named and Path(named).expanduser().is_dir():
        return named
    return next((size for size in ((named,) if named else SIZES) if _fetched(size) is not None), None)


def _fetched(size: str) -> Path | None:
    from faster_whisper import download_model

    try:
        return Path(download_model(size, local_files_only=True))
    except (OSError, ValueError):  # not on this machine, or no such size
        return None
