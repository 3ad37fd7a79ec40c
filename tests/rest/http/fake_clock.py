"""An event loop whose time a test sets, so that timers are tested without waiting."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import cast

from tests.rest.http.fake_loop import FakeTransport


class FakeTimer:
    """A scheduled callback."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self._when = when
        self.callback = callback
        self.is_cancelled = False

    def when(self) -> float:
        """The time at which it is due."""
        return self._when

    def cancel(self) -> None:
        """Drop the callback."""
        self.is_cancelled = True


class FakeClock:
    """Runs timers as the test advances the time.

    Attributes:
        timers: all timers that were ever scheduled.
    """

    def __init__(self) -> None:
        self.timers: list[FakeTimer] = []
        self._now = 0.0

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This object as an event loop, for the type checker."""
        return cast("asyncio.AbstractEventLoop", self)

    def time(self) -> float:
        """The time now."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], object]) -> FakeTimer:
        """Schedule a callback."""
        self.timers.append(FakeTimer(when, callback))
        return self.timers[-1]

    def call_later(self, delay: float, callback: Callable[[], object]) -> FakeTimer:
        """Schedule a callback after a delay."""
        return self.call_at(self._now + delay, callback)

    def call_soon(self, callback: Callable[[], object]) -> FakeTimer:
        """Schedule a callback for now."""
        return self.call_at(self._now, callback)

    def advance_to(self, now: float) -> None:
        """Run what is due until then, in order."""
        while due := [each for each in self.timers if not each.is_cancelled and each.when() <= now]:
            first = min(due, key=FakeTimer.when)
            first.is_cancelled = True
            self._now = max(self._now, first.when())
            first.callback()
        self._now = now

    @property
    def next_at(self) -> float:
        """When the next timer is due; infinite for none."""
        return min((each.when() for each in self.timers if not each.is_cancelled), default=math.inf)


class SlowTransport(FakeTransport):
    """A transport with unsent bytes.

    Attributes:
        unsent: the number of them.
        is_aborted: whether it was aborted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unsent = 0
        self.is_aborted = False

    def get_write_buffer_size(self) -> int:
        """The unsent bytes."""
        return self.unsent

    def abort(self) -> None:
        """Record the abort."""
        self.is_aborted = True
