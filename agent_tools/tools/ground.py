"""The tool that finds boxes for phrases. It does not know masks or counts."""

from __future__ import annotations

from pydantic import Field

from agent_tools.tools.arguments import Arguments, Phrases, Quantity
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.finding import look, maker, remember, untold
from agent_tools.tools.wording import by_label, found_nothing, results


class GroundArguments(Arguments):
    """What to find."""

    phrases: Phrases = Field(description="English, singular: red apple.")
    quantity: Quantity = Field("all", description="one: the best of each phrase.")
    picture: str | None = None


def ground(context: ToolContext, arguments: GroundArguments) -> ToolResult:
    """Find things as boxes without masks: "where is"; for all else use segment or count. Replaces the selection."""
    picture = context.opened(arguments.picture).handle
    seen = look(context, picture, arguments.phrases, quantity=arguments.quantity, masks=False)
    context.turn.use_picture(picture)
    objects = remember(context, seen.hits, maker(context, masks=False))
    context.turn.select([thing.handle for thing in objects])
    settled = {thing.label for thing in objects} | seen.unknown.keys()
    missing = [found_nothing(phrase) for phrase in arguments.phrases if phrase not in settled]
    said, extra = untold(context, seen)
    parts = [by_label(objects), *missing, said]
    return results(parts, objects, picture=picture, selection=context.state.selection, **extra)
