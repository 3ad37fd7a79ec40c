"""What comes faster than it can be answered: kept for a moment, and then left to the operating system."""

from __future__ import annotations

import asyncio

_NOTHING = memoryview(b"")


class ReadFlowControl:
    """The receiving side of a connection.

    Args:
        transport: of the connection.

    Attributes:
        waiting: bytes behind a request that is not answered yet, unparsed.
    """

    __slots__ = ("_is_paused", "_is_throttled", "_transport", "buffered")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.buffered = _NOTHING
        self._is_paused = self._is_throttled = False
        self._transport = transport

    def buffer_and_pause(self, data: memoryview) -> None:
        """Keep bytes for later, and receive no more of them."""
        self.buffered = memoryview(bytes(self.buffered) + bytes(data) if self.buffered else bytes(data))
        self.pause()

    def take_buffered(self) -> memoryview:
        """What was kept."""
        data, self.buffered = self.buffered, _NOTHING
        return data

    def pause(self) -> None:
        """Leave what comes to the operating system."""
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            if not self._is_throttled:
                self._transport.pause_reading()

    def resume(self) -> None:
        """Receive again."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            if not self._is_throttled:
                self._transport.resume_reading()

    def throttle(self) -> None:
        """Receive nothing until :meth:`unthrottle`, whether or not it is resumed before."""
        if not self._is_throttled and not self._transport.is_closing():
            self._is_throttled = True
            if not self._is_paused:
                self._transport.pause_reading()

    def unthrottle(self) -> None:
        """Receive again, unless it is paused."""
        if self._is_throttled and not self._transport.is_closing():
            self._is_throttled = False
            if not self._is_paused:
                self._transport.resume_reading()
