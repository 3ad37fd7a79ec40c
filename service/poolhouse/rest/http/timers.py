"""The timers of a connection, and how it ends: see the table of limits in :mod:`.state`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from poolhouse.rest.http.connection_state import LINGER_S
from poolhouse.rest.http.response_progress import ResponseProgress


def _nothing() -> None:
    """For timers that are closed."""


class LazyTimer:
    """A timer that is set and cleared at every request, and seldom expires: it is moved by storing a number.

    Args:
        loop: of the connection.
        expire: called when the time has come.
    """

    __slots__ = ("_expires_at", "_handle", "_loop", "_on_expired")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_expired: Callable[[], None]) -> None:
        self._loop = loop
        self._on_expired = on_expired
        self._expires_at = math.inf
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Expire after so many seconds, and not before."""
        self._expires_at = due = self._loop.time() + seconds
        handle = self._handle
        if handle is not None and handle.when() > due:
            handle.cancel()
            handle = None
        if handle is None:
            self._handle = self._loop.call_at(due, self._check)

    def clear(self) -> None:
        """Do not expire."""
        self._expires_at = math.inf

    def close(self) -> None:
        """Forget the loop's timer, and what would be called: the two would keep each other alive."""
        self._expires_at = math.inf
        self._on_expired = _nothing
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _check(self) -> None:
        self._handle = None
        if self._expires_at == math.inf:
            return
        if self._expires_at <= self._loop.time():
            self._expires_at = math.inf
            self._on_expired()
        else:
            self._handle = self._loop.call_at(self._expires_at, self._check)


class ConnectionTimers:
    """When a connection is closed by us.

    Args:
        transport: of the connection.
        loop: the event loop.
        pace: that the client owes while it reads.
        silence_s: for a client that does not read.
        head_is_late: called when a head did not come to its end in time.

    Attributes:
        idle: closes the connection.
        head: for the rest of a head.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        response_progress: ResponseProgress,
        stall_timeout_s: float,
        on_head_timeout: Callable[[], None],
    ) -> None:
        self.idle = LazyTimer(loop, self.close)
        self.head = LazyTimer(loop, on_head_timeout)
        self._transport = transport
        self._loop = loop
        self._response_progress = response_progress
        self._stall_timeout_s = stall_timeout_s
        self._unsent_bytes = 0
        self._write_timer: asyncio.TimerHandle | None = None

    def start_write_watchdog(self) -> None:
        """The client reads slower than we write: watch that it reads at all."""
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._write_timer = self._loop.call_later(self._stall_timeout_s, self._check_writing)

    def stop_write_watchdog(self) -> None:
        """The client has read everything."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def close(self) -> None:
        """Close the connection once what was written has left; a client that reads nothing of it is given up."""
        self._transport.close()
        if self._write_timer is None and self._transport.get_write_buffer_size():
            self.start_write_watchdog()

    def shut_down_writing(self) -> None:
        """Close after the last answer, once the client has had the time to read it."""
        # guard: refused-connection-lingers
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()
            self.idle.set(LINGER_S)
        else:
            self.close()

    def cancel(self) -> None:
        """The connection is lost."""
        self.idle.close()
        self.head.close()
        self.stop_write_watchdog()

    def _check_writing(self) -> None:
        self._write_timer = None
        # guard: response-has-minimum-rate
        if self._transport.get_write_buffer_size() < self._unsent_bytes and not self._response_progress.is_too_slow():
            self.start_write_watchdog()
        else:
            self._transport.abort()
