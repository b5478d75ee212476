"""The tool that corrects a mask by a click. It does not know phrases or selections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask, mask_iou
from agent_tools.memory import ObjectVersion
from agent_tools.references import Box
from agent_tools.services.base import Prompt
from agent_tools.tools.arguments import Arguments, PointXY
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.wording import results


class RefineWithPointArguments(Arguments):
    """What to correct, and where."""

    handle: str = Field(description="The object.")
    point: str | PointXY = Field(description="Gesture name, or [x, y] in pixels from the top left.")
    include: bool = Field(True, description="false: what is at the point does not belong to it.")


def refine_with_point(context: ToolContext, arguments: RefineWithPointArguments) -> ToolResult:
    """Correct the mask of one object: a point that belongs to it, or (include=false) one that does not. To drop a whole
    object from the selection use select instead. Returns the object with its new mask.
    """
    thing = _one(context, arguments.handle)
    point, told = _place(context, thing, arguments.point)
    points, labels = _points_so_far(thing)
    points, labels = [*points, point], [*labels, int(arguments.include)]
    best = _best(context, thing, points, labels)
    name = f"{thing.handle} ({thing.label})"
    at = f"({point[0]:g}, {point[1]:g})"
    if best is None:
        side = "takes it in" if arguments.include else "leaves it out"
        return results([f"{name} is unchanged: no mask {side} at {at}"], [thing], picture=thing.picture)
    mask, candidate, iou, stability = best
    context.turn.revise(
        thing.handle,
        mask=mask,
        prompts=[{**told, "points": [list(point)], "labels": [int(arguments.include)]}],
        candidate=candidate,
        predicted_iou=iou,
        stability=stability,
        model=context.services.segmenter_name,
        review=False,
    )
    new = context.state.objects[thing.handle]
    verb = "takes in" if arguments.include else "leaves out"
    said = f"{name} now {verb} {at}: {thing.area} -> {new.area} pixels"
    return results([said], [new], picture=new.picture)


def _one(context: ToolContext, handle: str) -> ObjectVersion:
    things = context.objects([handle])
    if len(things) != 1:
        raise ToolInputError(f"handle={handle} names {len(things)} objects: expected one. Refine one at a time.")
    return things[0]


def _place(
    context: ToolContext, thing: ObjectVersion, point: str | PointXY
) -> tuple[tuple[float, float], dict[str, Any]]:
    """The point in pixels, and the gesture it came from."""
    opened, told = context.opened(thing.picture), {}
    if isinstance(point, str):
        gesture = context.gestures([point])[0]
        if gesture.kind != "point" or gesture.picture != thing.picture:
            raise ToolInputError(
                f"point={gesture.handle} is a {gesture.kind} on {gesture.picture}: expected a point on "
                f"{thing.picture}. Ask the person to click on the object, or pass [x, y]."
            )
        point, told = gesture.coordinates[0], {"gesture": gesture.handle}
    x, y = point
    if not (0 <= x < opened.width and 0 <= y < opened.height):
        raise ToolInputError(
            f"point=[{x:g}, {y:g}] lies outside {opened.handle}: expected 0 <= x < {opened.width} and "
            f"0 <= y < {opened.height}. Pass a point on the picture."
        )
    return (x, y), told


def _points_so_far(thing: ObjectVersion) -> tuple[list[tuple[float, float]], list[int]]:
    points = [(float(x), float(y)) for prompt in thing.prompts for x, y in prompt.get("points", ())]
    return points, [int(label) for prompt in thing.prompts for label in prompt.get("labels", ())]


def _box_so_far(thing: ObjectVersion, points: Sequence[tuple[float, float]], labels: Sequence[int]) -> Box | None:
    """The box it was found with, unless a point that belongs to it lies outside: then the box was wrong."""
    box = next((prompt["box"] for prompt in reversed(thing.prompts) if "box" in prompt), None)
    if box is None:
        return None
    x0, y0, x1, y1 = (float(side) for side in box)
    held = all(x0 <= x <= x1 and y0 <= y <= y1 for (x, y), label in zip(points, labels, strict=True) if label)
    return (x0, y0, x1, y1) if held else None


def _best(
    context: ToolContext, thing: ObjectVersion, points: Sequence[tuple[float, float]], labels: Sequence[int]
) -> tuple[Mask, int, float, float] | None:
    """The best candidate that obeys the new point, asked for with the mask so far and without it; None: none obeys.

    An earlier mask keeps what was right, and sometimes what was wrong. So both are asked, and among the candidates that
    obey the new point, the most obedient to all points wins, then predicted IoU plus likeness to the mask so far.
    """
    where, signs = np.array(points, np.float32), np.array(labels, np.int64)
    around = _box_so_far(thing, points, labels)
    box = None if around is None else np.array(around, np.float32)
    prompts = [Prompt(points=where, labels=signs, box=box)]
    if thing.mask is not None:
        prompts.append(Prompt(points=where, labels=signs, box=box, mask=thing.mask))
    best: tuple[Mask, int, float, float] | None = None
    best_value = (0, 0.0)
    for answer in context.segment(thing.picture, prompts):
        for index, mask in enumerate(answer.masks):
            obeyed = [mask.contains(x, y) == bool(sign) for (x, y), sign in zip(points, labels, strict=True)]
            if not obeyed[-1] or not mask.area:
                continue
            iou = float(answer.predicted_iou[index])
            alike = 0.0 if thing.mask is None else float(mask_iou([mask], [thing.mask])[0, 0])
            value = (sum(obeyed), iou + alike)
            if value > best_value:
                best, best_value = (mask, index, iou, float(answer.stability[index])), value
    return best
