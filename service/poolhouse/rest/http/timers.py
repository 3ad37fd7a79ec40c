"""Timers of a connection: idle, head and write timeouts, and how the connection is closed."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from poolhouse.rest.http.connection_state import LINGER_S
from poolhouse.rest.http.response_progress import ResponseProgress


def _nothing() -> None:
    """Callback of a closed timer."""


class LazyTimer:
    """A timer that is set and cleared per request, and seldom fires: it is rescheduled lazily.

    Setting stores a number; the loop's timer is rescheduled only when it fires too early.

    Args:
        loop: the event loop.
        on_expired: called when the time is up.
    """

    __slots__ = ("_expires_at", "_handle", "_loop", "_on_expired")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_expired: Callable[[], None]) -> None:
        self._loop = loop
        self._on_expired = on_expired
        self._expires_at = math.inf
        self._handle: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Expire after this many seconds, in place of any earlier setting."""
        self._expires_at = due = self._loop.time() + seconds
        handle = self._handle
        if handle is not None and handle.when() > due:
            handle.cancel()
            handle = None
        if handle is None:
            self._handle = self._loop.call_at(due, self._check)

    def clear(self) -> None:
        """Cancel the setting."""
        self._expires_at = math.inf

    def close(self) -> None:
        """Drop the loop's timer and the callback, which form a reference cycle."""
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
    """The timers of one connection, and how it closes.

    Args:
        transport: of the connection.
        loop: the event loop.
        response_progress: measures how fast the client reads.
        stall_timeout_s: for a client that reads nothing.
        on_head_timeout: called when a head was not complete in time.

    Attributes:
        idle: closes the connection when it fires.
        head: limits the time for the rest of a head.
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
        """Start to check in intervals that the client reads: the transport has unsent bytes."""
        self._unsent_bytes = self._transport.get_write_buffer_size()
        self._write_timer = self._loop.call_later(self._stall_timeout_s, self._check_writing)

    def stop_write_watchdog(self) -> None:
        """Stop the check: the transport has sent everything."""
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def close(self) -> None:
        """Close the connection once everything is sent; abort it if the client stops reading."""
        self._transport.close()
        if self._write_timer is None and self._transport.get_write_buffer_size():
            self.start_write_watchdog()

    def shut_down_writing(self) -> None:
        """Shut down our side after the last response, and close once the client has had time to read it."""
        # guard: refused-connection-lingers
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()
            self.idle.set(LINGER_S)
        else:
            self.close()

    def cancel(self) -> None:
        """Stop all timers: the connection is lost."""
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
