"""A provider's transcription by OpenAI's protocol, at OpenAI or at any server that speaks it: sound leaves the machine.

A key comes from the environment only, as for the language model. This module does not know who chose it.
"""

from __future__ import annotations

import io
import os
import wave

import numpy as np

from agent_tools.errors import ConfigError, ServiceError, shorten
from agent_tools.settings import settings
from workflows.speech.sound_files import RATE, Samples

DEFAULT_MODEL = "whisper-1"


class Provider:
    """Transcription by a model of OpenAI's, or of a server at an address.

    Args:
        named: ``MODEL``, ``MODEL@http://host:port/v1`` or empty; the address else from ``ASKMASK_LLM_BASE_URL``.

    Raises:
        ConfigError: the key is missing, or the address is not one.
    """

    def __init__(self, named: str = "") -> None:
        from openai import OpenAI

        from workflows.planning.chat_model import OWN_KEY, check_address

        model, _, address = named.partition("@http")
        base_url = f"http{address}" if address else settings().llm_base_url
        if base_url:
            check_address(base_url)
        elif not os.environ.get("OPENAI_API_KEY"):
            raise ConfigError(
                "OPENAI_API_KEY= is not set: expected the key of openai. Set it in the environment, or choose another "
                "recogniser with ASKMASK_SPEECH."
            )
        key = (os.environ.get(OWN_KEY) or "none") if base_url else os.environ["OPENAI_API_KEY"]
        now = settings()
        self._model = model or DEFAULT_MODEL
        self._client = OpenAI(
            base_url=base_url, api_key=key, max_retries=min(now.llm_retries, 2), timeout=now.llm_timeout
        )
        self.where = self._client.base_url.host
        """The host that the sound goes to."""

    def transcribe(self, samples: Samples) -> str:
        """The words of (N,) float32 mono samples at 16 kHz in -1..1, as the provider hears them.

        Raises:
            ServiceError: it cannot be reached, or refuses.
        """
        from openai import APIStatusError, OpenAIError

        try:
            file = ("request.wav", wav(samples), "audio/wav")
            return self._client.audio.transcriptions.create(model=self._model, file=file).text.strip()
        except OpenAIError as error:
            said = f"status {error.status_code}" if isinstance(error, APIStatusError) else type(error).__name__
            raise ServiceError(
                f"recogniser=openai:{shorten(self._model)} gave no transcript ({said} from {self.where}): expected an "
                "answer. Check the key, the model and the address, or choose another with ASKMASK_SPEECH."
            ) from None


def wav(samples: Samples) -> bytes:
    """(N,) samples in -1..1 at 16 kHz as a WAV file of 16 bits."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return written.getvalue()
