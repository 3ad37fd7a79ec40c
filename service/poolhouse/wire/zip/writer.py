"""Write a zip archive of stored files: deterministic bytes, and every file begins at a multiple of 64 bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from poolhouse.wire.zip.records import (
    CENTRAL,
    CENTRAL_MAGIC,
    END,
    END64,
    END64_MAGIC,
    END_MAGIC,
    LOCAL,
    LOCAL_MAGIC,
    LOCATOR64,
    LOCATOR64_MAGIC,
    STORED,
    ZIP64_ID,
    ZIP64_MARKER,
)

_ALIGNMENT: Final = 64
_PADDING_EXTRA_ID: Final = 0xD935
"""The extra field that Android's zipalign pads with; readers skip it."""
_FIXED_DOS_DATE: Final = 0x0021
"""1 January 1980; the real time would make the bytes differ on each call."""
_VERSION: Final = 20
_VERSION_ZIP64: Final = 45


class StoredFile(NamedTuple):
    """One file to write; its content is in two parts, so that the payload is not copied."""

    name: str
    head: bytes
    payload: memoryview


def write_archive(
    files: Iterable[StoredFile], *, zip64_threshold: int = ZIP64_MARKER
) -> tuple[bytes | memoryview, ...]:
    """The chunks of an archive; the payloads are among them, uncopied.

    Args:
        files: their names are ASCII.
        zip64_threshold: sizes and offsets of at least this are written as zip64; a test lowers it.
    """
    chunks: list[bytes | memoryview] = []
    directory: list[bytes] = []
    at = 0
    for file in files:
        name = file.name.encode("ascii")
        size = len(file.head) + len(file.payload)
        crc = zlib.crc32(file.payload, zlib.crc32(file.head))
        wide = size >= zip64_threshold
        version = _VERSION_ZIP64 if wide or at >= zip64_threshold else _VERSION
        extra = _zip64_extra(size, size) if wide else b""
        padding = -(at + LOCAL.size + len(name) + len(extra) + 4) % _ALIGNMENT
        extra += struct.pack("<2H", _PADDING_EXTRA_ID, padding) + bytes(padding)
        short = ZIP64_MARKER if wide else size
        fields = (0, STORED, 0, _FIXED_DOS_DATE, crc, short, short, len(name))
        chunks += [LOCAL.pack(LOCAL_MAGIC, version, 0, *fields, len(extra)) + name + extra + file.head, file.payload]
        numbers = ((size, size) if wide else ()) + ((at,) if at >= zip64_threshold else ())
        extra_wide = _zip64_extra(*numbers) if numbers else b""
        offset = ZIP64_MARKER if at >= zip64_threshold else at
        directory.append(
            CENTRAL.pack(CENTRAL_MAGIC, version, 0, version, 0, *fields, len(extra_wide), 0, 0, 0, 0, offset)
            + name
            + extra_wide
        )
        at += sum(map(len, chunks[-2:]))
    return (*chunks, b"".join(directory) + _end_records(directory, at, zip64_threshold))


def _zip64_extra(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", ZIP64_ID, 8 * len(numbers), *numbers)


def _end_records(directory: list[bytes], start: int, zip64_threshold: int) -> bytes:
    """The end records of an archive whose directory begins at ``start``."""
    count, nbytes = len(directory), sum(map(len, directory))
    wide = b""
    if start >= zip64_threshold or nbytes >= zip64_threshold:
        wide = END64.pack(
            END64_MAGIC, END64.size - 12, _VERSION_ZIP64, _VERSION_ZIP64, 0, 0, count, count, nbytes, start
        )
        wide += LOCATOR64.pack(LOCATOR64_MAGIC, 0, start + nbytes, 1)
    return wide + END.pack(END_MAGIC, 0, 0, count, count, nbytes, ZIP64_MARKER if wide else start, 0)
