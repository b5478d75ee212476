"""The tool that takes another of the masks an object may have: a bigger one, a smaller one, the whole, a part.

A click means the button, the shirt or the person, and a segmenter answers it with a mask for each. An object found in
another way has no such choice yet; then it is asked for with a click at its deepest point, and with a larger and a
smaller box. This module does not know phrases, selections or gestures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.masks import mask_iou
from agent_tools.memory import Alternative, ObjectVersion
from agent_tools.services.base import Prompt
from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.gesture_prompts import deepest_point
from agent_tools.tools.wording import results

SAME = 0.9
"""IoU of masks above which nobody would tell them apart."""
NESTED = 0.8
"""Share of the smaller of two masks inside the larger, from which they are a part and its whole."""
SENSIBLE = 0.5
"""Predicted IoU, as a share of the best one's, from which a mask is worth showing."""
SCALES = (1.6, 0.5)
"""Sides of the boxes asked for where there is no choice yet, as shares of the object's."""


class SwitchMaskArguments(Arguments):
    """Whose mask, and which one instead."""

    handles: Names | None = Field(None, description="Default: the selection.")
    to: Literal["bigger", "smaller", "whole", "part"] = Field(description="The next one, or (whole, part) the last.")


def switch_mask(context: ToolContext, arguments: SwitchMaskArguments) -> ToolResult:
    """Take another mask of the same object: "bigger", "smaller", "the whole thing", "just the part"."""
    things = context.chosen_or_selected(arguments.handles)
    if not things:
        raise ToolInputError(
            "handles=None and an empty selection leave nothing to switch: expected handles. Find something first."
        )
    if bare := [thing.handle for thing in things if thing.mask is None]:
        raise ToolInputError(
            f"handles={', '.join(bare)} have no masks: expected objects with masks. Call segment with these handles."
        )
    said = [_switched(context, thing, arguments.to) for thing in things]
    now = context.objects([thing.handle for thing in things])
    return results(said, now, picture=now[0].picture)


def _switched(context: ToolContext, thing: ObjectVersion, to: str) -> str:
    """Give an object its other mask, where there is one, and say what came of it."""
    assert thing.mask is not None
    choice = thing.alternatives or _asked(context, thing)
    rungs = ladder(thing, choice)
    name = f"{thing.handle} ({thing.label})"
    if len(rungs) == 1:
        return f"{name} is unchanged: no other mask of it was found"
    here = next(place for place, each in enumerate(rungs) if each.mask == thing.mask)
    there = {"bigger": here + 1, "smaller": here - 1, "whole": len(rungs) - 1, "part": 0}[to]
    if there == here or not 0 <= there < len(rungs):
        return f"{name} is already the {_rank(here, len(rungs))}"
    taken = rungs[there]
    context.turn.revise(
        thing.handle,
        mask=taken.mask,
        # What is asked of the object from now on is asked of the thing this large.
        prompts=[{"switched": to, "box": list(taken.mask.box)}],
        candidate=next(place for place, each in enumerate(choice) if each.mask == taken.mask),
        predicted_iou=taken.predicted_iou,
        stability=taken.stability,
        alternatives=choice,
        model=context.services.segmenter_name,
    )
    return f"{name}: {thing.area} -> {taken.mask.area} pixels, now the {_rank(there, len(rungs))}"


def _rank(place: int, count: int) -> str:
    """The place on a ladder in words: smallest of 4, 2nd smallest of 4, 3rd smallest of 4, largest of 4."""
    if place == count - 1:
        return f"largest of {count}"
    nth = {0: "", 1: "2nd ", 2: "3rd "}.get(place, f"{place + 1}th ")
    return f"{nth}smallest of {count}"


def ladder(thing: ObjectVersion, choice: Sequence[Alternative]) -> list[Alternative]:
    """The masks worth switching to, smallest first, the object's own among them: each a part or a whole of it."""
    mask = thing.mask
    assert mask is not None
    own = Alternative(mask, thing.predicted_iou or 0.0, thing.stability or 0.0)
    least = SENSIBLE * max((each.predicted_iou for each in choice), default=0.0)
    kept = [own]
    for each in sorted(choice, key=lambda one: -one.predicted_iou):
        shared = (each.mask & mask).area / min(each.mask.area, mask.area)
        new = (mask_iou([each.mask], [one.mask for one in kept]) <= SAME).all()
        if each.predicted_iou >= least and shared >= NESTED and new:
            kept.append(each)
    return sorted(kept, key=lambda one: one.mask.area)


def _asked(context: ToolContext, thing: ObjectVersion) -> tuple[Alternative, ...]:
    """What the segmenter holds possible where the object lies, best first, the object's own mask among it."""
    mask = thing.mask
    assert mask is not None
    at = np.array([deepest_point(mask)], np.float32)
    box, size, label = np.array(mask.box, np.float32), (mask.width, mask.height), np.ones(1, np.int64)
    prompts = [Prompt(at, label)]
    for scale in SCALES:
        corners = (at + scale * (box.reshape(2, 2) - at)).clip(0, size)
        prompts.append(Prompt(at, label, corners.astype(np.float32).ravel()))
    found = [
        Alternative(each, float(iou), float(stability))
        for answer in context.segment(thing.picture, prompts)
        for each, iou, stability in zip(answer.masks, answer.predicted_iou, answer.stability, strict=True)
        if each.area
    ]
    choice = tuple(sorted(ladder(thing, found), key=lambda one: -one.predicted_iou))
    return choice if len(choice) > 1 else ()
