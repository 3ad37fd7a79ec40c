"""The rate at which a client reads counts what the kernel has taken, not what was written."""

from __future__ import annotations

from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.http.transfer_limits import TransferLimits
from tests.rest.http.fake_clock import FakeClock, SlowTransport

LIMITS = TransferLimits(1000, 10.0, "", min_bytes_per_s=10, contended_timeout_s=50)


def test_unsent_bytes_are_no_progress() -> None:
    """Everything is written at once; a client that reads nothing must not look fast."""
    clock, transport = FakeClock(), SlowTransport()
    progress = ResponseProgress(transport, LIMITS, clock.as_loop)
    progress.begin(1000)
    progress.add_written(1000)
    clock.advance_to(11)

    transport.unsent = 1000
    assert progress.is_too_slow()
    assert progress.lag() > 0
    transport.unsent = 900
    assert not progress.is_too_slow()


def test_only_a_response_needs_a_minimum_rate() -> None:
    """After its end, and at the begin of the next, the time of an earlier response must not count."""
    clock, transport = FakeClock(), SlowTransport()
    progress = ResponseProgress(transport, LIMITS, clock.as_loop)
    progress.begin(1000)
    clock.advance_to(11)

    progress.end()
    assert not progress.is_too_slow()
    progress.begin(1000)
    assert not progress.is_too_slow()


def test_a_preempted_response_aborts_its_connection() -> None:
    """Its status line is sent, so there is no other way to end it."""
    transport = SlowTransport()

    ResponseProgress(transport, LIMITS, FakeClock().as_loop).preempt()

    assert transport.is_aborted
