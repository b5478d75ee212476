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
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from agent_tools.shelves.sheets import SUFFIXES
from prompts.noun_forms import plural_phrase
from prompts.spelling import plain, words_of
from prompts.vocabulary_loader import other_language, other_languages
from workflows.planning.context import Plan, PlanContext
from workflows.planning.english_order import HANDLE, EnglishSentence
from workflows.planning.phrase_book import PhraseBook
from workflows.planning.wording import english_words

ENGLISH = "english"
_KANA = re.compile(r"[\u3040-\u30ff]")
_IDEOGRAPHS = re.compile(r"[\u3400-\u9fff]")
_QUOTES = "\"'\u201c\u201d\u201e\u300c\u300d\u300e\u300f\u00ab\u00bb"
_ENDING = "|".join(suffix.removeprefix(".") for suffix in SUFFIXES)
_TABLE = re.compile(
    rf"[{_QUOTES}](?P<quoted>[^{_QUOTES}]+\.(?:{_ENDING}))[{_QUOTES}]"
    rf"|(?P<bare>[^\s,;:?!{_QUOTES}\u3000-\u30ff\u3400-\u9fff]+\.(?:{_ENDING}))(?![a-z0-9])",
    re.IGNORECASE,
)
"""The name of a file with a table; in a script without spaces it ends where that script goes on."""


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
    table: str = ""
    """The file with a table that the request names; "the list" in `english`."""

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
    table = table_in(request)
    language = language_of(_TABLE.sub(" ", request), usual)
    if language == ENGLISH:
        return Spoken(ENGLISH, _TABLE.sub(" the list ", request), table=table)
    request = _TABLE.sub(" ", request)
    book = _book(language)
    sentence = EnglishSentence(book.phrases.spaced)
    said = [clause for pieces in book.clauses(request) if (clause := sentence.clause(pieces))]
    asked = unicodedata.normalize("NFKC", request).rstrip().endswith("?")
    english = " , then ".join(said) + "?" * asked
    return Spoken(language, english, sentence.literal, tuple(sentence.left_out), sentence.unread, table)


def table_in(request: str) -> str:
    """The file with a table that `request` names, as it is written; "" if it names none."""
    found = _TABLE.search(request)
    return (found["quoted"] or found["bare"]) if found else ""


def language_of(request: str, usual: str = ENGLISH) -> str:
    """The language that has the most of the words of `request`; of several, the one that reads the most, or `usual`."""
    words = list(dict.fromkeys(word for word in words_of(request) if word[0].isalpha() and not HANDLE.fullmatch(word)))
    if any(_KANA.search(word) for word in words):
        return "japanese"
    if any(_IDEOGRAPHS.search(word) for word in words):
        return usual if usual == "japanese" else "chinese"
    bare = [plain(word) for word in words]
    english = sum(word in english_words() for word in bare)
    if not words or (bare == words and 2 * english > len(words)):
        return ENGLISH
    books = [_book(name) for name in other_languages() if other_language(name).phrases.spaced]
    scores = {book.language.name: book.familiar(words) for book in books}
    scores[ENGLISH] = english + sum(_is_english_noun(word) for word in bare)
    most = [name for name in (usual, ENGLISH, *scores) if scores.get(name) == max(scores.values())]
    if most[0] == usual or ENGLISH in most:
        return most[0]
    return min(most, key=lambda name: _book(name).strange(request))


@lru_cache(maxsize=16)
def _book(name: str) -> PhraseBook:
    return PhraseBook(other_language(name))


@lru_cache(maxsize=4096)
def _is_english_noun(word: str) -> bool:
    book = other_language("spanish").nouns
    names = {english for group in book.nouns.values() for english in group} | set(book.colours)
    return word in names or any(word == plural_phrase(name) for name in names)
