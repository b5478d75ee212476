"""`askmask plan`: the calls a request would make, without running any. Loads no model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agent_tools.errors import ConfigError, shorten
from workflows.agent_loop.events import call_in_words
from workflows.commands.terminal import result, result_json

if TYPE_CHECKING:
    from workflows.planning.context import PlanContext


def plan(request: str, context: Path | None, *, as_json: bool) -> None:
    """Print the calls, or why there are none."""
    from workflows.planning.context import PlanContext
    from workflows.planning.rules import plan as plan_request

    known = PlanContext() if context is None else _read(context)
    made = plan_request(request, known)
    if as_json:
        result_json(made.model_dump(mode="json"))
        return
    for call in made.calls:
        result(call_in_words(call.tool, call.arguments))
    if made.reply is not None:
        result(made.reply)


def _read(path: Path) -> PlanContext:
    from workflows.planning.context import PlanContext

    try:
        return PlanContext.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"context={shorten(path)} cannot be read ({error.strerror}): expected a JSON file. Check the path."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(
            f"context={shorten(path)} does not fit at {where} ({first['msg']}): expected picture, objects, selection, "
            "click, undo and redo. Correct it."
        ) from error
