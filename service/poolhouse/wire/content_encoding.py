"""``Content-Encoding`` and ``Accept-Encoding``: gzip and zstd, in bounded steps, within the body's limit.

What a body unfolds to is counted as it unfolds, so a bomb ends at the limit and not after it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Final, Literal, Protocol

from poolhouse.errors import Malformed, TooLarge, UnsupportedMediaType
from poolhouse.wire.accept import parse_accept
from poolhouse.wire.bytes_writer import BytesWriter
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.quoting import quote_clipped

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["gzip", "zstd"]
CODINGS: Final[tuple[Compression, ...]] = ("gzip", "zstd")
_ALIASES: Final = {"": "identity", "identity": "identity", "gzip": "gzip", "x-gzip": "gzip", "zstd": "zstd"}
_OUTPUT_PIECE_BYTES: Final = 256 * 1024
_INPUT_PIECE_BYTES: Final = 16 * 1024
_COMPRESS_PIECE_BYTES: Final = 1024 * 1024
_WINDOW_LOG_MAX: Final = 23
"""8 MiB, the window that RFC 9659 allows to the content coding zstd."""
_WINDOW_BYTES: Final = {"identity": 0, "gzip": 64 * 1024, "zstd": 2**_WINDOW_LOG_MAX + 2 * _OUTPUT_PIECE_BYTES}
"""What a stream may keep of what it has unfolded, and its tables."""
_UNCHECKED_FRAMES: Final = 64
"""So many frames may be as small as they like; beyond, each must stand for 1 KiB in or out."""


class _Stream(Protocol):
    """One gzip member or zstd frame."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def feed(self, data: bytes | memoryview, max_bytes: int) -> tuple[bytes, bool]:
        """At most ``max_bytes`` bytes, and whether more may come without further input."""
        ...


class _Gzip:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def feed(self, data: bytes | memoryview, max_bytes: int) -> tuple[bytes, bool]:
        tail = self._member.unconsumed_tail
        piece = self._member.decompress(tail if tail else data, max_bytes)
        return piece, bool(self._member.unconsumed_tail) or len(piece) == max_bytes


class _Zstd:
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


_STREAM_TYPES: Final[dict[str, Callable[[], _Stream]]] = {"gzip": _Gzip, "zstd": _Zstd}


class Inflater:
    """Takes a body as it comes and gives it unfolded, never more than the limit.

    Args:
        encoding: the value of ``Content-Encoding``; empty or ``identity`` passes the body through.
        limit_bytes: what the whole body may unfold to.

    Raises:
        UnsupportedMediaType: any other coding, or several.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        name = _ALIASES.get(encoding.strip().lower())
        if name is None:
            raise UnsupportedMediaType(
                "unsupported_encoding",
                f"Content-Encoding {quote_clipped(encoding)} is not read here; send the body plain, or under one of "
                f"{', '.join(CODINGS)}.",
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
        """What it keeps at most of what it has given, until :meth:`finish`."""
        return _WINDOW_BYTES[self._name]

    def feed(self, chunk: bytes | memoryview) -> Iterator[bytes | memoryview]:
        """The bytes that this chunk adds, in pieces of at most 256 KiB.

        Raises:
            TooLarge: they pass the limit.
            Malformed: they are not of the coding.
        """
        if self._make_stream is None:
            self._count_output(len(chunk))
            if len(chunk):
                yield chunk
            return
        whole = memoryview(chunk)
        # In slices, because zlib copies what it has not yet taken on every step.
        for begin in range(0, len(whole), _INPUT_PIECE_BYTES):
            yield from self._decompress(whole[begin : begin + _INPUT_PIECE_BYTES])

    def finish(self) -> None:
        """Call once after the last chunk; the window is forgotten.

        Raises:
            Malformed: the body stops in the middle.
        """
        stream, self._stream = self._stream, None
        if stream is not None and not stream.eof:
            raise Malformed("malformed_encoding", f"The {self._name} body stops before its end; send all of it.")

    def _decompress(self, data: bytes | memoryview) -> Iterator[bytes]:
        assert self._make_stream is not None
        assert self._stream is not None
        self._input_bytes += len(data)
        while len(data):
            if self._stream.eof:
                self._next_frame()
            more = True
            while more:
                max_bytes = min(_OUTPUT_PIECE_BYTES, self._limit_bytes - self._output_bytes + 1)
                try:
                    piece, more = self._stream.feed(data, max_bytes)
                except (zlib.error, zstd.ZstdError):
                    raise Malformed("malformed_encoding", self._unreadable_message()) from None
                data = b""
                self._count_output(len(piece))
                if piece:
                    yield piece
                if self._stream.eof:
                    break
            data = self._stream.unused_data

    def _next_frame(self) -> None:
        assert self._make_stream is not None
        self._frames += 1
        if self._frames > _UNCHECKED_FRAMES + (self._input_bytes + self._output_bytes) // 1024:
            raise Malformed(
                "malformed_encoding",
                f"The {self._name} body is cut into frames of less than 1 KiB; compress it in one piece.",
            )
        self._stream = self._make_stream()

    def _unreadable_message(self) -> str:
        message = f"The body is not {self._name}, or is damaged, or something follows its end"
        if self._name == "zstd":
            message += f", or its window is larger than {2**_WINDOW_LOG_MAX} bytes"
        return message + "; compress it again, or send it plain."

    def _count_output(self, nbytes: int) -> None:
        self._output_bytes += nbytes
        if self._output_bytes > self._limit_bytes:
            raise TooLarge(
                "body_too_large",
                f"The body holds more than the {self._limit_bytes} bytes that are read"
                + ("." if self._make_stream is None else " once it is unfolded.")
                + " Send fewer elements, or a narrower element type.",
                limit_bytes=self._limit_bytes,
            )


def compress_extra_bytes(nbytes: int) -> int:
    """What :func:`compress` takes at most beside an answer of so many bytes: it gives up what would be longer."""
    return nbytes + min(nbytes, 2 * _COMPRESS_PIECE_BYTES)


def compress(encoded: EncodedBody, encoding: Compression) -> EncodedBody:
    """The same answer under a content coding; as it was if that would not make it smaller.

    Fast levels: floats give little to slow ones.
    """
    compressor = (
        zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16) if encoding == "gzip" else zstd.ZstdCompressor(1)
    )
    writer = BytesWriter(encoded.nbytes)
    # In steps: of a whole gigabyte the compressor would make one piece, and need it twice to put it together.
    for step in (
        chunk[start : start + _COMPRESS_PIECE_BYTES]
        for chunk in encoded.chunks
        for start in range(0, len(chunk), _COMPRESS_PIECE_BYTES)
    ):
        piece = compressor.compress(step)
        if len(writer) + len(piece) >= encoded.nbytes:
            return encoded
        writer.write(piece)
    end = compressor.flush()
    if len(writer) + len(end) >= encoded.nbytes:
        return encoded
    writer.write(end)
    headers = (*encoded.headers, ("Content-Encoding", encoding))
    return EncodedBody(encoded.media_type, (writer.written,), headers, owns_memory=True)


def compress_static(body: bytes) -> dict[Compression, bytes]:
    """A static body under each content coding that makes it smaller; slower and smaller than :func:`compress`."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    compressed: dict[Compression, bytes] = {
        "gzip": compressor.compress(body) + compressor.flush(),
        "zstd": zstd.compress(body, 10),
    }
    return {encoding: smaller for encoding, smaller in compressed.items() if len(smaller) < len(body)}


def choose_encoding(accept_encoding: str | None) -> Compression | None:
    """The coding that ``Accept-Encoding`` asks for by name, zstd before gzip; None is identity.

    A bare ``*`` allows everything and asks for nothing. What cannot be read asks for nothing either:
    plain bytes are always a right answer.
    """
    if accept_encoding is None:
        return None
    weights = {"gzip": 0.0, "zstd": 0.0, "identity": 0.0}
    for coding, weight in parse_accept(accept_encoding):
        name = _ALIASES.get(coding)
        if name is not None and weight is not None:
            weights[name] = weight
    best: Compression = "zstd" if weights["zstd"] >= weights["gzip"] else "gzip"
    return best if weights[best] > 0 and weights[best] >= weights["identity"] else None
