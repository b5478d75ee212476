"""What is measured of clicks and scribbles, on scenes that can be checked by eye."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from agent_tools.services.base import Prompt, SegmentRequest, Services
from agent_tools.services.fakes import COLOURS, FakeDetector, FakeSegmenter
from workflows.demo_models.evaluate import Product
from workflows.demo_models.prompt_evaluation import evaluate_prompts, scribble
from workflows.demo_models.scenes import Scene, SceneObject


def scene(*boxes: tuple[int, int, int, int]) -> Scene:
    """Red blocks, all called "red", on white."""
    image = np.full((80, 120, 3), 255, np.uint8)
    things = []
    for x0, y0, x1, y1 in boxes:
        image[y0:y1, x0:x1] = COLOURS["red"]
        mask = np.zeros((80, 120), bool)
        mask[y0:y1, x0:x1] = True
        things.append(SceneObject("red", "red", np.array([x0, y0, x1, y1], np.float32), mask, 1.0))
    return Scene(image, tuple(things), 3)


def product(answers: Any = None) -> Product:
    services = Services(FakeDetector(answers), FakeSegmenter(), "custom", "fake", "fake")
    return cast(Product, SimpleNamespace(services=services))


def test_scribble_lies_on_a_thing_and_along_it() -> None:
    mask = np.zeros((80, 120), bool)
    mask[10:20, 10:110] = mask[20:60, 50:60] = True
    stroke = scribble(mask)
    assert all(mask[int(y), int(x)] for x, y in stroke)
    assert max(x for x, _ in stroke) - min(x for x, _ in stroke) > 50
    single = np.zeros((8, 8), bool)
    single[3, 5] = True
    assert set(scribble(single)) == {(5, 3)}


def test_evaluate_prompts_of_exact_services_is_perfect_where_a_click_tells_which_is_meant() -> None:
    figures = evaluate_prompts(product(), [scene((10, 10, 40, 40), (70, 20, 100, 60))])
    assert figures == {
        "asked": 2, "wrong": 0.5, "corrected": 1, "click": 1, "scribble": 1, "scribble_background": 1,
    }  # fmt: skip


def test_evaluate_prompts_counts_a_correction_that_does_not_help() -> None:
    class Stuck(FakeSegmenter):
        """Cuts out the first block, whatever is asked."""

        def segment(self, requests: Any) -> Any:
            first = Prompt(box=np.array([10, 10, 40, 40], np.float32))
            return super().segment([SegmentRequest(one.picture, [first] * len(one.prompts)) for one in requests])

    stuck = product()
    stuck.services.segmenter = Stuck()
    figures = evaluate_prompts(stuck, [scene((10, 10, 40, 40), (70, 20, 100, 60))])
    assert (figures["wrong"], figures["corrected"], figures["click"]) == (0.5, 0, 0.5)


def test_evaluate_prompts_without_things_measures_nothing() -> None:
    assert np.isnan(evaluate_prompts(product(), [scene()])["click"])


@pytest.mark.parametrize("kind", ["scribble", "scribble_background"])
def test_evaluate_prompts_skips_words_that_find_nothing(kind: str) -> None:
    figures = evaluate_prompts(product({"red": []}), [scene((10, 10, 40, 40))])
    assert (figures["asked"], figures[kind]) == (0, 1)
