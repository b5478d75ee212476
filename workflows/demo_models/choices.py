"""What a scene holds: which kinds, how many of each, with look-alikes side by side on purpose.

Knows no picture and no layout.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workflows.demo_models.kinds import KINDS, PAINTED, PRODUCE, Kind

Wanted = list[tuple[Kind, int]]
"""Kinds and how many of each."""

LOOK_ALIKES: tuple[tuple[Kind, ...], ...] = (
    (("orange", "orange"), ("lemon", "yellow"), ("peach", "orange")),
    (("orange", "orange"), ("ball", "orange"), ("apple", "yellow"), ("tomato", "red")),
    (("tomato", "red"), ("apple", "red"), ("strawberry", "red"), ("pepper", "red"), ("plum", "purple")),
    (("lime", "green"), ("apple", "green"), ("pear", "green"), ("avocado", "green")),
    (("cucumber", "green"), ("pepper", "green"), ("avocado", "green"), ("lime", "green")),
    (("plum", "purple"), ("eggplant", "purple"), ("onion", "purple")),
    (("potato", "brown"), ("kiwi", "brown"), ("onion", "brown"), ("egg", "brown")),
    (("egg", "white"), ("onion", "white"), ("ball", "white")),
    (("banana", "yellow"), ("lemon", "yellow"), ("pepper", "yellow"), ("pear", "yellow"), ("apple", "yellow")),
    (("carrot", "orange"), ("pepper", "orange"), ("orange", "orange"), ("peach", "orange")),
    (("spoon", "gray"), ("fork", "gray"), ("scissors", "gray"), ("pen", "gray")),
)
"""Kinds that are easily taken for each other."""

SAME_MAKE: tuple[tuple[str, ...], ...] = (
    ("can", "jar", "bottle", "mug"),
    ("box", "book", "bag"),
    ("plate", "bowl"),
    ("phone", "envelope", "book"),
)
"""Things of one shape that come in the same colours."""

MOST = 25
"""Things of one kind at most, but in dense scenes."""


def choose(rng: np.random.Generator, nouns: Sequence[str], most_kinds: int = 5) -> Wanted:
    """Kinds of the nouns given, 1 to `most_kinds`, with their numbers."""
    allowed = [kind for kind in KINDS if kind[0] in nouns]
    number = min(most_kinds, int(rng.choice([1, 2, 3, 4, 5], p=[0.22, 0.3, 0.25, 0.14, 0.09])))
    chance = rng.random()
    noun = str(rng.choice(list(nouns)))
    kinds: list[Kind] = []
    if chance < 0.28 and noun in PAINTED:
        shades = rng.permutation(PAINTED[noun])[: max(2, number)]
        kinds = [(noun, str(shade)) for shade in shades]
    elif chance < 0.55:
        kinds = _alike(rng, allowed, max(2, number))
    while len(kinds) < number:
        noun = str(rng.choice(list(nouns)))
        kind = (noun, PRODUCE[noun][0] if noun in PRODUCE else str(rng.choice(PAINTED[noun])))
        if kind not in kinds:
            kinds.append(kind)
        elif len(allowed) <= len(kinds):
            break
    return [(kind, _number(rng)) for kind in kinds]


def crowd(rng: np.random.Generator, nouns: Sequence[str]) -> Wanted:
    """Many of one kind, for a dense scene."""
    kind, _ = choose(rng, nouns, 1)[0]
    return [(kind, int(rng.integers(50, 84)))]


def _number(rng: np.random.Generator) -> int:
    return 1 + int((MOST - 1) * rng.beta(0.75, 2.3))


def _alike(rng: np.random.Generator, allowed: Sequence[Kind], number: int) -> list[Kind]:
    if rng.random() < 0.35:
        makes = [[noun for noun in make if any(kind[0] == noun for kind in allowed)] for make in SAME_MAKE]
        make = makes[int(rng.integers(len(makes)))]
        colour = str(rng.choice(PAINTED["can"]))
        return [(str(noun), colour) for noun in rng.permutation(make)[:number]]
    group = LOOK_ALIKES[int(rng.integers(len(LOOK_ALIKES)))]
    fitting = [kind for kind in group if kind in allowed]
    return [fitting[index] for index in rng.permutation(len(fitting))[:number]]
