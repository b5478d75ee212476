"""What a planner is given to read, as messages; the same in a conversation and when plans alone are compared.

This module does not know where the context and what was said come from, nor who reads it.
"""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from workflows.planning.context import PlanContext, planner_brief
from workflows.planning.rule_planner import CONTEXT_KEY


def planner_messages(context: PlanContext, request: str, said: Iterable[tuple[str, str]] = ()) -> list[AnyMessage]:
    """The brief with the table of handles, what was said before, and the request.

    Args:
        context: What is known of the conversation.
        request: What a person typed.
        said: Earlier requests and their answers, oldest first.
    """
    messages: list[AnyMessage] = [SystemMessage(planner_brief(context))]
    for past_request, answer in said:
        messages += [HumanMessage(past_request), AIMessage(answer)]
    return [*messages, HumanMessage(request, additional_kwargs={CONTEXT_KEY: context.model_dump(mode="json")})]
