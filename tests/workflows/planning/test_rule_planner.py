from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool

from workflows.planning.rule_planner import CONTEXT_KEY, RulePlanner

KNOWN = {
    "objects": [{"handle": "m1", "label": "orange", "box": [0, 0, 9, 9]}],
    "selection": ["m1"],
}


@tool(response_format="content_and_artifact")
def count(phrases: list[str] | None = None, where: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
    """Count things."""
    counts = {phrase: {"n": 3, "low": 3, "high": 3, "borderline": [], "saturated": False} for phrase in phrases or []}
    return "3", {"counts": counts, "objects": []}


def asked(request: str, context: dict[str, Any] | None = None) -> HumanMessage:
    return HumanMessage(request, additional_kwargs={CONTEXT_KEY: context or {}})


def test_rule_planner_in_an_agent_plans_once_and_answers() -> None:
    agent = create_agent(RulePlanner(), [count])

    messages = agent.invoke({"messages": [SystemMessage("brief"), asked("How many oranges are there?")]})["messages"]

    planned, answered = messages[2], messages[-1]
    assert [(call["name"], call["args"]) for call in planned.tool_calls] == [("count", {"phrases": ["orange"]})]
    assert answered.text == "There are 3 oranges."
    assert sum(isinstance(message, AIMessage) for message in messages) == 2


def test_rule_planner_reads_the_context_of_the_last_request() -> None:
    earlier = [asked("count the lemons"), AIMessage("There is 1 lemon.")]

    planned = RulePlanner().invoke([*earlier, asked("only the top row", KNOWN)])

    assert [(call["name"], call["args"]) for call in planned.tool_calls] == [("select", {"where": {"row": 1}})]


def test_rule_planner_without_context_replies() -> None:
    planned = RulePlanner().invoke([HumanMessage("only the top row")])

    assert not planned.tool_calls
    assert "count the oranges" in planned.text


def test_rule_planner_call_ids_are_never_the_same() -> None:
    ids = {RulePlanner().invoke([asked("count the oranges")]).tool_calls[0]["id"] for _ in range(5)}

    assert len(ids) == 5


def test_rule_planner_after_a_failed_tool_passes_its_words_on_and_stops() -> None:
    planned = RulePlanner().invoke([asked("count the oranges")])
    problem = ToolMessage("No picture is open.", tool_call_id=str(planned.tool_calls[0]["id"]), status="error")

    answered = RulePlanner().invoke([asked("count the oranges"), planned, problem])

    assert answered.text == "No picture is open."
    assert not answered.tool_calls


def test_rule_planner_results_of_earlier_requests_are_not_answered_again() -> None:
    planned = RulePlanner().invoke([asked("count the oranges")])
    done = ToolMessage("3", tool_call_id=str(planned.tool_calls[0]["id"]), artifact={"counts": {}})

    again = RulePlanner().invoke([asked("count the oranges"), planned, done, AIMessage("There are 3."), asked("undo")])

    assert [call["name"] for call in again.tool_calls] == ["undo"]


def test_bind_tools_gives_a_copy_that_keeps_to_its_tools() -> None:
    planner = RulePlanner()

    bound = planner.bind_tools([count])

    assert planner.tools is None
    assert "undo" in bound.invoke([asked("undo")]).text
    assert bound.invoke([asked("count the oranges")]).tool_calls
