"""What is measured of finding without words, on scenes that can be checked by eye."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from agent_tools.services.base import Proposals, Services
from agent_tools.services.checkpoints import LikenessSettings
from agent_tools.services.fakes import COLOURS, FakeDetector, FakeSegmenter
from workflows.demo_models.evaluate import Product
from workflows.demo_models.scenes import Scene, SceneObject
from workflows.demo_models.wordless_evaluation import evaluate_wordless

REDS = ((10, 10, 40, 40), (70, 12, 100, 42), (20, 46, 48, 74))


def scene(**boxes: tuple[tuple[int, int, int, int], ...]) -> Scene:
    """Blocks of plain colours on white, each called by its colour."""
    image = np.full((80, 120, 3), 255, np.uint8)
    things = []
    for colour, places in boxes.items():
        for x0, y0, x1, y1 in places:
            image[y0:y1, x0:x1] = COLOURS[colour]
            mask = np.zeros((80, 120), bool)
            mask[y0:y1, x0:x1] = True
            things.append(SceneObject("block", colour, np.array([x0, y0, x1, y1], np.float32), mask, 1.0))
    return Scene(image, tuple(things), 3)


def product(detector: Any = None) -> Product:
    services = Services(detector or FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
    return cast(Product, SimpleNamespace(services=services))


def test_wordless_figures_of_exact_services_are_perfect() -> None:
    figures = evaluate_wordless(product(), [scene(red=REDS, blue=((70, 50, 110, 76),))])
    assert (figures["like"], figures["recall"], figures["precision"]) == (2, 1, 1)
    assert (figures["things"], figures["coverage"]) == (4, 1)


class Blurred(FakeDetector):
    """Takes all colours for one, and sees the third red block too small."""

    def propose(self, pictures: Any) -> list[Proposals]:
        (one,) = super().propose(pictures)
        boxes = one.boxes.copy()
        boxes[boxes[:, 1] == 46, 3] = 56
        return [Proposals(boxes, one.scores, np.ones((len(boxes), 1), np.float32))]


def test_wordless_figures_count_what_is_missed_and_what_is_no_such_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    blurred = Blurred()
    blurred.likeness = LikenessSettings(bias=9.0, features=0.0, colour=0.0, size=0.0, score=0.0)  # type: ignore[attr-defined]
    figures = evaluate_wordless(product(blurred), [scene(red=REDS, blue=((60, 50, 90, 76),))], regions=False)
    assert figures["like"] == 2
    assert 0 < figures["precision"] < 1
    assert np.isnan(figures["coverage"])


def test_wordless_figures_of_scenes_without_several_of_a_kind_measure_none() -> None:
    figures = evaluate_wordless(product(), [scene(red=REDS[:1], blue=((60, 50, 90, 76),)), scene()])
    assert figures["like"] == 0
    assert np.isnan(figures["recall"])
    assert figures["coverage"] == 1
