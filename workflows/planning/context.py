"""What a planner may know when it plans, and what it hands back.

The same JSON as `askmask plan --context FILE` reads and `askmask plan --json` prints.
This module does not know how a plan is made, nor where the context comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from prompts import vocabulary_loader
from prompts.vocabulary_loader import vocabulary
from workflows.planning.handles import listed

if TYPE_CHECKING:
    from agent_tools.memory import ObjectVersion, State

_PICTURES_SHOWN = 20
"""Most other pictures that the handle table names."""


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
    """What the hand did with the request: where (pixels, origin top left), what lies there, and its gesture name.

    `kind` is point, box, polygon or stroke; x and y are then its middle. Not `include`: it says what does not belong.
    """

    x: float
    y: float
    hits: tuple[str, ...] = ()
    gesture: str = "g1"
    kind: str = "point"
    include: bool = True


class KnownEdit(_Model):
    """An edit in force: what it does, made of which objects and how, and how many undos take it back (0: none does)."""

    handle: str
    action: str
    handles: tuple[str, ...] = ()
    invert: bool = False
    parameters: dict[str, float | str] = Field(default_factory=dict)
    steps: int = 0
    replaces: bool = False
    """Whether it stands in the place of an earlier one, so that undo brings that one back."""


class PlanContext(_Model):
    """The state of a conversation, as much of it as a planner sees; never pixels."""

    picture: PictureSize | None = None
    objects: tuple[KnownObject, ...] = ()
    selection: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    """What was selected before the selection last changed."""
    elsewhere: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The other open pictures, each with the handles of what is known on it."""
    click: Click | None = None
    more_gestures: tuple[Click, ...] = ()
    edits: tuple[KnownEdit, ...] = ()
    undo: int = Field(default=0, ge=0)
    redo: int = Field(default=0, ge=0)

    @property
    def gestures(self) -> tuple[Click, ...]:
        """All that the hand did with the request; what points at a thing comes first."""
        return () if self.click is None else (self.click, *self.more_gestures)

    def render(self, language: str = "english") -> str:
        """The handle table as a language model sees it: one short line an object, then selection, click and steps."""
        lines = vocabulary(language).answers.table
        selected = set(self.selection)
        parts = []
        if self.picture is not None:
            parts.append(lines["picture"].format(**self.picture.model_dump()))
        if self.elsewhere:
            parts.append(lines["elsewhere"].format(others=self._others()))
        parts.append(lines["head"] if self.objects else lines["nothing"])
        for known in self.objects:
            mark = lines["selected"] if known.handle in selected else lines["unselected"]
            box = " ".join(f"{side:.0f}" for side in known.box)
            score = "-" if known.score is None else f"{known.score:.2f}"
            values = known.model_dump(exclude={"box", "score"})
            parts.append(lines["row"].format(mark=mark, box=box, score=score, **values))
        for one in self.gestures:
            hits = " ".join(one.hits) or lines["no_hits"]
            what = lines["click_word"] if one.kind == "point" else one.kind
            line = lines["click"] if one.include else lines["click_away"]
            parts.append(line.format(what=what, x=one.x, y=one.y, gesture=one.gesture, hits=hits))
        if self.edits:
            parts.append(lines["edits"].format(edits="; ".join(self._edited(one, lines) for one in self.edits)))
        parts.append(lines["steps"].format(undo=self.undo, redo=self.redo))
        return "\n".join(parts)

    @staticmethod
    def _edited(one: KnownEdit, lines: dict[str, str]) -> str:
        line = lines["edit_whole" if not one.handles else "edit_rest" if one.invert else "edit"]
        said = line.format(handle=one.handle, action=one.action, handles=listed(one.handles))
        return " ".join([said, *(f"{name}={value}" for name, value in one.parameters.items())])

    def _others(self) -> str:
        shown = [
            f"{picture} ({listed(handles)})" if handles else picture
            for picture, handles in list(self.elsewhere.items())[:_PICTURES_SHOWN]
        ]
        return ", ".join([*shown, "..."] if len(shown) < len(self.elsewhere) else shown)


class PlannedCall(_Model):
    """One tool call: its name and the arguments that differ from their defaults."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Plan(_Model):
    """Either calls to make, in order, or a reply that says why there are none."""

    calls: tuple[PlannedCall, ...] = ()
    reply: str | None = None


def plan_context(state: State, *gestures: str) -> PlanContext:
    """What a planner may know of a conversation: the current picture and what was found on it.

    Args:
        state: The conversation as it stands.
        gestures: Names of the gestures that came with the request, if any did.
    """
    opened = state.pictures.get(state.picture or "")
    here = [thing for thing in state.objects.values() if thing.picture == state.picture]
    handles = {thing.handle for thing in here}
    there: dict[str, list[str]] = {handle: [] for handle in state.pictures if handle != state.picture}
    for thing in state.objects.values():
        if thing.picture in there:
            there[thing.picture].append(thing.handle)
    drawn = [_click(state, name, here) for name in gestures]
    drawn.sort(key=lambda one: not one.include)
    return PlanContext(
        picture=None if opened is None else PictureSize(width=opened.width, height=opened.height, handle=opened.handle),
        objects=tuple(
            KnownObject(handle=each.handle, label=each.label, score=each.score, box=each.box, turn=each.turn)
            for each in here
        ),
        selection=tuple(handle for handle in state.selection if handle in handles),
        before=tuple(handle for handle in state.selected_before if handle in handles),
        elsewhere={handle: tuple(known) for handle, known in there.items()},
        click=drawn[0] if drawn else None,
        more_gestures=tuple(drawn[1:]),
        edits=tuple(
            KnownEdit(
                handle=one.handle,
                action=one.action,
                handles=tuple(handle for handle, _ in one.objects),
                invert=one.invert,
                parameters=dict(one.parameters),
                replaces=one.handle not in state.edits_before and len(state.edits_before) >= len(state.edits),
                steps=state.changes.index(one.turn) + 1 if one.turn in state.changes else 0,
            )
            for one in state.edits
            if one.picture == state.picture
        ),
        undo=state.undo,
        redo=state.redo,
    )


def planner_brief(context: PlanContext) -> str:
    """The system message for a planner: the brief, and the table of handles."""
    return f"{vocabulary_loader.planner_brief()}\n{context.render()}"


def _click(state: State, name: str, things: list[ObjectVersion]) -> Click:
    from agent_tools.references import is_inside
    from agent_tools.tools.choosing import place_of_gesture

    gesture = state.gestures[name]
    opened = state.pictures[gesture.picture]
    place = place_of_gesture(gesture, opened.width, opened.height)
    x, y = gesture.coordinates[len(gesture.coordinates) // 2]
    if place.area is not None:
        x, y = (place.box[0] + place.box[2]) / 2, (place.box[1] + place.box[3]) / 2
    hits = tuple(thing.handle for thing in things if is_inside(thing, place))
    return Click(x=x, y=y, hits=hits, gesture=name, kind=gesture.kind, include=gesture.include)
