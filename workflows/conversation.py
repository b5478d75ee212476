"""One thread of talk about one or more pictures: the agent loop, the same for every planner.

A request becomes one turn of the memory: the planner (an LLM, or the rule planner that needs no key) reads what the
conversation knows, calls tools, and answers. The turn is committed when it has an answer and dropped whole when
anything fails. LangChain's agent loop runs it; the messages it sees are rendered from the memory at every turn, so
there is no second copy of the conversation anywhere.

This module does not know what the tools do, how a model plans, or how an answer is shown.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphRecursionError

from agent_tools.errors import ToolInputError
from agent_tools.memory import CallRecord, State, Turn
from agent_tools.plugs.for_langchain import langchain_tools
from agent_tools.settings import settings
from agent_tools.toolkit import VisionToolkit
from workflows.hand_gestures import HandGesture
from workflows.planning.chat_model import chat_model
from workflows.planning.context import PlanContext, plan_context, planner_brief

HISTORY = 8
"""Earlier turns shown to the planner word for word; older ones live on in the table of handles."""


@dataclass(frozen=True)
class Reply:
    """What one request came to.

    Attributes:
        answer: a sentence or two for the person.
        counts: phrase → {"n", "low", "high", "borderline": [handle], "saturated"}, and "unknown", why, where
            the detector has no words for the phrase.
        objects: exactly the objects the answer is about, shaped as in ``ask --json``.
        calls: the tool calls made, in order, {"tool", "arguments"}.
        pictures: handles of the pictures the answer is about.
        seconds: wall time: "plan", "detect", "segment" and "other".
    """

    answer: str
    counts: dict[str, dict[str, Any]]
    objects: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    pictures: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)


class Conversation:
    """Talks about pictures.

    Args:
        toolkit: tools, services and the memory of one conversation.
        llm: None for the rule planner that needs no key, else what ``--llm`` takes.

    Raises:
        ConfigError: the language model cannot be set up.
    """

    def __init__(self, toolkit: VisionToolkit, llm: str | None = None) -> None:
        self.toolkit = toolkit
        self._clock = _PlanningClock()
        self._agent = create_agent(chat_model(llm), langchain_tools(toolkit))

    def ask(
        self,
        request: str,
        click: tuple[float, float] | None = None,
        pictures: Sequence[str] = (),
        gestures: Sequence[HandGesture] = (),
    ) -> Reply:
        """Answer one request as one turn.

        Args:
            request: what the person wants, in their words.
            click: x, y in pixels of the upright current picture, when the person pointed at something.
            pictures: handles to answer for, one after the other; empty for the current picture.
            gestures: what the person drew on it, beside the click: points, boxes, outlines and strokes.

        Returns:
            The reply; the memory holds the turn by then.

        Raises:
            ToolInputError: an empty request, or a gesture outside the picture. Nothing was changed.
            ServiceError: a model failed. Nothing was changed.
            MemoryStoreError: the turn could not be written. Nothing was changed.
        """
        drawn = [*([] if click is None else [HandGesture("point", (click,))]), *gestures]
        if not request.strip() and not drawn:
            raise ToolInputError("request='' is empty: expected a sentence. Try: count the oranges.")
        started = time.perf_counter()
        before = dict(self.toolkit.seconds)
        self._clock.seconds = 0.0
        clicks = [one.coordinates[0] for one in drawn if one.kind == "point" and one.include]
        with self.toolkit.turn(request, clicks[0] if clicks else None) as turn:
            replies = [self._answer(turn, request, drawn, picture) for picture in pictures or (None,)]
            reply = replies[0] if len(replies) == 1 else _joined(turn, replies)
            turn.answer = reply.answer
        spent = {name: self.toolkit.seconds[name] - before[name] for name in ("detect", "segment")}
        spent["plan"] = self._clock.seconds
        spent["other"] = max(0.0, time.perf_counter() - started - sum(spent.values()))
        reply.seconds.update(spent)
        return reply

    def _answer(self, turn: Turn, request: str, drawn: Sequence[HandGesture], picture: str | None) -> Reply:
        """Run the agent loop once, on one picture."""
        if picture is not None:
            turn.use_picture(picture)
        names = [self.toolkit.gesture(None, one.kind, one.coordinates, one.include) for one in drawn]
        context = plan_context(turn.state, *names)
        first_call = len(turn.calls)
        limit = settings().max_tool_calls
        # One tool at a time, in the order the model called them. A step is one model call or one round of tools, so a
        # model that makes one call a step gets `limit` calls.
        config = RunnableConfig(max_concurrency=1, recursion_limit=2 * limit + 1, callbacks=[self._clock])
        start: Any = {"messages": self._messages(context, request)}
        try:
            result = self._agent.invoke(start, config)
            answer = _text(result["messages"][-1])
        except GraphRecursionError:
            answer = f"I stopped after {limit} steps without finishing. What is known so far is kept; ask more simply."
        return _reply(answer, turn.calls[first_call:], turn.state)

    def _messages(self, context: PlanContext, request: str) -> list[AnyMessage]:
        """The brief with the table of handles, the last turns, and the request: all rendered from the memory."""
        messages: list[AnyMessage] = [SystemMessage(planner_brief(context))]
        for past_request, answer in self.toolkit.said(HISTORY):
            messages += [HumanMessage(past_request), AIMessage(answer)]
        attached = {"askmask_context": context.model_dump(mode="json")}
        return [*messages, HumanMessage(request, additional_kwargs=attached)]


class _PlanningClock(BaseCallbackHandler):
    """Adds up the wall time spent in the planner."""

    raise_error = True

    def __init__(self) -> None:
        self.seconds = 0.0
        self._since = 0.0

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self._since = time.perf_counter()

    def on_llm_end(self, *_: Any, **__: Any) -> None:
        self.seconds += time.perf_counter() - self._since

    def on_llm_error(self, *_: Any, **__: Any) -> None:
        self.on_llm_end()


def _text(message: BaseMessage) -> str:
    """The words of a model's last message."""
    return message.text.strip() or "Done."


def _reply(answer: str, calls: Sequence[CallRecord], state: State) -> Reply:
    """Gather what the calls of one loop found. The last result that lists objects says what the answer is about."""
    counts: dict[str, dict[str, Any]] = {}
    objects: list[dict[str, Any]] = []
    for call in calls:
        if not call.error:
            counts = dict(call.data.get("counts", counts))
            objects = list(call.data.get("objects", objects))
    pictures = tuple(dict.fromkeys(thing["picture"] for thing in objects))
    if not pictures and state.picture is not None:
        pictures = (state.picture,)
    made = [{"tool": call.tool, "arguments": call.arguments} for call in calls]
    return Reply(answer, counts, objects, made, pictures)


def _joined(turn: Turn, replies: Sequence[Reply]) -> Reply:
    """One reply for several pictures: sentences by picture, counts added up, everything found selected."""
    names = {handle: picture.name for handle, picture in turn.state.pictures.items()}
    lines = [f"{names[reply.pictures[0]]}: {reply.answer}" for reply in replies]
    counts: dict[str, dict[str, Any]] = {}
    for reply in replies:
        for phrase, count in reply.counts.items():
            counts[phrase] = _sum(counts[phrase], count) if phrase in counts else dict(count)
    lines += [f"{phrase}: {count['n']} in all." for phrase, count in counts.items() if "unknown" not in count]
    objects = [thing for reply in replies for thing in reply.objects]
    turn.select([thing["handle"] for thing in objects])
    pictures = tuple(dict.fromkeys(handle for reply in replies for handle in reply.pictures))
    return Reply("\n".join(lines), counts, objects, [call for reply in replies for call in reply.calls], pictures)


def _sum(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    same = ("saturated", "unknown")
    return {name: a[name] or b[name] if name in same else a[name] + b[name] for name in a}
