"""Reads a sound, whatever its form, as mono at 16 kHz.

WAV is read here; other forms by PyAV, which carries FFmpeg's libraries. What a file says of itself is never
trusted for how much to read. This module does not know what speech is.
"""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agent_tools.errors import ConfigError, ToolInputError, shorten

RATE = 16_000
"""Samples a second that every recogniser is given."""
LONGEST_SECONDS = 60.0
LARGEST_BYTES = 64_000_000
_RATES = (4_000, 384_000)
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A sound.

    Attributes:
        samples: (N,) float32, mono, 16 kHz, in -1..1.
    """

    samples: Samples

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE


def read_sound(audio: Path | bytes) -> Sound:
    """A recording of at most a minute, mixed to mono and resampled to 16 kHz.

    Args:
        audio: a file, or its content.

    Raises:
        ConfigError: the file cannot be read, or its form needs a package that is not installed.
        ToolInputError: it is too large, too long, empty, damaged or no sound.
    """
    data, name = _content(audio)
    if not data:
        raise ToolInputError(f"audio={name} is empty: expected a recording. Record it again.")
    if len(data) > LARGEST_BYTES:
        raise _too_large(name)
    try:
        channels, rate = _wav(data, name) if _is_wav(data) else _other(data, name)
    except ToolInputError:
        raise
    except (ValueError, struct.error) as error:
        raise _damaged(name, str(error)) from None
    if not len(channels):
        raise ToolInputError(f"audio={name} holds no sound: expected a recording. Record it again.")
    if len(channels) > LONGEST_SECONDS * rate:
        raise ToolInputError(
            f"audio={name} is {len(channels) / rate:.0f} s long: expected at most {LONGEST_SECONDS:.0f} s. "
            "Say one request."
        )
    mono = np.nan_to_num(channels.mean(axis=1), nan=0.0, posinf=1.0, neginf=-1.0)
    return Sound(np.clip(_resampled(mono, rate), -1.0, 1.0).astype(np.float32))


def _content(audio: Path | bytes) -> tuple[bytes, str]:
    if isinstance(audio, bytes):
        return audio, "(recording)"
    name = shorten(audio)
    try:
        if audio.is_file() and audio.stat().st_size > LARGEST_BYTES:
            raise _too_large(name)
        return audio.read_bytes(), name
    except OSError as error:
        raise ConfigError(
            f"audio={name} cannot be read ({error.strerror or error}): expected a sound file. Check the path."
        ) from error


def _is_wav(data: bytes) -> bool:
    return data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE"


def _wav(data: bytes, name: str) -> tuple[Samples, int]:
    """(N, channels) in -1..1 and the rate. A data chunk that claims more than there is ends where the file ends."""
    layout: tuple[int, int, int, int] | None = None
    for kind, body in _chunks(data):
        if kind == b"fmt ":
            layout = _layout(body, name)
        elif kind == b"data":
            if layout is None:
                raise ValueError("its data comes before its format")
            form, channels, rate, width = layout
            whole = len(body) - len(body) % (channels * width)
            limit = int(LONGEST_SECONDS * rate + rate) * channels * width
            samples = _numbers(body[: min(whole, limit)], form, width)
            return samples.reshape(-1, channels), rate
    raise ValueError("it has no data")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    at, view = 12, memoryview(data)
    while at + 8 <= len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        yield data[at : at + 4], view[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _layout(body: memoryview, name: str) -> tuple[int, int, int, int]:
    """The form, channels, rate and bytes a sample of a format chunk."""
    form, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", body)
    if form == _EXTENSIBLE:
        form = struct.unpack_from("<H", body, 24)[0]
    width = bits // 8
    if (form, width) not in {(_PCM, 1), (_PCM, 2), (_PCM, 3), (_PCM, 4), (_FLOAT, 4), (_FLOAT, 8)} or bits % 8:
        raise ToolInputError(
            f"audio={name} is a WAV of form {form} with {bits} bits: expected PCM or float. Save it as 16-bit PCM."
        )
    if not 1 <= channels <= 32 or not _RATES[0] <= rate <= _RATES[1] or block != channels * width:
        raise ValueError(f"it claims {channels} channels of {bits} bits, {rate} times a second")
    return form, channels, rate, width


def _numbers(body: memoryview, form: int, width: int) -> Samples:
    if form == _FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.frombuffer(body, f"<f{width}").astype(np.float32)
    if width == 1:
        return (np.frombuffer(body, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        triples = np.frombuffer(body, np.uint8).reshape(-1, 3)
        wide = np.zeros((len(triples), 4), np.uint8)
        wide[:, 1:] = triples
        return wide.view("<i4")[:, 0].astype(np.float32) / 2.0**31
    return np.frombuffer(body, f"<i{width}").astype(np.float32) / 2.0 ** (8 * width - 1)


def _other(data: bytes, name: str) -> tuple[Samples, int]:
    """FLAC, OGG, MP3, WebM and the like, by FFmpeg's libraries."""
    if find_spec("av") is None:
        raise ConfigError(
            f"audio={name} is not a WAV: expected the package av, which reads other sounds. "
            "Run pip install av, or save it as WAV."
        )
    import av

    parts: list[Samples] = []
    room = (LONGEST_SECONDS + 1) * RATE
    try:
        with av.open(io.BytesIO(data), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise ToolInputError(f"audio={name} holds no sound: expected a recording. Record it again.")
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
            for frame in itertools.chain(container.decode(container.streams.audio[0]), [None]):
                parts += [piece.to_ndarray()[0] for piece in resampler.resample(frame)]
                room -= 0 if frame is None else frame.samples * RATE / max(frame.sample_rate, 1)
                if room < 0:
                    break
    except av.error.FFmpegError as error:
        raise _damaged(name, error.strerror or str(error)) from None
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return samples[:, None], RATE


def _resampled(mono: NDArray[np.floating], rate: int) -> NDArray[np.floating]:
    if rate == RATE:
        return mono
    from scipy.signal import resample_poly

    # An odd rate, such as 44,099, is taken for the nearest one with a short filter.
    ratio = Fraction(RATE, rate).limit_denominator(1000)
    resampled: NDArray[np.floating] = resample_poly(mono, ratio.numerator, ratio.denominator)
    return resampled


def _too_large(name: str) -> ToolInputError:
    most = LARGEST_BYTES // 1_000_000
    return ToolInputError(f"audio={name} is too large: expected at most {most} MB. Say one request.")


def _damaged(name: str, problem: str) -> ToolInputError:
    return ToolInputError(
        f"audio={name} cannot be read as sound ({shorten(problem, 160)}): expected WAV, FLAC, OGG, MP3 or WebM. "
        "Record it again, or save it as WAV."
    )
