"""A timer for a request body: calls back when the body stalls, is too slow, is preempted, or its deadline passes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from poolhouse.errors import PoolhouseError, deadline_error
from poolhouse.rest.http.transfer_limits import TransferLimits

# The timer is rescheduled at most eight times per stall timeout, so that tiny pieces do not accumulate timers.
_SLACK: Final = 1 / 8


class BodyDeadline:
    """The time by which the next piece of a body must arrive. A :class:`poolhouse.batching.memory.Preemptible`.

    Args:
        limits: of the body.
        deadline: ``loop.time()`` at which the request's deadline passes; None for no deadline.
        received_fraction: returns the part of the reserved bytes that has arrived, from 0 to 1.
        on_expired: called once, when the body was too slow; :meth:`refusal` then gives the error.
    """

    def __init__(
        self,
        limits: TransferLimits,
        deadline: float | None,
        received_fraction: Callable[[], float],
        on_expired: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._deadline = deadline
        self._received_fraction = received_fraction
        self._on_expired = on_expired
        self._is_preempted = False
        self._loop = asyncio.get_running_loop()
        self._started_at = self._last_progress_at = self._loop.time()
        # The timer may fire late by the slack, never early.
        self._slack_s = limits.stall_timeout_s * _SLACK
        self._limits_end_at = limits.expires_at(self._started_at, self._started_at, 0) + self._slack_s
        self._timer: asyncio.Handle = self._loop.call_at(self._expires_at, on_expired)

    @property
    def _expires_at(self) -> float:
        # guard: deadline-ends-body
        return self._limits_end_at if self._deadline is None else min(self._limits_end_at, self._deadline)

    def progress(self, received: int) -> None:
        """Note that a piece arrived; ``received`` is the number of bytes so far."""
        self._last_progress_at = self._loop.time()
        later = self._limits.expires_at(self._started_at, self._last_progress_at, received)
        # guard: chunks-share-timer
        if later > self._limits_end_at:
            self._limits_end_at = later + self._slack_s
            self._timer.cancel()
            self._timer = self._loop.call_at(self._expires_at, self._on_expired)

    def cancel(self) -> None:
        """Cancel the timer: the body is complete, or is no longer received."""
        self._timer.cancel()

    def lag(self) -> float:
        """See :class:`poolhouse.batching.memory.Preemptible`."""
        return self._limits.lag(self._loop.time() - self._started_at, self._received_fraction())

    def preempt(self) -> None:
        """End the body in this iteration of the event loop: its memory has been given to another request."""
        self._is_preempted = True
        self._timer.cancel()
        # guard: preempted-body-ends-at-once
        self._timer = self._loop.call_soon(self._on_expired)

    def refusal(self) -> PoolhouseError:
        """The error for the client, once the timer has fired."""
        if self._is_preempted:
            return self._limits.preempted_error()
        if self._deadline is not None and self._deadline <= self._limits_end_at:
            return deadline_error("passed while the body was being received")
        return self._limits.too_slow_error(self._loop.time() - self._last_progress_at)
