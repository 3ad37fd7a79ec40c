"""The npy codec: six bytes of magic, two of version, a header that is a Python dict literal, then the elements.

The header is parsed by a grammar that accepts valid npy headers only; nothing is evaluated.
Source: numpy's NEP 1, "A simple file format for NumPy arrays".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from poolhouse.dtypes import BFLOAT16, ELEMENT_TYPE_BY_NUMPY_NAME, ELEMENT_TYPES, ElementType
from poolhouse.errors import Malformed
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.elements import check_shape, tensor_from_bytes, touched_bytes, unsupported_type_error
from poolhouse.wire.quoting import quote_clipped

MAGIC: Final = b"\x93NUMPY"
MAX_HEADER_BYTES: Final = 10_000
"""The limit of numpy's own reader."""
_ALIGNMENT: Final = 64
_WHITESPACE: Final = " \t\n\r\f\v"
"""Python's whitespace between tokens; ``str.strip`` and ``int`` accept further characters, each others."""

_TYPE_BY_CODE: Final[dict[str, ElementType]] = {row.npy_descr[1:]: row for row in ELEMENT_TYPES.values()} | {
    code: ELEMENT_TYPE_BY_NUMPY_NAME[np.dtype(code).name] for code in "?bBhHiIlLqQpPefd"
}
"""Element types by the code that follows the byte order."""
_INTEGER_ALIASES: Final = ("bool_", "byte", "ubyte", "short", "intc", "int", "int_", "intp", "long", "longlong")
_UNSIGNED_ALIASES: Final = ("ushort", "uintc", "uint", "uintp", "ulong", "ulonglong")
_FLOAT_ALIASES: Final = ("half", "single", "double", "float")
_TYPE_BY_NAME: Final[dict[str, ElementType]] = ELEMENT_TYPES | {
    alias: ELEMENT_TYPE_BY_NUMPY_NAME[np.dtype(alias).name]
    for alias in (*_INTEGER_ALIASES, *_UNSIGNED_ALIASES, *_FLOAT_ALIASES)
}
"""Element types by name, resolved by numpy at import: text of a header is never passed to numpy."""

_ENTRY = re.compile(
    r"""\s*(?P<quote>['"])(?P<key>[a-z_]{1,32})(?P=quote)\s*:\s*
    (?: (?P<text>'[^'"\\]{0,64}'|"[^'"\\]{0,64}")
      | (?P<flag>True|False)
      | \((?P<sizes>[-0-9L,\s]*)\)
      | (?P<composed>[\[\(\{]) )
    \s*(?P<end>,\s*\}|,|\})?""",
    re.VERBOSE | re.ASCII,
)
_FIELDS: Final = {"descr": "text", "fortran_order": "flag", "shape": "sizes"}
_SIZES = re.compile(r"\s*(?:-?\d{1,19}L?\s*,\s*)*(?:-?\d{1,19}L?\s*)?", re.ASCII)
_DESCR = re.compile(r"(?P<order>[<>|=]?)(?P<code>[A-Za-z?]\d*)", re.ASCII)


def _malformed_error(why: str) -> Malformed:
    return Malformed("malformed_body", f"The body is no npy file: {why}. Save the array with numpy.save and send that.")


def _parse_header_fields(header: str, pointer: str) -> dict[str, str]:
    """The three entries of the header, as text."""
    found: dict[str, str] = {}
    at = header.find("{") + 1
    if at == 0 or header[: at - 1].strip(_WHITESPACE):
        raise _malformed_error("its header does not begin with a brace")
    while True:
        entry = _ENTRY.match(header, at)
        if entry is None:
            raise _malformed_error(f"its header cannot be read at byte {at}")
        key = entry["key"]
        if key == "descr" and entry["text"] is None and entry["flag"] is None:
            raise unsupported_type_error("composed of others (records, subarrays)", pointer)
        if key not in _FIELDS:
            raise _malformed_error(f"its header has the unknown entry {quote_clipped(key)}")
        value = entry[_FIELDS[key]]
        if value is None or entry["end"] is None:
            raise _malformed_error(f"the entry {key} of its header has the wrong type or does not end")
        if key in found:
            raise _malformed_error(f"its header has the entry {key} twice")
        found[key] = value
        at = entry.end()
        if entry["end"] != ",":
            break
    if header[at:].strip(_WHITESPACE):
        raise _malformed_error("its header continues after the closing brace")
    missing = _FIELDS.keys() - found.keys()
    if missing:
        raise _malformed_error(f"its header lacks {', '.join(sorted(missing))}")
    return found


def _parse_shape(sizes: str) -> tuple[int, ...]:
    if _SIZES.fullmatch(sizes) is None or ("," not in sizes and sizes.strip(_WHITESPACE)):
        raise _malformed_error("the shape in its header is not a tuple of integers of at most 19 digits")
    return tuple(int(size.strip(_WHITESPACE + "L")) for size in sizes.split(",") if size.strip(_WHITESPACE))


def _parse_descr(descr: str, pointer: str) -> tuple[ElementType, bool]:
    """The element type that numpy reads in ``descr``, and whether the bytes are big-endian."""
    known = _DESCR.fullmatch(descr)
    dtype = _TYPE_BY_NAME.get(descr) or (_TYPE_BY_CODE.get(known["code"]) if known else None)
    if dtype is None:
        raise unsupported_type_error(quote_clipped(descr), pointer)
    return dtype, dtype.kind != "boolean" and dtype is not BFLOAT16 and descr.startswith(">")


class _Header(NamedTuple):
    """The header of an npy file, and the offset of its elements."""

    dtype: ElementType
    shape: tuple[int, ...]
    big_endian: bool
    fortran_order: bool
    start: int


def _read_header(body: memoryview, name: str) -> _Header:
    if len(body) < 10 or bytes(body[:6]) != MAGIC:
        raise _malformed_error("it does not begin with the six bytes \\x93NUMPY and a version")
    version = body[6]
    if version not in (1, 2, 3) or body[7] != 0:
        raise _malformed_error(f"its version is {version}.{body[7]}; 1.0, 2.0 and 3.0 are supported")
    start = 10 if version == 1 else 12
    if len(body) < start:
        raise _malformed_error("it ends within its header")
    (length,) = struct.unpack_from("<H" if version == 1 else "<I", body, 8)
    if length > MAX_HEADER_BYTES:
        raise _malformed_error(f"its header has {length} bytes, more than the limit of {MAX_HEADER_BYTES}")
    if len(body) < start + length:
        raise _malformed_error("it ends within its header")
    try:
        header = str(body[start : start + length], "utf-8" if version == 3 else "latin-1")
    except UnicodeDecodeError:
        raise _malformed_error("its header is not UTF-8") from None
    fields = _parse_header_fields(header, f"/{name}")
    dtype, is_big_endian = _parse_descr(fields["descr"][1:-1], f"/{name}")
    return _Header(
        dtype,
        _parse_shape(fields["shape"]),
        big_endian=is_big_endian,
        fortran_order=fields["fortran_order"] == "True",
        start=start + length,
    )


def read_array(body: memoryview, name: str) -> Tensor:
    """The array of an npy file, which must fill ``body`` exactly.

    Returns:
        A view of ``body`` if alignment and order allow it, else one copy.

    Raises:
        Malformed: not an npy file, or its length does not fit its header.
        Unprocessable: an unsupported element type, such as records and pickles.
    """
    header = _read_header(body, name)
    return tensor_from_bytes(
        body[header.start :],
        header.dtype,
        header.shape,
        name,
        big_endian=header.big_endian,
        fortran_order=header.fortran_order,
    )


def array_touched_bytes(body: memoryview, name: str, offset: int = 0) -> int:
    """Bytes that :func:`read_array` copies or scans in a file that begins at this offset of a body; it raises the same
    errors, except for wrong lengths."""
    header = _read_header(body, name)
    check_shape(header.shape, header.dtype, name, f"/{name}")
    touched = touched_bytes(
        TensorMetadata(header.dtype, header.shape),
        offset + header.start,
        big_endian=header.big_endian,
        fortran_order=header.fortran_order,
    )
    return min(touched, len(body))


def make_header(tensor: Tensor) -> bytes:
    """Magic, version and header, padded so that the elements begin at a multiple of 64 bytes."""
    sizes = ", ".join(map(str, tensor.shape))
    comma = "," if len(tensor.shape) == 1 else ""
    text = f"{{'descr': '{tensor.dtype.npy_descr}', 'fortran_order': False, 'shape': ({sizes}{comma}), }}"
    padding = -(10 + len(text) + 1) % _ALIGNMENT
    header = text.encode("ascii") + b" " * padding + b"\n"
    return MAGIC + b"\x01\x00" + struct.pack("<H", len(header)) + header


class NpyCodec:
    """One array; in a request it is ``input``."""

    name = "npy"
    media_types = ("application/x-npy",)
    is_json = False
    holds_gil = False

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The array as ``input``, the query as ``text_fields``."""
        return Message({"input": read_array(body, "input")}, text_fields=dict(query))

    def decode_extra_bytes(self, body: memoryview) -> int:
        """The size of the elements if they must be copied or scanned, else 0."""
        return array_touched_bytes(body, "input")

    def encode(self, message: Message) -> EncodedBody:
        """Header and elements of the only tensor."""
        (tensor,) = message.tensors.values()
        return EncodedBody(self.media_types[0], (make_header(tensor), tensor.buffer))

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """0: the body is views of the tensors."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """An npy file holds one array."""
        return count == 1


NPY: Final = NpyCodec()
