"""A byte-bounded cache of what models made of pictures, so that the next prompt on a picture is cheap.

Keys begin with a picture's digest: content decides, not a file's name. This module does not know what an encoding is,
which model made it, or on which device it lies.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any

from agent_tools.settings import settings

Key = tuple[str, Hashable, Hashable]
"""(digest of the picture, who encoded it, whatever else decides the value)."""


class EncodingCache:
    """Keeps the values used last, up to a number of bytes in all. Safe to share between threads and models."""

    def __init__(self, limit_bytes: int) -> None:
        """Begins empty.

        Args:
            limit_bytes: most bytes the values may take together, at least 0; 0 keeps nothing.
        """
        self.limit_bytes = limit_bytes
        self._values: OrderedDict[Key, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    @classmethod
    def configured(cls) -> EncodingCache:
        """An empty cache of the size that ``ASKMASK_ENCODING_CACHE_MEGABYTES`` says."""
        return cls(int(settings().encoding_cache_megabytes * 1e6))

    def get(self, key: Key) -> Any | None:
        """The value put under `key`, now the one used last; None where it was never put or had to go."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Key, value: Any, size_bytes: int) -> None:
        """Keep `value`, dropping the values unused for longest; one larger than the bound is not kept."""
        with self._lock:
            self._drop(key)
            if size_bytes > self.limit_bytes:
                return
            while self._bytes + size_bytes > self.limit_bytes:
                self._drop(next(iter(self._values)))
            self._values[key] = (value, size_bytes)
            self._bytes += size_bytes

    def forget(self, digest: str) -> None:
        """Drop everything that was made of one picture."""
        with self._lock:
            for key in [key for key in self._values if key[0] == digest]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        if key in self._values:
            self._bytes -= self._values.pop(key)[1]

    @property
    def size_bytes(self) -> int:
        """Bytes the values take now."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._values)
