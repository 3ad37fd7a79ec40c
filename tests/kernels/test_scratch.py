"""Scratch memory: two aligned parts that do not overlap, kept by each thread up to a bound."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels.scratch import ALIGNED_BYTES, MAX_CACHED_BYTES, Scratch, scratch
from tests.hypothesis_profiles import scaled_examples


@scaled_examples(100)
@given(st.integers(0, 2 * MAX_CACHED_BYTES), st.integers(0, 1000))
def test_both_parts_are_aligned_and_apart(first_bytes: int, second_bytes: int) -> None:
    """Loops read the parts as float64 and int32 with SIMD instructions."""
    _owner, first, second = scratch(first_bytes, second_bytes)

    assert first % ALIGNED_BYTES == second % ALIGNED_BYTES == 0
    assert first + first_bytes <= second < first + first_bytes + ALIGNED_BYTES


@pytest.mark.parametrize(
    ("first_bytes", "second_bytes", "is_kept"),
    [
        (0, 0, True),
        (MAX_CACHED_BYTES, 0, True),
        (MAX_CACHED_BYTES - ALIGNED_BYTES, ALIGNED_BYTES, True),
        (MAX_CACHED_BYTES - ALIGNED_BYTES + 1, 1, False),
        (MAX_CACHED_BYTES - ALIGNED_BYTES, ALIGNED_BYTES + 1, False),
        (MAX_CACHED_BYTES + 1, 0, False),
    ],
)
def test_only_small_memory_is_kept(first_bytes: int, second_bytes: int, is_kept: bool) -> None:
    """Kept memory that is one byte too small is overrun; large memory that is kept is never freed."""
    owners = [scratch(first_bytes, second_bytes)[0] for _ in range(2)]

    assert (owners[0] is owners[1]) == is_kept


def test_each_thread_has_its_own() -> None:
    """Two threads that write to one memory would mix up the results of two requests."""
    owners: list[Scratch] = [scratch(64, 0)[0]]

    thread = threading.Thread(target=lambda: owners.append(scratch(64, 0)[0]))
    thread.start()
    thread.join()

    mine, other = owners
    assert scratch(64, 0)[0] is mine
    assert abs(mine.address - other.address) >= MAX_CACHED_BYTES
