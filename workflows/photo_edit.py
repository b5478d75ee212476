"""Edit recipes: what was done to one picture, said so that it can be done to others.

An edit in a conversation is made of masks, which fit one picture only. A recipe keeps how its things were found: the
phrases that were looked for, and which of the found were meant ("the top row"). Things chosen by hand have no such
words; then every thing of their name is meant, and the recipe says so. Lengths in pixels are kept together with the
size of the picture they were meant for, and grow with it.

This module does not know models, files or how an edit changes pixels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_tools.editing import STRENGTHS, check_parameters, is_picture
from agent_tools.errors import ConfigError, ToolInputError, shorten
from agent_tools.memory import CallRecord, Edit, State, TurnRecord
from agent_tools.pictures import Picture
from agent_tools.toolkit import VisionToolkit
from agent_tools.tools.arguments import Where
from agent_tools.tools.finding import UNNAMED

_LOOKS = ("segment", "count", "ground")
_LENGTHS = ("feather", "dx", "dy")
"""Parameters in pixels."""
_NAMELESS = f"put the name of such things in place of {UNNAMED}"
_TIED = ("inside", "outside", "near", "left_of", "right_of", "above", "below", "turn", "exclude")
"""Parts of a ``where`` that name what is on one picture only."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Look(_Model):
    """Things to look for afresh."""

    phrases: Annotated[list[str], Field(min_length=1)]
    where: Where | None = None
    quantity: Literal["all", "one"] = "all"


class Narrow(_Model):
    """Which of what was found."""

    where: Where
    combine: Literal["replace", "subtract", "intersect"] = "replace"


class RecipeStep(_Model):
    """One edit: of what, and how; nothing to find is the whole picture."""

    action: str
    find: list[Look | Narrow] = []
    invert: bool = False
    parameters: dict[str, float | str] = {}
    note: str = ""


class Recipe(_Model):
    """Edits in the order in which they are done, and the size of the picture that their lengths were meant for."""

    askmask_recipe: Literal[1] = 1
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    steps: Annotated[list[RecipeStep], Field(min_length=1)]

    @property
    def digest(self) -> str:
        """The same for the same recipe."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def text(self) -> str:
        """As a file: JSON that a person can read."""
        told = {"askmask_recipe": 1, **self.model_dump(mode="json", exclude_defaults=True)}
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


@dataclass
class Applied:
    """What a recipe did to a picture: its steps in words, done and left out."""

    done: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def recipe_of(state: State, history: Sequence[TurnRecord], picture: str | None = None) -> Recipe:
    """The edits in force on a picture as a recipe.

    Args:
        state: of the conversation.
        history: of the conversation.
        picture: handle of the picture; None: the current one.

    Raises:
        ToolInputError: no such picture, or no edit of it; or an edit takes its background from another picture.
    """
    handle = state.picture if picture is None else picture
    opened = state.pictures.get(handle or "")
    edits = [one for one in state.edits if one.picture == handle]
    if opened is None or not edits:
        raise ToolInputError(
            f"picture={shorten(handle)} has no edits: expected a picture with some. Edit it first: blur the rest."
        )
    return Recipe(width=opened.width, height=opened.height, steps=[_step(one, state, history) for one in edits])


def read_recipe(text: str, name: str) -> Recipe:
    """A recipe from its file.

    Raises:
        ConfigError: it is none.
    """
    try:
        recipe = Recipe.model_validate_json(text)
        for step in recipe.steps:
            if step.action not in STRENGTHS:
                raise ConfigError(_wrong(name, f"action {shorten(step.action)} is unknown"))
            check_parameters(step.action, step.parameters)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ConfigError(_wrong(name, f"{place or 'file'}: {shorten(first['msg'], 120)}")) from None
    except ToolInputError as error:
        raise ConfigError(_wrong(name, shorten(error, 200))) from None
    return recipe


def apply_recipe(
    recipe: Recipe, toolkit: VisionToolkit, picture: Picture, background: Picture | None = None
) -> Applied:
    """Do to a picture what a recipe says, in a conversation of its own, whose current picture it becomes.

    A step that finds nothing is left out; everything but nothing is not the whole picture.

    Args:
        recipe: what to do.
        toolkit: of a conversation that knows nothing yet.
        picture: the picture.
        background: what "picture" stands for as a background.

    Raises:
        AskmaskError: a model failed, or the picture is damaged.
    """
    applied = Applied()
    with toolkit.turn():
        other = None if background is None else toolkit.open_picture(background)
        handle = toolkit.open_picture(picture)
        scale = min(picture.width, picture.height) / min(recipe.width, recipe.height)
        for step in recipe.steps:
            things = _found(step, toolkit, handle)
            if step.find and not things:
                applied.left_out.append(f"{step.action}: no {_named(step)} found")
                continue
            given = {
                name: value * scale if name in _LENGTHS and not isinstance(value, str) else value
                for name, value in step.parameters.items()
            }
            if given.get("background") == "picture":
                if other is None:
                    raise ConfigError(
                        "background=picture is not given: expected the picture to put behind. "
                        "Name it: --background FILE."
                    )
                given["background"] = other
            made = {"action": step.action, "handles": things, "invert": step.invert or not step.find, **given}
            applied.done.append(toolkit.call("edit", made).text)
    return applied


def _found(step: RecipeStep, toolkit: VisionToolkit, picture: str) -> list[str]:
    """Handles of what a step is about."""
    for each in step.find:
        if isinstance(each, Look):
            arguments = {"phrases": each.phrases, "quantity": each.quantity, "picture": picture}
            toolkit.call("segment", arguments | _where(each.where))
        elif toolkit.state.selection:
            toolkit.call("select", {"combine": each.combine, **_where(each.where)})
    return list(toolkit.state.selection) if step.find else []


def _where(where: Where | None) -> dict[str, Any]:
    return {} if where is None else {"where": where.model_dump(exclude_defaults=True, by_alias=True)}


def _named(step: RecipeStep) -> str:
    phrases = [phrase for each in step.find if isinstance(each, Look) for phrase in each.phrases]
    return " or ".join(dict.fromkeys(phrases))


def _step(edit: Edit, state: State, history: Sequence[TurnRecord]) -> RecipeStep:
    """An edit, with how its things were found."""
    parameters = {
        name: "picture" if name == "background" and isinstance(value, str) and is_picture(value) else value
        for name, value in edit.parameters.items()
    }
    wanted = frozenset(handle for handle, _ in edit.objects)
    find: list[Look | Narrow] = []
    note = ""
    if wanted:
        effective = [
            turn for turn in history if turn.number in {*state.changes, edit.turn} and turn.number <= edit.turn
        ]
        known = _ways(call for turn in effective for call in turn.calls if not call.error)
        labels = sorted({state.objects[handle].label for handle in wanted if handle in state.objects})
        find = known.get(wanted) or [Look(phrases=labels or [UNNAMED])]
        if wanted not in known:
            nameless = UNNAMED in labels
            note = "chosen by hand: " + (_NAMELESS if nameless else "on other pictures, all of that name")
    return RecipeStep(action=edit.action, find=find, invert=edit.invert, parameters=parameters, note=note)


def _ways(calls: Iterable[CallRecord]) -> dict[frozenset[str], list[Look | Narrow]]:
    """Sets of handles, each with the words by which it can be found again."""
    ways: dict[frozenset[str], list[Look | Narrow]] = {}
    current: list[Look | Narrow] | None = None
    for call in calls:
        if "selection" not in call.data or call.tool == "edit":
            continue
        given, selection = call.arguments, frozenset(call.data["selection"])
        where = given.get("where")
        by_hand = given.get("handles") or given.get("gestures") or not _portable(where or {})
        if call.tool in _LOOKS and given.get("phrases") and not by_hand:
            current = [Look(phrases=given["phrases"], where=where, quantity=given.get("quantity", "all"))]
        elif call.tool == "select" and where and current and given.get("combine") != "add" and not by_hand:
            current = [*current, Narrow(where=where, combine=given.get("combine", "replace"))]
        else:
            current = ways.get(selection)
        if current is not None:
            ways.setdefault(selection, current)
    return ways


def _portable(where: Mapping[str, Any]) -> bool:
    """Whether a ``where`` means the same on another picture: it names no thing, gesture or turn of this one."""
    return not any(where.get(name) for name in _TIED)


def _wrong(name: str, what: str) -> str:
    return (
        f"recipe={shorten(name)} is none ({what}): expected what askmask recipe writes. Make it again, or correct it."
    )
