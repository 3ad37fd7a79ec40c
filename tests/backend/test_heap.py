"""Memory that was freed goes back to the machine, and not while it will be needed again at once."""

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
LOOKS = 25
sizes = st.integers(0, 2**33)


@given(st.lists(sizes, min_size=LOOKS, max_size=LOOKS + 10), st.data())
def test_memory_held_within_the_history_may_be_kept(held: list[int], data: st.DataObject) -> None:
    """Fresh pages are dearer than kept ones, so a busy service keeps what its next requests will take."""
    watch = TrimPolicy(IDLE)
    for place, now in enumerate(held):
        recent = max(held[max(0, place - LOOKS + 1) : place + 1])
        most = max(recent + SLACK_BYTES, 0) if place >= LOOKS - 1 else 2**40
        most = min(most, now + URGENT_BYTES)
        resident = IDLE + data.draw(st.integers(max(0, most - 10), most + 10))

        assert watch.should_trim(resident, now) == (resident - IDLE > most)


@given(sizes, sizes)
def test_memory_that_a_trim_cannot_return_causes_no_further_trims(resident: int, held: int) -> None:
    """What a library has kept for good is its own, and no sign of a heap that is full of freed blocks."""
    watch = TrimPolicy(IDLE)
    watch.record_trim(IDLE + resident, held)

    assert not any(watch.should_trim(IDLE + resident, held) for _ in range(2 * LOOKS))


@given(sizes, sizes.filter(bool), sizes)
def test_memory_of_requests_does_not_stay_in_the_idle_size(beside: int, held: int, idle: int) -> None:
    """What was resident beside what was held while many requests came would be forgiven for ever."""
    watch = TrimPolicy(IDLE)

    watch.record_trim(IDLE + beside + held, held)
    assert watch.idle_bytes == IDLE + beside
    watch.record_trim(idle, 0)
    assert watch.idle_bytes == idle


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks that follow each other at once."""
    monkeypatch.setattr(heap, "CHECK_INTERVAL_S", 0.0)


@pytest.mark.usefixtures("short_intervals")
def test_checks_end_a_while_after_the_last_request() -> None:
    """An idle service must not be woken for ever, and must not stay large either."""
    resident, looks, trims = [IDLE], 0, 0
    # To begin with, until it trims, after that, and as often again.
    enough = 1 + LOOKS + 1 + LOOKS
    last = asyncio.Event()

    def told() -> int:
        nonlocal looks
        looks += 1
        if looks == enough:
            last.set()
        return resident[0]

    def trim() -> None:
        nonlocal trims
        trims += 1
        resident[0] = IDLE

    async def go() -> None:
        trimmer = HeapTrimmer(lambda: 0, trim, told)
        trimmer.start()
        resident[0] += SLACK_BYTES + 1
        for _ in range(3):
            trimmer.schedule_check()
        await last.wait()
        await run_loop_turns(1000)

    asyncio.run(asyncio.wait_for(go(), 20))

    assert (looks, trims) == (enough, 1)


async def run_loop_turns(count: int) -> None:
    """So many turns of the event loop."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_without_malloc_trim_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """musl, macOS and Windows have none, and the service runs there too."""

    def nothing(name: object) -> object:
        return object()

    monkeypatch.setattr(ctypes, "CDLL", nothing)

    assert find_malloc_trim() is None

    async def go() -> None:
        trimmer = HeapTrimmer(lambda: 0, find_malloc_trim())
        trimmer.start()
        trimmer.schedule_check()

    asyncio.run(go())


@pytest.mark.skipif(find_malloc_trim() is None, reason="only glibc has such a heap")
def test_large_blocks_are_returned_when_they_are_freed() -> None:
    """They would stay until somebody looks, and so much may come between two looks as the service promises."""
    program = """
import numpy as np
from poolhouse.backend.heap import configure_malloc, resident_bytes
configure_malloc()
small = []
for size in (20, 10, 5):  # malloc maps only what is larger than what it has freed, where it is left alone
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
    """The heap's end is held by one small object, as it is in any process that lives for a while."""
    trim = find_malloc_trim()
    assert trim is not None
    kept = [np.ones(100_000, np.uint8) for _ in range(2000)]
    ends = kept[-1]
    before = resident_bytes()

    del kept[:-1]
    trim()

    assert before - resident_bytes() > 150 << 20
    assert ends[0] == 1
    assert CHECK_INTERVAL_S < 1
