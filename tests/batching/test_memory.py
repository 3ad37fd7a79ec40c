"""The memory budget holds the sum of its leases, never more than its capacity, and nothing in the end."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from poolhouse.batching.memory import Lease, MemoryBudget

CAPACITY_BYTES = 100
sizes = st.integers(0, 150)


class FakeBody:
    """A transfer that lags by a fixed amount."""

    def __init__(self, lag_s: float) -> None:
        self.lag_s = lag_s
        self.must_be_preempted = self.is_preempted = False

    def lag(self) -> float:
        return self.lag_s

    def preempt(self) -> None:
        assert not self.is_preempted
        self.is_preempted = True


class LeaseMachine(RuleBasedStateMachine):
    """Takes, resizes, retains and releases leases in any order, with transfers that may be preempted."""

    def __init__(self) -> None:
        super().__init__()
        self.memory_budget = MemoryBudget(CAPACITY_BYTES)
        self.held: dict[Lease, int] = {}
        self.holders: dict[Lease, int] = {}
        self.incoming: dict[Lease, FakeBody] = {}

    def reserve_in_model(self, more: int, alone: bool, asking: Lease | None = None) -> bool:
        """Whether the bytes fit; preempts transfers in the model where that is necessary."""
        missing_bytes = sum(self.held.values()) + more - CAPACITY_BYTES
        if alone or missing_bytes <= 0:
            return True
        others = [lease for lease in self.incoming if lease is not asking and self.held[lease]]
        slow = sorted((each for each in others if self.lag_of(each) > 0), key=self.lag_of, reverse=True)
        if sum(self.held[lease] for lease in slow) < missing_bytes:
            return False
        for lease in slow:
            if missing_bytes > 0:
                missing_bytes -= self.held[lease]
                self.held[lease] = 0
                self.incoming[lease].must_be_preempted = True
        return True

    def lag_of(self, lease: Lease) -> float:
        return self.incoming[lease].lag_s

    @precondition(lambda self: self.held)
    @rule(data=st.data(), lag_s=st.floats(-1, 1).filter(bool))
    def start_body(self, data: st.DataObject, lag_s: float) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        if lease not in self.incoming and lag_s not in {body.lag_s for body in self.incoming.values()}:
            self.incoming[lease] = FakeBody(lag_s)
            lease.set_preemptible(self.incoming[lease])

    @precondition(lambda self: self.incoming)
    @rule(data=st.data())
    def finish_body(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(list(self.incoming)))
        lease.clear_preemptible()
        del self.incoming[lease]

    @rule(nbytes=sizes)
    def take(self, nbytes: int) -> None:
        fits = self.reserve_in_model(nbytes, alone=not self.held)

        lease = self.memory_budget.reserve(nbytes)

        self._check_preempted()
        assert (lease is not None) == fits
        if lease is not None:
            self.held[lease], self.holders[lease] = nbytes, 1

    @precondition(lambda self: self.held)
    @rule(data=st.data(), nbytes=sizes)
    def resize(self, data: st.DataObject, nbytes: int) -> None:
        # Also while a body is received: the length of a chunked body is not known before its end.
        lease = data.draw(st.sampled_from(list(self.held)))
        more = nbytes - self.held[lease]
        fits = self.reserve_in_model(more, alone=len(self.held) == 1 or more <= 0, asking=lease)

        assert lease.resize(nbytes) == fits
        self._check_preempted()
        if fits:
            self.held[lease] = nbytes

    def _check_preempted(self) -> None:
        assert all(body.is_preempted == body.must_be_preempted for body in self.incoming.values())
        self.incoming = {lease: body for lease, body in self.incoming.items() if not body.is_preempted}

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def retain(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        lease.retain()
        self.holders[lease] += 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        lease.release()
        self.holders[lease] -= 1
        if not self.holders[lease]:
            if self.incoming.pop(lease, None):
                lease.clear_preemptible()
            del self.held[lease], self.holders[lease]

    @invariant()
    def held_bytes_equal_the_leases(self) -> None:
        assert self.memory_budget.held_bytes == sum(self.held.values())
        assert self.memory_budget.lease_count == len(self.held)

    @invariant()
    def capacity_is_exceeded_by_a_single_lease_only(self) -> None:
        assert (
            self.memory_budget.held_bytes <= CAPACITY_BYTES
            or max(self.held.values()) >= self.memory_budget.held_bytes - CAPACITY_BYTES
        )

    def teardown(self) -> None:
        """Release every lease; nothing is held then."""
        for lease, holders in self.holders.items():
            for _ in range(holders):
                lease.release()
        assert (self.memory_budget.held_bytes, self.memory_budget.lease_count) == (0, 0)


TestLeaseMachine = LeaseMachine.TestCase


def full_budget(*lags_s: float) -> tuple[MemoryBudget, list[Lease], list[FakeBody]]:
    """A budget that two transfers share, which lag as given."""
    budget = MemoryBudget(CAPACITY_BYTES)
    bodies, leases = [FakeBody(each) for each in lags_s], []
    for body in bodies:
        lease = budget.reserve(CAPACITY_BYTES // 2)
        assert lease is not None
        lease.set_preemptible(body)
        leases.append(lease)
    return budget, leases, bodies


def test_the_transfer_furthest_behind_is_preempted_first() -> None:
    """A body that has just started must not be aborted for one that has long been slow."""
    budget, _, bodies = full_budget(0.2, 0.8)

    admitted = budget.reserve(CAPACITY_BYTES // 2)

    assert admitted is not None
    assert [each.is_preempted for each in bodies] == [False, True]


def test_a_growing_body_does_not_preempt_itself() -> None:
    """Its own next piece must not abort it, however slow it is."""
    _, leases, bodies = full_budget(0.2, 0.8)

    assert leases[1].resize(CAPACITY_BYTES // 2 + 1)

    assert [each.is_preempted for each in bodies] == [True, False]


def test_transfers_in_time_keep_their_memory() -> None:
    """Another request is refused instead, and so is the growth of one of them."""
    budget, leases, bodies = full_budget(-0.2, -0.8)

    assert budget.reserve(1) is None
    assert not leases[0].resize(CAPACITY_BYTES // 2 + 1)

    assert [each.is_preempted for each in bodies] == [False, False]
    assert budget.held_bytes == CAPACITY_BYTES


def test_no_transfer_is_preempted_in_vain() -> None:
    """If its memory would not suffice, the new request is refused without it."""
    budget, _, bodies = full_budget(-0.2, 0.8)

    assert budget.reserve(CAPACITY_BYTES // 2 + 1) is None

    assert [each.is_preempted for each in bodies] == [False, False]


def test_a_lone_request_is_admitted_whatever_its_size() -> None:
    """It would never be admitted otherwise; a second one has to wait."""
    budget = MemoryBudget(CAPACITY_BYTES)

    assert budget.reserve(2 * CAPACITY_BYTES) is not None
    assert budget.reserve(1) is None


def test_the_last_holder_returns_the_memory() -> None:
    """The bytes are still in use while there is another one."""
    budget = MemoryBudget(CAPACITY_BYTES)
    lease = budget.reserve(7)
    assert lease is not None
    lease.retain()

    lease.release()
    held = budget.held_bytes, budget.lease_count
    lease.release()

    assert held == (7, 1)
    assert (budget.held_bytes, budget.lease_count) == (0, 0)


def test_a_lease_is_not_released_twice() -> None:
    """A second release would free bytes that another holder uses."""
    lease = MemoryBudget(CAPACITY_BYTES).reserve(1)
    assert lease is not None
    lease.release()

    with pytest.raises(AssertionError, match="released by all"):
        lease.release()
    with pytest.raises(AssertionError, match="released by all"):
        lease.retain()
