"""Records as rows, and rows as records. This module does not know queries or transactions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from agent_tools.masks import Mask
from agent_tools.memory.on_demand import Selections, Versions
from agent_tools.memory.records import Alternative, CallRecord, Edit, Gesture, ObjectVersion, OpenedPicture
from agent_tools.memory.timeline import Node, Timeline, Used


def number_of(handle: str | None) -> int | None:
    """The number in a handle: ``m17`` is 17."""
    return None if handle is None else int(handle[1:])


def _picture(number: int | None) -> str | None:
    return None if number is None else f"p{number}"


def node_columns(node: Node | None, selection: Iterable[str] | None) -> dict[str, Any]:
    """What `turns` says of a turn's node, and of the selection where that changed; all NULL where it has none."""
    if node is None:
        return {"before": None, "selection": None, "edits": None}
    return {"before": node.before, "selection": _numbers(selection), "edits": _numbers(node.edits)}


def _numbers(handles: Iterable[str] | None) -> list[int | None] | None:
    return None if handles is None else [number_of(handle) for handle in handles]


def picture_row(picture: OpenedPicture) -> dict[str, Any]:
    """A row of `pictures`."""
    return {
        "number": number_of(picture.handle),
        "digest": picture.digest,
        "width": picture.width,
        "height": picture.height,
        "name": picture.name,
    }


def gesture_row(gesture: Gesture) -> dict[str, Any]:
    """A row of `gestures`."""
    return {
        "number": number_of(gesture.handle),
        "turn": gesture.turn,
        "picture": number_of(gesture.picture),
        "kind": gesture.kind,
        "coordinates": gesture.coordinates,
        "include": gesture.include,
    }


def edit_row(edit: Edit) -> dict[str, Any]:
    """A row of `edits`."""
    return {
        "number": number_of(edit.handle),
        "turn": edit.turn,
        "picture": number_of(edit.picture),
        "action": edit.action,
        "objects": [[number_of(handle), version] for handle, version in edit.objects],
        "invert": edit.invert,
        "parameters": dict(edit.parameters),
    }


def version_row(one: ObjectVersion) -> dict[str, Any]:
    """A row of `versions`."""
    x0, y0, x1, y1 = one.box
    return {
        "object": number_of(one.handle),
        "version": one.version,
        "turn": one.turn,
        "picture": number_of(one.picture),
        "label": one.label,
        "score": one.score,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "mask_height": one.mask.height if one.mask else None,
        "mask_width": one.mask.width if one.mask else None,
        "mask_counts": one.mask.counts if one.mask else None,
        "area": one.area,
        "parent_object": number_of(one.parent[0]) if one.parent else None,
        "parent_version": one.parent[1] if one.parent else None,
        "prompts": one.prompts,
        "candidate": one.candidate,
        "predicted_iou": one.predicted_iou,
        "stability": one.stability,
        "model": one.model,
        "review": one.review,
        "alternatives": [
            [each.mask.counts.decode("ascii"), each.predicted_iou, each.stability] for each in one.alternatives
        ]
        or None,
    }


def call_row(call: CallRecord, turn: int, place: int) -> dict[str, Any]:
    """A row of `calls`, the `place`-th of its turn."""
    return {
        "call_id": call.call_id,
        "turn": turn,
        "place": place,
        "tool": call.tool,
        "arguments": call.arguments,
        "text": call.text,
        "data": call.data,
        "error": call.error,
        "seconds": call.seconds,
    }


def call_of(row: Any) -> CallRecord:
    """The call in a row of `calls`."""
    return CallRecord(row.call_id, row.tool, row.arguments, row.text, row.data, row.error, row.seconds)


def _gesture_of(row: Any) -> Gesture:
    points = tuple((x, y) for x, y in row.coordinates)
    return Gesture(f"g{row.number}", f"p{row.picture}", row.kind, points, row.turn, row.include)


def _edit_of(row: Any) -> Edit:
    return Edit(
        handle=f"e{row.number}",
        picture=f"p{row.picture}",
        action=row.action,
        objects=tuple((f"m{number}", version) for number, version in row.objects),
        masks=(),
        invert=row.invert,
        parameters=row.parameters,
        turn=row.turn,
    )


VERSION_COLUMNS = (
    *("object", "version", "turn", "picture", "label", "score", "x0", "y0", "x1", "y1"),
    *("mask_height", "mask_width", "mask_counts", "area", "parent_object", "parent_version"),
    *("prompts", "candidate", "predicted_iou", "stability", "model", "review", "alternatives"),
)
"""What `versions_of` wants of `versions`, in this order, ``prompts`` and ``alternatives`` as text."""


def _version_of(row: Any, decoded: Callable[[str], tuple[dict[str, Any], ...]]) -> ObjectVersion:
    # By position: thousands of these are read at once, and a row's columns by name take three times as long.
    number, version, turn, picture, label, score, x0, y0, x1, y1, *rest = row
    height, width, counts, area, parent, parent_version, *rest = rest
    prompts, candidate, predicted_iou, stability, model, review, alternatives = rest
    return ObjectVersion(
        handle=f"m{number}",
        version=version,
        picture=f"p{picture}",
        label=label,
        score=score,
        box=(x0, y0, x1, y1),
        mask=None if counts is None else Mask(height, width, counts),
        area=area,
        parent=None if parent is None else (f"m{parent}", parent_version),
        prompts=decoded(prompts),
        candidate=candidate,
        predicted_iou=predicted_iou,
        stability=stability,
        model=model,
        review=review,
        turn=turn,
        alternatives=() if alternatives is None else _alternatives_of(alternatives, height, width),
    )


def _alternatives_of(text: str, height: int, width: int) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(Mask(height, width, counts.encode("ascii")), predicted_iou, stability)
        for counts, predicted_iou, stability in json.loads(text)
    )


def _prompts_of(text: str) -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(text))


def versions_of(rows: Iterable[Any]) -> list[ObjectVersion]:
    """The versions in rows of the `VERSION_COLUMNS`."""
    decoded = cache(_prompts_of)  # things that one sentence found have the same prompts
    return [_version_of(row, decoded) for row in rows]


def selection_of(numbers: Iterable[int] | None) -> tuple[str, ...]:
    """The handles in ``turns.selection``."""
    return tuple(f"m{number}" for number in numbers or ())


def timeline_of(
    head: Any,
    nodes: Iterable[Any],
    pictures: Iterable[Any],
    openings: Iterable[Any],
    gestures: Iterable[Any],
    edits: Iterable[Any],
    path: Callable[[str], Path],
    read_versions: Callable[[range, int], Iterable[ObjectVersion]],
    read_selection: Callable[[int], tuple[str, ...]],
) -> Timeline:
    """The timeline in a conversation's rows, each kind in ascending order.

    Args:
        head: its row of `conversations`.
        nodes: of the turns that changed something, ``number``, ``before``, ``picture``, ``edits``, and whether it
            ``selects`` and ``makes``.
        pictures: rows.
        openings: rows.
        gestures: rows.
        edits: rows.
        path: says where the picture's file of a digest is.
        read_versions: see `Versions`.
        read_selection: see `Selections`.
    """
    opened: dict[int, list[str]] = {}
    for row in openings:
        opened.setdefault(row.turn, []).append(f"p{row.picture}")
    return Timeline(
        conversation=head.id,
        revision=head.revision,
        turns=head.turns,
        position=head.position,
        tip=head.tip,
        picture=_picture(head.picture),
        used=Used(head.pictures_used, head.gestures_used, head.objects_used, head.edits_used),
        nodes={
            row.number: Node(
                number=row.number,
                before=row.before,
                picture=_picture(row.picture),
                selects=bool(row.selects),
                opened=tuple(opened.get(row.number, ())),
                makes=bool(row.makes),
                edits=None if row.edits is None else tuple(f"e{number}" for number in row.edits),
            )
            for row in nodes
        },
        pictures={
            f"p{row.number}": OpenedPicture(
                f"p{row.number}", row.digest, row.width, row.height, row.name, path(row.digest)
            )
            for row in pictures
        },
        gestures={f"g{row.number}": _gesture_of(row) for row in gestures},
        versions=Versions(read_versions, head.turns, head.objects_used),
        selections=Selections(read_selection, {0: ()}),
        edits={f"e{row.number}": _edit_of(row) for row in edits},
    )
