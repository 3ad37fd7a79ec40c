"""When the timer of a body fires, and which error it gives."""

from __future__ import annotations

import asyncio

import pytest

from poolhouse.rest.http.body_deadline import BodyDeadline
from poolhouse.rest.http.transfer_limits import TransferLimits
from tests.rest.http.fake_clock import FakeClock

LIMITS = TransferLimits(1000, 8.0, "", contended_timeout_s=50)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The event loop of the body."""
    clock = FakeClock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    return clock


def test_a_stalled_body_ends_late_by_the_slack_and_never_early(clock: FakeClock) -> None:
    """The slack saves timers, and must not cost a client any of its time."""
    fired = list[float]()
    body = BodyDeadline(LIMITS, None, lambda: 0.0, lambda: fired.append(clock.time()))

    clock.advance_to(7)
    body.progress(1)
    clock.advance_to(30)

    assert fired == [16.0]
    assert body.refusal().code == "body_too_slow"


def test_the_deadline_of_the_request_ends_its_body(clock: FakeClock) -> None:
    """Pieces postpone the stall timeout, not the deadline."""
    fired = list[float]()
    body = BodyDeadline(LIMITS, 12.0, lambda: 0.0, lambda: fired.append(clock.time()))

    for now in range(1, 15):
        clock.advance_to(now)
        body.progress(now)

    assert fired[0] == 12.0
    assert body.refusal().code == "deadline_passed"


def test_a_preempted_body_ends_at_once(clock: FakeClock) -> None:
    """Its memory already belongs to another request."""
    fired = list[float]()
    body = BodyDeadline(LIMITS, None, lambda: 0.0, lambda: fired.append(clock.time()))
    clock.advance_to(3)

    body.preempt()
    clock.advance_to(30)

    assert fired == [3.0]
    assert body.refusal().code == "overloaded"


def test_a_complete_body_has_no_timer(clock: FakeClock) -> None:
    """A timer that outlives its body would refuse the next request."""
    fired = list[bool]()
    body = BodyDeadline(LIMITS, 5.0, lambda: 0.0, lambda: fired.append(True))

    body.cancel()
    clock.advance_to(30)

    assert not fired
