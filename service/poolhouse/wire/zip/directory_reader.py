"""Where the files of a zip archive lie, read from its end: end record, directory, entries.

Every length is believed only when it lies inside the body, and entries may not overlap.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from poolhouse.errors import Malformed
from poolhouse.wire.zip.records import (
    CENTRAL,
    CENTRAL_MAGIC,
    DEFLATED,
    ENCRYPTED,
    END,
    END64,
    END64_MAGIC,
    END_MAGIC,
    LOCAL,
    LOCAL_MAGIC,
    LOCATOR64,
    LOCATOR64_MAGIC,
    STORED,
    ZIP64_COUNT_MARKER,
    ZIP64_ID,
    ZIP64_MARKER,
)

MAX_ENTRIES: Final = 64
_MAX_COMMENT_BYTES: Final = 0xFFFF


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive.

    Attributes:
        name: the result of ``decode_name``.
        method: ``STORED`` or ``DEFLATED``.
        crc: the checksum of its content.
        size: bytes of its content according to the directory; not checked yet.
        byte_range: its bytes in the body.
    """

    name: str
    method: int
    crc: int
    size: int
    byte_range: slice


class _DirectoryLocation(NamedTuple):
    entries: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _DirectoryRow:
    """One entry of the directory; ``name`` is empty for a file that is ignored."""

    raw_name: bytes
    name: str
    method: int
    crc: int
    compressed_size: int
    size: int
    offset: int


def malformed_error(why: str) -> Malformed:
    """The error for a malformed archive; npz is the only kind."""
    return Malformed("malformed_body", f"The body is no npz file: {why}. Save it with numpy.savez and send the file.")


def read_directory(body: memoryview, decode_name: Callable[[bytes], str]) -> list[Entry]:
    """The files of an archive in directory order, without ignored ones.

    Args:
        body: the whole archive.
        decode_name: returns a file's name, empty to ignore the file; it may raise an error.

    Raises:
        Malformed: the body is no zip archive, contradicts itself, or lists too many files.
    """
    directory = _find_directory(body)
    rows = _read_rows(body, directory, decode_name)
    byte_ranges = _find_byte_ranges(body, rows, directory.start)
    return [Entry(row.name, row.method, row.crc, row.size, byte_ranges[row.name]) for row in rows if row.name]


def _find_directory(body: memoryview) -> _DirectoryLocation:
    tail_start = max(0, len(body) - END.size - _MAX_COMMENT_BYTES)
    tail = bytes(body[tail_start:])
    at = tail.rfind(END_MAGIC)
    while at >= 0:
        if len(tail) - at >= END.size:
            end = END.unpack_from(tail, at)
            if at + END.size + end[7] == len(tail):
                break
        at = tail.rfind(END_MAGIC, 0, at)
    else:
        raise malformed_error("the end record of a zip is not at its end")
    _, disk, first_disk, here, count, size, start, _ = end
    if disk or first_disk or here != count:
        raise malformed_error("it is one part of a split archive")
    at += tail_start
    if count == ZIP64_COUNT_MARKER or ZIP64_MARKER in (size, start):
        if at < LOCATOR64.size:
            raise malformed_error("its zip64 record is missing")
        magic, _, record, _ = LOCATOR64.unpack_from(body, at - LOCATOR64.size)
        if magic != LOCATOR64_MAGIC or record + END64.size > at:
            raise malformed_error("its zip64 record is missing")
        fields = END64.unpack_from(body, record)
        if fields[0] != END64_MAGIC or fields[6] != fields[7]:
            raise malformed_error("its zip64 record cannot be read")
        count, size, start = fields[7:10]
        at = record
    if start + size > at:
        raise malformed_error("its directory does not lie inside it")
    if count > MAX_ENTRIES:
        raise malformed_error(f"it holds {count} arrays, more than {MAX_ENTRIES}")
    return _DirectoryLocation(count, start, start + size)


def _read_rows(
    body: memoryview, directory: _DirectoryLocation, decode_name: Callable[[bytes], str]
) -> list[_DirectoryRow]:
    at, end = directory.start, directory.stop
    rows: list[_DirectoryRow] = []
    for _ in range(directory.entries):
        if at + CENTRAL.size > end:
            raise malformed_error("its directory ends early")
        row = CENTRAL.unpack_from(body, at)
        flags, method, crc = row[5], row[6], row[9]
        name_length, extra_length, comment_length = row[12:15]
        if row[0] != CENTRAL_MAGIC:
            raise malformed_error("its directory cannot be read")
        name_at = at + CENTRAL.size
        extra_at = name_at + name_length
        at = extra_at + extra_length + comment_length
        if at > end:
            raise malformed_error("its directory ends early")
        raw_name = bytes(body[name_at:extra_at])
        name = decode_name(raw_name)
        if name and flags & ENCRYPTED:
            raise malformed_error(f"{name} is encrypted")
        if name and method not in (STORED, DEFLATED):
            raise malformed_error(f"{name} is compressed by method {method}; stored and deflated files are supported")
        compressed_size, size, offset = row[10], row[11], row[18]
        if ZIP64_MARKER in (compressed_size, size, offset):
            # The extra field holds them in the order size, compressed_size, offset.
            size, compressed_size, offset = _read_zip64(
                body[extra_at : extra_at + extra_length], [size, compressed_size, offset]
            )
        if any(raw_name == other.raw_name for other in rows):
            raise malformed_error(f"it holds {name or 'a file'} twice")
        rows.append(_DirectoryRow(raw_name, name, method, crc, compressed_size, size, offset))
    if at != end:
        raise malformed_error("bytes follow the last entry of its directory")
    return rows


def _read_zip64(extra: memoryview, numbers: list[int]) -> list[int]:
    """The numbers; those equal to ``ZIP64_MARKER`` are read from the zip64 extra field, in order."""
    at = 0
    while at + 4 <= len(extra):
        field_id, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if field_id == ZIP64_ID:
            marked = [position for position, number in enumerate(numbers) if number == ZIP64_MARKER]
            if at + size > len(extra) or size < 8 * len(marked):
                break
            wide = struct.unpack_from(f"<{len(marked)}Q", extra, at)
            for position, number in zip(marked, wide, strict=True):
                numbers[position] = number
            return numbers
        at += size
    raise malformed_error("a zip64 size is missing")


def _find_byte_ranges(body: memoryview, rows: list[_DirectoryRow], directory_start: int) -> dict[str, slice]:
    """The byte range of each file that is not ignored; entries must not overlap."""
    byte_ranges: dict[str, slice] = {}
    free_from = 0
    for row in sorted(rows, key=lambda row: row.offset):
        label = row.name or "a file"
        if row.offset < free_from or row.offset + LOCAL.size > directory_start:
            raise malformed_error(f"{label} overlaps another array or lies outside")
        local = LOCAL.unpack_from(body, row.offset)
        name_at = row.offset + LOCAL.size
        start = name_at + local[10] + local[11]
        stop = start + row.compressed_size
        if local[0] != LOCAL_MAGIC or local[4] != row.method or (row.name and local[3] & ENCRYPTED):
            raise malformed_error(f"the entry of {label} contradicts the directory")
        if stop > directory_start:
            raise malformed_error(f"{label} overlaps another array or lies outside")
        if bytes(body[name_at : name_at + local[10]]) != row.raw_name:
            raise malformed_error(f"the entry of {label} has another name than in the directory")
        if row.name:
            byte_ranges[row.name] = slice(start, stop)
        free_from = stop
    return byte_ranges
