"""The range of a count."""

import numpy as np
import pytest

from agent_tools.certainty import DOUBTFUL, bounds, chances
from agent_tools.services.fakes import FakeDetector


def test_chances_without_a_curve_are_even_at_the_threshold_and_rise() -> None:
    found = chances(np.array([0.1, 0.3, 0.5, 0.9], np.float32), FakeDetector(threshold=0.3))
    assert found[1] == pytest.approx(0.5)
    assert (np.diff(found) > 0).all()
    assert found[0] < 0.1 < DOUBTFUL < found[2]


def test_chances_with_a_measured_curve_are_read_from_it() -> None:
    detector = FakeDetector()
    detector.precision_curve = ((0.2, 0.0), (0.4, 0.5), (0.8, 1.0))  # type: ignore[attr-defined]
    assert chances(np.array([0.1, 0.3, 0.6, 0.9], np.float32), detector) == pytest.approx([0, 0.25, 0.75, 1])


def test_chances_at_the_ends_of_the_scale_are_finite() -> None:
    assert np.isfinite(chances(np.array([0.0, 1.0], np.float32), FakeDetector(threshold=0.0))).all()


@pytest.mark.parametrize(
    ("counted", "missed", "expected"),
    [
        ([], [], (0, 0)),
        ([1.0] * 5, [], (5, 5)),
        ([0.99] * 5, [0.01] * 5, (5, 5)),
        ([1.0] * 5, [0.5], (5, 6)),
        ([1.0] * 4 + [0.5], [], (4, 5)),
        ([0.3] * 10, [], (1, 10)),
        ([], [0.2] * 10, (0, 4)),
    ],
)
def test_bounds_hold_what_is_likely_and_the_count_itself(
    counted: list[float], missed: list[float], expected: tuple[int, int]
) -> None:
    assert bounds(counted, missed) == expected


def test_bounds_hold_the_truth_in_nine_cases_of_ten() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        chance = rng.uniform(0, 1, 20)
        counted, missed = chance[chance >= 0.5], chance[chance < 0.5]
        low, high = bounds(counted, missed)
        held += low <= (rng.uniform(0, 1, 20) < chance).sum() <= high
    assert held >= 360
