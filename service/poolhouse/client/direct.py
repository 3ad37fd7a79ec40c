"""Plain HTTP/1.1 over a socket, for http:// and Unix sockets without a proxy: where the time of httpx would show.

What is read is decided by :func:`read_response`, a generator that touches nothing: it asks for memory to be filled, and so
the body of an answer goes from the socket straight to where it shall lie. Two drivers fill it, one of which blocks.
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
from poolhouse.client.exchange import Response, Patience, Request, Send
from poolhouse.client.filling import Filling
from poolhouse.client.step_timeout import StepTimeout, is_still_open

_HEAD_BYTES: Final = 32 * 1024
_TOGETHER_BYTES: Final = 64 * 1024
"""A body up to here is copied behind its head: one packet to the server is worth more than a copy."""
_STEP_BYTES: Final = 1024 * 1024
"""Of a larger one, what is sent at once."""
_UNIX_STEP_BYTES: Final = 32 * 1024
"""The same for a Unix socket, where the kernel begins its timeout anew for each such part of what it is given."""
_TURN_S: Final = 5e-3
"""How long an asyncio call goes on while its socket is always ready, before the event loop runs what else waits."""
_KEPT: Final = 32
_KEPT_S: Final = 60.0
"""Servers close what was silent for longer."""

Transferred = Callable[[Literal["sent", "received"], int], None]
"""Told how many bytes of a call have gone or come so far, heads included."""

_Address = str | tuple[str | int, ...] | tuple[int, bytes]

ResponseReader = Generator[memoryview, int, tuple[Response, bool]]
"""Yields memory to be filled, is sent how many bytes came (0: the end), returns the answer and whether to keep on."""


class _NothingCame(ConnectionFailed):
    """The connection was closed before the first byte of an answer, as one that was kept too long is."""


def read_response(request: Request) -> ResponseReader:
    """Reads the answer to this request.

    Raises:
        ConnectionFailed: the connection closed too early.
        UnexpectedAnswer: what comes is not HTTP/1.1.
    """
    inflow = _Inflow()
    status, version, headers = 100, "", dict[str, str]()
    while 100 <= status < 200:
        status, version, headers = yield from inflow.read_head()
    filling = Filling(request, status, headers)
    kept = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    if headers.get("transfer-encoding", "").lower() == "chunked":
        while size := _chunk_size((yield from inflow.read_line())):
            yield from inflow.read_into(filling, size)
            yield from inflow.read_exactly(2)
        left = _HEAD_BYTES
        while line := (yield from inflow.read_line()):
            left -= len(line)
            if left < 0:
                raise UnexpectedAnswer(status, f"The trailers of the answer are longer than {_HEAD_BYTES} bytes.")
    elif filling.content_length is not None and not filling.has_buffers:
        yield from inflow.read_into(filling, filling.content_length)
        kept = kept and not inflow.has_unread
    elif filling.content_length is not None or status in (204, 304):
        filling.write(inflow.take_buffered(filling.buffer_bytes))
        for room in filling.unfilled_buffers():
            at = 0
            while at < len(room):
                count = yield room[at:]
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


class _Inflow:
    """What has come and is not yet read; the parts are generators of :data:`ResponseReader`'s kind."""

    def __init__(self) -> None:
        self._buffer = bytearray(_HEAD_BYTES)
        self._start = 0
        self._end = 0

    @property
    def has_unread(self) -> bool:
        """Whether something came that nobody has asked for."""
        return self._start < self._end

    def read_head(self) -> Generator[memoryview, int, tuple[int, str, dict[str, str]]]:
        """Status, version and headers, which must fit the buffer."""
        while (end := self._buffer.find(b"\r\n\r\n", self._start, self._end)) < 0:
            if self._end == _HEAD_BYTES:
                raise UnexpectedAnswer(0, f"The head of the answer is longer than {_HEAD_BYTES} bytes.")
            count = yield memoryview(self._buffer)[self._end :]
            if not count:
                kind = ConnectionFailed if self._end else _NothingCame
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

    def read_some(self, max_bytes: int = _HEAD_BYTES) -> Generator[memoryview, int, bytes]:
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

    def read_into(self, body: Filling, size: int) -> Generator[memoryview, int, None]:
        """Exactly so many bytes, handed on as they come."""
        while size:
            piece = yield from self.read_some(min(size, _HEAD_BYTES))
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


def _reset() -> _NothingCame:
    return _NothingCame("The connection was reset before an answer came.")


def _chunk_size(line: bytes) -> int:
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
    if request.nbytes <= _TOGETHER_BYTES:
        yield b"".join((head, *request.body))
        return
    yield head
    for part in request.body:
        view = memoryview(part)
        for start in range(0, len(view), _STEP_BYTES):
            yield view[start : start + _STEP_BYTES]


class _Kept:
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
        _ALL.add(self)

    def abandon_idle(self) -> None:
        """Let go of all, without a word on them."""
        self._lock = threading.Lock()
        self._drop()

    def acquire(self) -> socket.socket | None:
        """A connection that still seems open."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                found, since = self._idle.pop()
            if time.monotonic() - since < _KEPT_S and is_still_open(found):
                return found
            found.close()

    def release(self, connection: socket.socket, reusable: bool) -> None:
        """Keep a connection for the next request where that can be, else close it."""
        if reusable:
            with self._lock:
                if not self.closed and len(self._idle) < _KEPT:
                    self._idle.append((connection, time.monotonic()))
                    return
        connection.close()

    def close(self) -> None:
        """Close those that wait, and each other one when its answer is read."""
        self.closed = True
        self._drop()

    def _drop(self) -> None:
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


_ALL: Final[WeakSet[_Kept]] = WeakSet()


def _forked() -> None:
    # On a connection that two processes share, each reads answers of the other. Closing is the parent's business still.
    for kept in list(_ALL):
        kept.abandon_idle()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _hurry(connection: socket.socket) -> None:
    if connection.family != getattr(socket, "AF_UNIX", None):
        # Or the last packet of a body would wait for the server's word on the first.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class DirectTransport:
    """Blocking sockets.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
        transferred: told how much of a request was sent, and of an answer received, after each large step.
    """

    def __init__(self, origin: str, uds: str | None = None, on_transfer: Transferred | None = None) -> None:
        self._address = (origin, uds)
        self._kept = _Kept(origin, uds)
        self._transferred = on_transfer
        self._busy: dict[int, socket.socket] = {}
        self._cut: set[int] = set()
        # What the kernel was told of a connection holds for its next request too.
        self._timeouts: WeakKeyDictionary[socket.socket, StepTimeout] = WeakKeyDictionary()

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (*self._address, self._transferred)

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._kept.closed

    def exchange(self, send: Send) -> Response:
        """The answer to this."""
        self._cut.discard(threading.get_ident())
        until = None if send.timeouts.total_s is None else time.monotonic() + send.timeouts.total_s
        connection = self._kept.acquire()
        if connection is not None:
            try:
                return self._ask(connection, send, until)
            except _NothingCame:
                if threading.get_ident() in self._cut:
                    raise
        return self._ask(self._connect(send.timeouts), send, until)

    def _connect(self, timeouts: Patience) -> socket.socket:
        try:
            if self._kept.uds is None:
                connection = socket.create_connection(self._kept.address, timeouts.connect_s)
            else:
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(timeouts.connect_s)
                connection.connect(self._kept.uds)
        except TimeoutError:
            raise self._kept.connect_timeout_error() from None
        except OSError as failure:
            raise self._kept.connection_error(failure) from failure
        _hurry(connection)
        return connection

    def _ask(self, connection: socket.socket, send: Send, until: float | None) -> Response:
        with self._at_work(connection):
            unsent: OSError | None = None
            timeout = self._timeouts.get(connection)
            if timeout is None:
                timeout = self._timeouts[connection] = StepTimeout(connection)
            sent = received = 0
            most = _STEP_BYTES if self._kept.uds is None else _UNIX_STEP_BYTES
            try:
                for piece in serialize_request(send, self._kept.host):
                    # Not sendall(), which gives every part of it as long as the first one had.
                    at = 0
                    while at < len(piece):
                        part = piece[at : at + most] if at or len(piece) > most else piece
                        at += timeout.run_once(connection, connection.send, part, _step_ends(send.timeouts, until))
                    if self._transferred is not None:
                        self._transferred("sent", sent := sent + len(piece))
            except (BrokenPipeError, ConnectionResetError) as failure:
                unsent = failure
            reader = read_response(send.request)
            try:
                room = next(reader)
                while True:
                    count = timeout.run_once(connection, connection.recv_into, room, _step_ends(send.timeouts, until))
                    if self._transferred is not None:
                        self._transferred("received", received := received + count)
                    room = reader.send(count)
            except StopIteration as done:
                answer: Response
                answer, keep = done.value
            except ConnectionResetError:
                raise _reset() from None
            self._kept.release(connection, keep and unsent is None)
            return answer

    @contextmanager
    def _at_work(self, connection: socket.socket) -> Iterator[None]:
        thread = threading.get_ident()
        self._busy[thread] = connection
        try:
            yield
        except OSError as failure:
            connection.close()
            raise self._kept.connection_error(failure) from failure
        except BaseException:
            # It stopped in the middle of something: nobody can say what comes next.
            connection.close()
            raise
        finally:
            del self._busy[thread]

    def interrupt(self, threads: Collection[int]) -> None:
        """Break off what these threads are waiting for."""
        for thread in threads:
            connection = self._busy.get(thread)
            if connection is not None:
                self._cut.add(thread)
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # It has just ended by itself.
                    continue

    def close(self) -> None:
        """Close all connections."""
        self._kept.close()


def _step_ends(timeouts: Patience, until: float | None) -> float:
    ends = time.monotonic() + timeouts.read_s
    return ends if until is None else min(ends, until)


class _Turns:
    """Lets the event loop run what else waits, deadlines among it: a step that finds the socket ready never does."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._until = loop.time() + _TURN_S

    async def yield_if_due(self) -> float:
        """The loop's time after a step, once the others have had their turn if this task's is over."""
        now = self._loop.time()
        if now >= self._until:
            await asyncio.sleep(0)
            now = self._loop.time()
            self._until = now + _TURN_S
        return now


class AsyncDirectTransport:
    """Sockets on the running event loop.

    Args:
        origin: ``http://host:port``.
        uds: path of a Unix socket to connect to instead.
    """

    def __init__(self, origin: str, uds: str | None = None) -> None:
        self._address = (origin, uds)
        self._kept = _Kept(origin, uds)

    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), self._address

    @property
    def closed(self) -> bool:
        """Whether :meth:`aclose` was called."""
        return self._kept.closed

    async def exchange(self, send: Send) -> Response:
        """The answer to this."""
        try:
            async with asyncio.timeout(send.timeouts.total_s):
                connection = self._kept.acquire()
                if connection is not None:
                    try:
                        return await self._ask(connection, send)
                    except _NothingCame:
                        pass
                return await self._ask(await self._connect(send.timeouts), send)
        except OSError as failure:
            raise self._kept.connection_error(failure) from failure

    async def _connect(self, timeouts: Patience) -> socket.socket:
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
                    _hurry(connection)
                    return connection
        except TimeoutError:
            if connection is not None:
                connection.close()
            raise self._kept.connect_timeout_error() from None
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        raise last

    async def _addresses(self) -> list[tuple[int, _Address]]:
        if self._kept.uds is not None:
            return [(socket.AF_UNIX, self._kept.uds)]
        host, port = self._kept.address
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [(family, address) for family, _, _, _, address in found]

    async def _ask(self, connection: socket.socket, send: Send) -> Response:
        loop, silence_s = asyncio.get_running_loop(), send.timeouts.read_s
        unsent: OSError | None = None
        turns = _Turns(loop)
        try:
            async with asyncio.timeout(silence_s) as patience:
                try:
                    for piece in serialize_request(send, self._kept.host):
                        await loop.sock_sendall(connection, piece)
                        patience.reschedule(await turns.yield_if_due() + silence_s)
                except (BrokenPipeError, ConnectionResetError) as failure:
                    unsent = failure
                reader = read_response(send.request)
                try:
                    room = next(reader)
                    while True:
                        count = await loop.sock_recv_into(connection, room)
                        patience.reschedule(await turns.yield_if_due() + silence_s)
                        room = reader.send(count)
                except StopIteration as done:
                    answer: Response
                    answer, keep = done.value
                except ConnectionResetError:
                    raise _reset() from None
        except BaseException:
            # Cancelled or broken in the middle of something: nobody can say what comes next.
            connection.close()
            raise
        self._kept.release(connection, keep and unsent is None)
        return answer

    async def aclose(self) -> None:
        """Close all connections."""
        self._kept.close()
