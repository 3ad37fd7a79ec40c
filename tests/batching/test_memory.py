"""Who holds how many bytes: always the sum of what was lent, never more than the room, nothing in the end."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from poolhouse.batching.memory import Lease, MemoryBudget

CAPACITY_BYTES = 100
sizes = st.integers(0, 150)


class FakeBody:
    """A body or an answer on its way, as late as the test says."""

    def __init__(self, late: float) -> None:
        self.lag_s = late
        self.must_be_preempted = self.is_preempted = False

    def lag(self) -> float:
        return self.lag_s

    def preempt(self) -> None:
        assert not self.is_preempted
        self.is_preempted = True


class LeaseMachine(RuleBasedStateMachine):
    """Leases taken, resized, shared and released in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.memory_budget = MemoryBudget(CAPACITY_BYTES)
        self.held: dict[Lease, int] = {}
        self.holders: dict[Lease, int] = {}
        self.incoming: dict[Lease, FakeBody] = {}

    def reserve_in_model(self, more: int, alone: bool, asking: Lease | None = None) -> bool:
        """Whether so much more can be lent; whoever has to give way for that does so in the model too."""
        lacking = sum(self.held.values()) + more - CAPACITY_BYTES
        if alone or lacking <= 0:
            return True
        others = [lease for lease in self.incoming if lease is not asking and self.held[lease]]
        late = sorted((each for each in others if self.lateness(each) > 0), key=self.lateness, reverse=True)
        if sum(self.held[lease] for lease in late) < lacking:
            return False
        for lease in late:
            if lacking > 0:
                lacking -= self.held[lease]
                self.held[lease] = 0
                self.incoming[lease].must_be_preempted = True
        return True

    def lateness(self, lease: Lease) -> float:
        return self.incoming[lease].lag_s

    @precondition(lambda self: self.held)
    @rule(data=st.data(), late=st.floats(-1, 1).filter(bool))
    def start_body(self, data: st.DataObject, late: float) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        if lease not in self.incoming and late not in {body.lag_s for body in self.incoming.values()}:
            self.incoming[lease] = FakeBody(late)
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
        # Also one whose body is on its way: of a chunked body nobody knows the length before.
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
    def share(self, data: st.DataObject) -> None:
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
        """Whoever held gives back, and the room is empty."""
        for lease, holders in self.holders.items():
            for _ in range(holders):
                lease.release()
        assert (self.memory_budget.held_bytes, self.memory_budget.lease_count) == (0, 0)


TestLeaseMachine = LeaseMachine.TestCase


def test_a_lease_is_not_released_twice() -> None:
    """A second release would lend bytes that somebody still holds."""
    lease = MemoryBudget(CAPACITY_BYTES).reserve(1)
    assert lease is not None
    lease.release()

    with pytest.raises(AssertionError, match="given back"):
        lease.release()
    with pytest.raises(AssertionError, match="given back"):
        lease.retain()
