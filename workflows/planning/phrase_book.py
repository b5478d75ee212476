"""The phrase book of a language: cuts a request into pieces, each the longest that the book knows, with its English.

The books are data in prompts/vocabulary. This module does not know the order of English, nor what a request means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from prompts.spelling import plain, spelled, words_of
from prompts.vocabulary_loader import Language, Phrases
from workflows.planning.english_order import HANDLE, Piece
from workflows.planning.patterns import Pattern, compile_pattern, with_literals

_LONG = 6
"""A word of more letters than these may be taken for another with one letter in place of another."""
_ALIKE = 5
"""Long words that begin with the same letters, so many of them, are forms of one word."""


@dataclass(frozen=True)
class _Saying:
    """A way to say a piece."""

    pattern: Pattern
    piece: Piece


class PhraseBook:
    """The phrase book of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.phrases: Phrases = language.phrases
        self.sayings: dict[str, list[_Saying]] = {}
        self.words: set[str] = set()
        self.accented: set[str] = set()
        self._tables = {
            "ordinal": self._table(self.phrases.ordinals),
            "effect": self._table(self.phrases.effects),
            "number": {**{str(n): n for n in range(1, 21)}, **self._table(self.phrases.numbers)},
        }
        self._add_all()

    def clauses(self, request: str) -> Iterator[list[Piece]]:
        """The pieces of `request`, an order each."""
        return self._clauses(self._pieces(request))

    def strange(self, request: str) -> int:
        """How many words of `request` make no sense where they stand."""
        return sum(piece.part == "unknown" for piece in self._pieces(request))

    def familiar(self, words: list[str]) -> float:
        """How many of `words` are in the book; half as much again with its accents, half with a slip."""
        known = [word for word in words if plain(word) in self.words]
        mended = sum(self._mended(plain(word)) in self.words for word in words if word not in known)
        return len(known) + (mended + sum(word != plain(word) and word in self.accented for word in known)) / 2

    # --- what the book holds ----------------------------------------------------------------------------

    def _add_all(self) -> None:
        phrases, book = self.phrases, self.language.nouns
        for english, sayings in phrases.alone.items():
            self._add(sayings, Piece("act", english, rank=-1))
        for rank, (english, sayings) in enumerate(phrases.acts.items()):
            self._add(sayings, Piece("act", english, rank=rank))
        for part in ("closings", "joins", "joins_after", "links", "places", "extremes", "ordinals"):
            for english, sayings in getattr(phrases, part).items():
                self._add(sayings, Piece(part, english))
        for part in ("articles", "stand_ins"):
            for english, sayings in getattr(phrases, part).items():
                self._add(sayings, Piece(part, english), inflected=True)
        for number, sayings in phrases.numbers.items():
            self._add([*sayings, str(number)], Piece("numbers", str(number), plural=number > 1))
        for part in ("then", "dropped"):
            self._add(getattr(phrases, part), Piece(part, ""))
        colours = {word: english for english, forms in book.colours.items() for word in _every_form(forms)}
        for group in book.nouns.values():
            for english, sayings in group.items():
                for saying in sayings:
                    colour = next((colours[form.strip()] for form in saying.split("/") if form.strip() in colours), "")
                    self._add([saying], Piece("noun", english, colour=colour), inflected=True)
        for english, forms in book.colours.items():
            for sayings in forms.values():
                self._add(sayings, Piece("colour", english), inflected=True)

    def _add(self, sayings: list[str], piece: Piece, *, inflected: bool = False) -> None:
        for saying in sayings:
            one, many = saying, ""
            if inflected and piece.part in ("noun", "colour"):
                one, many = self.language.nouns.forms(saying)
            elif inflected:
                one, _, many = (part.strip() for part in saying.partition("/"))
            if one:
                self._put(one, replace(piece, plural=False) if many and many != one else piece)
            if many and many != one:
                self._put(many, replace(piece, plural=True))

    def _put(self, says: str, piece: Piece) -> None:
        words = words_of(re.sub(r"<\w+>|[\[\]()|$]", " ", says))
        self.accented |= set(words)
        pattern = compile_pattern(with_literals(says, spelled), {}, self._tables)
        self.words |= {plain(word) for word in words}
        for start in pattern.starts if pattern.starts is not None else [""]:
            self.sayings.setdefault(start, []).append(_Saying(pattern, piece))

    @staticmethod
    def _table(entries: Mapping[str, list[str]] | Mapping[int, list[str]]) -> dict[str, str | int]:
        return {spelled(said): english for english, sayings in entries.items() for said in sayings}

    # --- from words to pieces -----------------------------------------------------------------------------

    def _pieces(self, request: str) -> list[Piece]:
        words = [self._mended(plain(word)) for word in words_of(request)]
        original = words_of(request)
        pieces: list[Piece] = []
        while words:
            piece, length = self._longest(words)
            pieces.append(replace(piece, said=" ".join(original[:length])))
            words, original = words[length:], original[length:]
        return pieces

    def _longest(self, words: list[str]) -> tuple[Piece, int]:
        """The piece that takes the most of the first of `words`, and how many."""
        if HANDLE.fullmatch(words[0].replace(" ", "")):
            return Piece("noun", words[0].replace(" ", "")), 1
        if words[0] in ".,!?;:":
            return Piece("joins" if words[0] == "," else "mark", words[0]), 1
        text, best, taken = " ".join(words), Piece("unknown", words[0]), 0
        for saying in [*self.sayings.get(words[0], ()), *self.sayings.get("", ())]:
            found = saying.pattern.begins(text)
            length = len(words) - len(found[1].split()) if found is not None else 0
            if found is not None and length > taken:
                best, taken = replace(saying.piece, english=_filled(saying.piece.english, found[0])), length
        return best, max(1, taken)

    @lru_cache(maxsize=1024)  # noqa: B019, the books live as long as the process
    def _mended(self, word: str) -> str:
        """`word`, or the long word that is one letter away, if it is clear which."""
        if word in self.words or not word.isalpha():
            return word
        if not self.phrases.spaced:
            return word
        near = [known for known in self.words if len(known) > 4 and len(word) > 4 and _one_letter(word, known)]
        alike = len({known[:_ALIKE] for known in near}) == 1
        return max(near, key=len) if alike else word

    @staticmethod
    def _clauses(pieces: list[Piece]) -> Iterator[list[Piece]]:
        """Pieces of one order each: cut at "then", at the end of a sentence, and where a second order begins."""
        clause: list[Piece] = []
        for piece in pieces:
            ends = piece.part == "then" or (piece.part == "mark" and piece.english != ",")
            joined = clause and (clause[-1].part == "joins" or clause[-1].english == ",")
            more = piece.part == "act" and joined and any(each.part == "act" for each in clause)
            if ends or more:
                yield clause
                clause = []
            if not ends:
                clause.append(piece)
        yield clause


def _one_letter(word: str, other: str) -> bool:
    """Whether one letter changed, left out, put in, or swapped with its neighbour makes the one the other."""
    if abs(len(word) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    a, b = word[start:], other[start:]
    other_letter = a[1:] == b[1:] and len(word) > _LONG
    return other_letter or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])


def _filled(english: str, values: Mapping[str, str | int]) -> str:
    for slot, value in values.items():
        english = english.replace(f"<{slot}>", str(value))
    return english


def _every_form(forms: Mapping[str, list[str]]) -> Iterator[str]:
    for sayings in forms.values():
        for saying in sayings:
            yield from (form.strip() for form in saying.split("/"))
