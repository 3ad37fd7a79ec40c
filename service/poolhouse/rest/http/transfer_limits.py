"""The size, rate and time limits of one transfer: a request body or a response.

- A transfer ends after a time without any progress, and when its average rate is too low to ever release its memory.
- While other requests do not fit into the memory budget, a transfer that would take long at its current rate can be
  preempted (:mod:`poolhouse.batching.memory`).
- A response holds its memory until the client has read it, so the same rate applies to it. Its status line is already
  sent, so no error can be returned: the connection is aborted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from poolhouse.errors import TooLarge, TooSlow, Unavailable

# guard: body-start-has-allowance
_FREE_FRACTION: Final = 1 / 100


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """Limits of a body.

    Attributes:
        limit_bytes: the most bytes, before and after decompression.
        stall_timeout_s: the longest wait for the next piece.
        advice: what a client over the size limit can do, as a sentence.
        min_bytes_per_s: n bytes may take ``stall_timeout_s + n / min_bytes_per_s`` seconds; 0 for no minimum rate.
        contended_timeout_s: while other requests do not fit into memory, a body that would take longer is preempted.
    """

    limit_bytes: int
    stall_timeout_s: float
    advice: str
    min_bytes_per_s: int = 0
    contended_timeout_s: float = math.inf

    def expires_at(self, started_at: float, now: float, received: int) -> float:
        """The time at which a transfer without further progress is too slow."""
        # guard: silent-body-ends
        silence = now + self.stall_timeout_s
        # guard: body-has-minimum-rate
        if not self.min_bytes_per_s:
            return silence
        return min(silence, started_at + self.stall_timeout_s + received / self.min_bytes_per_s)

    def too_slow_error(self, stalled_s: float) -> TooSlow:
        """The error for a body that arrived too slowly; ``stalled_s`` is the time since its last piece."""
        if stalled_s >= self.stall_timeout_s:
            what = f"No further bytes of the body arrived for {self.stall_timeout_s:g} s."
        else:
            what = (
                f"The body arrives too slowly: after {self.stall_timeout_s:g} s it must average at least "
                f"{self.min_bytes_per_s} bytes a second."
            )
        return TooSlow(
            "body_too_slow",
            f"{what} Send the body without pauses, and exactly as many bytes as Content-Length announces.",
            headers={"Connection": "close"},
        )

    def lag(self, elapsed_s: float, fraction: float) -> float:
        """How far a transfer lags behind the rate that would complete it in ``contended_timeout_s``.

        The first hundredth of that time does not count, since the first bytes of a valid client take a while.

        Args:
            elapsed_s: since the transfer started.
            fraction: the part that has been transferred, from 0 to 1.
        """
        return elapsed_s / self.contended_timeout_s - fraction - _FREE_FRACTION

    def preempted_error(self) -> Unavailable:
        """The error for a preempted body."""
        return Unavailable(
            "overloaded",
            "The memory budget is exhausted, and at its rate this body would have taken longer than "
            f"{self.contended_timeout_s:g} s, so its memory was given to other requests. "
            "Send faster, in smaller requests, or later.",
            retry_after_s=1,
        )

    def check_length(self, length: int | None) -> None:
        """Refuse an announced length over the limit.

        Raises:
            TooLarge: the body is longer than the limit.
        """
        if length is not None and length > self.limit_bytes:
            raise self.too_large_error(f"has {length} bytes")

    def too_large_error(self, given: str) -> TooLarge:
        """The error for a body over the limit; ``given`` tells the known size, such as "has 1001 bytes"."""
        return TooLarge(
            "body_too_large",
            f"The body {given}; the limit is {self.limit_bytes} bytes. {self.advice}",
            limit_bytes=self.limit_bytes,
        )
