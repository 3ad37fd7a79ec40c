"""How long a client is waited for: the pace that a body and an answer owe.

The rules:

- silence longer than a limit ends a body, and so does a pace that would hold its memory for ever;
- while others find no memory, a body or an answer on course to take long gives way (:mod:`poolhouse.batching.memory`);
- an answer is held until the client has read it, so it owes the same pace. It has begun, so nothing can be said any
  more: the connection is aborted.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from poolhouse.errors import DeadlinePassed, PoolhouseError, TooLarge, TooSlow, Unavailable
from poolhouse.settings import Settings

# A timer of silence is set anew at most eight times a limit, so that tiny pieces do not pile up timers.
_SLACK: Final = 1 / 8
# guard: body-start-has-allowance
_FREE_FRACTION: Final = 1 / 100


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may be.

    Attributes:
        limit_bytes: the most bytes, before and after inflation.
        silence_s: the longest wait for the next piece.
        advice: what a caller over the limit can do, as a sentence.
        bytes_per_s: n bytes may take ``silence_s + n / bytes_per_s`` seconds; 0 for as long as they like.
        crowded_s: while others find no memory, a body on course to take longer gives way.
    """

    limit_bytes: int
    stall_timeout_s: float
    advice: str
    min_bytes_per_s: int = 0
    contended_timeout_s: float = math.inf

    def expires_at(self, started_at: float, now: float, received: int) -> float:
        """When the client has been too slow if nothing comes from now on, on the clock of the arguments."""
        # guard: silent-body-ends
        silence = now + self.stall_timeout_s
        # guard: body-has-minimum-rate
        if not self.min_bytes_per_s:
            return silence
        return min(silence, started_at + self.stall_timeout_s + received / self.min_bytes_per_s)

    def too_slow_error(self, stalled_s: float) -> TooSlow:
        """The refusal of a body that did not come in time."""
        if stalled_s >= self.stall_timeout_s:
            what = f"No further piece of the body came for {self.stall_timeout_s:g} s."
        else:
            what = (
                f"The body comes too slowly: after {self.stall_timeout_s:g} s it must keep up "
                f"{self.min_bytes_per_s} bytes a second."
            )
        return TooSlow(
            "body_too_slow",
            f"{what} Send the body without a pause, or declare the length that you send.",
            headers={"Connection": "close"},
        )

    def lag(self, elapsed_s: float, received_fraction: float) -> float:
        """How far a body, or an answer, of which this share has come is behind the pace that would bring it whole in
        ``contended_timeout_s``; the first hundredth of that time is free, since the first bytes of an honest client
        take a while."""
        return elapsed_s / self.contended_timeout_s - received_fraction - _FREE_FRACTION

    def preempted_error(self) -> Unavailable:
        """The refusal of a body that gave way."""
        return Unavailable(
            "overloaded",
            f"The room is full, and this body was on course to take longer than "
            f"{self.contended_timeout_s:g} s, so its room was "
            "given to others. Send faster, in smaller requests, or later.",
            retry_after_s=1,
        )

    def check_length(self, length: int | None) -> None:
        """Refuses an announced length over the limit."""
        if length is not None and length > self.limit_bytes:
            raise self.too_large_error(f"has {length} bytes")

    def too_large_error(self, given: str) -> TooLarge:
        """The refusal of a body over the limit; ``given`` says what is known of its size."""
        return TooLarge(
            "body_too_large",
            f"The body {given}; the limit is {self.limit_bytes} bytes. {self.advice}",
            limit_bytes=self.limit_bytes,
        )


def response_limits(settings: Settings) -> BodyLimits:
    """The pace of answers."""
    return BodyLimits(
        settings.max_output_bytes,
        settings.body_timeout_s,
        "",
        settings.min_body_bytes_per_s,
        settings.contended_body_timeout_s,
    )


class BodyDeadline:
    """How long a client is waited for: its next piece, its whole body, and its own deadline.

    An :class:`poolhouse.batching.memory.Arrival`.

    Args:
        limits: of the body.
        deadline: ``loop.time()`` after which nobody waits for the answer any more; None for never.
        share: how much of what is reserved has come, from 0 to 1.
        expire: called once, when the client was too slow; :meth:`refusal` says how.
    """

    def __init__(
        self,
        limits: BodyLimits,
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
        # The timer may be late by the slack, never early.
        self._slack_s = limits.stall_timeout_s * _SLACK
        self._limits_end_at = limits.expires_at(self._started_at, self._started_at, 0) + self._slack_s
        self._timer: asyncio.Handle = self._loop.call_at(self._expires_at, on_expired)

    @property
    def _expires_at(self) -> float:
        # guard: deadline-ends-body
        return self._limits_end_at if self._deadline is None else min(self._limits_end_at, self._deadline)

    def progress(self, received: int) -> None:
        """A piece has come: so many bytes in all."""
        self._last_progress_at = self._loop.time()
        later = self._limits.expires_at(self._started_at, self._last_progress_at, received)
        # guard: chunks-share-timer
        if later > self._limits_end_at:
            self._limits_end_at = later + self._slack_s
            self._timer.cancel()
            self._timer = self._loop.call_at(self._expires_at, self._on_expired)

    def cancel(self) -> None:
        """The body is here, or will not come."""
        self._timer.cancel()

    def lag(self) -> float:
        """See :class:`poolhouse.batching.memory.Arrival`."""
        return self._limits.lag(self._loop.time() - self._started_at, self._received_fraction())

    def preempt(self) -> None:
        """What is held for the body is lent to another: it ends now."""
        self._is_preempted = True
        self._timer.cancel()
        # guard: preempted-body-ends-at-once
        self._timer = self._loop.call_soon(self._on_expired)

    def refusal(self) -> PoolhouseError:
        """What the client is told when it was too slow."""
        if self._is_preempted:
            return self._limits.preempted_error()
        if self._deadline is not None and self._deadline <= self._limits_end_at:
            return DeadlinePassed(
                "deadline_passed",
                "The deadline of Request-Timeout passed while the body was still coming. "
                "Give more seconds, or send a smaller body.",
            )
        return self._limits.too_slow_error(self._loop.time() - self._last_progress_at)


class ResponseProgress:
    """The pace that the client owes while it reads an answer; one object for all answers of a connection.

    An :class:`poolhouse.batching.memory.Arrival`.

    Args:
        transport: of the connection.
        limits: of answers.
        loop: whose clock is read.
    """

    def __init__(self, transport: asyncio.Transport, limits: BodyLimits, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._limits = limits
        self._loop = loop
        self._started_at = 0.0
        self._length = self._written = 0

    def begin(self, length: int) -> None:
        """An answer of so many bytes begins."""
        self._started_at, self._length, self._written = self._loop.time(), length, 0

    def end(self) -> None:
        """It is over; what else is sent on the connection owes no pace."""
        self._length = 0

    def add_written(self, nbytes: int) -> None:
        """So many more bytes of it were handed to the transport."""
        self._written += nbytes

    @property
    def _sent(self) -> int:
        """Bytes that have left the process."""
        return max(0, self._written - self._transport.get_write_buffer_size())

    def is_too_slow(self) -> bool:
        """Whether an answer is on its way that has taken longer than it may."""
        now = self._loop.time()
        return self._length > 0 and self._limits.expires_at(self._started_at, now, self._sent) < now

    def lag(self) -> float:
        """See :class:`poolhouse.batching.memory.Arrival`."""
        return self._limits.lag(self._loop.time() - self._started_at, self._sent / max(1, self._length))

    def preempt(self) -> None:
        """Its bytes are lent to another: it ends here, and with it its connection."""
        self._transport.abort()
