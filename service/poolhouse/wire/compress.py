"""Compress responses with gzip, zstd or deflate."""

from __future__ import annotations

import sys
import zlib
from typing import Final

from poolhouse.wire.bytes_writer import BytesWriter
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.content_coding import Compression

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE_BYTES: Final = 1024 * 1024


def compress_extra_bytes(nbytes: int) -> int:
    """Bytes that :func:`compress` allocates at most for a body of ``nbytes``; it stops when the result would be longer
    than the body."""
    return nbytes + min(nbytes, 2 * _PIECE_BYTES)


def is_compressible(media_type: str) -> bool:
    """Whether compressing a body of this type can make it smaller: the pixels of a PNG file are compressed."""
    return not media_type.startswith("image/")


def compress(encoded: EncodedBody, compression: Compression) -> EncodedBody:
    """The compressed body; ``encoded`` itself if compression would not make it smaller.

    Fast levels: slower ones gain little on floats.
    """
    compressor = (
        zstd.ZstdCompressor(1)
        if compression == "zstd"
        else zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | (16 if compression == "gzip" else 0))
    )
    writer = BytesWriter(encoded.nbytes)
    # In pieces: for a whole gigabyte the compressor would return one piece, and need twice its memory to join it.
    for piece in (
        chunk[start : start + _PIECE_BYTES] for chunk in encoded.chunks for start in range(0, len(chunk), _PIECE_BYTES)
    ):
        compressed = compressor.compress(piece)
        if len(writer) + len(compressed) >= encoded.nbytes:
            return encoded
        writer.write(compressed)
    end = compressor.flush()
    if len(writer) + len(end) >= encoded.nbytes:
        return encoded
    writer.write(end)
    headers = (*encoded.headers, ("Content-Encoding", compression))
    return EncodedBody(encoded.media_type, (writer.written,), headers, owns_memory=True)


def compress_static(body: bytes) -> dict[Compression, bytes]:
    """A static body in each compression that makes it smaller; slower and smaller than :func:`compress`."""
    compressor = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    compressed: dict[Compression, bytes] = {
        "gzip": compressor.compress(body) + compressor.flush(),
        "zstd": zstd.compress(body, 10),
    }
    return {compression: smaller for compression, smaller in compressed.items() if len(smaller) < len(body)}
