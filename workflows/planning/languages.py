"""Reads a request in another language as plain English, which the one grammar of the planner then understands.

    request → words → pieces, each the longest that the phrase book knows → pieces in the order of English

"las dos naranjas más grandes de la fila de arriba" → the | two | oranges | biggest | in the top row
→ "the two biggest oranges in the top row". A word that no phrase book knows is passed on as it stands, under a stand-in
that the English grammar leaves alone. The phrase books are data in prompts/vocabulary.
This module does not know what a request means, nor any language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from prompts.vocabulary_loader import Language, Phrases, other_language, other_languages
from workflows.planning.context import Plan, PlanContext
from workflows.planning.nouns import plural_phrase
from workflows.planning.patterns import Pattern, compile_pattern, with_literals
from workflows.planning.wording import TYPOGRAPHY, english_words

ENGLISH = "english"
_WORD = re.compile(r"(?:m|p)\s?\d+|\d+|[^\W\d_]+'?|[.,!?;:]")
_IDEOGRAPHS = re.compile(r"([\u3040-\u30ff\u3400-\u9fff])")
_KANA = re.compile(r"[\u3040-\u30ff]")
_DOUBLE = str.maketrans({"\u00e4": "ae", "\u00f6": "oe", "\u00fc": "ue", "\u00df": "ss", "\u0153": "oe"})
"""Letters that are also written as two."""
_HANDLE = re.compile(r"[mp]\d+")
_STAND_IN = "zzq{}"
_LONG = 6
"""A word of more letters than these may be taken for another with one letter in place of another."""
_ALIKE = 5
"""Long words that begin with the same letters, so many of them, are forms of one word."""


@dataclass(frozen=True)
class Spoken:
    """A request and the language it was made in: `english` is what it says, `literal` the words taken as they stand.

    `literal` maps the stand-in of each unknown name in `english` to its words in the request.
    """

    language: str
    english: str
    literal: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Words that nobody knows, said beside what is known."""
    unread: str = ""
    """A word that is no name of a thing and that nobody knows: the request cannot be trusted to be read right."""

    def hidden(self, context: PlanContext) -> PlanContext:
        """`context` where labels that the request takes literally have the stand-ins of its English."""
        if not self.literal:
            return context
        stand_ins = {words: stand_in for stand_in, words in self.literal.items()}
        objects = tuple(
            known.model_copy(update={"label": stand_ins.get(known.label, known.label)}) for known in context.objects
        )
        return context.model_copy(update={"objects": objects})

    def shown(self, plan: Plan) -> Plan:
        """`plan` with the words of the request in place of their stand-ins."""
        text = plan.model_dump_json()
        for stand_in, words in self.literal.items():
            text = text.replace(stand_in, words)
        return Plan.model_validate_json(text)


@lru_cache(maxsize=256)
def spoken(request: str, usual: str = ENGLISH) -> Spoken:
    """What `request` says in plain English; itself, if it is English.

    Args:
        request: What a person typed.
        usual: The language of the conversation so far, for words that several languages share.
    """
    language = language_of(request, usual)
    return Spoken(ENGLISH, request) if language == ENGLISH else _book(language).read(request)


def language_of(request: str, usual: str = ENGLISH) -> str:
    """The language that has the most of the words of `request`; of several, the one that reads the most, or `usual`."""
    words = list(dict.fromkeys(word for word in _words(request) if word[0].isalpha() and not _HANDLE.fullmatch(word)))
    if any(_KANA.search(word) for word in words):
        return "japanese"
    if any(_IDEOGRAPHS.search(word) for word in words):
        return "chinese"
    plain = [_plain(word) for word in words]
    english = sum(word in english_words() for word in plain)
    if not words or (plain == words and 2 * english > len(words)):
        return ENGLISH
    books = [_book(name) for name in other_languages() if other_language(name).phrases.spaced]
    scores = {book.language.name: book.familiar(words) for book in books}
    scores[ENGLISH] = english + sum(_is_english_noun(word) for word in plain)
    most = [name for name in (usual, ENGLISH, *scores) if scores.get(name) == max(scores.values())]
    if most[0] == usual or ENGLISH in most:
        return most[0]
    return min(most, key=lambda name: _book(name).strange(request))


@dataclass(frozen=True)
class _Piece:
    """A part of a request: where it goes in the sentence, its English, whether for many, and how it was said."""

    part: str
    english: str
    plural: bool | None = None
    colour: str = ""
    said: str = ""
    rank: int = 0


@dataclass(frozen=True)
class _Saying:
    """A way to say a piece."""

    pattern: Pattern
    piece: _Piece


class _Book:
    """The phrase book of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.phrases: Phrases = language.phrases
        self.sayings: dict[str, list[_Saying]] = {}
        self.words: set[str] = set()
        self.accented: set[str] = set()
        self._tables = {
            "ordinal": self._table(self.phrases.ordinals),
            "number": {**{str(n): n for n in range(1, 21)}, **self._table(self.phrases.numbers)},
        }
        self._add_all()

    def read(self, request: str) -> Spoken:
        """`request` in plain English."""
        reader = _Sentence(self.phrases)
        said = [reader.clause(pieces) for pieces in self._clauses(self._pieces(request))]
        asked = unicodedata.normalize("NFKC", request).rstrip().endswith("?")
        english = " , then ".join(clause for clause in said if clause)
        return Spoken(self.language.name, english + "?" * asked, reader.literal, tuple(reader.left_out), reader.unread)

    def strange(self, request: str) -> int:
        """How many words of `request` make no sense where they stand."""
        return sum(piece.part == "unknown" for piece in self._pieces(request))

    def familiar(self, words: list[str]) -> float:
        """How many of `words` are in the book; half as much again with its accents, half with a slip."""
        known = [word for word in words if _plain(word) in self.words]
        mended = sum(self._mended(_plain(word)) in self.words for word in words if word not in known)
        return len(known) + (mended + sum(word != _plain(word) and word in self.accented for word in known)) / 2

    # --- what the book holds ----------------------------------------------------------------------------

    def _add_all(self) -> None:
        phrases, book = self.phrases, self.language.nouns
        for english, sayings in phrases.alone.items():
            self._add(sayings, _Piece("act", english, rank=-1))
        for rank, (english, sayings) in enumerate(phrases.acts.items()):
            self._add(sayings, _Piece("act", english, rank=rank))
        for part in ("closings", "joins", "joins_after", "links", "places", "extremes", "ordinals"):
            for english, sayings in getattr(phrases, part).items():
                self._add(sayings, _Piece(part, english))
        for part in ("articles", "stand_ins"):
            for english, sayings in getattr(phrases, part).items():
                self._add(sayings, _Piece(part, english), inflected=True)
        for number, sayings in phrases.numbers.items():
            self._add([*sayings, str(number)], _Piece("numbers", str(number), plural=number > 1))
        for part in ("then", "dropped"):
            self._add(getattr(phrases, part), _Piece(part, ""))
        colours = {word: english for english, forms in book.colours.items() for word in _every_form(forms)}
        for group in book.nouns.values():
            for english, sayings in group.items():
                for saying in sayings:
                    colour = next((colours[form.strip()] for form in saying.split("/") if form.strip() in colours), "")
                    self._add([saying], _Piece("noun", english, colour=colour), inflected=True)
        for english, forms in book.colours.items():
            for sayings in forms.values():
                self._add(sayings, _Piece("colour", english), inflected=True)

    def _add(self, sayings: list[str], piece: _Piece, *, inflected: bool = False) -> None:
        for saying in sayings:
            one, slash, many = (part.strip() for part in saying.partition("/")) if inflected else (saying, "", "")
            if inflected and piece.part in ("noun", "colour") and not slash:
                many = self.language.nouns.plural(one)
            if one:
                self._put(one, replace(piece, plural=False) if many and many != one else piece)
            if many and many != one:
                self._put(many, replace(piece, plural=True))

    def _put(self, says: str, piece: _Piece) -> None:
        self.accented |= {word for word in _words(re.sub(r"<\w+>|[\[\]()|$]", " ", says))}
        pattern = compile_pattern(with_literals(says, _spelled), {}, self._tables)
        self.words |= {_plain(word) for word in _words(re.sub(r"<\w+>|[\[\]()|$]", " ", says))}
        for start in pattern.starts if pattern.starts is not None else [""]:
            self.sayings.setdefault(start, []).append(_Saying(pattern, piece))

    @staticmethod
    def _table(entries: Mapping[str, list[str]] | Mapping[int, list[str]]) -> dict[str, str | int]:
        return {_spelled(said): english for english, sayings in entries.items() for said in sayings}

    # --- from words to pieces -----------------------------------------------------------------------------

    def _pieces(self, request: str) -> list[_Piece]:
        words = [self._mended(_plain(word)) for word in _words(request)]
        original = _words(request)
        pieces: list[_Piece] = []
        while words:
            piece, length = self._longest(words)
            pieces.append(replace(piece, said=" ".join(original[:length])))
            words, original = words[length:], original[length:]
        return pieces

    def _longest(self, words: list[str]) -> tuple[_Piece, int]:
        """The piece that takes the most of the first of `words`, and how many."""
        if _HANDLE.fullmatch(words[0].replace(" ", "")):
            return _Piece("noun", words[0].replace(" ", "")), 1
        if words[0] in ".,!?;:":
            return _Piece("joins" if words[0] == "," else "mark", words[0]), 1
        text, best, taken = " ".join(words), _Piece("unknown", words[0]), 0
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
    def _clauses(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
        """Pieces of one order each: cut at "then", at the end of a sentence, and where a second order begins."""
        clause: list[_Piece] = []
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


class _Sentence:
    """Puts pieces into the order of English; remembers what was taken literally."""

    def __init__(self, phrases: Phrases) -> None:
        self.spaced = phrases.spaced
        self.literal: dict[str, str] = {}
        self.left_out: list[str] = []
        self.unread = ""

    def clause(self, pieces: list[_Piece]) -> str:
        """One order in English."""
        acts = sorted((piece for piece in pieces if piece.part == "act"), key=lambda piece: piece.rank)
        if acts and acts[0].rank < 0:
            return acts[0].english
        closings = [piece.english for piece in pieces if piece.part == "closings"]
        groups = self._groups(pieces)
        said = ""
        kept, left_out = self._left_out(groups)
        for join, group in sorted(kept, key=lambda each: each[0] == "than"):
            name = self._group(group)
            said = f"{said} {join} {name}" if said and name and join else f"{said} {name}"
        if left_out:
            said = f"{said.strip() or 'all'} except {' and '.join(self._group(group) for group in left_out)}"
        opening = acts[0].english if acts else ""
        if self.unread and opening:
            self.unread = ""
        return " ".join([opening, *said.split(), *closings]).strip(" ,")

    def _groups(self, pieces: list[_Piece]) -> list[tuple[str, list[_Piece]]]:
        """What is named, one thing a group, each with the join before it; a place said first goes with what follows."""
        groups: list[tuple[str, list[_Piece]]] = [("", [])]
        for piece in self._joined(pieces):
            last = groups[-1][1]
            if piece.english == "," and len(last) == 1 and last[0].part == "unknown":
                self._leave_out(last.pop())
            if piece.part == "joins" and piece.english in ("", ",") and all(each.part == "places" for each in last):
                continue
            elif piece.part == "joins":
                groups.append((piece.english, []))
            elif piece.part == "joins_after":
                groups[-1] = (piece.english, last)
                groups.append(("", []))
            elif piece.part not in ("act", "closings", "mark", "dropped"):
                last.append(piece)
        return groups

    @staticmethod
    def _left_out(
        groups: list[tuple[str, list[_Piece]]],
    ) -> tuple[list[tuple[str, list[_Piece]]], list[list[_Piece]]]:
        """What is meant and what is left out of it; "everything" said beside what is left out is what is meant."""
        kept: list[tuple[str, list[_Piece]]] = []
        left_out: list[list[_Piece]] = []
        after = False
        for join, group in groups:
            after = after or join == "except"
            whole = [piece for piece in group if piece.part == "stand_ins" and piece.english == "everything"]
            if not after or not join:
                kept.append((join, group))
            elif join == "," and not any(names for _, names in kept):
                kept.append(("", group))
            elif any(piece not in whole for piece in group):
                left_out.append([piece for piece in group if piece not in whole])
        return kept, left_out

    def _joined(self, pieces: list[_Piece]) -> list[_Piece]:
        """Runs of unknown words made one name, with the small words between them."""
        kept: list[_Piece] = []
        between: list[_Piece] = []
        for piece in pieces:
            small = piece.part in ("links", "dropped") and kept and kept[-1].part == "unknown"
            if piece.part == "unknown" and kept and kept[-1].part == "unknown":
                gap = " " if self.spaced else ""
                said = gap.join([kept[-1].said, *(each.said for each in between), piece.said])
                kept[-1] = replace(kept[-1], said=said)
                between = []
            elif small:
                between.append(piece)
            else:
                kept += [*between, piece]
                between = []
        return kept + between

    def _group(self, pieces: list[_Piece]) -> str:
        """One thing in English: articles, which ones, colour, name, place."""
        places = [piece.english for piece in pieces if piece.part == "places"]
        if any(piece.part == "ordinals" for piece in pieces):  # the third on the left is the third from there
            places = [re.sub(r"^on the (left|right)$", r"from the \1", place) for place in places]
        segments: list[list[_Piece]] = [[]]
        links: list[str] = []
        for piece in pieces:
            if piece.part == "links" and segments[-1]:
                links.append(piece.english)
                segments.append([])
            elif piece.part not in ("places", "links"):
                segments[-1].append(piece)
        if len(segments) > 1 and not segments[-1]:
            links, segments = links[:-1], segments[:-1]
        said = [self._segment(segments[0], placed=bool(places))]
        for link, segment in zip(links, segments[1:], strict=True):
            said += [link, self._segment(segment, placed=False)]
        return " ".join([*said, *places]).strip()

    def _segment(self, pieces: list[_Piece], *, placed: bool) -> str:
        names = [piece for piece in pieces if piece.part in ("noun", "unknown")]
        colours = [piece.english for piece in pieces if piece.part == "colour"]
        if len(names) > 1 and any(piece.colour for piece in names) and not colours:
            described = next(piece for piece in names[::-1] if piece.colour)
            colours, names = [described.colour], [piece for piece in names if piece is not described]
        stand_ins = [piece.english for piece in pieces if piece.part == "stand_ins"]
        articles = [piece for piece in pieces if piece.part == "articles"]
        picks = [
            piece.english
            for part in ("ordinals", "numbers", "extremes")
            for piece in pieces
            if piece.part == part and piece.english != "1"
        ]
        many = self._many(pieces, articles, picks)
        if articles and names and pieces.index(names[0]) < pieces.index(articles[0]) and names[0].part == "unknown":
            self.unread = self.unread or names[0].said
        words = [piece.english for piece in articles[:1]]
        if not names and not stand_ins:
            alone = articles[0].english if articles and not (picks or colours or placed) else ""
            if alone:
                return _ALONE[many].get(alone, "all of them" if alone.startswith("all") else "")
            if colours or (placed and not picks):
                return " ".join([*(words or ["the"]), *picks, *colours, "ones" if many else "one"])
            return " ".join([*(words or ["the"] * bool(picks)), *picks])
        if stand_ins or any(piece.part == "noun" for piece in names):
            for piece in names:
                self._leave_out(piece)
            names = [piece for piece in names if piece.part == "noun"]
        named = [self._named(piece, many=many) for piece in names]
        return " ".join([*words, *picks, *colours, *stand_ins, *named])

    def _leave_out(self, piece: _Piece) -> None:
        if piece.part == "unknown":
            self.left_out.append(piece.said)

    def _named(self, piece: _Piece, *, many: bool) -> str:
        if piece.part == "noun":
            return plural_phrase(piece.english) if many and not _HANDLE.fullmatch(piece.english) else piece.english
        stand_in = next((key for key, words in self.literal.items() if words == piece.said), None)
        if stand_in is None:
            stand_in = _STAND_IN.format("abcdefghij"[len(self.literal) % 10])
            self.literal[stand_in] = piece.said
        return f"{stand_in}s" if many else stand_in

    @staticmethod
    def _many(pieces: list[_Piece], articles: list[_Piece], picks: list[str]) -> bool:
        """Whether more than one is meant: by its number, its form, its article; else unless one of them is picked."""
        numbers = [piece for piece in pieces if piece.part == "numbers"]
        if numbers:
            return bool(numbers[0].plural)
        for part in (("noun",), ("articles",), ("colour",)):
            for piece in pieces:
                if piece.part in part and piece.plural is not None:
                    return piece.plural
        return not (picks or any(piece.english in ("a", "this", "that") for piece in articles))


_ALONE = {
    False: {"this": "this one", "that": "that one", "these": "these", "those": "those", "a": "one"},
    True: {"this": "these", "that": "those", "these": "these", "those": "those"},
}


@lru_cache(maxsize=16)
def _book(name: str) -> _Book:
    return _Book(other_language(name))


@lru_cache(maxsize=4096)
def _words(text: str) -> list[str]:
    """`text` in lower-case words and marks; a script without spaces gives a word a sign."""
    text = unicodedata.normalize("NFKC", text).translate(TYPOGRAPHY).lower()
    text = _IDEOGRAPHS.sub(r" \1 ", text.replace("\u3002", ".").replace("\u3001", ",").replace("-", " "))
    return [word.replace(" ", "") for word in _WORD.findall(text)]


@lru_cache(maxsize=4096)
def _plain(word: str) -> str:
    """`word` without the accents of Latin letters."""
    if _IDEOGRAPHS.search(word):
        return word
    bare = (letter for letter in unicodedata.normalize("NFD", word.translate(_DOUBLE)) if not unicodedata.combining(letter))
    return "".join(bare)


def _spelled(text: str) -> str:
    return " ".join(_plain(word) for word in _words(text))


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


@lru_cache(maxsize=4096)
def _is_english_noun(word: str) -> bool:
    book = other_language("spanish").nouns
    names = {english for group in book.nouns.values() for english in group} | set(book.colours)
    return word in names or any(word == plural_phrase(name) for name in names)
