"""Cuts out what a hand pointed at, alone or together with the words said.

This module does not know the memory's writes, nor what a planner is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from agent_tools import references
from agent_tools.errors import ToolInputError
from agent_tools.masks import box_iou
from agent_tools.memory import Alternative, Gesture
from agent_tools.services.base import Segments
from agent_tools.tools.arguments import Quantity
from agent_tools.tools.context import ToolContext
from agent_tools.tools.finding import UNNAMED, Found, best_for_box, detect, known_by_mask, recognise, untold
from agent_tools.tools.gesture_prompts import Hint, hint_of

SLIP = 0.02
"""How far a hand may slip off a thing, as a share of the picture's shorter side."""


def at_gestures(
    context: ToolContext, picture: str, gestures: Sequence[Gesture], phrases: Sequence[str], quantity: Quantity = "all"
) -> tuple[list[Found], list[str]]:
    """One thing for each gesture that points at one; with quantity "one", the one thing that all of them point at.

    Gestures that say what does not belong hold for every thing: points beside it, and areas that are cut off it.

    With phrases, the thing is the detector's candidate that the gestures lie on, else the nearest one that is not known
    yet: whoever means a known thing points at it. Because a person points at it, a candidate below the threshold will
    do. Where the detector has none near, the gestures alone decide and the thing is marked for review.

    Returns:
        The things, with masks where the segmenter found any and with the handle where they are known, and remarks for
        the planner.

    Raises:
        ToolInputError: no gesture points at a thing.
        ServiceError: a model failed.
    """
    shown, away = ([one for one in gestures if one.include is include] for include in (True, False))
    if not shown:
        names = ", ".join(one.handle for one in away)
        raise ToolInputError(
            f"gestures={names} point at nothing{', only at what does not belong' if away else ''}: expected one that "
            "points at the thing. Ask the person to point at it, or correct a known object with refine_with_point."
        )
    opened = context.opened(picture)
    seen = detect(context, picture, phrases) if phrases else None
    remarks = [untold(context, seen)[1]["unknown"]["why"]] if seen and seen.unknown else []
    drafts: list[tuple[Found, Hint]] = []
    for group in [shown] if quantity == "one" else [[one] for one in shown]:
        hint = hint_of([*group, *away], opened.width, opened.height)
        meant = meant_by(_rivals(context, [*seen.hits, *seen.misses], hint), hint) if seen else None
        if phrases and meant is None:
            said = " ".join(one.handle for one in group)
            remarks.append(f"the detector sees no {' or '.join(phrases)} at {said}; cut out what is there")
        drafts.append((_draft(context, picture, [*group, *away], hint, meant, phrases), hint))
    prompts = [hint.prompt(None if draft.score is None else draft.box) for draft, hint in drafts]
    answers = context.segment(picture, prompts)
    found = [with_mask(draft, hint, answer) for (draft, hint), answer in zip(drafts, answers, strict=True)]
    if None in found:
        empty = [one.handle for one, each in zip(shown, found, strict=False) if each is None]
        remarks.append(f"nothing could be cut out at {' '.join(empty)}")
    cut = [known_by_mask(context, each) for each in found if each is not None]
    known = recognise(context, cut)
    if away:  # else a known thing keeps the mask that it has
        known = [replace(each, mask=fresh.mask) for each, fresh in zip(known, cut, strict=True)]
    return known, remarks


def _rivals(context: ToolContext, candidates: Sequence[Found], hint: Hint) -> list[Found]:
    """The candidates that may be meant: not those that are known, and that the hand is well beside."""
    known = recognise(context, candidates)

    def missed(each: Found) -> bool:
        opened = context.opened(each.picture)
        slip = SLIP * min(opened.width, opened.height)
        return all(references.gap(each.box, region.box) > slip for region in hint.regions)

    return [each for each, same in zip(candidates, known, strict=True) if not (same.handle and missed(same))]


def _draft(
    context: ToolContext,
    picture: str,
    gestures: Sequence[Gesture],
    hint: Hint,
    meant: Found | None,
    phrases: Sequence[str],
) -> Found:
    """The thing before it has a mask: the detector's candidate, or what the gestures say alone."""
    told: list[dict[str, Any]] = [
        {"gesture": one.handle} if one.include else {"gesture": one.handle, "include": False} for one in gestures
    ]
    if hint.points:
        told.append({"points": [list(point) for point in hint.points], "labels": list(hint.labels)})
    if meant is not None:
        return replace(meant, prompts=(*meant.prompts, *told))
    if hint.box is not None:
        told.append({"box": [round(side, 2) for side in hint.box]})
    if phrases:
        told.insert(0, {"phrase": phrases[0]})
    box = hint.box or hint.regions[0].box
    label = phrases[0] if phrases else UNNAMED
    return Found(picture, label, None, box, context.state.turn_number, tuple(told), review=bool(phrases))


def with_mask(draft: Found, hint: Hint, segments: Segments) -> Found | None:
    """The draft with its mask, and with the others it may have; None when every candidate is empty.

    Of the candidates that agree with most of the points: with a box, the one that fills it, else the one of highest
    predicted IoU.
    """
    masks = [hint.without(mask) for mask in segments.masks]
    there = [index for index, mask in enumerate(masks) if mask.area]
    if not there:
        return None
    obeyed = {index: hint.obeyed(masks[index]) for index in there}
    best = [index for index in there if obeyed[index] == max(obeyed.values())]
    chosen = best[0]
    if draft.score is not None or hint.box is not None:
        rivals = Segments([masks[i] for i in best], segments.predicted_iou[best], segments.stability[best])
        chosen = best[best_for_box(rivals, draft.box)[1] or 0]
    choice = [Alternative(masks[i], float(segments.predicted_iou[i]), float(segments.stability[i])) for i in there]
    mask = masks[chosen]
    return replace(
        draft,
        box=draft.box if draft.score is not None else mask.box,
        mask=mask,
        candidate=chosen,
        predicted_iou=float(segments.predicted_iou[chosen]),
        stability=float(segments.stability[chosen]),
        alternatives=tuple(choice) if len(choice) > 1 else (),
    )


def meant_by(candidates: Sequence[Found], hint: Hint) -> Found | None:
    """The candidate that most of the gestures lie on and fewest of the points beside it; else the nearest; or None.

    An area lies on what fills it most, points on what has them; of equals the best score is meant.
    """
    beside = [point for point, label in zip(hint.points, hint.labels, strict=True) if not label]
    best: tuple[tuple[float, float, float], Found] | None = None
    for each in candidates:
        own = np.array([each.box], np.float32)
        on = 0.0
        for region in hint.regions:
            if region.area is not None:
                on += float(box_iou(own, np.array([region.box], np.float32))[0, 0])
            elif references.is_inside(each, region):
                on += 1
        off = sum(references.is_inside(each, references.place_of_points([point])) for point in beside)
        rank = (on, -off, each.score or 0.0)
        if on > 0 and (best is None or rank > best[0]):
            best = rank, each
    if best is not None:
        return best[1]
    at = hint.regions[0]
    near = [each for each in candidates if at.area is None and references.is_near(each, at)]
    return min(near, key=lambda each: references.gap(each.box, at.box), default=None)
