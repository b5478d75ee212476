"""How words sound, in the phones of the CMU pronouncing dictionary (ARPAbet).

Words that it lacks: those that english_spoken.yaml lists; handles ("m12" is said "m twelve"); British spellings by
their American ones; plurals and compounds by their parts. What is left has no sound and cannot be heard.
This module does not know which words are needed, nor what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

_NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
_HANDLE = re.compile(r"([a-z])(\d+)")
_SPELLINGS = (("our", "or"), ("is", "iz"), ("ll", "l"), ("-", ""), ("grey", "gray"))
_HISSES = ("S", "Z", "SH", "ZH", "CH", "JH")
_VOICELESS = ("P", "T", "K", "F", "TH")
_VOWEL_LETTERS = tuple("AEIOU")
_SHORTEST_PART = 3
_PREFIXES = ("re", "un", "de")


class Dictionary:
    """Word → its sounds.

    Args:
        file: a pronouncing dictionary, a word and its phones a line.
        sounds: those of further words.
        accent: makes another accent's phones of a word and its American ones; None: America's.
    """

    def __init__(self, file: Path, sounds: Mapping[str, str], accent: Callable[[str, str], str] | None = None) -> None:
        self._accent = accent
        self._known = {**_read(file), **{word: (phones,) for word, phones in sounds.items()}}

    def sounds(self, word: str) -> tuple[str, ...]:
        """The ways to say `word`, phones with spaces between; none where it is not known."""
        ways = self._known.get(word) or self._handle(word) or self._respelled(word) or self._in_parts(word)
        return ways if self._accent is None else tuple(dict.fromkeys(self._accent(word, phones) for phones in ways))

    def phrase(self, words: str) -> tuple[str, ...]:
        """The ways to say several words, each word of several in its first way; none where one is not known."""
        ways = [self.sounds(word) for word in words.split()]
        if not all(ways):
            return ()
        if len(ways) == 1:
            return ways[0]
        return (" ".join(each[0] for each in ways),)

    def _handle(self, word: str) -> tuple[str, ...]:
        found = _HANDLE.fullmatch(word)
        if found is None or not 1 <= int(found[2]) <= len(_NUMBERS):
            return ()
        letter = self._known.get(found[1], ())
        return tuple(f"{a} {b}" for a in letter for b in self._known[_NUMBERS[int(found[2]) - 1]])

    def _respelled(self, word: str) -> tuple[str, ...]:
        for british, american in _SPELLINGS:
            if british in word and (said := self._known.get(word.replace(british, american))):
                return said
        return ()

    def _in_parts(self, word: str) -> tuple[str, ...]:
        if word.endswith("s") and (one := self._known.get(word[:-1]) or self._known.get(word.removesuffix("es"))):
            return tuple(_plural(phones) for phones in one)
        for cut in range(len(word) - _SHORTEST_PART, 1, -1):
            first, second = word[:cut], word[cut:]
            if (len(first) >= _SHORTEST_PART or first in _PREFIXES) and first in self._known and second in self._known:
                return (f"{self._known[first][0]} {self._known[second][0]}",)
        return ()


def british(word: str, phones: str) -> str:
    """How southern England says a word, of how America says it, in American phones.

    No r before a consonant or at the end; "o" as in lot is round, "a" as in bath long, and "a" as in trap open, which
    an American model takes for the vowel of father (Wells, Accents of English, 1982).
    """
    american = phones.split()
    said: list[str] = []
    for phone, after in zip(american, [*american[1:], ""], strict=True):
        before_vowel = after[:1] in _VOWEL_LETTERS
        if phone == "R" and said and said[-1][0] in _VOWEL_LETTERS and not before_vowel:
            said += ["AH"] if said[-1] in ("IH", "EH", "UH") else []
        elif phone == "ER":
            said += ["AH", "R"] if before_vowel else ["AH"]
        elif phone == "AA" and after != "R" and "o" in word:
            said.append("AO")
        elif phone == "AE":
            said.append("AA")
        else:
            said.append(phone)
    return " ".join(said)


def _plural(phones: str) -> str:
    last = phones.rsplit(maxsplit=1)[-1]
    return f"{phones} {'IH Z' if last in _HISSES else 'S' if last in _VOICELESS else 'Z'}"


@lru_cache(maxsize=1)
def _read(file: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition(" ")
        name = word.partition("(")[0]
        found[name] = (*found.get(name, ()), phones.strip())
    return found
