"""HTTP/1.1 over blocking sockets, for http:// and Unix sockets without a proxy, where httpx would cost noticeable time.

Rules of this transport and of its asyncio counterpart in ``async_sockets``:

- A connection carries one request at a time. It is reused if the response was read to its end.
- A reused connection that ends before the first byte of a response is replaced once, silently.
- A server may respond and close while it still receives the body; the response is read, since it says why.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final, Literal, Self
from weakref import WeakKeyDictionary

from poolhouse.client.exchange import Response, Send, Timeouts
from poolhouse.client.transports.connection_pool import ConnectionPool, disable_nagle
from poolhouse.client.transports.request_writer import SEND_BYTES, serialize_request
from poolhouse.client.transports.response_reader import NoResponse, ResponseReader
from poolhouse.client.transports.socket_timeout import SocketTimeout

_UNIX_SEND_BYTES: Final = 32 * 1024
"""The most that is sent at once to a Unix socket, whose kernel timeout restarts for each part of this size."""

TransferCallback = Callable[[Literal["sent", "received"], int], None]
"""Called with the direction and the total of bytes so far, heads included."""


class SocketTransport:
    """Transport over blocking sockets.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
        on_transfer: called after each send and receive.
    """

    def __init__(self, origin: str, uds: str | None = None, on_transfer: TransferCallback | None = None) -> None:
        self._address = (origin, uds)
        self._connection_pool = ConnectionPool(origin, uds)
        self._on_transfer = on_transfer
        self._connections_by_thread: dict[int, socket.socket] = {}
        self._interrupted_threads: set[int] = set()
        # A kernel timeout stays set for the next request on the connection.
        self._timeouts: WeakKeyDictionary[socket.socket, SocketTimeout] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (*self._address, self._on_transfer)

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._connection_pool.closed

    def exchange(self, send: Send) -> Response:
        """Send a request and return its response."""
        self._interrupted_threads.discard(threading.get_ident())
        deadline = None if send.timeouts.total_s is None else time.monotonic() + send.timeouts.total_s
        connection = self._connection_pool.acquire()
        if connection is not None:
            try:
                return self._round_trip(connection, send, deadline)
            except NoResponse:
                if threading.get_ident() in self._interrupted_threads:
                    raise
        return self._round_trip(self._connect(send.timeouts), send, deadline)

    def _connect(self, timeouts: Timeouts) -> socket.socket:
        try:
            if self._connection_pool.uds is None:
                connection = socket.create_connection(self._connection_pool.address, timeouts.connect_s)
            else:
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(timeouts.connect_s)
                connection.connect(self._connection_pool.uds)
        except TimeoutError:
            raise self._connection_pool.connect_timeout_error() from None
        except OSError as failure:
            raise self._connection_pool.connection_error(failure) from failure
        disable_nagle(connection)
        return connection

    def _round_trip(self, connection: socket.socket, send: Send, deadline: float | None) -> Response:
        with self._track_connection(connection):
            timeout = self._timeouts.get(connection)
            if timeout is None:
                timeout = self._timeouts[connection] = SocketTimeout(connection)
            is_sent = False
            sent = received = 0
            max_bytes = SEND_BYTES if self._connection_pool.uds is None else _UNIX_SEND_BYTES
            try:
                for piece in serialize_request(send, self._connection_pool.host):
                    # Not sendall(), which would restart the timeout for every part.
                    start = 0
                    while start < len(piece):
                        part = piece[start : start + max_bytes] if start or len(piece) > max_bytes else piece
                        start += timeout.run_once(
                            connection, connection.send, part, _io_deadline(send.timeouts, deadline)
                        )
                    if self._on_transfer is not None:
                        self._on_transfer("sent", sent := sent + len(piece))
                is_sent = True
            except (BrokenPipeError, ConnectionResetError):
                pass  # the response, if there is one, says why
            reader = ResponseReader(send.request)
            try:
                while reader.response is None:
                    count = timeout.run_once(
                        connection, connection.recv_into, reader.buffer, _io_deadline(send.timeouts, deadline)
                    )
                    if self._on_transfer is not None:
                        self._on_transfer("received", received := received + count)
                    reader.feed(count)
            except ConnectionResetError:
                raise reader.reset_error() from None
            self._connection_pool.release(connection, reader.can_reuse_connection and is_sent)
            return reader.response

    @contextmanager
    def _track_connection(self, connection: socket.socket) -> Iterator[None]:
        thread = threading.get_ident()
        self._connections_by_thread[thread] = connection
        try:
            yield
        except OSError as failure:
            connection.close()
            raise self._connection_pool.connection_error(failure) from failure
        except BaseException:
            # The exchange is incomplete, so the connection is in an unknown state.
            connection.close()
            raise
        finally:
            del self._connections_by_thread[thread]

    def interrupt(self, threads: Collection[int]) -> None:
        """End the exchanges of these threads; each raises ConnectionFailed."""
        for thread in threads:
            connection = self._connections_by_thread.get(thread)
            if connection is not None:
                self._interrupted_threads.add(thread)
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The exchange has ended in the meantime.
                    continue

    def close(self) -> None:
        """Close all connections."""
        self._connection_pool.close()


def _io_deadline(timeouts: Timeouts, deadline: float | None) -> float:
    ends = time.monotonic() + timeouts.read_s
    return ends if deadline is None else min(ends, deadline)
