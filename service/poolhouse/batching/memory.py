"""The memory budget: requests are admitted by bytes, not by their number. Pure.

A request takes a lease before its body is read, sized by its headers. The lease is set to the exact sum of input,
output and workspace when the plan is known, and released when the response is written and no device reads the
tensors any more, whichever is later.

A header that announces a large body costs nothing, so a lease alone must not keep others out: while the budget is
full, transfers below their minimum rate are preempted for the request that asks, the slowest first. A transfer that
keeps the rate is never preempted, nor is one where that would not free enough, nor one for its own growing lease.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Preemptible(Protocol):
    """A request body or a response that is being transferred."""

    def lag(self) -> float:
        """How far it lags behind its minimum rate while the budget is full; above 0 it may be preempted."""
        ...

    def preempt(self) -> None:
        """Its bytes go to another request: it must end."""
        ...


@dataclass(slots=True)
class MemoryBudget:
    """Bytes of a fixed capacity, lent to requests.

    Attributes:
        capacity_bytes: bytes that may be held at once.
        held_bytes: bytes that are held.
        leases: how many leases hold them.
    """

    capacity_bytes: int
    held_bytes: int = 0
    lease_count: int = 0
    _preemptible: dict[Lease, Preemptible] = field(default_factory=dict)

    def can_reserve(self, nbytes: int) -> bool:
        """Whether that many more bytes may be held. A lone request always fits: other limits bound one request, and
        a request larger than the capacity must not wait for ever."""
        # guard: lone-request-is-admitted
        return self.lease_count == 0 or self.held_bytes + nbytes <= self.capacity_bytes

    def reserve(self, nbytes: int) -> Lease | None:
        """A lease, or None if it does not fit, even after slow transfers were preempted."""
        # guard: memory-budget-has-limit, slow-bodies-are-preempted
        if not self.can_reserve(nbytes) and not self._preempt(self.held_bytes + nbytes - self.capacity_bytes):
            return None
        self.held_bytes += nbytes
        self.lease_count += 1
        return Lease(self, nbytes)

    def _choose_preempted(self, nbytes: int, asking: Lease | None = None) -> list[Lease] | None:
        """Those who are behind and hold so many bytes, furthest behind first; None where they have not so many."""
        # guard: growing-body-spares-itself
        others = [
            (lease, arrival) for lease, arrival in self._preemptible.items() if lease is not asking and lease.nbytes
        ]
        # guard: bodies-in-time-are-not-preempted
        late = [(behind, lease) for lease, arrival in others if (behind := arrival.lag()) > 0]
        # guard: slowest-is-preempted-first
        late.sort(key=lambda each: each[0], reverse=True)
        giving: list[Lease] = []
        for _, lease in late:
            if nbytes > 0:
                giving.append(lease)
                nbytes -= lease.nbytes
        # guard: no-preemption-in-vain
        return None if nbytes > 0 else giving

    def _preempt(self, nbytes: int, asking: Lease | None = None) -> bool:
        """So many bytes from those who are behind; False, and nobody is harmed, where they have not so many."""
        giving = self._choose_preempted(nbytes, asking)
        if giving is None:
            return False
        for lease in giving:
            arrival = self._preemptible.pop(lease)
            self.held_bytes -= lease.nbytes
            lease.nbytes = 0
            arrival.preempt()
        return True


@dataclass(slots=True, eq=False)
class Lease:
    """Bytes held until everyone who looks at them has let go."""

    _budget: MemoryBudget
    nbytes: int
    _holders: int = field(default=1)

    def resize(self, nbytes: int) -> bool:
        """Holds that much from now on; False, and nothing changed, when there is no room for more."""
        more = nbytes - self.nbytes
        alone = self._budget.lease_count == 1
        lacking = self._budget.held_bytes + more - self._budget.capacity_bytes
        # guard: lease-growth-has-limit
        if more > 0 and not alone and lacking > 0 and not self._budget._preempt(lacking, self):
            return False
        self._budget.held_bytes += more
        self.nbytes = nbytes
        return True

    def set_preemptible(self, arrival: Preemptible) -> None:
        """The body or the answer that these bytes are for is on its way, and may have to give way."""
        self._budget._preemptible[self] = arrival

    def clear_preemptible(self) -> None:
        """It is there, or will not come; nobody has to give way any more."""
        self._budget._preemptible.pop(self, None)

    def retain(self) -> None:
        """One more looks at the bytes."""
        assert self._holders > 0, "a lease that was given back"
        self._holders += 1

    def release(self) -> None:
        """One looks no more; the last one gives the bytes back."""
        # guard: lease-is-released-once
        assert self._holders > 0, "a lease that was given back"
        self._holders -= 1
        # guard: last-holder-releases
        if self._holders == 0:
            self._budget.held_bytes -= self.nbytes
            self._budget.lease_count -= 1
