"""What a language model is given to read: `python -m benchmarks.context_size [--json]`.

Tokens as LangChain's approximate counter estimates them, of the brief with the tools, the one for shelves among them
where there is a product list, and of what is sent with the last request of a conversation of 40 turns in which 60
objects are known. No model is asked: a replayed one keeps what it is
shown. This module does not know how messages are made.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.tools import BaseTool

from agent_tools import Mask, Memory, VisionToolkit
from agent_tools.plugs.for_langchain import langchain_tools
from agent_tools.services.base import Services
from agent_tools.services.fakes import FakeDetector, FakeSegmenter
from prompts.vocabulary_loader import planner_brief
from workflows.conversation import HISTORY
from workflows.planning.context import plan_context
from workflows.planning.messages import planner_messages

TURNS, OBJECTS = 40, 60
FIRST, LONG = 2_500, 6_000
"""The most tokens that the two may take."""


def measure() -> dict[str, int]:
    """The figures by name, tokens."""
    with Memory.temporary() as memory:
        services = Services(FakeDetector(), FakeSegmenter(), "custom", "fake", "fake")
        toolkit = VisionToolkit(services=services, memory=memory)
        every: list[BaseTool | dict[str, Any]] = [*langchain_tools(toolkit, short=True)]
        tools = [tool for tool in every if isinstance(tool, BaseTool) and toolkit.has_use_for(tool.name)]
        brief = [SystemMessage(planner_brief())]
        messages = _long_conversation(toolkit)
        tokens = {
            "brief": _count(brief),
            "brief_and_tools": count_tokens_approximately(brief, tools=[*tools]),
            "with_product_list": count_tokens_approximately(brief, tools=every),
            "long_conversation": count_tokens_approximately(messages, tools=every),
        }
        return {**tokens, "handle_table": _count(messages[:1]) - tokens["brief"]}


def _long_conversation(toolkit: VisionToolkit) -> list[Any]:
    """What the planner is given at the last of `TURNS` turns, with `OBJECTS` objects known."""
    toolkit.open_picture(np.full((3000, 4000, 3), 255, np.uint8))
    mask = Mask.from_crop(np.ones((90, 90), bool), 100, 100, 3000, 4000)
    for number in range(TURNS - 1):
        with toolkit.turn(f"now only the ripe oranges on the left of row {number}, please") as turn:
            if number < OBJECTS // 5:
                handles = [turn.add_object(picture="p1", label="ripe orange", score=0.87, mask=mask) for _ in range(5)]
                turn.select(handles)
            turn.answer = (
                f"I selected 5 ripe oranges of row {number}: m1 to m5. The true number may lie between 4 and 6."
            )
    return planner_messages(
        plan_context(toolkit.state), "how many are left on the top shelf now?", toolkit.said(HISTORY)
    )


def _count(messages: Sequence[BaseMessage | AIMessage]) -> int:
    return count_tokens_approximately(messages)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 where one is above its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    chosen = parser.parse_args(arguments)
    figures = measure()
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, tokens in figures.items():
            print(f"{name:20} {tokens:6}")
    return int(figures["brief_and_tools"] > FIRST or figures["long_conversation"] > LONG)


if __name__ == "__main__":
    raise SystemExit(main())
