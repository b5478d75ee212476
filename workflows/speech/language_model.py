"""A statistical language model: how likely one word is after others, counted from sentences.

Interpolated absolute discounting (Ney, Essen and Kneser, 1994): a seen word gives a share of its count away, and what a
history gives away goes by the history that is one word shorter. Knows no sounds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

_DISCOUNT = 0.7
_BEGIN, _END = "<s>", "</s>"
_Words = tuple[str, ...]


class LanguageModel:
    """Word sequences up to `order` long, counted from sentences; words that stand in none are worth one in ten million.

    Args:
        sentences: each the words of one.
        order: 3 for a model that looks two words back.
    """

    def __init__(self, sentences: Iterable[Sequence[str]], order: int) -> None:
        self._counts: list[Counter[_Words]] = [Counter() for _ in range(order)]
        for sentence in sentences:
            words = (_BEGIN, *sentence, _END)
            for length, counter in enumerate(self._counts, 1):
                first = 1 if length == 1 else 0  # a sentence's beginning is given, never guessed
                counter.update(words[at : at + length] for at in range(first, len(words) - length + 1))
        self._followed: list[Counter[_Words]] = [Counter() for _ in self._counts]
        self._kinds: list[Counter[_Words]] = [Counter() for _ in self._counts]
        for counter, followed, kinds in zip(self._counts, self._followed, self._kinds, strict=True):
            for words, count in counter.items():
                followed[words[:-1]] += count
                kinds[words[:-1]] += 1

    def words(self) -> frozenset[str]:
        """Every word that it knows."""
        return frozenset(words[0] for words in self._counts[0]) - {_END}

    def score(self, sentence: Sequence[str]) -> float:
        """Natural logarithm of the probability of a sentence."""
        words, order = (_BEGIN, *sentence, _END), len(self._counts)
        return sum(math.log(self._probability(words[max(0, at - order + 1) : at + 1])) for at in range(1, len(words)))

    def arpa(self) -> str:
        """The model as decoders read it: ARPA text, log10."""
        lines = ["\\data\\"]
        lines += [f"ngram {length}={len(counter) + (length == 1)}" for length, counter in enumerate(self._counts, 1)]
        for length, counter in enumerate(self._counts, 1):
            lines += ["", f"\\{length}-grams:"]
            for words in (*([(_BEGIN,)] if length == 1 else []), *counter):
                chance = -99.0 if words == (_BEGIN,) else math.log10(self._probability(words))
                line = f"{chance:.4f}\t{' '.join(words)}"
                left = self._left(words) if length < len(self._counts) else 1.0
                lines.append(line if left == 1.0 else f"{line}\t{math.log10(left):.4f}")
        return "\n".join([*lines, "", "\\end\\", ""])

    def _probability(self, words: _Words) -> float:
        """Of the last of `words` after the others."""
        history, length = words[:-1], len(words)
        if not history:
            return max(self._counts[0][words] / self._followed[0][()], 1e-7)
        shorter = self._probability(words[1:])
        total = self._followed[length - 1][history]
        if not total:
            return shorter
        own = max(self._counts[length - 1][words] - _DISCOUNT, 0.0) / total
        return own + self._left(history) * shorter

    def _left(self, history: _Words) -> float:
        """The share that `history` gives to the history that is one word shorter."""
        total = self._followed[len(history)][history]
        return _DISCOUNT * self._kinds[len(history)][history] / total if total else 1.0
