"""Puts the pieces of a request in another language into the order of an English sentence.

    act · article · which ones · colour · name · place

This module does not know any language, nor what a request means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from prompts.noun_forms import plural_phrase

HANDLE = re.compile(r"[mp]\d+")
_STAND_IN = "zzq{}"


@dataclass(frozen=True)
class Piece:
    """A part of a request: where it goes in the sentence, its English, whether for many, and how it was said."""

    part: str
    english: str
    plural: bool | None = None
    colour: str = ""
    said: str = ""
    rank: int = 0


class EnglishSentence:
    """Puts pieces into the order of English; remembers what was taken literally."""

    def __init__(self, spaced: bool) -> None:
        self.spaced = spaced
        self.literal: dict[str, str] = {}
        self.left_out: list[str] = []
        self.unread = ""

    def clause(self, pieces: list[Piece]) -> str:
        """One order in English."""
        acts = sorted((piece for piece in pieces if piece.part == "act"), key=lambda piece: piece.rank)
        if acts and acts[0].rank < 0:
            return acts[0].english
        opening, _, ending = (acts[0].english if acts else "").partition(" ... ")
        if "<hue>" in ending:
            hue, pieces = _hue(pieces, acts[0])
            ending = ending.replace("<hue>", hue)
        closings = [ending, *(piece.english for piece in pieces if piece.part == "closings")]
        groups = self._groups(pieces)
        said = ""
        kept, left_out = self._left_out(groups)
        for join, group in sorted(kept, key=lambda each: each[0] == "than"):
            name = self._group(group)
            said = f"{said} {join} {name}" if said and name and join else f"{said} {name}"
        if left_out:
            said = f"{said.strip() or 'all'} except {' and '.join(self._group(group) for group in left_out)}"
        if self.unread and opening:
            self.unread = ""
        return " ".join(" ".join([opening, *said.split(), *closings]).split()).strip(" ,")

    def _groups(self, pieces: list[Piece]) -> list[tuple[str, list[Piece]]]:
        """What is named, one thing a group, each with the join before it; a place said first goes with what follows."""
        groups: list[tuple[str, list[Piece]]] = [("", [])]
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
        groups: list[tuple[str, list[Piece]]],
    ) -> tuple[list[tuple[str, list[Piece]]], list[list[Piece]]]:
        """What is meant and what is left out of it; "everything" said beside what is left out is what is meant."""
        kept: list[tuple[str, list[Piece]]] = []
        left_out: list[list[Piece]] = []
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

    def _joined(self, pieces: list[Piece]) -> list[Piece]:
        """Runs of unknown words made one name, with the small words between them."""
        kept: list[Piece] = []
        between: list[Piece] = []
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

    def _group(self, pieces: list[Piece]) -> str:
        """One thing in English: articles, which ones, colour, name, place."""
        places = [piece.english for piece in pieces if piece.part == "places"]
        if any(piece.part == "ordinals" for piece in pieces):  # the third on the left is the third from there
            places = [re.sub(r"^on the (left|right)$", r"from the \1", place) for place in places]
        segments: list[list[Piece]] = [[]]
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

    def _segment(self, pieces: list[Piece], *, placed: bool) -> str:
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

    def _leave_out(self, piece: Piece) -> None:
        if piece.part == "unknown":
            self.left_out.append(piece.said)

    def _named(self, piece: Piece, *, many: bool) -> str:
        if piece.part == "noun":
            return plural_phrase(piece.english) if many and not HANDLE.fullmatch(piece.english) else piece.english
        stand_in = next((key for key, words in self.literal.items() if words == piece.said), None)
        if stand_in is None:
            stand_in = _STAND_IN.format("abcdefghij"[len(self.literal) % 10])
            self.literal[stand_in] = piece.said
        return f"{stand_in}s" if many else stand_in

    @staticmethod
    def _many(pieces: list[Piece], articles: list[Piece], picks: list[str]) -> bool:
        """Whether more than one is meant: by its number, its form, its article; else unless one of them is picked."""
        numbers = [piece for piece in pieces if piece.part == "numbers"]
        if numbers:
            return bool(numbers[0].plural)
        for part in (("noun",), ("articles",), ("colour",)):
            for piece in pieces:
                if piece.part in part and piece.plural is not None:
                    return piece.plural
        return not (picks or any(piece.english in ("a", "this", "that") for piece in articles))


def _hue(pieces: list[Piece], act: Piece) -> tuple[str, list[Piece]]:
    """The colour to paint with, and the pieces without it: the one beside the act, or the last one said."""
    painted = [place for place, piece in enumerate(pieces) if piece.part == "colour" or piece.colour]
    if not painted:
        return "", pieces
    own = pieces.index(act)
    beside = [place for place in painted if abs(place - own) == 1]
    place = (beside or painted)[-1]
    said, before = pieces[place], pieces[:place]
    if before and before[-1].english == "of them":  # the French "en vert"
        before = before[:-1]
    return said.colour or said.english, [*before, *pieces[place + 1 :]]


_ALONE = {
    False: {"this": "this one", "that": "that one", "these": "these", "those": "those", "a": "one"},
    True: {"this": "these", "that": "those", "these": "these", "those": "those"},
}
