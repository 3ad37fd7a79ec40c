"""An event loop whose turns a test ends, and transports on it that send and receive nothing.

Code that only schedules calls and writes to transports is tested with these without a socket and without waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class FakeLoop:
    """Runs what is scheduled when the test ends the turn."""

    def __init__(self) -> None:
        self._scheduled: list[Callable[[], object]] = []

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This loop, as the code under test takes it."""
        # An event loop has some fifty abstract methods, of which the code under test calls one.
        return cast("asyncio.AbstractEventLoop", self)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Run it in the next turn."""
        self._scheduled.append(callback)

    def end_turn(self) -> None:
        """Run what this turn has scheduled; what that schedules in turn is left for the next."""
        scheduled, self._scheduled = self._scheduled, []
        for callback in scheduled:
            callback()


class FakeTransport(asyncio.Transport):
    """A transport that notes what is written, and whether it reads.

    To write after the end, and to pause or resume twice, are errors of the caller.

    Attributes:
        written: what it was given, in order.
        reads: whether it receives.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reads = True
        self._is_closing = False

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._is_closing

    def close(self) -> None:
        """Take nothing more."""
        self._is_closing = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note what would be sent."""
        assert not self._is_closing, "written to after it was closed"
        self.written += data

    def pause_reading(self) -> None:
        """Stop."""
        assert self.reads, "paused twice"
        self.reads = False

    def resume_reading(self) -> None:
        """Go on."""
        assert not self.reads, "resumed twice"
        self.reads = True
