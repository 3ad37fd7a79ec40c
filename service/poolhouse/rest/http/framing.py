"""Find the end of a request body, by its Content-Length or by its chunks (RFC 9112 section 6).

The bytes of a body of known length are counted, and no parser sees them. Chunks are read by a parser of their own,
which has seen a fixed head only, so nothing in the client's head (an offer to upgrade) changes how its chunks are read.
Since a chunked body ends with a blank line, that parser gets the bytes up to one blank line at a time; so it never sees
the bytes behind the body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from httptools import HttpParserError, HttpRequestParser

from poolhouse.rest.http.head import headers_too_large, malformed_request

_END: Final = b"\r\n\r\n"
_HEAD: Final = b"POST / HTTP/1.1\r\nHost: body\r\nTransfer-Encoding: chunked\r\n\r\n"
# Chunk sizes, extensions and trailers may take this many bytes for each byte of a chunked body, beside the limit on
# heads. A body in chunks of one byte needs five.
_FRAMING_PER_BODY_BYTE: Final = 8
# The parser gets this many bytes at a time, which bounds the framing that is parsed before it is checked.
_SLICE_BYTES: Final = 16 * 1024

BodySink = Callable[[memoryview], None]
"""Takes a piece of a body; its memory is valid during the call."""


class Framing(Protocol):
    """Separates the bytes of one body from those behind it."""

    @property
    def is_complete(self) -> bool:
        """Whether the body has ended."""
        ...

    def feed(self, data: memoryview, sink: BodySink) -> int:
        """Pass the body's bytes to the sink, and return how many bytes were consumed."""
        ...


class LengthFraming:
    """The framing of a body of known length.

    Args:
        length: of the body.

    Attributes:
        remaining_bytes: the bytes that have not arrived yet.
    """

    __slots__ = ("remaining_bytes",)

    def __init__(self, length: int) -> None:
        self.remaining_bytes = length

    @property
    def is_complete(self) -> bool:
        """Whether the body has ended."""
        return self.remaining_bytes == 0

    def feed(self, data: memoryview, sink: BodySink) -> int:
        """Pass the body's bytes to the sink, and return how many bytes were consumed."""
        count = min(self.remaining_bytes, len(data))
        self.remaining_bytes -= count
        if count:
            # guard: body-ends-at-its-length
            sink(data if count == len(data) else data[:count])
        return count


class ChunkedFraming:
    """The framing of a chunked body.

    Args:
        limit_bytes: the most bytes of framing in addition to those allowed per byte of the body.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.is_complete = False
        self._limit_bytes = limit_bytes
        self._raw_bytes = self._body_bytes = self._idle_bytes = 0
        self._tail = b""
        self._sink: BodySink | None = None
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, data: memoryview, sink: BodySink) -> int:
        """Pass the body's bytes to the sink, and return how many bytes were consumed.

        Raises:
            Malformed: the bytes are not valid chunks.
            HeadersTooLarge: the framing is out of proportion to the body.
        """
        position = 0
        self._sink = sink
        try:
            while position < len(data) and not self.is_complete:
                position += self._feed_slice(bytes(data[position : position + _SLICE_BYTES]))
        finally:
            self._sink = None
        return position

    def _feed_slice(self, piece: bytes) -> int:
        position = 0
        while position < len(piece) and not self.is_complete:
            found = (self._tail + piece[position : position + len(_END) - 1]).find(_END) if self._tail else -1
            if found >= 0:
                end = position + found + len(_END) - len(self._tail)
            else:
                found = piece.find(_END, position)
                end = len(piece) if found < 0 else found + len(_END)
            part = piece[position:end]
            self._tail = b"" if found >= 0 else (self._tail + part)[-len(_END) + 1 :]
            self._parse(part)
            position = end
        return position

    def _parse(self, part: bytes) -> None:
        assert self._parser is not None, "the body has already ended"
        before = self._body_bytes
        try:
            self._parser.feed_data(part)
        except HttpParserError:
            raise malformed_request() from None
        self._raw_bytes += len(part)
        self._idle_bytes = 0 if self._body_bytes > before else self._idle_bytes + len(part)
        framing = self._raw_bytes - self._body_bytes * (1 + _FRAMING_PER_BODY_BYTE)
        if max(self._idle_bytes, framing) > self._limit_bytes:
            raise headers_too_large(self._limit_bytes)
        if self.is_complete:
            # The parser refers to this object: a reference cycle.
            self._parser = None

    # ---- called by the parser

    def on_body(self, piece: bytes) -> None:
        """Pass on a piece of the body."""
        self._body_bytes += len(piece)
        assert self._sink is not None
        self._sink(memoryview(piece))

    def on_message_complete(self) -> None:
        """Note the end of the trailers."""
        self.is_complete = True
