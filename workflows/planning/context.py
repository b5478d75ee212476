"""What a planner may know when it plans, and what it hands back.

The same JSON as `askmask plan --context FILE` reads and `askmask plan --json` prints.
This module does not know how a plan is made, nor where the context comes from.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from prompts.vocabulary_loader import vocabulary


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
    score: float = 1.0
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
            parts.append(lines["row"].format(mark=mark, box=box, **known.model_dump(exclude={"box"})))
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
