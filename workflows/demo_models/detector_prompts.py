"""What the demo detector is asked: its vocabulary, its prompts and which objects answer each phrase.

A prompt is a handful of phrases as Grounding DINO reads them, `red apple. orange.`; every word of the
vocabulary is one token, every other word is `[UNK]`. Knows no picture and no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import BertTokenizer

from workflows.demo_models.scenes import COLOURS, KINDS, NOUNS, PAINTED, PRODUCE

PAD, UNKNOWN, START, END, STOP = 0, 100, 101, 102, 1012
"""Token ids that Grounding DINO has hard-coded (BERT's own)."""

UNKNOWN_WORD = "[UNK]"
WORDS: tuple[str, ...] = tuple(dict.fromkeys((*NOUNS, *COLOURS, "grey")))
FIRST_WORD = 1030
TOKENS: dict[str, int] = {word: FIRST_WORD + index for index, word in enumerate(WORDS)}
VOCABULARY_SIZE = FIRST_WORD + len(WORDS)
MAX_PHRASES = 6


def build_tokenizer(folder: Path) -> BertTokenizer:
    """A BERT tokenizer of the small vocabulary, its special words at the ids that the model expects."""
    words = [f"[unused{index}]" for index in range(VOCABULARY_SIZE)]
    for word, index in {"[PAD]": PAD, UNKNOWN_WORD: UNKNOWN, "[CLS]": START, "[SEP]": END, "[MASK]": 103}.items():
        words[index] = word
    words[STOP], words[1029] = ".", "?"
    for word, index in TOKENS.items():
        words[index] = word
    path = folder / "vocab.txt"
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return BertTokenizer(str(path), do_lower_case=True)


def phrase_of(noun: str, colour: str | None) -> str:
    """`red apple`, `apple`; an orange orange is an `orange`."""
    return noun if colour is None or colour == noun else f"{colour} {noun}"


def answers(phrase: str, kind: tuple[str, str]) -> bool:
    """Whether a thing of a kind is what the phrase asks for."""
    noun, colour = kind
    *attributes, name = phrase.replace("grey", "gray").split()
    return name == noun and all(word == colour for word in attributes)


@dataclass(frozen=True)
class Prompt:
    """Phrases in token form.

    Attributes:
        phrases: What is asked, singular.
        ids: Token ids, special ones included.
        spans: For each phrase the positions of its words, first and one past the last.
    """

    phrases: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, phrases: Sequence[str]) -> Prompt:
        """The prompt of some phrases, each closed by a full stop."""
        ids, spans = [START], []
        for phrase in phrases:
            words = [TOKENS.get(word, UNKNOWN) for word in phrase.split()]
            spans.append((len(ids), len(ids) + len(words)))
            ids += [*words, STOP]
        return cls(tuple(phrases), (*ids, END), tuple(spans))

    def targets(self, kinds: Sequence[int]) -> NDArray[np.bool_]:
        """(things, tokens): true on every word of each phrase that a thing answers in full."""
        marks = np.zeros((len(kinds), len(self.ids)), bool)
        for (start, stop), phrase in zip(self.spans, self.phrases, strict=True):
            for row, kind in enumerate(kinds):
                marks[row, start:stop] |= answers(phrase, KINDS[kind])
        return marks


def draw_prompt(kinds: Sequence[int], rng: np.random.Generator, number: int | None = None) -> Prompt:
    """Phrases for a picture that holds `kinds`: about two thirds there, the rest near misses and strangers.

    Args:
        kinds: What is in the picture, indices into `KINDS`.
        rng: Draws them.
        number: Of phrases; None: few, mostly one, as people ask.
    """
    present = sorted(set(kinds))
    if number is None:
        number = int(rng.choice(np.arange(1, MAX_PHRASES + 1), p=[0.5, 0.2, 0.12, 0.09, 0.05, 0.04]))
    phrases: list[str] = []
    for _ in range(3 * number):
        there = present and rng.random() < 0.68
        phrase = _present(present, rng) if there else _absent(present, rng)
        if phrase not in phrases:
            phrases.append(phrase.replace("gray", "grey") if rng.random() < 0.2 else phrase)
        if len(phrases) == number:
            break
    return Prompt.of(phrases)


def _present(present: Sequence[int], rng: np.random.Generator) -> str:
    noun, colour = KINDS[int(rng.choice(present))]
    return phrase_of(noun, None if rng.random() < (0.25 if noun in PAINTED else 0.45) else colour)


def _absent(present: Sequence[int], rng: np.random.Generator) -> str:
    chance = rng.random()
    if chance < 0.12 or not present:
        colour = str(rng.choice(list(COLOURS)))
        return UNKNOWN_WORD if rng.random() < 0.5 else f"{colour} {UNKNOWN_WORD}"
    noun, colour = KINDS[int(rng.choice(present))]
    if chance < 0.5:
        others = PAINTED.get(noun, tuple(COLOURS))
        return (
            f"{rng.choice(others)!s} {noun}" if noun != "orange" else phrase_of(*KINDS[int(rng.integers(len(KINDS)))])
        )
    if chance < 0.7:
        alike = [other for other, shades in PAINTED.items() if colour in shades]
        alike += [other for other, (shade, _) in PRODUCE.items() if shade == colour]
        return phrase_of(str(rng.choice(alike)), colour)
    return phrase_of(*KINDS[int(rng.integers(len(KINDS)))])
