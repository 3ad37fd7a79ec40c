"""What a client needs of a transport, blocking or asyncio."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from poolhouse.client.exchange import Response, Send


class Transport(Protocol):
    """Sends one request at a time for each calling thread. It is pickled as its address, and opens new connections
    where it is unpickled."""

    @property
    def closed(self) -> bool:
        """Whether the transport was closed."""
        ...

    def exchange(self, send: Send) -> Response:
        """Send a request and return its response.

        Raises:
            ConnectionFailed: there is no response.
        """
        ...

    def interrupt(self, threads: Collection[int]) -> None:
        """End the exchanges of these threads where possible; each raises ConnectionFailed."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class AsyncTransport(Protocol):
    """Sends one request at a time for each calling task; cancelling the task closes its connection. It is pickled as
    :class:`Transport` is."""

    @property
    def closed(self) -> bool:
        """Whether the transport was closed."""
        ...

    async def exchange(self, send: Send) -> Response:
        """Send a request and return its response.

        Raises:
            ConnectionFailed: there is no response.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...
