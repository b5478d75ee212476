"""Keeps masks where edits have moved their things to.

A move takes the thing's mask along: what is edited after it is edited at the new place. When a move is changed, dropped
or put elsewhere in the order, the masks of the edits after it follow, and so does the thing itself. This module does
not know pixels, nor what other edits do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agent_tools.errors import ToolInputError
from agent_tools.masks import Mask
from agent_tools.memory import Edit, ObjectVersion, Turn

Offset = tuple[int, int]
"""Pixels to the right and down."""


def follow_moves(turn: Turn, before: Sequence[Edit], replaced: Mapping[str, str]) -> None:
    """Bring masks to where the edits now in force have their things.

    Args:
        turn: with the edits as they are to be.
        before: the edits as they were.
        replaced: handle of an edit that was put in another's place → handle of that other.

    Raises:
        ToolInputError: a thing would leave its picture; no mask was touched.
    """
    after = turn.state.edits
    moving = (one for one in (*before, *after) if one.action == "move")
    things = [
        _Thing(turn, handle, before) for handle in dict.fromkeys(name for one in moving for name, _ in one.objects)
    ]
    wanted = [(thing, thing.mask_after(after), thing.masks_in(after, replaced)) for thing in things]
    versions: dict[str, dict[str, int]] = {}
    for thing, now, masks in wanted:
        for edit, mask in masks.items():
            versions.setdefault(edit, {})[thing.handle] = thing.version_with(mask)
        thing.version_with(now, current=True)
    for one in after:
        if one.handle in versions:
            pairs = [(handle, versions[one.handle].get(handle, number)) for handle, number in one.objects]
            turn.change_edit(one.handle, objects=pairs)


class _Thing:
    """One thing that edits move, or moved, as it was `before`."""

    def __init__(self, turn: Turn, handle: str, before: Sequence[Edit]) -> None:
        self.turn, self.handle, self.before = turn, handle, before
        self.total = self._offset(before)
        first = next((dict(one.objects)[handle] for one in before if self._is_moved_by(one)), None)
        self.unmoved = None if first is None else turn.version(handle, first).mask

    def mask_after(self, after: Sequence[Edit]) -> Mask:
        """Its mask behind all edits."""
        return self._moved(self.turn.version(self.handle).version, self.total, self._offset(after))

    def masks_in(self, after: Sequence[Edit], replaced: Mapping[str, str]) -> dict[str, Mask]:
        """Its mask in each edit that has another one so far."""
        masks: dict[str, Mask] = {}
        for place, one in enumerate(after):
            version = dict(one.objects).get(self.handle)
            if version is not None:
                was = self._offset_when_edited(replaced.get(one.handle, one.handle), version)
                mask = self._moved(version, was, self._offset(after[:place]))
                if mask != self.turn.version(self.handle, version).mask:
                    masks[one.handle] = mask
        return masks

    def version_with(self, mask: Mask, *, current: bool = False) -> int:
        """Number of a version with this mask, the `current` one or any; a new one where there is none."""
        for version in self._history()[: 1 if current else None]:
            if version.mask == mask:
                return version.version
        return self.turn.revise(self.handle, mask=mask, prompts=[{"moved": True}]).version

    def _history(self) -> list[ObjectVersion]:
        versions = [self.turn.version(self.handle)]
        while (parent := versions[-1].parent) is not None and parent[0] == self.handle:
            versions.append(self.turn.version(*parent))
        return versions

    def _is_moved_by(self, one: Edit) -> bool:
        return one.action == "move" and self.handle in dict(one.objects)

    def _offset(self, edits: Iterable[Edit]) -> Offset:
        """How far these edits move it, all together."""
        steps = [one.parameters for one in edits if self._is_moved_by(one)]
        across, down = (sum(round(float(step.get(name, 0))) for step in steps) for name in ("dx", "dy"))
        return across, down

    def _offset_when_edited(self, edit: str, version: int) -> Offset:
        """How far it had been moved where an edit took this version of it; by all moves, if it took it as it is now."""
        for place, one in enumerate(self.before):
            if one.handle == edit and dict(one.objects).get(self.handle) == version:
                return self._offset(self.before[:place])
        return self.total

    def _moved(self, version: int, was: Offset, now: Offset) -> Mask:
        """The mask of a version, from one offset to another."""
        mask = self.turn.version(self.handle, version).mask
        assert mask is not None  # what is edited has one
        if was == now:
            return mask
        if self.unmoved is not None and self.unmoved.shifted(*was) == mask:
            moved = self.unmoved.shifted(*now)  # what had left the picture comes back whole
        else:
            moved = mask.shifted(now[0] - was[0], now[1] - was[1])
        if not moved.area:
            raise ToolInputError(
                f"dx, dy take {self.handle} out of its picture: expected it to stay in. Move it less far."
            )
        return moved
