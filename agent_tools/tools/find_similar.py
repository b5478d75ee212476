"""The tool that finds all things like an example. It does not know phrases, nor how a mask is made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydantic import Field

from agent_tools.certainty import DOUBTFUL
from agent_tools.errors import ToolInputError
from agent_tools.likeness import Looks, alike, distinct
from agent_tools.masks import box_iou
from agent_tools.memory import ObjectVersion
from agent_tools.references import reading_order
from agent_tools.services.base import Proposals
from agent_tools.services.checkpoints import LikenessSettings
from agent_tools.tools.arguments import Arguments, Names
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.count import bounds_of, counted_of
from agent_tools.tools.everything import everything
from agent_tools.tools.finding import Found, chance_of, corners, cut_out, maker, remember
from agent_tools.tools.wording import by_label, compact, results

LIKELY = 0.5
"""Chance of being of the example's kind from which a thing is one."""
UNLIKELY = 0.05
"""Chance below which a thing is not even a near miss."""
KNOWN = 0.5
"""IoU of boxes above which a likely thing is one that is known by that label already."""


class FindSimilarArguments(Arguments):
    """What to find more of."""

    handles: Names | None = Field(None, description="Examples, of one kind. Default: the selection.")
    picture: str | None = Field(None, description="Default: the examples' own.")


def find_similar(context: ToolContext, arguments: FindSimilarArguments) -> ToolResult:
    """Cut out all that looks like the examples, where words fail: "more like this", "how many of these", "find
    it in p2". Replaces the selection.
    """
    examples = context.chosen_or_selected(arguments.handles)
    if not examples:
        raise ToolInputError(
            "handles=None and nothing is selected: expected an example. Cut one out first: segment it at a gesture."
        )
    picture = context.opened(arguments.picture or examples[0].picture).handle
    likely, unlikely = _alike(context, examples, picture)
    known, fresh = _told_apart(context, likely, examples[0].label)
    context.turn.use_picture(picture)
    made = remember(context, cut_out(context, picture, reading_order(fresh)), maker(context))
    own = [thing for thing in examples if thing.picture == picture]
    objects = list({thing.handle: thing for thing in (*own, *known, *made)}.values())
    context.turn.select([thing.handle for thing in objects])
    return _told(context, examples, objects, unlikely, picture)


def _alike(context: ToolContext, examples: Sequence[ObjectVersion], picture: str) -> tuple[list[Found], list[Found]]:
    """What is likely to be of the examples' kind, and what else is not quite unlike them; the examples left out."""
    proposed, pixels = _proposed(context, picture), context.turn.picture(picture)
    looks = Looks.of(pixels.array, proposed.boxes, proposed.features)
    settings = getattr(context.services.detector, "likeness", None) or LikenessSettings()
    chances, taken = np.zeros(len(proposed.scores)), [False] * len(proposed.scores)
    for home in dict.fromkeys(thing.picture for thing in examples):
        boxes = np.array([thing.box for thing in examples if thing.picture == home], np.float32)
        there = proposed if home == picture else _proposed(context, home)
        shown = Looks.of_examples(context.turn.picture(home).array, boxes, there)
        chances = np.maximum(chances, alike(looks, proposed.scores, shown, settings, home == picture))
        if home == picture:
            taken = [bool((row > KNOWN).any()) for row in box_iou(proposed.boxes, boxes)]
    first = examples[0]
    found = [
        Found(
            picture,
            first.label,
            chance,
            corners(box),
            context.state.turn_number,
            (
                {"like": [thing.handle for thing in examples], "chance": round(chance, 4)},
                {"box": [round(side, 2) for side in box]},
            ),
            review=chance < DOUBTFUL,
            parent=(first.handle, first.version),
        )
        for box, chance, own in zip(proposed.boxes.tolist(), chances.tolist(), taken, strict=True)
        if chance >= UNLIKELY and not own
    ]
    return [each for each in found if chance_of(each) >= LIKELY], [each for each in found if chance_of(each) < LIKELY]


def _proposed(context: ToolContext, picture: str) -> Proposals:
    """What the detector proposes; where it needs words, the segmenter's regions, all of which look the same to it."""
    proposed = context.propose(picture)
    if proposed is not None:
        return distinct(proposed)
    found = everything(context, picture)
    boxes = np.array([each.box for each in found], np.float32).reshape(-1, 4)
    return Proposals(boxes, np.array([each.score for each in found], np.float32), np.ones((len(found), 1), np.float32))


def _told_apart(context: ToolContext, likely: Sequence[Found], label: str) -> tuple[list[ObjectVersion], list[Found]]:
    """The objects of that label that likely things are already, and the likely things that are new."""
    objects = context.state.objects.values()
    there = [thing for thing in objects if thing.label == label and likely and thing.picture == likely[0].picture]
    if not there:
        return [], list(likely)
    overlap = box_iou(
        np.array([each.box for each in likely], np.float32), np.array([thing.box for thing in there], np.float32)
    )
    best = overlap.argmax(axis=1)
    same = overlap[np.arange(len(likely)), best] > KNOWN
    return [there[place] for place in best[same]], [each for each, old in zip(likely, same, strict=True) if not old]


def _told(
    context: ToolContext,
    examples: Sequence[ObjectVersion],
    objects: Sequence[ObjectVersion],
    unlikely: Sequence[Found],
    picture: str,
) -> ToolResult:
    label, elsewhere = examples[0].label, any(thing.picture != picture for thing in examples)
    counted = counted_of(objects, unlikely)
    like = f"like {compact(thing.handle for thing in examples)}" + (f", on {picture}" if elsewhere else "")
    parts = [f"{by_label(objects) or f'0 {label}'} ({like})", bounds_of(counted)]
    return results(parts, objects, counts={label: counted}, picture=picture, selection=context.state.selection)
