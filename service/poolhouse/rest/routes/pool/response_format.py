"""The format of the response to a pooling request: how its outputs are encoded, and the memory that this takes.

It follows from the plan, before anything is pooled, so the memory is added to the lease before it is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from poolhouse.errors import Unprocessable
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec, EncodedBody
from poolhouse.wire.compress import compress_extra_bytes, is_compressible
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.json.encoder import encode_short_lists, short_lists_heads

# The largest responses encoded on the event loop, in bytes of text or elements: JSON prints digits, npz computes a CRC,
# and PNG compresses.
_ENCODE_ON_LOOP_BYTES: Final = {"json": 256 * 1024, "npz": 1024 * 1024, "png": 64 * 1024}
_FEW_BYTES: Final = 1024
_FEW_BYTES_AS_TEXT: Final = 32 * 1024
"""An upper bound for the text of ``_FEW_BYTES`` of elements, even with each element in nested lists of its own. An
exact count would cost more than it saves."""
_EMPTY_TEXT_BYTES: Final = 1024 * 1024
"""The most bytes of brackets in a response without elements."""

Encode = Callable[[Mapping[str, Tensor], float, float], EncodedBody]
"""Encodes outputs, given the seconds in the queue and on the device; thread-safe."""


class ResponseFormat(NamedTuple):
    """The format of a response, and the memory that encoding it needs, which its plan does not count.

    Attributes:
        codec: of the response.
        encode: encodes the outputs; see :class:`.body_format.Decoded`.
        text_bytes: the most bytes of its text; 0 if the elements are sent as they are in memory.
        extra_bytes: allocated to encode the outputs: their text, and the compressed form.
        encode_on_loop_bytes: the largest text or outputs that are encoded on the event loop; None for any.
    """

    codec: Codec
    encode: Encode
    text_bytes: int
    extra_bytes: int
    encode_on_loop_bytes: int | None = None


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
    encode = partial(_encode, codec, encoding)
    if codec is JSON and encoding == "list" and (heads := short_lists_heads(plan.outputs)) is not None:
        encode = partial(_encode_short_lists, heads)
    extra = text
    if is_compressed and is_compressible(codec.media_types[0]):
        extra += compress_extra_bytes(text or plan.output_bytes)
    return ResponseFormat(codec, encode, text, extra, _ENCODE_ON_LOOP_BYTES.get(codec.name))


def _encode(
    codec: Codec, encoding: str, tensors: Mapping[str, Tensor], queue_s: float, compute_s: float
) -> EncodedBody:
    return codec.encode(Message(tensors, json_encoding=encoding))


def _encode_short_lists(
    heads: tuple[bytes, ...], tensors: Mapping[str, Tensor], queue_s: float, compute_s: float
) -> EncodedBody:
    return EncodedBody(JSON.media_types[0], encode_short_lists(heads, tensors), owns_memory=True)
