"""What a request holds beside what its plan counts: the body around its tensors, and the text of its answer.

A plan knows inputs, outputs and intermediate results. What stands here is added to its lease before it is taken, so
that what is held is what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from poolhouse.errors import Unprocessable
from poolhouse.operators.operator import Plan
from poolhouse.tensors import Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.content_encoding import compress_extra_bytes

UNREAD_BYTES: Final = 256 * 1024
"""Of a body of unknown length so much may lie in the server's own buffers before it is read."""


_SMALL_BYTES: Final = 64 * 1024
_FEW_BYTES: Final = 1024
_FEW_BYTES_AS_TEXT: Final = 32 * 1024
"""More than so few bytes of elements can be printed as, each in lists of its own: to count costs more than it tells."""
_EMPTY_TEXT_BYTES: Final = 1024 * 1024
"""The brackets of an answer without elements."""


def retained_bytes(tensors: Mapping[str, Tensor], body: memoryview) -> int:
    """Bytes that a decoded request keeps beside its tensors' own.

    Args:
        tensors: what was decoded; views of the body keep all of it.
        body: what it was decoded from.

    Returns:
        what of a body that is kept belongs to no tensor; and the copies of tensors that a device cannot read as they
        are, since torch takes no read-only memory.
    """
    if len(body) <= _SMALL_BYTES:
        # To look closer would cost more than it tells.
        return 2 * len(body)
    whole = np.frombuffer(body, np.uint8)
    viewed = [tensor.array.nbytes for tensor in tensors.values() if np.may_share_memory(tensor.array, whole)]
    copied = sum(tensor.array.nbytes for tensor in tensors.values() if not tensor.array.flags.writeable)
    # guard: body-beside-tensors-is-charged
    return copied + (max(0, len(body) - sum(viewed)) if viewed else 0)


class ResponseFormat(NamedTuple):
    """How an answer is written.

    Attributes:
        writer: what writes it.
        text_bytes: how long its text is at most; 0 where elements are sent as they lie.
        extra_bytes: what is made of the outputs to send them: their text, and what that or they are compressed to.
    """

    codec: Codec
    text_bytes: int
    extra_bytes: int


def response_format(
    codec: Codec, plan: Plan, encoding: str, limit_bytes: int, *, is_compressed: bool
) -> ResponseFormat:
    """How the answer to a plan is written, before it is pooled.

    Args:
        writer: what will write it.
        plan: with the outputs' shapes.
        encoding: ``list`` or ``base64``.
        limit_bytes: the largest answer.
        is_compressed: whether it is compressed.

    Raises:
        Unprocessable: its text may be larger than that.
    """
    if not codec.is_json:
        text = 0
    elif 0 < plan.output_bytes <= _FEW_BYTES:
        text = _FEW_BYTES_AS_TEXT
    else:
        text = codec.encode_extra_bytes(plan.outputs, encoding)
    if not plan.output_bytes:
        # Anyone can ask for as many empty lists as they like by a line of text.
        limit_bytes = min(limit_bytes, _EMPTY_TEXT_BYTES)
    # guard: response-text-has-limit
    if text > limit_bytes:
        raise Unprocessable(
            "output_too_large",
            f"the answer may take {text} bytes as {codec.media_types[0]}; the limit is {limit_bytes}. Ask for it as "
            "binary, such as Accept: application/x-npz or application/octet-stream, or send fewer planes at once.",
            limit_bytes=limit_bytes,
        )
    return ResponseFormat(
        codec, text, text + compress_extra_bytes(text or plan.output_bytes) if is_compressed else text
    )
