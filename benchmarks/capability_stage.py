"""A conversation about one scene of known truth, and what a hand may do in it.

This module does not know which capabilities there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from agent_tools import Mask, Memory, Picture, VisionToolkit
from agent_tools.drawing import draw
from agent_tools.masks import Boxes, box_iou, mask_iou
from agent_tools.memory import ObjectVersion
from agent_tools.services.base import Services
from workflows.commands.demo import commonest
from workflows.demo_models.mask_prompts import first_click
from workflows.demo_models.prompt_evaluation import nearest, scribble
from workflows.demo_models.scenes import Scene, SceneObject
from workflows.demo_models.wordless_evaluation import SAME_BOX

GOOD = 0.7
"""IoU with the true mask from which a row came out right, and share of true things for those that find many."""
GREEN, RED = (40, 220, 60), (235, 40, 40)


@dataclass
class Stage:
    """A fresh conversation about one scene, and what the row does in it.

    Attributes:
        scene: the picture and its truth.
        toolkit: the tools, the picture open as p1.
    """

    scene: Scene
    services: Services
    memory: Memory
    toolkit: VisionToolkit = field(init=False)

    def __post_init__(self) -> None:
        self.toolkit = VisionToolkit(services=self.services, memory=self.memory)
        self.toolkit.open_picture(Picture.from_array(self.scene.image, "scene.png"))

    @property
    def target(self) -> SceneObject:
        """The largest thing that is whole."""
        return max(self.scene.objects, key=lambda thing: thing.mask.sum() * (thing.visible > 0.95))

    @property
    def several(self) -> list[SceneObject]:
        """The things of the kind and colour that the scene holds most of, largest first."""
        kind = commonest(self.scene)
        some = [thing for thing in self.scene.objects if (thing.noun, thing.colour) == kind]
        return sorted(some, key=lambda thing: -float(thing.mask.sum()))

    @property
    def selected(self) -> list[ObjectVersion]:
        """What the conversation has selected."""
        state = self.toolkit.state
        return [state.objects[handle] for handle in state.selection]

    def rival(self, target: SceneObject) -> SceneObject:
        """The thing next to another."""
        beside = nearest(target, self.scene.objects)
        assert beside is not None  # the scene has several
        return beside

    def point(self, thing: SceneObject, include: bool = True) -> str:
        """A click at a thing's deepest point."""
        click = first_click(thing.mask)
        return self.toolkit.gesture("p1", "point", (click.x, click.y), include)

    def points(self, thing: SceneObject, number: int) -> list[str]:
        """Clicks spread along a thing."""
        way = scribble(thing.mask)
        places = np.linspace(0, len(way) - 1, number).astype(int)
        return [self.toolkit.gesture("p1", "point", way[place]) for place in places]

    def drawn(self, thing: SceneObject, kind: Any, include: bool = True) -> str:
        """A box, stroke or outline of a thing."""
        shapes: dict[str, Any] = {
            "box": lambda: np.round(thing.box).tolist(),
            "stroke": lambda: scribble(thing.mask),
            "polygon": lambda: _outline(thing.mask),
        }
        return self.toolkit.gesture("p1", kind, shapes[kind](), include)

    def segment(self, **arguments: Any) -> list[ObjectVersion]:
        """Call the tool; what it found."""
        self.toolkit.call("segment", arguments)
        return self.selected

    def iou(self, thing: SceneObject) -> float:
        """Of the first selected object with a true thing; 0 without one."""
        found = [each.mask for each in self.selected[:1] if each.mask is not None]
        return float(mask_iou(found, [Mask.from_array(thing.mask)])[0, 0]) if found else 0.0

    def covered(self, things: Sequence[SceneObject]) -> tuple[int, int]:
        """How many true things have a selected object, and how many objects are selected."""
        boxes = boxes_of(self.selected)
        return int(found_among(boxes_of(things), boxes).sum()), len(boxes)

    @property
    def shown(self) -> NDArray[np.uint8]:
        """The picture with what is selected, and what the hand did; red is what does not belong."""
        shown = draw(Picture.from_array(self.scene.image), self.selected).copy()
        for gesture in self.toolkit.state.gestures.values():
            colour = GREEN if gesture.include else RED
            corners = np.array(gesture.coordinates).round().astype(np.int32)
            if gesture.kind == "point":
                cv2.circle(shown, corners[0].tolist(), 6, (255, 255, 255), -1, cv2.LINE_AA)
                cv2.circle(shown, corners[0].tolist(), 4, colour, -1, cv2.LINE_AA)
            elif gesture.kind == "box":
                cv2.rectangle(shown, corners[0].tolist(), corners[1].tolist(), colour, 2)
            else:
                cv2.polylines(shown, [corners], gesture.kind == "polygon", colour, 2, cv2.LINE_AA)
        return shown


def boxes_of(things: Sequence[ObjectVersion] | Sequence[SceneObject]) -> Boxes:
    """(N, 4) float32 xyxy pixels."""
    return np.array([thing.box for thing in things], np.float32).reshape(-1, 4)


def found_among(truth: Boxes, boxes: Boxes) -> NDArray[np.bool_]:
    """Which true things, (N,) bool, have a box."""
    return np.asarray(box_iou(truth, boxes).max(axis=1, initial=0) >= SAME_BOX)


def _outline(mask: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """A rough outline of the largest part of a mask, as a hand would draw it: (x, y) pairs, pixels."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    rough = cv2.approxPolyDP(largest, 0.01 * cv2.arcLength(largest, True), True)[:, 0]
    return [(float(x), float(y)) for x, y in rough]
