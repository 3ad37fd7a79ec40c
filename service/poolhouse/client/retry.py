"""Decision whether and when a failed call is retried. Pure: random numbers and times are passed in.

The rules:

- Every call may be retried, since pooling has no side effects.
- The delay before retry n is random from 0 to ``base_delay_s·2ⁿ``, at most ``max_delay_s`` ("full jitter"), so that
  clients that failed together do not retry together.
- ``Retry-After`` is added to it. If it is longer than the call can wait, the call ends.
- All calls of a client share a budget: retries add at most a tenth to the successful calls, so that a server that fails
  every request gets hardly more requests than without retries.

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
    """Number and delays of retries.

    Attributes:
        max_retries: retries after the first attempt.
        base_delay_s: the longest random delay before the first retry.
        max_delay_s: the longest random delay before any retry.
        max_retry_after_s: a longer ``Retry-After`` ends the call.
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
            retry_after_s: the server's ``Retry-After``.
            left_s: until the call's deadline.
            random: random numbers from 0 to 1.
        """
        if retry >= self.max_retries or (retry_after_s or 0.0) > self.max_retry_after_s:
            return None
        # The exponent is bounded, since with very many retries the float would overflow.
        jitter = random() * min(self.max_delay_s, self.base_delay_s * 2 ** min(retry, 30))
        delay = (retry_after_s or 0.0) + jitter
        return None if left_s is not None and delay >= left_s else delay


class Budget:
    """Retry budget of all calls of one client. Safe to share between threads.

    A retry takes one unit; a success returns a tenth. The budget starts full, so that a first outage can be retried.
    """

    CAPACITY: Final = 10.0
    REFILL_PER_SUCCESS: Final = 0.1

    def __init__(self) -> None:
        self._left = self.CAPACITY
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[Budget], tuple[()]]:
        # An unpickled client starts with a full budget.
        return Budget, ()

    @property
    def remaining(self) -> float:
        """The number of retries left."""
        return self._left

    def record_success(self) -> None:
        """Return a part of a retry to the budget."""
        if self._left < self.CAPACITY:
            with self._lock:
                self._left = min(self.CAPACITY, self._left + self.REFILL_PER_SUCCESS)

    def try_spend(self) -> bool:
        """Take one retry from the budget, if there is one."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True
