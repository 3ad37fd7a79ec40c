"""The content of one file of a zip archive: inflated where it is deflated, and checked by size and checksum."""

from __future__ import annotations

import zlib

from poolhouse.wire.compressed_stream import INPUT_PIECE_BYTES, RAW_WBITS, DeflateStream, inflate_pieces
from poolhouse.wire.zip.directory_reader import Entry, malformed_error
from poolhouse.wire.zip.records import DEFLATED


def read_content(body: memoryview, entry: Entry) -> memoryview:
    """The content of a file.

    Returns:
        A view of ``body`` if the file is stored, else one copy.

    Raises:
        Malformed: its size or checksum differs from the directory's.
    """
    content = body[entry.byte_range]
    if entry.method == DEFLATED:
        content = _inflate(content, entry)
    elif len(content) != entry.size:
        raise malformed_error(f"{entry.name} is stored, and its two sizes differ")
    if zlib.crc32(content) != entry.crc:
        raise malformed_error(f"the checksum of {entry.name} is wrong")
    return content


def max_inflated_bytes(entry: Entry) -> int:
    """Bytes that a deflated file takes once inflated: the directory's size, if deflate can reach it."""
    return min(entry.size, _deflate_limit_bytes(entry.byte_range.stop - entry.byte_range.start))


def _deflate_limit_bytes(compressed_size: int) -> int:
    # Deflate cannot do better than 1032 to 1: a larger size in the directory is false, and allocates no buffer.
    return 1032 * compressed_size + 1032


def _inflate(packed: memoryview, entry: Entry) -> memoryview:
    """The inflated bytes, in one buffer of the directory's size."""
    wrong = f"{entry.name} does not inflate to the {entry.size} bytes that its directory says"
    if entry.size > _deflate_limit_bytes(len(packed)):
        raise malformed_error(wrong)
    out = bytearray(entry.size)
    stream = DeflateStream(RAW_WBITS)
    size = 0
    try:
        for begin in range(0, len(packed), INPUT_PIECE_BYTES):
            if stream.eof:
                raise malformed_error(wrong)
            for piece in inflate_pieces(stream, packed[begin : begin + INPUT_PIECE_BYTES], entry.size - size):
                if size + len(piece) > entry.size:
                    raise malformed_error(wrong)
                out[size : size + len(piece)] = piece
                size += len(piece)
    except zlib.error:
        raise malformed_error(f"{entry.name} cannot be inflated") from None
    if size != entry.size or not stream.eof or stream.unused_data:
        raise malformed_error(wrong)
    return memoryview(out)
