"""Scores a planner on a file of requests: tool, order, number of calls and every argument have to be right.

The file is YAML: `contexts`, each as `plan --context` reads it (or the name of another file that has them), and
`requests`, each with `request`, perhaps `context`
(a name), and either `calls` (in order, as `tool: arguments`; `or` lists further right answers) or `says` (no call; the
reply holds these texts). This module does not know how a planner plans.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_tools.errors import ConfigError, shorten
from workflows.planning.context import Plan, PlanContext

WrittenCalls = list[dict[str, dict[str, Any]]]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    request: str
    context: str | None = None
    calls: WrittenCalls | None = None
    alternatives: list[WrittenCalls] = Field(default=[], alias="or")
    says: list[str] | None = None


class RequestSet(BaseModel):
    """The content of a file of requests."""

    model_config = ConfigDict(extra="forbid")

    contexts: dict[str, PlanContext] = {}
    requests: list[_Request]


@dataclass(frozen=True)
class Miss:
    """A request that was planned wrongly."""

    request: str
    context: str | None
    expected: str
    got: str


@dataclass(frozen=True)
class Score:
    """How many requests there were, and which were planned wrongly."""

    requests: int
    misses: tuple[Miss, ...]

    @property
    def right(self) -> float:
        """The share planned rightly, 0..1."""
        return 1 - len(self.misses) / max(1, self.requests)


def read_requests(path: Path) -> RequestSet:
    """The requests in the file `path`.

    Raises:
        ConfigError: it cannot be read, or holds something that it should not.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("contexts"), str):
            content["contexts"] = read_requests(path.parent / content["contexts"]).contexts
        return RequestSet.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        problem = shorten(" ".join(str(error).split()), 200)
        raise ConfigError(f"requests={path} cannot be used: expected a YAML file of requests ({problem}).") from None


def score(requests: RequestSet, planner: Callable[[str, PlanContext], Plan]) -> Score:
    """Plans every request and compares."""
    misses = []
    for entry in requests.requests:
        context = requests.contexts[entry.context] if entry.context else PlanContext()
        plan = planner(entry.request, context)
        if not _right(plan, entry):
            expected = str(entry.calls) if entry.calls is not None else f"a reply with {entry.says}"
            got = plan.reply or str([{call.tool: call.arguments} for call in plan.calls])
            misses.append(Miss(entry.request, entry.context, expected, got))
    return Score(len(requests.requests), tuple(misses))


def _right(plan: Plan, entry: _Request) -> bool:
    if entry.calls is None:
        return not plan.calls and bool(plan.reply) and all(text in str(plan.reply) for text in entry.says or [])
    got = [{call.tool: call.arguments} for call in plan.calls]
    return got in [entry.calls, *entry.alternatives]
