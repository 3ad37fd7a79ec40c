"""Inflate a compressed stream in bounded pieces: a deflate stream, a gzip member or a zstd frame.

Nothing here needs zstd, because the client reads deflated npz files in an install that has none.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

OUTPUT_PIECE_BYTES: Final = 256 * 1024
INPUT_PIECE_BYTES: Final = 16 * 1024
"""zlib copies the input that it has not consumed on every call, so it gets the input in pieces."""

RAW_WBITS: Final = -zlib.MAX_WBITS
GZIP_WBITS: Final = zlib.MAX_WBITS | 16


class CompressedStream(Protocol):
    """One deflate stream, gzip member or zstd frame."""

    @property
    def eof(self) -> bool:
        """Whether its end has been read."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Input after its end, in the last piece."""
        ...

    def feed(self, data: bytes | memoryview, max_bytes: int) -> tuple[bytes, bool]:
        """At most ``max_bytes`` bytes, and whether there may be more without further input."""
        ...


class DeflateStream:
    """A stream that zlib reads.

    Args:
        wbits: ``RAW_WBITS`` or ``GZIP_WBITS``.
    """

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def feed(self, data: bytes | memoryview, max_bytes: int) -> tuple[bytes, bool]:
        tail = self._zlib.unconsumed_tail
        piece = self._zlib.decompress(tail if tail else data, max_bytes)
        return piece, bool(self._zlib.unconsumed_tail) or len(piece) == max_bytes


def inflate_pieces(stream: CompressedStream, data: bytes | memoryview, limit_bytes: int) -> Iterator[bytes]:
    """The output for one piece of input, in pieces of at most 256 KiB.

    Args:
        limit_bytes: the caller stops at the first piece that passes this limit, which it does by one byte at most.
    """
    has_more = True
    while has_more and not stream.eof:
        piece, has_more = stream.feed(data, min(OUTPUT_PIECE_BYTES, limit_bytes + 1))
        data = b""
        limit_bytes -= len(piece)
        if piece:
            yield piece
