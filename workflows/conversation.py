"""One thread of talk about one or more pictures: the agent loop, the same for every planner.

A request becomes one turn of the memory: the planner (an LLM, or the rule planner that needs no key) reads what the
conversation knows, calls tools, and answers. The turn is committed when it has an answer and dropped whole when
anything fails. LangChain's agent loop runs it; the messages it sees are rendered from the memory at every turn, so
there is no second copy of the conversation anywhere.

This module does not know what the tools do, how a model plans, or how an answer is shown.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langchain_core.runnables import RunnableConfig

from agent_tools.errors import ServiceError, ToolInputError
from agent_tools.memory import CallRecord, State, Turn
from agent_tools.plugs.for_langchain import langchain_tools
from agent_tools.toolkit import VisionToolkit
from workflows.agent_loop.budget import Budget
from workflows.agent_loop.events import Event, Listener
from workflows.agent_loop.guard import Guard, Watch
from workflows.agent_loop.recording import Recorder, ReplayedModel
from workflows.agent_loop.telemetry import span
from workflows.hand_gestures import HandGesture
from workflows.planning.answers import Outcome
from workflows.planning.answers import answer as answer_to
from workflows.planning.chat_model import call_settings, chat_model, model_name
from workflows.planning.context import PlanContext, PlannedCall, plan_context
from workflows.planning.languages import ENGLISH
from workflows.planning.messages import planner_messages
from workflows.planning.rule_planner import RulePlanner

HISTORY = 8
"""Earlier turns shown to the planner word for word; older ones live on in the table of handles."""


SILENT = "The language model gave no answer. Ask in other words."


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
        cache: what the models did not have to do again, and what they did: kind → "hits" and "misses".
        trace: what happened, in order: model calls, tool calls, waits, checks.
    """

    answer: str
    counts: dict[str, dict[str, Any]]
    objects: list[dict[str, Any]]
    calls: list[dict[str, Any]]
    pictures: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)
    cache: dict[str, dict[str, int]] = field(default_factory=dict)
    trace: list[Event] = field(default_factory=list)


class Conversation:
    """Talks about pictures.

    Args:
        toolkit: tools, services and the memory of one conversation.
        llm: None for the rule planner that needs no key, else what ``--llm`` takes.
        look: whether a language model may be shown what `show` draws; no pixel leaves the process otherwise.
        budget: the most a request may cost; None: that of the settings.
        record: file that the language model's answers are appended to.
        replay: such a file, whose answers are taken in place of a language model's.

    Raises:
        ConfigError: the language model cannot be set up, or a file not be used.
    """

    def __init__(
        self,
        toolkit: VisionToolkit,
        llm: str | None = None,
        *,
        look: bool = False,
        budget: Budget | None = None,
        record: Path | None = None,
        replay: Path | None = None,
    ) -> None:
        self.toolkit = toolkit
        self._recorder = None if record is None else Recorder(record)
        model = chat_model(llm) if replay is None else ReplayedModel(path=replay)
        self._guard = Guard(
            model_name(llm),
            budget or Budget.configured(),
            checks=not isinstance(model, RulePlanner),
            look=look,
            recorder=self._recorder,
            extra=call_settings(model),
        )
        self._guard.handles = self._handles
        self._guard.has_use_for = toolkit.has_use_for
        tools = langchain_tools(toolkit, short=True, once=False, seen=self._guard.drawn)
        self._agent = create_agent(model, tools, middleware=[self._guard])

    def ask(
        self,
        request: str,
        click: tuple[float, float] | None = None,
        pictures: Sequence[str] = (),
        gestures: Sequence[HandGesture] = (),
        on_event: Listener | None = None,
    ) -> Reply:
        """Answer one request as one turn.

        Args:
            request: what the person wants, in their words.
            click: x, y in pixels of the upright current picture, when the person pointed at something.
            pictures: handles to answer for, one after the other; empty for the current picture.
            gestures: what the person drew on it, beside the click: points, boxes, outlines and strokes.
            on_event: is told what happens while it happens, in whatever thread it happens in.

        Returns:
            The reply; the memory holds the turn by then. Where the budget was spent or a language model failed after
            tools had found something, it says so, and what is known is kept.

        Raises:
            ToolInputError: an empty request, or a gesture outside the picture. Nothing was changed.
            ServiceError: a model failed. Nothing was changed.
            ConfigError: the language model's key or name is wrong. Nothing was changed.
            Cancelled: `cancel` was called. Nothing was changed.
            MemoryStoreError: the turn could not be written. Nothing was changed.
        """
        drawn = [*([] if click is None else [HandGesture("point", (click,))]), *gestures]
        if not request.strip() and not drawn:
            raise ToolInputError("request='' is empty: expected a sentence. Try: count the oranges.")
        usage = _Usage(self.toolkit)
        self._guard.begin(on_event)
        if self._recorder is not None:
            self._recorder.begin(request)
        clicks = [one.coordinates[0] for one in drawn if one.kind == "point" and one.include]
        with span("askmask.request"), self.toolkit.turn(request, clicks[0] if clicks else None) as turn:
            replies = [self._answer(turn, request, drawn, picture) for picture in pictures or (None,)]
            reply = replies[0] if len(replies) == 1 else _joined(turn, replies)
            turn.answer = reply.answer
        usage.tell(reply, self._guard.meter.model_seconds)
        reply.trace.extend(self._guard.trace.events)
        return reply

    def act(
        self,
        plan: Callable[[PlanContext], Sequence[PlannedCall]],
        request: str,
        gestures: Sequence[HandGesture] = (),
        picture: str | None = None,
        language: str = ENGLISH,
    ) -> Reply:
        """Do as one turn what needs no planner, as a button or a click on a page says exactly what is meant.

        Args:
            plan: gives the calls to make, from what is known; the gestures are in it.
            request: what the person did, in words, for the record.
            gestures: what the hand did on the picture.
            picture: handle of the picture it is about, which becomes the current one; None: the current one.
            language: that the answer is in.

        Returns:
            The reply; the memory holds the turn by then.

        Raises:
            AskmaskError: a call failed, or the turn could not be written. Nothing was changed.
        """
        usage = _Usage(self.toolkit)
        points = [one.coordinates[0] for one in gestures if one.kind == "point" and one.include]
        with span("askmask.request"), self.toolkit.turn(request, points[0] if points else None) as turn:
            if picture is not None:
                turn.use_picture(picture)
            names = [self.toolkit.gesture(None, one.kind, one.coordinates, one.include) for one in gestures]
            context = plan_context(turn.state, *names)
            for call in plan(context):
                self.toolkit.call(call.tool, call.arguments)
            reply = _reply(_known(turn.calls, context, language), turn.calls, turn.state)
            turn.answer = reply.answer
        usage.tell(reply)
        return reply

    def click(self, x: float, y: float, request: str = "") -> Reply:
        """Point at x, y, pixels of the upright current picture, with words or without; see `ask`."""
        return self.ask(request, click=(x, y))

    def undo(self) -> Reply:
        """Take back what the last turn changed; see `ask`."""
        return self.ask("undo")

    def cancel(self) -> None:
        """Stop the request in progress, from another thread: it raises `Cancelled` as soon as no tool is at work."""
        self._guard.meter.cancelled.set()

    def _handles(self) -> list[str]:
        state = self.toolkit.state
        return [*state.objects, *state.pictures, *state.gestures]

    def _answer(self, turn: Turn, request: str, drawn: Sequence[HandGesture], picture: str | None) -> Reply:
        """Run the agent loop once, on one picture."""
        if picture is not None:
            turn.use_picture(picture)
        names = [self.toolkit.gesture(None, one.kind, one.coordinates, one.include) for one in drawn]
        context = plan_context(turn.state, *names)
        first_call = len(turn.calls)
        messages = planner_messages(context, request, self.toolkit.said(HISTORY))
        self._guard.facts.texts += [each.text for each in messages if not isinstance(each, SystemMessage)]
        try:
            answer = self._run(messages)
        except ServiceError as error:
            if self._guard.failed is not error or not any(not call.error for call in turn.calls[first_call:]):
                raise
            answer = self._guard.stop(str(error))
        calls = turn.calls[first_call:]
        if self._guard.stopped:
            answer = f"{answer} {_known(calls, context)}"
        return _reply(answer or _known(calls, context) or SILENT, calls, turn.state)

    def _run(self, messages: list[AnyMessage]) -> str:
        """The words that LangChain's loop ends with."""
        # One tool at a time, in the order the model called them. The guard ends the loop; a step more is a mistake.
        config = RunnableConfig(
            max_concurrency=1, recursion_limit=8 * self._guard.budget.calls + 40, callbacks=[Watch(self._guard)]
        )
        start: Any = {"messages": messages}
        return _text(self._agent.invoke(start, config)["messages"][-1])


def _text(message: BaseMessage) -> str:
    """The words of a model's last message."""
    return message.text.strip()


def _known(calls: Sequence[CallRecord], context: PlanContext, language: str = ENGLISH) -> str:
    """What calls found, in the words of the planner without a key."""
    outcomes = [
        Outcome(call.tool, call.arguments, call.text, call.data, call.error) for call in calls if not call.error
    ]
    return answer_to(outcomes, context, language=language)


class _Usage:
    """What a request costs in time, and what the models knew already."""

    def __init__(self, toolkit: VisionToolkit) -> None:
        self._toolkit, self._began = toolkit, time.perf_counter()
        self._seconds, self._cached = dict(toolkit.seconds), toolkit.cached

    def tell(self, reply: Reply, planning: float = 0.0) -> None:
        """Note it in a reply; `planning` are the seconds that the planner took."""
        spent = {name: seconds - self._seconds[name] for name, seconds in self._toolkit.seconds.items()}
        spent["plan"] = planning
        spent["other"] = max(0.0, time.perf_counter() - self._began - sum(spent.values()))
        reply.seconds.update(spent)
        reply.cache.update(_since(self._cached, self._toolkit.cached))


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


def _since(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """By how much counts by kind grew."""
    return {
        kind: {name: count - before.get(kind, {}).get(name, 0) for name, count in counts.items()}
        for kind, counts in after.items()
    }
