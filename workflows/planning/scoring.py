"""Scores a planner on a file of requests: tool, order, number of calls and every argument have to be right.

The file is YAML: `contexts`, each as `plan --context` reads it (or the name of another file that has them), and
`requests`, each with `request` (or `said`: language → several ways to say it), perhaps `context` (a name), and either
`calls` (in order, as `tool: arguments`; `or` lists further right answers) or `says` (no call; the reply holds these
texts). This module does not know how a planner plans.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent_tools.errors import ConfigError, shorten
from workflows.planning.context import Plan, PlanContext

WrittenCalls = list[dict[str, dict[str, Any]]]


class Entry(BaseModel):
    """One meaning: how it is said, where, and what is right."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    request: str | None = None
    said: dict[str, list[str]] = {}
    context: str | None = None
    calls: WrittenCalls | None = None
    alternatives: list[WrittenCalls] = Field(default=[], alias="or")
    says: list[str] | None = None

    @model_validator(mode="after")
    def _is_said_once(self) -> Entry:
        if (self.request is None) == (not self.said):
            raise ValueError("one of request and said")
        return self

    @property
    def sayings(self) -> Iterator[tuple[str, str]]:
        """Each way to say it: language and request."""
        if self.request is not None:
            yield "english", self.request
        yield from ((language, request) for language, requests in self.said.items() for request in requests)

    @property
    def kind(self) -> str:
        """What is asked for: the tool called first, with what it combines or whether it corrects; or a reply."""
        if not self.calls:
            return "reply"
        (tool, arguments), *_ = self.calls[0].items()
        return f"{tool} {arguments['combine']}" if "combine" in arguments else tool


class RequestSet(BaseModel):
    """The content of a file of requests."""

    model_config = ConfigDict(extra="forbid")

    contexts: dict[str, PlanContext] = {}
    requests: list[Entry]

    def __len__(self) -> int:
        """How many requests there are, each way to say one counted."""
        return sum(1 for entry in self.requests for _ in entry.sayings)


@dataclass(frozen=True)
class Trial:
    """One request as planned: `expected` and `got` in words, `milliseconds` of processor time that planning took."""

    request: str
    language: str
    kind: str
    context: str | None
    expected: str
    got: str
    right: bool
    milliseconds: float


@dataclass(frozen=True)
class Score:
    """How every request of a set was planned."""

    trials: tuple[Trial, ...]

    @property
    def misses(self) -> tuple[Trial, ...]:
        """The requests planned wrongly."""
        return tuple(trial for trial in self.trials if not trial.right)

    @property
    def right(self) -> float:
        """The share planned rightly, 0..1."""
        return 1 - len(self.misses) / max(1, len(self.trials))


def read_requests(path: Path) -> RequestSet:
    """The requests in the file `path`.

    Raises:
        ConfigError: it cannot be read, or holds something that it should not.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("contexts"), str):
            content["contexts"] = read_requests(path.parent / content["contexts"]).contexts
        requests = RequestSet.model_validate(content)
        missing = {entry.context for entry in requests.requests if entry.context} - requests.contexts.keys()
        if missing:
            raise ConfigError(f"requests={path} names a context it has not: {shorten(min(missing))}. Add it.")
        return requests
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        problem = shorten(" ".join(str(error).split()), 200)
        raise ConfigError(f"requests={path} cannot be used: expected a YAML file of requests ({problem}).") from None


def score(requests: RequestSet, planner: Callable[[str, PlanContext], Plan]) -> Score:
    """Plans every request and compares."""
    trials = []
    for entry in requests.requests:
        context = requests.contexts[entry.context] if entry.context else PlanContext()
        expected = str(entry.calls) if entry.calls is not None else f"a reply with {entry.says}"
        for language, request in entry.sayings:
            started = time.process_time()
            plan = planner(request, context)
            spent = (time.process_time() - started) * 1000
            got = str([{call.tool: call.arguments} for call in plan.calls]) if plan.calls else plan.reply or "nothing"
            right = _right(plan, entry)
            trials.append(Trial(request, language, entry.kind, entry.context, expected, got, right, spent))
    return Score(tuple(trials))


def _right(plan: Plan, entry: Entry) -> bool:
    if entry.calls is None:
        return not plan.calls and bool(plan.reply) and all(text in str(plan.reply) for text in entry.says or [])
    got = [{call.tool: call.arguments} for call in plan.calls]
    return got in [entry.calls, *entry.alternatives]
