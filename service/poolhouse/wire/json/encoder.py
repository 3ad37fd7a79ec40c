"""Encode a response as JSON: ``{"output": {"dtype", "shape", "data"}}``, or base64 in place of data.

orjson prints short lists, since it is called at once, and holds the GIL. A compiled loop prints longer ones with the
same digits and releases the GIL.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from poolhouse.dtypes import BFLOAT16, ElementType, bfloat16_to_float32
from poolhouse.tensors import Message, Tensor, TensorMetadata
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.base64_loops import encode_base64
from poolhouse.wire.json.encoded_size import max_text_bytes
from poolhouse.wire.json.float_vectors import FLOAT_SCRATCH_SIZE
from poolhouse.wire.json.list_printer import (
    BOOLEANS,
    FLOAT32S,
    FLOAT64S,
    INTEGERS,
    SPARE_BYTES,
    UNSIGNED,
    print_elements,
)

Array = npt.NDArray[np.generic]

_QUOTED_NONFINITE: Final = np.array([b'"NaN"', b'"Infinity"', b'"-Infinity"'], dtype=object)
_BARE_NONFINITE: Final = np.array([b"NaN", b"Infinity", b"-Infinity"], dtype=object)
_CHUNK_ELEMENTS: Final = 64 * 1024
"""Elements of one chunk, whose intermediate results stay in the processor's cache."""
_ORJSON_MAX_BYTES: Final = 32 * 1024
"""The largest tensor that orjson prints, in at most half a millisecond. While compiled loops print larger ones, other
threads go on: with two cores the service then answers more requests. For float32 they are also faster
(``scripts/bench json``)."""


@lru_cache(maxsize=256)
def _entry_head(name: str, dtype: str, shape: tuple[int, ...], data_key: str) -> bytes:
    """The text of an entry before its elements."""
    sizes = ",".join(map(str, shape))
    return orjson.dumps(name) + f':{{"dtype":"{dtype}","shape":[{sizes}],"{data_key}":'.encode()


def _widen_bfloat16(array: Array, dtype: ElementType) -> Array:
    return bfloat16_to_float32(array.view(np.uint16)) if dtype is BFLOAT16 else array


def _dump_with_orjson(
    array: Array, dtype: ElementType, nonfinite: npt.NDArray[np.object_] = _QUOTED_NONFINITE
) -> bytes:
    """Print an array with orjson, and replace its null for a non-finite element by ``"NaN"`` and the like."""
    array = _widen_bfloat16(array, dtype)
    text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
    # To search the text is faster than to test the elements; integers and booleans never give null.
    if b"null" not in text:
        return text
    values = array[~np.isfinite(array)]
    # Without casts and comparisons, for which numpy warns of signalling NaNs.
    kinds = np.where(np.isnan(values), 0, np.where(np.signbit(values), 2, 1))
    words = [*nonfinite[kinds].tolist(), b""]
    return b"".join(chain.from_iterable(zip(text.split(b"null"), words, strict=True)))


def _element_bits(chunk: Array, dtype: ElementType) -> tuple[int, npt.NDArray[np.uint64]]:
    """The element kind for :func:`print_elements`, and the elements as its 64-bit integers."""
    if dtype.is_unsigned:
        return UNSIGNED, chunk.astype(np.uint64)
    if dtype.kind != "float":
        return BOOLEANS if dtype.kind == "boolean" else INTEGERS, chunk.astype(np.int64).view(np.uint64)
    if dtype.itemsize == 8:
        return FLOAT64S, chunk.view(np.uint64)
    return FLOAT32S, _widen_bfloat16(chunk, dtype).astype(np.float32).view(np.uint32).astype(np.uint64)


class JsonWriter:
    """Writes the text of a response to one buffer.

    Args:
        capacity: the maximum length; pages that are never written take no memory.
        bare: whether NaN and infinities are written without quotes, as the Open Inference Protocol does.
    """

    def __init__(self, capacity: int, *, bare: bool = False) -> None:
        self._bare = int(bare)
        self._buffer = np.empty(capacity + SPARE_BYTES, np.uint8)
        self._end = 0

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        end = self._end + len(piece)
        self._buffer[self._end : end] = np.frombuffer(piece, np.uint8)
        self._end = end

    def write_lists(self, tensor: Tensor) -> None:
        """Append the nested lists of a tensor."""
        if not tensor.array.size:
            self.write(_dump_with_orjson(tensor.array, tensor.dtype))
            return
        flat, rank = tensor.array.reshape(-1), len(tensor.shape)
        sizes, index = np.array(tensor.shape, np.int64), np.zeros(rank, np.int64)
        scratch = np.empty(FLOAT_SCRATCH_SIZE, np.uint64)
        for start in range(0, flat.size, _CHUNK_ELEMENTS):
            with np.errstate(invalid="ignore"):  # signalling NaNs
                kind, bits = _element_bits(flat[start : start + _CHUNK_ELEMENTS], tensor.dtype)
            self._end = print_elements(
                bits, bits.size, kind, self._bare, sizes, index, rank, scratch, self._buffer, self._end
            )

    def write_base64(self, elements: memoryview) -> None:
        """Append a string of base64."""
        source = np.frombuffer(elements.toreadonly(), np.uint8)
        self.write(b'"')
        self._end = encode_base64(source, len(source), self._buffer, self._end)
        self.write(b'"')

    def written(self) -> memoryview:
        """A view of the text so far."""
        return self._buffer[: self._end].data


def _iter_parts(message: Message, data_key: str, fields: bytes) -> Iterator[bytes | Tensor]:
    """The parts of the text in order: for each tensor its head and the tensor itself, then the fields."""
    separator = b"{"
    for name, tensor in message.tensors.items():
        yield separator + _entry_head(name, tensor.dtype.name, tensor.shape, data_key)
        yield tensor
        separator = b"},"
    if fields != b"{}":
        yield (b"}," if message.tensors else b"{") + fields[1:]
    else:
        yield b"}}" if message.tensors else b"{}"


def _encode_short(tensor: Tensor, data_key: str) -> bytes:
    if data_key == "data":
        return _dump_with_orjson(tensor.array, tensor.dtype)
    return b'"%b"' % binascii.b2a_base64(tensor.buffer, newline=False)


def short_lists_heads(outputs: Mapping[str, TensorMetadata]) -> tuple[bytes, ...] | None:
    """The texts before the elements of each output, and the text behind all; None if not all outputs are short."""
    if not all(0 < each.nbytes <= _ORJSON_MAX_BYTES for each in outputs.values()):
        return None
    heads = [_entry_head(name, each.dtype.name, each.shape, "data") for name, each in outputs.items()]
    return (b"{" + heads[0], *[b"}," + head for head in heads[1:]], b"}}")


def encode_short_lists(heads: Sequence[bytes], tensors: Mapping[str, Tensor]) -> tuple[bytes, ...]:
    """What :func:`encode_json` gives for these outputs as lists, in pieces.

    Args:
        heads: of their metadata, from :func:`short_lists_heads`.
        tensors: by name.
    """
    parts: list[bytes] = []
    for head, tensor in zip(heads, tensors.values(), strict=False):
        parts += head, _dump_with_orjson(tensor.array, tensor.dtype)
    return (*parts, heads[-1])


def encode_json(message: Message) -> bytes | memoryview:
    """Encode a message: one entry for each tensor, then the fields. Floats have the shortest digits that read back to
    the same value."""
    data_key = "base64" if message.json_encoding == "base64" else "data"
    fields = orjson.dumps(dict(message.json_fields))
    parts = _iter_parts(message, data_key, fields)
    if not compiled_reader.is_ready() or all(
        0 < tensor.array.nbytes <= _ORJSON_MAX_BYTES for tensor in message.tensors.values()
    ):
        return b"".join(part if isinstance(part, bytes) else _encode_short(part, data_key) for part in parts)
    capacity = len(fields) + 2
    for name, tensor in message.tensors.items():
        capacity += len(_entry_head(name, tensor.dtype.name, tensor.shape, data_key)) + max_text_bytes(
            tensor.metadata, message.json_encoding
        )
    writer = JsonWriter(capacity)
    for part in parts:
        if isinstance(part, bytes):
            writer.write(part)
        elif data_key == "data":
            writer.write_lists(part)
        else:
            writer.write_base64(part.buffer)
    return writer.written()


def list_elements(tensor: Tensor) -> list[object]:
    """The elements as the values of a JSON response, in one flat list: floats with few digits, and ``"NaN"``."""
    document = orjson.loads(encode_json(Message({"elements": Tensor(tensor.dtype, tensor.array.reshape(-1))})))
    found: list[object] = document["elements"]["data"]
    return found


def print_flat(tensor: Tensor) -> bytes | memoryview:
    """The elements as one flat list, with NaN, Infinity and -Infinity without quotes."""
    flat = Tensor(tensor.dtype, tensor.array.reshape(-1))
    if not compiled_reader.is_ready() or flat.array.nbytes <= _ORJSON_MAX_BYTES:
        return _dump_with_orjson(flat.array, flat.dtype, _BARE_NONFINITE)
    writer = JsonWriter(max_text_bytes(flat.metadata, "list"), bare=True)
    writer.write_lists(flat)
    return writer.written()
