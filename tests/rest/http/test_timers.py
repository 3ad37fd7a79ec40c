"""Timers that are rescheduled lazily, and the watchdog of clients that do not read."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from poolhouse.rest.http.response_progress import ResponseProgress
from poolhouse.rest.http.timers import ConnectionTimers, LazyTimer
from poolhouse.rest.http.transfer_limits import TransferLimits
from tests.hypothesis_profiles import scaled_examples
from tests.rest.http.fake_clock import FakeClock, SlowTransport


@scaled_examples(100)
@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20) | st.none()), max_size=12))
def test_a_timer_fires_once_at_its_last_setting(steps: list[tuple[int, int | None]]) -> None:
    """A timer that fires early closes a live connection, and one that never fires keeps a dead one."""
    clock, fired = FakeClock(), list[float]()
    timer = LazyTimer(clock.as_loop, lambda: fired.append(clock.time()))
    due, expected = math.inf, list[float]()

    for wait, seconds in steps:
        timer.clear() if seconds is None else timer.set(seconds)
        due = math.inf if seconds is None else clock.time() + seconds
        until = clock.time() + wait
        clock.advance_to(until)
        if due <= until:
            expected.append(due)

    assert fired == expected


def test_a_timer_set_for_each_request_schedules_one_timer() -> None:
    """Thousands of requests a second must not leave a timer each in the loop."""
    clock = FakeClock()
    timer = LazyTimer(clock.as_loop, lambda: None)

    for _ in range(100):
        timer.set(60)
        timer.clear()

    assert len(clock.timers) == 1


def test_a_closed_timer_never_fires() -> None:
    """A lost connection must not be closed again, nor be kept alive by the loop."""
    clock, fired = FakeClock(), list[bool]()
    timer = LazyTimer(clock.as_loop, lambda: fired.append(True))

    timer.set(1)
    timer.close()
    clock.advance_to(10)

    assert not fired
    assert clock.next_at == math.inf


def connection_timers(clock: FakeClock, transport: SlowTransport) -> ConnectionTimers:
    """The timers of a connection whose client may read nothing for 10 seconds."""
    progress = ResponseProgress(transport, TransferLimits(1000, 10, ""), clock.as_loop)
    return ConnectionTimers(transport, clock.as_loop, progress, 10, lambda: None)


def test_a_closing_connection_is_aborted_when_its_client_stops_reading() -> None:
    """Otherwise unsent bytes keep a closed connection, and its memory, for ever."""
    clock, transport = FakeClock(), SlowTransport()
    timers = connection_timers(clock, transport)
    transport.unsent = 100

    timers.close()
    transport.unsent = 50
    clock.advance_to(19)

    assert transport.is_closing()
    assert not transport.is_aborted, "it has read in the first interval"
    clock.advance_to(20)
    assert transport.is_aborted


def test_the_watchdog_stops_with_the_connection() -> None:
    """A timer of a lost connection would hold it until it fires."""
    clock, transport = FakeClock(), SlowTransport()
    timers = connection_timers(clock, transport)
    timers.start_write_watchdog()
    timers.idle.set(5)
    timers.head.set(5)

    timers.cancel()

    assert clock.next_at == math.inf
