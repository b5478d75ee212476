"""A conversation as the page draws it: JSON with outlines in place of masks, so that a click moves no picture.

This module does not know Gradio, HTTP or how anything is done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import cv2

from agent_tools.drawing import colour_of
from agent_tools.editing import STRENGTHS
from agent_tools.masks import Mask
from agent_tools.memory import Edit, ObjectVersion, State
from agent_tools.memory.checks import check_handle
from agent_tools.tools.gesture_prompts import deepest_point
from agent_tools.tools.switch_mask import ladder
from workflows.web.previews import edits_key
from workflows.web.rooms import Room

_FINENESS = 2000
"""An outline keeps what can be seen at this many pixels of the picture's longer side."""


def view(room: Room, said: str = "", focus: str | None = None) -> dict[str, Any]:
    """All that the page shows beside the talk.

    Args:
        room: of the conversation.
        said: what the last act came to, for those who listen.
        focus: handle of the thing to say more about, if it is still there.
    """
    state = room.state
    opened = state.pictures.get(state.picture or "")
    edits = [one for one in state.edits if one.picture == state.picture]
    things = _shown(state)
    return {
        "conversation": room.id,
        "said": said,
        "picture": None
        if opened is None
        else {
            "handle": opened.handle,
            "name": opened.name,
            "width": opened.width,
            "height": opened.height,
            "url": f"pictures/{room.id}/{opened.handle}/{edits_key(edits)}",
            "original": f"pictures/{room.id}/{opened.handle}/original",
        },
        "pictures": [{"handle": one.handle, "name": one.name} for one in state.pictures.values()],
        "objects": [_object(room, one, one.handle in state.selection) for one in things],
        "counts": _counts(state, things),
        "edits": [_edit(one, state) for one in edits],
        "undo": state.undo,
        "redo": state.redo,
        "focus": focus if focus in {one.handle for one in things} else None,
    }


def choices(room: Room, handle: str) -> list[dict[str, Any]]:
    """The outlines that a thing may have, smallest first, with how many steps away from its own each is.

    Raises:
        HandleError: no such thing.
    """
    things = room.state.objects
    check_handle(handle, things, {}, "handle")
    thing = things[handle]
    if thing.mask is None or not thing.alternatives:
        return []
    rungs = ladder(thing, thing.alternatives)
    own = next(place for place, each in enumerate(rungs) if each.mask == thing.mask)
    return [
        {"steps": place - own, "path": outline(each.mask), "box": list(each.mask.box)}
        for place, each in enumerate(rungs)
    ]


def outline(mask: Mask) -> str:
    """The rims of a mask, holes included, as an SVG path in pixels of the picture; fill it by the even-odd rule."""
    crop, left, top = mask.to_crop()
    if not crop.size:
        return ""
    # Twice as large, so that a rim runs along the edges of pixels and not through their middles.
    fine = max(mask.width, mask.height) <= _FINENESS
    scale = 2 if fine else 1
    shape = cv2.resize(crop.view("uint8"), None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST) if fine else crop
    rings, _ = cv2.findContours(shape.view("uint8"), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    tolerance = scale * max(0.35, max(mask.width, mask.height) / _FINENESS)
    parts = []
    for ring in rings:
        corners = cv2.approxPolyDP(ring, tolerance, True)[:, 0]
        if len(corners) > 2:
            parts.append("M" + "L".join(f"{x / scale + left:g} {y / scale + top:g}" for x, y in corners + 0.5) + "Z")
    return "".join(parts)


def _shown(state: State) -> list[ObjectVersion]:
    """What is marked on the current picture, and what was found with it."""
    marked = {handle for handle in state.selection if state.objects[handle].picture == state.picture}
    labels = {state.objects[handle].label for handle in marked} or None
    return [
        one
        for one in state.objects.values()
        if one.picture == state.picture and (one.handle in marked or labels is None or one.label in labels)
    ]


def _object(room: Room, one: ObjectVersion, marked: bool) -> dict[str, Any]:
    key = (one.handle, one.version)
    if key not in room.outlines:
        room.outlines[key] = outline(one.mask) if one.mask is not None else ""
        if len(room.outlines) > 5000:
            room.outlines.pop(next(iter(room.outlines)))
    at = deepest_point(one.mask) if one.mask is not None and one.area else _middle(one.box)
    return {
        "handle": one.handle,
        "number": one.handle[1:],
        "label": one.label,
        "score": one.score,
        "colour": f"rgb{colour_of(one.handle)}",
        "box": [round(side, 1) for side in one.box],
        "at": [round(place, 1) for place in at],
        "path": room.outlines[key],
        "marked": marked,
        "review": one.review,
        "choices": len(one.alternatives),
    }


def _counts(state: State, things: Sequence[ObjectVersion]) -> list[dict[str, Any]]:
    """How many of each are marked, and how many of those a person should look at."""
    marked = [one for one in things if one.handle in state.selection]
    doubtful = Counter(one.label for one in marked if one.review)
    return [
        {"label": label, "n": n, "doubtful": doubtful[label]}
        for label, n in Counter(one.label for one in marked).most_common()
    ]


def _edit(one: Edit, state: State) -> dict[str, Any]:
    labels = Counter(state.objects[handle].label for handle, _ in one.objects if handle in state.objects)
    what = ", ".join(f"{n} {label}" if n > 1 else label for label, n in labels.items())
    if not one.objects:
        what = "the whole picture"
    elif one.invert:
        what = f"all but {what}"
    return {
        "handle": one.handle,
        "action": one.action,
        "what": what,
        "strength": one.parameters.get("strength", STRENGTHS.get(one.action)),
        "parameters": dict(one.parameters),
    }


def _middle(box: Sequence[float]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
