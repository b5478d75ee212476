"""A recogniser of requests that needs no weights from a hub: PocketSphinx with a language model of our own.

A sound is decoded several times: as American and as British, by longer and shorter throats (Eide and Gish, "A
parametric approach to vocal tract length normalization", 1996). What the decodings propose is judged together: by
sound, by a language model of whole sentences, and by whether the planner knows what to do. Noise and music fall to
PocketSphinx's model of noise; words made of the rest are too slow for speech, or leave most of what is loud unsaid.
This module does not know where a sound comes from.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import get_model_path

from workflows.planning.context import Click, KnownEdit, KnownObject, PictureSize, PlanContext
from workflows.planning.rules import plan
from workflows.speech.language_model import LanguageModel
from workflows.speech.pronunciation import Dictionary, british
from workflows.speech.sentences import Sentence, Speaker, spoken_words
from workflows.speech.sound_files import RATE, Samples
from workflows.speech.sphinx import Decoding, decoders, member

_USUAL, _ANY = 12_000, 3_000
"""Sentences that the language models are made of."""
_WARPS = (0.9, 1.0, 1.1)
_EAR = 0.3
"""How much less a decoding counts for being behind another, as that of the wrong accent or throat is."""
_FLOOR = 15.0
"""How far behind the best one, at most, a proposal counts in a decoding: as far as one that is not proposed."""
_SENTENCE, _UNDERSTOOD = 1.0, 3.0
"""What the language model of sentences, and being understood, weigh against sound."""
_LEVEL, _HISS, _MARGIN = 0.1, 0.003, 0.1
"""Root mean square of speech, of the noise laid under it, and seconds of that noise before and after."""
_QUIET, _SOUNDING, _LOUD = 10 ** (-35 / 20), 10 ** (-30 / 20), 10 ** (-12 / 20)
"""Of the loudest, the least that a sound begins and ends with, that words are made of, and that has to be said."""
_FRAME = RATE // 100
_CONSIDERED = 20
"""Proposals that the planner is asked about."""
_SLOWEST = 22.0
"""Frames that a phone of speech takes at most, in the mean."""
_COVERED, _FILLED, _AGREED = 0.8, 0.8, 0.8
"""Shares, at least: of what is loud that words say, of the words that sounds, of the decodings that are speech."""


class SmallVocabulary:
    """Requests in English, in the words of the planner and of the bundled models.

    Attributes:
        left_out: words of requests that cannot be heard, because nothing says how they sound.
    """

    def __init__(self) -> None:
        speaker = Speaker()
        sentences = [*speaker.usual(_USUAL), *speaker.any(_ANY)]
        plain = sorted({word for sentence in sentences for word in sentence} - set(speaker.classes))
        file, more = Path(get_model_path("en-us/cmudict-en-us.dict")), spoken_words().sounds
        accents = [_sounds(plain, speaker, Dictionary(file, more, accent)) for accent in (None, british)]
        heard = accents[0]
        names = {member(name, saying) for name, sayings in speaker.classes.items() for saying in sayings}
        self.left_out = frozenset(_text((word,)) for word in {*plain, *names} - heard.keys())
        members = {
            name: {saying: share for saying, share in sayings.items() if member(name, saying) in heard}
            for name, sayings in speaker.classes.items()
        }
        known = heard.keys() | members.keys()
        sentences = [sentence for sentence in sentences if known >= set(sentence)]
        self._sentences = LanguageModel(sentences, 6)
        self._classes = {
            member(name, saying): (name, math.log(share))
            for name, sayings in members.items()
            for saying, share in sayings.items()
        }
        self._decoders = decoders(LanguageModel(sentences, 3).arpa(), members, accents, _WARPS)

    def transcribe(self, samples: Samples) -> str:
        """The request in (N,) float32 mono samples at 16 kHz in -1..1; empty where none is heard."""
        levels = _levels(samples)
        loudest = levels.max(initial=0.0)
        if not loudest:
            return ""
        sound = _prepared(samples, levels > _QUIET * loudest)
        data = (np.clip(sound, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
        decodings = [decoder.decode(data) for decoder in self._decoders]
        levels = _levels(sound)
        spoken = [decoding for decoding in decodings if _is_speech(decoding, levels)]
        return _text(self._judged(spoken)) if len(spoken) >= _AGREED * len(decodings) else ""

    def _judged(self, decodings: Sequence[Decoding]) -> Sentence:
        """The proposal that is best by sound, as a sentence, and by being understood."""
        by_sound: defaultdict[Sentence, float] = defaultdict(float)
        best_score = max(decoding.score for decoding in decodings)
        for decoding in decodings:
            room = _FLOOR - _EAR * (best_score - decoding.score)
            for words, behind in decoding.proposals.items():
                by_sound[words] += max(behind + room, 0.0) / len(decodings)
        likely = {words: score + _SENTENCE * self._likelihood(words) for words, score in by_sound.items()}
        best = sorted(likely, key=lambda words: (-likely[words], words))[:_CONSIDERED]
        return max(best, key=lambda words: likely[words] + _UNDERSTOOD * is_understood(_text(words)))

    def _likelihood(self, words: Sentence) -> float:
        """Natural logarithm of the probability of a sentence: of its shape, and of what its classes are."""
        shapes = [self._classes.get(word, (word, 0.0)) for word in words]
        return self._sentences.score([shape for shape, _ in shapes]) + sum(share for _, share in shapes)


@lru_cache(maxsize=1024)
def is_understood(request: str) -> bool:
    """Whether the planner without a key would make calls of `request` where something is known, or was clicked."""
    return any(plan(request, context).calls for context in _SITUATIONS)


def _situations() -> tuple[PlanContext, ...]:
    boxes = ((40, 40, 120, 120), (200, 50, 300, 150), (60, 300, 150, 390), (250, 310, 330, 390))
    things = tuple(
        KnownObject(handle=f"m{number}", label="thing", score=0.9, box=box, turn=1)
        for number, box in enumerate(boxes, 1)
    )
    edit = KnownEdit(handle="e1", action="blur", handles=("m1",), steps=1)
    talked = PlanContext(
        picture=PictureSize(width=640, height=480),
        objects=things,
        selection=("m1", "m2", "m3"),
        before=("m1", "m2", "m3", "m4"),
        edits=(edit,),
        undo=5,
        redo=5,
    )
    clicks = (Click(x=80, y=80, hits=("m1",)), Click(x=290, y=350, hits=("m4",)))
    return (talked, *(talked.model_copy(update={"click": click}) for click in clicks))


_SITUATIONS = _situations()


def _sounds(plain: Sequence[str], speaker: Speaker, dictionary: Dictionary) -> dict[str, tuple[str, ...]]:
    """Word of the decoder → the ways to say it, for those that there are any for."""
    ways = {word: dictionary.sounds(word) for word in plain}
    for name, sayings in speaker.classes.items():
        ways |= {member(name, saying): dictionary.phrase(saying) for saying in sayings}
    return {word: said for word, said in ways.items() if said}


def _text(words: Sequence[str]) -> str:
    return " ".join(word.rpartition(":")[2].replace("_", " ") for word in words)


def _is_speech(decoding: Decoding, levels: NDArray[np.float64]) -> bool:
    """Whether words account for what is loud of (N,) frames, hold little silence, and are as quick as speech."""
    said = np.zeros(len(levels), bool)
    for start, end in decoding.spans:
        said[start:end] = True
    if not said.any() or said.sum() > _SLOWEST * decoding.phones:
        return False
    loud, sounding = levels > _LOUD * levels.max(), levels > _SOUNDING * levels.max()
    return bool(said[loud].mean() > _COVERED and sounding[said].mean() > _FILLED)


def _levels(samples: NDArray[np.floating]) -> NDArray[np.float64]:
    """Root mean square of each 10 ms of (N,) samples."""
    whole = len(samples) - len(samples) % _FRAME
    frames = samples[:whole].reshape(-1, _FRAME).astype(np.float64)
    levels: NDArray[np.float64] = np.sqrt((frames**2).mean(axis=1))
    return levels


def _prepared(samples: Samples, sounding: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The part from the first to the last frame that sounds, at one level, over a little noise: (N,) samples.

    A made-up or filtered voice has silences that the decoder never met; the noise, louder towards low frequencies as
    in a room, fills them.
    """
    (frames,) = np.nonzero(sounding)
    speech = samples[frames[0] * _FRAME : (frames[-1] + 1) * _FRAME].astype(np.float64)
    body = np.sqrt((speech.reshape(-1, _FRAME)[sounding[frames[0] : frames[-1] + 1]] ** 2).mean())
    margin = int(_MARGIN * RATE)
    sound = np.pad(speech * (_LEVEL / body), margin)
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(sound)))
    hertz = np.arange(len(spectrum)) * RATE / len(sound)
    hiss = np.fft.irfft(spectrum / np.sqrt(np.maximum(hertz, 100.0)), len(sound))
    mixed: NDArray[np.float64] = sound + hiss * (_HISS / hiss.std())
    return mixed
