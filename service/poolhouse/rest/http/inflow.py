"""What comes faster than it can be answered: kept for a moment, and then left to the operating system."""

from __future__ import annotations

import asyncio

_NOTHING = memoryview(b"")


class Inflow:
    """The receiving side of a connection.

    Args:
        transport: of the connection.

    Attributes:
        waiting: bytes behind a request that is not answered yet, unparsed.
    """

    __slots__ = ("_is_paused", "_transport", "waiting")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.waiting = _NOTHING
        self._is_paused = False
        self._transport = transport

    def keep(self, data: memoryview) -> None:
        """Keep bytes for later, and receive no more of them."""
        self.waiting = memoryview(bytes(self.waiting) + bytes(data) if self.waiting else bytes(data))
        self.pause()

    def take(self) -> memoryview:
        """What was kept."""
        data, self.waiting = self.waiting, _NOTHING
        return data

    def pause(self) -> None:
        """Leave what comes to the operating system."""
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Receive again."""
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()
