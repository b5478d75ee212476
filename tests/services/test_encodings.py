from concurrent.futures import ThreadPoolExecutor

from agent_tools.services.encodings import EncodingCache


def test_cache_full_drops_what_was_unused_longest() -> None:
    cache = EncodingCache(30)
    for name in "abc":
        cache.put((name, "m", ""), name, 10)
    assert cache.get(("a", "m", "")) == "a"
    cache.put(("d", "m", ""), "d", 10)
    assert [cache.get((name, "m", "")) for name in "abcd"] == ["a", None, "c", "d"]
    assert cache.size_bytes == 30


def test_cache_value_put_again_counts_once() -> None:
    cache = EncodingCache(30)
    cache.put(("a", "m", ""), 1, 20)
    cache.put(("a", "m", ""), 2, 25)
    assert (cache.get(("a", "m", "")), cache.size_bytes, len(cache)) == (2, 25, 1)


def test_cache_value_over_the_bound_is_not_kept_and_drops_nothing_else() -> None:
    cache = EncodingCache(30)
    cache.put(("a", "m", ""), 1, 30)
    cache.put(("b", "m", ""), 2, 31)
    assert cache.get(("a", "m", "")) == 1
    assert cache.get(("b", "m", "")) is None


def test_cache_forget_drops_one_picture_of_every_model() -> None:
    cache = EncodingCache(100)
    for key in (("a", "m", ""), ("a", "n", "x"), ("b", "m", "")):
        cache.put(key, 1, 10)
    cache.forget("a")
    assert (len(cache), cache.size_bytes) == (1, 10)


def test_cache_many_threads_keep_the_bound() -> None:
    cache = EncodingCache(1000)

    def work(worker: int) -> None:
        for step in range(300):
            cache.put((str((worker * step) % 40), "m", ""), step, 10 + step % 90)
            cache.get((str(step % 40), "m", ""))
            assert cache.size_bytes <= 1000

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    for digest in map(str, range(40)):
        cache.forget(digest)
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_cache_device_full_moves_the_oldest_to_the_host_and_drops_it_only_there() -> None:
    cache = EncodingCache(20, device_limit_bytes=10)
    for name in "abcd":
        cache.put((name, "m", ""), f"{name} on the device", 10, lambda value: value.replace("device", "host"))
    found = [cache.get((name, "m", "")) for name in "abcd"]
    assert found == [None, "b on the host", "c on the host", "d on the device"]
    cache.put(("c", "m", ""), "c on the device", 10, lambda value: value.replace("device", "host"))
    assert [cache.get((name, "m", "")) for name in "bcd"] == ["b on the host", "c on the device", "d on the host"]
    assert (len(cache), cache.size_bytes) == (3, 30)


def test_cache_counts_hits_and_misses_by_kind() -> None:
    cache = EncodingCache(30)
    cache.put(("a", "m", ""), 1, 10)
    for digest, kind in (("a", "encodings"), ("b", "encodings"), ("b", "detections")):
        cache.get((digest, "m", ""), kind)
    assert cache.counts() == {"detections": {"hits": 0, "misses": 1}, "encodings": {"hits": 1, "misses": 1}}
