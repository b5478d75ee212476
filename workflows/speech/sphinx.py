"""PocketSphinx decoders with our own words: what one hears in a sound, and what else it might have been.

Huggins-Daines et al., "PocketSphinx: a free, real-time continuous speech recognition system" (2006). A word that can
be a class member is written ``class:member`` (spaces as _), so that "orange" is a noun here and a colour there.
This module does not know requests.
"""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pocketsphinx import Config, set_loglevel
from pocketsphinx import Decoder as SphinxDecoder

_WEIGHTS = {"lw": 10.0, "fwdflatlw": 12.0, "bestpathlw": 13.0}
"""Of the language model against the sound, in the decoder's three passes."""
_PROPOSALS = 60
_SCALE = 600.0
"""From differences of the decoder's scores to natural logarithms; chosen on benchmarks/spoken_requests_tuning.yaml."""
_BROKEN = 1e-10
"""Scores below this come from paths that the lattice lost."""

Members = Mapping[str, Mapping[str, float]]
"""Class, such as ``[noun]`` → what it may be → its share."""


@dataclass(frozen=True)
class Decoding:
    """What one decoder made of a sound.

    Attributes:
        proposals: sentences, each with how far it is behind the best one (natural logarithm, 0 or less).
        score: of the best one (natural logarithm); fit to compare ways to listen to one sound.
        spans: first frame and the one after the last of each word of the best one, 10 ms a frame.
        phones: that they have.
    """

    proposals: dict[tuple[str, ...], float]
    score: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
    phones: int = 0


def member(name: str, saying: str) -> str:
    """The word of the dictionary for a class and one that it may be."""
    return f"{name[1:-1]}:{saying.replace(' ', '_')}"


class Decoder:
    """One way to listen; not for two threads at once.

    Args:
        folder: with the files of `write_models`.
        warp: frequencies are divided by this first, as if the throat were so much longer.
    """

    def __init__(self, folder: Path, warp: float) -> None:
        files = {"lmctl": str(folder / "classes"), "lmname": "requests", "lm": None, "dict": str(folder / "sounds")}
        self._decoder = SphinxDecoder(Config(**files, **_WEIGHTS, cmn="batch", warp_params=str(warp), loglevel="FATAL"))

    def decode(self, sound: bytes) -> Decoding:
        """What is heard in 16-bit mono samples at 16 kHz."""
        decoder = self._decoder
        decoder.start_utt()
        decoder.process_raw(sound, full_utt=True)
        decoder.end_utt()
        heard = decoder.hyp()
        if heard is None or not heard.hypstr:
            return Decoding({})
        proposals: dict[tuple[str, ...], float] = {}
        for one in itertools.islice(decoder.nbest(), _PROPOSALS):
            if one is not None and one.score > _BROKEN:  # none where the lattice fell apart
                proposals.setdefault(tuple(one.hypstr.split()), _SCALE * math.log(one.score))
        best = max(proposals.values(), default=0.0)
        proposals.setdefault(tuple(heard.hypstr.split()), best)
        spans, phones = self._extent()
        return Decoding({words: score - best for words, score in proposals.items()}, best, spans, phones)

    def _extent(self) -> tuple[tuple[tuple[int, int], ...], int]:
        words = [part for part in self._decoder.seg() if part.word[0] not in "<[+"]  # those are silence and noise
        phones = sum(len((self._decoder.lookup_word(part.word) or "").split()) for part in words)
        return tuple((part.start_frame, part.end_frame + 1) for part in words), phones


def decoders(
    arpa: str, members: Members, accents: Sequence[Mapping[str, Sequence[str]]], warps: Sequence[float]
) -> list[Decoder]:
    """A decoder for each of `accents` with each of `warps`.

    Args:
        arpa: the language model, over words and classes.
        members: what each class may be.
        accents: for each, word → the ways to say it.
        warps: see `Decoder`.
    """
    set_loglevel("FATAL")
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for sounds in accents:
            _write_models(folder, arpa, members, sounds)
            found += [Decoder(folder, warp) for warp in warps]
    return found


def _write_models(folder: Path, arpa: str, members: Members, sounds: Mapping[str, Sequence[str]]) -> None:
    (folder / "arpa").write_text(arpa, encoding="utf-8")
    shares = []
    for name, sayings in members.items():
        shares += [
            f"LMCLASS {name}",
            *(f"{member(name, one)} {share:.8f}" for one, share in sayings.items()),
            f"END {name}",
        ]
    (folder / "shares").write_text("\n".join([*shares, ""]), encoding="utf-8")
    classes = f"{{ {folder / 'shares'} }}\n{folder / 'arpa'} requests {{ {' '.join(members)} }}\n"
    (folder / "classes").write_text(classes, encoding="utf-8")
    lines = [
        f"{word} {phones}" if not number else f"{word}({number + 1}) {phones}"
        for word, ways in sounds.items()
        for number, phones in enumerate(ways)
    ]
    (folder / "sounds").write_text("\n".join([*lines, ""]), encoding="utf-8")
