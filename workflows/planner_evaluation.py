"""How often a planner is right on sets of requests, by kind and by language, and how long it takes for one.

This module does not know how a planner plans, nor how figures are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agent_tools.errors import ConfigError
from workflows.agent_loop.retries import asked_again
from workflows.planning.chat_model import chat_model, model_name
from workflows.planning.context import Plan, PlanContext
from workflows.planning.model_plan import model_plan
from workflows.planning.rule_planner import RulePlanner
from workflows.planning.rules import plan
from workflows.planning.scoring import Trial, read_requests, score

SETS = Path(__file__).parent.parent / "tests" / "workflows" / "planning"
"""The sets of the repository; an installed package does not have them."""


def request_files(chosen: Sequence[Path]) -> list[Path]:
    """The files to measure on: those chosen, else the sets of the repository.

    Raises:
        ConfigError: none was chosen, and there is no repository.
    """
    files = list(chosen) or sorted(SETS.glob("requests*.yaml"))
    if not files:
        raise ConfigError("requests= is missing: expected a file of requests. Name one with --requests FILE.")
    return files


def planner_of(llm: str | None) -> Callable[[str, PlanContext], Plan]:
    """The planner that `llm` names, as `--llm` takes it.

    Raises:
        ConfigError: it cannot be set up.
    """
    model = chat_model(llm)
    if isinstance(model, RulePlanner):
        return plan

    def asked(request: str, context: PlanContext) -> Plan:
        return asked_again(lambda: model_plan(request, context, model), model_name(llm))

    return asked


def evaluate(files: Iterable[Path], planner: Callable[[str, PlanContext], Plan]) -> list[Trial]:
    """Every request of `files`, planned and compared.

    Raises:
        ConfigError: a file cannot be read.
        ServiceError: a language model failed.
    """
    sets = [read_requests(path) for path in files]
    planner("count the oranges", PlanContext())  # what the first request alone would pay for
    return [trial for requests in sets for trial in score(requests, planner).trials]


def summary(trials: Sequence[Trial]) -> dict[str, Any]:
    """Shares right in all, by kind and by language, processor milliseconds a request, and every miss."""
    spent = sorted(trial.milliseconds for trial in trials)
    misses = [trial for trial in trials if not trial.right]
    shown = ("request", "language", "kind", "context", "expected", "got")
    return {
        "requests": len(trials),
        "right": _share(trials),
        "by_language": _by(trials, "language"),
        "by_kind": _by(trials, "kind"),
        "median_ms": round(spent[len(spent) // 2], 2) if spent else 0.0,
        "worst_ms": round(spent[-1], 2) if spent else 0.0,
        "misses": [{name: getattr(miss, name) for name in shown} for miss in misses],
    }


def _by(trials: Sequence[Trial], name: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(getattr(trial, name), []).append(trial)
    return {key: {"requests": len(group), "right": _share(group)} for key, group in groups.items()}


def _share(trials: Sequence[Trial]) -> float:
    return round(sum(trial.right for trial in trials) / max(1, len(trials)), 4)
