"""Draws sentences as people say them, from the pattern language of the vocabulary: a language model is made of them.

The usual requests of english_spoken.yaml come most, each as often as its weight says; then every sentence shape that
the planner knows, so that what it learns to read is soon heard too. This module does not know sounds or meanings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from random import Random

from pydantic import Field

from agent_tools.services.closed_vocabulary import ClosedVocabulary
from prompts.noun_forms import plural_phrase, singular_phrase
from prompts.vocabulary_loader import Strict, other_language, other_languages, read_vocabulary_file, vocabulary

_TOKEN = re.compile(r"\s*(\{\w+\}|<\w+>|[\[\]()|$]|[^\s\[\]()|{}<>$]+)")
_LEFT_OUT = 0.6
"""How often what may be left out is left out."""
_TRIES = 3
_BUNDLED = files("agent_tools.services") / "demo" / "detector" / "closed_vocabulary.json"
_BUNDLED_TOO, _OTHER, _SYNONYM = 8.0, 1.0, 0.1
"""How often a name is said: one that the bundled models were taught, another noun, another word for the same."""


class SpokenWords(Strict):
    """What english_spoken.yaml holds; its comments say what each part is."""

    parts: dict[str, str]
    usual: dict[int, list[str]] = Field(min_length=1)
    sounds: dict[str, str]


@lru_cache(maxsize=1)
def spoken_words() -> SpokenWords:
    """The file prompts/vocabulary/english_spoken.yaml, read once.

    Raises:
        ConfigError: it is not as it should be.
    """
    return read_vocabulary_file("english_spoken.yaml", SpokenWords)


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of several sequences of words (text) and further choices; `perhaps`: or nothing."""

    branches: tuple[tuple[str | _Choice, ...], ...]
    perhaps: bool = False


Sentence = tuple[str, ...]


class Speaker:
    """Says sentences; the same ones for the same seed. A name, a colour or a handle in them is its class: ``[noun]``.

    Attributes:
        classes: class → what it may be, each with its share, 1 in all.
    """

    def __init__(self, seed: int = 0) -> None:
        english, spoken = vocabulary().words, spoken_words()
        self._random = Random(seed)
        self.classes = _classes()
        values = {name: [said for each in table.values() for said in each] for name, table in english.values.items()}
        self._slots = {
            name: _Choice(tuple((entry,) for entry in entries if not any(letter.isdigit() for letter in entry)))
            for name, entries in {**english.lists, **values}.items()
        }
        self._slots |= {name: _parsed(text) for name, text in spoken.parts.items()}
        self._slots |= {name[1:-1]: _Choice(((name,),)) for name in self.classes}
        self._slots["things"] = self._slots["things2"] = self._slots["target"]
        self._usual = {weight: [_parsed(text) for text in texts] for weight, texts in spoken.usual.items()}
        self._frames = [_parsed(text) for frame in vocabulary().frames for text in frame.says]

    def usual(self, number: int) -> Iterator[Sentence]:
        """So many of the usual requests."""
        patterns = [(weight, pattern) for weight, group in self._usual.items() for pattern in group]
        weights = [weight for weight, _ in patterns]
        yield from self._said(pattern for _, pattern in self._random.choices(patterns, weights, k=number))

    def any(self, number: int) -> Iterator[Sentence]:
        """About so many of any shape that the planner knows; a shape that needs words of any kind is left out."""
        yield from self._said(self._random.choices(self._frames, k=number))

    def _said(self, patterns: Iterable[_Choice]) -> Iterator[Sentence]:
        for pattern in patterns:
            if words := self._drawn(pattern):
                yield tuple(words)

    def _drawn(self, choice: _Choice) -> list[str] | None:
        """Words of one branch, None where none of those tried can be said."""
        if choice.perhaps and self._random.random() < _LEFT_OUT:
            return []
        for _ in range(_TRIES):
            words = self._sequence(choice.branches[int(self._random.random() * len(choice.branches))])
            if words is not None:
                return words
        return [] if choice.perhaps else None

    def _sequence(self, parts: Sequence[str | _Choice]) -> list[str] | None:
        words: list[str] = []
        for part in parts:
            if isinstance(part, _Choice):
                said = self._drawn(part)
            elif part[0] in "<{":
                slot = self._slots.get(part[1:-1])
                said = None if slot is None else self._drawn(slot)
            else:
                said = [*part.split()]
            if said is None:
                return None
            words += said
        return words


def _classes() -> dict[str, dict[str, float]]:
    """What nouns, their plurals, colours and handles may be: what the bundled models know comes most."""
    bundled = ClosedVocabulary.model_validate_json(_BUNDLED.read_bytes())
    books = (other_language(name).nouns.nouns.values() for name in other_languages())
    nouns = {name: _OTHER for groups in books for group in groups for name in group}
    nouns |= {name: _SYNONYM for name in bundled.names if singular_phrase(name) == name}
    nouns |= dict.fromkeys(bundled.nouns, _BUNDLED_TOO)
    many: dict[str, float] = {}
    for name, share in nouns.items():
        many.setdefault(plural_phrase(singular_phrase(name)), share)
    colours = dict.fromkeys(bundled.colours, _SYNONYM)
    colours |= {colour: _BUNDLED_TOO for known in bundled.nouns.values() for colour in known}
    handles = {f"m{number}": 1.0 for number in range(1, 21)}
    classes = {"[noun]": nouns, "[nouns]": many, "[colour]": colours, "[handle]": handles}
    return {name: _shares(members) for name, members in classes.items()}


def _shares(members: Mapping[str, float]) -> dict[str, float]:
    total = sum(members.values())
    return {member: share / total for member, share in members.items()}


def _parsed(text: str) -> _Choice:
    tokens = [match.group(1) for match in _TOKEN.finditer(text)]
    return _branches(tokens, 0)[0]


def _branches(tokens: Sequence[str], at: int, perhaps: bool = False) -> tuple[_Choice, int]:
    branches: list[tuple[str | _Choice, ...]] = []
    branch: list[str | _Choice] = []
    while at < len(tokens) and tokens[at] not in "])":
        part = tokens[at]
        if part == "|":
            branches.append(tuple(branch))
            branch = []
        elif part in ("(", "["):
            inner, at = _branches(tokens, at + 1, perhaps=part == "[")
            branch.append(inner)
        elif part not in ("$", ","):
            branch.append(part)
        at += 1
    return _Choice((*branches, tuple(branch)), perhaps), at
