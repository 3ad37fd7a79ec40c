"""Inflate request bodies under ``Content-Encoding``: gzip, zstd and deflate, in bounded pieces, within the body limit.

The output is counted as it is produced, so a compression bomb is refused at the limit and not after it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from poolhouse.errors import Malformed, TooLarge, UnsupportedMediaType
from poolhouse.wire.compressed_stream import (
    GZIP_WBITS,
    INPUT_PIECE_BYTES,
    OUTPUT_PIECE_BYTES,
    CompressedStream,
    DeflateStream,
    inflate_pieces,
)
from poolhouse.wire.content_coding import CODING_BY_NAME, CODINGS
from poolhouse.wire.quoting import quote_clipped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_WINDOW_LOG_MAX: Final = 23
"""8 MiB, the window that RFC 9659 allows for the content coding zstd."""
_WINDOW_BYTES: Final = {
    "identity": 0,
    "gzip": 64 * 1024,
    "deflate": 64 * 1024,
    "zstd": 2**_WINDOW_LOG_MAX + 2 * OUTPUT_PIECE_BYTES,
}
"""The memory of a stream: its window of earlier output, and its tables."""
_UNCHECKED_FRAMES: Final = 64
"""The first 64 frames may be of any size; each further one must add 1 KiB of input or output."""


class _ZstdFrame:
    def __init__(self) -> None:
        self._frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def feed(self, data: bytes | memoryview, max_bytes: int) -> tuple[bytes, bool]:
        piece = self._frame.decompress(data, max_bytes)
        return piece, not self._frame.eof and not self._frame.needs_input


_STREAM_TYPES: Final[dict[str, Callable[[], CompressedStream]]] = {
    "gzip": partial(DeflateStream, GZIP_WBITS),
    "deflate": partial(DeflateStream, zlib.MAX_WBITS),
    "zstd": _ZstdFrame,
}


class Inflater:
    """Inflates a body chunk by chunk, up to a limit.

    Args:
        encoding: the value of ``Content-Encoding``; empty or ``identity`` passes the body through.
        limit_bytes: the limit of the inflated body.

    Raises:
        UnsupportedMediaType: any other coding, or several.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        name = CODING_BY_NAME.get(encoding.strip().lower())
        if name is None:
            raise UnsupportedMediaType(
                "unsupported_encoding",
                f"Content-Encoding {quote_clipped(encoding)} is not supported; send the body uncompressed, or in one "
                f"of {', '.join(CODINGS)}.",
                headers={"Accept-Encoding": ", ".join(CODINGS)},
            )
        self._name = name
        self._limit_bytes = limit_bytes
        self._make_stream = _STREAM_TYPES.get(name)
        self._stream = self._make_stream() if self._make_stream else None
        self._frames = 1
        self._input_bytes = 0
        self._output_bytes = 0

    @property
    def is_identity(self) -> bool:
        """Whether the bytes pass through as they are."""
        return self._make_stream is None

    @property
    def window_bytes(self) -> int:
        """The memory that the stream takes at most until :meth:`finish`."""
        return _WINDOW_BYTES[self._name]

    def feed(self, chunk: bytes | memoryview) -> Iterator[bytes | memoryview]:
        """The inflated bytes of this chunk, in pieces of at most 256 KiB.

        Raises:
            TooLarge: the inflated body passes the limit.
            Malformed: the bytes are not of the coding.
        """
        if self._make_stream is None:
            self._count_output(len(chunk))
            if len(chunk):
                yield chunk
            return
        whole = memoryview(chunk)
        for begin in range(0, len(whole), INPUT_PIECE_BYTES):
            yield from self._inflate(whole[begin : begin + INPUT_PIECE_BYTES])

    def finish(self) -> None:
        """Check after the last chunk that the body is complete, and free the window.

        Raises:
            Malformed: the body is truncated.
        """
        stream, self._stream = self._stream, None
        if stream is not None and not stream.eof:
            raise Malformed("malformed_encoding", f"The {self._name} body ends early; send all of it.")

    def _inflate(self, data: bytes | memoryview) -> Iterator[bytes]:
        assert self._stream is not None
        self._input_bytes += len(data)
        while len(data):
            if self._stream.eof:
                self._next_frame()
            try:
                for piece in inflate_pieces(self._stream, data, self._limit_bytes - self._output_bytes):
                    self._count_output(len(piece))
                    yield piece
            except (zlib.error, zstd.ZstdError):
                raise Malformed("malformed_encoding", self._unreadable_message()) from None
            data = self._stream.unused_data

    def _next_frame(self) -> None:
        assert self._make_stream is not None
        self._frames += 1
        if self._frames > _UNCHECKED_FRAMES + (self._input_bytes + self._output_bytes) // 1024:
            raise Malformed(
                "malformed_encoding",
                f"The {self._name} body consists of frames of less than 1 KiB; compress it in one frame.",
            )
        self._stream = self._make_stream()

    def _unreadable_message(self) -> str:
        message = f"The body is not {self._name}, or is damaged, or bytes follow its end"
        if self._name == "zstd":
            message += f", or its window is larger than {2**_WINDOW_LOG_MAX} bytes"
        return message + "; compress it again, or send it uncompressed."

    def _count_output(self, nbytes: int) -> None:
        self._output_bytes += nbytes
        if self._output_bytes > self._limit_bytes:
            raise TooLarge(
                "body_too_large",
                f"The body holds more than {self._limit_bytes} bytes"
                + (", the limit." if self._make_stream is None else " once inflated, over the limit.")
                + " Send fewer elements, or a narrower element type.",
                limit_bytes=self._limit_bytes,
            )
