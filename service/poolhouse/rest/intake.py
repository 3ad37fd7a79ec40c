"""A large body on its way from the socket straight into the buffer of whoever reads it.

By uvicorn's way each byte is copied four times (the event loop's bytes, the parser's, uvicorn's bytearray, its copy
for the application), and the socket is paused and resumed at every 64 KiB. The rules of this way:

- it is taken for a body of known length, on a connection without TLS, from the moment the application has a buffer
  for it, which is after the limits and the admission;
- the socket is never offered more room than the body has bytes to come, so the next request stays in the kernel;
- after the last byte the connection goes back to its protocol, with a new parser, as between two requests;
- the rest of a body that was refused goes into one small buffer that all connections share, and is gone.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from poolhouse.rest.bodies import CallerGone

INTAKE_KEY: Final = "poolhouse.intake"
"""Where a request's scope has its intake, if its body can come this way."""

_THROWN_AWAY: Final = memoryview(bytearray(256 * 1024))


class Connection(Protocol):
    """The protocol that owns the connection, as the intake needs it."""

    def hand_over(self, to: asyncio.BaseProtocol) -> None:
        """Let that protocol have what comes from now on."""

    def take_back(self) -> None:
        """The body has come to its end, and the connection is this protocol's again."""

    def connection_lost(self, exc: Exception | None) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Intake(asyncio.BufferedProtocol):
    """One body.

    Args:
        connection: whose body it is.
        length: its Content-Length.

    Attributes:
        to_come: bytes of the body that have not been received; the connection counts down those that it parses.
        received: bytes that came this way.
    """

    def __init__(self, connection: Connection, length: int) -> None:
        self.to_come = length
        self.received = 0
        self._connection = connection
        self._buffer: memoryview | None = None
        self._straight = False
        self._told = 0
        self._gone = False
        self._news = asyncio.Event()

    def into(self, buffer: memoryview) -> None:
        """Receive the rest of the body into this.

        Args:
            buffer: writable bytes, as many as are to come.
        """
        assert len(buffer) == self.to_come, "a buffer for another body"
        self._buffer = buffer
        self._go_straight()

    def throw_away(self) -> None:
        """Let the rest of the body come, and keep none of it."""
        self._buffer = None
        self._go_straight()

    async def more(self) -> int:
        """How many bytes have come since this was last asked; at least one.

        Raises:
            CallerGone: when the connection was lost.
        """
        while self.received == self._told and not self._gone:
            self._news.clear()
            await self._news.wait()
        if self.received == self._told:
            raise CallerGone
        told, self._told = self._told, self.received
        return self.received - told

    def _go_straight(self) -> None:
        if not self._straight and self.to_come:
            self._straight = True
            self._connection.hand_over(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the socket may write."""
        into = _THROWN_AWAY if self._buffer is None else self._buffer[-self.to_come :]
        return into[: self.to_come]

    def buffer_updated(self, nbytes: int) -> None:
        """So much has come."""
        self.to_come -= nbytes
        self.received += nbytes
        if not self.to_come:
            self._buffer = None
            self._connection.take_back()
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the connection, which tells us."""
        self._connection.connection_lost(exc)

    def lose(self) -> None:
        """The connection is lost: whoever waits for more waits in vain."""
        self._gone = True
        self._buffer = None
        self._news.set()

    def pause_writing(self) -> None:
        """The caller reads slower than we write."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """The caller has caught up."""
        self._connection.resume_writing()
