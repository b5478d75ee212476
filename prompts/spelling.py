"""How words are written: in lower case and apart, without accents, and one slip of the finger from another.

This module does not know what any word means.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

TYPOGRAPHY: dict[int, str] = str.maketrans(
    {
        "\u2019": "'",
        "\u2018": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2013": "-",
        "\u2014": ",",
        "\u2026": ".",
        "`": "'",
    }
)
_WORD = re.compile(r"(?:m|p)\s?\d+|\d+|[^\W\d_]+'?|[.,!?;:]")
_IDEOGRAPHS = re.compile(r"([\u3040-\u30ff\u3400-\u9fff])")
_DOUBLE = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00df": "ss", "\u0153": "oe"})
"""Letters that are also written as two."""


@lru_cache(maxsize=4096)
def words_of(text: str) -> list[str]:
    """`text` in lower-case words and marks; a script without spaces gives a word a sign."""
    text = unicodedata.normalize("NFKC", text).translate(TYPOGRAPHY).lower()
    text = _IDEOGRAPHS.sub(r" \1 ", text.replace("\u3002", ".").replace("\u3001", ",").replace("-", " "))
    return [word.replace(" ", "") for word in _WORD.findall(text)]


@lru_cache(maxsize=4096)
def plain(word: str) -> str:
    """`word` without the accents of Latin letters."""
    if _IDEOGRAPHS.search(word):
        return word
    bare = (
        letter for letter in unicodedata.normalize("NFD", word.translate(_DOUBLE)) if not unicodedata.combining(letter)
    )
    return "".join(bare)


def spelled(text: str) -> str:
    """`text` as the book has it: words apart, without accents."""
    return " ".join(plain(word) for word in words_of(text))


def mistyped(word: str, other: str) -> bool:
    """Whether `word` is `other` with two neighbours swapped, a letter doubled, or one of six left out."""
    if len(word) == len(other) or len(other) == len(word) + 1 >= 6:
        return one_slip(word, other)
    longer, shorter = (word, other) if len(word) > len(other) else (other, word)
    doubled = (position for position in range(1, len(longer)) if longer[position] == longer[position - 1])
    return any(longer[:position] + longer[position + 1 :] == shorter for position in doubled)


def one_slip(word: str, other: str) -> bool:
    """Whether the two differ by two neighbours swapped, or by one letter left out or doubled."""
    if abs(len(word) - len(other)) > 1 or word == other or word[0] != other[0]:
        return False
    if len(word) == len(other):
        differing = [i for i, (a, b) in enumerate(zip(word, other, strict=True)) if a != b]
        return len(differing) == 2 and differing[1] == differing[0] + 1 and sorted(word) == sorted(other)
    longer, shorter = (word, other) if len(word) > len(other) else (other, word)
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(1, len(longer)))
