"""Whether a failed call is tried again, and when. Pure: chance comes in as a function, time as numbers.

The rules:

- every call may be repeated, for pooling has no side effects;
- the pause before retry n is drawn from 0 to ``base_s·2ⁿ``, at most ``max_delay_s`` ("full jitter"), so that callers
  who   failed together do not return together;
- ``Retry-After`` is a floor under that, and one that is longer than the caller can wait ends the call;
- all calls of one client share a budget: retries may add a tenth to what succeeds, so that a server that fails
  everything is asked hardly more often than it would be without retries.

Source: Brooker, "Exponential Backoff And Jitter"; gRFC A6, retry throttling.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

RETRIED_STATUSES: Final = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and after what pauses.

    Attributes:
        most: retries after the first try.
        base_s: the longest pause before the first retry.
        cap_s: the longest pause of ours before any.
        longest_wait_s: a ``Retry-After`` beyond this is not waited for.
    """

    max_retries: int = 2
    base_delay_s: float = 0.25
    max_delay_s: float = 8.0
    max_retry_after_s: float = 60.0

    def delay_s(
        self, retry: int, *, retry_after_s: float | None, left_s: float | None, random: Callable[[], float]
    ) -> float | None:
        """Seconds before this retry, or None to give up.

        Args:
            retry: 0 for the first.
            asked_s: what ``Retry-After`` said.
            left_s: until the call's deadline.
            chance: draws from 0 to 1.
        """
        if retry >= self.max_retries or (retry_after_s or 0.0) > self.max_retry_after_s:
            return None
        # The exponent is bounded, or a caller with very many retries meets a float that overflows.
        drawn = random() * min(self.max_delay_s, self.base_delay_s * 2 ** min(retry, 30))
        pause = (retry_after_s or 0.0) + drawn
        return None if left_s is not None and pause >= left_s else pause


class Budget:
    """Retries that all calls of one client may still make. Safe to share between threads.

    A retry takes one; a success gives a tenth back. It starts full, so that one bad moment is always answered.
    """

    CAPACITY: Final = 10.0
    REFILL_PER_SUCCESS: Final = 0.1

    def __init__(self) -> None:
        self._left = self.CAPACITY
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Budget], tuple[()]]:
        # A pickled client begins anew where it is read.
        return Budget, ()

    @property
    def remaining(self) -> float:
        """Retries left, in tenths."""
        return self._left

    def record_success(self) -> None:
        """Give a part of a retry back."""
        if self._left < self.CAPACITY:
            with self._lock:
                self._left = min(self.CAPACITY, self._left + self.REFILL_PER_SUCCESS)

    def try_spend(self) -> bool:
        """Take one retry, if there is one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
