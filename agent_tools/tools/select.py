"""The tool that narrows, widens or replaces the selection. It does not know how things are found."""

from __future__ import annotations

from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.memory import ObjectVersion
from agent_tools.tools.arguments import Arguments, Combine, Names, Where
from agent_tools.tools.choosing import choose
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.wording import by_label, compact, results


class SelectArguments(Arguments):
    """Which of the known things."""

    handles: Names | None = Field(None, description="Default: the selection; to add: all.")
    where: Where | None = None
    combine: Combine = Field("replace", description="With the selection.")


def select(context: ToolContext, arguments: SelectArguments) -> ToolResult:
    """Choose among known objects without looking again: "only the top row", "the biggest", "not the second one"
    (subtract), "also m4" (add). Returns the selection, or the candidates of a tie.
    """
    if arguments.handles is None and (arguments.where is None or arguments.where.empty) and arguments.combine != "add":
        raise ToolInputError(
            "handles=None and where=None choose nothing: expected one of them. Name handles, or say which in where."
        )
    before = context.state.selection
    choice = choose(context, _candidates(context, arguments), arguments.where)
    chosen = {thing.handle: None for thing in choice.things}  # in order, and quick to look up
    if choice.tied and arguments.combine != "replace":
        candidates = [thing.handle for thing in choice.candidates]
        parts = [f"The selection is unchanged: {choice.note}: {compact(candidates)}"]
        return results(parts, choice.candidates, selection=before, candidates=candidates)
    after = {
        "replace": [*chosen],
        "add": [*before, *chosen],
        "subtract": [handle for handle in before if handle not in chosen],
        "intersect": [handle for handle in before if handle in chosen],
    }[arguments.combine]
    context.turn.select(after)
    objects = context.objects(context.state.selection)
    kept = {thing.handle for thing in objects}
    gone = [handle for handle in before if handle not in kept]
    parts = [
        f"{len(objects)} selected" + (f": {by_label(objects)}" if objects else ""),
        choice.note,
        f"No longer selected: {compact(gone)}" if gone and arguments.combine == "subtract" else "",
    ]
    extra = {"candidates": [thing.handle for thing in choice.candidates]} if choice.tied else {}
    return results(parts, objects, selection=context.state.selection, **extra)


def _candidates(context: ToolContext, arguments: SelectArguments) -> list[ObjectVersion]:
    if arguments.handles is not None:
        return context.objects(arguments.handles)
    if arguments.combine == "add":
        current = context.opened().handle
        return [thing for thing in context.state.objects.values() if thing.picture == current]
    if not context.state.selection:
        raise ToolInputError(
            "handles=None means the selection, which is empty: expected handles, or something selected. "
            "Name handles such as m1-m4, or look for something with count or segment."
        )
    return context.objects(context.state.selection)
