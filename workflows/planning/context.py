"""What a planner may know when it plans, and what it hands back.

The same JSON as `askmask plan --context FILE` reads and `askmask plan --json` prints.
This module does not know how a plan is made, nor where the context comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from prompts import vocabulary_loader
from prompts.vocabulary_loader import vocabulary

if TYPE_CHECKING:
    from agent_tools.memory import ObjectVersion, State


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PictureSize(_Model):
    """The picture in hand; `handle` is its name, width and height are pixels of the upright picture."""

    width: int = Field(gt=0)
    height: int = Field(gt=0)
    handle: str = "p1"


class KnownObject(_Model):
    """A row of the handle table. `box` is x0, y0, x1, y1 in pixels of the upright picture, origin top left."""

    handle: str
    label: str
    score: float | None = None
    box: tuple[float, float, float, float]
    turn: int = 0

    @property
    def area(self) -> float:
        """Area of the box in pixels."""
        x0, y0, x1, y1 = self.box
        return max(0.0, x1 - x0) * max(0.0, y1 - y0)


class Click(_Model):
    """A click that came with the request: where (pixels, origin top left), what lies there, and its gesture name."""

    x: float
    y: float
    hits: tuple[str, ...] = ()
    gesture: str = "g1"


class PlanContext(_Model):
    """The state of a conversation, as much of it as a planner sees; never pixels."""

    picture: PictureSize | None = None
    objects: tuple[KnownObject, ...] = ()
    selection: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """What was selected before the selection last changed."""
    click: Click | None = None
    undo: int = Field(default=0, ge=0)
    redo: int = Field(default=0, ge=0)

    def render(self, language: str = "english") -> str:
        """The handle table as a language model sees it: one short line an object, then selection, click and steps."""
        lines = vocabulary(language).answers.table
        selected = set(self.selection)
        parts = []
        if self.picture is not None:
            parts.append(lines["picture"].format(**self.picture.model_dump()))
        parts.append(lines["head"] if self.objects else lines["nothing"])
        for known in self.objects:
            mark = lines["selected"] if known.handle in selected else lines["unselected"]
            box = " ".join(f"{side:.0f}" for side in known.box)
            score = "-" if known.score is None else f"{known.score:.2f}"
            values = known.model_dump(exclude={"box", "score"})
            parts.append(lines["row"].format(mark=mark, box=box, score=score, **values))
        if self.click is not None:
            hits = " ".join(self.click.hits) or lines["no_hits"]
            parts.append(lines["click"].format(x=self.click.x, y=self.click.y, gesture=self.click.gesture, hits=hits))
        parts.append(lines["steps"].format(undo=self.undo, redo=self.redo))
        return "\n".join(parts)


class PlannedCall(_Model):
    """One tool call: its name and the arguments that differ from their defaults."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Plan(_Model):
    """Either calls to make, in order, or a reply that says why there are none."""

    calls: tuple[PlannedCall, ...] = ()
    reply: str | None = None


def plan_context(state: State, gesture: str | None = None) -> PlanContext:
    """What a planner may know of a conversation: the current picture and what was found on it.

    Args:
        state: The conversation as it stands.
        gesture: Name of the click that came with the request, if one did.
    """
    opened = state.pictures.get(state.picture or "")
    here = [thing for thing in state.objects.values() if thing.picture == state.picture]
    handles = {thing.handle for thing in here}
    return PlanContext(
        picture=None if opened is None else PictureSize(width=opened.width, height=opened.height, handle=opened.handle),
        objects=tuple(
            KnownObject(handle=each.handle, label=each.label, score=each.score, box=each.box, turn=each.turn)
            for each in here
        ),
        selection=tuple(handle for handle in state.selection if handle in handles),
        before=tuple(handle for handle in state.selected_before if handle in handles),
        click=None if gesture is None else _click(state, gesture, here),
        undo=state.undo,
        redo=state.redo,
    )


def planner_brief(context: PlanContext) -> str:
    """The system message for a planner: the brief, and the table of handles."""
    return f"{vocabulary_loader.planner_brief()}\n{context.render()}"


def _click(state: State, gesture: str, things: list[ObjectVersion]) -> Click:
    x, y = state.gestures[gesture].coordinates[0]
    return Click(x=x, y=y, hits=tuple(thing.handle for thing in things if _lies_on(x, y, thing)), gesture=gesture)


def _lies_on(x: float, y: float, thing: ObjectVersion) -> bool:
    if thing.mask is not None and thing.mask.area:
        return thing.mask.contains(x, y)
    x0, y0, x1, y1 = thing.box
    return x0 <= x < x1 and y0 <= y < y1
