"""What was used last, up to a number of bytes: pictures kept by a server between two questions about them.

This module does not know what it keeps.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf(Generic[T]):
    """Things by name; those unused for longest go when room is needed. Safe to share between threads."""

    def __init__(self, limit_bytes: int) -> None:
        """Begins empty.

        Args:
            limit_bytes: most that all things may take together. One that is larger is kept alone: it is needed now.
        """
        self._limit = limit_bytes
        self._things: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = Lock()
        self.size_bytes = 0

    def get(self, name: str) -> T | None:
        """The thing of that name, now the one used last; None where it is not here."""
        with self._lock:
            if name not in self._things:
                return None
            self._things.move_to_end(name)
            return self._things[name][0]

    def put(self, name: str, thing: T, size_bytes: int) -> None:
        """Keep a thing, in the place of an earlier one of that name."""
        with self._lock:
            self._drop(name)
            while self._things and self.size_bytes + size_bytes > self._limit:
                self._drop(next(iter(self._things)))
            self._things[name] = (thing, size_bytes)
            self.size_bytes += size_bytes

    def forget(self, name: str) -> None:
        """Drop the thing of that name, if it is here."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if name in self._things:
            self.size_bytes -= self._things.pop(name)[1]

    def __len__(self) -> int:
        return len(self._things)
