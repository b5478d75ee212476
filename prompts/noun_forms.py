"""Names of things: one and many, and where the name ends and its description begins.

Singulars and plurals come from the `inflect` library, where the vocabulary does not know better.
This module does not know sentences.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from prompts.spelling import mistyped
from prompts.vocabulary_loader import vocabulary

if TYPE_CHECKING:
    import inflect


@lru_cache(maxsize=1)
def _engine() -> inflect.engine:
    """The library, loaded at the first noun.

    Loading it takes three seconds, nearly all of them spent on recompiling its methods with run-time type checks.
    Those are for its developers; here they are left out.
    """
    import typeguard

    checked = typeguard.typechecked
    typeguard.typechecked = lambda target: target  # type: ignore[assignment]
    try:
        import inflect
    finally:
        typeguard.typechecked = checked
    return inflect.engine()


@lru_cache(maxsize=4096)
def singular(word: str, language: str = "english") -> str:
    """The singular of a noun; a noun that is singular already, or always plural, comes back as it is."""
    words = vocabulary(language).words
    if word in words.irregular:
        return words.irregular[word]
    if "-" in word:
        before, _, last = word.rpartition("-")
        return f"{before}-{singular(last, language)}"
    if word in words.singular_in_s or word in words.always_plural or len(word) < 3 or not word.isalpha():
        return word
    if word in words.irregular.values():
        return word
    found = _engine().singular_noun(word)
    return str(found) if found else word


@lru_cache(maxsize=4096)
def plural(word: str, language: str = "english") -> str:
    """The plural of a singular noun."""
    words = vocabulary(language).words
    if word in words.always_plural or word in words.lists["uncountable"]:
        return word
    return str(_engine().plural_noun(word) or word)


def is_plural(word: str, language: str = "english") -> bool:
    """Whether a noun can only be read as more than one."""
    return singular(word, language) != word or word in vocabulary(language).words.always_plural


@lru_cache(maxsize=4096)
def common_noun(word: str, language: str = "english") -> str:
    """`word`, or the common noun that it is when two of its letters are swapped, or one is doubled or not."""
    known = _common_nouns(language)
    if len(word) < 5 or word in known or not word.isalpha():
        return word
    return next((noun for noun in known if mistyped(word, noun)), word)


@lru_cache(maxsize=8)
def _common_nouns(language: str) -> dict[str, None]:
    nouns = vocabulary(language).words.lists["common"]
    return dict.fromkeys(form for noun in nouns for form in (noun, plural(noun, language)))


def head_end(words: list[str], language: str = "english") -> int:
    """How many of `words` come before the description: "box of cereal" → 1, "wine glass" → 2."""
    links = set(vocabulary(language).words.lists["links"])
    for position, word in enumerate(words):
        if position > 0 and word in links:
            return position
    return len(words)


def singular_phrase(phrase: str, language: str = "english") -> str:
    """`phrase` as a detector is asked for it: "people wearing red shirts" → "person wearing a red shirt"."""
    words = phrase.split()
    end = head_end(words, language)
    if end == 0:
        return phrase
    head = [*words[: end - 1], singular(words[end - 1], language)]
    return " ".join(head + _described(words[end:], words[end - 1] != head[-1], language))


def plural_phrase(phrase: str, language: str = "english") -> str:
    """The plural of a singular phrase: "box of cereal" → "boxes of cereal"."""
    words = phrase.split()
    end = head_end(words, language)
    if end == 0:
        return phrase
    return " ".join([*words[: end - 1], plural(words[end - 1], language), *words[end:]])


def with_article(phrase: str) -> str:
    """`phrase` with "a" or "an" before it."""
    return str(_engine().a(phrase))


def _described(words: list[str], of_many: bool, language: str) -> list[str]:
    """A description as said of one thing: what many have several of, each has one of."""
    lists = vocabulary(language).words.lists
    if not words or words[0] not in lists["each_one"]:
        return words
    rest = words[1:]
    if not rest or rest[0] in lists["all_of"]:
        return words
    articles = {*lists["definite"], *lists["indefinite"], *lists["known"], *lists["pointing"]}
    end = head_end(rest, language)
    noun = rest[end - 1]
    worn = words[0] == "wearing" and noun in vocabulary(language).words.worn_plural
    one = singular(noun, language)
    if not of_many or rest[0] in articles or worn or one == noun:
        return words
    rest = [*rest[: end - 1], one, *rest[end:]]
    return [words[0], *with_article(" ".join(rest)).split()]
