"""An event loop whose iterations a test ends, and transports without a socket.

Code that only schedules calls and writes to transports is tested with these, without waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class FakeLoop:
    """Runs scheduled callbacks when the test ends an iteration."""

    def __init__(self) -> None:
        self._scheduled: list[Callable[[], object]] = []

    @property
    def as_loop(self) -> asyncio.AbstractEventLoop:
        """This object as an event loop, for the type checker."""
        # An event loop has some fifty abstract methods; the code under test calls one.
        return cast("asyncio.AbstractEventLoop", self)

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Schedule a callback for the next iteration."""
        self._scheduled.append(callback)

    def end_iteration(self) -> None:
        """Run the callbacks of this iteration; those that they schedule are left for the next one."""
        scheduled, self._scheduled = self._scheduled, []
        for callback in scheduled:
            callback()


class FakeTransport(asyncio.Transport):
    """A transport that records what is written, and whether it reads.

    Writing after close, and pausing or resuming twice, fail the test.

    Attributes:
        written: all written bytes.
        reads: whether reading is not paused.
    """

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reads = True
        self._is_closing = False

    def is_closing(self) -> bool:
        """Whether the transport was closed."""
        return self._is_closing

    def close(self) -> None:
        """Close the transport; further writes fail."""
        self._is_closing = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Record the data."""
        assert not self._is_closing, "written to after it was closed"
        self.written += data

    def pause_reading(self) -> None:
        """Record that reading is paused."""
        assert self.reads, "paused twice"
        self.reads = False

    def resume_reading(self) -> None:
        """Record that reading is resumed."""
        assert not self.reads, "resumed twice"
        self.reads = True
