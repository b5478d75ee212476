"""Keeps edited pictures for the next edit, so that one more on top costs one edit and not all of them.

Kept by content: a picture's digest and the edits so far. This module does not know conversations.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from threading import Lock

from agent_tools.decoding import decode_whole
from agent_tools.editing.actions import is_picture
from agent_tools.editing.result import Edited
from agent_tools.editing.stack import Step, done
from agent_tools.inpainting import Inpainter
from agent_tools.pictures import Picture

Key = tuple[tuple[Hashable, ...], ...]
"""The picture's digest by itself, then what decides each edit."""


class EditedPictures:
    """Makes edited pictures and keeps those used last, up to a number of bytes in all. May be shared by threads and
    conversations.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Begins empty; `limit_bytes` of 0 keeps nothing."""
        self._limit, self._lock = limit_bytes, Lock()
        self._kept: OrderedDict[Key, Edited] = OrderedDict()

    @property
    def size_bytes(self) -> int:
        """What is kept, in bytes."""
        with self._lock:
            return sum(one.pixels.nbytes for one in self._kept.values())

    def edited(
        self,
        picture: Picture,
        steps: Iterable[Step],
        pictures: Callable[[str], Picture] | None = None,
        *,
        inpainter: Inpainter | None = None,
    ) -> Edited:
        """As `stack.edited`, from as far as it is known already; the pixels are read-only.

        Who fills the holes is no part of what is looked up: use one inpainter with one of these.
        """
        steps = list(steps)
        key: Key = ((picture.digest,), *(_key(step, pictures) for step in steps))
        for known in range(len(steps), -1, -1):
            made = self._found(key[: known + 1])
            if made is not None:
                break
        else:
            made, known = self._keep(key[:1], Edited(*decode_whole(picture.original, picture.name))), 0
        for place in range(known, len(steps)):
            pixels = done(steps[place], made.pixels, made.profile, pictures, inpainter)
            made = self._keep(key[: place + 2], Edited(pixels, made.profile))
        return made

    def forget(self, digest: str) -> None:
        """Drop everything that was made of one picture, or with it as a background."""
        with self._lock:
            for key in [key for key in self._kept if any(digest in each for each in key)]:
                del self._kept[key]

    def _found(self, key: Key) -> Edited | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: Key, made: Edited) -> Edited:
        made.pixels.flags.writeable = False
        if made.pixels.nbytes <= self._limit:
            with self._lock:
                self._kept[key] = made
                while sum(one.pixels.nbytes for one in self._kept.values()) > self._limit:
                    self._kept.popitem(last=False)
        return made


def _key(step: Step, pictures: Callable[[str], Picture] | None) -> tuple[Hashable, ...]:
    """What decides what an edit does; masks are compared by their runs."""
    background = step.parameters.get("background")
    other = pictures(str(background)).digest if pictures is not None and is_picture(background) else None
    told = tuple(
        sorted((name, value) for name, value in step.parameters.items() if name != "background" or other is None)
    )
    return step.action, tuple(step.masks), step.invert, told, other
