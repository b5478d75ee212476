"""Phrases as a text-conditioned detector reads them: cleaned, told apart, packed into prompts, and back again.

Every label that leaves a detector is one of the phrases asked for, because a token never decides it: each phrase owns a
span of the prompt, laid out here. This module does not know pictures, boxes or torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent_tools.errors import ToolInputError, shorten

# Full stops and question marks end a phrase for Grounding DINO, and square brackets would spell its special tokens.
_FOREIGN = re.compile(r"[^\w\s'&+-]")
_RELATION = re.compile(
    "above|against|around|at|behind|below|beside|between|by|for|from|in|inside|into|near|next|of|off|on|onto|outside|"
    "over|that|to|under|underneath|which|who|with|without"
)


def clean_phrase(phrase: str) -> str:
    """`phrase` in lower case, without punctuation, single-spaced; may come out empty."""
    return " ".join(_FOREIGN.sub(" ", phrase.lower()).split())


@dataclass(frozen=True, slots=True)
class PromptPass:
    """One prompt and where each phrase lies in it.

    Attributes:
        token_ids: the whole prompt: start, phrases each closed by a full stop, end.
        spans: for each phrase, its [start, stop) among the tokens, full stop excluded.
        phrases: for each phrase, its index among the phrases given to `pack`.
    """

    token_ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    phrases: tuple[int, ...]


def pack(
    phrase_tokens: Sequence[tuple[str, Sequence[int]]], start: int, stop: int, end: int, max_tokens: int
) -> list[PromptPass]:
    """Lay phrases out in as few prompts as hold them, in order.

    Args:
        phrase_tokens: (phrase, its token ids without special tokens), each with one token or more.
        start: id of the token that begins a prompt ([CLS]).
        stop: id of the token that closes a phrase (full stop).
        end: id of the token that ends a prompt ([SEP]).
        max_tokens: tokens a prompt may have.

    Raises:
        ToolInputError: one phrase alone does not fit.
    """
    passes: list[PromptPass] = []
    ids: list[int] = [start]
    spans: list[tuple[int, int]] = []
    members: list[int] = []
    for index, (phrase, tokens) in enumerate(phrase_tokens):
        if len(tokens) + 3 > max_tokens:
            raise ToolInputError(
                f"phrase={shorten(phrase)} has {len(tokens)} tokens: expected at most {max_tokens - 3}. Shorten it."
            )
        if len(ids) + len(tokens) + 2 > max_tokens:
            passes.append(PromptPass((*ids, end), tuple(spans), tuple(members)))
            ids, spans, members = [start], [], []
        spans.append((len(ids), len(ids) + len(tokens)))
        members.append(index)
        ids += [*tokens, stop]
    if members:
        passes.append(PromptPass((*ids, end), tuple(spans), tuple(members)))
    return passes


def narrows(narrow: str, wide: str) -> bool:
    """Whether everything called `narrow` is also called `wide`, as "red apple" and "person in red" narrow their nouns.

    Both must have the same head noun (the last word before the first relation: in English "apple juice" is a juice),
    and `narrow` must have every word of `wide`. A phrase does not narrow itself.
    """
    return narrow != wide and _head(narrow) == _head(wide) and set(wide.split()) < set(narrow.split())


def description_start(words: Sequence[str]) -> int:
    """Index of the word that begins a description ("box | of cereal", "person | wearing a hat"); else their number."""
    for index, word in enumerate(words):
        if index and (_RELATION.fullmatch(word) or (word.endswith("ing") and index < len(words) - 1)):
            return index
    return len(words)


def _head(phrase: str) -> str:
    words = phrase.split()
    return words[description_start(words) - 1] if words else ""
