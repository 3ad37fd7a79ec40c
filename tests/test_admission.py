"""Admission: a request reserves its memory, or is refused if memory or time is short or the service drains."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import pytest

from poolhouse.admission import Admission
from poolhouse.backend.heap import HeapTrimmer
from poolhouse.backend.payload import Payload
from poolhouse.batching.engine import Engine
from poolhouse.batching.memory import MemoryBudget
from poolhouse.errors import DeadlinePassed, Unavailable, deadline_error

SLACK_BYTES = 64 * 1024
CAPACITY_BYTES = 10**6


class FakeEngine:
    """An engine whose queued jobs take until ``busy_until``."""

    def __init__(self) -> None:
        self.busy_until = 0.0
        self.estimates: Iterator[float] = iter((3.5, 7.5))

    def check_meets_deadline(self, deadline: float) -> None:
        if deadline < self.busy_until:
            raise deadline_error("would pass")

    def retry_after_s(self) -> float:
        return next(self.estimates)


class FakeHeap(HeapTrimmer):
    """Counts the requests that it is told of."""

    def __init__(self) -> None:
        super().__init__(int, None)
        self.request_count = 0

    def schedule_check(self) -> None:
        self.request_count += 1


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("poolhouse.admission.monotonic", made)
    return made


class Admitted:
    """Admission with its parts."""

    def __init__(self) -> None:
        self.budget = MemoryBudget(CAPACITY_BYTES)
        self.heap = FakeHeap()
        self.engine = FakeEngine()
        self.admission = Admission(self.budget, self.heap, cast("Engine[Payload]", self.engine))


def test_an_admitted_request_holds_its_bytes_until_it_ends() -> None:
    """The memory is also what the heap is trimmed to, which is checked while requests arrive."""
    service = Admitted()

    lease = service.admission.admit(CAPACITY_BYTES)

    assert service.budget.held_bytes == CAPACITY_BYTES
    assert service.heap.request_count == 1
    assert not service.admission.can_admit(1)
    lease.release()
    assert service.budget.held_bytes == 0
    assert service.admission.can_admit(CAPACITY_BYTES)


def test_a_full_service_says_when_to_try_again(clock: Clock) -> None:
    """Its queue is estimated once for the refusals of a few milliseconds, since it refuses most when it is busiest."""
    service = Admitted()
    service.admission.admit(CAPACITY_BYTES - 10)

    def refusal(nbytes: int) -> Unavailable:
        with pytest.raises(Unavailable) as refused:
            service.admission.admit(nbytes)
        return refused.value

    first = refusal(11)
    clock.now_s += 0.004
    second = refusal(11)
    clock.now_s += 0.002
    third = refusal(11)

    assert (first.code, first.retry_after_s, second.retry_after_s, third.retry_after_s) == ("overloaded", 3.5, 3.5, 7.5)
    assert first.detail == (
        f"{CAPACITY_BYTES - 10} of {CAPACITY_BYTES} bytes are reserved, and this request needs 11; "
        "try again in about 4 s."
    )
    assert service.heap.request_count == 1
    assert service.admission.can_admit(10)


def test_a_deadline_that_cannot_be_met_reserves_nothing() -> None:
    """The body of such a request is not read, and its memory serves others."""
    service = Admitted()
    service.engine.busy_until = 50.0

    with pytest.raises(DeadlinePassed):
        service.admission.admit(100, deadline=49.0)
    assert service.budget.lease_count == 0

    service.admission.admit(100, deadline=51.0)
    service.admission.admit(100)
    assert service.budget.held_bytes == 200


def test_a_draining_service_refuses_pooling_alone(clock: Clock) -> None:
    """Another instance must get the request, whatever its deadline; a plan or a document is still served."""
    service = Admitted()
    service.engine.busy_until = math.inf
    states = [service.admission.is_draining]
    assert service.admission.remaining_grace_s() == math.inf

    service.admission.drain(30)

    assert [*states, service.admission.is_draining] == [False, True]
    with pytest.raises(Unavailable) as refused:
        service.admission.admit(1, deadline=1.0)
    assert refused.value.code == "draining"
    assert not service.admission.can_admit(1)
    assert service.admission.reserve(1).nbytes == 1


def test_the_earliest_end_of_the_grace_period_counts(clock: Clock) -> None:
    """A second signal may shorten the shutdown, but must not prolong it."""
    admission = Admitted().admission
    admission.drain(30)
    clock.now_s += 10

    admission.drain(30)
    assert admission.remaining_grace_s() == 20
    admission.drain(5)
    assert admission.remaining_grace_s() == 5
    clock.now_s += 6
    assert admission.remaining_grace_s() == 0


@pytest.mark.parametrize(
    ("before", "nbytes", "after"),
    [
        (200_000, 200_000, 200_000),
        (200_000, 200_001, 200_001),
        (200_000, 200_000 - SLACK_BYTES, 200_000),
        (200_000, 200_000 - SLACK_BYTES - 1, 200_000 - SLACK_BYTES - 1),
        (200_000, CAPACITY_BYTES - 1, CAPACITY_BYTES - 1),
    ],
)
def test_a_lease_follows_what_its_request_holds(before: int, nbytes: int, after: int) -> None:
    """It never covers less; a little more is kept, since a change costs time for every small request."""
    service = Admitted()
    service.admission.admit(1)
    lease = service.admission.admit(before)

    service.admission.resize_lease(lease, nbytes)

    assert lease.nbytes == after
    assert service.budget.held_bytes == 1 + after


def test_a_lease_cannot_grow_beyond_the_memory() -> None:
    """The request is refused before it allocates, and still holds what it held."""
    service = Admitted()
    service.admission.admit(1)
    lease = service.admission.admit(200_000)

    with pytest.raises(Unavailable, match=f"this request needs {CAPACITY_BYTES};") as refused:
        service.admission.resize_lease(lease, CAPACITY_BYTES)

    assert refused.value.code == "overloaded"
    assert lease.nbytes == 200_000
    assert service.budget.held_bytes == 200_001
