"""Freed memory is returned to the system, unless the next requests will need it."""

from __future__ import annotations

import asyncio
import ctypes
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.backend import heap
from poolhouse.backend.heap import (
    CHECK_INTERVAL_S,
    SLACK_BYTES,
    URGENT_BYTES,
    HeapTrimmer,
    TrimPolicy,
    find_malloc_trim,
    resident_bytes,
)

IDLE = 10**8
HISTORY_LENGTH = 25
sizes = st.integers(0, 2**33)


@given(st.lists(sizes, min_size=HISTORY_LENGTH, max_size=HISTORY_LENGTH + 10), st.data())
def test_memory_held_within_the_history_may_be_kept(held: list[int], data: st.DataObject) -> None:
    """New pages cost more than kept ones, so a busy service keeps the memory that its next requests will use."""
    policy = TrimPolicy(IDLE)
    for index, now in enumerate(held):
        recent = max(held[max(0, index - HISTORY_LENGTH + 1) : index + 1])
        most = max(recent + SLACK_BYTES, 0) if index >= HISTORY_LENGTH - 1 else 2**40
        most = min(most, now + URGENT_BYTES)
        resident = IDLE + data.draw(st.integers(max(0, most - 10), most + 10))

        assert policy.should_trim(resident, now) == (resident - IDLE > most)


@given(sizes, sizes)
def test_memory_that_a_trim_cannot_return_causes_no_further_trims(resident: int, held: int) -> None:
    """A library may keep memory for good; that does not mean that the heap is full of freed blocks."""
    policy = TrimPolicy(IDLE)
    policy.record_trim(IDLE + resident, held)

    assert not any(policy.should_trim(IDLE + resident, held) for _ in range(2 * HISTORY_LENGTH))


@given(st.integers(SLACK_BYTES + 1, 2**33), sizes.filter(bool))
def test_an_idle_service_is_trimmed_although_it_was_trimmed_under_load(freed: int, held: int) -> None:
    """After a trim under load, memory of requests counts as needed, and once it stayed so for an idle service."""
    policy = TrimPolicy(IDLE)

    policy.record_trim(IDLE + freed + held, held)
    under_load = [policy.should_trim(IDLE + freed + held, held) for _ in range(HISTORY_LENGTH)]
    idle = [policy.should_trim(IDLE + freed, 0) for _ in range(HISTORY_LENGTH)]
    policy.record_trim(IDLE, 0)

    assert not any(under_load)
    assert idle[-1]
    assert policy.should_trim(IDLE + URGENT_BYTES + 1, 0)


@pytest.mark.usefixtures("short_intervals")
def test_memory_that_is_freed_during_a_trim_is_trimmed_later() -> None:
    """It is still resident after that trim, and once counted as needed for good."""
    resident, held, trims = [IDLE], [0], 0
    done = asyncio.Event()

    def trim() -> None:
        nonlocal trims
        trims += 1
        if trims == 1:
            # The request that holds this memory ends after its pages were looked at.
            resident[0], held[0] = IDLE + URGENT_BYTES, 0
        else:
            resident[0] = IDLE
            done.set()

    async def go() -> None:
        trimmer = HeapTrimmer(lambda: held[0], trim, lambda: resident[0])
        trimmer.start()
        resident[0], held[0] = IDLE + 3 * URGENT_BYTES, URGENT_BYTES
        trimmer.schedule_check()
        await done.wait()

    asyncio.run(asyncio.wait_for(go(), 20))

    assert trims == 2


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checks follow each other at once."""
    monkeypatch.setattr(heap, "CHECK_INTERVAL_S", 0.0)


@pytest.mark.usefixtures("short_intervals")
def test_checks_end_a_while_after_the_last_request() -> None:
    """An idle service must return its memory, and then not wake up any more."""
    resident, checks, trims = [IDLE], 0, 0
    # At the start, until the trim, after it, and for one more history.
    expected_checks = 1 + HISTORY_LENGTH + 1 + HISTORY_LENGTH
    last = asyncio.Event()

    def count_and_read() -> int:
        nonlocal checks
        checks += 1
        if checks == expected_checks:
            last.set()
        return resident[0]

    def trim() -> None:
        nonlocal trims
        trims += 1
        resident[0] = IDLE

    async def go() -> None:
        trimmer = HeapTrimmer(lambda: 0, trim, count_and_read)
        trimmer.start()
        resident[0] += SLACK_BYTES + 1
        for _ in range(3):
            trimmer.schedule_check()
        await last.wait()
        await run_loop_turns(1000)

    asyncio.run(asyncio.wait_for(go(), 20))

    # The first trim is that of the start.
    assert (checks, trims) == (expected_checks, 2)


async def run_loop_turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_without_malloc_trim_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service also runs with musl, on macOS and on Windows."""

    def load_nothing(name: object) -> object:
        return object()

    monkeypatch.setattr(ctypes, "CDLL", load_nothing)

    assert find_malloc_trim() is None

    async def go() -> None:
        trimmer = HeapTrimmer(lambda: 0, find_malloc_trim())
        trimmer.start()
        trimmer.schedule_check()

    asyncio.run(go())


@pytest.mark.skipif(find_malloc_trim() is None, reason="only glibc has mallopt")
def test_large_blocks_are_returned_when_they_are_freed() -> None:
    """Otherwise more memory could be freed and kept between two checks than the service promises."""
    program = """
import numpy as np
from poolhouse.backend.heap import configure_malloc, resident_bytes
configure_malloc()
small = []
for size in (20, 10, 5):  # by default malloc maps only blocks larger than the largest it has freed
    blocks = [np.ones(size << 20, np.uint8) for _ in range(10)]
    small.append(np.ones(50_000, np.uint8))
    before = resident_bytes()
    del blocks
    freed = (before - resident_bytes()) >> 20
    assert freed > 9 * size, (size, freed)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


@pytest.mark.skipif(find_malloc_trim() is None, reason="only glibc keeps a heap that can be trimmed")
def test_trim_returns_free_pages() -> None:
    """A small object holds the end of the heap, as in any process that has run for a while."""
    trim = find_malloc_trim()
    assert trim is not None
    kept = [np.ones(100_000, np.uint8) for _ in range(2000)]
    last = kept[-1]
    before = resident_bytes()

    del kept[:-1]
    trim()

    assert before - resident_bytes() > 150 << 20
    assert last[0] == 1
    assert CHECK_INTERVAL_S < 1
