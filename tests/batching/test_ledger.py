"""Who holds how many bytes: always the sum of what was lent, never more than the room, nothing in the end."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from poolhouse.batching.ledger import Lease, Ledger

ROOM = 100
sizes = st.integers(0, 150)


class Lending(RuleBasedStateMachine):
    """Leases taken, resized, shared and released in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(ROOM)
        self.held: dict[Lease, int] = {}
        self.holders: dict[Lease, int] = {}

    @rule(nbytes=sizes)
    def take(self, nbytes: int) -> None:
        fits = not self.held or sum(self.held.values()) + nbytes <= ROOM

        lease = self.ledger.lease(nbytes)

        assert (lease is not None) == fits
        if lease is not None:
            self.held[lease], self.holders[lease] = nbytes, 1

    @precondition(lambda self: self.held)
    @rule(data=st.data(), nbytes=sizes)
    def resize(self, data: st.DataObject, nbytes: int) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        others = sum(self.held.values()) - self.held[lease]
        fits = nbytes <= self.held[lease] or len(self.held) == 1 or others + nbytes <= ROOM

        assert lease.resize(nbytes) == fits
        if fits:
            self.held[lease] = nbytes

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def share(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        lease.share()
        self.holders[lease] += 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(list(self.held)))
        lease.release()
        self.holders[lease] -= 1
        if not self.holders[lease]:
            del self.held[lease], self.holders[lease]

    @invariant()
    def what_is_held_is_what_was_lent(self) -> None:
        assert self.ledger.held_bytes == sum(self.held.values())
        assert self.ledger.leases == len(self.held)

    @invariant()
    def the_room_is_kept_but_for_one_who_is_alone(self) -> None:
        assert self.ledger.held_bytes <= ROOM or max(self.held.values()) >= self.ledger.held_bytes - ROOM

    def teardown(self) -> None:
        """Whoever held gives back, and the room is empty."""
        for lease, holders in self.holders.items():
            for _ in range(holders):
                lease.release()
        assert (self.ledger.held_bytes, self.ledger.leases) == (0, 0)


TestLending = Lending.TestCase


def test_a_lease_is_not_given_back_twice() -> None:
    """A second release would lend bytes that somebody still holds."""
    lease = Ledger(ROOM).lease(1)
    assert lease is not None
    lease.release()

    with pytest.raises(AssertionError, match="given back"):
        lease.release()
    with pytest.raises(AssertionError, match="given back"):
        lease.share()
