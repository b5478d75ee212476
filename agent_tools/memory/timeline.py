"""A conversation's log in memory, and the state that follows from it at any point.

As in a version control system, each turn that changed something is a node that knows the node before it. The
conversation stands at one node; its state is what the nodes from the beginning to there add up to. Undo moves to the
node before, redo towards the tip, and a change made after an undo starts a new branch and becomes the tip.

Gestures and the choice of the current picture are facts, not effects: no undo takes a gesture away, and a turn with
nothing else is no node. A conversation begins with its first pictures: no undo closes what a turn at the beginning
opened and did nothing else with. Timelines are immutable; what grows with the number of masks is read when it is asked
for (`on_demand`). This module does not know databases, files or locks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from agent_tools.memory.on_demand import Objects, Selections, Versions
from agent_tools.memory.records import Edit, Gesture, ObjectVersion, OpenedPicture, State


@dataclass(frozen=True, slots=True)
class Node:
    """What one turn changed.

    Attributes:
        number: the turn's number.
        before: number of the node that this one is on top of; 0 for the beginning.
        picture: handle of the current picture when the turn ended.
        selects: whether it changed the selection.
        opened: pictures that were not open before.
        makes: whether it made versions of objects.
        edits: the edits in force when the turn ended, in their order, or None where the turn left them alone.
    """

    number: int
    before: int
    picture: str | None = None
    selects: bool = False
    opened: tuple[str, ...] = ()
    makes: bool = False
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
        return self.edits is None and not self.selects and not self.makes


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
        selections: the selection when a turn that changed it ended, by the turn's number.
        edits: every edit made of what is not forgotten, by handle; see `edit` for their masks.
    """

    conversation: str
    revision: int
    turns: int
    position: int
    tip: int
    picture: str | None
    used: Used
    nodes: Mapping[int, Node]
    pictures: Mapping[str, OpenedPicture]
    gestures: Mapping[str, Gesture]
    versions: Versions
    selections: Selections
    edits: Mapping[str, Edit]

    @cached_property
    def objects(self) -> Objects:
        """The objects where the conversation stands."""
        return Objects(self.versions, frozenset(node.number for node in self.path(self.position)))

    def edit(self, handle: str) -> Edit:
        """An edit with its masks, which it is not kept with."""
        kept = self.edits[handle]
        made = [one for thing, number in kept.objects for one in self.versions[thing] if one.version == number]
        return replace(kept, masks=tuple(one.mask for one in made if one.mask is not None))

    def path(self, position: int) -> list[Node]:
        """The nodes from the beginning to `position`."""
        nodes: list[Node] = []
        while position:
            nodes.append(self.nodes[position])
            position = self.nodes[position].before
        return nodes[::-1]

    @cached_property
    def state(self) -> State:
        """The state where the conversation stands."""
        path = self.path(self.position)
        opened = {handle for node in path for handle in node.opened}
        selected = [0, 0, *(node.number for node in path if node.selects)]
        stacks = [(), (), *(node.edits for node in path if node.edits is not None)]
        pictures = {handle: one for handle, one in self.pictures.items() if handle in opened}
        gestures = {handle: one for handle, one in self.gestures.items() if one.picture in opened}
        return State(
            conversation=self.conversation,
            revision=self.revision,
            turn_number=self.turns,
            pictures=MappingProxyType(pictures),
            picture=current(self.picture, pictures),
            gestures=MappingProxyType(gestures),
            objects=self.objects,
            selection=self.selections[selected[-1]],
            undo=(undo := self.undoable(self.position)),
            redo=len(self.path(self.tip)) - len(self.path(self.position)),
            selected_before=self.selections[selected[-2]],
            position=self.position,
            edits=tuple(map(self.edit, stacks[-1])),
            edits_before=stacks[-2],
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
        versions: Iterable[ObjectVersion],
        selection: tuple[str, ...] | None,
        edits: Iterable[Edit],
    ) -> Timeline:
        """This timeline and one turn more; a turn that changed something is where it stands then, and the tip."""
        turns = self.turns + 1
        return replace(
            self,
            revision=self.revision + 1,
            turns=turns,
            position=node.number if node else self.position,
            tip=node.number if node else self.tip,
            picture=picture,
            used=used,
            nodes={**self.nodes, node.number: node} if node else self.nodes,
            pictures={**self.pictures, **{one.handle: one for one in pictures}},
            gestures={**self.gestures, **{one.handle: one for one in gestures}},
            versions=self.versions.with_turn(versions, turns, used.objects),
            selections=self.selections if selection is None else self.selections.with_known({turns: selection}),
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
        versions = self.versions.without(gone_objects)
        making = {one.turn for made in versions.whole().values() for one in made}
        nodes: dict[int, Node] = {}
        stands_for = {0: 0}
        selected: dict[int, tuple[str, ...]] = {0: ()}
        edited: dict[int, tuple[str, ...]] = {0: ()}
        for node in self.nodes.values():
            before = stands_for[node.before]
            selection = selected[before]
            if node.selects:
                selection = tuple(handle for handle in self.selections[node.number] if handle not in gone_objects)
            stack = None if node.edits is None else tuple(handle for handle in node.edits if handle in edits)
            kept = Node(
                number=node.number,
                before=before,
                picture=None if node.picture in gone_pictures else node.picture,
                selects=selection != selected[before],
                opened=tuple(handle for handle in node.opened if handle not in gone_pictures),
                makes=node.number in making,
                edits=None if stack == edited[before] else stack,
            )
            if kept.empty:
                stands_for[node.number] = before
            else:
                nodes[node.number] = kept
                stands_for[node.number] = node.number
                selected[node.number] = selection
                edited[node.number] = edited[before] if kept.edits is None else kept.edits
        return replace(
            self,
            position=stands_for[self.position],
            tip=stands_for[self.tip],
            picture=None if self.picture in gone_pictures else self.picture,
            nodes=nodes,
            pictures={handle: one for handle, one in self.pictures.items() if handle not in gone_pictures},
            gestures={handle: one for handle, one in self.gestures.items() if one.picture not in gone_pictures},
            versions=versions,
            selections=self.selections.with_known(selected),
            edits=edits,
        )


def current(wanted: str | None, pictures: Mapping[str, OpenedPicture]) -> str | None:
    """`wanted` where it is open, else the newest open picture, or None."""
    return wanted if wanted in pictures else next(reversed(list(pictures)), None)
