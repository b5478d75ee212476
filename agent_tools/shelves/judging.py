"""How likely each thing on a shelf is each product: what the detector says, what its neighbours are, and examples.

A thing is one product or none, so that its chances are a softmax over the products and "none of them". Four things
speak for a product: the detector's own certainty of its words; that of things which look the same on this picture,
since facings of a product stand side by side and one doubtful bottle among eight sure ones is a bottle; that something
is there at all; and, where a product has examples, how much the thing looks like the likest of them. Examples beat
words: with them, words count less than half.

The weights were fitted by `python -m workflows.demo_models.shelf_calibration` on rendered shelves of validation seeds;
certainties are chances (`agent_tools.certainty`) and not scores, so that they carry over to other detectors. This
module does not know pictures, phrases or rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent_tools.shelves.appearance import ALIKE, Appearance, compared

WORDS = ("own", "neighbours", "anything", "company")
"""What words give for a thing and a product; `evidence` in this order."""
UNSEEN = 0.02
"""Chance of a product for a thing that the detector gave no score for it."""
NOT_THIS = 3.0
"""What speaks against a product of which the likest example is one that a person took away from it."""
_NEAR = (0.25, 1.2, 0.25, 0.35)
"""Differences of histogram, tint, size and shape at which a thing is no longer quite like another one."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each kind of evidence counts.

    Attributes:
        words: of `WORDS`.
        looks: of `appearance.COMPARED`.
        bias: of being the product rather than nothing.
    """

    words: tuple[float, ...]
    looks: tuple[float, ...]
    bias: float


BY_WORDS = Weights((0.6, 0.6, 0.36, 1.09), (0.0,) * 7, 0.47)
BY_EXAMPLE = Weights((0.32, 0.38, 0.57, 0.02), (4.32, 7.25, 1.77, -0.66, 0.15, 0.12, -6.35), -4.83)


@dataclass(frozen=True, slots=True)
class Examples:
    """What the products look like.

    Attributes:
        looks: of M >= 1 examples.
        products: (M,) int64, the product that each is of.
        belong: (M,) bool, False where it was taken for that product and is not.
    """

    looks: Appearance
    products: NDArray[np.int64]
    belong: NDArray[np.bool_]


def evidence(chances: Floats, things: Appearance) -> Floats:
    """What words say, (N, P, 4) in the order of `WORDS`.

    Args:
        chances: (N, P) in [0, 1], that a thing is a product, by its own score; 0 where there is none.
        things: what the N look like.
    """
    own = _log_odds(np.where(chances > 0, chances, UNSEEN))
    apart = compared(things, things)
    sizes = np.abs(things.size[:, None] - things.size[None])
    histogram, tint, size, shape = _NEAR
    far = ((1 - apart[..., 2]) / histogram) ** 2 + (apart[..., 3] / tint) ** 2
    far += (sizes / size) ** 2 + (apart[..., 6] / shape) ** 2
    weight = np.exp(-far / 2)
    np.fill_diagonal(weight, 0.0)
    company = weight.sum(axis=1, keepdims=True)
    neighbours = weight @ np.clip(own, -3, 3) / (company + 0.5)
    anything = np.clip(own.max(axis=1, keepdims=True), -4, 4) if own.shape[1] else np.zeros((len(own), 1))
    return np.stack(np.broadcast_arrays(own, neighbours, anything, np.log1p(company)), axis=2)


def likenesses(things: Appearance, examples: Examples, products: int) -> tuple[Floats, NDArray[np.bool_]]:
    """How like its likest example each thing is to each product.

    Returns:
        (N, P, 7), each measure on its own, 0 for products without examples; and (N, P) bool, whether the likest example
        of a product is one that does not belong to it, and is like it at all.
    """
    apart = compared(things, examples.looks).astype(np.float64)
    best = np.zeros((len(things.size), products, apart.shape[2]))
    against = np.zeros((len(things.size), products), bool)
    total = apart @ np.array(BY_EXAMPLE.looks)
    for product in range(products):
        mine = examples.products == product
        yes, no = mine & examples.belong, mine & ~examples.belong
        if yes.any():
            best[:, product, :ALIKE] = apart[:, yes, :ALIKE].max(axis=1)
            best[:, product, ALIKE:] = apart[:, yes, ALIKE:].min(axis=1)
        if no.any():
            # Where none belongs, what looks enough like it to be taken for it by looks alone.
            rival = total[:, yes].max(axis=1) if yes.any() else np.full(len(total), -BY_EXAMPLE.bias)
            against[:, product] = total[:, no].max(axis=1) > rival
    return best, against


def judged(
    words: Floats,
    things: Appearance,
    examples: Examples | None,
    possible: NDArray[np.bool_] | None = None,
    rivals: NDArray[np.bool_] | None = None,
) -> Floats:
    """The chance of each thing to be each product, (N, P); what is left to one is the chance of none of them.

    Args:
        words: (N, P, 4) from `evidence`.
        things: what the N look like.
        examples: of some or all of the P products; None: of none.
        possible: (N, P), what each thing can be; None: anything.
        rivals: (P, P), which two products a thing cannot be both of; None: any two.
    """
    products = words.shape[1]
    odds = words @ np.array(BY_WORDS.words) + BY_WORDS.bias
    if examples is not None:
        looks, against = likenesses(things, examples, products)
        shown = np.isin(np.arange(products), examples.products[examples.belong])
        by_example = words @ np.array(BY_EXAMPLE.words) + looks @ np.array(BY_EXAMPLE.looks) + BY_EXAMPLE.bias
        odds = np.where(shown[None], by_example, odds) - NOT_THIS * against
    return softmax(odds if possible is None else np.where(possible, odds, -np.inf), rivals)


def softmax(odds: Floats, rivals: NDArray[np.bool_] | None = None) -> Floats:
    """(N, P) log-odds against "none of them", whose own are 0, as chances (N, P); see `judged` for `rivals`."""
    top = np.maximum(odds.max(axis=1, keepdims=True, initial=0.0), 0.0)
    raised = np.exp(odds - top)
    return np.asarray(raised / (together(raised, rivals) + np.exp(-top)), np.float64)


def together(chances: Floats, rivals: NDArray[np.bool_] | None) -> Floats:
    """Each product's own and its rivals' of (N, P), added up, (N, P)."""
    products = chances.shape[1]
    group = np.ones((products, products)) if rivals is None else (rivals | np.eye(products, dtype=bool)).astype(float)
    return np.asarray(chances @ group.T, np.float64)


def counted_as(chances: Floats, rivals: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """The products that each thing is counted as, (N, P): likelier than any rival, and than to be nothing."""
    products = chances.shape[1]
    against = ~np.eye(products, dtype=bool) if rivals is None else rivals
    best = np.ones(chances.shape, bool)
    for product in range(products):
        mine, before = chances[:, product], against[product] & (np.arange(products) < product)
        # Of two that are as likely, the first.
        best[:, product] = mine > np.where(before, chances, -1.0).max(axis=1, initial=-1.0)
        best[:, product] &= mine >= np.where(against[product], chances, -1.0).max(axis=1, initial=-1.0)
    return np.asarray(best & (chances > 1 - together(chances, rivals)), bool)


def product_chances(scores: Floats, pairs: Iterable[tuple[int, int]], products: int) -> Floats:
    """The best of each product's phrases, (N, P), from (N, phrases) and pairs of a phrase and a product it is of."""
    best = np.zeros((len(scores), products))
    for phrase, product in pairs:
        best[:, product] = np.maximum(best[:, product], scores[:, phrase])
    return best


def _log_odds(chance: Floats) -> Floats:
    inside = np.clip(chance, 0.01, 0.99)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)
