"""The tool that counts, and says how sure it is.

The range comes from `agent_tools.certainty`. This module does not know how things are found or cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from agent_tools.certainty import DOUBTFUL, bounds
from agent_tools.errors import ToolInputError
from agent_tools.memory import ObjectVersion
from agent_tools.tools.arguments import Arguments, Names, Phrases, Where
from agent_tools.tools.choosing import choose
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.finding import Found, chance_of, look, maker, remember, untold
from agent_tools.tools.wording import by_label, compact, found_nothing, results


class CountArguments(Arguments):
    """What to count."""

    phrases: Phrases | None = Field(None, description="English, singular: red apple.")
    handles: Names | None = Field(None, description="Default: the selection.")
    where: Where | None = None
    picture: str | None = None


def count(context: ToolContext, arguments: CountArguments) -> ToolResult:
    """Count: "how many". With phrases it looks afresh, cuts out and selects. Without, it counts handles or the
    selection and changes nothing. Returns n, low, high, doubtful handles.
    """
    if arguments.phrases is None:
        return _count_known(context, arguments)
    if arguments.handles is not None:
        raise ToolInputError(
            "handles is given together with phrases: expected one of the two. "
            "Leave out handles to look afresh, or phrases to count what is known."
        )
    picture = context.opened(arguments.picture).handle
    seen = look(context, picture, arguments.phrases, where=arguments.where)
    context.turn.use_picture(picture)
    objects = remember(context, seen.hits, maker(context))
    context.turn.select([thing.handle for thing in objects])
    counts: dict[str, dict[str, Any]] = {}
    parts: list[str] = []
    for phrase in arguments.phrases:
        mine = [thing for thing in objects if thing.label == phrase]
        missed = [each for each in seen.misses if each.label == phrase]
        counts[phrase] = counted = counted_of(mine, missed, seen.saturated)
        if phrase in seen.unknown:
            counted["unknown"] = seen.unknown[phrase]
        else:
            parts.append(_spoken(phrase, mine, counted, seen.notes.get(phrase, "")))
    said, extra = untold(context, seen)
    extra |= {"candidates": context.state.selection} if seen.tied else {}
    selection = context.state.selection
    return results([*parts, said], objects, counts=counts, picture=picture, selection=selection, **extra)


def _count_known(context: ToolContext, arguments: CountArguments) -> ToolResult:
    known = context.chosen_or_selected(arguments.handles)
    if arguments.picture is not None:
        picture = context.opened(arguments.picture).handle
        known = [thing for thing in known if thing.picture == picture]
    choice = choose(context, known, arguments.where)
    counts: dict[str, dict[str, Any]] = {}
    parts: list[str] = []
    for label in dict.fromkeys(thing.label for thing in known):
        mine = [thing for thing in choice.things if thing.label == label]
        counts[label] = counted_of(mine)
        if mine or not choice.things:
            parts.append(_spoken(label, mine, counts[label], choice.note))
    if not known:
        parts.append("0: nothing is selected; give phrases to look for something")
    elif len(parts) > 1:
        parts.append(f"{len(choice.things)} in all")
    tied = {"candidates": tuple(thing.handle for thing in choice.candidates)} if choice.tied else {}
    return results(parts, choice.things, counts=counts, total=len(choice.things), **tied)


def counted_of(
    objects: Sequence[ObjectVersion], missed: Sequence[Found] = (), saturated: bool = False
) -> dict[str, Any]:
    """A count as programs get it: n, low, high, the handles to look at, and whether there may be more.

    Args:
        objects: what is counted.
        missed: near misses.
        saturated: whether the detector ran out of room.
    """
    low, high = bounds([chance_of(thing) for thing in objects], [chance_of(each) for each in missed])
    doubtful = [thing.handle for thing in objects if chance_of(thing) < DOUBTFUL]
    return {"n": len(objects), "low": low, "high": high, "borderline": doubtful, "saturated": saturated}


def _spoken(phrase: str, objects: Sequence[ObjectVersion], counted: dict[str, Any], note: str) -> str:
    if not objects:
        said = found_nothing(phrase, note)
        return said + (f", at most {counted['high']}" if counted["high"] else "")
    return by_label(objects) + (f" ({note})" if note else "") + f". {bounds_of(counted)}"


def bounds_of(counted: dict[str, Any]) -> str:
    """How sure a count is, in words for a planner."""
    said = f"low {counted['low']}, high {counted['high']}"
    if counted["borderline"]:
        said += f", borderline {compact(counted['borderline'])}"
    return said + (", saturated: there may be more" if counted["saturated"] else "")
