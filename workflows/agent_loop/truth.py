"""Whether an answer states only what tools found: every number in it is looked for in what the tools gave.

A number is supported when a tool's text or data, or the person's own words, hold it, rounded or as a share in percent
too; so is the sum of the counts. Where things lie does not count: among so many coordinates almost any number is found.
A handle is supported when it exists. "One" is left alone, as it stands for a thing as often as for a number. This
module does not know models, nor what becomes of a wrong answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_NUMBER = re.compile(r"(?<![\w.,/])(\d{1,3}(?:[ ,.'\u202f]\d{3})+(?![\d])|\d+(?:[.,]\d+)?)(\s?%)?(?![\w/])")
_ANY_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_HANDLE = re.compile(r"(?<!\w)[mgp][1-9]\d*(?!\w)")
_LISTING = re.compile(r"(?m)^\s*\d+[.)]\s")
_WORDS = {
    word: number
    for number, words in {
        0: "zero",
        2: "two dos deux zwei dois due duas",
        3: "three tres trois drei três tre",
        4: "four cuatro quatre vier quatro quattro",
        5: "five cinco cinq fünf cinque",
        6: "six seis sechs sei",
        7: "seven siete sept sieben sete sette",
        8: "eight ocho huit acht oito otto",
        9: "nine nueve neuf neun nove",
        10: "ten diez dix zehn dez dieci",
        11: "eleven once onze elf undici",
        12: "twelve doce douze zwölf doze dodici",
        20: "twenty veinte vingt zwanzig vinte venti",
    }.items()
    for word in words.split()
}
_PLACES = ("mask", "box", "area", "bounds")
_WORD = re.compile(rf"(?<!\w)({'|'.join(_WORDS)})(?!\w)", re.IGNORECASE)
_CHINESE = {character: number for number, character in enumerate("零一二三四五六七八九十")} | {"两": 2}
_CHINESE_COUNT = re.compile(r"([零二三四五六七八九十两])(?=[个個只张本瓶颗棵把件条つ個匹本枚])")


def unsupported(
    answer: str, known: Iterable[str], found: Iterable[Mapping[str, Any]], handles: Iterable[str]
) -> list[str]:
    """What an answer states that nothing gave, each once, as it stands there.

    Args:
        answer: of the model.
        known: texts whose numbers may be repeated: what tools, the person and earlier answers said.
        found: data of tool results.
        handles: the names that exist.
    """
    supported = {_value(number) for text in known for number in _ANY_NUMBER.findall(text)}
    for data in found:
        supported |= _numbers_in(data)
        counts = [count["n"] for count in data.get("counts", {}).values() if isinstance(count.get("n"), int)]
        supported |= {float(sum(counts))} if counts else set()
    names = set(handles)
    answer = _LISTING.sub(" ", answer)
    stated: list[str] = [name for name in _HANDLE.findall(answer) if name not in names]
    for match in _NUMBER.finditer(answer):
        if not _is_among(supported, match[1], bool(match[2])):
            stated.append(match[0].strip())
    stated += [word for word in _WORD.findall(answer) if float(_WORDS[word.lower()]) not in supported]
    stated += [sign for sign in _CHINESE_COUNT.findall(answer) if float(_CHINESE[sign]) not in supported]
    return list(dict.fromkeys(stated))


def _is_among(supported: set[float], number: str, percent: bool) -> bool:
    """Whether a number as written, rounded to its own digits, is one of those that are known; 0 is none found."""
    digits = re.sub(r"[ '\u202f]", "", number)
    readings = {_value(digits)}
    if re.fullmatch(r"\d{1,3}([.,]\d{3})+", digits):  # thousands, or a fraction with three digits
        readings.add(float(re.sub(r"[.,]", "", digits)))
    places = len(digits.replace(",", ".").partition(".")[2])
    half = 0.5 * 10.0**-places if places or percent else 0.0
    shares = [each * 100 for each in supported] if percent else []
    return any(abs(each - value) <= half + 1e-9 for each in (*supported, *shares) for value in readings)


def _value(digits: str) -> float:
    return float(digits.replace(",", "."))


def _numbers_in(value: Any) -> set[float]:
    """All numbers in data but where things lie; the length of each list is one as well."""
    if isinstance(value, bool):
        return set()
    if isinstance(value, int | float):
        return {float(value)}
    if isinstance(value, Mapping):
        return set().union(*(_numbers_in(each) for name, each in value.items() if name not in _PLACES))
    if isinstance(value, list | tuple):
        return {float(len(value))}.union(*map(_numbers_in, value))
    return set()
