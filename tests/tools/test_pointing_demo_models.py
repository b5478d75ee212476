"""Pointing with the bundled models, on a rendered scene whose truth is known."""

from collections.abc import Iterator

import numpy as np
import pytest

from agent_tools import Mask, Memory, VisionToolkit, load_services
from agent_tools.masks import mask_iou
from agent_tools.services.base import Services
from workflows.demo_models.mask_prompts import first_click
from workflows.demo_models.plain.scenes import render_plain_scene
from workflows.demo_models.prompt_evaluation import scribble
from workflows.demo_models.scenes import EVALUATION_SEEDS, Scene, SceneObject


@pytest.fixture(scope="module")
def services() -> Services:
    return load_services("demo")


@pytest.fixture(scope="module")
def scene() -> Scene:
    return render_plain_scene(EVALUATION_SEEDS + 2, 320, 240)


@pytest.fixture
def toolkit(services: Services, scene: Scene) -> Iterator[VisionToolkit]:
    with Memory.temporary() as memory:
        toolkit = VisionToolkit(services=services, memory=memory)
        toolkit.open_picture(scene.image)
        yield toolkit


def largest(scene: Scene) -> list[SceneObject]:
    return sorted(scene.objects, key=lambda thing: -int(thing.mask.sum()))


def iou(toolkit: VisionToolkit, handle: str, thing: SceneObject) -> float:
    mask = toolkit.state.objects[handle].mask
    assert mask is not None
    return float(mask_iou([mask], [Mask.from_array(thing.mask)])[0, 0])


def test_click_on_a_rendered_thing_has_three_masks_to_switch_between(toolkit: VisionToolkit, scene: Scene) -> None:
    x, y, _ = first_click(largest(scene)[0].mask)
    toolkit.call("segment", {"gestures": [toolkit.gesture(None, "point", [x, y])]})
    clicked = toolkit.state.objects["m1"]
    assert len(clicked.alternatives) == 3
    assert all(0 <= each.predicted_iou <= 1 and 0 <= each.stability <= 1 for each in clicked.alternatives)
    toolkit.call("switch_mask", {"to": "whole"})
    whole = toolkit.state.objects["m1"].area
    toolkit.call("switch_mask", {"to": "part"})
    assert toolkit.state.objects["m1"].area <= clicked.area <= whole


def test_scribbles_cut_out_rendered_things(toolkit: VisionToolkit, scene: Scene) -> None:
    things = largest(scene)[:4]
    names = [toolkit.gesture(None, "stroke", scribble(thing.mask)) for thing in things]
    toolkit.call("segment", {"gestures": names})
    assert np.mean([iou(toolkit, f"m{place}", thing) for place, thing in enumerate(things, 1)]) > 0.6


def test_background_box_is_left_out_of_a_rendered_thing(toolkit: VisionToolkit, scene: Scene) -> None:
    thing = largest(scene)[0]
    x, y, _ = first_click(thing.mask)
    right = [x + 4, 0, 320, 240]
    names = [toolkit.gesture(None, "point", [x, y]), toolkit.gesture(None, "box", right, include=False)]
    toolkit.call("segment", {"gestures": names})
    assert toolkit.state.objects["m1"].box[2] <= np.ceil(x + 4)


def test_click_moves_a_handle_from_one_rendered_thing_to_another(toolkit: VisionToolkit, scene: Scene) -> None:
    wrong, right = largest(scene)[:2]
    toolkit.call("segment", {"gestures": [toolkit.gesture(None, "box", wrong.box)]})
    x, y, _ = first_click(right.mask)
    text = toolkit.call("refine_with_point", {"handle": "m1", "point": [x, y]}).text
    assert "is now what is at" in text
    assert iou(toolkit, "m1", right) > 0.5
    assert iou(toolkit, "m1", wrong) < 0.1
