from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_tools.errors import ConfigError
from workflows.cli import main
from workflows.planner_evaluation import evaluate, planner_of, summary
from workflows.planning.context import PlanContext
from workflows.planning.model_plan import model_plan
from workflows.planning.rule_planner import RulePlanner
from workflows.planning.rules import plan
from workflows.planning.scoring import read_requests

REQUESTS = """
contexts: {}
requests:
  - {request: count the oranges, calls: [count: {phrases: [orange]}]}
  - {request: write me a poem, says: []}
  - calls: [count: {phrases: [lemon]}]
    said: {spanish: ["cuenta los limones", "cuenta las manzanas"], french: [compte les citrons]}
"""


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    file = tmp_path / "requests.yaml"
    file.write_text(REQUESTS, encoding="utf-8")
    return file


def test_summary_counts_each_saying_by_language_and_kind_and_lists_misses(requests: Path) -> None:
    figures = summary(evaluate([requests], planner_of(None)))

    assert (figures["requests"], figures["right"]) == (5, 0.8)
    assert figures["by_language"]["spanish"] == {"requests": 2, "right": 0.5}
    assert figures["by_kind"]["count"] == {"requests": 4, "right": 0.75}
    (miss,) = figures["misses"]
    assert miss["request"] == "cuenta las manzanas"
    assert "apple" in miss["got"]


def test_evaluate_planner_command_prints_json(requests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "planner", "--requests", str(requests), "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["planner"] == "rules"


def test_evaluate_planner_command_lists_each_miss(requests: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "planner", "--requests", str(requests)]) == 0

    said = capsys.readouterr().out
    assert "80.0% right, by rules" in said
    assert "wrong: spanish, 'cuenta las manzanas'" in said


def test_model_plan_takes_the_first_calls_of_any_chat_model() -> None:
    model = RulePlanner()

    assert model_plan("only the red ones", PlanContext(), model) == plan("only the red ones", PlanContext())
    assert model_plan("cuenta los limones", PlanContext(), model) == plan("cuenta los limones", PlanContext())


@pytest.mark.parametrize(
    "entry", ["{calls: [undo: {}]}", "{request: undo, said: {french: [annule]}}", "{request: undo, context: nowhere}"]
)
def test_read_requests_faulty_entry_is_refused(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "requests.yaml"
    file.write_text(f"requests:\n  - {entry}\n", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"requests\.yaml"):
        read_requests(file)
