"""Stands between LangChain's agent loop and the model: asks again where it may help, checks what comes, ends in time.

One `Guard` serves one conversation; `begin` starts it on a request. Everything that happens goes into the trace.
This module does not know what tools do, how a request becomes messages, or which planner answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse, hook_config
from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.runtime import Runtime

from agent_tools.errors import AskmaskError
from agent_tools.settings import settings
from workflows.agent_loop.budget import Budget, Meter, Spent
from workflows.agent_loop.events import Listener, Trace, call_in_words
from workflows.agent_loop.looking import image_message
from workflows.agent_loop.model_errors import why
from workflows.agent_loop.recording import Recorder
from workflows.agent_loop.retries import asked_again
from workflows.agent_loop.telemetry import span
from workflows.agent_loop.truth import unsupported

MENDED = 2
"""How often in a request a model is told to mend its own slips: malformed calls, numbers that no tool gave."""


@dataclass
class Facts:
    """What the answer to a request may state.

    Attributes:
        texts: what was said, by tools in this request, by the person, and in the conversation before.
        data: of tool results.
        handles: names that exist.
    """

    texts: list[str] = field(default_factory=list)
    data: list[Mapping[str, Any]] = field(default_factory=list)
    handles: set[str] = field(default_factory=set)


class Guard(AgentMiddleware[Any, Any, Any]):
    """LangChain's hooks around model and tool calls.

    Args:
        model: the model's name, as the person gave it.
        budget: for each request.
        checks: whether the model is one of language: what it costs is told, and the numbers it states are looked for in
            what tools gave.
        look: whether the model may be shown what `show` drew.
        recorder: takes down each answer of the model.
        extra: what a model call may cost in seconds → settings for that call; None where the model takes none.
    """

    def __init__(
        self,
        model: str,
        budget: Budget,
        checks: bool = True,
        look: bool = False,
        recorder: Recorder | None = None,
        extra: Callable[[float], dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.model, self.budget, self._checks, self._look = model, budget, checks, look
        self._recorder, self._extra = recorder, extra
        self.handles: Callable[[], Iterable[str]] = tuple
        self.has_use_for: Callable[[str], bool] = bool
        self.begin()

    def begin(self, listener: Listener | None = None) -> None:
        """Start on a request."""
        self.meter, self.trace, self.facts = Meter(self.budget), Trace(listener), Facts()
        self.stopped = ""
        self.failed: AskmaskError | None = None
        self._mended = self._looks = 0
        self._preview = b""

    @hook_config(can_jump_to=["end"])
    def before_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """End when the budget is spent; show the model what it asked to look at."""
        self.meter.heed_cancel()
        spent = self.meter.over()
        if spent:
            return {"messages": [AIMessage(self.stop(_spent(spent)))], "jump_to": "end"}
        shown = self._shown()
        return {"messages": [shown]} if shown else None

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Ask the model, again where that may help, within the time that is left."""
        began = time.perf_counter()
        if self._checks:
            request = request.override(tools=[tool for tool in request.tools if self.has_use_for(_name(tool))])
        try:
            with span("askmask.model", model=self.model):
                response = self._asked(request, handler)
        except Spent:
            return ModelResponse([AIMessage(self.stop(_spent(f"{self.budget.seconds:g} seconds")))])
        finally:
            self.meter.model_seconds += time.perf_counter() - began
        answer = response.result[-1]
        if isinstance(answer, AIMessage):
            read, written = self.meter.count_tokens(request.messages, answer)
            calls = [call["name"] for call in answer.tool_calls]
            self.trace.add(
                "model",
                (", ".join(calls) or "answers") + (f" · {read} tokens read, {written} written" if self._checks else ""),
                seconds=round(time.perf_counter() - began, 3),
                tokens={"read": read, "written": written},
                calls=calls,
            )
            if self._recorder is not None:
                self._recorder.add(answer)
        return response

    def _asked(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        whole: dict[str, Any] = {}

        def ask() -> ModelResponse[Any]:
            self.meter.check()
            limits = self._extra(min(settings().llm_timeout, max(1.0, self.meter.left))) if self._extra else {}
            response = handler(_with(request, limits | whole))
            if self._extra is None or _says_something(response):
                return response
            # LangChain loses the words of a streamed refusal; asked as one piece, they come.
            return handler(_with(request, {**limits, "stream": False}))

        def wait(delay: float, error: Exception) -> None:
            if self._extra and isinstance(error, ValueError):  # perhaps a server that cannot stream
                whole["stream"] = False
            self.trace.add("wait", f"{delay:.1f} s: {self.model} {why(error)}", seconds=delay)
            self.meter.cancelled.wait(delay)

        try:
            return asked_again(ask, self.model, left=lambda: self.meter.left, wait=wait)
        except AskmaskError as error:
            self.failed = error
            raise

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: AgentState[Any], runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Have malformed calls and unsupported numbers mended; explain an answer that was refused or cut off."""
        answer = state["messages"][-1]
        if not isinstance(answer, AIMessage) or self.stopped:
            return None
        if answer.invalid_tool_calls:
            return self._malformed(answer)
        if answer.tool_calls:
            return None
        odd = _odd_ending(answer)
        if odd:
            self.trace.add("check", odd)
            return {"messages": [_with_text(answer, f"{answer.text.strip()} {odd}".strip())]}
        return self._untrue(answer) if self._checks else None

    def _malformed(self, answer: AIMessage) -> dict[str, Any] | None:
        """Answer each call that is not JSON with what was wrong, so that the model can call again."""
        names = ", ".join(str(call["name"]) for call in answer.invalid_tool_calls)
        self.trace.add("check", f"the arguments of {names} are not JSON")
        if answer.tool_calls:  # those run, and LangChain answers the malformed ones before the next model call
            return None
        if self._mended >= MENDED:
            return {"messages": [AIMessage(self.stop("I stopped: the language model's calls could not be read."))]}
        self._mended += 1
        told = [
            ToolMessage(
                "arguments are not JSON: expected one JSON object. Call again.",
                tool_call_id=call["id"] or "",
                status="error",
            )
            for call in answer.invalid_tool_calls
        ]
        return {"messages": told, "jump_to": "model"}

    def _untrue(self, answer: AIMessage) -> dict[str, Any] | None:
        """Send an answer back that states what no tool gave, once; then flag what is left of that."""
        self.facts.handles |= set(self.handles())
        stated = unsupported(answer.text, self.facts.texts, self.facts.data, self.facts.handles)
        if not stated:
            return None
        listed = ", ".join(stated)
        self.trace.add("check", f"no tool gave {listed}", numbers=stated)
        if not self._mended:
            self._mended += 1
            told = f"No tool result holds {listed}. Answer again with what the tools gave, or call one."
            return {"messages": [HumanMessage(told, name="askmask")], "jump_to": "model"}
        return {"messages": [_with_text(answer, f"{answer.text.strip()} (Not checked by any tool: {listed}.)")]}

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Any]) -> Any:
        """Run a tool, if the budget has room for one more."""
        call = request.tool_call
        if self.meter.calls >= self.budget.calls:
            return ToolMessage("not run: no more tool calls", tool_call_id=call["id"] or "", status="error")
        self.meter.calls += 1
        self.meter.heed_cancel()
        self.trace.add("tool", call_in_words(call["name"], call["args"]), tool=call["name"], arguments=call["args"])
        began = time.perf_counter()
        with span("askmask.tool", tool=call["name"]):
            result = handler(request)
        if isinstance(result, ToolMessage):
            self.facts.texts.append(result.text)
            if isinstance(result.artifact, Mapping):
                self.facts.data.append(result.artifact)
            failed = result.status == "error"
            seconds = round(time.perf_counter() - began, 3)
            self.trace.add("result", result.text, tool=call["name"], failed=failed, seconds=seconds)
        return result

    def drawn(self, preview: bytes) -> None:
        """Keep what `show` drew, a JPEG, for a model that may look at it before it goes on."""
        if self._look:
            self._preview = preview

    def _shown(self) -> HumanMessage | None:
        """What `show` drew last since the model spoke."""
        preview, self._preview = self._preview, b""
        if not preview:
            return None
        if self._looks >= settings().looks:
            self.trace.add("check", f"no more looks: {settings().looks} were shown")
            return HumanMessage(f"No more pictures for this request: {settings().looks} were shown.", name="askmask")
        self._looks += 1
        self.trace.add("check", f"the model looks at what show drew ({len(preview)} bytes)")
        return image_message(preview)

    def stop(self, reason: str) -> str:
        """Note why the turn ends before the model was done; the reason."""
        self.stopped = reason
        self.trace.add("stop", reason)
        return reason


class Watch(BaseCallbackHandler):
    """Passes on what a model writes, and interrupts it when the time is over or the person wants it."""

    raise_error = True

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        """A piece of the answer; pieces of calls come with an empty one."""
        self._guard.meter.check()
        if isinstance(token, str) and token:
            self._guard.trace.add("text", token)


def _name(tool: BaseTool | dict[str, Any]) -> str:
    return tool.name if isinstance(tool, BaseTool) else str(tool.get("name", tool.get("function", {}).get("name")))


def _with(request: ModelRequest[Any], more: Mapping[str, Any]) -> ModelRequest[Any]:
    return request.override(model_settings={**request.model_settings, **more}) if more else request


def _says_something(response: ModelResponse[Any]) -> bool:
    """Whether an answer of OpenAI's protocol says anything.

    Raises:
        ConnectionError: it has no ending; OpenAI's client takes a stream that breaks off for one that is over.
    """
    answer = response.result[-1]
    if not isinstance(answer, AIMessage):
        return True
    if not (answer.response_metadata.keys() & {"finish_reason", "status"}):
        raise ConnectionError("the stream broke off")
    return bool(answer.text.strip() or answer.tool_calls or answer.invalid_tool_calls or _odd_ending(answer))


def _odd_ending(answer: AIMessage) -> str:
    """Why an answer that ended in an unusual way did; empty for any other."""
    refused = answer.additional_kwargs.get("refusal") or next(
        (block.get("refusal") for block in answer.content if isinstance(block, dict) and block.get("refusal")), ""
    )
    if refused:
        return f"The language model declined: {refused}"
    metadata = answer.response_metadata
    reason = str(metadata.get("finish_reason") or metadata.get("stop_reason") or "")
    if metadata.get("status") == "incomplete":
        reason = str((metadata.get("incomplete_details") or {}).get("reason") or "length")
    if reason in ("length", "max_tokens", "max_output_tokens"):
        return "(The language model's answer was cut off: it ran out of room.)"
    if reason == "content_filter":
        return "(The provider's content filter withheld the rest of the answer.)"
    return ""


def _spent(what: str) -> str:
    return f"I stopped after {what}, the most that one request may take."


def _with_text(answer: AIMessage, text: str) -> AIMessage:
    """The same message with other words; having its id, it takes the place of the old one."""
    return answer.model_copy(update={"content": text, "additional_kwargs": {}})
