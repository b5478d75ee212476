"""A benchmark of whole conversations on rendered scenes, end to end: words and clicks in, state and pixels out.

A conversation has five turns about one kind of thing, of which the scene shows three or more. Scored is what the
conversation holds after a turn, not the calls that led there, so that any planner can be measured:

- **find** ("count the red apples"), against the scene: as many selected as there are in sight, each on one of them (IoU
  of masks 0.5 or more), and that number in the answer.
- **correct**, a click: on something selected that is none of them ("not that one"), else on one of them that was missed
  ("this one too"), else the person changes their mind about a right one. The one clicked is out, or in and on the true
  thing; all others stay as they were.
- **refer** ("only the ones on the left", "the largest one"), against what the conversation then holds: geometry worked
  out here, from its masks. Only questions with one clear answer are asked; another is drawn instead.
- **edit** ("blur the rest"), by pixels: nothing outside the region changed, and the region became what was asked for.
  The region is made of the masks that are then selected.
- **undo**: objects, selection, edits and every pixel are as before the edit.

A turn that cannot be asked, because nothing is selected any more, is wrong. This module does not know how a planner
plans or how the models work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from agent_tools.errors import AskmaskError
from agent_tools.masks import Mask, mask_iou
from agent_tools.memory import Memory, ObjectVersion
from agent_tools.pictures import Picture
from agent_tools.services.base import Services
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.gesture_prompts import deepest_point
from workflows.conversation import Conversation
from workflows.demo_models.evaluate import World
from workflows.demo_models.scenes import EVALUATION_SEEDS, PLURALS, Scene

KINDS_OF_TURN = ("find", "correct", "refer", "edit", "undo")
SAME = 0.5
"""IoU of masks from which two are the same thing."""
FEWEST, MOST = 3, 25
"""Things of one kind that a conversation is about, at least and at most."""
CLEAR_SIZE, CLEAR_PLACE, CLEAR_SIDE = 0.75, 0.3, 0.04
"""What makes a question clear: the next size as a share of the one meant; the next place further away than this share
of a thing's side; nothing nearer to the middle line than this share of the picture."""

BLOCKY = 0.7
"""Share of columns with a jump somewhere, below which a region consists of blocks."""

FIND = ("count the {things}", "how many {things} are there?", "how many {things} do you see?", "outline the {things}")
WRONG, MISSED = ("not that one", "remove this one"), ("this one too", "add this one")
EDITS = (
    ("blur the rest", "blur", True),
    ("blur {them}", "blur", False),
    ("pixelate everything else", "pixelate", True),
    ("pixelate {them}", "pixelate", False),
    ("make the background gray", "grayscale", True),
    ("make {them} grayscale", "grayscale", False),
    ("highlight {them}", "highlight", False),
    ("cut {them} out", "cut_out", False),
)
UNDO = {
    "blur": "undo the blur",
    "pixelate": "undo",
    "grayscale": "take that back",
    "highlight": "undo",
    "cut_out": "undo",
}


@dataclass(frozen=True)
class Scored:
    """One turn: what was asked, what was answered, and why that is wrong; empty where it is right."""

    seed: int
    kind: str
    request: str
    answer: str
    wrong: str

    @property
    def right(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.wrong


@dataclass(frozen=True)
class Subject:
    """What a conversation is about: a kind of thing and the true masks of all in sight."""

    things: str
    masks: tuple[Mask, ...]


def evaluate(world: World, services: Services, llm: str | None, scenes: int, first: int) -> Iterator[list[Scored]]:
    """Talk about scenes, and score each turn; one list of five a scene.

    Args:
        world: where scenes come from.
        services: the models.
        llm: what ``--llm`` takes; None for the planner that needs no key.
        scenes: how many conversations.
        first: seed of the first scene, counted from `EVALUATION_SEEDS`; one without a subject is passed over.
    """
    with Memory.temporary() as memory:
        found = 0
        for seed in count(EVALUATION_SEEDS + first):
            if found == scenes:
                return
            scene = world.render(seed, *world.sizes[seed % len(world.sizes)])
            subject = subject_of(scene)
            if subject is not None:
                found += 1
                toolkit = VisionToolkit(services=services, memory=memory)
                toolkit.open_picture(Picture.from_array(scene.image))
                yield _Talk(scene, subject, toolkit, Conversation(toolkit, llm)).scored()
                memory.erase(toolkit.conversation)


def subject_of(scene: Scene) -> Subject | None:
    """What to talk about: the seed decides among what there is enough of. A colour is said where there are others."""
    kinds = sorted({(thing.noun, thing.colour) for thing in scene.objects})
    options = []
    for noun, colour in kinds:
        own = [thing for thing in scene.objects if (thing.noun, thing.colour) == (noun, colour)]
        if FEWEST <= len(own) <= MOST:
            things = PLURALS[noun] if len(own) == scene.count(noun) else f"{colour} {PLURALS[noun]}"
            options.append(Subject(things, tuple(Mask.from_array(thing.mask) for thing in own)))
    return options[int(np.random.default_rng(scene.seed).integers(len(options)))] if options else None


def summary(conversations: Sequence[Sequence[Scored]]) -> dict[str, Any]:
    """Turns, shares right by kind, conversations right from beginning to end, and every wrong turn."""
    turns = [turn for talk in conversations for turn in talk]
    by_kind = {kind: [turn.right for turn in turns if turn.kind == kind] for kind in KINDS_OF_TURN}
    return {
        "conversations": len(conversations),
        "turns": len(turns),
        "right": float(np.mean([turn.right for turn in turns])) if turns else 0.0,
        "by_kind": {kind: float(np.mean(right)) for kind, right in by_kind.items() if right},
        "whole": float(np.mean([all(turn.right for turn in talk) for talk in conversations])) if turns else 0.0,
        "wrong": [asdict(turn) for turn in turns if not turn.right],
    }


class _Talk:
    """One conversation about one scene."""

    def __init__(self, scene: Scene, subject: Subject, toolkit: VisionToolkit, conversation: Conversation) -> None:
        self.scene, self.subject, self.toolkit, self.conversation = scene, subject, toolkit, conversation
        self.rng = np.random.default_rng([scene.seed, 1])
        self.action = "blur"

    def scored(self) -> list[Scored]:
        """All five turns; an error of ours is a wrong turn."""
        turns = (self._find, self._correct, self._refer, self._edit, self._undo)
        return [self._score(kind, turn) for kind, turn in zip(KINDS_OF_TURN, turns, strict=True)]

    def _score(self, kind: str, turn: Callable[[], tuple[str, str, str]]) -> Scored:
        try:
            request, answer, wrong = turn()
        except AskmaskError as error:
            request, answer, wrong = "", "", f"error: {error}"
        return Scored(self.scene.seed, kind, request, answer, wrong)

    def _ask(self, request: str, click: tuple[float, float] | None = None) -> str:
        return self.conversation.ask(request, click).answer

    def _draw(self, options: Sequence[Any]) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def _held(self) -> dict[str, ObjectVersion]:
        state = self.toolkit.state
        return {handle: state.objects[handle] for handle in state.selection}

    def _matched(self) -> dict[str, int]:
        """Handle → number of the true thing it is on; each is on one, and each has one."""
        held = [thing for thing in self._held().values() if thing.mask is not None]
        iou = mask_iou([thing.mask for thing in held if thing.mask is not None], self.subject.masks)
        pairs = zip(*linear_sum_assignment(-iou), strict=True)
        return {held[row].handle: int(column) for row, column in pairs if iou[row, column] >= SAME}

    # --- the turns: request, answer, and what is wrong ----------------------------------------------------

    def _find(self) -> tuple[str, str, str]:
        request = self._draw(FIND).format(things=self.subject.things)
        answer = self._ask(request)
        truth, held, matched = len(self.subject.masks), len(self._held()), len(self._matched())
        wrong = ""
        if not truth == held == matched:
            wrong = f"{truth} in sight, {held} selected, {matched} of these on one of them"
        elif str(truth) not in re.findall(r"\d+", answer):
            wrong = f"the answer does not say {truth}"
        return request, answer, wrong

    def _correct(self) -> tuple[str, str, str]:
        before, matched = self._held(), self._matched()
        strays = [handle for handle in before if handle not in matched]
        missed = [place for place in range(len(self.subject.masks)) if place not in matched.values()]
        if strays or not missed:
            handle = self._draw(strays or list(matched))
            return self._take_out(handle, before[handle], matched)
        return self._put_in(self.subject.masks[self._draw(missed)])

    def _take_out(self, handle: str, thing: ObjectVersion, matched: Mapping[str, int]) -> tuple[str, str, str]:
        before, request = list(self._held()), self._draw(WRONG)
        seen = thing.mask
        assert seen is not None
        if handle in matched:  # a person clicks on the thing, where it is in sight
            seen &= self.subject.masks[matched[handle]]
        answer = self._ask(request, deepest_point(seen))
        expected, after = [each for each in before if each != handle], list(self._held())
        return request, answer, "" if after == expected else f"{handle} was clicked; selected {_change(before, after)}"

    def _put_in(self, truth: Mask) -> tuple[str, str, str]:
        before, request = self._held(), self._draw(MISSED)
        answer = self._ask(request, deepest_point(truth))
        after = self._held()
        new = [thing.mask for handle, thing in after.items() if handle not in before]
        wrong = ""
        if len(new) != 1 or new[0] is None or not before.keys() <= after.keys():
            wrong = f"one was to be added; selected {_change(list(before), list(after))}"
        elif (iou := float(mask_iou([new[0]], [truth])[0, 0])) < SAME:
            wrong = f"what was added covers the thing with an IoU of {iou:.2f}"
        return request, answer, wrong

    def _refer(self) -> tuple[str, str, str]:
        held = self._held()
        if not held:
            return "", "", "nothing is selected"
        height, width = self.scene.image.shape[:2]
        request, expected = self._draw(questions(list(held.values()), width, height))
        answer = self._ask(request)
        after = set(self._held())
        return request, answer, "" if after == expected else f"expected {sorted(expected)}, selected {sorted(after)}"

    def _edit(self) -> tuple[str, str, str]:
        masks = [thing.mask for thing in self._held().values() if thing.mask is not None]
        if not masks:
            return "", "", "nothing is selected"
        said, self.action, rest = self._draw(EDITS)
        request = said.format(them="it" if len(masks) == 1 else "them")
        edits = len(self.toolkit.state.edits)
        self.before = self.toolkit.state
        answer = self._ask(request)
        if len(self.toolkit.state.edits) != edits + 1:
            return request, answer, "the picture was not edited once"
        chosen = [mask.to_array() for mask in masks]
        return request, answer, wrong_pixels(self.scene.image, self.toolkit.edited().pixels, chosen, self.action, rest)

    def _undo(self) -> tuple[str, str, str]:
        if not self.toolkit.state.edits:
            return "", "", "there is no edit to take back"
        request = UNDO[self.action]
        answer = self._ask(request)
        after = self.toolkit.state
        same = (after.selection, after.objects, after.edits) == (
            self.before.selection,
            self.before.objects,
            self.before.edits,
        )
        if not same:
            return request, answer, "objects, selection or edits are not as before the edit"
        exact = np.array_equal(self.toolkit.edited().pixels, self.scene.image)
        return request, answer, "" if exact else "the picture is not as before the edit"


def _change(before: Sequence[str], after: Sequence[str]) -> str:
    gone, new = ([each for each in a if each not in b] for a, b in ((before, after), (after, before)))
    return f"before and not now: {gone}, now and not before: {new}"


def questions(held: Sequence[ObjectVersion], width: int, height: int) -> list[tuple[str, set[str]]]:
    """References with one clear answer among the things held, and that answer; by handle where there is no other.

    Args:
        held: one thing or more.
        width: of the picture, pixels.
        height: likewise.
    """
    boxes = np.array([thing.box for thing in held])
    across, down = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    handles = np.array([thing.handle for thing in held])
    found: list[tuple[str, set[str]]] = []
    sides = (
        ("only the ones on the left", across < width / 2, across, width),
        ("only the right ones", across > width / 2, across, width),
        ("keep the ones at the top", down < height / 2, down, height),
        ("only those at the bottom", down > height / 2, down, height),
    )
    for said, inside, middles, length in sides:
        if inside.any() and not inside.all() and (abs(middles - length / 2) > CLEAR_SIDE * length).all():
            found.append((said, set(handles[inside])))
    extent = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]).max()
    if len(held) > 1:
        for said, place, all_but in (
            ("just the leftmost one", across, False),
            ("the rightmost one", -across, False),
            ("all but the leftmost one", across, True),
        ):
            order = np.argsort(place)
            if place[order[1]] - place[order[0]] > CLEAR_PLACE * extent:
                found.append((said, set(handles[order[1:]] if all_but else handles[order[:1]])))
        areas = np.array([thing.area for thing in held], float)
        for said, sizes in (("only the largest one", areas), ("the smallest one", 1 / np.maximum(areas, 1))):
            order = np.argsort(-sizes)
            if sizes[order[1]] < CLEAR_SIZE * sizes[order[0]]:
                found.append((said, {handles[order[0]]}))
    if len(held) > 2:
        largest = np.argsort([-thing.area for thing in held])
        second, third = (held[place].area for place in largest[1:3])
        if third < CLEAR_SIZE * second:
            found.append(("the two biggest", set(handles[largest[:2]])))
    return found or [(f"only {handles[0]}", {handles[0]})]


def wrong_pixels(
    before: NDArray[np.uint8], after: NDArray[Any], chosen: Sequence[NDArray[np.bool_]], action: str, rest: bool
) -> str:
    """What is wrong with an edited picture; empty where nothing is.

    Args:
        before: (H, W, 3) uint8, the original.
        after: (H, W, 3) or, cut out, (H, W, 4) uint8.
        chosen: (H, W) each, the things that were selected.
        action: what was asked for.
        rest: whether everything else was meant.
    """
    if after.shape[:2] != before.shape[:2] or after.shape[2] != (4 if action == "cut_out" else 3):
        return f"the picture has the shape {after.shape}"
    things = np.any(chosen, axis=0)
    if action == "cut_out":
        kept = things & (after[..., 3] == 255)  # at the soft rim, colours lose what shone through from behind
        if after[..., 3][~things].any() or 2 * kept.sum() < things.sum() or (after[..., :3] != before)[kept].any():
            return "what is cut out is not what was selected"
        return ""
    around = rest != (action == "highlight")
    region = ~things if around else things
    if (after != before)[~region].any():
        return "pixels outside the region changed"
    done = _looks(before.astype(float), after.astype(float), region, [region] if around else chosen)
    return "" if done == action else f"the region is not as after {action}{f', rather {done}' if done else ''}"


def _looks(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    region: NDArray[np.bool_],
    parts: Sequence[NDArray[np.bool_]],
) -> str:
    """What was done to a region (H, W), by the looks of it; empty where that cannot be told."""
    grey, was_grey = (np.ptp(pixels, axis=2)[region].mean() for pixels in (after, before))
    if grey <= 1 < was_grey:
        return "grayscale"
    if after[region].mean() < 0.8 * before[region].mean():
        return "highlight"
    if np.abs(after[region].mean(0) - before[region].mean(0)).max() > 6:
        return ""
    if np.median([_jumps(after, part) for part in parts]) < BLOCKY:
        return "pixelate"
    sides = region[:, 1:] & region[:, :-1]
    detail, had = (np.abs(np.diff(pixels, axis=1))[sides].mean() for pixels in (after, before))
    return "blur" if detail < had else ""


def _jumps(pixels: NDArray[np.float64], part: NDArray[np.bool_]) -> float:
    """Share of the columns of a part (H, W) in which any pixel differs from its neighbour: in blocks, few do."""
    both = part[:, 1:] & part[:, :-1]
    jumps = np.asarray((np.diff(pixels, axis=1) != 0).any(2)) & both
    return float(jumps[:, np.flatnonzero(both.sum(0))].max(0).mean()) if both.any() else 1.0
