"""The JSON of an answer: ``{"output": {"dtype", "shape", "data"}}``, or base64 in place of data.

The writer prints NaN and infinity as ``null``, silently. Where an array is not all finite, the k-th null of
its own text is replaced by the spelling of its k-th element that is not finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from poolhouse.dtypes import BFLOAT16, ElementType, bfloat16_to_float32
from poolhouse.tensors import Message
from poolhouse.wire import json_pieces
from poolhouse.wire.bytes_writer import BytesWriter
from poolhouse.wire.json_size import LONGEST_ELEMENT, list_bytes, text_bytes

_SPELLINGS: Final = np.array([b'"NaN"', b'"Infinity"', b'"-Infinity"'], dtype=object)
_FEW_BYTES: Final = 1024
"""Elements of which the text is short, whatever their type, and need not be measured before."""
_JOINED_BYTES: Final = 64 * 1024
"""So long a text is joined; a longer one is written where it has its place."""


@lru_cache(maxsize=256)
def _head(name: str, dtype: str, shape: tuple[int, ...], form: str) -> bytes:
    """All of an entry that stands before its elements."""
    sizes = ",".join(map(str, shape))
    return orjson.dumps(name) + f':{{"dtype":"{dtype}","shape":[{sizes}],"{form}":'.encode()


def _spelled(text: bytes, array: npt.NDArray[np.generic], finite: npt.NDArray[np.bool_]) -> bytes:
    values = array[~finite]
    # Neither cast nor compared: numpy warns of NaNs that signal.
    kinds = np.where(np.isnan(values), 0, np.where(np.signbit(values), 2, 1))
    words = [*_SPELLINGS[kinds].tolist(), b""]
    return b"".join(chain.from_iterable(zip(text.split(b"null"), words, strict=True)))


def _printed(array: npt.NDArray[np.generic], dtype: ElementType) -> bytes:
    if dtype is BFLOAT16:
        array = bfloat16_to_float32(array.view(np.uint16))
    text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
    # Its own nulls tell faster than the elements whether there are any; integers and booleans have none.
    return text if b"null" not in text else _spelled(text, array, np.isfinite(array))


def _in_pieces(array: npt.NDArray[np.generic], dtype: ElementType) -> Iterator[bytes]:
    """The nested lists of an array, whatever stands between two pieces included."""
    longest = LONGEST_ELEMENT[dtype.name]
    # By the text, not by the elements: lists without any are printed too.
    if 0 < array.nbytes <= _FEW_BYTES or list_bytes(array.shape, longest) <= 2 * json_pieces.PRINTED_BYTES:
        yield _printed(array, dtype)
        return
    row = list_bytes(array.shape[1:], longest) + 1
    before = b"["
    if row > json_pieces.PRINTED_BYTES and array.ndim > 1:
        for place in range(len(array)):
            yield before
            yield from _in_pieces(array[place], dtype)
            before = b","
            json_pieces.rest()
    else:
        rows = max(1, json_pieces.PRINTED_BYTES // row)
        for start in range(0, len(array), rows):
            yield before + _printed(array[start : start + rows], dtype)[1:-1]
            before = b","
            json_pieces.rest()
    yield b"]"


def _pieces(message: Message, form: str, fields: bytes) -> Iterator[bytes]:
    """The object in order: one entry a tensor, then the fields."""
    before = b"{"
    for name, tensor in message.tensors.items():
        yield before + _head(name, tensor.dtype.name, tensor.shape, form)
        if form == "base64":
            yield b'"'
            yield from json_pieces.to_base64(tensor.buffer)
            yield b'"'
        else:
            yield from _in_pieces(tensor.array, tensor.dtype)
        before = b"},"
    if message.tensors:
        yield b"}"
    if fields != b"{}":
        yield (b"," if message.tensors else b"{") + fields[1:]
    else:
        yield b"}" if message.tensors else b"{}"


def encode_json(message: Message) -> bytes | memoryview:
    """The object: one entry a tensor, its floats in the shortest digits that read back to the same value, then the
    fields that the message carries."""
    form = "base64" if message.encoding == "base64" else "data"
    fields = orjson.dumps(dict(message.values))
    if all(0 < tensor.array.nbytes <= _FEW_BYTES for tensor in message.tensors.values()):
        return b"".join(_pieces(message, form, fields))
    most = len(fields) + 2
    for name, tensor in message.tensors.items():
        most += len(_head(name, tensor.dtype.name, tensor.shape, form)) + text_bytes(tensor.outline, message.encoding)
    pieces = _pieces(message, form, fields)
    if most <= _JOINED_BYTES:
        return b"".join(pieces)
    writer = BytesWriter(most)
    for piece in pieces:
        writer.write(piece)
    return writer.written
