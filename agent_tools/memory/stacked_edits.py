"""The edits of a turn in progress: added, changed in their place, dropped, put in another order.

Edits in force are a stack; those that it no longer holds are kept, so that undo brings the stack back as it was. This
module does not know what an edit does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from agent_tools.memory.checks import check_handle, edit_masks, edit_parameters
from agent_tools.memory.draft import Draft
from agent_tools.memory.records import Edit, ObjectVersion


class StackedEdits(Draft):
    """What a turn does to the stack of edits."""

    def add_edit(
        self,
        picture: str,
        action: str,
        objects: Iterable[str],
        invert: bool = False,
        parameters: Mapping[str, float | str] = MappingProxyType({}),
        at: int | None = None,
    ) -> Edit:
        """Do one more edit to a picture.

        Args:
            picture: handle of the picture.
            action: what is done.
            objects: handles of the objects it is made of, as they are now; each has a mask and is on that picture.
            invert: whether everything else is meant.
            parameters: how it is done, name → number or a few words.
            at: how many of the edits in force are done before it; None: all, it comes on top.

        Raises:
            HandleError: no such picture or object.
            ToolInputError: an object without a mask or on another picture, or a parameter of the wrong kind.
        """
        self._write()
        self._opened_picture(picture)
        made = [self.version(handle) for handle in dict.fromkeys(objects)]
        blank = Edit("", picture, action, (), (), bool(invert), edit_parameters(parameters), self.number)
        return self._put_edit(blank, made, len(self._edits) if at is None else at, replaced=0)

    def change_edit(
        self,
        handle: str,
        *,
        action: str | None = None,
        objects: Iterable[str] | Iterable[tuple[str, int]] | None = None,
        invert: bool | None = None,
        parameters: Mapping[str, float | str] | None = None,
    ) -> Edit:
        """Put another edit into the place of one in force; what is None stays as it was, its masks included.

        Args:
            handle: the edit that it replaces; undo brings that one back.
            action: see `add_edit`; so are the others.
            objects: handles, as they are now, or (handle, version) of objects as they were.
            invert: whether everything else is meant.
            parameters: all of them.

        Raises:
            HandleError: no such edit, object or version.
            ToolInputError: as for `add_edit`.
        """
        self._write()
        old = self._edit_in_force(handle)
        wanted = [(one, None) if isinstance(one, str) else one for one in (old.objects if objects is None else objects)]
        made = [self.version(*one) for one in dict.fromkeys(wanted)]
        blank = replace(
            old,
            action=old.action if action is None else action,
            invert=old.invert if invert is None else bool(invert),
            parameters=dict(old.parameters) if parameters is None else edit_parameters(parameters),
            turn=self.number,
        )
        return self._put_edit(blank, made, self._edits.index(handle), replaced=1)

    def keep_edits(self, handles: Iterable[str]) -> None:
        """Let these edits be in force, in this order: of those that were when the turn began, or that it made.

        Raises:
            HandleError: another edit.
        """
        self._write()
        known = {one.handle: one for one in (*self._from.edits, *self._new_edits.values())}
        wanted = tuple(dict.fromkeys(handles))
        for handle in wanted:
            check_handle(handle, known, self._base.edits, "edit")
        self._edits = wanted

    def _edit_in_force(self, handle: str) -> Edit:
        check_handle(handle, {one.handle: one for one in self.state.edits}, self._base.edits, "edit")
        return next(one for one in self.state.edits if one.handle == handle)

    def _put_edit(self, blank: Edit, made: Sequence[ObjectVersion], at: int, replaced: int) -> Edit:
        """Take `blank`, made of these objects, into the stack at a place, over as many as it replaces."""
        edit = replace(
            blank,
            handle=f"e{self._used.edits + 1}",
            objects=tuple((one.handle, one.version) for one in made),
            masks=edit_masks(made, blank.picture),
        )
        self._used = replace(self._used, edits=self._used.edits + 1)
        self._new_edits[edit.handle] = edit
        self._edits = (*self._edits[:at], edit.handle, *self._edits[at + replaced :])
        self._shown = None
        return edit
