"""Every row comes out right where models see exactly what is there, and says so where they do not."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from agent_tools.services.base import Services
from agent_tools.services.fakes import COLOURS, FakeDetector, FakeSegmenter
from benchmarks.capabilities import ROWS, Row, run
from workflows.demo_models.scenes import Scene, SceneObject

BLOCKS = {
    "red": ((20, 20, 60, 60), (80, 22, 118, 60), (140, 20, 176, 58)),
    "blue": ((22, 90, 80, 150), (110, 96, 150, 140)),
}


@pytest.fixture
def scene() -> Scene:
    image = np.full((180, 200, 3), 255, np.uint8)
    things = []
    for colour, places in BLOCKS.items():
        for x0, y0, x1, y1 in places:
            image[y0:y1, x0:x1] = COLOURS[colour]
            mask = np.zeros((180, 200), bool)
            mask[y0:y1, x0:x1] = True
            things.append(SceneObject(colour, colour, np.array([x0, y0, x1, y1], np.float32), mask, 1.0))
    return Scene(image, tuple(things), 3)


def exact() -> Services:
    return Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")


@pytest.mark.parametrize("row", ROWS, ids=[each.run.__name__ for each in ROWS])
def test_capability_by_models_that_see_exactly_is_right_and_drawn(row: Row, scene: Scene, tmp_path: Path) -> None:
    (told,) = run(exact(), scene, tmp_path, [row])
    assert told["right"], told
    (path,) = tmp_path.iterdir()
    with Image.open(path) as drawn:
        assert drawn.size[0] == 200


def test_capabilities_by_a_detector_that_finds_nothing_are_not_right(scene: Scene) -> None:
    blind = Services(FakeDetector({"red": [], "red red": [], "blue": []}), FakeSegmenter(), "custom", "fake", "fake")
    told = run(blind, scene, rows=[row for row in ROWS if row.run.__name__ in ("words", "corrected", "memory")])
    assert [each["right"] for each in told] == [False] * 3
