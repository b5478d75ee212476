"""How one version of an object follows from another. This module does not know turns, and where versions are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypedDict

from agent_tools.masks import Mask
from agent_tools.memory.calls import plain
from agent_tools.memory.checks import finite, object_box
from agent_tools.memory.records import Alternative, ObjectVersion


class Revision(TypedDict, total=False):
    """What a new version of an object changes; the rest is taken over. `prompts` are added to those so far;
    `alternatives` belong to a mask, so that a new mask without any has none.
    """

    mask: Mask | None
    box: Sequence[float] | None
    label: str
    score: float | None
    prompts: Sequence[dict[str, Any]]
    candidate: int
    predicted_iou: float | None
    stability: float | None
    model: str
    review: bool
    alternatives: Sequence[Alternative]


def blank(handle: str, picture: str) -> ObjectVersion:
    """What an object's first version is made from."""
    return ObjectVersion(
        handle=handle,
        version=0,
        picture=picture,
        label="",
        score=None,
        box=(0.0, 0.0, 0.0, 0.0),
        mask=None,
        area=0,
        parent=None,
        prompts=(),
        candidate=0,
        predicted_iou=None,
        stability=None,
        model="",
        review=False,
        turn=0,
    )


def revised(
    old: ObjectVersion, changes: Revision, *, version: int, parent: tuple[str, int] | None, turn: int
) -> ObjectVersion:
    """The version that `changes` make of `old`. With a new mask and no box, the box is the mask's.

    Raises:
        ToolInputError: values that are not finite, prompts that are not JSON, a box without four sides.
    """
    mask = changes.get("mask", old.mask)
    box = changes.get("box", None if changes.get("mask") else old.box)
    return replace(
        old,
        version=version,
        label=changes.get("label", old.label),
        score=finite("score", changes.get("score", old.score)),
        box=object_box(box, mask),
        mask=mask,
        area=mask.area if mask else 0,
        parent=parent,
        prompts=(*old.prompts, *plain("prompts", list(changes.get("prompts", ())))),
        candidate=int(changes.get("candidate", old.candidate)),
        predicted_iou=finite("predicted_iou", changes.get("predicted_iou", old.predicted_iou)),
        stability=finite("stability", changes.get("stability", old.stability)),
        model=changes.get("model", old.model),
        review=bool(changes.get("review", old.review)),
        turn=turn,
        alternatives=tuple(map(_checked, changes.get("alternatives", old.alternatives if mask == old.mask else ()))),
    )


def _checked(one: Alternative) -> Alternative:
    finite("predicted_iou", one.predicted_iou)
    finite("stability", one.stability)
    return replace(one, predicted_iou=float(one.predicted_iou), stability=float(one.stability))
