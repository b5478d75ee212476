"""What a conversation holds, as immutable records.

Handles are text: pictures ``p1``, gestures ``g1``, objects ``m1``, edits ``e1``. This module does not know where
records are stored, how a turn is written, or what undo means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agent_tools.masks import Mask

GestureKind = Literal["point", "box", "polygon", "stroke"]
TurnKind = Literal["message", "change", "undo", "redo", "forget"]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the upright picture, origin top left, x1 and y1 exclusive."""


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A picture of a conversation.

    Attributes:
        handle: ``p1``, ``p2``, ...
        digest: SHA-256 of the original bytes, hex.
        width: columns of the upright picture, pixels.
        height: rows of the upright picture, pixels.
        name: a short name to show, never a path.
        path: the stored copy of the original bytes (it exists once the turn that opened it is committed).
    """

    handle: str
    digest: str
    width: int
    height: int
    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a hand did on a picture.

    Attributes:
        handle: ``g1``, ``g2``, ...
        picture: handle of the picture.
        kind: one point; the two corners of a box; three or more corners of a polygon; one or more points of a stroke.
        coordinates: (x, y) pairs in pixels of the upright picture, origin top left.
        turn: number of the turn that brought it.
        include: whether it points at the thing; False: at what does not belong to it.
    """

    handle: str
    picture: str
    kind: GestureKind
    coordinates: tuple[tuple[float, float], ...]
    turn: int
    include: bool = True


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of the masks that the segmenter held possible for one prompt: the part, the thing, the whole group.

    Attributes:
        mask: at picture size.
        predicted_iou: the segmenter's own estimate in [0, 1].
        stability: IoU of the mask cut a little above and below its threshold, in [0, 1].
    """

    mask: Mask
    predicted_iou: float
    stability: float


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object: what it is, where, and who made it from what. Versions are appended, never changed.

    Attributes:
        handle: ``m1``, ``m2``, ...
        version: 1, 2, ...; never reused within a handle, so a version made after an undo skips the undone numbers.
        picture: handle of the picture.
        label: the phrase it answers.
        score: the detector's score in [0, 1], or None where no detector was asked.
        box: x0, y0, x1, y1 in pixels.
        mask: at picture size, or None while only the box is known.
        area: pixels inside the mask; 0 without one.
        parent: (handle, version) it was made from, or None.
        prompts: every prompt so far, JSON-able: ``{"phrase": ...}``, ``{"points": [[x, y]], "labels": [1]}``,
            ``{"box": [...]}``, ``{"gesture": "g1"}``. One with ``"moved": True`` began anew: those before it led to
            another thing.
        candidate: which of the segmenter's candidates was taken, 0 the best.
        predicted_iou: the segmenter's own estimate in [0, 1], or None.
        stability: IoU of the mask cut a little above and below its threshold, in [0, 1], or None.
        model: what made it.
        review: whether a person should look at it.
        turn: number of the turn that made this version.
        alternatives: the masks it may have instead, its own among them, best first; empty where there was no choice.
    """

    handle: str
    version: int
    picture: str
    label: str
    score: float | None
    box: Box
    mask: Mask | None
    area: int
    parent: tuple[str, int] | None
    prompts: tuple[dict[str, Any], ...]
    candidate: int
    predicted_iou: float | None
    stability: float | None
    model: str
    review: bool
    turn: int
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """One change to a picture, as a record: the pixels are made from the original whenever they are wanted.

    Attributes:
        handle: ``e1``, ``e2``, ...
        picture: handle of the picture.
        action: what is done there: ``blur``, ``cut_out``, ...
        objects: (handle, version) of the objects it was made of; a later version of one does not move the edit.
        masks: those versions' masks, in the same order.
        invert: whether everything else is meant.
        parameters: how it is done, name → number or a few words.
        turn: number of the turn that made it.
    """

    handle: str
    picture: str
    action: str
    objects: tuple[tuple[str, int], ...]
    masks: tuple[Mask, ...]
    invert: bool
    parameters: Mapping[str, float | str]
    turn: int


@dataclass(frozen=True, slots=True)
class State:
    """A conversation as it stands: an immutable view.

    Its objects are read from the store when they are first asked for; once something of the conversation
    was forgotten, what was not read by then is a `ConflictError`.

    Attributes:
        conversation: its id.
        revision: rises by one with every commit.
        turn_number: number of the last committed turn; in ``turn.state``, of the turn in progress.
        pictures: the open ones by handle, in handle order.
        picture: the current one's handle (last opened or used), or None.
        gestures: all those on open pictures, by handle, in handle order.
        objects: the current version of each object by handle, in handle order; undone and forgotten ones are absent.
        selection: selected handles, in the order they were selected.
        selected_before: what was selected before a turn last changed the selection.
        edits: the edits in force, in the order in which they are done to the originals.
        edits_before: handles of those that were before a turn last changed any.
        undo: how many turns can be undone.
        redo: how many turns can be redone.
        position: names this point of the conversation, whatever is undone and done later; 0 is the beginning.
        changes: numbers of the turns that undo reverts, the first it would revert first.
    """

    conversation: str
    revision: int
    turn_number: int
    pictures: Mapping[str, OpenedPicture]
    picture: str | None
    gestures: Mapping[str, Gesture]
    objects: Mapping[str, ObjectVersion]
    selection: tuple[str, ...]
    undo: int
    redo: int
    selected_before: tuple[str, ...] = ()
    position: int = 0
    edits: tuple[Edit, ...] = ()
    edits_before: tuple[str, ...] = ()
    changes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One tool call and its result.

    Attributes:
        call_id: unique within the conversation.
        tool: the tool's name.
        arguments: as called, JSON-able.
        text: the result for the planner.
        data: the result for programs, JSON-able.
        error: whether the call failed (then `text` is the error's message).
        seconds: wall time it took.
    """

    call_id: str
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    error: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A committed turn as a message.

    Attributes:
        number: 1, 2, ... in the order of commits.
        kind: ``change`` can be undone; ``message`` changed nothing that undo would revert; ``undo``, ``redo`` and
            ``forget`` did what their name says and nothing else that undo would revert.
        request: the person's words.
        answer: the words given back; empty where there was no answer.
        click: (x, y) in pixels that came with the request, or None.
        calls: in the order they were recorded.
        seconds_since_epoch: when it was committed, UTC.
    """

    number: int
    kind: TurnKind
    request: str
    answer: str
    click: tuple[float, float] | None
    calls: tuple[CallRecord, ...]
    seconds_since_epoch: float


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A line in the list of conversations.

    Attributes:
        id: 32 hex digits.
        created: seconds since the epoch, UTC.
        turns: turns committed so far.
        last_request: the words of the last turn not forgotten; empty where there is none.
        last_used: seconds since the epoch, UTC, of the last turn, or of its beginning.
        pictures: how many it has opened and not forgotten.
        picture_bytes: what those take on the disk; one that several conversations show is counted for each.
    """

    id: str
    created: float
    turns: int
    last_request: str
    last_used: float = 0.0
    pictures: int = 0
    picture_bytes: int = 0
