"""The words of a detector that knows only a few: what people say, put into them, or a reason why that cannot be done.

A detector taught a closed vocabulary answers a word it was never taught with something, and with confidence. So its
checkpoint carries ``closed_vocabulary.json``, and a phrase is read here before the model sees it: either it can be said
in the model's own words, or it is not asked at all. Detectors of an open vocabulary carry no such file and read every
phrase themselves. This module does not know torch, models, pictures, or where the file comes from.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent_tools.services.phrases import clean_phrase, description_start

_LONGEST_ENTRY = 4
"""Most words that an entry of the file, places excepted, may have."""

Word = Annotated[str, Field(min_length=1, max_length=60)]


@dataclass(frozen=True, slots=True)
class Reading:
    """A phrase as a detector of few words reads it.

    Attributes:
        asked: the phrase in the detector's words; empty where it cannot be said in them.
        why_not: what stands in the way, as the end of a sentence about the detector; empty where nothing does, and for
            a phrase without a word in it.
    """

    asked: str = ""
    why_not: str = ""


class ClosedVocabulary(BaseModel):
    """``closed_vocabulary.json``: every word that a checkpoint was taught, and what people say for it.

    Words are lower case; a space may be left out or be a hyphen where people write it so (``cell phone``).

    Attributes:
        nouns: each noun the weights know → the colours that they know it in.
        names: what people call a thing, one or many → its noun.
        colours: what people call a colour → a colour of the weights.
        kinds: noun → words before it that the weights make no difference for: soda can.
        shades: words that leave the colour after them that colour: dark blue, reddish brown.
        plain: words that leave nothing out: fresh.
        holders: nouns after which "of" tells what is in them: box of cereal.
        places: ends of a phrase that leave nothing out: on the shelf.
        unclear: a name that could be several of the nouns → those.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    nouns: dict[Word, tuple[Word, ...]] = Field(min_length=1)
    names: dict[Word, Word] = {}
    colours: dict[Word, Word] = {}
    kinds: dict[Word, tuple[Word, ...]] = {}
    shades: tuple[Word, ...] = ()
    plain: tuple[Word, ...] = ()
    holders: tuple[Word, ...] = ()
    places: tuple[Word, ...] = ()
    unclear: dict[Word, tuple[Word, ...]] = {}

    @model_validator(mode="after")
    def _points_to_known_words(self) -> Self:
        meant = [*self.names.values(), *self.kinds, *self.holders]
        meant += [noun for choices in self.unclear.values() for noun in choices]
        if strangers := sorted(set(meant) - set(self.nouns)):
            raise ValueError(f"nouns to have {', '.join(strangers)}, which other entries mean")
        return self

    def read(self, phrase: str) -> Reading:
        """Put a phrase into the detector's words.

        The head noun has to be known, and so has every word before it: a colour, a kind of that noun, or a word that
        leaves nothing out. A colour that the weights were never shown the noun in is not asked for either: they would
        take the noun in its own colour for it.

        Args:
            phrase: English, any case, one or many.
        """
        words = self._without_places(clean_phrase(phrase.replace("-", " ").replace("'", "")).split())
        if not words:
            return Reading()
        start, end, noun = self._head(words)
        colours, strange = self._attributes(words[:start], noun)
        if noun is None:
            return Reading(why_not=self._nameless(words[:end], strange))
        name, described = " ".join(words[start:end]), words[end:]
        strange = [f"{run} {name}" if _joined(run) in self._noun_of else run for run in strange]
        if described and not (described[0] == "of" and noun in self.holders):
            strange.append(" ".join(described))
        if strange:
            return Reading(why_not=f"has no word for {_listed(strange, 'or')}")
        if len(colours) > 1:
            return Reading(why_not=f"knows things of one colour, not of {_listed(colours, 'and')}")
        if not colours or colours == [noun]:
            return Reading(noun)
        if colours[0] not in self.nouns[noun]:
            return Reading(why_not=f"knows {noun} only in {_listed(self.nouns[noun], 'or')}")
        return Reading(f"{colours[0]} {noun}")

    @cached_property
    def _noun_of(self) -> dict[str, str]:
        return {_joined(name): noun for name, noun in {**{noun: noun for noun in self.nouns}, **self.names}.items()}

    @cached_property
    def _colour_of(self) -> dict[str, str]:
        taught = {colour: colour for colours in self.nouns.values() for colour in colours}
        return {_joined(name): colour for name, colour in {**taught, **self.colours}.items()}

    @cached_property
    def _shades(self) -> frozenset[str]:
        return frozenset(map(_joined, self.shades))

    @cached_property
    def _plain(self) -> frozenset[str]:
        return frozenset(map(_joined, self.plain))

    def _without_places(self, words: list[str]) -> list[str]:
        ends = [place.split() for place in sorted(self.places, key=len, reverse=True)]
        while found := next((end for end in ends if len(end) < len(words) and words[-len(end) :] == end), None):
            words = words[: -len(found)]
        return words

    def _head(self, words: Sequence[str]) -> tuple[int, int, str | None]:
        """Where the name of the thing begins, where its description does, and its noun; None where that is unknown."""
        described = description_start(words)
        for end in (len(words), described):
            length = _longest_at_end(words[:end], self._noun_of)
            # "pair of scissors" has its relation inside the name; "box on a book" is no book.
            if length and described >= end - length:
                return end - length, end, self._noun_of["".join(words[end - length : end])]
        return described, described, None

    def _attributes(self, words: Sequence[str], noun: str | None) -> tuple[list[str], list[str]]:
        """The colours among the words before a noun, each once, and the runs of words that mean nothing here."""
        kinds = frozenset(map(_joined, self.kinds.get(noun or "", ())))
        colours: list[str] = []
        strange: list[list[str]] = [[]]
        while words:
            length = _longest_at_start(words, kinds) or self._shade(words)
            if not length and (length := _longest_at_start(words, self._colour_of)):
                colours.append(self._colour_of["".join(words[:length])])
            length = length or _longest_at_start(words, self._plain)
            if length:
                strange.append([])
            else:
                strange[-1].append(words[0])
            words = words[length or 1 :]
        return list(dict.fromkeys(colours)), [" ".join(run) for run in strange if run]

    def _shade(self, words: Sequence[str]) -> int:
        """How many of the first words only shade the colour that follows them; 0 where none does."""
        length = 0
        while step := _longest_at_start(words[length:], self._shades):
            length += step
        return length if _longest_at_start(words[length:], self._colour_of) else 0

    def _nameless(self, words: Sequence[str], strange: Sequence[str]) -> str:
        """Why a phrase whose noun is not known cannot be asked."""
        if not strange:
            return f"needs a noun beside {' '.join(words)}"
        said = _listed(strange, "or")
        unclear = {_joined(name): choices for name, choices in self.unclear.items()}
        meant = f", only for {_listed(choices, 'and')}" if (choices := unclear.get(_joined(said))) else ""
        return f"has no word for {said}{meant}"


def _joined(words: str) -> str:
    return words.replace(" ", "").replace("-", "")


def _longest_at_start(words: Sequence[str], known: Container[str]) -> int:
    """How many of the first words make a known entry; 0 where none do."""
    sizes = range(min(len(words), _LONGEST_ENTRY), 0, -1)
    return next((size for size in sizes if "".join(words[:size]) in known), 0)


def _longest_at_end(words: Sequence[str], known: Container[str]) -> int:
    """How many of the last words make a known entry; 0 where none do."""
    sizes = range(min(len(words), _LONGEST_ENTRY), 0, -1)
    return next((size for size in sizes if "".join(words[-size:]) in known), 0)


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
