"""Quotas of API keys, as token buckets. Pure: the time is an argument.

A request is counted on admission, so the quota of requests is exact under any concurrency. Bytes are charged as soon as
their number is known: a body of known length on admission, a chunked one as it is received, a response when it is
planned. A request may overdraw the bucket of bytes, since a request larger than one second's bytes must be possible.
Only one request at a time may, and all others of the key, including admitted ones, are refused until the debt is
refilled. So a key never transfers more than its rate allows, plus one second's bytes, plus one request.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """The limits of a key; None is no limit.

    Args:
        requests_per_s: sustained rate of requests.
        burst: requests that may arrive at once after a pause; None for the requests of one second, at least one.
        bytes_per_s: sustained rate of bytes of request and response bodies; the burst is one second's bytes.
    """

    requests_per_s: float | None = None
    burst: float | None = None
    bytes_per_s: float | None = None


class TokenBucket:
    """A token bucket, full at first.

    Args:
        rate_per_s: tokens refilled each second.
        capacity: the most tokens.
        now: the time in seconds.
    """

    def __init__(self, rate_per_s: float, capacity: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._capacity = capacity
        self._tokens = capacity
        self._updated_at = now

    def wait_s(self, tokens: float, now: float) -> float:
        """Seconds until it holds this many tokens; 0 if it does now."""
        self._refill(now)
        return max(0.0, (tokens - self._tokens) / self._rate_per_s)

    def consume(self, tokens: float, now: float) -> None:
        """Take tokens; the number may become negative."""
        self._refill(now)
        self._tokens -= tokens

    def _refill(self, now: float) -> None:
        self._tokens = min(self._capacity, self._tokens + max(0.0, now - self._updated_at) * self._rate_per_s)
        self._updated_at = now


class QuotaState:
    """The remaining requests and bytes of one key.

    Args:
        quota: the limits.
        now: the time in seconds.
    """

    def __init__(self, quota: Quota, now: float) -> None:
        self.quota = quota
        self._requests: TokenBucket | None = None
        self._bytes: TokenBucket | None = None
        # The request that has overdrawn the bucket; only this one may continue to take bytes.
        self._overdrawn_by: object = None
        if quota.requests_per_s is not None:
            burst = max(1.0, quota.requests_per_s if quota.burst is None else quota.burst)
            self._requests = TokenBucket(quota.requests_per_s, burst, now)
        if quota.bytes_per_s is not None:
            # Admission needs one byte, so a smaller capacity would refuse every request.
            self._bytes = TokenBucket(quota.bytes_per_s, max(1.0, quota.bytes_per_s), now)

    def admit(self, nbytes: int, now: float, request: object) -> float:
        """Admit a request and return 0, or return the seconds after which it may be sent again.

        Args:
            nbytes: of its body, if announced.
            now: the time in seconds.
            request: identifies the request in :meth:`consume` and :meth:`settle`.
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
        """Take bytes for an admitted request and return 0, or return the seconds until there are some again.

        Args:
            nbytes: in addition to those taken so far.
            now: the time in seconds.
            request: as in :meth:`admit`.
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
        """Correct the bytes of a finished request.

        Args:
            nbytes: the bytes used minus those taken; a negative number returns some.
            now: the time in seconds.
            request: as in :meth:`admit`.
        """
        if self._bytes is not None:
            self._bytes.consume(nbytes, now)
        if self._overdrawn_by is request:
            self._overdrawn_by = None
