"""How sure a count is: the one rule that turns candidates' scores into low, high and what a person should look at.

A candidate of score s is a real thing with a chance p(s). Where the detector brings a measured curve
(``precision_curve``: rising (score, share of such candidates that are real) pairs), p is read from it. Where it brings
none, p(s) is 1/2 at the threshold, where a hit begins, and follows the logistic of the score's log-odds from there.

The number of real things among all candidates is then a sum of independent yes-or-no draws (Poisson's binomial
distribution). `low` and `high` are its 5 % and 95 % points, widened where needed to include the count itself. Hits that
are likely to be wrong lower `low`, near misses that are likely to be right raise `high`. What the detector gave no
candidate for is in neither; `saturated` says where that must be feared.

This module does not know phrases, boxes, pictures or handles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agent_tools.services.base import Detector

STEEPNESS = 2.0
"""How fast chance rises with the log-odds of the score where no curve is known: 0.3 to 0.5 goes from 50 % to 85 %."""
DOUBTFUL = 0.75
"""A counted thing with a smaller chance than this is borderline: a person should look at it (`review`)."""
TAIL = 0.05
"""Share of the distribution left out below `low`, and as much above `high`."""


def chances(scores: NDArray[np.float32], detector: Detector) -> NDArray[np.float64]:
    """The chance that each candidate is real, (N,) float64 in [0, 1], from its score, (N,) float32 in [0, 1]."""
    known = np.asarray(scores, np.float64)
    curve = np.asarray(getattr(detector, "precision_curve", None) or np.zeros((0, 2)), np.float64).reshape(-1, 2)
    if len(curve) >= 2:
        found = np.interp(known, curve[:, 0], curve[:, 1])
    else:
        found = 1 / (1 + np.exp(-STEEPNESS * (_log_odds(known) - _log_odds(np.array(detector.threshold)))))
    return np.asarray(np.clip(found, 0.0, 1.0), np.float64)


def bounds(counted: ArrayLike, missed: ArrayLike) -> tuple[int, int]:
    """`low` and `high` of a count.

    Args:
        counted: (N,) chances of the things counted, in [0, 1].
        missed: (M,) chances of the candidates that were not.
    """
    hits, others = np.asarray(counted, np.float64).reshape(-1), np.asarray(missed, np.float64).reshape(-1)
    total = np.cumsum(counted_with(np.concatenate([hits, others])))
    low, high = int(np.searchsorted(total, TAIL)), int(np.searchsorted(total, 1 - TAIL - 1e-12))
    return min(low, len(hits)), max(high, len(hits))


def counted_with(chances: ArrayLike) -> NDArray[np.float64]:
    """The chance of each number of real things, 0 to N, (N + 1,), among candidates with chances (N,)."""
    spread = np.ones(1)
    for chance in np.asarray(chances, np.float64).reshape(-1):
        spread = np.convolve(spread, [1 - chance, chance])
    return spread


def _log_odds(score: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(score, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)
