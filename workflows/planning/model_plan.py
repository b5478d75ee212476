"""The plan of a language model: the calls that it makes first, when nothing is run.

A model that waits for the result of one call before it makes the next shows only the first of them.
This module does not know which plan is right.
"""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from agent_tools.tools.registry import TOOLS, short_schema
from workflows.planning.context import Plan, PlanContext
from workflows.planning.messages import planner_messages
from workflows.planning.orders import call


def model_plan(request: str, context: PlanContext, model: BaseChatModel) -> Plan:
    """The calls that `model` makes for `request` at once, or its words.

    Args:
        request: What a person typed.
        context: What is known of the conversation.
        model: Any chat model that can call tools; it is told what it is told in a conversation.
    """
    described = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": short_schema(tool)},
        }
        for tool in TOOLS.values()
    ]
    answer = model.bind_tools(described).invoke(planner_messages(context, request))
    calls = tuple(call(each["name"], **each["args"]) for each in answer.tool_calls)
    return Plan(calls=calls, reply=None if calls else answer.text.strip() or None)
