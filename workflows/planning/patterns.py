"""The little language of the vocabulary files, turned into regular expressions.

    word            that word
    [a|b c]         perhaps a, or b c, or nothing
    (a|b c)         a, or b c
    {name}          any entry of the word list `name`
    <name>          a slot: one of the values `name`, or text of any kind; <name2> is another of the same kind
    $               here a new part begins, or the text ends

Text is matched as words, each followed by one space. This module does not know what any word means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from agent_tools.errors import ConfigError
from prompts.vocabulary_loader import vocabulary

Values = dict[str, str | int]

_FREE_SLOTS = {
    "things": r"(?:\S+ )+?",
    "rest": r"(?:\S+ )+?",
    "word": r"\S+ ",
    "handle": r"m\d+ ",
    "picture": r"p\d+ ",
    "effect_handle": r"e\d+ ",
    "digits": r"\d+ ",
    "decimal": r"\d+\.\d+ ",
    "xy": r"\d+(?:\.\d+)?,\d+(?:\.\d+)? ",
}
_TOKEN = re.compile(r"\s*(\{\w+\}|<\w+>|[\[\]()|$]|[^\s\[\]()|{}<>$]+)")


@dataclass(frozen=True)
class Pattern:
    """One pattern; `text` is how the vocabulary writes it, `starts` the words it can begin with (None: any)."""

    text: str
    expression: str
    starts: frozenset[str] | None
    tables: Mapping[str, Mapping[str, str | int]]

    def fits(self, words: str) -> Values | None:
        """The values of the slots if the pattern fits all of `words`, else None."""
        return self._values(self._regex.fullmatch(spaced(words))) if self._may_begin(words) else None

    def begins(self, words: str) -> tuple[Values, str] | None:
        """The values of the slots and what is left if `words` begin with the pattern, else None."""
        found = self._regex.match(spaced(words)) if self._may_begin(words) else None
        values = self._values(found)
        return None if found is None or values is None else (values, spaced(words)[found.end() :].strip())

    def found_in(self, words: str) -> tuple[Values, str, str] | None:
        """The values of the slots, what is before and what is after the first place where the pattern fits."""
        parts = words.split()
        for start in range(len(parts)):
            found = self.begins(" ".join(parts[start:]))
            if found is not None and found[1] != " ".join(parts[start:]):
                return found[0], " ".join(parts[:start]), found[1]
        return None

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(self.expression)

    def _may_begin(self, words: str) -> bool:
        return self.starts is None or words.split(" ", 1)[0] in self.starts

    def _values(self, found: re.Match[str] | None) -> Values | None:
        if found is None:
            return None
        tables = self.tables
        values: Values = {}
        for slot, text in found.groupdict().items():
            if text is not None:
                values[slot] = tables.get(slot.removesuffix("2"), {}).get(text.strip(), text.strip())
        return values


def spaced(words: str) -> str:
    """`words` with exactly one space after each."""
    return "".join(f"{word} " for word in words.split())


@lru_cache(maxsize=4096)
def compiled(text: str, language: str = "english") -> Pattern:
    """The pattern `text`, compiled once.

    Raises:
        ConfigError: a bracket is not closed, or a list or slot is not in the vocabulary.
    """
    return compile_pattern(text, vocabulary(language).words.lists, _value_tables(language))


def compile_pattern(
    text: str, lists: Mapping[str, Sequence[str]], tables: Mapping[str, Mapping[str, str | int]]
) -> Pattern:
    """The pattern `text`.

    Args:
        text: As the vocabulary writes it.
        lists: What `{name}` stands for.
        tables: Slot → spelling → value.

    Raises:
        ConfigError: a bracket is not closed, or a list or slot is not known.
    """
    tokens = [match.group(1) for match in _TOKEN.finditer(text)]
    compiler = _Compiler(text, tokens, lists, tables)
    piece = compiler.alternatives()
    if compiler.position != len(tokens):
        raise compiler.error("closes a bracket that was not opened")
    return Pattern(text, piece.expression, None if piece.optional else piece.starts, tables)


def with_literals(text: str, change: Callable[[str], str]) -> str:
    """A pattern with its plain words changed; brackets, lists and slots stay."""
    parts = (match.group(1) for match in _TOKEN.finditer(text))
    return " ".join(part if part[0] in "{<[]()|$" else change(part) for part in parts)


def literal_words(text: str) -> Iterator[str]:
    """The plain words of a pattern: neither brackets nor lists nor slots."""
    return (match.group(1) for match in _TOKEN.finditer(text) if match.group(1)[0].isalpha())


@lru_cache(maxsize=8)
def _value_tables(language: str) -> dict[str, dict[str, str | int]]:
    values = vocabulary(language).words.values
    return {
        slot: {spelling: value for value, spellings in table.items() for spelling in spellings}
        for slot, table in values.items()
    }


@dataclass(frozen=True)
class _Piece:
    """A part of a pattern: its expression, the words it can begin with (None: any), whether it may be empty."""

    expression: str
    starts: frozenset[str] | None
    optional: bool = False


class _Compiler:
    """Recursive descent over the tokens of one pattern."""

    def __init__(
        self,
        text: str,
        tokens: list[str],
        lists: Mapping[str, Sequence[str]],
        tables: Mapping[str, Mapping[str, str | int]],
    ) -> None:
        self.text, self.tokens, self.lists, self.tables = text, tokens, lists, tables
        self.position = 0

    def alternatives(self) -> _Piece:
        """Branches between bars, the longest first: "just keep" before "just"."""
        sized: list[tuple[int, _Piece]] = []
        while not sized or self._peek() == "|":
            self.position += bool(sized)
            start = self.position
            piece = self._sequence()
            sized.append((start - self.position, piece))
        branches = [piece for _, piece in sorted(sized, key=lambda each: each[0])]
        if len(branches) == 1:
            return branches[0]
        expression = "(?:" + "|".join(branch.expression for branch in branches) + ")"
        return _Piece(expression, _union(branches), any(branch.optional for branch in branches))

    def _sequence(self) -> _Piece:
        pieces: list[_Piece] = []
        while (part := self._peek()) is not None and part not in ("|", "]", ")"):
            pieces.append(self._item(part))
        first = next((position for position, piece in enumerate(pieces) if not piece.optional), len(pieces) - 1)
        optional = all(piece.optional for piece in pieces)
        return _Piece("".join(piece.expression for piece in pieces), _union(pieces[: first + 1]), optional)

    def _item(self, part: str) -> _Piece:
        self.position += 1
        if part in ("[", "("):
            inner = self.alternatives()
            if self._peek() != ("]" if part == "[" else ")"):
                raise self.error("leaves a bracket open")
            self.position += 1
            perhaps = part == "["
            return _Piece(f"(?:{inner.expression})" + "?" * perhaps, inner.starts, perhaps or inner.optional)
        if part == "$":
            return _Piece(rf"(?=$|{_any_of(self._list('boundary')).expression})", frozenset(), optional=True)
        if part[0] == "{":
            return _any_of(self._list(part[1:-1]))
        if part[0] == "<":
            slot = self._slot(part[1:-1])
            return _Piece(f"(?P<{part[1:-1]}>{slot.expression})", slot.starts)
        return _any_of([part])

    def _slot(self, name: str) -> _Piece:
        kind = name.removesuffix("2")
        if kind in _FREE_SLOTS:
            return _Piece(_FREE_SLOTS[kind], None)
        if kind == "paint":
            return self._paint()
        table = self.tables.get(kind)
        if table is None:
            raise self.error(f"has an unknown slot <{name}>")
        return _any_of(table)

    def _paint(self) -> _Piece:
        """A colour to paint with: "dark red", or its code as `wording` leaves it."""
        shades, paints = _any_of(self._list("paint_shades")), _any_of(self._list("paints"))
        return _Piece(f"(?:{shades.expression}*{paints.expression}|rgb[0-9a-f]{{6}} )", None)

    def _list(self, name: str) -> Sequence[str]:
        if name not in self.lists:
            raise self.error(f"names an unknown list {{{name}}}")
        return self.lists[name]

    def _peek(self) -> str | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def error(self, problem: str) -> ConfigError:
        return ConfigError(
            f"pattern={self.text!r} {problem}: expected words, [perhaps], (this|that), {{list}} and <slot>. "
            "Correct it in prompts/vocabulary."
        )


def _any_of(entries: Iterable[str]) -> _Piece:
    longest_first = sorted(entries, key=len, reverse=True)
    expression = "|".join(re.escape(entry) + " " for entry in longest_first)
    return _Piece(f"(?:{expression})", frozenset(entry.split(" ", 1)[0] for entry in longest_first))


def _union(pieces: list[_Piece]) -> frozenset[str] | None:
    """The words that any of `pieces` can begin with."""
    starts: set[str] = set()
    for piece in pieces:
        if piece.starts is None:
            return None
        starts |= piece.starts
    return frozenset(starts)
