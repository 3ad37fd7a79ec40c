"""The time that a transfer may take, and what its refusals say."""

from __future__ import annotations

import pytest

from poolhouse.errors import TooLarge
from poolhouse.rest.http.transfer_limits import TransferLimits

LIMITS = TransferLimits(1000, 10.0, "Send less.", min_bytes_per_s=100, contended_timeout_s=50)


@pytest.mark.parametrize(
    ("now", "received", "expected"),
    [(0, 0, 10), (5, 200, 12), (5, 500, 15), (5, 1000, 15), (30, 1000, 20)],
)
def test_a_transfer_ends_by_silence_or_by_its_rate(now: float, received: int, expected: float) -> None:
    """The earlier of the two counts: one byte a second is never silent, and would hold memory for hours."""
    assert LIMITS.expires_at(0, now, received) == expected


def test_without_a_minimum_rate_only_silence_ends_a_transfer() -> None:
    """A rate of 0 means none, and must not divide by zero."""
    assert TransferLimits(1000, 10, "").expires_at(0, 500, 1) == 510


def test_a_slow_transfer_is_told_whether_it_paused_or_was_slow() -> None:
    """The two have different remedies."""
    assert "No further bytes" in LIMITS.too_slow_error(10).detail
    assert "at least 100 bytes a second" in LIMITS.too_slow_error(9.9).detail
    assert LIMITS.too_slow_error(10).code == "body_too_slow"


def test_lag_counts_from_the_rate_that_completes_in_time() -> None:
    """A positive lag is preempted, so a valid client needs its allowance at the start."""
    assert LIMITS.lag(0.4, 0) < 0 < LIMITS.lag(0.6, 0)
    assert LIMITS.lag(25, 0.5) < 0 < LIMITS.lag(25, 0.4)
    assert TransferLimits(1000, 10, "").lag(1e9, 0) < 0


def test_the_limit_is_inclusive() -> None:
    """A body of exactly the limit is valid; the refusal of the next one says what to do."""
    LIMITS.check_length(1000)
    LIMITS.check_length(None)

    with pytest.raises(TooLarge, match=r"has 1001 bytes; the limit is 1000 bytes\. Send less\.") as raised:
        LIMITS.check_length(1001)

    assert raised.value.code == "body_too_large"
