"""A large body on its way from the socket straight into the buffer of whoever reads it.

By uvicorn's way each byte is copied four times (the event loop's bytes, the parser's, uvicorn's bytearray, its copy
for the application), and the socket is paused and resumed at every 64 KiB. The rules of this way:

- it is taken for a body of known length, on a connection without TLS, from the moment the application has a buffer
  for it, which is after the limits and the admission;
- the socket is never offered more room than the body has bytes to come, so the next request stays in the kernel;
- after the last byte the connection has a new parser, as between two requests;
- the rest of a body that was refused is thrown away, by the kernel where that can (:class:`Sink`): then no byte of it
  is copied. A full service has no better use of its memory's speed than to pool for those it has let in.
"""

from __future__ import annotations

import asyncio
import mmap
import socket
import sys
from collections.abc import Callable
from typing import Final

from poolhouse.rest.bodies import CallerGone

INTAKE_KEY: Final = "poolhouse.intake"
"""Where a request's scope has its intake, if its body can come this way."""

# Named to the kernel and never written, so it takes no memory.
_NOWHERE: Final = mmap.mmap(-1, 1 << 20)
# Linux's own meaning for TCP; elsewhere it is never used.
_DISCARD: Final = getattr(socket, "MSG_TRUNC", 0) | getattr(socket, "MSG_DONTWAIT", 0)
_THROWN_AWAY: Final = memoryview(bytearray(64 * 1024))


class Sink:
    """Takes bytes out of a connection's socket and copies them nowhere: Linux does that for TCP.

    Args:
        transport: of the connection, without TLS; it keeps the socket.
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        told = transport.get_extra_info("socket")
        self._named = (told.family, told.type, told.proto, told.fileno())

    @staticmethod
    def fits(transport: asyncio.BaseTransport) -> bool:
        """Whether the connection is one that this works for."""
        told = transport.get_extra_info("socket")
        return sys.platform == "linux" and told is not None and told.family in (socket.AF_INET, socket.AF_INET6)

    def take(self, most: int) -> int:
        """Throws away at most so many bytes, those that are here; and says how many. For as long as the transport has
        its socket open."""
        # Made anew each time: kept, it would close what by then may be another's, should nobody tell it in time.
        named = socket.socket(*self._named)
        try:
            return named.recv_into(_NOWHERE, min(most, len(_NOWHERE)), _DISCARD)
        except OSError:
            # Nothing is here, or the connection is lost: whoever reads it next is told.
            return 0
        finally:
            named.detach()


class Intake:
    """One body.

    Args:
        length: its Content-Length.
        resume_reading: of the connection, which the parser's way may have paused.

    Attributes:
        to_come: bytes of the body that have not been received; the connection counts down those that it parses.
        received: bytes that came this way.
        straight: whether the bytes that come now come this way.
    """

    def __init__(self, length: int, resume_reading: Callable[[], None]) -> None:
        self.to_come = length
        self.received = 0
        self.straight = False
        self._resume_reading = resume_reading
        self._buffer: memoryview | None = None
        self._sink: Sink | None = None
        self._told = 0
        self._gone = False
        self._news: asyncio.Event | None = None

    def into(self, buffer: memoryview) -> None:
        """Receive the rest of the body into this.

        Args:
            buffer: writable bytes, as many as are to come.
        """
        assert len(buffer) == self.to_come, "a buffer for another body"
        self._buffer = buffer
        self._news = asyncio.Event()
        self.straight = self.to_come > 0
        self._resume_reading()

    def throw_away(self, sink: Sink | None) -> None:
        """Let the rest of the body come, and keep none of it.

        Args:
            sink: of the connection, where it has one.
        """
        self._buffer = None
        self.straight = self.to_come > 0
        self._sink = sink
        self._resume_reading()

    async def more(self) -> int:
        """How many bytes have come since this was last asked; at least one.

        Raises:
            CallerGone: when the connection was lost.
        """
        assert self._news is not None, "nothing was asked for"
        while self.received == self._told and not self._gone:
            self._news.clear()
            await self._news.wait()
        if self.received == self._told:
            raise CallerGone
        told, self._told = self._told, self.received
        return self.received - told

    def room(self) -> memoryview:
        """Where the socket, which has something, may write; empty once the body has come to its end."""
        if self._buffer is not None:
            return self._buffer[-self.to_come :]
        if self._sink is not None:
            self.came(self._sink.take(self.to_come))
        return _THROWN_AWAY[: self.to_come]

    def came(self, nbytes: int) -> bool:
        """So much has come this way; True when that was the last of it."""
        self.to_come -= nbytes
        self.received += nbytes
        if not self.to_come:
            self._buffer = None
            self.straight = False
        if self._news is not None:
            self._news.set()
        return not self.to_come

    def lose(self) -> None:
        """The connection is lost: whoever waits for more waits in vain."""
        self._gone = True
        self._buffer = None
        if self._news is not None:
            self._news.set()
