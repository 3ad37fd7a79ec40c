"""What one key may use up: token buckets. Pure; the time is an argument.

Requests are counted before they come in, so their quota is exact, however many ask at once. Bytes may be known only
afterwards (a chunked body, the answer), so their bucket may sink below zero, and nobody comes in until it is refilled.
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


class Bucket:
    """Tokens that refill at a rate up to a level.

    Args:
        rate_per_s: tokens a second.
        full: the most there can be, and how many there are at first.
        now: the time in seconds.
    """

    def __init__(self, rate_per_s: float, full: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._full = full
        self._level = full
        self._at = now

    def wait_s(self, least: float, now: float) -> float:
        """Seconds until it holds this many; 0 where it does."""
        self._refill(now)
        return max(0.0, (least - self._level) / self._rate_per_s)

    def take(self, tokens: float, now: float) -> None:
        """Take tokens; what is not there yet is owed."""
        self._refill(now)
        self._level -= tokens

    def _refill(self, now: float) -> None:
        self._level = min(self._full, self._level + max(0.0, now - self._at) * self._rate_per_s)
        self._at = now


class Allowance:
    """How much of a quota is left.

    Args:
        quota: what may be used up.
        now: the time in seconds.
    """

    def __init__(self, quota: Quota, now: float) -> None:
        self.quota = quota
        self._requests: Bucket | None = None
        self._bytes: Bucket | None = None
        if quota.requests_per_s is not None:
            burst = max(1.0, quota.requests_per_s if quota.burst is None else quota.burst)
            self._requests = Bucket(quota.requests_per_s, burst, now)
        if quota.bytes_per_s is not None:
            # At least the one byte that is asked for at the door, or nobody would ever come in.
            self._bytes = Bucket(quota.bytes_per_s, max(1.0, quota.bytes_per_s), now)

    def enter(self, nbytes: int, now: float) -> float:
        """Let one request of this many bytes in, and give 0; or give the seconds after which it may ask again."""
        wait_s = 0.0
        if self._requests is not None:
            wait_s = self._requests.wait_s(1.0, now)
        if self._bytes is not None:
            # A request larger than a second's bytes must get in too; what it owes, the next ones wait for.
            wait_s = max(wait_s, self._bytes.wait_s(1.0, now))
        if wait_s <= 0.0:
            if self._requests is not None:
                self._requests.take(1.0, now)
            self.spend(nbytes, now)
        return wait_s

    def spend(self, nbytes: int, now: float) -> None:
        """Take bytes that were not known when the request came in; fewer than none gives some back."""
        if self._bytes is not None:
            self._bytes.take(nbytes, now)
