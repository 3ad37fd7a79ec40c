"""Admit requests by the bytes that they hold, and refuse them when memory is short or the service shuts down."""

from __future__ import annotations

import math
from time import monotonic
from typing import Final

from poolhouse.backend.heap import HeapTrimmer
from poolhouse.backend.payload import Payload
from poolhouse.batching.engine import Engine
from poolhouse.batching.memory import Lease, MemoryBudget
from poolhouse.errors import Unavailable, draining_error

_LEASE_SLACK_BYTES: Final = 64 * 1024
"""A lease larger by up to this is not shrunk."""

_ESTIMATE_MAX_AGE_S: Final = 0.005
"""How long refusals reuse an estimate of ``Retry-After``: a full service refuses many requests in this time, and its
queue hardly changes."""


class Admission:
    """Reserves memory for requests, until the service drains.

    Args:
        budget: the memory for all requests.
        heap: trimmed while requests arrive.
        engine: estimates how long its queued jobs take.

    Attributes:
        is_draining: whether new requests are refused.
    """

    def __init__(self, budget: MemoryBudget, heap: HeapTrimmer, engine: Engine[Payload]) -> None:
        self._budget = budget
        self._heap = heap
        self._engine = engine
        self._retry_after_s = self._retry_after_expires_at = 0.0
        self._drain_ends_at = math.inf
        self.is_draining = False

    def admit(self, nbytes: int, deadline: float | None = None) -> Lease:
        """Reserve memory for a request before its body is read.

        Args:
            nbytes: estimated from the headers.
            deadline: in the event loop's time; None for no deadline.

        Returns:
            A lease, which the caller releases when the response is sent or the client disconnects.

        Raises:
            Unavailable: ``overloaded`` or ``draining``.
            DeadlinePassed: the queued jobs alone take longer than the time left.
        """
        if self.is_draining:
            raise draining_error()
        if deadline is not None:
            self._engine.check_meets_deadline(deadline)
        return self.reserve(nbytes)

    def reserve(self, nbytes: int) -> Lease:
        """Reserve memory for a request that does no pooling; such requests are also served while the service drains.

        Raises:
            Unavailable: ``overloaded``.
        """
        lease = self._budget.reserve(nbytes)
        # guard: full-budget-refuses
        if lease is None:
            raise self._overloaded_error(nbytes)
        self._heap.schedule_check()
        return lease

    def can_admit(self, nbytes: int) -> bool:
        """Whether a request of this size is admitted without preempting another."""
        return not self.is_draining and self._budget.can_reserve(nbytes)

    def resize_lease(self, lease: Lease, nbytes: int) -> None:
        """Change a lease to what its request holds from now on, before the memory is allocated.

        Raises:
            Unavailable: ``overloaded``.
        """
        # guard: lease-follows-plan
        if not nbytes <= lease.nbytes <= nbytes + _LEASE_SLACK_BYTES and not lease.resize(nbytes):
            raise self._overloaded_error(nbytes)

    def drain(self, grace_s: float) -> None:
        """Refuse new requests; see :meth:`poolhouse.service.PoolingService.drain`."""
        self.is_draining = True
        self._drain_ends_at = min(self._drain_ends_at, monotonic() + grace_s)

    def remaining_grace_s(self) -> float:
        """The rest of the grace period."""
        return max(0.0, self._drain_ends_at - monotonic())

    def _overloaded_error(self, nbytes: int) -> Unavailable:
        budget, now = self._budget, monotonic()
        if now >= self._retry_after_expires_at:
            self._retry_after_s, self._retry_after_expires_at = self._engine.retry_after_s(), now + _ESTIMATE_MAX_AGE_S
        wait_s = self._retry_after_s
        return Unavailable(
            "overloaded",
            f"{budget.held_bytes} of {budget.capacity_bytes} bytes are reserved, and this request needs {nbytes}; "
            f"try again in about {math.ceil(wait_s)} s.",
            retry_after_s=wait_s,
        )
