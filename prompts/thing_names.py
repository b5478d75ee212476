"""Names of things in other languages as the English that a detector is asked for: "manzanas rojas" is "red apple".

Only a name that is known word for word is read, a noun with its colours. Whole sentences are the planner's.
This module does not know which names a detector knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from prompts.noun_forms import singular_phrase
from prompts.spelling import spelled
from prompts.vocabulary_loader import Nouns, other_language, other_languages

_ENGLISH_TOO = frozenset(
    {"auto", "ballon", "biro", "boot", "box", "carton", "citron", "crayon", "dose", "fille", "hut", "mandarin"}
    | {"mandarine", "moto", "paprika", "papa", "porta", "pot", "prune", "raisin", "sombrero", "stern", "visage"}
)
"""What is another thing in English than where it is a foreign word; said alone it is taken for English."""


def english_name(name: str) -> str | None:
    """What `name` says in English, singular.

    Returns:
        None where it is English already, where no language has all of its words, and where two read it differently.
    """
    words = spelled(name).split()
    english = _english()
    if not words or all(word in english for word in singular_phrase(" ".join(words)).split()):
        return None
    if len(words) == 1 and singular_phrase(words[0]) in _ENGLISH_TOO:
        return None
    readings = {said for language in other_languages() if (said := _read(words, _names(language)))}
    return readings.pop() if len(readings) == 1 else None


@dataclass(frozen=True, slots=True)
class _Names:
    """Spelling → English, of the nouns and of the colours of a language."""

    nouns: Mapping[str, str]
    colours: Mapping[str, str]


def _read(words: list[str], names: _Names) -> str:
    """`words` in English if they are one noun and colours and nothing else; otherwise empty."""
    for noun, colours in _splits(words, names):
        return " ".join([*colours, noun])
    return ""


def _splits(words: list[str], names: _Names, noun: str = "") -> Iterator[tuple[str, list[str]]]:
    """The ways to read `words`, the longest pieces first, with exactly one noun in all; `noun` is already read."""
    if not words:
        if noun:
            yield noun, []
        return
    for length in range(len(words), 0, -1):
        piece, rest = " ".join(words[:length]), words[length:]
        if not noun and piece in names.nouns:
            yield from _splits(rest, names, names.nouns[piece])
        if piece in names.colours:
            for found, colours in _splits(rest, names, noun):
                yield found, [names.colours[piece], *colours]


@lru_cache(maxsize=16)
def _names(language: str) -> _Names:
    book = other_language(language).nouns
    # A name that stands for two things is the one that comes first, as in the planner's phrase book.
    nouns = ((each, english) for group in book.nouns.values() for english, says in group.items() for each in says)
    colours = ((each, english) for english, by in book.colours.items() for says in by.values() for each in says)
    return _Names(_spellings(book, nouns), _spellings(book, colours))


def _spellings(book: Nouns, sayings: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for saying, english in sayings:
        for form in filter(None, book.forms(saying)):
            found.setdefault(spelled(form), english)
    return found


@lru_cache(maxsize=1)
def _english() -> frozenset[str]:
    """The words of all English names and colours that the phrase books have."""
    books = [other_language(name).nouns for name in other_languages()]
    names = [name for book in books for group in book.nouns.values() for name in group]
    colours = [colour for book in books for colour in book.colours]
    return frozenset(word for name in (*names, *colours) for word in name.split())
