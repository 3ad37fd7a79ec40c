"""Division of a kernel call among threads: every unit once, and no return before the last thread has finished."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolhouse.kernels import sharding
from poolhouse.kernels.sharding import shard
from tests.hypothesis_profiles import scaled_examples


@scaled_examples(100)
@given(st.integers(0, 200), st.integers(1, 6))
def test_every_unit_is_in_exactly_one_part(units: int, threads: int) -> None:
    """A missing unit would leave a part of the output undefined."""
    parts: list[tuple[int, int]] = []

    shard(lambda start, stop: parts.append((start, stop)), units, threads)

    parts.sort()
    assert len(parts) == max(1, min(threads, units))
    assert [unit for start, stop in parts for unit in range(start, stop)] == list(range(units))
    sizes = [stop - start for start, stop in parts]
    assert max(sizes) - min(sizes) <= 1


def test_the_calling_thread_takes_a_part_and_the_others_run_beside_it() -> None:
    """A pool thread for each part would leave the caller's core idle."""
    together = threading.Barrier(3, timeout=10)
    names: list[str] = []

    def work(start: int, stop: int) -> None:
        together.wait()
        names.append(threading.current_thread().name)

    shard(work, 3, 3)

    assert len(set(names)) == 3
    assert threading.current_thread().name in names


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_is_raised_after_all_threads_have_finished(failing: int) -> None:
    """The other threads write to the call's arrays, which are freed when it returns."""
    failed = threading.Event()
    finished: list[int] = []

    def work(start: int, stop: int) -> None:
        if start == failing:
            failed.set()
            raise IndexError(f"unit {start}")
        assert failed.wait(10)
        threading.Event().wait(0.01)
        finished.append(start)

    with pytest.raises(IndexError, match=f"unit {failing}"):
        shard(work, 3, 3)

    assert sorted(finished) == [unit for unit in range(3) if unit != failing]


def test_one_unit_takes_no_other_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Handing a small request to a thread takes longer than pooling it."""
    monkeypatch.setattr(sharding, "_pool", lambda threads: pytest.fail("a pool was used"))
    parts: list[tuple[int, int]] = []

    shard(lambda start, stop: parts.append((start, stop)), 1, 8)
    shard(lambda start, stop: parts.append((start, stop)), 9, 1)

    assert parts == [(0, 1), (0, 9)]


def test_a_forked_process_starts_its_own_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has none of its parent's threads, so work that it gives to their pool is never done."""
    monkeypatch.setattr(sharding, "_pools", {})
    caller = threading.get_ident()

    def helper_thread() -> int:
        found: list[int] = []
        shard(lambda start, stop: found.append(threading.get_ident()), 2, 2)
        (other,) = [each for each in found if each != caller]
        return other

    before, again = helper_thread(), helper_thread()
    monkeypatch.setattr(os, "getpid", lambda: -1)

    assert before == again
    assert helper_thread() != before
