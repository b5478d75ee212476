"""What clicks and buttons of the page mean, as tool calls: exact, and quick, as no planner has to read them.

Nothing chosen: adding takes a thing in, taking away leaves a thing out. One thing chosen: the same of its parts.
This module does not know Gradio, pixels or who is asking.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_tools.errors import ToolInputError, shorten
from agent_tools.tools.edit import Action
from workflows.conversation import Reply
from workflows.hand_gestures import HandGesture
from workflows.planning.context import PlanContext, PlannedCall
from workflows.planning.orders import Calls, call

BY_HAND = "\u270b "
"""What the words of an act begin with, so that nobody takes them for a sentence that was typed."""
Plan = Callable[[PlanContext], Calls]
Number = Annotated[float, Field(allow_inf_nan=False)]
Handle = Annotated[str, Field(pattern=r"^[gmpe][1-9][0-9]{0,8}$")]


@dataclass(frozen=True)
class HandAct:
    """What a hand did on the page.

    Attributes:
        words: the same in words, for the record of the conversation.
        plan: the calls it means.
        gestures: what it drew.
    """

    words: str
    plan: Plan
    gestures: tuple[HandGesture, ...] = ()

    @property
    def request(self) -> str:
        """The words as the conversation keeps them."""
        return BY_HAND + self.words


class _Deed(BaseModel):
    """What the page sends; anything else is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def focus(self, reply: Reply) -> str | None:  # noqa: ARG002
        """Which thing to say more about afterwards, such as its other outlines."""
        return None


class Pin(_Deed):
    """Something pointed at, before the sentence that is about it."""

    kind: Literal["point", "box", "stroke"]
    coordinates: list[tuple[Number, Number]] = Field(min_length=1, max_length=5000)


class Gesture(_Deed):
    """A point, box or scribble that adds or takes away; `chosen` is the thing whose parts are meant."""

    do: Literal["gesture"]
    kind: Literal["point", "box", "stroke"]
    coordinates: list[tuple[Number, Number]] = Field(min_length=1, max_length=5000)
    include: bool
    chosen: Handle | None = None

    def act(self) -> HandAct:
        """As calls."""
        # What takes whole things away still points at them; only of one thing's parts it says what does not belong.
        include = self.include or self.chosen is None
        drawn = HandGesture(self.kind, tuple(self.coordinates), include)
        plan: Plan
        if self.chosen is not None:
            words, plan = ("this belongs to it" if self.include else "not this part of it"), self._part
        else:
            words, plan = ("add this" if self.include else "not this one"), self._add if self.include else self._remove
        return HandAct(words, plan, (drawn,))

    def focus(self, reply: Reply) -> str | None:
        """What was added last, so that its other outlines are offered; else what was chosen."""
        if not self.include or self.chosen is not None:
            return self.chosen
        new = [thing["handle"] for thing in reply.objects]
        return max(new, key=lambda handle: int(handle[1:]), default=None) if self.kind == "point" else None

    def _part(self, context: PlanContext) -> Calls:
        return [call("refine_with_point", handle=self.chosen, point=_drawn(context)), call("count", handles=None)]

    def _remove(self, context: PlanContext) -> Calls:
        hits = [hit for hit in context.gestures[0].hits if hit in context.selection]
        if not hits:
            raise ToolInputError(
                "click= is on nothing that is marked: expected a marked thing. Click on its tinted part."
            )
        # A click means the smallest thing under it, a box or a scribble all that it goes over.
        gone = hits if self.kind != "point" else [min(hits, key=_size(context))]
        return [call("select", handles=gone, combine="subtract"), *_counted(set(context.selection) - set(gone))]

    def _add(self, context: PlanContext) -> Calls:
        known = [hit for hit in context.gestures[0].hits if hit not in context.selection]
        if self.kind == "point" and known:
            return [call("select", handles=[min(known, key=_size(context))], combine="add"), call("count")]
        labels = {one.label for one in context.objects if one.handle in context.selection}
        phrases = [labels.pop()] if len(labels) == 1 else None
        calls = [call("segment", phrases=phrases, gestures=[_drawn(context)])]
        if context.selection:
            calls.append(call("select", handles=list(context.selection), combine="add"))
        return [*calls, call("count")]


class Select(_Deed):
    """Mark things, or no longer."""

    do: Literal["select"]
    handles: list[Handle] = Field(min_length=1, max_length=10_000)
    combine: Literal["replace", "add", "subtract"]

    def act(self) -> HandAct:
        """As calls."""
        words = {"replace": "only this one", "add": "this one too", "subtract": "not this one"}[self.combine]

        def plan(context: PlanContext) -> Calls:
            left = set(context.selection) - set(self.handles) if self.combine == "subtract" else {"any"}
            return [call("select", handles=self.handles, combine=self.combine), *_counted(left)]

        return HandAct(words, plan)


class TakeMask(_Deed):
    """Take another of the masks a thing may have: `steps` larger, or, below 0, smaller."""

    do: Literal["mask"]
    handle: Handle
    steps: int = Field(ge=-10, le=10)

    def act(self) -> HandAct:
        """As calls."""
        to = "bigger" if self.steps > 0 else "smaller"
        calls = [call("switch_mask", handles=[self.handle], to=to)] * abs(self.steps)
        return HandAct("this outline instead", lambda _: calls)

    def focus(self, reply: Reply) -> str | None:  # noqa: ARG002
        """The same thing."""
        return self.handle


class EditThings(_Deed):
    """Change how the marked things look, or all else, or the whole picture, or one thing."""

    do: Literal["edit"]
    action: Action
    target: Literal["marked", "rest", "whole"] | Handle
    colour: Annotated[str, Field(max_length=40)] | None = None
    background: Annotated[str, Field(max_length=40)] | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    dx: Number | None = None
    dy: Number | None = None

    def act(self) -> HandAct:
        """As calls."""
        given = self.model_dump(include={"colour", "background", "strength", "dx", "dy"}, exclude_none=True)
        if self.target == "whole":
            given |= {"handles": [], "invert": True}
        elif self.target == "rest":
            given |= {"invert": True}
        elif self.target != "marked":
            given |= {"handles": [self.target]}
        what = {"marked": "what is marked", "rest": "the rest", "whole": "the whole picture"}.get(self.target, "this")
        made = PlannedCall(tool="edit", arguments={"action": self.action, **given})
        return HandAct(f"{self.action.replace('_', ' ')} {what}", lambda _: [made])


class ChangeEdit(_Deed):
    """Do an edit that is there in another way, at another place in the order, or not at all."""

    do: Literal["change", "place", "drop"]
    edit: Handle
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    colour: Annotated[str, Field(max_length=40)] | None = None
    place: int | None = Field(None, ge=1, le=1000)

    def act(self) -> HandAct:
        """As calls."""
        given = self.model_dump(include={"edit", "strength", "colour", "place"}, exclude_none=True)
        words = {"change": "like this instead", "place": "in another order", "drop": "take this change back"}[self.do]
        dropped = {"action": "none"} if self.do == "drop" else {}
        made = PlannedCall(tool="edit", arguments=given | dropped)
        return HandAct(words, lambda _: [made])


class Step(_Deed):
    """Undo or redo."""

    do: Literal["undo", "redo"]

    def act(self) -> HandAct:
        """As calls."""
        return HandAct(self.do, lambda _: [call(self.do)])


class UsePicture(_Deed):
    """Go on with another picture."""

    do: Literal["picture"]
    handle: Handle


Deed = Gesture | Select | TakeMask | EditThings | ChangeEdit | Step


class Attached(BaseModel):
    """What comes with a sentence: which conversation and picture the page shows, and what was pointed at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    conversation: Annotated[str, Field(max_length=64)] = ""
    picture: Handle | None = None
    chosen: Handle | None = None
    pins: list[Pin] = Field(default=[], max_length=50)

    def gestures(self) -> tuple[HandGesture, ...]:
        """What was pointed at."""
        return tuple(HandGesture(pin.kind, tuple(pin.coordinates)) for pin in self.pins)


class _Sent(BaseModel):
    deed: Annotated[Deed | UsePicture, Field(discriminator="do")]


def read_deed(sent: object) -> Deed | UsePicture:
    """What the page sent, checked.

    Raises:
        ToolInputError: it is nothing that the page sends.
    """
    try:
        return _Sent.model_validate({"deed": sent}).deed
    except ValidationError as error:
        first = error.errors()[0]
        raise ToolInputError(
            f"{'.'.join(map(str, first['loc'][1:])) or 'deed'}={shorten(first['input'])} is not what the page sends: "
            f"expected {first['msg']}. Reload the page."
        ) from None


def read_attached(sent: str) -> Attached:
    """What came with a sentence, checked.

    Raises:
        ToolInputError: it is nothing that the page sends.
    """
    try:
        return Attached.model_validate_json(sent)
    except ValidationError:
        raise ToolInputError(
            f"attached={shorten(sent)} is not what the page sends: expected gestures. Reload the page."
        ) from None


def _drawn(context: PlanContext) -> str:
    return context.gestures[0].gesture


def _size(context: PlanContext) -> Callable[[str], float]:
    area = {one.handle: one.area for one in context.objects}
    return lambda handle: area[handle]


def _counted(left: set[str]) -> Sequence[PlannedCall]:
    """A count of what is selected, where anything is."""
    return [call("count")] if left else []
