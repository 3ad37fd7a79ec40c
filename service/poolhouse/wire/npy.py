"""``.npy``: six bytes of magic, two of version, a header that is a Python dict literal, then the elements.

The header is read by a grammar of exactly what such a header may say; nothing is evaluated.
Source: the NEP 1 document of numpy, "A simple file format for NumPy arrays".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from poolhouse.dtypes import BFLOAT16, BY_NUMPY, ELEMENT_TYPES, ElementType
from poolhouse.errors import Malformed
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.elements import check_shape, tensor_from_bytes, touched_bytes, unsupported_type_error
from poolhouse.wire.quoting import quote_clipped

MAGIC: Final = b"\x93NUMPY"
MAX_HEADER_BYTES: Final = 10_000
"""numpy's own cap."""
_ALIGNMENT: Final = 64
_WHITESPACE: Final = " \t\n\r\f\v"
"""What Python takes for space between two tokens; ``str.strip`` takes more, and ``int`` yet other characters."""

_TYPE_BY_CODE: Final[dict[str, ElementType]] = {row.npy[1:]: row for row in ELEMENT_TYPES.values()} | {
    code: BY_NUMPY[np.dtype(code).name] for code in "?bBhilqpefd"
}
"""By what may stand behind a byte order."""
_INTEGER_ALIASES: Final = ("bool_", "byte", "ubyte", "short", "intc", "int", "int_", "intp", "long", "longlong")
_FLOAT_ALIASES: Final = ("half", "single", "double", "float")
_TYPE_BY_NAME: Final[dict[str, ElementType]] = ELEMENT_TYPES | {
    alias: BY_NUMPY[np.dtype(alias).name] for alias in (*_INTEGER_ALIASES, *_FLOAT_ALIASES)
}
"""By name. Asked of numpy once and for these alone: what a header says never reaches it."""

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
    return Malformed("malformed_body", f"This is no npy array: {why}. Save it with numpy.save and send the file.")


def _parse_header_fields(header: str, pointer: str) -> dict[str, str]:
    """The three entries of the dict, as text."""
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
            raise _malformed_error(f"the entry {key} of its header is of the wrong kind or not closed")
        if key in found:
            raise _malformed_error(f"its header has the entry {key} twice")
        found[key] = value
        at = entry.end()
        if entry["end"] != ",":
            break
    if header[at:].strip(_WHITESPACE):
        raise _malformed_error("its header goes on after the closing brace")
    missing = _FIELDS.keys() - found.keys()
    if missing:
        raise _malformed_error(f"its header lacks {', '.join(sorted(missing))}")
    return found


def _parse_shape(sizes: str) -> tuple[int, ...]:
    if _SIZES.fullmatch(sizes) is None or ("," not in sizes and sizes.strip(_WHITESPACE)):
        raise _malformed_error("the shape in its header is not a tuple of integers of at most 19 digits")
    return tuple(int(size.strip(_WHITESPACE + "L")) for size in sizes.split(",") if size.strip(_WHITESPACE))


def _parse_descr(descr: str, pointer: str) -> tuple[ElementType, bool]:
    """The element type that numpy would make of this argument, and whether the bytes are big-endian."""
    known = _DESCR.fullmatch(descr)
    dtype = _TYPE_BY_NAME.get(descr) or (_TYPE_BY_CODE.get(known["code"]) if known else None)
    if dtype is None:
        raise unsupported_type_error(quote_clipped(descr), pointer)
    return dtype, dtype.kind != "boolean" and dtype is not BFLOAT16 and descr.startswith(">")


class _Header(NamedTuple):
    """What the header of an npy file tells, and where its elements begin."""

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
        raise _malformed_error(f"its version is {version}.{body[7]}, and 1.0, 2.0 and 3.0 are read")
    start = 10 if version == 1 else 12
    if len(body) < start:
        raise _malformed_error("it ends within its header")
    (length,) = struct.unpack_from("<H" if version == 1 else "<I", body, 8)
    if length > MAX_HEADER_BYTES:
        raise _malformed_error(f"its header says {length} bytes, more than the {MAX_HEADER_BYTES} that are read")
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
    """The one array of an npy file that fills ``body`` exactly.

    Returns:
        A view of ``body`` where it lies right, else one copy.

    Raises:
        Malformed: not an npy file, or not of the length that it says.
        Unprocessable: of an element type that cannot be pooled; records and pickles among them.
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
    """Bytes that :func:`read_array` copies or looks through of a file that begins at this place of a body; errors are
    the same, but for lengths."""
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
    """Magic, version and header, so long that the elements begin at a multiple of 64 bytes."""
    sizes = ", ".join(map(str, tensor.shape))
    comma = "," if len(tensor.shape) == 1 else ""
    text = f"{{'descr': '{tensor.dtype.npy}', 'fortran_order': False, 'shape': ({sizes}{comma}), }}"
    padding = -(10 + len(text) + 1) % _ALIGNMENT
    header = text.encode("ascii") + b" " * padding + b"\n"
    return MAGIC + b"\x01\x00" + struct.pack("<H", len(header)) + header


class NpyCodec:
    """One array, named ``input`` when read."""

    name = "npy"
    media_types = ("application/x-npy",)
    is_json = False
    holds_gil = False

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The array as ``input``, the query as texts."""
        return Message({"input": read_array(body, "input")}, text_fields=dict(query))

    def decode_extra_bytes(self, body: memoryview) -> int:
        """All of them where they lie in another order than ours, else none."""
        return array_touched_bytes(body, "input")

    def encode(self, message: Message) -> EncodedBody:
        """The only tensor, header and elements."""
        (tensor,) = message.tensors.values()
        return EncodedBody(self.media_types[0], (make_header(tensor), tensor.buffer))

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """None."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """An npy file holds one array."""
        return count == 1


NPY: Final = NpyCodec()
