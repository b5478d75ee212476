"""The tool that corrects a mask by a click, a stroke or an area.

A hand that points beside the whole of an object says one of two things: that the object reaches further than was
seen, or that another thing was meant. What the object's own words mean at that place decides, and where the detector
sees nothing of it there, the masks do: if what takes in the point does not keep most of the object, it is another
thing, and the handle moves to it. This module does not know selections, nor how a prompt is made of a gesture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask, mask_iou
from agent_tools.memory import Alternative, Gesture, ObjectVersion
from agent_tools.references import area_of_box
from agent_tools.services.base import Segments
from agent_tools.tools.arguments import Arguments, Spot
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.finding import best_for_box, corners, detect, prompts_of
from agent_tools.tools.gesture_prompts import AREA_POINTS, Hint, Point, deepest_point, hint_of, points_within
from agent_tools.tools.pointing import meant_by
from agent_tools.tools.wording import results

KEPT = 0.5
"""Share of an object that a mask has to hold to be a correction of it, and not another thing."""


class RefineWithPointArguments(Arguments):
    """What to correct, and where."""

    handle: str
    point: Spot = Field(description="g1, or x,y in pixels from the top left.")
    include: bool | None = Field(None, description="false: it does not belong. Default: as drawn.")


def refine_with_point(context: ToolContext, arguments: RefineWithPointArguments) -> ToolResult:
    """Correct one object by a click, stroke or area that belongs to it, or (include=false) does not. Where the wrong
    thing was found, a click on the right one moves the handle to it.
    """
    thing = _one(context, arguments.handle)
    gesture = _gesture(context, thing, arguments)
    opened = context.opened(thing.picture)
    hint = hint_of([gesture], opened.width, opened.height)
    name, at = f"{thing.handle} ({thing.label})", gesture.handle or f"({hint.points[0][0]:g}, {hint.points[0][1]:g})"
    mended = _mended(context, thing, hint)
    if mended is None:
        side = "takes it in" if gesture.include else "leaves it out"
        return results([f"{name} is unchanged: no mask {side} at {at}"], [thing], picture=thing.picture)
    told: dict[str, Any] = {"gesture": gesture.handle} if gesture.handle else {}
    if mended.moved:
        told["moved"] = True
    if hint.points:
        told |= {"points": [list(point) for point in hint.points], "labels": list(hint.labels)}
    if hint.left_out:
        told["include"] = False
    context.turn.revise(
        thing.handle,
        mask=mended.mask,
        prompts=[told, *mended.prompts],
        candidate=mended.candidate,
        predicted_iou=mended.predicted_iou,
        stability=mended.stability,
        alternatives=mended.alternatives,
        score=mended.score if mended.moved else thing.score,
        model=context.services.segmenter_name,
        review=False,
    )
    new = context.state.objects[thing.handle]
    verb = "is now what is at" if mended.moved else "now takes in" if gesture.include else "now leaves out"
    return results([f"{name} {verb} {at}: {thing.area} -> {new.area} pixels"], [new], picture=new.picture)


@dataclass(frozen=True, slots=True)
class _Mended:
    """What came of a correction.

    Attributes:
        mask: the new one.
        candidate: which of the segmenter's candidates it is.
        predicted_iou: of the candidate.
        stability: of the candidate.
        alternatives: the others it may be.
        moved: whether it is another thing than before.
        score: the detector's, of another thing.
        prompts: what else another thing was found with.
    """

    mask: Mask
    candidate: int
    predicted_iou: float
    stability: float
    alternatives: tuple[Alternative, ...] = ()
    moved: bool = False
    score: float | None = None
    prompts: tuple[dict[str, Any], ...] = ()


def _one(context: ToolContext, handle: str) -> ObjectVersion:
    things = context.objects([handle])
    if len(things) != 1:
        raise ToolInputError(f"handle={handle} names {len(things)} objects: expected one. Refine one at a time.")
    return things[0]


def _gesture(context: ToolContext, thing: ObjectVersion, arguments: RefineWithPointArguments) -> Gesture:
    """What the hand did; a bare point is a gesture without a name."""
    point, opened = arguments.point, context.opened(thing.picture)
    if isinstance(point, str):
        gesture = context.gestures([point])[0]
        if gesture.picture != thing.picture:
            raise ToolInputError(
                f"point={gesture.handle} is on {gesture.picture}: expected a gesture on {thing.picture}. "
                "Ask the person to point at the object, or pass [x, y]."
            )
        return gesture if arguments.include is None else replace(gesture, include=arguments.include)
    x, y = point
    if not (0 <= x < opened.width and 0 <= y < opened.height):
        raise ToolInputError(
            f"point=[{x:g}, {y:g}] lies outside {opened.handle}: expected 0 <= x < {opened.width} and "
            f"0 <= y < {opened.height}. Pass a point on the picture."
        )
    return Gesture("", thing.picture, "point", ((x, y),), thing.turn, arguments.include is not False)


def _mended(context: ToolContext, thing: ObjectVersion, hint: Hint) -> _Mended | None:
    """The best mask that obeys the hint; None where there is none.

    Of the candidates that obey most points, the one of highest predicted IoU plus likeness to the mask so far.
    """
    if hint.box is not None:
        return _joined(context, thing, hint)
    if not hint.points:  # an area without a pixel
        return None
    if thing.mask is not None and hint.left_out:
        # Where mask and area meet is what is wrong; points there tell the segmenter more than points all over the area.
        points = points_within(hint.left_out[0] & thing.mask, AREA_POINTS)
        hint = replace(hint, points=tuple(points), labels=(0,) * len(points)) if points else hint
    said = _so_far(context, thing, hint)
    elsewhere = bool(hint.regions) and not any(_lies_on(thing, point) for point in hint.points)
    if elsewhere and (meant := _by_its_words(context, thing, hint)):
        return meant
    best, best_value = None, (0, 0.0)
    for each in _candidates(context, thing, hint, said, elsewhere):
        alike = 0.0 if thing.mask is None else float(mask_iou([each.mask], [thing.mask])[0, 0])
        value = (len(said.points) if each.moved else said.obeyed(each.mask), each.predicted_iou + alike)
        if 2 * hint.obeyed(each.mask) > len(hint.points) and (best is None or value > best_value):
            best, best_value = each, value
    return best


def _candidates(
    context: ToolContext, thing: ObjectVersion, hint: Hint, said: Hint, elsewhere: bool
) -> Iterator[_Mended]:
    """Masks to choose from: of all that was said so far, with the mask so far and without.

    An earlier mask keeps what was right, and sometimes what was wrong; so both are asked. For a place elsewhere the new
    points are asked alone, and of the rest only what keeps most of the object is a correction of it.
    """
    first = replace(hint, left_out=()) if elsewhere else said
    prompts = [first.prompt()]
    if elsewhere and said.points != hint.points:
        prompts.append(said.prompt())
    if thing.mask is not None:
        prompts.append(replace(said.prompt(), mask=thing.mask))
    for place, answer in enumerate(context.segment(thing.picture, prompts)):
        for each in _trimmed(answer, said):
            moved = elsewhere and not _keeps(each.mask, thing)
            if not (moved and place):
                yield replace(each, moved=moved)
    if hint.left_out and thing.mask is not None and (rest := said.without(thing.mask)).area:
        yield _Mended(rest, thing.candidate, 0.0, thing.stability or 0.0)


def _trimmed(answer: Segments, said: Hint) -> list[_Mended]:
    """The candidates of an answer less what is left out, each with all of them as alternatives; empty ones go."""
    masks = [said.without(mask) for mask in answer.masks]
    rows = [
        (index, Alternative(mask, float(answer.predicted_iou[index]), float(answer.stability[index])))
        for index, mask in enumerate(masks)
        if mask.area
    ]
    choice = tuple(each for _, each in rows) if len(rows) > 1 else ()
    return [_Mended(each.mask, index, each.predicted_iou, each.stability, choice) for index, each in rows]


def _joined(context: ToolContext, thing: ObjectVersion, hint: Hint) -> _Mended | None:
    """The object with what is in an area that was drawn."""
    answer = context.segment(thing.picture, [hint.prompt()])[0]
    assert hint.box is not None
    index = best_for_box(answer, hint.box)[1]
    if index is None:
        return None
    part = answer.masks[index]
    mask = part if thing.mask is None else thing.mask | part
    inside = {"points": [list(deepest_point(part))], "labels": [1]}
    return _Mended(mask, index, float(answer.predicted_iou[index]), float(answer.stability[index]), prompts=(inside,))


def _by_its_words(context: ToolContext, thing: ObjectVersion, hint: Hint) -> _Mended | None:
    """What the words that the object was found by mean at the place; None where the detector sees nothing there."""
    phrase = next((prompt["phrase"] for prompt in thing.prompts if "phrase" in prompt), None)
    if phrase is None:
        return None
    seen = detect(context, thing.picture, [phrase])
    under = [each for each in (*seen.hits, *seen.misses) if all(_in_box(each.box, point) for point in hint.points)]
    meant = meant_by(under, hint)
    if meant is None:
        return None
    # The detector's box may be loose, and a click alone does not say how large: each answer vouches for the other.
    answers = context.segment(thing.picture, [hint.prompt(meant.box), hint.prompt()])
    every = [each for answer in answers for each in _trimmed(answer, hint)]
    best = _agreed([each for each in every if 2 * hint.obeyed(each.mask) > len(hint.points)])
    if best is None:
        return None
    told = ({"phrase": phrase}, {"box": [round(side, 2) for side in meant.box]})
    return replace(best, moved=not _keeps(best.mask, thing), score=meant.score, prompts=told)


def _agreed(candidates: Sequence[_Mended]) -> _Mended | None:
    """The mask of highest predicted IoU plus likeness to the one most like it: what two answers share is no accident.

    None where there are no candidates.
    """
    masks = [each.mask for each in candidates]
    alike = mask_iou(masks, masks)
    np.fill_diagonal(alike, 0)
    values = [each.predicted_iou + float(row.max(initial=0)) for each, row in zip(candidates, alike, strict=True)]
    return candidates[int(np.argmax(values))] if values else None


def _so_far(context: ToolContext, thing: ObjectVersion, hint: Hint) -> Hint:
    """All that was said of the object: its points, the box it was found with, and areas that do not belong to it.

    Where a point that belongs to it lies outside the box, or in such an area, the box or the area was wrong.
    """
    prompts, opened = prompts_of(thing), context.opened(thing.picture)
    points = [*((float(x), float(y)) for prompt in prompts for x, y in prompt.get("points", ())), *hint.points]
    labels = [*(int(label) for prompt in prompts for label in prompt.get("labels", ())), *hint.labels]
    on_it = [point for point, label in zip(points, labels, strict=True) if label]
    box = next((corners(prompt["box"]) for prompt in reversed(prompts) if "box" in prompt), None)
    away = [prompt["gesture"] for prompt in prompts if prompt.get("include") is False]
    known = [replace(gesture, include=False) for name in away if (gesture := context.state.gestures.get(name))]
    areas = (*hint_of(known, opened.width, opened.height).left_out, *hint.left_out)
    return Hint(
        points=tuple(points),
        labels=tuple(labels),
        box=box if box is not None and all(_in_box(box, point) for point in on_it) else None,
        left_out=tuple(area for area in areas if not any(area.contains(x, y) for x, y in on_it)),
    )


def _keeps(mask: Mask, thing: ObjectVersion) -> bool:
    """Whether a mask holds most of an object."""
    own = thing.mask or area_of_box(thing.box, mask.width, mask.height).area
    assert own is not None
    return (mask & own).area >= KEPT * own.area


def _lies_on(thing: ObjectVersion, point: Point) -> bool:
    return _in_box(thing.box, point) or (thing.mask is not None and thing.mask.contains(*point))


def _in_box(box: Sequence[float], point: Point) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]
