"""A byte-bounded cache of what models made of pictures, so that nothing heavy is worked out twice.

Keys begin with a picture's digest: content decides, not a file's name. Values on a device with memory of its own have a
bound of their own; those unused for longest move to the host first, and are dropped only there. This module does not
know what an encoding is, which model made it, or on which device it lies.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from agent_tools.settings import settings

Key = tuple[str, Hashable, Hashable]
"""(digest of the picture, who encoded it, whatever else decides the value)."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    size_bytes: int
    to_host: Callable[[Any], Any] | None


class _Tier:
    """Values in the order they were used, and the bytes they take."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes, self.size_bytes = limit_bytes, 0
        self.values: OrderedDict[Key, _Kept] = OrderedDict()

    def add(self, key: Key, kept: _Kept) -> list[tuple[Key, _Kept]]:
        """Keep one more; what had to go for it, the value itself where it is too large."""
        if kept.size_bytes > self.limit_bytes:
            return [(key, kept)]
        gone = []
        while self.size_bytes + kept.size_bytes > self.limit_bytes:
            oldest = next(iter(self.values))
            gone.append((oldest, self.values[oldest]))
            self.drop(oldest)
        self.values[key] = kept
        self.size_bytes += kept.size_bytes
        return gone

    def drop(self, key: Key) -> None:
        """Let one go, where it is here."""
        if kept := self.values.pop(key, None):
            self.size_bytes -= kept.size_bytes


class EncodingCache:
    """Keeps the values used last, up to a number of bytes in all. Safe to share between threads and models.

    Attributes:
        hits: how often a value was there, by the kind that was asked for.
        misses: how often it was not.
    """

    def __init__(self, limit_bytes: int, device_limit_bytes: int | None = None) -> None:
        """Begins empty.

        Args:
            limit_bytes: most bytes that values on the host may take together, at least 0; 0 keeps nothing.
            device_limit_bytes: likewise on devices with memory of their own; None: as many.
        """
        self.hits: Counter[str] = Counter()
        self.misses: Counter[str] = Counter()
        self._host = _Tier(limit_bytes)
        self._device = _Tier(limit_bytes if device_limit_bytes is None else device_limit_bytes)
        self._lock = Lock()

    @classmethod
    def configured(cls) -> EncodingCache:
        """An empty cache, bounded by ``ASKMASK_ENCODING_CACHE_MEGABYTES`` and ``..._DEVICE_MEGABYTES``."""
        rules = settings()
        return cls(int(rules.encoding_cache_megabytes * 1e6), int(rules.encoding_cache_device_megabytes * 1e6))

    def get(self, key: Key, kind: str = "encodings") -> Any | None:
        """The value put under `key`, now the one used last; None where it was never put or had to go.

        Args:
            key: as given to `put`.
            kind: what it is counted under in `hits` and `misses`.
        """
        with self._lock:
            for tier in (self._device, self._host):
                if key in tier.values:
                    tier.values.move_to_end(key)
                    self.hits[kind] += 1
                    return tier.values[key].value
            self.misses[kind] += 1
            return None

    def put(self, key: Key, value: Any, size_bytes: int, to_host: Callable[[Any], Any] | None = None) -> None:
        """Keep `value`, dropping the values unused for longest; one larger than the bound is not kept.

        Args:
            key: under which `get` finds it.
            value: anything.
            size_bytes: what it takes, on the host as on a device.
            to_host: for a value on a device: makes its copy on the host.
        """
        with self._lock:
            self._drop(key)
            self._keep(key, _Kept(value, size_bytes, to_host))

    def counts(self) -> dict[str, dict[str, int]]:
        """Hits and misses so far, by kind."""
        with self._lock:
            kinds = sorted(self.hits.keys() | self.misses.keys())
            return {kind: {"hits": self.hits[kind], "misses": self.misses[kind]} for kind in kinds}

    def forget(self, digest: str) -> None:
        """Drop everything that was made of one picture."""
        with self._lock:
            for key in [key for key in (*self._host.values, *self._device.values) if key[0] == digest]:
                self._drop(key)

    def _keep(self, key: Key, kept: _Kept) -> None:
        """What finds no room on a device moves to the host; what finds none there is gone."""
        for crowded, old in (self._device if kept.to_host else self._host).add(key, kept):
            if old.to_host:
                self._keep(crowded, _Kept(old.to_host(old.value), old.size_bytes, None))

    def _drop(self, key: Key) -> None:
        self._host.drop(key)
        self._device.drop(key)

    @property
    def limit_bytes(self) -> int:
        """Most bytes that values on the host may take together."""
        return self._host.limit_bytes

    @property
    def size_bytes(self) -> int:
        """Bytes the values take now, on the host and on devices."""
        return self._host.size_bytes + self._device.size_bytes

    def __len__(self) -> int:
        return len(self._host.values) + len(self._device.values)
