"""English phrases said in the language of a person: "red apple" is "manzana roja", three of them "3 manzanas rojas".

What a language has no name for is said as it stands. This module does not know sentences.
"""

from __future__ import annotations

from functools import lru_cache

from prompts.noun_forms import plural_phrase
from prompts.vocabulary_loader import Nouns, answers_in, other_language, other_languages


def counted(number: int, phrase: str, language: str = "english") -> str:
    """`number` and `phrase` in the form that goes with it: "1 lemon", "17 oranges"."""
    said = answers_in(language).results["counted"]
    return said.format(n=number, what=named(phrase, language, many=number != 1))


@lru_cache(maxsize=1024)
def named(phrase: str, language: str = "english", *, many: bool = False) -> str:
    """`phrase`, English and singular, in `language`; `many`: its plural."""
    if language not in other_languages():
        return plural_phrase(phrase) if many else phrase
    book = other_language(language)
    found = _noun(phrase, book.nouns, many=many)
    if found is not None:
        return found[0]
    colour, _, noun = phrase.partition(" ")
    found = _noun(noun, book.nouns, many=many)
    if found is None or colour not in book.nouns.colours:
        return phrase
    said, gender = found
    return book.phrases.named.format(noun=said, colour=coloured(colour, language, gender, many=many))


def coloured(colour: str, language: str, gender: str | None = None, *, many: bool = False) -> str:
    """`colour`, English, in `language`, in the form that goes with a noun of `gender`; None: its name."""
    forms = other_language(language).nouns.colours.get(colour) if language in other_languages() else None
    if not forms:
        return colour
    book = other_language(language).nouns
    if gender is None and not many:  # without a noun to go with, the form without an ending
        return min((_form(saying, book, many=False) for group in forms.values() for saying in group), key=len)
    return _form((forms.get(gender or "") or next(iter(forms.values())))[0], book, many=many)


def _noun(phrase: str, book: Nouns, *, many: bool) -> tuple[str, str] | None:
    """What `phrase` is called, and its gender."""
    for gender, group in book.nouns.items():
        if phrase in group:
            return _form(group[phrase][0], book, many=many), gender
    return None


def _form(saying: str, book: Nouns, *, many: bool) -> str:
    one, slash, plural = (part.strip() for part in saying.partition("/"))
    if slash:
        return plural if many or not one else one
    return (book.plural(one) or one) if many else one
