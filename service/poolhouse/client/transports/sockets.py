"""Plain HTTP/1.1 over a socket, for http:// and Unix sockets without a proxy: where the time of httpx would show.

What is read is decided by :func:`read_response`, a generator that does no I/O: it asks for memory to be
filled, so the body of a response goes from the socket straight into the arrays of the result. Two drivers fill it, one
of which blocks.
Request bodies go out as they lie, in views.

The rules:

- one request at a time on a connection, which is kept for the next one if the answer was read to its end;
- a kept connection that the server has closed in the meantime is replaced, once, without a word;
- an answer that comes while the body still goes out, and ends the connection, is read: it says why.

Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from typing import Final, Literal, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, WeakSet

from poolhouse.client.errors import ConnectionFailed, TimedOut, UnexpectedAnswer
from poolhouse.client.exchange import Request, Response, Send, Timeouts
from poolhouse.client.transports.response_body import ResponseBody
from poolhouse.client.transports.socket_timeout import SocketTimeout, is_still_open

_MAX_HEAD_BYTES: Final = 32 * 1024
_COALESCE_BYTES: Final = 64 * 1024
"""A body up to here is copied behind its head: one packet to the server is worth more than a copy."""
_SEND_BYTES: Final = 1024 * 1024
"""Of a larger one, what is sent at once."""
_UNIX_SEND_BYTES: Final = 32 * 1024
"""The same for a Unix socket, where the kernel begins its timeout anew for each such part of what it is given."""
_YIELD_INTERVAL_S: Final = 5e-3
"""How long an asyncio call goes on while its socket is always ready, before the event loop runs what else waits."""
_MAX_IDLE: Final = 32
_MAX_IDLE_S: Final = 60.0
"""Servers close what was silent for longer."""

TransferCallback = Callable[[Literal["sent", "received"], int], None]
"""Told how many bytes of a call have gone or come so far, heads included."""

_Address = str | tuple[str | int, ...] | tuple[int, bytes]

ResponseReader = Generator[memoryview, int, tuple[Response, bool]]
"""Yields memory to be filled, is sent how many bytes came (0: the end), returns the answer and whether to keep on."""


class _NoResponse(ConnectionFailed):
    """The connection was closed before the first byte of an answer, as one that was kept too long is."""


def read_response(request: Request) -> ResponseReader:
    """Reads the answer to this request.

    Raises:
        ConnectionFailed: the connection closed too early.
        UnexpectedAnswer: what comes is not HTTP/1.1.
    """
    inflow = _ResponseBuffer()
    status, version, headers = 100, "", dict[str, str]()
    while 100 <= status < 200:
        status, version, headers = yield from inflow.read_head()
    filling = ResponseBody(request, status, headers)
    kept = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := _parse_chunk_size((yield from inflow.read_line())):
            yield from inflow.read_into(filling, size)
            yield from inflow.read_exactly(2)
        left = _MAX_HEAD_BYTES
        while line := (yield from inflow.read_line()):
            left -= len(line)
            if left < 0:
                raise UnexpectedAnswer(status, f"The trailers of the answer are longer than {_MAX_HEAD_BYTES} bytes.")
    elif filling.content_length is not None and not filling.has_buffers:
        yield from inflow.read_into(filling, filling.content_length)
        kept = kept and not inflow.has_unread
    elif filling.content_length is not None or status in (204, 304):
        filling.write(inflow.take_buffered(filling.buffer_bytes))
        for buffer in filling.unfilled_buffers():
            at = 0
            while at < len(buffer):
                count = yield buffer[at:]
                if not count:
                    raise ConnectionFailed("The connection closed before the whole answer had come.")
                at += count
        filling.mark_filled()
        kept = kept and not inflow.has_unread
    else:
        # Without a length the end of the connection is the end of the answer.
        kept = False
        while piece := (yield from inflow.read_some()):
            filling.write(piece)
    return Response(status, headers, filling.finish()), kept


class _ResponseBuffer:
    """What has come and is not yet read; the parts are generators of :data:`ResponseReader`'s kind."""

    def __init__(self) -> None:
        self._buffer = bytearray(_MAX_HEAD_BYTES)
        self._start = 0
        self._end = 0

    @property
    def has_unread(self) -> bool:
        """Whether something came that nobody has asked for."""
        return self._start < self._end

    def read_head(self) -> Generator[memoryview, int, tuple[int, str, dict[str, str]]]:
        """Status, version and headers, which must fit the buffer."""
        while (end := self._buffer.find(b"\r\n\r\n", self._start, self._end)) < 0:
            if self._end == _MAX_HEAD_BYTES:
                raise UnexpectedAnswer(0, f"The head of the answer is longer than {_MAX_HEAD_BYTES} bytes.")
            count = yield memoryview(self._buffer)[self._end :]
            if not count:
                kind = ConnectionFailed if self._end else _NoResponse
                raise kind("The server closed the connection without an answer.")
            self._end += count
        lines = self._buffer[self._start : end].decode("latin-1").split("\r\n")
        self._start = end + 4
        version, _, said = lines[0].partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not said[:3].isdecimal():
            raise UnexpectedAnswer(0, f"What answers does not speak HTTP/1.1: {lines[0][:80]!r}.")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            # One that comes twice is a list, which no length and no coding of ours is.
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return int(said[:3]), version, headers

    def take_buffered(self, max_bytes: int) -> memoryview:
        """What has already come of the next ``most`` bytes."""
        start = self._start
        self._start = min(self._end, start + max_bytes)
        return memoryview(self._buffer)[start : self._start]

    def read_some(self, max_bytes: int = _MAX_HEAD_BYTES) -> Generator[memoryview, int, bytes]:
        """The next bytes, at most so many, or nothing at the end."""
        if not self.has_unread:
            self._start = self._end = 0
            self._end = yield memoryview(self._buffer)
        return bytes(self.take_buffered(max_bytes))

    def read_exactly(self, size: int) -> Generator[memoryview, int, bytes]:
        """Exactly so many bytes."""
        found = bytearray()
        while len(found) < size:
            if not self.has_unread:
                self._start = self._end = 0
                self._end = yield memoryview(self._buffer)
                if not self._end:
                    raise ConnectionFailed("The connection closed before the whole answer had come.")
            found += self.take_buffered(size - len(found))
        return bytes(found)

    def read_into(self, body: ResponseBody, size: int) -> Generator[memoryview, int, None]:
        """Exactly so many bytes, handed on as they come."""
        while size:
            piece = yield from self.read_some(min(size, _MAX_HEAD_BYTES))
            if not piece:
                raise ConnectionFailed("The connection closed before the whole answer had come.")
            body.write(piece)
            size -= len(piece)

    def read_line(self) -> Generator[memoryview, int, bytes]:
        """The next line without its end."""
        found = b""
        while not found.endswith(b"\r\n"):
            found += yield from self.read_exactly(1)
            if len(found) > 1024:
                raise UnexpectedAnswer(0, "A chunk of the answer has no size.")
        return found[:-2]


def _reset_error() -> _NoResponse:
    return _NoResponse("The connection was reset before an answer came.")


def _parse_chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    # Python's own reading takes a sign, and underscores between digits.
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise UnexpectedAnswer(0, f"A chunk of the answer has the size {line[:20]!r}.")
    return int(digits, 16)


def serialize_request(send: Send, host: str) -> Iterator[bytes | memoryview]:
    """The request's bytes, in views where it is large."""
    request = send.request
    lines = [f"{request.method} {request.target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if request.method != "GET":
        lines.append(f"Content-Length: {request.nbytes}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    if request.nbytes <= _COALESCE_BYTES:
        yield b"".join((head, *request.body))
        return
    yield head
    for part in request.body:
        view = memoryview(part)
        for start in range(0, len(view), _SEND_BYTES):
            yield view[start : start + _SEND_BYTES]


class _ConnectionPool:
    """Where connections go, and those that wait for their next request, the youngest first."""

    def __init__(self, origin: str, uds: str | None) -> None:
        parts = urlsplit(origin)
        self.origin = f"unix:{uds}" if uds else origin
        self.uds = uds
        self.host = parts.netloc.rpartition("@")[2]
        self.address = (parts.hostname or "localhost", parts.port or 80)
        self.closed = False
        self._idle: list[tuple[socket.socket, float]] = []
        self._lock = threading.Lock()
        _POOLS.add(self)

    def abandon_idle(self) -> None:
        """Let go of all, without a word on them."""
        self._lock = threading.Lock()
        self._close_idle()

    def acquire(self) -> socket.socket | None:
        """A connection that still seems open."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                found, since = self._idle.pop()
            if time.monotonic() - since < _MAX_IDLE_S and is_still_open(found):
                return found
            found.close()

    def release(self, connection: socket.socket, reusable: bool) -> None:
        """Keep a connection for the next request where that can be, else close it."""
        if reusable:
            with self._lock:
                if not self.closed and len(self._idle) < _MAX_IDLE:
                    self._idle.append((connection, time.monotonic()))
                    return
        connection.close()

    def close(self) -> None:
        """Close those that wait, and each other one when its answer is read."""
        self.closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def connect_timeout_error(self) -> ConnectionFailed:
        """What a caller is told when the time for a connection is over."""
        return ConnectionFailed(f"{self.origin} did not accept a connection in time; is it up?")

    def connection_error(self, failure: OSError) -> ConnectionFailed:
        """What a caller is told."""
        if isinstance(failure, TimeoutError):
            return TimedOut(f"{self.origin} did not answer in time; give the call a longer timeout.")
        return ConnectionFailed(f"{self.origin} gave no answer: {failure.strerror or failure}.")


_POOLS: Final[WeakSet[_ConnectionPool]] = WeakSet()


def _abandon_pools_after_fork() -> None:
    # On a connection that two processes share, each reads answers of the other. Closing is the parent's business still.
    for kept in list(_POOLS):
        kept.abandon_idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_pools_after_fork)


def _disable_nagle(connection: socket.socket) -> None:
    if connection.family != getattr(socket, "AF_UNIX", None):
        # Or the last packet of a body would wait for the server's word on the first.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class SocketTransport:
    """Blocking sockets.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
        transferred: told how much of a request was sent, and of an answer received, after each large step.
    """

    def __init__(self, origin: str, uds: str | None = None, on_transfer: TransferCallback | None = None) -> None:
        self._address = (origin, uds)
        self._connection_pool = _ConnectionPool(origin, uds)
        self._on_transfer = on_transfer
        self._connections_by_thread: dict[int, socket.socket] = {}
        self._interrupted_threads: set[int] = set()
        # What the kernel was told of a connection holds for its next request too.
        self._timeouts: WeakKeyDictionary[socket.socket, SocketTimeout] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (*self._address, self._on_transfer)

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._connection_pool.closed

    def exchange(self, send: Send) -> Response:
        """The answer to this."""
        self._interrupted_threads.discard(threading.get_ident())
        deadline = None if send.timeouts.total_s is None else time.monotonic() + send.timeouts.total_s
        connection = self._connection_pool.acquire()
        if connection is not None:
            try:
                return self._round_trip(connection, send, deadline)
            except _NoResponse:
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
        _disable_nagle(connection)
        return connection

    def _round_trip(self, connection: socket.socket, send: Send, deadline: float | None) -> Response:
        with self._track_connection(connection):
            unsent: OSError | None = None
            timeout = self._timeouts.get(connection)
            if timeout is None:
                timeout = self._timeouts[connection] = SocketTimeout(connection)
            sent = received = 0
            most = _SEND_BYTES if self._connection_pool.uds is None else _UNIX_SEND_BYTES
            try:
                for piece in serialize_request(send, self._connection_pool.host):
                    # Not sendall(), which gives every part of it as long as the first one had.
                    at = 0
                    while at < len(piece):
                        part = piece[at : at + most] if at or len(piece) > most else piece
                        at += timeout.run_once(connection, connection.send, part, _io_deadline(send.timeouts, deadline))
                    if self._on_transfer is not None:
                        self._on_transfer("sent", sent := sent + len(piece))
            except (BrokenPipeError, ConnectionResetError) as failure:
                unsent = failure
            reader = read_response(send.request)
            try:
                buffer = next(reader)
                while True:
                    count = timeout.run_once(
                        connection, connection.recv_into, buffer, _io_deadline(send.timeouts, deadline)
                    )
                    if self._on_transfer is not None:
                        self._on_transfer("received", received := received + count)
                    buffer = reader.send(count)
            except StopIteration as done:
                answer: Response
                answer, keep = done.value
            except ConnectionResetError:
                raise _reset_error() from None
            self._connection_pool.release(connection, keep and unsent is None)
            return answer

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
            # It stopped in the middle of something: nobody can say what comes next.
            connection.close()
            raise
        finally:
            del self._connections_by_thread[thread]

    def interrupt(self, threads: Collection[int]) -> None:
        """Break off what these threads are waiting for."""
        for thread in threads:
            connection = self._connections_by_thread.get(thread)
            if connection is not None:
                self._interrupted_threads.add(thread)
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # It has just ended by itself.
                    continue

    def close(self) -> None:
        """Close all connections."""
        self._connection_pool.close()


def _io_deadline(timeouts: Timeouts, deadline: float | None) -> float:
    ends = time.monotonic() + timeouts.read_s
    return ends if deadline is None else min(ends, deadline)


class _LoopYielder:
    """Lets the event loop run what else waits, deadlines among it: a step that finds the socket ready never does."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._yield_at = loop.time() + _YIELD_INTERVAL_S

    async def yield_if_due(self) -> float:
        """The loop's time after a step, once the others have had their turn if this task's is over."""
        now = self._loop.time()
        if now >= self._yield_at:
            await asyncio.sleep(0)
            now = self._loop.time()
            self._yield_at = now + _YIELD_INTERVAL_S
        return now


class AsyncSocketTransport:
    """Sockets on the running event loop.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
    """

    def __init__(self, origin: str, uds: str | None = None) -> None:
        self._address = (origin, uds)
        self._connection_pool = _ConnectionPool(origin, uds)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), self._address

    @property
    def closed(self) -> bool:
        """Whether :meth:`aclose` was called."""
        return self._connection_pool.closed

    async def exchange(self, send: Send) -> Response:
        """The answer to this."""
        try:
            async with asyncio.timeout(send.timeouts.total_s):
                connection = self._connection_pool.acquire()
                if connection is not None:
                    try:
                        return await self._round_trip(connection, send)
                    except _NoResponse:
                        pass
                return await self._round_trip(await self._connect(send.timeouts), send)
        except OSError as failure:
            raise self._connection_pool.connection_error(failure) from failure

    async def _connect(self, timeouts: Timeouts) -> socket.socket:
        loop = asyncio.get_running_loop()
        connection: socket.socket | None = None
        last = OSError("the name has no address")
        try:
            async with asyncio.timeout(timeouts.connect_s):
                for family, address in await self._addresses():
                    connection = socket.socket(family)
                    connection.setblocking(False)
                    try:
                        await loop.sock_connect(connection, address)
                    except OSError as failure:
                        connection.close()
                        last = failure
                        continue
                    _disable_nagle(connection)
                    return connection
        except TimeoutError:
            if connection is not None:
                connection.close()
            raise self._connection_pool.connect_timeout_error() from None
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        raise last

    async def _addresses(self) -> list[tuple[int, _Address]]:
        if self._connection_pool.uds is not None:
            return [(socket.AF_UNIX, self._connection_pool.uds)]
        host, port = self._connection_pool.address
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    async def _round_trip(self, connection: socket.socket, send: Send) -> Response:
        loop, silence_s = asyncio.get_running_loop(), send.timeouts.read_s
        unsent: OSError | None = None
        turns = _LoopYielder(loop)
        try:
            async with asyncio.timeout(silence_s) as patience:
                try:
                    for piece in serialize_request(send, self._connection_pool.host):
                        await loop.sock_sendall(connection, piece)
                        patience.reschedule(await turns.yield_if_due() + silence_s)
                except (BrokenPipeError, ConnectionResetError) as failure:
                    unsent = failure
                reader = read_response(send.request)
                try:
                    buffer = next(reader)
                    while True:
                        count = await loop.sock_recv_into(connection, buffer)
                        patience.reschedule(await turns.yield_if_due() + silence_s)
                        buffer = reader.send(count)
                except StopIteration as done:
                    answer: Response
                    answer, keep = done.value
                except ConnectionResetError:
                    raise _reset_error() from None
        except BaseException:
            # Cancelled or broken in the middle of something: nobody can say what comes next.
            connection.close()
            raise
        self._connection_pool.release(connection, keep and unsent is None)
        return answer

    async def aclose(self) -> None:
        """Close all connections."""
        self._connection_pool.close()
