"""What a clause is about: things by name, handles, "them", "this one", and where they are.

"the two biggest red apples in the top row but not m3" becomes one mention (red apple, amount 2, largest, row 1) and
one exclusion (m3). This module does not know which tool is called, nor what the picture holds.
"""

from __future__ import annotations

import re
from dataclasses import replace

from prompts.noun_forms import common_noun, head_end, is_plural, singular_phrase, with_article
from prompts.vocabulary_loader import Meaning, Place, Vocabulary, vocabulary
from workflows.planning.mention import WHEN, Mention, Names, shared
from workflows.planning.patterns import compiled
from workflows.planning.wording import replaced, without_end, without_start

_PICKS = frozenset({"extreme", "ordinal", "certainty"})
_HANDLE = re.compile(r"m\d+")


def read_names(text: str, language: str = "english") -> Names | None:
    """What `text` is about, or None if it does not name things at all."""
    return _Reader(vocabulary(language)).names(text)


class _Reader:
    """Reads names with the words of one language."""

    def __init__(self, entry: Vocabulary) -> None:
        self.language = entry.language
        self.words = entry.words
        self.places = entry.places
        self.lists = {name: frozenset(entries) for name, entries in entry.words.lists.items()}

    def names(self, text: str) -> Names | None:
        text = replaced(text, self.words.name_rewrites)
        text, remaining = self._without_remaining(text)
        text = without_end(without_start(text, self.words.lists["only"]), self.words.lists["too"])
        text, excluded_text, denied = self._parted(text)
        text, more_remaining = self._without_remaining(text)
        mentions = self._joined(text)
        excluded = self._joined(excluded_text) if excluded_text else []
        if mentions is None or excluded is None:
            return None
        if denied:
            excluded = [_as_attribute(mention, denied) for mention in excluded]
        return Names(tuple(mentions), tuple(excluded), remaining or more_remaining)

    # --- parts -------------------------------------------------------------------------------------------

    def _without_remaining(self, text: str) -> tuple[str, bool]:
        words = text.split()
        for length in range(min(4, len(words)), 0, -1):
            start = len(words) - length
            before = words[start - 1] if start else ""
            in_a_place = before in self.lists["the"] | self.lists["at"] | self.lists["links"] - self.lists[
                "copula"
            ] or all(compiled("<side>", self.language).fits(word) for word in (before, words[start]))
            if " ".join(words[start:]) in self.lists["remaining"] and not in_a_place:
                if before in self.lists["copula"]:
                    start -= 1
                return " ".join(words[:start]), True
        return text, False

    def _parted(self, text: str) -> tuple[str, str, str]:
        """What is meant, what is left out, and how a description denies it ("not", "without"), if it does."""
        words = text.split()
        for position, word in enumerate(words):
            if word.startswith("non-"):
                return " ".join([*words[:position], *words[position + 1 :]]), word.removeprefix("non-"), "not"
            for length in (3, 2, 1):
                said = " ".join(words[position : position + length])
                after = words[position + length :]
                if not after:
                    continue
                if said in self.lists["except"]:
                    bare = said == "not" and after[0] not in self.lists["definite"] and after[0] not in self.lists["at"]
                    return " ".join(words[:position]), " ".join(after), "not" if bare else ""
                definite = _HANDLE.fullmatch(after[0]) is not None or after[0] in self.lists["definite"]
                if said == "without" and (position or definite):
                    described = not definite
                    return " ".join(words[:position]), " ".join(after), "without" if described else ""
        return text, "", ""

    def _joined(self, text: str) -> list[Mention] | None:
        """The mentions in `text`, which joins them with "and" or commas."""
        parts: list[list[str]] = [[]]
        for word in text.split():
            if word in self.lists["joins"]:
                parts.append([])
            else:
                parts[-1].append(word)
        read = [self._mention(" ".join(part)) for part in parts if part or len(parts) == 1]
        mentions = [mention for mention in read if mention is not None]
        return shared(mentions, self.lists["worn"]) if len(mentions) == len(read) else None

    # --- one mention -------------------------------------------------------------------------------------

    def _mention(self, text: str) -> Mention | None:
        place: Meaning = {}
        for pattern in self.places.anywhere:
            text = self._take_place(pattern, text, place)
        for nowhere in self.places.nowhere:
            found = compiled(nowhere, self.language).found_in(text)
            if found is not None and found[1].split()[-1:] not in ([link] for link in self.lists["each_one"]):
                text = f"{found[1]} {found[2]}".strip()
        mention = Mention(place=place, known=bool(place.pop("known", False) or WHEN & place.keys()))
        words, mention = self._articles(text.split(), mention, numbers=False)
        words = self._take_leading(words, place)
        if words[:1] == ["of"]:
            words, mention = self._articles(words[1:], replace(mention, known=True))
            mention = replace(mention, one_of=bool(place.keys() & _PICKS) and "amount" not in place)
            words = self._take_leading(words, place)
        number = compiled("<number>", self.language).fits(" ".join(words))
        if (
            number is not None
            and int(number["number"]) > 1
            and {"side", "from"} & place.keys()
            and "side_too" not in place
        ):
            # "the two on the left" are the first two from there.
            side = place.pop("side", None) or place["from"]
            place.update({"from": side, "ordinal": 1, "amount": number["number"]})
            words = []
        words, mention = self._articles(words, mention)
        return self._named(words, mention)

    def _take_place(self, pattern: Place, text: str, place: Meaning) -> str:
        found = compiled(pattern.says, self.language).found_in(text)
        if found is None or any(key in place for key in pattern.means):
            return text
        values, before, after = found
        place.update(_meaning(pattern.means, values))
        return f"{before} {after}".strip()

    def _take_leading(self, words: list[str], place: Meaning) -> list[str]:
        text, before = " ".join(words), None
        while text != before and " ".join(text.split()[:2]) not in self.lists["compounds"]:
            before = text
            for pattern in self.places.leading:
                found = compiled(pattern.says, self.language).begins(text)
                one = found is not None and found[0].get("number") == 1  # "the first one" is no amount
                if found is not None and not one and not any(key in place for key in pattern.means):
                    place.update(_meaning(pattern.means, found[0]))
                    text = found[1]
                    break
        return text.split()

    def _articles(self, words: list[str], mention: Mention, *, numbers: bool = True) -> tuple[list[str], Mention]:
        """Takes articles, "all", "those", numbers and the like off the beginning."""
        while words:
            word, rest = words[0], words[1:]
            alone = not rest or (rest[0] in self.lists["links"] and rest[0] != "of")
            if alone and (word in self.lists["pronouns"] or " ".join(words) in self.lists["everything"]):
                break
            if word in self.lists["all_of"]:
                mention = replace(mention, everything=word == "all", plural=True, definite=False)
            elif word in self.lists["definite"]:
                mention = replace(mention, definite=True)
            elif word in self.lists["known"]:
                mention = replace(mention, known=True, definite=True, plural=word != "it")
            elif word in self.lists["pointing"]:
                mention = replace(mention, pointing=True, definite=True)
            elif word in self.lists["indefinite"]:
                mention = replace(mention, counted_as_one=True)
            elif numbers and rest and (word.isdigit() or compiled("<number>", self.language).fits(word)):
                mention = replace(mention, plural=True)
            elif word == "of" and rest:
                mention = replace(mention, known=True, one_of=mention.counted_as_one)
            else:
                break
            words = rest
        return words, mention

    def _named(self, words: list[str], mention: Mention) -> Mention | None:
        """The mention named by `words`, which hold neither articles nor places any more."""
        handles = tuple(word for word in words if _HANDLE.fullmatch(word))
        if handles and set(words) & (self.lists["copula"] | self.lists["like"]):
            return None
        if handles:
            return replace(mention, handles=handles)
        if len(words) > 1 and words[-1] in self.lists["nearby"]:
            mention = replace(mention, pointing=not is_plural(words[-2], self.language))
            words = words[:-1]
        words, predicate = self._predicate(words)
        if len(words) > 1 and words[0] in self.lists["vague"] and self._only_adjectives(words[1:]):
            words, predicate = words[:1], words[1:]
        text = " ".join(words)
        if text in self.lists["others"]:
            return replace(mention, others=True, plural=True)
        if (text in self.lists["everything"] or (not words and mention.everything)) and not predicate:
            return replace(mention, everything=True, plural=True)
        mention = replace(mention, everything=mention.everything and words == ["them"])
        if not words and not predicate:
            singular_pick = mention.place.keys() & _PICKS and "amount" not in mention.place
            return replace(mention, plural=not singular_pick)
        end = head_end(words, self.language)
        described = words[end:] if words else []
        if words and self._describes(words):
            end, described = 0, words
        head = words[:end]
        return self._headed(head, described, predicate, mention)

    def _describes(self, words: list[str]) -> bool:
        """Whether the words describe without naming: "wearing a hat"; not "parked cars"."""
        if words[0] not in self.lists["links"] or words[0] in self.lists["pronouns"]:
            return False
        follows = self.lists["links"] | self.lists["definite"] | self.lists["indefinite"]
        return words[0] not in self.lists["participles"] or len(words) == 1 or words[1] in follows

    def _headed(self, head: list[str], described: list[str], predicate: list[str], mention: Mention) -> Mention | None:
        noun = head[-1] if head else ""
        if {*head, *described, *predicate} & self.lists["not_things"] or len(head) > 5 or len(described) > 9:
            return None
        if set(head[:-1]) & (self.lists["definite"] | self.lists["indefinite"] | self.lists["pointing"]):
            return None
        if predicate and predicate[0] in self.lists["links"]:
            described = [*described, *predicate]
        else:
            head = [*predicate, *head]
        if predicate and head[: len(predicate)] == predicate and self._names(predicate, noun):
            head = [word for word in predicate if word not in self.lists["indefinite"]]
            noun, mention = head[-1], replace(mention, known=True)
        head = [common_noun(word, self.language) for word in head]
        noun = head[-1] if head else ""
        colour, plain = self._coloured(head)
        if noun in self.lists["pronouns"] or noun in self.lists["generic"] or not noun or self._only_adjectives(head):
            return self._unnamed(plain, noun, colour, described, mention)
        if not any(letter.isalpha() for letter in noun):
            return None
        phrase = singular_phrase(" ".join([*head, *described]), self.language)
        many = (is_plural(noun, self.language) or mention.plural) and not mention.one_of
        uncounted = noun in self.lists["stuff"]
        one = not many and not uncounted and (mention.counted_as_one or mention.definite)
        return replace(
            mention,
            phrase=phrase,
            plain=singular_phrase(" ".join([*plain, *described]), self.language),
            colour=colour,
            plural=many,
            counted_as_one=one,
        )

    def _names(self, predicate: list[str], noun: str) -> bool:
        """Whether "them are lemons", "ones are a lemon" says what they are rather than how."""
        unnamed = not noun or noun in self.lists["pronouns"] or noun in self.lists["generic"]
        article = len(predicate) > 1 and predicate[0] in self.lists["indefinite"]
        return unnamed and (article or is_plural(predicate[-1], self.language))

    def _unnamed(
        self,
        plain: list[str],
        noun: str,
        colour: str | None,
        described: list[str],
        mention: Mention,
    ) -> Mention | None:
        adjectives = [word for word in plain if word != noun and word not in self.lists["shades"]]
        place = dict(mention.place)
        if set(adjectives) & self.lists["sizes"]:
            place["unsupported"], adjectives = "size", []
        attribute = None
        if described or adjectives:
            with_one = singular_phrase(" ".join(["things", *described]), self.language).split()[1:]
            attribute = " ".join([*adjectives, "*", *with_one])
        picked = bool(place.keys() & _PICKS)
        single = noun in self.lists["single"] or (not noun and picked)
        return replace(
            mention,
            colour=colour,
            attribute=attribute,
            place=place,
            plural=not single,
            pronoun=noun in self.lists["pronouns"],
            generic=noun in self.lists["generic"],
            known=mention.known or noun in self.lists["known"],
            pointing=mention.pointing or (noun in self.lists["here"]),
        )

    def _predicate(self, words: list[str]) -> tuple[list[str], list[str]]:
        """Words before and after "are": "apples are red" → apples, red."""
        for position, word in enumerate(words):
            if word in self.lists["copula"]:
                return words[:position], [w for w in words[position + 1 :] if w not in self.lists["copula"]]
        return words, []

    def _coloured(self, head: list[str]) -> tuple[str | None, list[str]]:
        """The colour among the words before the noun, as `where` names it, and the words without it."""
        for position, word in enumerate(head):
            value = compiled("<colour>", self.language).fits(word)
            names_the_thing = position == len(head) - 1 and not self._only_adjectives(head)
            if value is None or names_the_thing:
                continue
            plain = [w for w in head[:position] if w not in self.lists["shades"]] + head[position + 1 :]
            return str(value["colour"]), plain
        return None, head

    def _only_adjectives(self, head: list[str]) -> bool:
        """Whether the words describe without naming: "red", "small dark"; a lone "orange" is the fruit."""
        if not head or head == ["orange"]:
            return False
        return all(
            compiled("<colour>", self.language).fits(word) or word in self.lists["sizes"] | self.lists["shades"]
            for word in head
        )


def _meaning(means: Meaning, values: dict[str, str | int]) -> Meaning:
    """`means` with its slots filled in; "-<row>" counts from the other end."""
    filled: Meaning = {}
    for key, said in means.items():
        slot = re.fullmatch(r"(-?)<(\w+)>", str(said))
        if slot is None:
            filled[key] = said
        else:
            value = values[slot.group(2)]
            filled[key] = -int(value) if slot.group(1) else float(value) if slot.group(2) == "decimal" else value
    return filled


def _as_attribute(mention: Mention, denied: str) -> Mention:
    """What a description denies: "not ripe", "without a hat"."""
    if mention.phrase is None or mention.definite:
        return mention
    if denied == "without":
        had = with_article(mention.phrase) if mention.plural or mention.counted_as_one else mention.phrase
        return replace(mention, phrase=None, plain=None, colour=None, attribute=f"* with {had}")
    if mention.plural or mention.counted_as_one:
        return mention
    return replace(mention, phrase=None, plain=None, colour=None, attribute=f"{mention.phrase} *")
