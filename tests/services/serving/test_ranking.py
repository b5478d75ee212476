"""Which replica a picture belongs to."""

from __future__ import annotations

from collections import Counter

from agent_tools.services.serving.ranking import rank

REPLICAS = ["a1", "b2", "c3", "d4", "e5"]
KEYS = [f"{number:064x}" for number in range(4000)]


def test_rank_names_every_replica_once_whatever_their_order() -> None:
    for key in KEYS[:50]:
        assert sorted(rank(key, REPLICAS)) == REPLICAS
        assert rank(key, REPLICAS[::-1]) == rank(key, REPLICAS)


def test_rank_gives_every_replica_its_share() -> None:
    favourites = Counter(rank(key, REPLICAS)[0] for key in KEYS)
    assert all(0.8 < count / (len(KEYS) / 5) < 1.2 for count in favourites.values())


def test_rank_replica_that_goes_moves_only_its_own_keys_and_spreads_them() -> None:
    moved: Counter[str] = Counter()
    for key in KEYS:
        before = rank(key, REPLICAS)
        after = rank(key, [name for name in REPLICAS if name != "c3"])
        assert after == [name for name in before if name != "c3"]
        if before[0] == "c3":
            moved[after[0]] += 1
    assert set(moved) == {"a1", "b2", "d4", "e5"}
    assert max(moved.values()) < 2 * min(moved.values())


def test_rank_replica_that_comes_takes_its_share_and_moves_nothing_else() -> None:
    taken = 0
    for key in KEYS:
        before, after = rank(key, REPLICAS)[0], rank(key, [*REPLICAS, "f6"])[0]
        assert after in (before, "f6")
        taken += after == "f6"
    assert 0.8 < taken / (len(KEYS) / 6) < 1.2


def test_rank_no_replicas_is_empty() -> None:
    assert rank("a", []) == []
