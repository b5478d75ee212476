"""Looks for phrases on a picture, cuts out what was found, and keeps it in memory under handles.

A thing found again keeps its handle: with the same label on the same picture, boxes or masks that overlap by more than
`SAME_THING` are the same thing, and a mask that a person has corrected since stays as it is. Handles are given phrase
by phrase and, within a phrase, in reading order, so that their numbers follow the eye.

This module does not know counting, nor what a planner is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_tools.certainty import DOUBTFUL, chances
from agent_tools.masks import Mask, box_iou, enclosing_groups, mask_iou
from agent_tools.memory import Alternative, ObjectVersion
from agent_tools.references import Box, reading_order
from agent_tools.services.base import Prompt, Segments
from agent_tools.tools.arguments import Quantity, Where
from agent_tools.tools.choosing import Choice, choose, filter_by, pick
from agent_tools.tools.context import ToolContext
from agent_tools.tools.wording import not_asked

SAME_THING = 0.9
"""IoU of boxes or masks above which a thing of the same label is the same thing."""
UNNAMED = "object"
"""What a thing is called that was found or pointed at without a word."""
SAME_PLACE = 0.5
"""IoU with a hit above which a weaker candidate is that hit seen twice, not one that was missed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that was found and is not in memory yet; a `Thing` to geometry.

    Attributes:
        picture: handle of the picture.
        label: the phrase it answers.
        score: the detector's, in [0, 1], or None.
        box: xyxy, pixels.
        turn: number of the turn in progress, or of the one that found it first.
        prompts: what it was found with, JSON-able; beside a phrase stand the chance that the thing is real and
            where a hit begins.
        mask: at picture size, or None.
        candidate: which of the segmenter's candidates the mask is.
        predicted_iou: the segmenter's estimate of the mask, or None.
        stability: likewise.
        review: whether a person should look at it.
        handle: the one it already has, or empty.
        parent: (handle, version) it is made from, or None.
        alternatives: the masks it may have instead; see `ObjectVersion`.
    """

    picture: str
    label: str
    score: float | None
    box: Box
    turn: int
    prompts: tuple[dict[str, Any], ...]
    mask: Mask | None = None
    candidate: int = 0
    predicted_iou: float | None = None
    stability: float | None = None
    review: bool = False
    handle: str = ""
    parent: tuple[str, int] | None = None
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a look at a picture for phrases gave.

    Attributes:
        hits: what counts, phrase by phrase, in reading order.
        misses: candidates below the detector's threshold that are not hits seen twice.
        saturated: whether the detector ran out of room.
        notes: a phrase → why nothing of it was left by the `Where`, or between what it ties.
        tied: phrases for which more than one thing fits a word that means one.
        unknown: each phrase that the detector was not asked, for want of words → why.
    """

    hits: list[Found]
    misses: list[Found]
    saturated: bool
    notes: dict[str, str]
    tied: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


def look(
    context: ToolContext,
    picture: str,
    phrases: Sequence[str],
    *,
    where: Where | None = None,
    quantity: Quantity = "all",
    masks: bool = True,
) -> Sighting:
    """Look afresh for phrases, and keep those that a `Where` means.

    Filters see the things of all phrases together, so that a row is a row of the shelf; a pick ("the leftmost") is made
    for each phrase.

    Args:
        context: the turn and the models.
        picture: handle of the picture.
        phrases: as the planner gave them, each once.
        where: which of them are meant.
        quantity: "one" keeps, of each phrase, the best of those meant.
        masks: whether to cut things out.

    Raises:
        ToolInputError: a `Where` that cannot be.
        ServiceError: a model failed.
    """
    seen = detect(context, picture, phrases)
    if where is None:
        seen = replace(seen, hits=_best(seen.hits, quantity))
    hits = recognise(context, cut_out(context, picture, seen.hits) if masks else seen.hits)
    if where is not None and not where.empty:
        seen, hits = _narrow(context, seen, hits, phrases, where)
    return replace(seen, hits=reading(_best(hits, quantity, seen.tied), phrases))


def detect(context: ToolContext, picture: str, phrases: Sequence[str]) -> Sighting:
    """Ask the detector, and tell hits from the candidates below its threshold.

    A box that merely encloses several others of its phrase goes, whatever detector it comes from; only hits make a
    group of a hit.
    """
    detections, detector = context.detect(picture, phrases), context.services.detector
    turn, sure = context.state.turn_number, chances(detections.scores, detector)
    hits: list[Found] = []
    misses: list[Found] = []
    for index, phrase in enumerate(phrases):
        mine = np.flatnonzero(detections.phrase_indices == index)
        boxes, hit = detections.boxes[mine], detections.scores[mine] >= detector.threshold
        single = ~enclosing_groups(boxes, hit)
        twice = (box_iou(boxes, boxes[hit]) > SAME_PLACE).any(1)
        for place in (*mine[hit & single], *mine[~hit & single & ~twice]):
            box, score, chance = corners(detections.boxes[place]), float(detections.scores[place]), float(sure[place])
            told = {"phrase": phrase, "chance": round(chance, 4), "threshold": round(float(detector.threshold), 4)}
            prompts = (told, {"box": [round(side, 2) for side in box]})
            found = Found(picture, phrase, score, box, turn, prompts, review=chance < DOUBTFUL)
            (hits if score >= detector.threshold else misses).append(found)
    unknown = {phrases[index]: why for index, why in detections.unknown.items()}
    return Sighting(hits, misses, detections.saturated, {}, unknown=unknown)


def untold(context: ToolContext, seen: Sighting) -> tuple[str, dict[str, Any]]:
    """What a planner and what programs are told of phrases that the detector was not asked; see `not_asked`."""
    services = context.services
    return not_asked(seen.unknown, services.detector_name, getattr(services.detector, "nouns", ()))


def cut_out(context: ToolContext, picture: str, found: Sequence[Found]) -> list[Found]:
    """The same things with masks, from their boxes. A thing of which the segmenter finds nothing keeps only its box."""
    prompts = [Prompt(box=np.array(each.box, np.float32)) for each in found]
    answers = context.segment(picture, prompts)
    return [_masked(each, *best_for_box(answer, each.box)) for each, answer in zip(found, answers, strict=True)]


def best_for_box(segments: Segments, box: Box) -> tuple[Segments, int | None]:
    """The candidate of highest predicted IoU times the IoU of its own box with the box asked for; None: all are empty.

    Of "a can", "its label" and "the shelf", the one that fills the box is meant.
    """
    if len(segments.masks) == 1:
        return segments, 0 if segments.masks[0].area else None
    own = np.array([mask.box for mask in segments.masks], np.float32)
    fit = box_iou(own, np.array([box], np.float32))[:, 0] * segments.predicted_iou
    fit[[not mask.area for mask in segments.masks]] = -1
    best = int(np.argmax(fit))
    return segments, best if fit[best] >= 0 else None


def recognise(context: ToolContext, found: Sequence[Found]) -> list[Found]:
    """The same things, those that have a handle already with it, its turn, and its mask where it has one."""
    result = list(found)
    for picture, label in dict.fromkeys((each.picture, each.label) for each in found):
        mine = [i for i, each in enumerate(found) if (each.picture, each.label) == (picture, label)]
        known = [k for k in context.state.objects.values() if (k.picture, k.label) == (picture, label)]
        likeness = _likeness([found[i] for i in mine], known)
        # Best pairs first, so that each handle goes to the thing most like it and to no other.
        for row, column in np.argwhere(likeness > SAME_THING)[
            np.argsort(-likeness[likeness > SAME_THING], kind="stable")
        ]:
            if likeness[row, column] > SAME_THING:
                old = known[column]
                result[mine[row]] = replace(
                    found[mine[row]], handle=old.handle, turn=old.turn, mask=old.mask or found[mine[row]].mask
                )
                likeness[row, :] = likeness[:, column] = 0
    return result


def known_by_mask(context: ToolContext, found: Found) -> Found:
    """A thing found without a word takes the name of the known object that it is, so that it keeps its handle."""
    objects = context.state.objects.values()
    rivals = [(thing, thing.mask) for thing in objects if thing.picture == found.picture and thing.mask is not None]
    if found.label != UNNAMED or found.mask is None or not rivals:
        return found
    likeness = mask_iou([found.mask], [mask for _, mask in rivals])[0]
    best = int(np.argmax(likeness))
    return replace(found, label=rivals[best][0].label) if likeness[best] > SAME_THING else found


def remember(context: ToolContext, found: Sequence[Found], model: str) -> list[ObjectVersion]:
    """Write things to memory, in order: new ones get a handle, known ones a version where their mask has changed."""
    handles: list[str] = []
    for each in found:
        if not each.handle:
            handle = context.turn.add_object(
                picture=each.picture,
                label=each.label,
                score=each.score,
                box=each.box,
                mask=each.mask,
                prompts=each.prompts,
                model=model,
                parent=each.parent,
                candidate=each.candidate,
                predicted_iou=each.predicted_iou,
                stability=each.stability,
                review=each.review,
                alternatives=each.alternatives,
            )
        else:
            handle, old = each.handle, context.state.objects[each.handle]
            if each.mask is not None and each.mask != old.mask:
                context.turn.revise(
                    handle,
                    mask=each.mask,
                    box=each.box,
                    model=model,
                    candidate=each.candidate,
                    predicted_iou=each.predicted_iou,
                    stability=each.stability,
                    alternatives=each.alternatives,
                )
        handles.append(handle)
    objects = context.state.objects
    return [objects[handle] for handle in dict.fromkeys(handles)]


def reading(found: Sequence[Found], labels: Sequence[str]) -> list[Found]:
    """Label by label in the order given, each in reading order."""
    return [each for label in labels for each in reading_order([one for one in found if one.label == label])]


def chance_of(thing: Found | ObjectVersion) -> float:
    """The chance that a thing is real, as it was judged when it was found; 1 where a person pointed at it."""
    return float(next((prompt["chance"] for prompt in prompts_of(thing) if "chance" in prompt), 1.0))


def prompts_of(thing: Found | ObjectVersion) -> tuple[dict[str, Any], ...]:
    """The prompts that led to a thing; what came before a click that moved its handle led to another one."""
    moves = [place for place, prompt in enumerate(thing.prompts) if prompt.get("moved")]
    return thing.prompts[moves[-1] :] if moves else thing.prompts


def maker(context: ToolContext, masks: bool = True) -> str:
    """The models behind a thing that is being found, as a person would name them."""
    services = context.services
    return f"{services.detector_name} + {services.segmenter_name}" if masks else services.detector_name


def _narrow(
    context: ToolContext, seen: Sighting, hits: Sequence[Found], phrases: Sequence[str], where: Where
) -> tuple[Sighting, list[Found]]:
    """Apply a `Where` to hits, and its filters to the near misses, which stand beside the hits for that."""
    filtered = filter_by(context, hits, where)
    kept: list[Found] = []
    notes: dict[str, str] = {}
    tied: list[str] = []
    for phrase in phrases:
        mine = [each for each in filtered.things if each.label == phrase]
        choice = pick(context, mine, where) if mine else Choice(mine, note=filtered.note)
        kept += choice.things
        if choice.note or not choice.things:
            notes[phrase] = choice.note or "none fits"
        if choice.tied:
            tied.append(phrase)
    misses: list[Found] = []
    if filtered.things and seen.misses and not where.picks:
        both = choose(context, [*hits, *seen.misses], where.model_copy(update={"exclude": None})).things
        missed = {id(each) for each in seen.misses}
        misses = [each for each in both if id(each) in missed]
    return replace(seen, misses=misses, notes=notes, tied=tuple(tied)), kept


def _best(found: Sequence[Found], quantity: Quantity, tied: Sequence[str] = ()) -> list[Found]:
    """For "one", the best score of each label; of `tied` labels all, so that the person can say which."""
    if quantity == "all":
        return list(found)
    best: dict[str, Found] = {}
    for each in found:
        if each.label not in best or (each.score or 0) > (best[each.label].score or 0):
            best[each.label] = each
    return [each for each in found if each.label in tied or each is best[each.label]]


def _masked(found: Found, segments: Segments, candidate: int | None) -> Found:
    if candidate is None:
        return replace(found, review=True)
    return replace(
        found,
        mask=segments.masks[candidate],
        candidate=candidate,
        predicted_iou=float(segments.predicted_iou[candidate]),
        stability=float(segments.stability[candidate]),
    )


def _likeness(found: Sequence[Found], known: Sequence[ObjectVersion]) -> NDArray[np.float64]:
    """(N, K): the larger of the IoU of the masks, and of the box found now with the one it was found with then."""
    asked = [next((prompt["box"] for prompt in prompts_of(old) if "box" in prompt), old.box) for old in known]
    then, now = np.array(asked, np.float32).reshape(-1, 4), np.array([each.box for each in found], np.float32)
    likeness = np.asarray(box_iou(now.reshape(-1, 4), then), np.float64)
    rows = [i for i, each in enumerate(found) if each.mask is not None]
    columns = [i for i, old in enumerate(known) if old.mask is not None]
    masks = mask_iou([m for each in found if (m := each.mask)], [m for old in known if (m := old.mask)])
    likeness[np.ix_(rows, columns)] = np.maximum(likeness[np.ix_(rows, columns)], masks)
    return likeness


def corners(box: Sequence[float] | NDArray[np.float32]) -> Box:
    """Four numbers, xyxy pixels, as a box."""
    x0, y0, x1, y1 = (float(side) for side in box)
    return (x0, y0, x1, y1)
