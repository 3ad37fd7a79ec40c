"""What the event loop speaks to: the bytes of one connection, on their way to the protocol.

An event loop that is given a buffer makes no object of what comes. There is one small buffer for all connections:
what it holds is parsed before the next one writes into it, and a request that is refused by its headers has brought up
no more of its body than fits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from uvicorn.config import Config
from uvicorn.server import ServerState

from poolhouse.rest.protocol import Protocol

_PIECE: Final = memoryview(bytearray(64 * 1024))
# After a refusal the next request is probably refused too: of its body no more need be looked at than comes with its
# head.
_GLANCE: Final = _PIECE[: 8 * 1024]


class Connection(asyncio.BufferedProtocol):
    """One connection. A protocol that derives from ``asyncio.Protocol``, as uvicorn's does, gets no buffers."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: Mapping[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._protocol = Protocol(config, server_state, app_state, _loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """It is open."""
        self._protocol.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the socket, which has something, may write."""
        protocol = self._protocol
        return protocol.straight_room() or (_GLANCE if protocol.was_turned_away else _PIECE)

    def buffer_updated(self, nbytes: int) -> None:
        """So much has come into the buffer that was given last."""
        if not self._protocol.came_straight(nbytes):
            self._protocol.data_received(bytes(_PIECE[:nbytes]))

    def eof_received(self) -> bool | None:
        """The caller sends no more."""
        self._protocol.eof_received()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """The caller reads slower than we write."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """The caller has caught up."""
        self._protocol.resume_writing()
