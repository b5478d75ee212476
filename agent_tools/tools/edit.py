"""The tool that changes pictures: an edit on top of those done before, or a change to one of those, over the untouched
original.

It keeps what is to be done and with which masks; the pixels are made in `agent_tools.editing` when somebody wants to
see them. This module does not know pixels or files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Annotated, Any, Literal

from pydantic import Field

from agent_tools.colours import colour_code
from agent_tools.editing import PARAMETERS, check_parameters, is_picture
from agent_tools.errors import HandleError, ToolInputError, shorten
from agent_tools.memory import Edit, ObjectVersion
from agent_tools.tools.arguments import Arguments, Coordinate, Names, expand
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.moved_things import follow_moves
from agent_tools.tools.segment import masked
from agent_tools.tools.wording import by_label, compact, results

Action = Literal[
    "remove",
    "blur",
    "pixelate",
    "recolour",
    "brighten",
    "darken",
    "cut_out",
    "replace_background",
    "grayscale",
    "highlight",
    "outline",
    "move",
    "duplicate",
    "none",
]
SELECTION = "selection"
"""Said among handles, it stands for what is selected."""
_PARAMETERS = ("colour", "strength", "background", "feather", "dx", "dy")
_OF_THINGS = ("remove", "cut_out", "replace_background", "highlight", "outline", "move", "duplicate")
_NEVER_INVERTED = ("replace_background", "move", "duplicate")
_GAP = 1.1
"""How far beside a thing its copy is put unless told otherwise, as a share of the thing's width."""


class EditArguments(Arguments):
    """What to do, to what, and how; or which edit to change."""

    action: Action | None = Field(None, description="highlight dims all else, cut_out clears it.")
    handles: Names | None = Field(None, description="Default: the selection.")
    invert: bool = Field(False, description="All else; with handles []: the whole picture.")
    colour: Annotated[str, Field(max_length=40)] | None = None
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    background: Annotated[str, Field(max_length=40)] | None = Field(None, description="Colour, blur or p2.")
    feather: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(None, description="Soft edge, pixels.")
    dx: Coordinate | None = None
    dy: Coordinate | None = Field(None, description="Down.")
    edit: Names | None = Field(None, description="e2: change that one, what is not given stays; action none drops it.")
    place: int | None = Field(None, description="In the order: 1 first, -1 last.")


def edit(context: ToolContext, arguments: EditArguments) -> ToolResult:
    """Change how known objects look, or all else (invert): "blur the faces", "gray out the rest"; change an edit: "make
    it darker".
    """
    turn, before = context.turn, context.state.edits
    replaced = _change(context, arguments) if arguments.edit else _add(context, arguments)
    try:
        follow_moves(turn, before, replaced)
    except ToolInputError:
        turn.keep_edits(one.handle for one in before)
        raise
    after = context.state.edits
    new = sorted((one for one in after if one not in before), key=lambda one: one.handle not in replaced)
    gone = [one.handle for one in before if one not in after and one.handle not in replaced.values()]
    parts = [f"{one.handle}{_instead(one, before, after)}: {described(context, one)}" for one in new]
    parts += [f"Dropped {compact(gone)}"] if gone else []
    if not new:
        parts.append(f"In force: {', '.join(f'{one.handle} {one.action}' for one in after) or 'no edit'}")
    handles = dict.fromkeys(handle for one in new for handle, _ in one.objects)
    pictures = [one.picture for one in new] + ([] if context.state.picture is None else [context.state.picture])
    return results(
        parts,
        context.objects(list(handles)),
        picture=pictures[0],
        edits=[edit_record(one) for one in new],
        dropped=[edit_record(one) for one in before if one.handle in gone],
        stack=[edit_record(one) for one in after],
    )


def described(context: ToolContext, one: Edit) -> str:
    """An edit in words: ``blur everything but 2 cup: m1 m2 (score 0.9), strength 0.7``."""
    things = [context.turn.version(*each) for each in one.objects]
    what = ("everything but " if one.invert else "") + by_label(things) if things else "the whole picture"
    return ", ".join([f"{one.action} {what}", *(f"{name} {value}" for name, value in one.parameters.items())])


def edit_record(one: Edit) -> dict[str, Any]:
    """An edit as programs get it."""
    return {
        "handle": one.handle,
        "picture": one.picture,
        "action": one.action,
        "handles": [handle for handle, _ in one.objects],
        "invert": one.invert,
        "parameters": dict(one.parameters),
    }


def _add(context: ToolContext, arguments: EditArguments) -> dict[str, str]:
    """One more edit, of each picture that has some of the things."""
    action = arguments.action
    if action is None or action == "none":
        raise ToolInputError("action is missing: expected what to do. Give it, or name an edit to change.")
    things = masked(context, _chosen(context, arguments.handles))
    if not things and not (arguments.handles == [] and arguments.invert):
        raise ToolInputError(
            "handles=None and an empty selection leave nothing to edit: expected handles. "
            "Find something with segment first, or pass handles [] with invert for the whole picture."
        )
    groups = _by_picture(context, things)
    given = [_given(context, arguments, picture) for picture, _ in groups]
    for parameters, (picture, some) in zip(given, groups, strict=True):
        if action == "duplicate" and not (parameters.get("dx") or parameters.get("dy")):
            parameters["dx"] = _beside(some, context.state.pictures[picture].width)
        _check(action, [thing.handle for thing in some], arguments.invert, parameters)
    for parameters, (picture, some) in zip(given, groups, strict=True):
        handles = [thing.handle for thing in some]
        at = None if arguments.place is None else _position(context.state.edits, picture, arguments.place)
        context.turn.add_edit(picture, action, handles, arguments.invert, parameters, at)
    return {}


def _change(context: ToolContext, arguments: EditArguments) -> dict[str, str]:
    """Edits changed, dropped or put elsewhere in the order; of each new one, which it replaces."""
    turn, edits = context.turn, {one.handle: one for one in context.state.edits}
    names = expand(arguments.edit or [])
    if missing := [name for name in names if name not in edits]:
        raise HandleError(
            f"edit={shorten(', '.join(missing))} is not in force: expected {shorten(compact(edits)) or 'an edit'}. "
            "Name one that is."
        )
    if arguments.action == "none":
        turn.keep_edits(handle for handle in edits if handle not in names)
        return {}
    things = None if arguments.handles is None else masked(context, _chosen(context, arguments.handles))
    invert = arguments.invert if "invert" in arguments.model_fields_set else None
    replaced: dict[str, str] = {}
    wanted: list[tuple[Edit, str, list[str] | None, bool, dict[str, Any]]] = []
    for name in names:
        old = edits[name]
        action = arguments.action or old.action
        own = {name: value for name, value in old.parameters.items() if name in PARAMETERS[action]}
        parameters = {**own, **_given(context, arguments, old.picture)}
        objects = None if things is None else [thing.handle for thing in things if thing.picture == old.picture]
        inverted = old.invert if invert is None else invert
        _check(action, [one for one, _ in old.objects] if objects is None else objects, inverted, parameters)
        wanted.append((old, action, objects, inverted, parameters))
    for old, action, objects, inverted, parameters in wanted:
        same = (action, objects, inverted, parameters) == (old.action, None, old.invert, dict(old.parameters))
        handle = old.handle
        if not same:
            made = turn.change_edit(handle, action=action, objects=objects, invert=inverted, parameters=parameters)
            handle = made.handle
            replaced[handle] = old.handle
        if arguments.place is not None:
            others = [one for one in context.state.edits if one.handle != handle]
            order = [one.handle for one in others]
            order.insert(_position(others, old.picture, arguments.place), handle)
            turn.keep_edits(order)
    return replaced


def _given(context: ToolContext, arguments: EditArguments, picture: str) -> dict[str, float | str]:
    """The parameters that were given; colours as codes."""
    given = {name: value for name in _PARAMETERS if (value := getattr(arguments, name)) is not None}
    if "colour" in given:
        given["colour"] = colour_code(given["colour"])
    if "background" in given:
        given["background"] = _background(context, given["background"], picture)
    return given


def _background(context: ToolContext, said: str, picture: str) -> str:
    said = said.strip().lower()
    if said in ("blur", "blurred", "blurry"):
        return "blur"
    if not is_picture(said):
        return colour_code(said)
    if said == picture:
        raise ToolInputError(f"background={said} is the picture itself: expected another one. Name it.")
    return context.opened(said).handle


def _check(action: str, handles: Sequence[str], invert: bool, parameters: Mapping[str, float | str]) -> None:
    check_parameters(action, parameters)
    if not handles and (not invert or action in _OF_THINGS):
        raise ToolInputError(
            f"handles=[] leave nothing to {action}: expected handles. Name some, or select them first."
        )
    if invert and action in _NEVER_INVERTED:
        raise ToolInputError(f"invert=True does not go with {action}: expected false. Leave it out.")


def _chosen(context: ToolContext, handles: Sequence[str] | None) -> list[ObjectVersion]:
    """The objects of handles, of which one may stand for the selection."""
    if handles is None:
        return context.chosen_or_selected(None)
    parts = [list(context.state.selection) if name.strip().lower() == SELECTION else [name] for name in handles]
    return context.objects([name for part in parts for name in part])


def _by_picture(context: ToolContext, things: list[ObjectVersion]) -> list[tuple[str, list[ObjectVersion]]]:
    """The objects of each picture; the current picture where there are none."""
    if not things:
        return [(context.opened().handle, [])]
    ordered = sorted(things, key=lambda thing: int(thing.picture[1:]))
    return [(picture, list(some)) for picture, some in groupby(ordered, key=lambda thing: thing.picture)]


def _position(edits: Sequence[Edit], picture: str, place: int) -> int:
    """How many of `edits` come before one that takes a place among those of its picture: 1 the first, -1 the last."""
    own = [position for position, one in enumerate(edits) if one.picture == picture]
    place = max(1, place if place > 0 else len(own) + 2 + place)
    return own[place - 1] if place <= len(own) else len(edits)


def _beside(things: Sequence[ObjectVersion], width: int) -> float:
    """How far to the right, or to the left where there is no room, things are put to stand beside themselves."""
    left, right = min(thing.box[0] for thing in things), max(thing.box[2] for thing in things)
    step = round(_GAP * (right - left))
    return float(-step if right + step > width and left >= step else step)


def _instead(one: Edit, before: Sequence[Edit], after: Sequence[Edit]) -> str:
    """Which edit it replaces, where that can be told by its place: `` for e1``."""
    same_length = len(before) == len(after)
    old = before[after.index(one)].handle if same_length else ""
    return f" for {old}" if old and old not in {each.handle for each in after} else ""
