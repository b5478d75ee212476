"""Sound files: every form of WAV, other forms, and everything that may be wrong with one."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from agent_tools.errors import AskmaskError, ConfigError, ToolInputError
from workflows.speech.provider import wav
from workflows.speech.sound_files import RATE, read_sound

PITCH = 440.0


def tone(rate: int, seconds: float = 0.5) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * PITCH * np.arange(int(rate * seconds)) / rate)


def made(
    body: bytes, form: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16, claim: int | None = None
) -> bytes:
    """A WAV file by hand; `claim` is the length that its data chunk claims."""
    block = channels * bits // 8
    layout = struct.pack("<HHIIHH", form, channels, rate, rate * block, block, bits)
    if form == 0xFFFE:
        layout += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", 1) + bytes(14)
    data = struct.pack("<4sI", b"data", len(body) if claim is None else claim) + body
    inner = (
        b"WAVE" + struct.pack("<4sI", b"LIST", 3) + b"abc\0" + struct.pack("<4sI", b"fmt ", len(layout)) + layout + data
    )
    return struct.pack("<4sI", b"RIFF", len(inner)) + inner


def as_bytes(samples: np.ndarray, bits: int, form: int) -> bytes:
    if form == 3:
        return samples.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return (samples * 127 + 128).astype(np.uint8).tobytes()
    whole = (samples * (2 ** (bits - 1) - 1)).astype("<i4")
    return (
        whole.tobytes() if bits == 32 else whole.astype("<i4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    )


def pitch_of(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.argmax(spectrum) * RATE / len(samples))


@pytest.mark.parametrize(("form", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (0xFFFE, 16)])
@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_wav_of_any_depth_and_rate_is_the_same_sound(form: int, bits: int, rate: int) -> None:
    sound = read_sound(made(as_bytes(tone(rate), bits, form), form, rate=rate, bits=bits))
    assert sound.samples.dtype == np.float32
    assert sound.seconds == pytest.approx(0.5, abs=0.001)
    assert pitch_of(sound.samples) == pytest.approx(PITCH, abs=2.5)
    assert float(np.abs(sound.samples[800:-800]).max()) == pytest.approx(0.5, abs=0.03)


def test_stereo_is_mixed_to_the_mean_of_its_sides() -> None:
    left = tone(RATE)
    both = np.stack([left, np.zeros_like(left)], axis=1)
    sound = read_sound(made(as_bytes(both.ravel(), 16, 1), channels=2))
    assert sound.seconds == pytest.approx(0.5)
    assert float(np.abs(sound.samples).max()) == pytest.approx(0.25, abs=0.01)


def test_a_header_that_claims_more_than_there_is_ends_with_the_file() -> None:
    sound = read_sound(made(as_bytes(tone(RATE), 16, 1), claim=0xFFFFFFFF))
    assert sound.seconds == pytest.approx(0.5)


def test_numbers_that_are_none_in_a_float_file_are_silence() -> None:
    samples = tone(RATE)
    samples[100], samples[200], samples[300] = np.nan, np.inf, -np.inf
    sound = read_sound(made(samples.astype("<f4").tobytes(), 3, bits=32))
    assert np.isfinite(sound.samples).all()
    assert float(np.abs(sound.samples).max()) <= 1.0


@pytest.mark.parametrize(
    ("container", "codec"), [("flac", "flac"), ("ogg", "libopus"), ("mp3", "libmp3lame"), ("webm", "libopus")]
)
def test_other_forms_are_read_by_ffmpeg(container: str, codec: str) -> None:
    av = pytest.importorskip("av")
    rate = 48_000
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        samples = (tone(rate, 1.0) * 32767).astype(np.int16)
        for start in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 960], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    sound = read_sound(file.getvalue())
    assert sound.seconds == pytest.approx(1.0, abs=0.1)
    assert pitch_of(sound.samples) == pytest.approx(PITCH, abs=3.0)


def test_without_av_another_form_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.speech.sound_files.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pip install av, or save it as WAV"):
        read_sound(b"fLaC" + bytes(100))


WRONG: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "not a sound": (b"GIF89a" + bytes(200), "cannot be read as sound"),
    "cut off in its header": (made(b"")[:20], "cannot be read as sound"),
    "without data": (made(b""), "holds no sound"),
    "too long": (made(bytes(61 * RATE), bits=8), "61 s long"),
    "no channels": (made(bytes(100), channels=0), "cannot be read as sound"),
    "an absurd rate": (made(bytes(100), rate=2_000_000_000), "cannot be read as sound"),
    "compressed inside": (made(bytes(100), form=2, bits=4), "expected PCM or float"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_sound_is_one_clear_error(wrong: str) -> None:
    data, said = WRONG[wrong]
    with pytest.raises(ToolInputError, match=said):
        read_sound(data)


def test_a_file_that_is_not_there_or_too_large_is_said_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_sound(tmp_path / "none.wav")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_sound(tmp_path)
    monkeypatch.setattr("workflows.speech.sound_files.LARGEST_BYTES", 1000)
    (tmp_path / "large.wav").write_bytes(bytes(2000))
    with pytest.raises(ToolInputError, match="too large"):
        read_sound(tmp_path / "large.wav")


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_wav_is_read_or_refused_and_never_worse(seed: int) -> None:
    random = np.random.default_rng(seed)
    data = bytearray(made(as_bytes(tone(RATE, 0.05), 24, 1), bits=24))
    for place in random.integers(0, 70, size=4):
        data[place] = random.integers(256)
    with suppress(AskmaskError):
        assert read_sound(bytes(data)).seconds <= 60.0


def test_what_is_written_as_wav_reads_the_same() -> None:
    samples = tone(RATE).astype(np.float32)
    assert read_sound(wav(samples)).samples == pytest.approx(samples, abs=1e-4)
