"""What a finished turn hands over to be written. This module does not know how it came about or where it goes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from agent_tools.memory.records import CallRecord, Edit, Gesture, ObjectVersion, OpenedPicture, TurnKind
from agent_tools.memory.timeline import Node, Timeline, Used
from agent_tools.pictures import Picture


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a turn erases for good.

    Attributes:
        objects: handles of objects.
        pictures: handles of pictures.
        everything: whether all that was said before goes as well.
    """

    objects: frozenset[str] = frozenset()
    pictures: frozenset[str] = frozenset()
    everything: bool = False

    def __or__(self, other: Forgotten) -> Forgotten:
        return Forgotten(
            self.objects | other.objects, self.pictures | other.pictures, self.everything or other.everything
        )

    @property
    def handles(self) -> frozenset[str]:
        """All of them."""
        return self.objects | self.pictures


@dataclass(frozen=True)
class Staged:
    """A finished turn, ready to be written.

    Attributes:
        begun_on: the timeline the turn began on.
        base: the same, standing where undo and redo have moved it, without what the turn forgot.
        number: the turn's number.
        node: what changed on top of `base`, or None where nothing did that undo would revert.
        picture: the current picture.
        used: highest handle numbers given.
        originals: the pictures it opened, with their bytes.
        pictures: those that got a new handle.
        gestures: new ones.
        versions: of objects, in the order they were made.
        selection: the selection, or None where the turn left it alone.
        edits: new ones.
        calls: in the order they were recorded.
        kind: what the turn did.
        request: the person's words.
        answer: the words given back.
        click: (x, y) in pixels, or None.
        forgotten: what it erases, or None.
    """

    begun_on: Timeline
    base: Timeline
    number: int
    node: Node | None
    picture: str | None
    used: Used
    originals: tuple[Picture, ...]
    pictures: tuple[OpenedPicture, ...]
    gestures: tuple[Gesture, ...]
    versions: tuple[ObjectVersion, ...]
    selection: tuple[str, ...] | None
    edits: tuple[Edit, ...]
    calls: tuple[CallRecord, ...]
    kind: TurnKind
    request: str
    answer: str
    click: tuple[float, float] | None
    forgotten: Forgotten | None

    @property
    def only_takes_in(self) -> bool:
        """Whether all it did was to take in pictures and gestures: nothing was found, chosen or said yet."""
        made = self.node is not None and not self.node.only_opens
        return self.kind in ("message", "change") and not (made or self.answer or self.calls)

    @cached_property
    def timeline(self) -> Timeline:
        """The conversation's timeline once this turn is written."""
        return self.base.with_turn(
            self.node,
            picture=self.picture,
            used=self.used,
            pictures=self.pictures,
            gestures=self.gestures,
            versions=self.versions,
            selection=self.selection,
            edits=self.edits,
        )
