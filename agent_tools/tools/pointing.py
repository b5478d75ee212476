"""Cuts out what a hand pointed at, alone or together with the words said.

This module does not know the memory's writes, nor what a planner is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agent_tools import references
from agent_tools.masks import box_iou, mask_iou
from agent_tools.memory import Gesture
from agent_tools.references import Box, Region
from agent_tools.services.base import Prompt, Segments
from agent_tools.tools.choosing import place_of_gesture
from agent_tools.tools.context import ToolContext
from agent_tools.tools.finding import SAME_THING, Found, best_for_box, detect, untold

STROKE_POINTS = 8
"""Points taken along a stroke, evenly."""
LABEL = "object"
"""What a thing is called that was pointed at without a word."""


def at_gestures(
    context: ToolContext, picture: str, gestures: Sequence[Gesture], phrases: Sequence[str]
) -> tuple[list[Found], list[str]]:
    """One thing a gesture.

    With phrases, the thing is the detector's candidate that the gesture lies on, else the nearest one; because a person
    points at it, a candidate below the threshold will do. Where the detector has none near, the gesture alone decides
    and the thing is marked for review.

    Returns:
        The things, with masks where the segmenter found any, and remarks for the planner.
    """
    opened, turn = context.opened(picture), context.state.turn_number
    seen = detect(context, picture, phrases) if phrases else None
    drafts: list[tuple[Found, Prompt]] = []
    remarks = [untold(context, seen)[1]["unknown"]["why"]] if seen and seen.unknown else []
    for gesture in gestures:
        region = place_of_gesture(gesture, opened.width, opened.height)
        points = _points(gesture) if region.area is None else []
        meant = _meant([*seen.hits, *seen.misses], region) if seen else None
        told: tuple[dict[str, Any], ...] = ({"gesture": gesture.handle},)
        if points:
            told = (*told, {"points": [list(point) for point in points], "labels": [1] * len(points)})
        if meant is not None:
            drafts.append((replace(meant, prompts=(*meant.prompts, *told)), _prompt(points, meant.box)))
            continue
        if phrases:
            remarks.append(f"the detector sees no {' or '.join(phrases)} at {gesture.handle}; cut out what is there")
            told = ({"phrase": phrases[0]}, *told)
        box = None if points else _clipped(region.box, opened.width, opened.height)
        prompt = _prompt(points, box, region) if box else _prompt(points)
        told = (*told, {"box": [round(side, 2) for side in box]}) if box else told
        label = phrases[0] if phrases else LABEL
        drafts.append((Found(picture, label, None, box or region.box, turn, told, review=bool(phrases)), prompt))
    answers = context.segment(picture, [prompt for _, prompt in drafts])
    found = [_with_mask(draft, prompt, answer) for (draft, prompt), answer in zip(drafts, answers, strict=True)]
    empty = [gesture.handle for gesture, each in zip(gestures, found, strict=True) if each is None]
    if empty:
        remarks.append(f"nothing could be cut out at {' '.join(empty)}")
    return [_known(context, each) for each in found if each is not None], remarks


def _with_mask(draft: Found, prompt: Prompt, segments: Segments) -> Found | None:
    """The draft with its mask; None when every candidate is empty.

    With a box, the candidate that fills it; with points, the one of highest predicted IoU among those that hold most of
    the points.
    """
    if prompt.box is not None:
        candidate = best_for_box(segments, draft.box)[1]
    else:
        assert prompt.points is not None
        held = [sum(mask.contains(float(x), float(y)) for x, y in prompt.points) for mask in segments.masks]
        order = sorted(range(len(held)), key=lambda i: (-held[i], -segments.predicted_iou[i]))
        candidate = next((index for index in order if segments.masks[index].area), None)
    if candidate is None:
        return None
    mask = segments.masks[candidate]
    return replace(
        draft,
        box=draft.box if draft.score is not None else mask.box,
        mask=mask,
        candidate=candidate,
        predicted_iou=float(segments.predicted_iou[candidate]),
        stability=float(segments.stability[candidate]),
    )


def _known(context: ToolContext, found: Found) -> Found:
    """A thing pointed at without a word takes the name of the known object that it is, so that it keeps its handle."""
    objects = context.state.objects.values()
    rivals = [(thing, thing.mask) for thing in objects if thing.picture == found.picture and thing.mask is not None]
    if found.label != LABEL or found.mask is None or not rivals:
        return found
    likeness = mask_iou([found.mask], [mask for _, mask in rivals])[0]
    best = int(np.argmax(likeness))
    return replace(found, label=rivals[best][0].label) if likeness[best] > SAME_THING else found


def _meant(candidates: Sequence[Found], region: Region) -> Found | None:
    """The candidate a gesture lies on, best score first; else the nearest that is `near`; None without one."""
    if region.area is not None:
        if not candidates:
            return None
        overlap = box_iou(np.array([each.box for each in candidates], np.float32), np.array([region.box], np.float32))[
            :, 0
        ]
        best = int(np.argmax(overlap))
        return candidates[best] if overlap[best] > 0 else None
    under = [each for each in candidates if references.is_inside(each, region)]
    if under:
        return max(under, key=lambda each: each.score or 0)
    near = [each for each in candidates if references.is_near(each, region)]
    return min(near, key=lambda each: references.gap(each.box, region.box), default=None)


def _points(gesture: Gesture) -> list[tuple[float, float]]:
    """The point, or up to `STROKE_POINTS` along a stroke, its ends included."""
    count = len(gesture.coordinates)
    places = np.unique(np.linspace(0, count - 1, min(count, STROKE_POINTS)).round().astype(int))
    return [gesture.coordinates[place] for place in places]


def _prompt(points: Sequence[tuple[float, float]], box: Box | None = None, region: Region | None = None) -> Prompt:
    return Prompt(
        points=np.array(points, np.float32) if points else None,
        labels=np.ones(len(points), np.int64) if points else None,
        box=None if box is None else np.array(box, np.float32),
        # A drawn outline says more than its box; a drawn box says no more than itself.
        mask=region.area if region is not None and region.area is not None and not _is_box(region) else None,
    )


def _is_box(region: Region) -> bool:
    assert region.area is not None
    x0, y0, x1, y1 = region.box
    return region.area.area >= 0.98 * (x1 - x0) * (y1 - y0)


def _clipped(box: Box, width: int, height: int) -> Box:
    x0, x1 = (min(max(side, 0.0), float(width)) for side in (box[0], box[2]))
    y0, y1 = (min(max(side, 0.0), float(height)) for side in (box[1], box[3]))
    return (x0, y0, x1, y1)
