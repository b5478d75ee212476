"""One turn of a conversation: everything in it is kept together or not at all.

A turn works on a copy. What it stages is visible in its own `state` and nowhere else until the block it belongs to
ends without an error. This module does not know databases or locks. A turn belongs to one thread at a time: whoever
runs several tools at once has to run them one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Unpack

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask
from agent_tools.memory.calls import names_any, with_masks, without_masks
from agent_tools.memory.checks import check_handle, check_mask, gesture_points
from agent_tools.memory.records import (
    Alternative,
    CallRecord,
    Gesture,
    GestureKind,
    ObjectVersion,
    OpenedPicture,
)
from agent_tools.memory.stacked_edits import StackedEdits
from agent_tools.memory.staged import Forgotten
from agent_tools.memory.versions import Revision, blank, revised
from agent_tools.pictures import Picture


class Turn(StackedEdits):
    """A unit of work on one conversation; `Memory.turn` gives it.

    Attributes:
        number: this turn's number, once it is kept.
        request: the person's words.
        answer: the words given back; set them before the block ends.
        click: (x, y) in pixels of the upright picture that came with the request, or None.
    """

    def open_picture(self, picture: Picture, name: str | None = None, make_current: bool = True) -> str:
        """Open a picture; the same content has the same handle throughout a conversation.

        Args:
            picture: the picture; its original bytes are kept with the turn.
            name: a short name to show; None: the picture's own.
            make_current: whether what follows is about this picture; the first one always is.

        Raises:
            ToolInputError: a digest that is not SHA-256.
        """
        self._write()
        path = self._files.path(picture.digest)
        known = (*self._base.pictures.values(), *self._new_pictures.values())
        opened = next((one for one in known if one.digest == picture.digest), None)
        if opened is None:
            self._used = replace(self._used, pictures=self._used.pictures + 1)
            handle = f"p{self._used.pictures}"
            name = name or picture.name
            opened = OpenedPicture(handle, picture.digest, picture.width, picture.height, name, path)
            self._new_pictures[handle] = opened
        self._originals[opened.handle] = picture
        self._pictures.setdefault(opened.handle, opened)
        if make_current or self._picture is None:
            self._picture = opened.handle
        return opened.handle

    def picture(self, handle: str | None = None) -> Picture:
        """An open picture with its pixels; None: the current one.

        Raises:
            ToolInputError: none is open.
            HandleError: no such picture.
            MemoryStoreError: its file is missing or damaged.
        """
        handle = self._picture if handle is None else handle
        if handle is None:
            raise ToolInputError("picture=None: expected an open picture. Open one with open_picture first.")
        opened = self._opened_picture(handle)
        return self._originals.get(handle) or self._files.load(opened.digest, opened.name)

    def use_picture(self, handle: str) -> None:
        """Make an open picture the current one.

        Raises:
            HandleError: no such picture.
        """
        self._write()
        self._picture = self._opened_picture(handle).handle

    def add_gesture(
        self, picture: str, kind: GestureKind, coordinates: Iterable[Sequence[float]], include: bool = True
    ) -> str:
        """Keep what a hand did on a picture, and give it a name.

        Args:
            picture: handle of the picture.
            kind: point, box, polygon or stroke.
            coordinates: (x, y) pairs in pixels of the upright picture: 1 for a point, 2 corners of a box, 3 or more
                for a polygon, 1 or more for a stroke.
            include: whether it points at the thing; False: at what does not belong to it.

        Raises:
            HandleError: no such picture.
            ToolInputError: another kind, or coordinates that do not make one.
        """
        self._write()
        self._opened_picture(picture)
        points = gesture_points(kind, coordinates)
        self._used = replace(self._used, gestures=self._used.gestures + 1)
        handle = f"g{self._used.gestures}"
        self._new_gestures[handle] = Gesture(handle, picture, kind, points, self.number, bool(include))
        return handle

    def add_object(
        self,
        *,
        picture: str,
        label: str,
        score: float | None = None,
        box: Sequence[float] | None = None,
        mask: Mask | None = None,
        prompts: Sequence[dict[str, Any]] = (),
        model: str = "",
        parent: tuple[str, int] | None = None,
        candidate: int = 0,
        predicted_iou: float | None = None,
        stability: float | None = None,
        review: bool = False,
        alternatives: Sequence[Alternative] = (),
    ) -> str:
        """Keep something found, and give it a handle; see `ObjectVersion` for the arguments.

        Raises:
            HandleError: no such picture or parent.
            ToolInputError: neither box nor mask, a mask of another size, or values that are not finite.
        """
        self._write()
        self._opened_picture(picture)
        if parent is not None:
            self.version(*parent)
        changes: Revision = {
            "label": label,
            "score": score,
            "box": box,
            "mask": mask,
            "prompts": prompts,
            "model": model,
            "candidate": candidate,
            "predicted_iou": predicted_iou,
            "stability": stability,
            "review": review,
            "alternatives": alternatives,
        }
        first = blank(f"m{self._used.objects + 1}", picture)
        made = revised(first, changes, version=1, parent=parent, turn=self.number)
        self._append(made)
        self._used = replace(self._used, objects=self._used.objects + 1)
        return made.handle

    def revise(self, handle: str, **changes: Unpack[Revision]) -> ObjectVersion:
        """Append a version to an object, made from its current one.

        Args:
            handle: the object.
            changes: see `Revision`. With a new mask and no box, the box is the mask's.

        Raises:
            HandleError: no such object.
            ToolInputError: a mask of another size, or values that are not finite.
        """
        self._write()
        unknown = changes.keys() - Revision.__annotations__.keys()
        if unknown:
            raise TypeError(f"revise() got unexpected arguments: {', '.join(sorted(unknown))}")
        old = self.version(handle)
        before = self._base.versions.get(handle)
        highest = max(self._highest.get(handle, 0), before[-1].version if before else 0)
        made = revised(old, changes, version=highest + 1, parent=(handle, old.version), turn=self.number)
        self._append(made)
        return made

    def _append(self, made: ObjectVersion) -> None:
        for mask in (made.mask, *(each.mask for each in made.alternatives)):
            check_mask(mask, self._pictures[made.picture])
        self._versions.append(made)
        self._new_objects[made.handle] = made
        self._highest[made.handle] = made.version

    def requests(self, turns: Iterable[int]) -> dict[int, str]:
        """The person's words in these turns, this one included; those of a turn without any, or forgotten, are left
        out.
        """
        asked = set(turns)
        known = {} if self._forgotten and self._forgotten.everything else self._find_requests(sorted(asked))
        mine = {self.number: self.request} if self.number in asked and self.request else {}
        return {**known, **mine}

    def select(self, handles: Iterable[str]) -> None:
        """Make these the selection, in this order; none empties it.

        Raises:
            HandleError: no such object.
        """
        self._write()
        wanted = tuple(dict.fromkeys([handles] if isinstance(handles, str) else handles))
        for handle in wanted:
            self.version(handle)
        self._selection = wanted

    def undo(self, steps: int = 1) -> int:
        """Revert the last `steps` turns that changed something, or as many as there are, and say how many that was.

        What this turn itself has changed so far counts as the first of them; it cannot be redone.

        Raises:
            ToolInputError: nothing to undo, or less than one step asked for.
        """
        self._write()
        own = int(self._changed)
        reverted = min(_at_least_one(steps), own + self._from.undo)
        if not reverted:
            raise ToolInputError("undo: nothing to undo: expected a turn that changed something. Make a change first.")
        self._move(self._base.undone(self._base.position, reverted - own), "undo")
        return reverted

    def redo(self, steps: int = 1) -> int:
        """Bring back the last `steps` undone turns, or as many as there are, and say how many that was.

        Raises:
            ToolInputError: nothing to redo, or less than one step asked for.
        """
        self._write()
        brought_back = min(_at_least_one(steps), self.state.redo)
        if not brought_back:
            raise ToolInputError("redo: nothing to redo: expected an undo before, with no change since. Undo first.")
        self._move(self._base.redone(self._base.position, brought_back), "redo")
        return brought_back

    def go_to(self, position: int) -> None:
        """Stand where the conversation stood at `State.position`, as if everything since had been undone.

        Raises:
            ToolInputError: it never stood there, or what stood there was forgotten, or this turn has changed something.
        """
        self._write()
        if (position and position not in self._base.nodes) or self._changed:
            raise ToolInputError(
                f"position={position} cannot be gone to: expected one that was stood on. Leave it out."
            )
        self._move(position, "undo")

    def forget(self, handles: Iterable[str] | None = None, picture: str | None = None) -> None:
        """Erase objects with all their versions and edits, or a picture with all that was on it; both None: everything.

        What was kept of them in older turns goes as well, so that nothing brings them back: calls that name them, the
        words of turns that found nothing else, and the words said while the picture was the current one. With
        everything goes all that was said, the request of this very turn included.

        Raises:
            HandleError: no such object or picture.
        """
        self._write()
        kept = self._base.versions.whole()
        made = {**kept, **self._objects}
        known = {**self._base.pictures, **self._pictures}
        everything = handles is None and picture is None
        objects = set(made if everything else [handles] if isinstance(handles, str) else handles or ())
        pictures = set(known if everything else () if picture is None else (picture,))
        for handle in sorted(objects):
            check_handle(handle, made, {}, "handle")
        for handle in pictures:
            check_handle(handle, known, {}, "picture")
        versions = (*self._versions, *(one for all_ in kept.values() for one in all_))
        objects.update(one.handle for one in versions if one.picture in pictures)
        gone = Forgotten(frozenset(objects), frozenset(pictures), everything)
        if everything or self._picture in pictures:
            self.request, self.answer, self.click, self._calls = "", "", None, {}
        self._calls = {
            key: call for key, call in self._calls.items() if not names_any(gone.handles, call.arguments, call.data)
        }
        self._forgotten = gone | (self._forgotten or Forgotten())
        self._drop(gone)

    def record_call(self, call: CallRecord) -> None:
        """Keep a tool call and its result; a call id that is known already is left as it was.

        Raises:
            ToolInputError: no call id, or arguments or data that are not JSON.
        """
        self._write()
        if not call.call_id:
            raise ToolInputError("call_id='' is empty: expected an id of its own for each call. Give it one.")
        if self.call(call.call_id) is None:
            self._calls[call.call_id] = without_masks(call, self._objects)

    def call(self, call_id: str) -> CallRecord | None:
        """The call of this id in this conversation, made in this turn or before; None where there is none."""
        found = self._calls.get(call_id)
        if found is None and not (self._forgotten and self._forgotten.everything):
            found = self._find_call(call_id)
        if found is None:
            return None
        return with_masks(found, self._versions_by_handle())

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """The calls recorded in this turn so far, in order."""
        versions_of = self._versions_by_handle()
        return tuple(with_masks(call, versions_of) for call in self._calls.values())

    def _versions_by_handle(self) -> Callable[[str], tuple[ObjectVersion, ...]]:
        """What gives every version of a handle, this turn's included."""
        made: dict[str, list[ObjectVersion]] = {}
        for one in self._versions:
            made.setdefault(one.handle, []).append(one)
        return lambda handle: (*self._base.versions.get(handle, ()), *made.get(handle, ()))


def _at_least_one(steps: int) -> int:
    if steps < 1:
        raise ToolInputError(f"steps={steps} is too few: expected 1 or more. Say how many turns.")
    return steps
