"""The memory budget: requests are admitted by bytes, not by their number. Pure.

A request takes a lease before its body is read, sized by its headers. When the plan is known, the lease is resized to
the exact sum of input, output and workspace. It is released when the response is written and no thread uses the
tensors, whichever is later.

A header that announces a large body costs its client nothing, so a lease alone must not lock out other requests: when
a request does not fit, transfers below their minimum rate are preempted for it, the slowest first. A transfer is not
preempted if it keeps its rate, if preempting all slow ones would not free enough, or for the growth of its own lease.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


class Preemptible(Protocol):
    """A transfer of a request body or of a response."""

    def lag(self) -> float:
        """How far the transfer lags behind its minimum rate for a full budget; above 0 it may be preempted."""
        ...

    def preempt(self) -> None:
        """End the transfer; its bytes have been released."""
        ...


@dataclass(slots=True)
class MemoryBudget:
    """Reserves bytes of a fixed capacity for requests.

    Attributes:
        capacity_bytes: bytes that may be reserved at once.
        held_bytes: bytes that are reserved.
        lease_count: the number of leases.
    """

    capacity_bytes: int
    held_bytes: int = 0
    lease_count: int = 0
    _preemptible: dict[Lease, Preemptible] = field(default_factory=dict)

    def can_reserve(self, nbytes: int) -> bool:
        """Whether the budget has this many free bytes, or no lease. A lone request always fits: other limits bound a
        single request, and one larger than the capacity would never be admitted."""
        # guard: lone-request-is-admitted
        return self.lease_count == 0 or self.held_bytes + nbytes <= self.capacity_bytes

    def reserve(self, nbytes: int) -> Lease | None:
        """Reserve bytes, preempting slow transfers if necessary; None if that would not free enough."""
        # guard: memory-budget-has-limit, slow-bodies-are-preempted
        if not self.can_reserve(nbytes) and not self._preempt(self.held_bytes + nbytes - self.capacity_bytes):
            return None
        self.held_bytes += nbytes
        self.lease_count += 1
        return Lease(self, nbytes)

    def _choose_preempted(self, nbytes: int, asking: Lease | None = None) -> list[Lease] | None:
        """The leases to preempt for this many bytes, furthest behind first; None if all slow ones hold fewer."""
        # guard: growing-body-spares-itself
        others = [
            (lease, transfer) for lease, transfer in self._preemptible.items() if lease is not asking and lease.nbytes
        ]
        # guard: bodies-in-time-are-not-preempted
        slow = [(lag, lease) for lease, transfer in others if (lag := transfer.lag()) > 0]
        # guard: slowest-is-preempted-first
        slow.sort(key=lambda each: each[0], reverse=True)
        chosen: list[Lease] = []
        for _, lease in slow:
            if nbytes > 0:
                chosen.append(lease)
                nbytes -= lease.nbytes
        # guard: no-preemption-in-vain
        return None if nbytes > 0 else chosen

    def _preempt(self, nbytes: int, asking: Lease | None = None) -> bool:
        """Free bytes by preempting slow transfers; False, and none is preempted, if that would not free enough."""
        chosen = self._choose_preempted(nbytes, asking)
        if chosen is None:
            return False
        for lease in chosen:
            transfer = self._preemptible.pop(lease)
            self.held_bytes -= lease.nbytes
            lease.nbytes = 0
            transfer.preempt()
        return True


@dataclass(slots=True, eq=False)
class Lease:
    """A reservation of bytes; it ends when its last holder releases it."""

    _budget: MemoryBudget
    nbytes: int
    _holders: int = field(default=1)

    def resize(self, nbytes: int) -> bool:
        """Change the reserved bytes; False, and nothing changes, if the budget lacks the bytes."""
        more = nbytes - self.nbytes
        alone = self._budget.lease_count == 1
        lacking = self._budget.held_bytes + more - self._budget.capacity_bytes
        # guard: lease-growth-has-limit
        if more > 0 and not alone and lacking > 0 and not self._budget._preempt(lacking, self):
            return False
        self._budget.held_bytes += more
        self.nbytes = nbytes
        return True

    def set_preemptible(self, transfer: Preemptible) -> None:
        """Allow the budget to preempt the transfer that these bytes are for."""
        self._budget._preemptible[self] = transfer

    def clear_preemptible(self) -> None:
        """The transfer has ended, and is not preempted any more."""
        self._budget._preemptible.pop(self, None)

    def retain(self) -> None:
        """Add a holder."""
        assert self._holders > 0, "the lease was released by all of its holders"
        self._holders += 1

    def release(self) -> None:
        """Remove a holder; the last one returns the bytes to the budget."""
        # guard: lease-is-released-once
        assert self._holders > 0, "the lease was released by all of its holders"
        self._holders -= 1
        # guard: last-holder-releases
        if self._holders == 0:
            self._budget.held_bytes -= self.nbytes
            self._budget.lease_count -= 1
