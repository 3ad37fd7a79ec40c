"""The JSON of an answer: ``{"output": {"dtype", "shape", "data"}}``, or base64 in place of data.

The writer prints NaN and infinity as ``null``, silently. Where an array is not all finite, the k-th null of
its own text is replaced by the spelling of its k-th element that is not finite.
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from itertools import chain
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

from poolhouse.dtypes import BFLOAT16, bfloat16_to_float32
from poolhouse.tensors import Message, Tensor

_SPELLINGS: Final = np.array([b'"NaN"', b'"Infinity"', b'"-Infinity"'], dtype=object)
_JOINED_BELOW: Final = 64 * 1024
"""A small answer is one chunk: a message each costs more than the copy."""


@lru_cache(maxsize=1024)
def _head(name: str, dtype: str, shape: tuple[int, ...], form: str) -> bytes:
    """All of an entry that stands before its elements."""
    sizes = ",".join(map(str, shape))
    return orjson.dumps(name) + f':{{"dtype":"{dtype}","shape":[{sizes}],"{form}":'.encode()


def _spelled(text: bytes, array: npt.NDArray[np.generic], finite: npt.NDArray[np.bool_]) -> bytes:
    values = array[~finite].astype(np.float64)
    kinds = np.where(np.isnan(values), 0, np.where(values > 0, 1, 2))
    words = [*_SPELLINGS[kinds].tolist(), b""]
    return b"".join(chain.from_iterable(zip(text.split(b"null"), words, strict=True)))


def _elements(tensor: Tensor) -> bytes:
    """The elements as nested lists, floats in the shortest digits that read back to the same value."""
    array = tensor.array
    if tensor.dtype is BFLOAT16:
        array = bfloat16_to_float32(array.view(np.uint16))
    text = orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY)
    # Its own nulls tell faster than the elements whether there are any; integers and booleans have none.
    return text if b"null" not in text else _spelled(text, array, np.isfinite(array))


def encode_json(message: Message) -> tuple[bytes, ...]:
    """The chunks of the object: one entry a tensor, then the fields that the message carries."""
    chunks: list[bytes] = []
    form = "base64" if message.encoding == "base64" else "data"
    before = b"{"
    for name, tensor in message.tensors.items():
        chunks.append(before + _head(name, tensor.dtype.name, tensor.shape, form))
        if form == "base64":
            chunks += (b'"', binascii.b2a_base64(tensor.buffer, newline=False), b'"')
        else:
            chunks.append(_elements(tensor))
        before = b"},"
    end = b"}}" if message.tensors else b"{}"
    if message.values:
        fields = orjson.dumps(dict(message.values))[1:]
        end = (b"}," if message.tensors else b"{") + fields
    chunks.append(end)
    if sum(map(len, chunks)) < _JOINED_BELOW:
        return (b"".join(chunks),)
    return tuple(chunks)
