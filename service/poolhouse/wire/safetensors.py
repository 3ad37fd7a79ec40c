"""The safetensors codec: eight bytes of length, a JSON header, then the elements, without gaps.

Source: the format section of the safetensors README. The standard library parses the header, because the client's
plain install has no other JSON parser.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Final, NamedTuple, NoReturn

import numpy as np

from poolhouse.dtypes import ELEMENT_TYPE_BY_SAFETENSORS_NAME
from poolhouse.errors import Malformed, Unprocessable
from poolhouse.tensors import Message, Note, Tensor, TensorMetadata
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.elements import check_shape, tensor_from_bytes, touched_bytes, unsupported_type_error
from poolhouse.wire.query import duplicate_field_error
from poolhouse.wire.quoting import quote_clipped

MAX_HEADER_BYTES: Final = 2**20
MAX_TENSORS: Final = 64
_ENTRIES_PER_TENSOR: Final = 64
_METADATA: Final = "__metadata__"
_FIELD_PREFIX: Final = "poolhouse."
"""The prefix of our fields in the metadata, where other programs may write entries of their own."""
_ENTRY_KEYS: Final = {"dtype", "shape", "data_offsets"}
_ALIGNMENT: Final = 64


def _malformed_error(why: str) -> Malformed:
    return Malformed(
        "malformed_body",
        f"The body is no safetensors file: {why}. Write it with a safetensors library, or fix the header.",
    )


def _refuse_duplicate_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _malformed_error(f"its header has {quote_clipped(name)} twice")
            seen.add(name)
    return found


def _refuse_constant(token: str) -> NoReturn:
    raise _malformed_error(f"its header holds {token}, which is not JSON")


def _outside_strings(text: bytes) -> bytes:
    """The characters of a JSON text outside its strings.

    They are correct up to the first syntax error; the parser builds nothing after it.
    """
    characters = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    is_inside = np.logical_xor.accumulate(characters == ord('"'))
    return characters[~is_inside].tobytes()


def _parse_header(text: bytes, max_tensors: int) -> dict[str, object]:
    # Count before parsing: a megabyte of braces would become 100 MB of objects. Strings may hold any characters.
    bare = _outside_strings(text)
    if bare.count(b"{") > max_tensors + 2 or bare.count(b"[") > 2 * max_tensors:
        raise _malformed_error(f"its header holds more than {max_tensors} tensors, or unexpected lists")
    entries = _ENTRIES_PER_TENSOR * max_tensors
    if bare.count(b",") > entries or bare.count(b":") > entries:
        raise _malformed_error(f"its header holds more than {entries} entries")
    try:
        header: object = json.loads(
            text.decode("utf-8"), object_pairs_hook=_refuse_duplicate_keys, parse_constant=_refuse_constant
        )
    except UnicodeDecodeError:
        raise _malformed_error("its header is not UTF-8") from None
    except ValueError:
        # Without the parser's message, which may quote an integer of 4,301 digits.
        raise _malformed_error("its header is not JSON") from None
    if not isinstance(header, dict):
        raise _malformed_error("its header is not a JSON object")
    return header


def _check_metadata(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed_error(f"{_METADATA} is not an object")
    for name, text in value.items():
        if not isinstance(text, str):
            raise _malformed_error(f"{quote_clipped(name)} in {_METADATA} is not a string")
    return value


def _notes_from_metadata(metadata: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Note]:
    """The metadata by field name; a field may be given only once in the request."""
    notes: dict[str, Note] = {}
    for key, text in metadata.items():
        name = key.removeprefix(_FIELD_PREFIX)
        pointer = f"/{_METADATA}/" + key[:80].replace("~", "~0").replace("/", "~1")
        if name in query:
            raise duplicate_field_error(name, pointer, f"in the query string and in {_METADATA}")
        if name in notes:
            raise duplicate_field_error(name, pointer, f"with and without {_FIELD_PREFIX} in {_METADATA}")
        notes[name] = Note(text, pointer, key != name)
    return notes


def _read_integers(value: object, what: str) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise _malformed_error(f"{what} is not a list of integers")
    return tuple(value)


class _TensorEntry(NamedTuple):
    """One tensor of the header; ``start`` and ``end`` are offsets in the body."""

    start: int
    end: int
    name: str
    tensor_metadata: TensorMetadata


def _read_entries(body: memoryview, max_tensors: int = MAX_TENSORS) -> tuple[list[_TensorEntry], dict[str, str]]:
    """The tensors in the order of their bytes, checked for gaps, and the metadata."""
    if len(body) < 8:
        raise _malformed_error(f"it has {len(body)} bytes; the length of the header alone takes 8")
    (length,) = struct.unpack_from("<Q", body)
    if length > MAX_HEADER_BYTES:
        raise _malformed_error(f"its header has {length} bytes, more than the limit of {MAX_HEADER_BYTES}")
    if length > len(body) - 8:
        raise _malformed_error(f"its header should have {length} bytes, and only {len(body) - 8} follow")
    header = _parse_header(bytes(body[8 : 8 + length]), max_tensors)
    data = 8 + length
    metadata = _check_metadata(header.pop(_METADATA, {}))
    rows: list[tuple[int, int, str, str, tuple[int, ...]]] = []
    for name, entry in header.items():
        if not isinstance(entry, dict) or not entry.keys() >= _ENTRY_KEYS:
            raise _malformed_error(f"the entry of {quote_clipped(name)} is not dtype, shape and data_offsets")
        offsets = _read_integers(entry["data_offsets"], f"data_offsets of {quote_clipped(name)}")
        spelling = entry["dtype"]
        if len(offsets) != 2 or not isinstance(spelling, str):
            raise _malformed_error(f"the entry of {quote_clipped(name)} needs two offsets and a dtype that is a string")
        shape = _read_integers(entry["shape"], f"the shape of {quote_clipped(name)}")
        rows.append((offsets[0], offsets[1], name, spelling, shape))
    rows.sort()
    entries: list[_TensorEntry] = []
    at = 0
    for start, end, name, spelling, shape in rows:
        if start != at or end < start or end > len(body) - data:
            raise _malformed_error(
                f"the bytes {start} to {end} of {quote_clipped(name)} overlap, leave a gap or lie outside the data"
            )
        at = end
        dtype = ELEMENT_TYPE_BY_SAFETENSORS_NAME.get(spelling)
        if dtype is None:
            raise unsupported_type_error(quote_clipped(spelling), f"/{name[:60]}")
        check_shape(shape, dtype, quote_clipped(name), f"/{name[:60]}")
        if math.prod(shape) * dtype.itemsize != end - start:
            raise _malformed_error(
                f"{quote_clipped(name)} of shape {list(shape)} and type {spelling} does not take the "
                f"{end - start} bytes of its offsets"
            )
        entries.append(_TensorEntry(data + start, data + end, name, TensorMetadata(dtype, shape)))
    if data + at != len(body):
        raise _malformed_error(f"{len(body) - data - at} bytes follow the last tensor")
    return entries, metadata


def read_tensors(body: memoryview, max_tensors: int = MAX_TENSORS) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors by name, in the order of their bytes, and the metadata.

    Args:
        body: the file.
        max_tensors: a file with more is refused.

    Returns:
        Views of ``body`` where alignment allows it, else one copy each.

    Raises:
        Malformed: not a safetensors file; lengths or offsets that do not fit, overlap or leave a gap.
        Unprocessable: an unsupported element type or shape.
    """
    entries, metadata = _read_entries(body, max_tensors)
    tensors = {
        name: tensor_from_bytes(body[start:end], metadata.dtype, metadata.shape, name[:60])
        for start, end, name, metadata in entries
    }
    return tensors, metadata


class SafetensorsCodec:
    """Tensors by name; fields are in the query string or in ``__metadata__``."""

    name = "safetensors"
    media_types = ("application/vnd.safetensors", "application/x-safetensors")
    is_json = False
    holds_gil = False

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The tensors; the query as ``text_fields``, the metadata as ``notes``."""
        tensors, metadata = read_tensors(body)
        if not tensors:
            raise Unprocessable("missing_tensor", "The safetensors file holds no tensor; name the one to pool 'input'.")
        return Message(tensors, text_fields=dict(query), notes=_notes_from_metadata(metadata, query))

    def decode_extra_bytes(self, body: memoryview) -> int:
        """The size of the tensors that are not aligned to their element size, or of type bool."""
        entries, _ = _read_entries(body)
        return sum(touched_bytes(metadata, start) for start, _, _, metadata in entries)

    def encode(self, message: Message) -> EncodedBody:
        """The tensors, those with the widest elements first so that all are aligned; ``text_fields`` as metadata."""
        rows = sorted(message.tensors.items(), key=lambda row: -row[1].dtype.itemsize)
        header: dict[str, object] = {_METADATA: dict(message.text_fields)} if message.text_fields else {}
        start = 0
        for name, tensor in rows:
            end = start + tensor.metadata.nbytes
            header[name] = {
                "dtype": tensor.dtype.safetensors_name,
                "shape": list(tensor.shape),
                "data_offsets": [start, end],
            }
            start = end
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
        text += b" " * (-(8 + len(text)) % _ALIGNMENT)
        head = struct.pack("<Q", len(text)) + text
        return EncodedBody(self.media_types[0], (head, *(tensor.buffer for _, tensor in rows)))

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """0: the body is views of the tensors."""
        return 0

    def accepts_outputs(self, count: int) -> bool:
        """Any number, by name."""
        return True


SAFETENSORS: Final = SafetensorsCodec()
