"""``.npz``: a zip whose entries are npy files; stored when written, stored or deflated when read.

The zip is read from its end: end record, directory, entries. Every length is believed only when it lies
inside the body; entries may not overlap; what they unfold to is counted against the limit first.
Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from poolhouse.errors import Malformed, TooLarge, Unprocessable
from poolhouse.tensors import Message, Outline, Tensor
from poolhouse.wire.codec import Encoded
from poolhouse.wire.npy import array_bytes, header_of, read_array
from poolhouse.wire.quoting import clip

MAX_ENTRIES: Final = 16
_STORED: Final = 0
_DEFLATED: Final = 8
_ENCRYPTED: Final = 0x0001 | 0x0040
_FULL: Final = 0xFFFFFFFF
"""In a 32-bit field: the number stands in the zip64 extra."""
_ALIGNMENT: Final = 64
_PADDING_ID: Final = 0xD935
"""The extra field by which Android's zipalign pads; readers skip it."""
_DOS_DATE: Final = 0x0021
"""The first of January 1980: equal messages give equal bytes."""
_STEP: Final = 256 * 1024

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s4B4H3L5H2L")
_LOCAL = struct.Struct("<4s2B4H3L2H")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\.npy")
_MAC_FOLDER: Final = b"__MACOSX/"
"""Where the Finder puts what it knows of a file, under the file's own name."""


def _malformed(why: str) -> Malformed:
    return Malformed("malformed_body", f"This is no npz file: {why}. Save it with numpy.savez and send the file.")


@dataclass(frozen=True, slots=True)
class _Entry:
    raw_name: bytes
    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def _directory(body: memoryview) -> tuple[int, int, int]:
    """Number of entries, start and end of the directory."""
    tail_start = max(0, len(body) - _END.size - 0xFFFF)
    tail = bytes(body[tail_start:])
    at = tail.rfind(b"PK\x05\x06")
    while at >= 0:
        if len(tail) - at >= _END.size:
            end = _END.unpack_from(tail, at)
            if at + _END.size + end[7] == len(tail):
                break
        at = tail.rfind(b"PK\x05\x06", 0, at)
    else:
        raise _malformed("the end record of a zip is not at its end")
    _, disk, first_disk, here, count, size, start, _ = end
    if disk or first_disk or here != count:
        raise _malformed("it is one part of several")
    at += tail_start
    if count == 0xFFFF or _FULL in (size, start):
        if at < _LOCATOR64.size:
            raise _malformed("its zip64 record is missing")
        magic, _, record, _ = _LOCATOR64.unpack_from(body, at - _LOCATOR64.size)
        if magic != b"PK\x06\x07" or record + _END64.size > at:
            raise _malformed("its zip64 record is missing")
        fields = _END64.unpack_from(body, record)
        if fields[0] != b"PK\x06\x06" or fields[6] != fields[7]:
            raise _malformed("its zip64 record cannot be read")
        count, size, start = fields[7:10]
        at = record
    if start + size > at:
        raise _malformed("its directory does not lie inside it")
    if count > MAX_ENTRIES:
        raise _malformed(f"it holds {count} arrays, more than {MAX_ENTRIES}")
    return count, start, start + size


def _wide(extra: memoryview, numbers: list[int]) -> list[int]:
    """The numbers, those that are full taken from the zip64 extra in their order."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            wanted = [position for position, number in enumerate(numbers) if number == _FULL]
            if at + size > len(extra) or size < 8 * len(wanted):
                break
            wide = struct.unpack_from(f"<{len(wanted)}Q", extra, at)
            for position, number in zip(wanted, wide, strict=True):
                numbers[position] = number
            return numbers
        at += size
    raise _malformed("a zip64 size is missing")


def _array_name(raw_name: bytes) -> str:
    """The name of an array; empty for a file beside the arrays, which some other program put there.

    Raises:
        Unprocessable: an array by this name belongs to no operator.
    """
    if not raw_name.endswith(b".npy") or raw_name.startswith(_MAC_FOLDER):
        return ""
    name = str(raw_name, "utf-8", "backslashreplace")
    if _NAME.fullmatch(name) is None:
        raise Unprocessable(
            "unknown_tensor",
            f"The npz file holds {clip(name.removesuffix('.npy'))}, which no operator takes; "
            "name the array to pool 'input' (input=x), and leave others away.",
        )
    return name


def _entries(body: memoryview) -> list[_Entry]:
    """What the directory lists, arrays and other files.

    Raises:
        Malformed: it contradicts itself, or lists too much.
        Unprocessable: see :func:`_array_name`.
    """
    count, at, end = _directory(body)
    entries: list[_Entry] = []
    for _ in range(count):
        if at + _CENTRAL.size > end:
            raise _malformed("its directory ends early")
        row = _CENTRAL.unpack_from(body, at)
        flags, method, crc = row[5], row[6], row[9]
        name_length, extra_length, comment_length = row[12:15]
        if row[0] != b"PK\x01\x02":
            raise _malformed("its directory cannot be read")
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_length
        at = extra_at + extra_length + comment_length
        if at > end:
            raise _malformed("its directory ends early")
        raw_name = bytes(body[name_at:extra_at])
        name = _array_name(raw_name)
        if name and flags & _ENCRYPTED:
            raise _malformed(f"{name} is encrypted")
        if name and method not in (_STORED, _DEFLATED):
            raise _malformed(f"{name} is packed by method {method}, and stored and deflated are read")
        packed, size, offset = row[10], row[11], row[18]
        if _FULL in (packed, size, offset):
            # The extra holds them in the order size, packed, offset.
            size, packed, offset = _wide(body[extra_at : extra_at + extra_length], [size, packed, offset])
        if any(raw_name == other.raw_name for other in entries):
            raise _malformed(f"it holds {name or 'a file'} twice")
        entries.append(_Entry(raw_name, name, method, crc, packed, size, offset))
    if at != end:
        raise _malformed("bytes follow the last entry of its directory")
    return entries


def _payloads(body: memoryview, entries: list[_Entry], directory: int) -> dict[str, slice]:
    """Where the bytes of each array lie; no entry over another."""
    payloads: dict[str, slice] = {}
    free_from = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        shown = entry.name or "a file"
        if entry.offset < free_from or entry.offset + _LOCAL.size > directory:
            raise _malformed(f"{shown} overlaps another array or lies outside")
        row = _LOCAL.unpack_from(body, entry.offset)
        name_at = entry.offset + _LOCAL.size
        start = name_at + row[10] + row[11]
        stop = start + entry.packed
        if row[0] != b"PK\x03\x04" or row[4] != entry.method or (entry.name and row[3] & _ENCRYPTED):
            raise _malformed(f"the entry of {shown} contradicts the directory")
        if stop > directory:
            raise _malformed(f"{shown} overlaps another array or lies outside")
        if bytes(body[name_at : name_at + row[10]]) != entry.raw_name:
            raise _malformed(f"the entry of {shown} has another name than in the directory")
        if entry.name:
            payloads[entry.name] = slice(start, stop)
        free_from = stop
    return payloads


def _most(packed: memoryview) -> int:
    """Deflate cannot do better than 1032 to 1, so a larger promise is a lie that costs no buffer."""
    return 1032 * len(packed) + 1032


def _inflate(packed: memoryview, entry: _Entry) -> memoryview:
    """The deflated bytes of one entry, straight into a buffer of the size that was promised."""
    wrong = f"{entry.name} does not unfold to the {entry.size} bytes that its directory says"
    if entry.size > _most(packed):
        raise _malformed(wrong)
    out = bytearray(entry.size)
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    at = 0
    try:
        # In slices, because zlib copies what it has not yet taken on every call.
        for begin in range(0, len(packed), 16 * 1024):
            rest: bytes | memoryview = packed[begin : begin + 16 * 1024]
            while rest and not stream.eof:
                piece = stream.decompress(rest, _STEP)
                if at + len(piece) > entry.size:
                    raise _malformed(wrong)
                out[at : at + len(piece)] = piece
                at += len(piece)
                rest = stream.unconsumed_tail
            if stream.eof and (rest or begin + 16 * 1024 < len(packed)):
                break
        tail = stream.flush() if not stream.eof else b""
    except zlib.error:
        raise _malformed(f"{entry.name} cannot be inflated") from None
    if at + len(tail) > entry.size:
        raise _malformed(wrong)
    out[at : at + len(tail)] = tail
    if at + len(tail) != entry.size or not stream.eof or stream.unused_data:
        raise _malformed(wrong)
    return memoryview(out)


def _packed(body: memoryview, limit_bytes: int) -> list[tuple[_Entry, slice]]:
    """The arrays in the directory's order, and where their bytes lie in the zip; other files are passed over."""
    _, directory, _ = _directory(body)
    entries = _entries(body)
    arrays_alone = [entry for entry in entries if entry.name]
    total = sum(entry.size for entry in arrays_alone)
    if total > limit_bytes:
        raise TooLarge(
            "body_too_large",
            f"The arrays unfold to {total} bytes, over the limit of {limit_bytes}; send less.",
            limit_bytes=limit_bytes,
        )
    payloads = _payloads(body, entries, directory)
    return [(entry, payloads[entry.name]) for entry in arrays_alone]


def unfolded_bytes(body: memoryview) -> int:
    """Bytes that :func:`read_arrays` takes beside the body or looks through at most; of deflated arrays it is not known
    in which order they lie. Errors are the same, where the directory shows them."""
    total = 0
    for entry, place in _packed(body, sys.maxsize):
        if entry.method == _DEFLATED:
            total += 2 * min(entry.size, _most(body[place]))
        else:
            total += array_bytes(body[place], entry.name.removesuffix(".npy"), place.start)
    return total


def read_arrays(body: memoryview, limit_bytes: int) -> dict[str, Tensor]:
    """The arrays by name, in the directory's order; other files in the zip are passed over.

    Returns:
        Views of ``body`` where they are stored and lie right, else one copy each.

    Raises:
        Malformed: not a zip of npy files, or one that contradicts itself.
        Unprocessable: an array that no operator takes, or of elements that cannot be pooled.
        TooLarge: the arrays would unfold to more than ``limit_bytes``.
    """
    arrays: dict[str, Tensor] = {}
    for entry, place in _packed(body, limit_bytes):
        payload = body[place]
        if entry.method == _DEFLATED:
            payload = _inflate(payload, entry)
        elif entry.packed != entry.size:
            raise _malformed(f"{entry.name} is stored and has two sizes")
        if zlib.crc32(payload) != entry.crc:
            raise _malformed(f"the checksum of {entry.name} is wrong")
        name = entry.name.removesuffix(".npy")
        arrays[name] = read_array(payload, name)
    return arrays


def _zip64(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def write_arrays(tensors: Mapping[str, Tensor], *, wide_from: int = _FULL) -> tuple[bytes | memoryview, ...]:
    """The chunks of a zip of npy files, stored, each file at a multiple of 64 bytes.

    Args:
        tensors: by name, without ``.npy``.
        wide_from: sizes and offsets from here on are written as zip64; a test lowers it.
    """
    chunks: list[bytes | memoryview] = []
    directory: list[bytes] = []
    at = 0
    for wire_name, tensor in tensors.items():
        name = f"{wire_name}.npy".encode("ascii")
        head, payload = header_of(tensor), tensor.buffer
        size = len(head) + len(payload)
        crc = zlib.crc32(payload, zlib.crc32(head))
        wide = size >= wide_from
        version = 45 if wide or at >= wide_from else 20
        extra = _zip64(size, size) if wide else b""
        padding = -(at + _LOCAL.size + len(name) + len(extra) + 4) % _ALIGNMENT
        extra += struct.pack("<2H", _PADDING_ID, padding) + bytes(padding)
        short = _FULL if wide else size
        fields = (0, _STORED, 0, _DOS_DATE, crc, short, short, len(name))
        chunks += [
            _LOCAL.pack(b"PK\x03\x04", version, 0, *fields, len(extra)) + name + extra + head,
            payload,
        ]
        numbers = ((size, size) if wide else ()) + ((at,) if at >= wide_from else ())
        extra_wide = _zip64(*numbers) if numbers else b""
        offset = _FULL if at >= wide_from else at
        directory.append(
            _CENTRAL.pack(b"PK\x01\x02", version, 0, version, 0, *fields, len(extra_wide), 0, 0, 0, 0, offset)
            + name
            + extra_wide
        )
        at += sum(map(len, chunks[-2:]))
    rows = b"".join(directory)
    count = len(directory)
    end = b""
    if at >= wide_from or len(rows) >= wide_from:
        end = _END64.pack(b"PK\x06\x06", _END64.size - 12, 45, 45, 0, 0, count, count, len(rows), at)
        end += _LOCATOR64.pack(b"PK\x06\x07", 0, at + len(rows), 1)
    start = _FULL if end else at
    end += _END.pack(b"PK\x05\x06", 0, 0, count, count, len(rows), start, 0)
    return (*chunks, rows + end)


class NpzCodec:
    """Arrays by name."""

    name = "npz"
    media_types = ("application/x-npz",)
    is_json = False
    holds_interpreter = False

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The arrays by name, the query as texts."""
        arrays = read_arrays(body, limit_bytes)
        if not arrays:
            raise Unprocessable(
                "missing_tensor", "The npz file holds no array; name the one to pool 'input' (input=x)."
            )
        return Message(arrays, texts=dict(query))

    def decoding_bytes(self, body: memoryview) -> int:
        """What its arrays unfold to, and what of them lies in another order than ours."""
        return unfolded_bytes(body)

    def encode(self, message: Message) -> Encoded:
        """Every tensor by name, stored."""
        return Encoded(self.media_types[0], write_arrays(message.tensors))

    def encoding_bytes(self, outputs: Mapping[str, Outline], encoding: str) -> int:
        """None."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """Any number, by name."""
        return True


NPZ: Final = NpzCodec()
