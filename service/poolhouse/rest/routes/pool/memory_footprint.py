"""The memory of a pooling request that its plan does not count: the rest of its body, and its encoded response.

A plan counts inputs, outputs and workspace. The bytes computed here are added to the lease before they are allocated,
so the budget counts all memory that a request holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.tensors import Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.compress import compress_extra_bytes, is_compressible

_SMALL_BYTES: Final = 64 * 1024
_FEW_BYTES: Final = 1024
_FEW_BYTES_AS_TEXT: Final = 32 * 1024
"""An upper bound for the text of ``_FEW_BYTES`` of elements, even with each element in nested lists of its own. An
exact count would cost more than it saves."""
_EMPTY_TEXT_BYTES: Final = 1024 * 1024
"""The most bytes of brackets in a response without elements."""


def retained_bytes(tensors: Mapping[str, Tensor], body: memoryview) -> int:
    """Bytes that a decoded request keeps in addition to its tensors.

    Args:
        tensors: the decoded tensors; one that is a view of the body keeps the whole body in memory.
        body: the body that they were decoded from.

    Returns:
        the bytes of a kept body that belong to no tensor, and the copies that a device needs of read-only tensors,
        since torch takes no read-only memory.
    """
    if len(body) <= _SMALL_BYTES:
        # An upper bound; an exact count would cost more than it saves.
        return 2 * len(body)
    whole = np.frombuffer(body, np.uint8)
    viewed = [tensor.array.nbytes for tensor in tensors.values() if np.may_share_memory(tensor.array, whole)]
    copied = sum(tensor.array.nbytes for tensor in tensors.values() if not tensor.array.flags.writeable)
    # guard: body-beside-tensors-is-charged
    return copied + (max(0, len(body) - sum(viewed)) if viewed else 0)


class ResponseFormat(NamedTuple):
    """The codec of a response, and the memory that encoding it needs.

    Attributes:
        codec: encodes the response.
        text_bytes: the most bytes of its text; 0 if the elements are sent as they are in memory.
        extra_bytes: allocated to encode the outputs: their text, and the compressed form.
    """

    codec: Codec
    text_bytes: int
    extra_bytes: int


def response_format(
    codec: Codec, plan: Plan | PoolingsPlan, encoding: str, limit_bytes: int, *, is_compressed: bool
) -> ResponseFormat:
    """The format of the response to a plan, before anything is pooled.

    Args:
        codec: will encode the response.
        plan: has the outputs' shapes.
        encoding: ``list`` or ``base64``.
        limit_bytes: of the response's text.
        is_compressed: whether the response is compressed, if its format is not itself compressed.

    Raises:
        Unprocessable: the text may exceed ``limit_bytes``.
    """
    if not codec.is_json:
        text = codec.encode_extra_bytes(plan.outputs, encoding)
    elif 0 < plan.output_bytes <= _FEW_BYTES:
        text = _FEW_BYTES_AS_TEXT
    else:
        text = codec.encode_extra_bytes(plan.outputs, encoding)
    if not plan.output_bytes:
        # One short line can request any number of empty lists.
        limit_bytes = min(limit_bytes, _EMPTY_TEXT_BYTES)
    # guard: response-text-has-limit
    if text > limit_bytes:
        raise Unprocessable(
            "output_too_large",
            f"The response may take {text} bytes as {codec.media_types[0]}; the limit is {limit_bytes}. Request it in "
            "a binary type, such as Accept: application/x-npz or application/octet-stream, or send fewer planes.",
            limit_bytes=limit_bytes,
        )
    if not is_compressed or not is_compressible(codec.media_types[0]):
        return ResponseFormat(codec, text, text)
    return ResponseFormat(codec, text, text + compress_extra_bytes(text or plan.output_bytes))
