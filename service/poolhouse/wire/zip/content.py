"""The content of one file of a zip archive: inflated where it is deflated, and compared with size and checksum."""

from __future__ import annotations

import zlib
from typing import Final

from poolhouse.wire.zip.directory import Entry, malformed_error
from poolhouse.wire.zip.records import DEFLATED

_STEP: Final = 256 * 1024
_SLICE: Final = 16 * 1024


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


def inflated_bytes_at_most(entry: Entry) -> int:
    """Bytes that a deflated file takes inflated: what the directory says, if deflate can do that."""
    return min(entry.size, _most_bytes(entry.byte_range.stop - entry.byte_range.start))


def _most_bytes(packed_bytes: int) -> int:
    # Deflate cannot do better than 1032 to 1, so a larger promise is a lie that costs no buffer.
    return 1032 * packed_bytes + 1032


def _inflate(packed: memoryview, entry: Entry) -> memoryview:
    """The deflated bytes, straight into a buffer of the size that was promised."""
    wrong = f"{entry.name} does not unfold to the {entry.size} bytes that its directory says"
    if entry.size > _most_bytes(len(packed)):
        raise malformed_error(wrong)
    out = bytearray(entry.size)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    at = taken = 0
    try:
        # In slices, because zlib copies what it has not yet taken on every call.
        for begin in range(0, len(packed), _SLICE):
            rest: bytes | memoryview = packed[begin : begin + _SLICE]
            taken += len(rest)
            while rest and not stream.eof:
                piece = stream.decompress(rest, _STEP)
                if at + len(piece) > entry.size:
                    raise malformed_error(wrong)
                out[at : at + len(piece)] = piece
                at += len(piece)
                rest = stream.unconsumed_tail
            if stream.eof:
                break
        tail = stream.flush() if not stream.eof else b""
    except zlib.error:
        raise malformed_error(f"{entry.name} cannot be inflated") from None
    if at + len(tail) > entry.size:
        raise malformed_error(wrong)
    out[at : at + len(tail)] = tail
    if at + len(tail) != entry.size or not stream.eof or stream.unused_data or taken != len(packed):
        raise malformed_error(wrong)
    return memoryview(out)
