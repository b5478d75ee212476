"""What a person would ask about a rendered scene, and the true answer.

Shared by calibration and measurement. Knows no model and no tool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workflows.demo_models.detector_prompts import phrase_of
from workflows.demo_models.kinds import Kind
from workflows.demo_models.scenes import KINDS, PAINTED, Scene

ABSENT = 0.1
"""Share of requests for something that is not in the scene."""

MOST = 25
"""No request is for more things than this, dense scenes apart."""

STRANGERS: tuple[str, ...] = (
    *("unicorn", "dog", "cat", "bicycle", "car", "chair", "shoe", "umbrella", "clock", "lamp", "guitar", "horse"),
    *("hat", "sofa", "window", "laptop", "bird", "airplane", "flower", "person", "red shirt", "blue car", "coin"),
)
"""Words for things that are never drawn and that the models have no word for."""

Sort = Literal["noun", "colour", "absent", "unknown"]


@dataclass(frozen=True)
class Request:
    """One question about a scene.

    Attributes:
        phrase: What is asked for, singular.
        sort: A noun alone, a colour with it, something known that is not there, or something unknown.
        rivals: Things of the same noun in another colour than the one asked for.
        boxes: (n, 4) float32 xyxy pixels, the true answer.
    """

    phrase: str
    sort: Sort
    rivals: int
    boxes: NDArray[np.float32]


def draw_request(
    scene: Scene, rng: np.random.Generator, absent: float = ABSENT, kinds: Sequence[Kind] = KINDS
) -> Request:
    """A request about a scene: half the time by the thing, so that what there is much of is asked for more often.

    Args:
        scene: What it is about.
        rng: Draws it.
        absent: Share of requests for something that is not there.
        kinds: What can be there.
    """
    options = [each for each in _about(scene) if 0 < len(each.boxes) <= MOST]
    if not options or rng.random() < absent:
        return draw_missing(scene, rng, kinds=kinds)
    sizes = np.array([len(each.boxes) for each in options], float)
    shares = sizes / sizes.sum() if rng.random() < 0.5 else None
    return options[int(rng.choice(len(options), p=shares))]


def draw_kind(scene: Scene, rng: np.random.Generator, absent: float = ABSENT, kinds: Sequence[Kind] = KINDS) -> Request:
    """A request that always names noun and colour: for a kind in the scene, or now and then for one that is not."""
    present = sorted({(thing.noun, thing.colour) for thing in scene.objects})
    options = present if present and rng.random() >= absent else [kind for kind in kinds if kind not in present]
    noun, colour = options[int(rng.integers(len(options)))]
    alike = [thing for thing in scene.objects if thing.noun == noun]
    boxes = _boxes([thing.box for thing in alike if thing.colour == colour])
    return Request(phrase_of(noun, colour), "colour" if len(boxes) else "absent", len(alike) - len(boxes), boxes)


def draw_missing(
    scene: Scene, rng: np.random.Generator, unknown: float = 0.0, kinds: Sequence[Kind] = KINDS
) -> Request:
    """A request that nothing in the scene answers, `unknown` of the time for something the models have no word for."""
    nothing = np.zeros((0, 4), np.float32)
    if rng.random() < unknown:
        return Request(str(rng.choice(STRANGERS)), "unknown", 0, nothing)
    present = {(thing.noun, thing.colour) for thing in scene.objects}
    nouns = {noun for noun, _ in present}
    others = sorted({noun for noun, _ in kinds} - nouns)
    if rng.random() < 0.5 and others:
        phrases = others
    else:
        phrases = [phrase_of(*kind) for kind in kinds if kind not in present and _plain(kind, nouns)]
    return Request(str(rng.choice(phrases)), "absent", 0, nothing)


def _plain(kind: tuple[str, str], nouns: set[str]) -> bool:
    """Whether a kind is called otherwise than a noun that is there: `orange` names every orange orange."""
    return phrase_of(*kind) not in nouns


def about(scene: Scene, phrase: str) -> NDArray[np.float32]:
    """Boxes (n, 4) of the things in a scene that a known phrase asks for."""
    return next((each.boxes for each in _about(scene) if each.phrase == phrase), np.zeros((0, 4), np.float32))


def _about(scene: Scene) -> list[Request]:
    """Every request that the scene answers."""
    requests = []
    for noun in sorted({thing.noun for thing in scene.objects}):
        things = [thing for thing in scene.objects if thing.noun == noun]
        requests.append(Request(noun, "noun", 0, _boxes([thing.box for thing in things])))
        for colour in sorted({thing.colour for thing in things}):
            alike = [thing.box for thing in things if thing.colour == colour]
            if noun in PAINTED:
                requests.append(Request(phrase_of(noun, colour), "colour", len(things) - len(alike), _boxes(alike)))
    return requests


def _boxes(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.array(rows, np.float32).reshape(-1, 4)
