"""Which replica a picture belongs to: rendezvous hashing. This module does not know Ray, pictures or models.

Every replica gets a mark for every key, and the highest mark wins (Thaler and Ravishankar 1998, "Using name-based
mappings to increase hit rates"). Nobody has to remember anything: all who know the same replicas rank them alike. Where
a replica goes, only its own keys move, each to the next in its own order; where one comes, it takes its share and
nothing else moves.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def rank(key: str, replicas: Iterable[str]) -> list[str]:
    """The replicas in the order in which they should be asked about `key`, the favourite first.

    Args:
        key: what is to stay at one place, such as a picture's digest.
        replicas: their names, in any order.
    """
    # The name second: whatever the keys have in common, the marks of one key are independent of another's.
    marks = {name: blake2b(f"{key}\n{name}".encode(), digest_size=8).digest() for name in replicas}
    return sorted(marks, key=lambda name: (marks[name], name), reverse=True)
