"""The tool that says what is known. It changes nothing and does not know how anything was found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent_tools.memory import ObjectVersion
from agent_tools.references import has_label, rows
from agent_tools.tools.arguments import Arguments
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.edit import described, edit_record
from agent_tools.tools.wording import bounded, compact, record

LISTED = 20
"""Most objects that are described one by one."""
RECORDED = 200
"""Most objects that programs get whole; of the rest, their handles."""
Known = list[dict[str, Any]]


class RecallArguments(Arguments):
    """Which objects: words of their label, the turn that found them, their picture; without any, everything."""

    label: str | None = None
    turn: int | None = None
    picture: str | None = None


def recall(context: ToolContext, arguments: RecallArguments) -> ToolResult:
    """What is known: pictures, objects by label and turn, the selection, gestures, what can be undone."""
    asked = arguments.model_dump(exclude_none=True)
    if not asked:
        return _everything(context)
    picture = None if arguments.picture is None else context.opened(arguments.picture).handle
    objects = list(context.state.objects.values())
    labels = {each.label: each for each in objects}
    named = {label for label, thing in labels.items() if has_label(thing, arguments.label or "")}
    things = [
        thing
        for thing in objects
        if picture in (None, thing.picture)
        and thing.label in named
        and (arguments.turn is None or _found_in(context, thing) == arguments.turn)
    ]
    known = _grouped(context, things)
    words = ", ".join(f"{name}={value}" for name, value in asked.items())
    lines = [*_spoken(known), *_described(things[:LISTED])] if things else [f"None of {len(objects)} fits {words}."]
    if len(things) > LISTED:
        lines.append(f"{len(things) - LISTED} more are not described.")
    data = {"known": known, "objects": [record(thing) for thing in things[:RECORDED]]}
    return ToolResult(bounded("\n".join(lines)), data)


def _everything(context: ToolContext) -> ToolResult:
    state = context.state
    known = _grouped(context, list(state.objects.values()))
    lines = [
        f"{one.handle} {one.name} {one.width}x{one.height}" + (" (current)" if one.handle == state.picture else "")
        for one in state.pictures.values()
    ] or ["No picture is open."]
    lines += _spoken(known)
    lines.append(
        f"Selected {len(state.selection)}: {compact(state.selection)}" if state.selection else "Selected none."
    )
    if state.gestures:
        recent = list(state.gestures.values())[-5:]
        lines.append("Gestures: " + ", ".join(f"{g.handle} {g.kind} on {g.picture}" for g in recent))
    doubtful = [thing.handle for thing in state.objects.values() if thing.review]
    if doubtful:
        lines.append(f"To review: {compact(doubtful)}")
    if state.edits:
        lines.append("Edits: " + "; ".join(f"{one.handle} {described(context, one)}" for one in state.edits))
    lines.append(f"Can undo {state.undo}, redo {state.redo}.")
    lines += _described([state.objects[handle] for handle in state.selection[:LISTED]])
    data = {
        "pictures": list(state.pictures),
        "picture": state.picture,
        "known": known,
        "selection": list(state.selection),
        "edits": [edit_record(one) for one in state.edits],
        "undo": state.undo,
        "redo": state.redo,
    }
    return ToolResult(bounded("\n".join(lines)), data)


def _grouped(context: ToolContext, things: Sequence[ObjectVersion]) -> Known:
    """The handles by picture, label and the turn that found them."""
    known: dict[tuple[str, str, int], list[str]] = {}
    for thing in things:
        known.setdefault((thing.picture, thing.label, _found_in(context, thing)), []).append(thing.handle)
    return [
        {"picture": picture, "label": label, "turn": turn, "handles": handles}
        for (picture, label, turn), handles in known.items()
    ]


def _found_in(context: ToolContext, thing: ObjectVersion) -> int:
    # Most things were never corrected, and there may be ten thousand of them.
    return thing.turn if thing.version == 1 else context.found_in(thing)


def _spoken(known: Known) -> list[str]:
    return [
        f"{len(group['handles'])} {group['label']} on {group['picture']}, turn {group['turn']}: "
        f"{compact(group['handles'])}"
        for group in known
    ]


def _described(objects: Sequence[ObjectVersion]) -> list[str]:
    """A line an object: handle, label, score, row from the top, corners of its box."""
    lines = []
    for picture in dict.fromkeys(thing.picture for thing in objects):
        own = [thing for thing in objects if thing.picture == picture]
        row_of = {thing.handle: number for number, row in enumerate(rows(own), 1) for thing in row}
        for thing in own:
            score = "" if thing.score is None else f" {thing.score:.2f}"
            corners = " ".join(f"{side:.0f}" for side in thing.box)
            lines.append(f"{thing.handle} {thing.label}{score} row {row_of[thing.handle]} box {corners}")
    return lines
