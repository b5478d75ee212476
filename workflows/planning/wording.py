"""From what a person typed to plain words: lower case, no manners, no contractions, one order a clause.

This module does not know what any order means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from prompts.spelling import TYPOGRAPHY, one_slip
from prompts.vocabulary_loader import vocabulary
from workflows.planning.patterns import literal_words

_TOKEN = re.compile(r"\d+(?:\.\d+)?\s?,\s?\d+(?:\.\d+)?(?![\w])|\d+\.\d+|[^\W_]+(?:['\-][^\W_]+)*|[.,!?;:&+]")
_PICTURE = re.compile(r"\b(?:picture|photo|photograph|image|pic) ?(?:#|number |no\.? |nr\.? )?(\d+)\b|\bp[ -]?(\d+)\b")
_HANDLE_LIST = re.compile(r"\b(?:objects|masks|items|numbers|nos)((?:\s*(?:,|and|to|-|&)?\s*#?\d+\b)+)")
_HANDLE = re.compile(r"(?:\b(?:object|mask|item|number|no|nr|num|id) ?(?:#|number |no )?|#) ?(\d+)\b(?!,)")
_SPACED_HANDLE = re.compile(r"\bm[ -]?(\d+)\b")
_HANDLE_RANGE = re.compile(r"\b(m\d+) ?(?:-|\.\.+|to|through|until|till|up to) ?(m\d+)\b")
_COLOUR_CODE = re.compile(r"#([0-9a-f]{6}|(?=[0-9]{0,2}[a-f])[0-9a-f]{3})\b")
_PIXELS = re.compile(r"\b(\d+) ?(?:px|pixels?)\b")
_COORDINATES = re.compile(r"[(\[]?\s*(\d+(?:\.\d+)?)\s*[,;]\s*(\d+(?:\.\d+)?)\s*[)\]]?")


@dataclass(frozen=True)
class Clause:
    """One order: its words, and whether it was put as a question."""

    words: str
    asked: bool = False


def clauses(request: str, language: str = "english") -> list[Clause]:
    """The orders in `request`, each in plain words; none if it holds no word at all."""
    words = vocabulary(language).words
    found: list[Clause] = []
    sentences = _sentences(_handles_named(request))
    for number, (sentence, mark) in enumerate(sentences):
        if mark == ":" and number < len(sentences) - 1:
            continue
        text = _without_manners(replaced(sentence, words.rewrites), language)
        for part in _orders(text, words.order_words):
            plain = _without_manners(part, language)
            if plain:
                found.append(Clause(plain, mark == "?"))
    return found


def replaced(text: str, table: Mapping[str, str]) -> str:
    """`text` with each whole-word key of `table` replaced by its value, from first to last."""
    padded = f" {text} "
    for said, read in table.items():
        if said in padded:
            padded = padded.replace(f" {said} ", f" {read} ")
    return " ".join(padded.split())


def without_start(text: str, entries: Iterable[str]) -> str:
    """`text` without the longest of `entries` that it begins with, and the comma after it."""
    for entry in sorted(entries, key=len, reverse=True):
        if text == entry or text.startswith(f"{entry} "):
            return text[len(entry) :].strip(" ,")
    return text


def without_end(text: str, entries: Iterable[str]) -> str:
    """`text` without the longest of `entries` that it ends with, and the comma before it."""
    for entry in sorted(entries, key=len, reverse=True):
        if text == entry or text.endswith(f" {entry}"):
            return text[: len(text) - len(entry)].strip(" ,")
    return text


def mended(text: str, language: str = "english") -> Iterator[str]:
    """`text` with one word put right that is a slip away from a word of the sentence shapes, each way it can be."""
    known = _shape_words(language)
    words = text.split()
    for position, word in enumerate(words):
        if len(word) >= 4 and word.isalpha() and word not in known:
            for other in sorted(other for other in known if len(other) >= 4 and one_slip(word, other)):
                yield " ".join([*words[:position], other, *words[position + 1 :]])


def _handles_named(request: str) -> str:
    text = unicodedata.normalize("NFKC", request).translate(TYPOGRAPHY).lower()
    text = _COLOUR_CODE.sub(_code, text)
    text = _PIXELS.sub(r"\1 pixels", text)
    text = _PICTURE.sub(lambda match: f"p{match.group(1) or match.group(2)}", text)
    text = _HANDLE_LIST.sub(lambda match: re.sub(r"#?(\d+)", r"m\1", match.group(1)), text)
    text = _SPACED_HANDLE.sub(r"m\1", _HANDLE.sub(r"m\1", text))
    text = _HANDLE_RANGE.sub(lambda match: " , ".join(_range(match.group(1), match.group(2))), text)
    return _COORDINATES.sub(r" \1,\2 ", text)


def _code(match: re.Match[str]) -> str:
    """A colour's code as one word of letters and digits: "#fa0" is "rgbffaa00"."""
    digits = match.group(1)
    return "rgb" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))


def _range(first: str, last: str) -> list[str]:
    low, high = int(first[1:]), int(last[1:])
    if not 0 <= high - low <= 999:
        return [first, last]
    return [f"m{number}" for number in range(low, high + 1)]


def _sentences(text: str) -> list[tuple[str, str]]:
    """Sentences and the mark each ends with; what ends with a colon is a heading."""
    sentences: list[tuple[str, str]] = []
    current: list[str] = []
    for mark in _TOKEN.findall(text):
        if mark in ".!?;:":
            if current:
                sentences.append((" ".join(current), mark))
            current = []
        else:
            current.append(mark)
    if current:
        sentences.append((" ".join(current), ""))
    return sentences


def _orders(text: str, order_words: list[str]) -> list[str]:
    """`text` cut before "then", and before "and" or a comma that an order follows."""
    starts = "|".join(re.escape(word) for word in sorted(order_words, key=len, reverse=True))
    in_turn = r"\b(?:and\s+)?(?:then|after that|afterwards)\b\s*,?\s*"
    one_more = rf"(?:,|\band\b)\s*(?:and\s+)?(?:also\s+)?(?=(?:{starts})\b)"
    cut = rf"\s*(?:,\s*)?(?:{in_turn}|{one_more})"
    return [part.strip(" ,") for part in re.split(cut, text) if part.strip(" ,")]


def _without_manners(text: str, language: str) -> str:
    words = vocabulary(language).words
    fillers = set(words.fillers)
    text = " ".join(word for word in text.split() if word not in fillers).strip(" ,")
    before = None
    while text != before:
        before = text
        text = without_end(without_start(text, words.openings), words.closings)
    return text


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Every word that the English vocabulary gives a meaning of its own."""
    words = vocabulary().words
    listed = [*words.openings, *words.closings, *words.leads, *words.fillers, *words.order_words, *words.rewrites]
    listed += [entry for entries in words.lists.values() for entry in entries]
    listed += [entry for table in words.values.values() for entries in table.values() for entry in entries]
    return _shape_words("english") | {word for entry in listed for word in entry.split()}


@lru_cache(maxsize=8)
def _shape_words(language: str) -> frozenset[str]:
    entry = vocabulary(language)
    shapes = (word for frame in entry.frames for says in frame.says for word in literal_words(says))
    return frozenset(shapes)
