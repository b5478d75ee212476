"""What is talked about, as a record, and what several things in one breath share.

This module does not know the words that led to it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from prompts.vocabulary_loader import Meaning

RELATIONS = ("inside", "outside", "near", "left_of", "right_of", "above", "below")
"""Where a thing can be to another, as `where` names it."""
WHEN = frozenset({"turn", "found"})
"""When a thing was found: in which turn (negative: from the last), or first (1) or last (-1) of all."""
SHARED = frozenset({"side", "side_too", "row", "column", *RELATIONS})
"""What is said of the place of the last of several things and meant for all."""
_LOCATIVE = frozenset({"on", "in", "at", "under", "behind", "beside", "inside"})


@dataclass(frozen=True)
class Mention:
    """One thing that is talked about."""

    phrase: str | None = None
    """What a detector would be asked for, attributes included: "red apple". None when nothing is named."""
    plain: str | None = None
    """The phrase without its colour: "apple"."""
    colour: str | None = None
    attribute: str | None = None
    """A description of something that is not named: "wearing a hat", "ripe"."""
    place: Meaning = field(default_factory=dict)
    handles: tuple[str, ...] = ()
    plural: bool = False
    definite: bool = False
    counted_as_one: bool = False
    """Exactly one is meant: "a wiper", "the dog"."""
    one_of: bool = False
    """One of many is picked: "the smallest of the tomatoes"."""
    known: bool = False
    """Something found before: "of them", "those"."""
    pointing: bool = False
    pronoun: bool = False
    generic: bool = False
    everything: bool = False
    others: bool = False

    @property
    def nameless(self) -> bool:
        """Whether neither a noun nor a handle says what is meant."""
        return self.phrase is None and not self.handles


@dataclass(frozen=True)
class Names:
    """Everything a clause is about; `remaining` is set by "now", "left" and the like."""

    mentions: tuple[Mention, ...] = ()
    excluded: tuple[Mention, ...] = ()
    remaining: bool = False

    @property
    def first(self) -> Mention:
        """The first mention, or an empty one."""
        return self.mentions[0] if self.mentions else Mention()


def shared(mentions: list[Mention], worn: Collection[str] = ()) -> list[Mention]:
    """Nouns and places that stand once and are meant for all: "red and green apples on the left"."""
    named = _at_once(mentions)
    for position in reversed(range(len(named) - 1)):
        mention, after = named[position], named[position + 1]
        if _lacks_noun(mention) and not _lacks_noun(after) and after.plain and not mention.attribute:
            phrase = f"{mention.colour} {after.plain}" if mention.colour else after.plain
            named[position] = replace(mention, phrase=phrase, plain=after.plain, plural=after.plural)
    named = _worn_together(named, worn)
    for position in range(1, len(named)):
        mention, before = named[position], named[position - 1]
        if _lacks_noun(mention) and before.plain and mention.place:
            named_before = f"{mention.colour} {before.plain}" if mention.colour else before.phrase
            named[position] = replace(mention, phrase=named_before, plain=before.plain)
    if named:
        named = [_described_alike(mention, named[-1]) for mention in named]
    last = named[-1].place if named else {}
    where = {key: value for key, value in last.items() if key in SHARED}
    if where and not any(mention.place for mention in named[:-1]):
        named = [
            mention if mention.handles else replace(mention, place={**where, **mention.place}) for mention in named
        ]
    return named


def _at_once(mentions: list[Mention]) -> list[Mention]:
    """Relations that hold together: "the ones left of m5 and above m4"."""
    kept: list[Mention] = []
    for mention in mentions:
        before = kept[-1].place if kept else {}
        bare = mention == Mention(place=mention.place, plural=mention.plural)
        relations = mention.place.keys() <= set(RELATIONS) and bool(before.keys() & set(RELATIONS))
        if bare and mention.place and relations and not mention.place.keys() & before.keys():
            kept[-1] = replace(kept[-1], place={**before, **mention.place})
        else:
            kept.append(mention)
    return kept


def _worn_together(mentions: list[Mention], worn: Collection[str]) -> list[Mention]:
    """What is worn after "wearing ... and" belongs to the same person."""
    kept: list[Mention] = []
    for mention in mentions:
        before = kept[-1].phrase if kept else None
        if before and " wearing " in before and mention.phrase and mention.phrase.split()[-1] in worn:
            phrase = f"{before} and {mention.phrase}"
            kept[-1] = replace(kept[-1], phrase=phrase, plain=phrase)
        else:
            kept.append(mention)
    return kept


def _described_alike(mention: Mention, last: Mention) -> Mention:
    """Where the last of several things is, the others are too: "cups and plates on the table"."""
    words = (last.phrase or "").split()
    where = next((position for position, word in enumerate(words) if position and word in _LOCATIVE), None)
    if where is None or mention.phrase is None or mention.plain is None or len(mention.phrase.split()) > 3:
        return mention
    if any(word in _LOCATIVE for word in mention.phrase.split()):
        return mention
    said = " ".join(words[where:])
    return replace(mention, phrase=f"{mention.phrase} {said}", plain=f"{mention.plain} {said}")


def _lacks_noun(mention: Mention) -> bool:
    unclear = mention.pronoun or mention.pointing or mention.generic or mention.everything or mention.others
    return mention.nameless and not unclear
