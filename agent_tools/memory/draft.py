"""What one turn has changed so far, on top of where it stands.

This module does not know what a turn may do: it is told, shows the conversation with it, and hands it over at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from agent_tools.errors import MemoryStoreError
from agent_tools.memory.checks import check_handle
from agent_tools.memory.files import PictureFiles
from agent_tools.memory.on_demand import Objects
from agent_tools.memory.records import CallRecord, Edit, Gesture, ObjectVersion, OpenedPicture, State, TurnKind
from agent_tools.memory.staged import Forgotten, Staged
from agent_tools.memory.timeline import Node, Timeline, current
from agent_tools.pictures import Picture


class Draft:
    """The changes of a turn in progress, and the words that go with them."""

    def __init__(
        self,
        timeline: Timeline,
        files: PictureFiles,
        find_call: Callable[[str], CallRecord | None],
        request: str = "",
        click: tuple[float, float] | None = None,
        find_requests: Callable[[Sequence[int]], dict[int, str]] = lambda _: {},
    ) -> None:
        """Begin on `timeline`; `find_call` looks a call id up among the committed calls, and `find_requests` the words
        of committed turns.
        """
        self.number = timeline.turns + 1
        self.request = request
        self.answer = ""
        self.click = click
        self._begun_on = timeline
        self._files = files
        self._find_call = cache(find_call)  # what is committed stays as it is while the turn is in progress
        self._find_requests = find_requests
        self._used = timeline.used
        self._highest: dict[str, int] = {}
        self._moved: TurnKind = "message"
        self._forgotten: Forgotten | None = None
        self._new_pictures: dict[str, OpenedPicture] = {}
        self._new_gestures: dict[str, Gesture] = {}
        self._new_edits: dict[str, Edit] = {}
        self._originals: dict[str, Picture] = {}
        self._calls: dict[str, CallRecord] = {}
        self._over = False
        self._stand_on(timeline, timeline.state)

    def _stand_on(self, base: Timeline, state: State) -> None:
        """Take `state`, where `base` stands, for what this turn's changes are on top of; drop those made so far."""
        self._base, self._from = base, state
        self._pictures, self._new_objects = dict(state.pictures), dict[str, ObjectVersion]()
        self._picture, self._selection = state.picture, state.selection
        self._edits = tuple(one.handle for one in state.edits)
        self._versions: list[ObjectVersion] = []
        self._new_edits = {}
        kept = {**base.pictures, **self._pictures}
        self._new_pictures = {}
        self._new_gestures = {handle: one for handle, one in self._new_gestures.items() if one.picture in kept}
        self._shown: State | None = None

    @property
    def state(self) -> State:
        """The conversation with all that this turn has staged so far; an immutable view."""
        if self._shown is None:
            pictures = dict(sorted(self._pictures.items(), key=lambda item: int(item[0][1:])))
            gestures = {**self._base.gestures, **self._new_gestures}
            self._shown = replace(
                self._from,
                turn_number=self.number,
                pictures=MappingProxyType(pictures),
                picture=self._picture,
                gestures=MappingProxyType({key: one for key, one in gestures.items() if one.picture in pictures}),
                objects=self._objects,
                selection=self._selection,
                selected_before=self._selected_before,
                edits=tuple(self._new_edits.get(handle) or self._base.edit(handle) for handle in self._edits),
                edits_before=tuple(one.handle for one in self._from.edits) if self._edited else self._from.edits_before,
                changes=((self.number,) if self._changed else ()) + self._from.changes,
                undo=self._from.undo + self._changed,
                redo=0 if self._changed else self._from.redo,
            )
        return self._shown

    def _opened_picture(self, handle: str) -> OpenedPicture:
        check_handle(handle, self._pictures, self._base.pictures, "picture")
        return self._pictures[handle]

    def version(self, handle: str, version: int | None = None) -> ObjectVersion:
        """An object's current version, or any version kept of it, undone ones included.

        Raises:
            HandleError: no such object or version.
        """
        if version is None:
            found = self._new_objects.get(handle) or self._base.objects.get(handle)
            if found is not None:
                return found
            check_handle(handle, self._objects, self._base.versions, "handle")
            return self._objects[handle]
        committed = self._base.versions.get(handle, ())
        for one in (self._new_objects.get(handle), *committed):
            if one and one.version == version:
                return one
        staged = (one for one in self._versions if one.handle == handle)
        kept = {one.version: one for one in (*committed, *staged)}
        check_handle(handle, {handle: kept} if kept else self._objects, {}, "handle")
        check_handle(f"v{version}", {f"v{number}": one for number, one in kept.items()}, {}, f"version of {handle}")
        return kept[version]

    @property
    def _objects(self) -> Objects:
        return self._base.objects.also(self._new_objects) if self._new_objects else self._base.objects

    @property
    def _opened(self) -> tuple[str, ...]:
        return tuple(handle for handle in self._pictures if handle not in self._from.pictures)

    @property
    def _selected_before(self) -> tuple[str, ...]:
        same = self._selection == self._from.selection
        return self._from.selected_before if same else self._from.selection

    @property
    def _changed(self) -> bool:
        return bool(self._versions or self._opened or self._selection != self._from.selection or self._edited)

    @property
    def _edited(self) -> bool:
        return self._edits != tuple(one.handle for one in self._from.edits)

    def _write(self) -> None:
        if self._over:
            raise MemoryStoreError(
                f"turn={self.number} is over: expected writes inside its block. Begin another with Memory.turn()."
            )
        self._shown = None

    def _move(self, position: int, kind: TurnKind) -> None:
        node = self._base.nodes.get(position)
        picture = node.picture if node else None
        if position == self._base.position:
            picture = self._base.picture
        base = replace(self._base, position=position, picture=picture)
        self._stand_on(base, base.state)
        self._moved = kind

    def _drop(self, gone: Forgotten) -> None:
        """Take what is forgotten out of the base and out of what is staged."""
        self._base = self._base.without(gone.objects, gone.pictures)
        self._from = self._base.state
        self._new_objects = {key: one for key, one in self._new_objects.items() if key not in gone.objects}
        self._pictures = {key: one for key, one in self._pictures.items() if key not in gone.pictures}
        self._versions = [one for one in self._versions if one.handle not in gone.objects]
        self._selection = tuple(handle for handle in self._selection if handle not in gone.objects)
        self._new_edits = {
            key: one
            for key, one in self._new_edits.items()
            if one.picture not in gone.pictures and not gone.objects & {handle for handle, _ in one.objects}
        }
        self._edits = tuple(one for one in self._edits if one in self._base.edits or one in self._new_edits)
        self._picture = current(self._picture, self._pictures)
        self._new_pictures = {key: one for key, one in self._new_pictures.items() if key not in gone.pictures}
        self._new_gestures = {key: one for key, one in self._new_gestures.items() if one.picture not in gone.pictures}
        self._originals = {key: one for key, one in self._originals.items() if key not in gone.pictures}

    def finish(self) -> Staged | None:
        """End the turn, and say what is to be written; None where nothing happened in it."""
        self._write()
        self._over = True
        node = None
        if self._changed:
            node = Node(
                number=self.number,
                before=self._base.position,
                picture=self._picture,
                selects=self._selection != self._from.selection,
                opened=self._opened,
                makes=bool(self._versions),
                edits=self._edits if self._edited else None,
            )
        kind: TurnKind = "forget" if self._forgotten else "change" if node else self._moved
        happened = kind != "message" or self.answer or self._calls or self._new_gestures
        if not happened and self._picture == self._begun_on.state.picture:
            return None
        return Staged(
            begun_on=self._begun_on,
            base=self._base,
            number=self.number,
            node=node,
            picture=self._picture,
            used=self._used,
            originals=tuple(one for handle, one in self._originals.items() if handle in self._pictures),
            pictures=tuple(self._new_pictures.values()),
            gestures=tuple(self._new_gestures.values()),
            versions=tuple(self._versions),
            selection=self._selection if node and node.selects else None,
            edits=tuple(self._new_edits.values()),
            calls=tuple(self._calls.values()),
            kind=kind,
            request=self.request,
            answer=self.answer,
            click=self.click,
            forgotten=self._forgotten,
        )
