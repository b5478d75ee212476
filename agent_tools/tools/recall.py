"""The tool that says what is known. It changes nothing and does not know how anything was found."""

from __future__ import annotations

from agent_tools.memory import ObjectVersion
from agent_tools.references import rows
from agent_tools.tools.arguments import Arguments
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.wording import bounded, compact

LISTED = 20
"""Most objects that are described one by one."""


class RecallArguments(Arguments):
    """Nothing to say."""


def recall(context: ToolContext, arguments: RecallArguments) -> ToolResult:  # noqa: ARG001
    """What is known so far: pictures, objects by label and turn, the selection with positions, gestures, and what can
    be undone. Changes nothing.
    """
    state = context.state
    known: dict[tuple[str, str, int], list[str]] = {}
    for thing in state.objects.values():
        known.setdefault((thing.picture, thing.label, context.found_in(thing)), []).append(thing.handle)
    lines = [
        f"{one.handle} {one.name} {one.width}x{one.height}" + (" (current)" if one.handle == state.picture else "")
        for one in state.pictures.values()
    ] or ["No picture is open."]
    lines += [
        f"{len(handles)} {label} on {picture}, turn {turn}: {compact(handles)}"
        for (picture, label, turn), handles in known.items()
    ]
    lines.append(
        f"Selected {len(state.selection)}: {compact(state.selection)}" if state.selection else "Selected none."
    )
    if state.gestures:
        recent = list(state.gestures.values())[-5:]
        lines.append("Gestures: " + ", ".join(f"{g.handle} {g.kind} on {g.picture}" for g in recent))
    doubtful = [thing.handle for thing in state.objects.values() if thing.review]
    if doubtful:
        lines.append(f"To review: {compact(doubtful)}")
    lines.append(f"Can undo {state.undo}, redo {state.redo}.")
    lines += _described([state.objects[handle] for handle in state.selection[:LISTED]])
    data = {
        "pictures": list(state.pictures),
        "picture": state.picture,
        "known": [
            {"picture": picture, "label": label, "turn": turn, "handles": handles}
            for (picture, label, turn), handles in known.items()
        ],
        "selection": list(state.selection),
        "undo": state.undo,
        "redo": state.redo,
    }
    return ToolResult(bounded("\n".join(lines)), data)


def _described(objects: list[ObjectVersion]) -> list[str]:
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
