"""The recogniser of few words hears requests, reaches the planner with them, and hears none where nobody speaks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import signal

from agent_tools.errors import ToolInputError
from benchmarks.spoken_requests import REQUESTS, Request, judged, read_requests, word_errors
from tests.workflows.speech.conftest import Say
from workflows.planning.context import PlanContext
from workflows.planning.rules import plan
from workflows.speech.hearing import hear
from workflows.speech.provider import wav
from workflows.speech.sound_files import RATE, read_sound

TIME = np.arange(2 * RATE) / RATE


def noise(colour: float, seed: int = 0) -> np.ndarray:
    """Noise whose power falls with the frequency to the power of `colour`."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=len(TIME)))
    made = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 20.0) ** (colour / 2), len(TIME))
    return made / np.abs(made).max()


def notes(*pitches: float, fading: float = 3.0) -> np.ndarray:
    """Notes of a plucked string, one after the other."""
    size = len(TIME) // len(pitches)
    at = np.arange(size) / RATE
    played = [
        sum(np.sin(2 * np.pi * pitch * n * at) / n for n in range(1, 8)) * np.exp(-fading * at) for pitch in pitches
    ]
    tune = np.concatenate(played)
    return tune / np.abs(tune).max()


NOT_SPEECH = {
    "white noise": noise(0),
    "other white noise": noise(0, 1),
    "pink noise": noise(1),
    "other pink noise": noise(1, 1),
    "brown noise": noise(2),
    "a tone": np.sin(2 * np.pi * 440 * TIME),
    "a chord": sum(np.sin(2 * np.pi * pitch * TIME) for pitch in (220, 277, 330)) / 3,
    "mains hum": np.sign(np.sin(2 * np.pi * 50 * TIME)),
    "a scale": notes(262, 294, 330, 349, 392, 440, 494, 523),
    "a slow tune": notes(196, 220, 262, fading=1.0),
    "a quick tune": notes(*itertools.islice(itertools.cycle((330, 392, 440, 523, 440, 392)), 18)),
    "beeps": np.sin(2 * np.pi * 1000 * TIME) * (np.sin(2 * np.pi * 2 * TIME) > 0),
    "a sweep": signal.chirp(TIME, 100, 2, 4000),
    "knocking": np.where(np.arange(len(TIME)) % 8000 < 200, noise(1), 0.0),
    "waves": noise(0) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * TIME)),
    "wind": signal.lfilter(*signal.butter(2, [300, 3000], "band", fs=RATE), noise(0)) * (1 + np.sin(6 * np.pi * TIME)),
}


@pytest.mark.parametrize("seconds", [1, 2])
@pytest.mark.parametrize("what", NOT_SPEECH)
def test_no_request_is_made_up_of_what_is_not_speech(say: Say, what: str, seconds: int) -> None:
    with pytest.raises(ToolInputError, match="no request"):
        hear(wav((0.3 * NOT_SPEECH[what][: seconds * RATE]).astype(np.float32)), "small")


@pytest.mark.parametrize(
    ("sentence", "voice", "calls"),
    [
        ("count the oranges", "en-us", [("count", {"phrases": ["orange"]})]),
        ("count the green bottles", "en-us+f2", [("count", {"phrases": ["green bottle"]})]),
        ("how many lemons do you see", "en-gb", [("count", {"phrases": ["lemon"]})]),
    ],
)
def test_a_spoken_request_reaches_the_planner(say: Say, sentence: str, voice: str, calls: list) -> None:
    heard = hear(say(sentence, voice), "small")
    assert [(call.tool, call.arguments) for call in plan(heard.text, PlanContext()).calls] == calls


def test_loudness_and_silence_around_it_change_nothing(say: Say) -> None:
    samples = read_sound(say("count the oranges")).samples
    for level, before in ((0.05, 0.0), (1.0, 1.5)):
        changed = np.pad(samples * level / np.abs(samples).max(), (int(before * RATE), RATE))
        assert hear(wav(changed), "small").text == "count the oranges"


def test_most_of_the_twenty_requests_reach_the_right_call(say: Say) -> None:
    """Fifteen with espeak-ng 1.51 (benchmarks/results/speech.md); another version's voices may be a little worse."""
    verdicts = [judged(request, "small") for request in read_requests(REQUESTS)]
    assert len(verdicts) == 20
    missed = [f"{one.say} | {one.heard}" for one in verdicts if not one.reached]
    assert len(missed) <= 7, missed


def test_a_request_that_is_not_heard_is_not_reached(say: Say) -> None:
    verdict = judged(Request("wonderful weather in lisbon", "en-us", 150), "small")
    assert not verdict.reached


@pytest.mark.parametrize(
    ("meant", "heard", "errors"),
    [
        ("count the cans", "count the cans", 0),
        ("count the cans", "count cans", 1),
        ("undo", "", 1),
        ("a b", "b a c", 2),
    ],
)
def test_word_errors_counts_what_is_put_in_taken_out_or_changed(meant: str, heard: str, errors: int) -> None:
    assert word_errors(meant, heard) == errors
