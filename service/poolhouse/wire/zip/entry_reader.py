"""The content of one file of a zip archive: inflated where it is deflated, and compared with size and checksum."""

from __future__ import annotations

import zlib
from typing import Final

from poolhouse.wire.zip.directory_reader import Entry, malformed_error
from poolhouse.wire.zip.records import DEFLATED

_OUTPUT_PIECE_BYTES: Final = 256 * 1024
_INPUT_PIECE_BYTES: Final = 16 * 1024


def read_content(body: memoryview, entry: Entry) -> memoryview:
    """What the file holds.

    Returns:
        A view of ``body`` where it is stored, else one copy.

    Raises:
        Malformed: it has another size or checksum than the directory says.
    """
    content = body[entry.byte_range]
    if entry.method == DEFLATED:
        content = _inflate(content, entry)
    elif len(content) != entry.size:
        raise malformed_error(f"{entry.name} is stored and has two sizes")
    if zlib.crc32(content) != entry.crc:
        raise malformed_error(f"the checksum of {entry.name} is wrong")
    return content


def max_inflated_bytes(entry: Entry) -> int:
    """Bytes that a deflated file takes inflated: what the directory says, if deflate can do that."""
    return min(entry.size, _deflate_limit_bytes(entry.byte_range.stop - entry.byte_range.start))


def _deflate_limit_bytes(compressed_size: int) -> int:
    # Deflate cannot do better than 1032 to 1, so a larger promise is a lie that costs no buffer.
    return 1032 * compressed_size + 1032


def _inflate(packed: memoryview, entry: Entry) -> memoryview:
    """The deflated bytes, straight into a buffer of the size that was promised."""
    wrong = f"{entry.name} does not unfold to the {entry.size} bytes that its directory says"
    if entry.size > _deflate_limit_bytes(len(packed)):
        raise malformed_error(wrong)
    out = bytearray(entry.size)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    at = consumed = 0
    try:
        # In slices, because zlib copies what it has not yet consumed on every call.
        for begin in range(0, len(packed), _INPUT_PIECE_BYTES):
            pending: bytes | memoryview = packed[begin : begin + _INPUT_PIECE_BYTES]
            consumed += len(pending)
            while pending and not stream.eof:
                piece = stream.decompress(pending, _OUTPUT_PIECE_BYTES)
                if at + len(piece) > entry.size:
                    raise malformed_error(wrong)
                out[at : at + len(piece)] = piece
                at += len(piece)
                pending = stream.unconsumed_tail
            if stream.eof:
                break
        tail = stream.flush() if not stream.eof else b""
    except zlib.error:
        raise malformed_error(f"{entry.name} cannot be inflated") from None
    if at + len(tail) > entry.size:
        raise malformed_error(wrong)
    out[at : at + len(tail)] = tail
    if at + len(tail) != entry.size or not stream.eof or stream.unused_data or consumed != len(packed):
        raise malformed_error(wrong)
    return memoryview(out)
