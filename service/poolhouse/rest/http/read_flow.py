"""Pause and resume reading from a socket, for two independent reasons, and buffer pipelined bytes."""

from __future__ import annotations

import asyncio

_NOTHING = memoryview(b"")


class ReadFlowControl:
    """The read side of a connection: paused while a request is in progress, or throttled by the receive budget.

    Args:
        transport: of the connection.

    Attributes:
        buffered: pipelined bytes, not parsed yet.
        is_paused: whether reading is paused, apart from throttling.
    """

    __slots__ = ("_is_throttled", "_transport", "buffered", "is_paused")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.buffered = _NOTHING
        self.is_paused = self._is_throttled = False
        self._transport = transport

    def buffer_and_pause(self, data: memoryview) -> None:
        """Append bytes to the buffer, and pause reading."""
        self.buffered = memoryview(bytes(self.buffered) + bytes(data) if self.buffered else bytes(data))
        self.pause()

    def take_buffered(self) -> memoryview:
        """Return the buffered bytes, and empty the buffer."""
        data, self.buffered = self.buffered, _NOTHING
        return data

    def pause(self) -> None:
        """Pause reading; the kernel buffers further input, and its flow control stops the client."""
        if not self.is_paused and not self._transport.is_closing():
            self.is_paused = True
            if not self._is_throttled:
                self._transport.pause_reading()

    def resume(self) -> None:
        """Resume reading, unless throttled."""
        if self.is_paused and not self._transport.is_closing():
            self.is_paused = False
            if not self._is_throttled:
                self._transport.resume_reading()

    def throttle(self) -> None:
        """Stop reading until :meth:`unthrottle`, whether or not it is resumed before."""
        if not self._is_throttled and not self._transport.is_closing():
            self._is_throttled = True
            if not self.is_paused:
                self._transport.pause_reading()

    def unthrottle(self) -> None:
        """Resume reading, unless paused."""
        if self._is_throttled and not self._transport.is_closing():
            self._is_throttled = False
            if not self.is_paused:
                self._transport.resume_reading()
