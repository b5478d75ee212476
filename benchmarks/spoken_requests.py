"""How often a spoken request reaches the right tool call untouched, and how well it is heard.

    python -m benchmarks.spoken_requests [--voices] [--requests FILE] [--recogniser NAME] [--json]

Twenty requests of spoken_requests.yaml, each said by espeak-ng in a voice of its own; once as they are and once with
white noise at 20 dB. A request counts as reached when the planner makes the same calls of what was heard as of what was
meant; one of which it makes no calls counts only where every word was heard. ``--voices`` says each request in every
voice. The recogniser was tuned on other sentences, spoken_requests_tuning.yaml.
This module does not know how anything is heard.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from agent_tools.errors import ConfigError, ToolInputError
from workflows.planning.context import Click, KnownEdit, KnownObject, PictureSize, PlanContext
from workflows.planning.rules import plan
from workflows.speech.hearing import hear
from workflows.speech.provider import wav
from workflows.speech.sound_files import Samples, read_sound

REQUESTS = Path(__file__).with_name("spoken_requests.yaml")
NOISE_DECIBELS = 20.0
_BOXES = {
    "m1": ("orange", (40, 40, 120, 120)),
    "m2": ("orange", (200, 50, 300, 150)),
    "m3": ("lemon", (60, 300, 150, 390)),
    "m4": ("mug", (450, 305, 560, 415)),
}


@dataclass(frozen=True)
class Request:
    """What is said, by which voice of espeak-ng, how fast (words a minute), and what was clicked with it."""

    say: str
    voice: str
    speed: int
    click: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What was heard of a request, whether it was reached, and how long that took."""

    say: str
    voice: str
    heard: str
    exact: bool
    reached: bool
    errors: int
    words: int
    seconds: float
    sound_seconds: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--voices", action="store_true", help="also each request in every voice")
    parser.add_argument("--requests", type=Path, default=REQUESTS, help="another file of requests")
    parser.add_argument("--recogniser", default="small", help="as ASKMASK_SPEECH takes it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    requests = read_requests(given.requests)
    own = [judged(request, given.recogniser) for request in requests]
    noisy = [judged(request, given.recogniser, NOISE_DECIBELS) for request in requests]
    told = {
        "recogniser": given.recogniser,
        "requests": [asdict(verdict) for verdict in own],
        "own_voice": summary(own),
        "noise_20_db": summary(noisy),
        "seconds_for_3": three_seconds(given.recogniser),
    }
    if given.voices:
        voices = dict.fromkeys((request.voice, request.speed) for request in requests)
        told["voices"] = {
            voice: summary([judged(Request(one.say, voice, speed, one.click), given.recogniser) for one in requests])
            for voice, speed in voices
        }
    print(json.dumps(told) if given.json else in_words(told))


def read_requests(file: Path) -> list[Request]:
    """The requests of a YAML file."""
    return [Request(**one) for one in yaml.safe_load(file.read_text(encoding="utf-8"))["requests"]]


def said(request: Request) -> bytes:
    """A request as a WAV file, said by espeak-ng.

    Raises:
        ConfigError: espeak-ng is not on this machine.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise ConfigError("espeak-ng= is not on this machine: expected the program. Install the package espeak-ng.")
    command = [program, "-v", request.voice, "-s", str(request.speed), "--stdout", request.say]
    return subprocess.run(command, check=True, capture_output=True).stdout


def with_noise(samples: Samples, decibels: float) -> Samples:
    """(N,) samples with white noise so many decibels below them."""
    level = float(np.sqrt((samples**2).mean())) * 10 ** (-decibels / 20)
    noise = np.random.default_rng(0).normal(scale=level, size=len(samples))
    return (samples + noise).astype(np.float32)


def judged(request: Request, recogniser: str, noise: float | None = None) -> Verdict:
    """What becomes of a request."""
    samples = read_sound(said(request)).samples
    sound = wav(samples if noise is None else with_noise(samples, noise))
    began = time.perf_counter()
    try:
        heard = hear(sound, recogniser).text.lower().rstrip(".?!")
    except ToolInputError:
        heard = ""
    seconds = time.perf_counter() - began
    meant = plan(request.say, _situation(request))
    reached = plan(heard, _situation(request)).calls == meant.calls if meant.calls else heard == request.say
    return Verdict(
        say=request.say,
        voice=request.voice,
        heard=heard,
        exact=heard == request.say,
        reached=reached,
        errors=word_errors(request.say, heard),
        words=len(request.say.split()),
        seconds=round(seconds, 3),
        sound_seconds=round(len(samples) / 16_000, 3),
    )


def word_errors(meant: str, heard: str) -> int:
    """Words to put in, take out or change (Levenshtein, 1966)."""
    wanted, found = meant.split(), heard.split()
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        corner, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (word != other))
    return row[-1]


def summary(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Exact, reached, of how many, and the word error rate."""
    return {
        "n": len(verdicts),
        "reached": sum(verdict.reached for verdict in verdicts),
        "exact": sum(verdict.exact for verdict in verdicts),
        "word_error_rate": round(sum(each.errors for each in verdicts) / sum(each.words for each in verdicts), 3),
        "seconds": round(statistics.median(each.seconds for each in verdicts), 3),
    }


def three_seconds(recogniser: str) -> dict[str, float]:
    """Median seconds that a request of three seconds takes, once loaded: on the clock, and of the processor."""
    samples = read_sound(said(Request("count the oranges on the left and the red apples", "en-us", 150))).samples
    sound = wav(np.resize(np.pad(samples, (0, max(0, 48_000 - len(samples)))), 48_000))
    clock, worked = [], []
    for _ in range(5):
        began, used = time.perf_counter(), time.process_time()
        hear(sound, recogniser)
        clock.append(time.perf_counter() - began)
        worked.append(time.process_time() - used)
    return {"clock": round(statistics.median(clock), 3), "cpu": round(statistics.median(worked), 3)}


def in_words(told: dict[str, Any]) -> str:
    """The tables to read."""
    lines = [f"{'':2}{'meant':<46}{'heard':<46}voice"]
    for one in told["requests"]:
        mark = "=" if one["exact"] else "+" if one["reached"] else "-"
        lines.append(f"{mark} {one['say']:<46}{one['heard']:<46}{one['voice']}")
    rows = {"own voice": told["own_voice"], "noise, 20 dB": told["noise_20_db"], **told.get("voices", {})}
    lines += ["", f"{'':<22}{'reached':>10}{'exact':>10}{'word errors':>14}{'median s':>10}"]
    for name, row in rows.items():
        share = f"{row['reached']} of {row['n']}"
        lines.append(f"{name:<22}{share:>10}{row['exact']:>10}{row['word_error_rate']:>14.1%}{row['seconds']:>10.2f}")
    taken = told["seconds_for_3"]
    return "\n".join([*lines, "", f"a request of 3 s: {taken['clock']:.2f} s, {taken['cpu']:.2f} s of one core"])


def _situation(request: Request) -> PlanContext:
    """Two oranges and a lemon selected, a mug known, one edit made; and the click, if there was one."""
    things = tuple(
        KnownObject(handle=handle, label=label, score=0.9, box=box, turn=1) for handle, (label, box) in _BOXES.items()
    )
    click = None
    if request.click is not None:
        x0, y0, x1, y1 = _BOXES[request.click][1]
        click = Click(x=(x0 + x1) / 2, y=(y0 + y1) / 2, hits=(request.click,))
    return PlanContext(
        picture=PictureSize(width=640, height=480),
        objects=things,
        selection=("m1", "m2", "m3"),
        click=click,
        edits=(KnownEdit(handle="e1", action="blur", handles=("m1", "m2", "m3"), steps=1),),
        undo=4,
        redo=1,
    )


if __name__ == "__main__":
    main()
