"""The tool that cuts things out: by phrases, at gestures, known ones, or everything there is.

This module does not know counting, nor how a mask is made from a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field

from agent_tools.errors import ToolInputError
from agent_tools.masks import union
from agent_tools.memory import ObjectVersion
from agent_tools.tools.arguments import Arguments, Mode, Names, Phrases, Quantity, Where
from agent_tools.tools.choosing import Choice, choose
from agent_tools.tools.context import ToolContext, ToolResult
from agent_tools.tools.everything import everything
from agent_tools.tools.finding import Found, cut_out, look, maker, recognise, remember, untold
from agent_tools.tools.pointing import at_gestures
from agent_tools.tools.wording import by_label, found_nothing, results


class SegmentArguments(Arguments):
    """What to cut out."""

    phrases: Phrases | None = Field(None, description="English, singular: red apple.")
    gestures: Names | None = Field(None, description="Pointed at, or (background) away: g1.")
    handles: Names | None = Field(None, description="Known boxes that need masks.")
    mode: Mode = Field(
        "instance",
        description="semantic: one mask a phrase; panoptic: no overlap; everything: all regions.",
    )
    quantity: Quantity = Field("all", description="one: the best of each phrase, or one of all gestures.")
    where: Where | None = None
    picture: str | None = None


def segment(context: ToolContext, arguments: SegmentArguments) -> ToolResult:
    """Find things afresh and cut them out: by phrases, at gestures, or both ("this can", g1). Replaces the selection;
    to narrow it use select.
    """
    _check(arguments)
    by_name = arguments.phrases is None and arguments.gestures is None and arguments.mode != "everything"
    if by_name:
        return _known(context, arguments)
    picture = _picture(context, arguments)
    notes: dict[str, str] = {}
    extra: dict[str, Any] = {}
    said, tied = "", False
    if arguments.gestures is not None or arguments.mode == "everything":
        remarks: list[str] = []
        if arguments.gestures is None:
            found = recognise(context, everything(context, picture))
        else:
            pointed = context.gestures(arguments.gestures)
            found, remarks = at_gestures(context, picture, pointed, arguments.phrases or (), arguments.quantity)
        choice = choose(context, found, arguments.where)
        found, tied = choice.things, choice.tied
        if arguments.quantity == "one":
            found = sorted(found, key=lambda each: -(each.score or 0))[:1]
        parts = [*remarks, choice.note]
    else:
        seen = look(context, picture, arguments.phrases or (), where=arguments.where, quantity=arguments.quantity)
        found, notes, tied = seen.hits, seen.notes, bool(seen.tied)
        said, extra = untold(context, seen)
        parts = [f"{phrase}: {note}" for phrase, note in notes.items() if phrase in seen.tied]
    found = _in_mode(context, found, arguments.mode)
    context.turn.use_picture(picture)
    objects = remember(context, found, maker(context))
    settled = {thing.label for thing in objects} | set(extra.get("unknown", {}).get("phrases", ()))
    parts += [found_nothing(p, notes.get(p, "")) for p in arguments.phrases or () if p not in settled]
    return _selected(context, picture, objects, [*parts, said], tied, **extra)


def _known(context: ToolContext, arguments: SegmentArguments) -> ToolResult:
    """Give masks to known objects that have none, and merge or part them where the mode says so."""
    known = context.chosen_or_selected(arguments.handles)
    if not known:
        raise ToolInputError(
            "phrases=None and an empty selection leave nothing to cut out: expected phrases, gestures or handles. "
            "Say what to look for in phrases."
        )
    found: list[Found] = []
    for picture in dict.fromkeys(thing.picture for thing in known):
        own = [thing for thing in known if thing.picture == picture]
        bare = cut_out(context, picture, [_as_found(thing) for thing in own if thing.mask is None])
        masked = {each.handle: each for each in bare}
        found += [masked.get(thing.handle) or _as_found(thing) for thing in own]
    choice: Choice[Found] = choose(context, found, arguments.where)
    objects = remember(context, _in_mode(context, choice.things, arguments.mode), context.services.segmenter_name)
    return _selected(context, known[0].picture, objects, [choice.note], choice.tied)


def masked(context: ToolContext, things: Sequence[ObjectVersion]) -> list[ObjectVersion]:
    """Known objects, each with a mask: those of which only the box is known get one."""
    bare = [thing for thing in things if thing.mask is None]
    for picture in dict.fromkeys(thing.picture for thing in bare):
        own = [_as_found(thing) for thing in bare if thing.picture == picture]
        remember(context, cut_out(context, picture, own), context.services.segmenter_name)
    return context.objects([thing.handle for thing in things])


def _selected(
    context: ToolContext, picture: str, objects: Sequence[ObjectVersion], parts: Sequence[str], tied: bool, **extra: Any
) -> ToolResult:
    context.turn.select([thing.handle for thing in objects])
    extra |= {"candidates": context.state.selection} if tied else {}
    said = [by_label(objects), *parts]
    if not any(said):
        said = ["Nothing found"]
    return results(said, objects, picture=picture, selection=context.state.selection, **extra)


def _in_mode(context: ToolContext, found: Sequence[Found], mode: Mode) -> list[Found]:
    """One mask a label, or masks that do not overlap, or the things as they are."""
    if mode == "semantic":
        labels = dict.fromkeys(each.label for each in found)
        return recognise(context, [_merged([each for each in found if each.label == label]) for label in labels])
    if mode == "panoptic":
        return _parted(found)
    return list(found)


def _merged(found: Sequence[Found]) -> Found:
    """One thing of all of a label's: the union of masks, the box round all, the best score."""
    if len(found) == 1:
        return found[0]
    masks = [each.mask for each in found if each.mask is not None]
    x0, y0, x1, y1 = zip(*(each.box for each in found), strict=True)
    return replace(
        found[0],
        score=max((each.score for each in found if each.score is not None), default=None),
        box=(min(x0), min(y0), max(x1), max(y1)),
        mask=union(masks) if masks else None,
        prompts=tuple(prompt for prompt in found[0].prompts if "phrase" in prompt),
        review=any(each.review for each in found),
        handle="",
        alternatives=(),
    )


def _parted(found: Sequence[Found]) -> list[Found]:
    """No pixel belongs to two: the better score keeps it. A thing of which nothing is left goes."""
    free: dict[int, Found] = {}
    taken = None
    for index in sorted(range(len(found)), key=lambda i: -(found[i].score or 0)):
        each = found[index]
        mask = each.mask if each.mask is None or taken is None else each.mask - taken
        if mask is not None and not mask.area:
            continue
        free[index] = replace(each, mask=mask)
        if mask is not None:
            taken = mask if taken is None else taken | mask
    return [free[index] for index in sorted(free)]


def _as_found(thing: ObjectVersion) -> Found:
    return Found(
        thing.picture,
        thing.label,
        thing.score,
        thing.box,
        thing.turn,
        thing.prompts,
        mask=thing.mask,
        candidate=thing.candidate,
        predicted_iou=thing.predicted_iou,
        stability=thing.stability,
        review=thing.review,
        handle=thing.handle,
        alternatives=thing.alternatives,
    )


def _check(arguments: SegmentArguments) -> None:
    given = [name for name in ("phrases", "gestures", "handles") if getattr(arguments, name) is not None]
    if arguments.mode == "everything" and given:
        raise ToolInputError(
            f"mode=everything takes no {given[0]}: expected none of phrases, gestures, handles. "
            f"Leave out {given[0]}, or use mode=instance."
        )
    if "handles" in given and len(given) > 1:
        raise ToolInputError(
            f"handles is given together with {given[0]}: expected one of the two. Leave out one of them."
        )


def _picture(context: ToolContext, arguments: SegmentArguments) -> str:
    """The picture asked for, or that of the gestures, or the current one."""
    if arguments.gestures is None:
        return context.opened(arguments.picture).handle
    pictures = list(dict.fromkeys(gesture.picture for gesture in context.gestures(arguments.gestures)))
    wanted = context.opened(arguments.picture or (pictures[0] if pictures else None)).handle
    if any(picture != wanted for picture in pictures):
        raise ToolInputError(
            f"gestures={', '.join(arguments.gestures)} are on {', '.join(pictures)}: expected gestures on {wanted}. "
            "Call segment once for each picture."
        )
    return wanted
