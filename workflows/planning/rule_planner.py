"""The planner without a key as a LangChain chat model: the same interface as any language model.

The first call for a request returns every tool call of its plan at once, or the reply; once their results are there,
the next call turns them into the answer. It never plans a request twice, so it cannot loop.
This module does not know grammar, tools or pixels.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from prompts.vocabulary_loader import answers_in
from workflows.planning.answers import Outcome, answer
from workflows.planning.context import PlanContext
from workflows.planning.languages import ENGLISH, Spoken, language_of, spoken
from workflows.planning.rules import mood, plan

CONTEXT_KEY = "askmask_context"
"""Where a request's `HumanMessage` carries its `PlanContext` as a dict, in `additional_kwargs`."""


class RulePlanner(BaseChatModel):
    """Plans and answers by rules; deterministic, offline, a few milliseconds.

    Attributes:
        tools: Names of the tools it may call; None: any.
    """

    tools: tuple[str, ...] | None = None

    @property
    def _llm_type(self) -> str:
        return "askmask-rules"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,  # noqa: ARG002, the grammar decides
        **kwargs: Any,  # noqa: ARG002
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A copy that calls only `tools`."""
        return self.model_copy(update={"tools": tuple(_name(tool) for tool in tools)})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        asked = [position for position, message in enumerate(messages) if isinstance(message, HumanMessage)]
        request = messages[asked[-1]] if asked else HumanMessage("")
        since = messages[asked[-1] + 1 :] if asked else []
        context = PlanContext.model_validate(request.additional_kwargs.get(CONTEXT_KEY) or {})
        usual = ENGLISH
        for position in asked[:-1]:
            usual = language_of(messages[position].text, usual)
        if any(isinstance(message, ToolMessage) for message in since):
            return _result(AIMessage(_answered(_outcomes(since), context, spoken(request.text, usual))))
        return _result(self._planned(request.text, context, usual))

    def _planned(self, request: str, context: PlanContext, usual: str) -> AIMessage:
        planned = plan(request, context, usual)
        unknown = [call.tool for call in planned.calls if self.tools is not None and call.tool not in self.tools]
        if unknown:
            replies = answers_in(spoken(request, usual).language).replies
            return AIMessage(replies.get("no_tool", replies["not_understood"]).format(tool=unknown[0]))
        calls = [
            ToolCall(name=call.tool, args=call.arguments, id=f"call_{uuid.uuid4().hex}", type="tool_call")
            for call in planned.calls
        ]
        return AIMessage(planned.reply or "", tool_calls=calls)


def _answered(outcomes: Sequence[Outcome], context: PlanContext, said: Spoken) -> str:
    """The answer in the language of the request, and which of its words were taken as they stand."""
    words = answers_in(said.language).results
    sentences = [answer(outcomes, context, mood(said.english), said.language) or words["done"]]
    for key, taken in (("literally", said.literal.values()), ("left_out_words", said.left_out)):
        if taken:
            sentences.append(words[key].format(words=words["comma"].join(taken)))
    return words["between"].join(sentences)


def _outcomes(messages: Sequence[BaseMessage]) -> list[Outcome]:
    """Every call since the request, with its result."""
    results = {message.tool_call_id: message for message in messages if isinstance(message, ToolMessage)}
    outcomes = []
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            result = results.get(str(call["id"]))
            if result is not None:
                data = result.artifact if isinstance(result.artifact, dict) else {}
                failed = result.status == "error"
                outcomes.append(Outcome(call["name"], call["args"], result.text, data, failed))
    return outcomes


def _result(message: AIMessage) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=message)])


def _name(tool: dict[str, Any] | type | Callable[..., Any] | BaseTool) -> str:
    return tool.name if isinstance(tool, BaseTool) else str(convert_to_openai_tool(tool)["function"]["name"])
