"""A cache that forgets its oldest entry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.routes.bounded_cache import BoundedCache


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 7), st.integers()), max_size=30))
def test_it_holds_the_last_entries(size: int, puts: list[tuple[int, int]]) -> None:
    """Never more than its size, never a wrong value, and always the last one that was put."""
    cache = BoundedCache[int, int](size)
    values: dict[int, int] = {}
    for key, value in puts:
        cache.put(key, value)
        values[key] = value

        assert len(cache) <= size
        assert cache.get(key) == value
        assert all(cache.get(each) in (None, values[each]) for each in values)


def test_the_oldest_is_forgotten() -> None:
    """Requests that repeat are put again after they were forgotten."""
    cache = BoundedCache[str, int](2)
    for index, key in enumerate("abc"):
        cache.put(key, index)

    assert [cache.get(key) for key in "abc"] == [None, 1, 2]


def test_threads_may_put_at_once() -> None:
    """Large bodies are decoded in threads; the size holds when they are done."""
    cache = BoundedCache[int, int](3)

    def put_many(start: int) -> None:
        for key in range(start, start + 2000):
            cache.put(key, key)
            assert cache.get(key) in (None, key)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(put_many, range(0, 8000, 2000)))

    cache.put(-1, -1)
    assert 0 < len(cache) <= 3
