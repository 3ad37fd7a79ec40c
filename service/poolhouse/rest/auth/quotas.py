"""What one key may use up: token buckets. Pure; the time is an argument.

Requests are counted before they come in, so their quota is exact, however many ask at once. Bytes are taken as soon as
they are known: an announced body at once, a chunked one as it comes, an answer when its size is known. A request may
take more than there is, since one larger than a second's bytes must get through; but one at a time, and what it owes is
waited for by all others, also by those that are inside already. So what a key moves is never more than its rate, a
second's bytes and one request.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """What a key may use up; None is no limit.

    Args:
        requests_per_s: requests a second, in the long run.
        burst: requests at once, after a rest; None is the requests of one second, at least one.
        bytes_per_s: bytes of bodies and answers a second, in the long run; those of one second at once.
    """

    requests_per_s: float | None = None
    burst: float | None = None
    bytes_per_s: float | None = None


class TokenBucket:
    """Tokens that refill at a rate up to a level.

    Args:
        rate_per_s: tokens a second.
        full: the most there can be, and how many there are at first.
        now: the time in seconds.
    """

    def __init__(self, rate_per_s: float, capacity: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._capacity = capacity
        self._tokens = capacity
        self._updated_at = now

    def wait_s(self, tokens: float, now: float) -> float:
        """Seconds until it holds this many; 0 where it does."""
        self._refill(now)
        return max(0.0, (tokens - self._tokens) / self._rate_per_s)

    def consume(self, tokens: float, now: float) -> None:
        """Take tokens; what is not there yet is owed."""
        self._refill(now)
        self._tokens -= tokens

    def _refill(self, now: float) -> None:
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._updated_at) * self._rate_per_s)
        self._updated_at = now


class QuotaState:
    """How much of a quota is left.

    Args:
        quota: what may be used up.
        now: the time in seconds.
    """

    def __init__(self, quota: Quota, now: float) -> None:
        self.quota = quota
        self._requests: TokenBucket | None = None
        self._bytes: TokenBucket | None = None
        # The one request that may go on though there is nothing left, since it is the one that took it.
        self._overdrawn_by: object = None
        if quota.requests_per_s is not None:
            burst = max(1.0, quota.requests_per_s if quota.burst is None else quota.burst)
            self._requests = TokenBucket(quota.requests_per_s, burst, now)
        if quota.bytes_per_s is not None:
            # At least the one byte that is asked for at admission, or no request would ever be admitted.
            self._bytes = TokenBucket(quota.bytes_per_s, max(1.0, quota.bytes_per_s), now)

    def admit(self, nbytes: int, now: float, request: object) -> float:
        """Let one request of this many bytes in, and give 0; or give the seconds after which it may ask again.

        Args:
            nbytes: of its body, as far as that is announced.
            now: the time in seconds.
            request: what it is known by in :meth:`consume` and :meth:`settle`.
        """
        wait_s = 0.0
        if self._requests is not None:
            wait_s = self._requests.wait_s(1.0, now)
        if self._bytes is not None:
            wait_s = max(wait_s, self._bytes.wait_s(1.0, now))
        if wait_s <= 0.0:
            if self._requests is not None:
                self._requests.consume(1.0, now)
            self.consume(nbytes, now, request)
        return wait_s

    def consume(self, nbytes: int, now: float, request: object) -> float:
        """Take bytes for a request that was let in, and give 0; or give the seconds after which there are some again.

        Args:
            nbytes: bytes that were not known until now.
            now: the time in seconds.
            request: as it was let in.
        """
        if self._bytes is None or nbytes <= 0:
            return 0.0
        wait_s = self._bytes.wait_s(1.0, now)
        if wait_s > 0.0 and self._overdrawn_by is not request:
            return wait_s
        self._bytes.consume(nbytes, now)
        if self._bytes.wait_s(1.0, now) > 0.0:
            self._overdrawn_by = request
        return 0.0

    def settle(self, nbytes: int, now: float, request: object) -> None:
        """A request is over.

        Args:
            nbytes: what it used up beside what was taken for it; fewer than none gives some back.
            now: the time in seconds.
            request: as it was let in.
        """
        if self._bytes is not None:
            self._bytes.consume(nbytes, now)
        if self._overdrawn_by is request:
            self._overdrawn_by = None
