"""A conversation's log in memory, and the state that follows from it at any point.

As in a version control system, each turn that changed something is a node that knows the node before it. The
conversation stands at one node; its state is what the nodes from the beginning to there add up to. Undo moves to the
node before, redo towards the tip, and a change made after an undo starts a new branch and becomes the tip.

Gestures and the choice of the current picture are facts, not effects: no undo takes a gesture away, and a turn with
nothing else is no node. A conversation begins with its first pictures: no undo closes what a turn at the beginning
opened and did nothing else with. Timelines are immutable. This module does not know databases, files or locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from agent_tools.memory.records import Edit, Gesture, ObjectVersion, OpenedPicture, State


@dataclass(frozen=True, slots=True)
class Node:
    """What one turn changed.

    Attributes:
        number: the turn's number.
        before: number of the node that this one is on top of; 0 for the beginning.
        picture: handle of the current picture when the turn ended.
        selection: the selection when the turn ended, or None where the turn left it alone.
        opened: pictures that were not open before.
        versions: versions of objects, in the order they were made.
        edits: the edits in force when the turn ended, in their order, or None where the turn left them alone.
    """

    number: int
    before: int
    picture: str | None = None
    selection: tuple[str, ...] | None = None
    opened: tuple[str, ...] = ()
    versions: tuple[ObjectVersion, ...] = ()
    edits: tuple[str, ...] | None = None

    @property
    def empty(self) -> bool:
        """Whether undoing it would revert nothing."""
        return not self.opened and self._leaves_all_alone

    @property
    def only_opens(self) -> bool:
        """Whether undoing it would close pictures and revert nothing else."""
        return bool(self.opened) and self._leaves_all_alone

    @property
    def _leaves_all_alone(self) -> bool:
        return self.selection is None and self.edits is None and not self.versions


@dataclass(frozen=True, slots=True)
class Used:
    """The highest number ever given to a handle of each kind; they only rise, so that no handle comes twice."""

    pictures: int = 0
    gestures: int = 0
    objects: int = 0
    edits: int = 0


@dataclass(frozen=True)
class Timeline:
    """Everything a conversation's states are made of.

    Attributes:
        conversation: its id.
        revision: rises by one with every commit.
        turns: number of the last committed turn.
        position: number of the node where the conversation stands; 0 for the beginning.
        tip: number of the node that redo leads to; `position` where there is nothing to redo.
        picture: the current picture.
        used: highest handle numbers given.
        nodes: by number, ascending.
        pictures: every picture ever opened and not forgotten, by handle.
        gestures: every gesture not forgotten, by handle.
        versions: every version of every object not forgotten, by handle, ascending.
        edits: every edit made of what is not forgotten, by handle.
    """

    conversation: str
    revision: int = 0
    turns: int = 0
    position: int = 0
    tip: int = 0
    picture: str | None = None
    used: Used = Used()
    nodes: Mapping[int, Node] = field(default_factory=dict)
    pictures: Mapping[str, OpenedPicture] = field(default_factory=dict)
    gestures: Mapping[str, Gesture] = field(default_factory=dict)
    versions: Mapping[str, tuple[ObjectVersion, ...]] = field(default_factory=dict)
    edits: Mapping[str, Edit] = field(default_factory=dict)

    @cached_property
    def state(self) -> State:
        """The state where the conversation stands."""
        return self.at(self.position, self.picture)

    def path(self, position: int) -> list[Node]:
        """The nodes from the beginning to `position`."""
        nodes: list[Node] = []
        while position:
            nodes.append(self.nodes[position])
            position = self.nodes[position].before
        return nodes[::-1]

    def at(self, position: int, picture: str | None) -> State:
        """The state at `position`, with `picture` the current one where it is open there."""
        path = self.path(position)
        opened: set[str] = set()
        objects: dict[str, ObjectVersion] = {}
        selection: tuple[str, ...] = ()
        selected_before: tuple[str, ...] = ()
        edits: tuple[str, ...] = ()
        for node in path:
            opened.update(node.opened)
            objects.update((version.handle, version) for version in node.versions)
            if node.selection is not None:
                selected_before, selection = selection, node.selection
            edits = edits if node.edits is None else node.edits
        pictures = {handle: one for handle, one in self.pictures.items() if handle in opened}
        gestures = {handle: one for handle, one in self.gestures.items() if one.picture in opened}
        return State(
            conversation=self.conversation,
            revision=self.revision,
            turn_number=self.turns,
            pictures=MappingProxyType(pictures),
            picture=current(picture, pictures),
            gestures=MappingProxyType(gestures),
            objects=MappingProxyType(objects),
            selection=selection,
            undo=(undo := self.undoable(position)),
            redo=len(self.path(self.tip)) - len(self.path(self.position)),
            selected_before=selected_before,
            position=position,
            edits=tuple(self.edits[handle] for handle in edits),
            changes=tuple(node.number for node in path[len(path) - undo :])[::-1],
        )

    def undoable(self, position: int) -> int:
        """How many turns can be undone at `position`."""
        path = self.path(position)
        return len(path) - bool(path and path[0].only_opens)

    def undone(self, position: int, steps: int) -> int:
        """The node `steps` before `position`, or the first that can be gone back to where there are fewer."""
        for _ in range(min(steps, self.undoable(position))):
            position = self.nodes[position].before
        return position

    def redone(self, position: int, steps: int) -> int:
        """The node `steps` after `position` on the way to the tip, or the tip where there are fewer."""
        numbers = [0, *(node.number for node in self.path(self.tip))]
        return numbers[min(numbers.index(position) + steps, len(numbers) - 1)]

    def with_turn(
        self,
        node: Node | None,
        *,
        picture: str | None,
        used: Used,
        pictures: Iterable[OpenedPicture],
        gestures: Iterable[Gesture],
        edits: Iterable[Edit] = (),
    ) -> Timeline:
        """This timeline and one turn more; a turn that changed something is where it stands then, and the tip."""
        versions = dict(self.versions)
        for version in node.versions if node else ():
            versions[version.handle] = (*versions.get(version.handle, ()), version)
        return replace(
            self,
            revision=self.revision + 1,
            turns=self.turns + 1,
            position=node.number if node else self.position,
            tip=node.number if node else self.tip,
            picture=picture,
            used=used,
            nodes={**self.nodes, node.number: node} if node else self.nodes,
            pictures={**self.pictures, **{one.handle: one for one in pictures}},
            gestures={**self.gestures, **{one.handle: one for one in gestures}},
            versions=versions,
            edits={**self.edits, **{one.handle: one for one in edits}},
        )

    def without(self, objects: Iterable[str], pictures: Iterable[str]) -> Timeline:
        """This timeline as if the objects and pictures, and all that was on or made of them, had never been.

        Nodes that have nothing left to revert go too, so that no undo is spent on them.
        """
        gone_objects, gone_pictures = set(objects), set(pictures)
        edits = {
            handle: one
            for handle, one in self.edits.items()
            if one.picture not in gone_pictures and not gone_objects & {thing for thing, _ in one.objects}
        }
        nodes: dict[int, Node] = {}
        stands_for = {0: 0}
        selected: dict[int, tuple[str, ...]] = {0: ()}
        edited: dict[int, tuple[str, ...]] = {0: ()}
        for node in self.nodes.values():
            before = stands_for[node.before]
            selection = node.selection
            if selection is not None:
                selection = tuple(handle for handle in selection if handle not in gone_objects)
            stack = None if node.edits is None else tuple(handle for handle in node.edits if handle in edits)
            kept = Node(
                number=node.number,
                before=before,
                picture=None if node.picture in gone_pictures else node.picture,
                selection=None if selection == selected[before] else selection,
                opened=tuple(handle for handle in node.opened if handle not in gone_pictures),
                versions=tuple(one for one in node.versions if one.handle not in gone_objects),
                edits=None if stack == edited[before] else stack,
            )
            if kept.empty:
                stands_for[node.number] = before
            else:
                nodes[node.number] = kept
                stands_for[node.number] = node.number
                selected[node.number] = selected[before] if kept.selection is None else kept.selection
                edited[node.number] = edited[before] if kept.edits is None else kept.edits
        return replace(
            self,
            position=stands_for[self.position],
            tip=stands_for[self.tip],
            picture=None if self.picture in gone_pictures else self.picture,
            nodes=nodes,
            pictures={handle: one for handle, one in self.pictures.items() if handle not in gone_pictures},
            gestures={handle: one for handle, one in self.gestures.items() if one.picture not in gone_pictures},
            versions={handle: all_ for handle, all_ in self.versions.items() if handle not in gone_objects},
            edits=edits,
        )


def current(wanted: str | None, pictures: Mapping[str, OpenedPicture]) -> str | None:
    """`wanted` where it is open, else the newest open picture, or None."""
    return wanted if wanted in pictures else next(reversed(list(pictures)), None)
