"""HTTP/1.1 over sockets on asyncio's event loop; the rules of ``sockets`` apply."""

from __future__ import annotations

import asyncio
import socket
from typing import Final, Self

from poolhouse.client.exchange import Response, Send, Timeouts
from poolhouse.client.transports.connection_pool import ConnectionPool, disable_nagle
from poolhouse.client.transports.request_writer import serialize_request
from poolhouse.client.transports.response_reader import NoResponse, ResponseReader

_YIELD_INTERVAL_S: Final = 5e-3
"""How long a call goes on while its socket is always ready, before the event loop runs other tasks."""

_Address = str | tuple[str | int, ...] | tuple[int, bytes]


class _LoopYielder:
    """Lets the event loop run other tasks and timers: an operation that finds its socket ready never yields."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._yield_at = loop.time() + _YIELD_INTERVAL_S

    async def yield_if_due(self) -> float:
        """Yield to the event loop if the interval is over; return the loop's time."""
        now = self._loop.time()
        if now >= self._yield_at:
            await asyncio.sleep(0)
            now = self._loop.time()
            self._yield_at = now + _YIELD_INTERVAL_S
        return now


class AsyncSocketTransport:
    """Transport over sockets of the running event loop.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
    """

    def __init__(self, origin: str, uds: str | None = None) -> None:
        self._address = (origin, uds)
        self._connection_pool = ConnectionPool(origin, uds)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), self._address

    @property
    def closed(self) -> bool:
        """Whether :meth:`aclose` was called."""
        return self._connection_pool.closed

    async def exchange(self, send: Send) -> Response:
        """Send a request and return its response."""
        try:
            async with asyncio.timeout(send.timeouts.total_s):
                connection = self._connection_pool.acquire()
                if connection is not None:
                    try:
                        return await self._round_trip(connection, send)
                    except NoResponse:
                        pass
                return await self._round_trip(await self._connect(send.timeouts), send)
        except OSError as failure:
            raise self._connection_pool.connection_error(failure) from failure

    async def _connect(self, timeouts: Timeouts) -> socket.socket:
        loop = asyncio.get_running_loop()
        connection: socket.socket | None = None
        last_failure = OSError("the host name has no address")
        try:
            async with asyncio.timeout(timeouts.connect_s):
                for family, address in await self._addresses():
                    connection = socket.socket(family)
                    connection.setblocking(False)
                    try:
                        await loop.sock_connect(connection, address)
                    except OSError as failure:
                        connection.close()
                        last_failure = failure
                        continue
                    disable_nagle(connection)
                    return connection
        except TimeoutError:
            if connection is not None:
                connection.close()
            raise self._connection_pool.connect_timeout_error() from None
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        raise last_failure

    async def _addresses(self) -> list[tuple[int, _Address]]:
        if self._connection_pool.uds is not None:
            return [(socket.AF_UNIX, self._connection_pool.uds)]
        host, port = self._connection_pool.address
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    async def _round_trip(self, connection: socket.socket, send: Send) -> Response:
        loop, read_s = asyncio.get_running_loop(), send.timeouts.read_s
        is_sent = False
        yielder = _LoopYielder(loop)
        try:
            async with asyncio.timeout(read_s) as read_timeout:
                try:
                    for piece in serialize_request(send, self._connection_pool.host):
                        await loop.sock_sendall(connection, piece)
                        read_timeout.reschedule(await yielder.yield_if_due() + read_s)
                    is_sent = True
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the response, if there is one, says why
                reader = ResponseReader(send.request)
                try:
                    while reader.response is None:
                        count = await loop.sock_recv_into(connection, reader.buffer)
                        read_timeout.reschedule(await yielder.yield_if_due() + read_s)
                        reader.feed(count)
                except ConnectionResetError:
                    raise reader.reset_error() from None
        except BaseException:
            # The exchange is incomplete, so the connection is in an unknown state.
            connection.close()
            raise
        # After the timeout's block: its exit may still raise, and a connection in the pool must not be closed.
        self._connection_pool.release(connection, reader.can_reuse_connection and is_sent)
        return reader.response

    async def aclose(self) -> None:
        """Close all connections."""
        self._connection_pool.close()
