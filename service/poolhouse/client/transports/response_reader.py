"""Parser of HTTP/1.1 responses that does no I/O: it asks its driver to fill memory.

The body of a response goes from the socket straight into the arrays of the result. A blocking and an asyncio driver
use the same parser.

Source: RFC 9112.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from poolhouse.client.errors import ConnectionFailed, UnexpectedAnswer
from poolhouse.client.exchange import Headers, Request, Response
from poolhouse.client.transports.response_body import ResponseBody, incomplete_error

_MAX_HEAD_BYTES: Final = 32 * 1024
_MAX_CHUNK_LINE_BYTES: Final = 1024


class NoResponse(ConnectionFailed):
    """The connection was closed before the first byte of a response; a server closes idle connections like that."""


class ResponseReader:
    """Parser of one response. While :attr:`response` is None, the driver receives into :attr:`buffer` and calls
    :meth:`feed`.

    Raises:
        ConnectionFailed: the connection was closed too early.
        UnexpectedAnswer: the bytes are no HTTP/1.1 response.
    """

    def __init__(self, request: Request) -> None:
        self._steps = _read_response(request)
        self.buffer = next(self._steps)
        self.response: Response | None = None
        self.can_reuse_connection = False
        self._has_begun = False

    def feed(self, count: int) -> None:
        """Parse ``count`` bytes that were received into :attr:`buffer`; 0 is the end of the stream."""
        self._has_begun = self._has_begun or count > 0
        try:
            self.buffer = self._steps.send(count)
        except StopIteration as done:
            self.response, self.can_reuse_connection = done.value

    def reset_error(self) -> ConnectionFailed:
        """The error for a connection that the server reset; NoResponse if it had sent nothing."""
        if self._has_begun:
            return ConnectionFailed("The server reset the connection before it had sent the whole response.")
        return NoResponse("The server reset the connection before it had sent a response.")


def _read_response(request: Request) -> Generator[memoryview, int, tuple[Response, bool]]:
    """Yield memory to fill, receive the number of bytes; return the response and whether the connection is reusable."""
    received = _ReceiveBuffer()
    status, version, headers = 100, "", dict[str, str]()
    while 100 <= status < 200:
        status, version, headers = yield from received.read_head()
    is_chunked = _is_chunked(status, headers)
    body = ResponseBody(request, status, headers)
    connection_options = [option.strip() for option in headers.get("connection", "").lower().split(",")]
    reusable = version == "HTTP/1.1" and "close" not in connection_options
    if is_chunked:
        while size := _parse_chunk_size((yield from received.read_line())):
            yield from received.read_into(body, size)
            if (yield from received.read_exactly(2)) != b"\r\n":
                raise UnexpectedAnswer(status, "A chunk of the response is longer than its size says.")
        left = _MAX_HEAD_BYTES
        while line := (yield from received.read_line()):
            left -= len(line)
            if left < 0:
                raise UnexpectedAnswer(status, f"The trailers of the response are longer than {_MAX_HEAD_BYTES} bytes.")
    elif body.content_length is not None and not body.has_buffers:
        yield from received.read_into(body, body.content_length)
    elif body.content_length is not None or status in (204, 304):
        body.write(received.take_buffered(body.buffer_bytes))
        for buffer in body.unfilled_buffers():
            filled = 0
            while filled < len(buffer):
                count = yield buffer[filled:]
                if not count:
                    raise incomplete_error()
                filled += count
        body.mark_filled()
    else:
        # Without a length, the body ends where the connection ends.
        reusable = False
        while piece := (yield from received.read_some()):
            body.write(piece)
    return Response(status, headers, body.finish()), reusable and not received.has_unread


def _is_chunked(status: int, headers: Headers) -> bool:
    """Whether the body has the chunked coding.

    Raises:
        UnexpectedAnswer: it has another coding, or a length too; its end is then uncertain.
    """
    coding = headers.get("transfer-encoding")
    if coding is None:
        return False
    if coding.lower() != "chunked":
        raise UnexpectedAnswer(
            status, f"HTTP {status} with the Transfer-Encoding {coding[:40]!r}; the client accepts only 'chunked'."
        )
    if "content-length" in headers:
        raise UnexpectedAnswer(
            status,
            f"HTTP {status} with both Transfer-Encoding and Content-Length, so the end of its body is uncertain.",
        )
    return True


class _ReceiveBuffer:
    """Bytes that were received and not parsed yet. Its generators yield memory to fill, as :func:`_read_response`."""

    def __init__(self) -> None:
        self._buffer = bytearray(_MAX_HEAD_BYTES)
        self._start = 0
        self._end = 0

    @property
    def has_unread(self) -> bool:
        """Whether bytes are left that no part of the response has used."""
        return self._start < self._end

    def read_head(self) -> Generator[memoryview, int, tuple[int, str, dict[str, str]]]:
        """Read status, version and headers, which must fit into the buffer."""
        while (end := self._buffer.find(b"\r\n\r\n", self._start, self._end)) < 0:
            if self._end == _MAX_HEAD_BYTES:
                raise UnexpectedAnswer(0, f"The head of the response is longer than {_MAX_HEAD_BYTES} bytes.")
            count = yield memoryview(self._buffer)[self._end :]
            if not count:
                error_class = ConnectionFailed if self._end else NoResponse
                raise error_class("The server closed the connection without a response.")
            self._end += count
        lines = self._buffer[self._start : end].decode("latin-1").split("\r\n")
        self._start = end + 4
        version, _, status = lines[0].partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not status[:3].isdecimal():
            raise UnexpectedAnswer(
                0, f"The server does not speak HTTP/1.1; its response starts with {lines[0][:80]!r}."
            )
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            # Values of a repeated header are joined; a joined length or coding is refused later.
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return int(status[:3]), version, headers

    def take_buffered(self, max_bytes: int) -> memoryview:
        """Take at most ``max_bytes`` of what was received already."""
        start = self._start
        self._start = min(self._end, start + max_bytes)
        return memoryview(self._buffer)[start : self._start]

    def read_some(self, max_bytes: int = _MAX_HEAD_BYTES) -> Generator[memoryview, int, bytes]:
        """Read at least one byte and at most ``max_bytes``; nothing at the end of the stream."""
        if not self.has_unread:
            self._start = self._end = 0
            self._end = yield memoryview(self._buffer)
        return bytes(self.take_buffered(max_bytes))

    def read_exactly(self, size: int) -> Generator[memoryview, int, bytes]:
        """Read exactly ``size`` bytes."""
        found = bytearray()
        while len(found) < size:
            if not self.has_unread:
                self._start = self._end = 0
                self._end = yield memoryview(self._buffer)
                if not self._end:
                    raise incomplete_error()
            found += self.take_buffered(size - len(found))
        return bytes(found)

    def read_into(self, body: ResponseBody, size: int) -> Generator[memoryview, int, None]:
        """Read exactly ``size`` bytes into the body, as they arrive."""
        while size:
            piece = yield from self.read_some(min(size, _MAX_HEAD_BYTES))
            if not piece:
                raise incomplete_error()
            body.write(piece)
            size -= len(piece)

    def read_line(self) -> Generator[memoryview, int, bytes]:
        """Read the next line of the chunked coding, without its end."""
        found = b""
        while not found.endswith(b"\r\n"):
            found += yield from self.read_exactly(1)
            if len(found) > _MAX_CHUNK_LINE_BYTES:
                raise UnexpectedAnswer(0, f"A chunk line of the response is longer than {_MAX_CHUNK_LINE_BYTES} bytes.")
        return found[:-2]


def _parse_chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    # int() would accept a sign, and underscores between digits.
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise UnexpectedAnswer(0, f"A chunk of the response has the size {line[:20]!r}, not a hexadecimal number.")
    return int(digits, 16)
