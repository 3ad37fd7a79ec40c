"""What a request holds beside what its plan counts: the body around its tensors, and the text of its answer.

A plan knows inputs, outputs and intermediate results. What stands here is added to its lease before it is taken, so
that what is held is what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from poolhouse.errors import Unprocessable
from poolhouse.tensors import Outline, Tensor
from poolhouse.wire.codec import Codec
from poolhouse.wire.inflate import compressed_bytes

UNREAD_BYTES: Final = 256 * 1024
"""Of a body of unknown length so much may lie in the server's own buffers before it is read."""


_EMPTY_TEXT_BYTES: Final = 1024 * 1024
"""The brackets of an answer without elements."""


def kept_bytes(tensors: Mapping[str, Tensor], body: memoryview) -> int:
    """Bytes that a decoded request keeps beside its tensors' own.

    Args:
        tensors: what was decoded; views of the body keep all of it.
        body: what it was decoded from.

    Returns:
        what of a body that is kept belongs to no tensor; and the copies of tensors that a device cannot read as they
        are, since torch takes no read-only memory.
    """
    whole = np.frombuffer(body, np.uint8)
    viewed = [tensor.array.nbytes for tensor in tensors.values() if np.may_share_memory(tensor.array, whole)]
    copied = sum(tensor.array.nbytes for tensor in tensors.values() if not tensor.array.flags.writeable)
    return copied + (max(0, len(body) - sum(viewed)) if viewed else 0)


def text_bytes(writer: Codec, outputs: Mapping[str, Outline], encoding: str, limit_bytes: int) -> int:
    """Bytes that the text of an answer takes at most, known from its plan; 0 where elements are sent as they lie.

    Args:
        writer: what will write it.
        outputs: the outlines of the plan.
        encoding: ``list`` or ``base64``.
        limit_bytes: the largest answer.

    Raises:
        Unprocessable: it may take more than that.
    """
    text = writer.encoding_bytes(outputs, encoding)
    if not any(outline.elements for outline in outputs.values()):
        # Anyone can ask for as many as they like by a line of text.
        limit_bytes = min(limit_bytes, _EMPTY_TEXT_BYTES)
    if text > limit_bytes:
        raise Unprocessable(
            "output_too_large",
            f"the answer may take {text} bytes as {writer.media_types[0]}; the limit is {limit_bytes}. Ask for it as "
            "binary, such as Accept: application/x-npz or application/octet-stream, or send fewer planes at once.",
            limit_bytes=limit_bytes,
        )
    return text


def answer_bytes(text: int, outputs: Mapping[str, Outline], *, is_compressed: bool) -> int:
    """Bytes that are made of the outputs to send them: their text, and what that or they are compressed to."""
    if not is_compressed:
        return text
    return text + compressed_bytes(text or sum(outline.nbytes for outline in outputs.values()))
