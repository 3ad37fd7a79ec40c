"""The bodies of ``/v1``: tensors and fields in the format of ``Content-Type``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np

from poolhouse.rest.routes.pool.body_format import Decoded, NeedsMemory
from poolhouse.rest.routes.pool.head_plan import HeadPlan, RawBodyPlan
from poolhouse.rest.routes.pool.head_planner import HeadPlanner
from poolhouse.rest.routes.pool.memory_footprint import retained_bytes
from poolhouse.service import PoolingService, PreparedRequest
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec, EncodedBody
from poolhouse.wire.elements import tensor_from_bytes
from poolhouse.wire.multipart.codec import MultipartCodec
from poolhouse.wire.raw import RAW

# The largest responses encoded on the event loop, in bytes of text or elements: JSON prints digits, npz computes a CRC,
# and PNG compresses.
_ENCODE_ON_LOOP_BYTES: Final = {"json": 256 * 1024, "npz": 1024 * 1024, "png": 64 * 1024}
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class TensorFormat:
    """Plans, decodes and encodes the requests of ``/v1``; a :class:`.body_format.BodyFormat`.

    Args:
        pooling: plans the operators.
        settings: the limits of bodies and responses.
    """

    def __init__(self, pooling: PoolingService, settings: Settings) -> None:
        self._pooling = pooling
        self._planner = HeadPlanner(pooling, settings)
        self.plan_of = self._planner.plan_of

    def decode(self, plan: HeadPlan, body: memoryview, reserved_bytes: int) -> Decoded:
        """See :meth:`.body_format.BodyFormat.decode`."""
        raw, encoding = plan.raw, "list"
        if raw is not None:
            response_format = raw.response_format
            tensors: Mapping[str, Tensor] = {"input": _raw_tensor(raw, body)}
            settled, headers = raw.plan, _NO_HEADERS
            if raw.header_lines is None:
                settled, _, headers, _ = self._pooling.prepare_planned(raw.plan, tensors)
        else:
            message = decode_message(plan, body, reserved_bytes)
            settled, tensors, headers, _ = self._pooling.prepare(plan.operator, message)
            encoding = message.json_encoding
            response_format = self._planner.response_format(
                plan.accept, plan.codec, plan.compression, settled, encoding
            )
        extra_bytes = retained_bytes(tensors, body) + response_format.extra_bytes
        codec = response_format.codec
        return Decoded(
            PreparedRequest(settled, tensors, headers, extra_bytes),
            _encode_raw if plan.static is not None else partial(_encode, codec, encoding),
            response_format.text_bytes,
            _ENCODE_ON_LOOP_BYTES.get(codec.name),
            codec.holds_gil,
            plan.static,
        )


def decode_message(plan: HeadPlan, body: memoryview, reserved_bytes: int) -> Message:
    """Decode a body by the codec of its head.

    Raises:
        PoolhouseError: it is refused.
        NeedsMemory: the file of a form takes more than is reserved.
    """
    limit_bytes = plan.limits.limit_bytes
    if not isinstance(plan.codec, MultipartCodec):
        return plan.codec.decode(body, plan.query, limit_bytes)
    form = plan.codec.read_form(body, plan.query)
    # guard: file-of-form-is-charged
    if form.decoding_bytes > reserved_bytes:
        raise NeedsMemory(form.decoding_bytes)
    return form.codec.decode(form.content, form.fields, limit_bytes)


def encoder(
    codec: Codec, encoding: str
) -> tuple[Callable[[Mapping[str, Tensor], float, float], EncodedBody], int | None]:
    """The function that encodes outputs, and the most bytes that it may encode on the event loop; None for any."""
    return partial(_encode, codec, encoding), _ENCODE_ON_LOOP_BYTES.get(codec.name)


def _encode(
    codec: Codec, encoding: str, tensors: Mapping[str, Tensor], queue_s: float, compute_s: float
) -> EncodedBody:
    return codec.encode(Message(tensors, json_encoding=encoding))


def _encode_raw(tensors: Mapping[str, Tensor], queue_s: float, compute_s: float) -> EncodedBody:
    # The plan has the headers already.
    return EncodedBody(RAW.media_types[0], tuple([tensor.buffer for tensor in tensors.values()]))


def _raw_tensor(raw: RawBodyPlan, body: memoryview) -> Tensor:
    dtype, shape = raw.metadata.dtype, raw.metadata.shape
    if raw.is_view and len(body) == raw.plan.input_bytes:
        # The planner has checked everything else.
        array = np.ndarray(shape, dtype.storage, body)
        if array.flags.aligned:
            return Tensor(dtype, array)
    return tensor_from_bytes(body, dtype, shape, "input")
