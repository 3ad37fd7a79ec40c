"""The bodies of ``/v1``: tensors and fields in the format of ``Content-Type``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poolhouse.rest.routes.pool.body_format import Decoded, NeedsMemory
from poolhouse.rest.routes.pool.head_plan import HeadPlan, RawBodyPlan
from poolhouse.rest.routes.pool.head_planner import HeadPlanner
from poolhouse.rest.routes.pool.memory_footprint import retained_bytes
from poolhouse.rest.routes.pool.repeated_json import RepeatedJson
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.elements import tensor_from_bytes
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.codec import JSON
from poolhouse.wire.multipart.codec import MultipartCodec
from poolhouse.wire.raw import RAW


class TensorFormat:
    """Plans, decodes and encodes the requests of ``/v1``; a :class:`.body_format.BodyFormat`.

    Args:
        pooling: plans the operators.
        settings: the limits of bodies and responses.
    """

    def __init__(self, pooling: PoolingService, settings: Settings) -> None:
        self._pooling = pooling
        self._planner = HeadPlanner(pooling, settings)
        self._json = RepeatedJson(pooling, self._planner)
        self.plan_of = self._planner.plan_of

    def decode(self, plan: HeadPlan, body: memoryview, reserved_bytes: int) -> Decoded:
        """See :meth:`.body_format.BodyFormat.decode`."""
        raw = plan.raw
        if raw is not None:
            settled, response_format = raw.plan, raw.response_format
            tensor, is_view = _raw_tensor(raw, body)
            tensors: Mapping[str, Tensor] = {"input": tensor}
            # The plan counts the tensor, and so all of the body.
            extra_bytes = 0 if is_view else retained_bytes(tensors, body)
        elif plan.codec is JSON and compiled_reader.is_ready():
            settled, response_format, tensors = self._json.decode(plan, body)
            extra_bytes = retained_bytes(tensors, body)
        else:
            message = self._pooling.read_fields(plan.operator, decode_message(plan, body, reserved_bytes))
            settled, tensors = self._pooling.plan_message(plan.operator, message), message.tensors
            response_format = self._planner.response_format(
                plan.accept, plan.codec, plan.compression, settled, message.json_encoding
            )
            extra_bytes = retained_bytes(tensors, body)
        return Decoded(
            self._pooling.prepare_planned(settled, tensors, extra_bytes + response_format.extra_bytes),
            _encode_raw if plan.static is not None else response_format.encode,
            response_format.text_bytes,
            response_format.encode_on_loop_bytes,
            response_format.codec.holds_gil,
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


def _encode_raw(tensors: Mapping[str, Tensor], queue_s: float, compute_s: float) -> EncodedBody:
    # The plan has the headers already.
    return EncodedBody(RAW.media_types[0], tuple([tensor.buffer for tensor in tensors.values()]))


def _raw_tensor(raw: RawBodyPlan, body: memoryview) -> tuple[Tensor, bool]:
    """The tensor, and whether it is a view of the whole body that any device can use."""
    dtype, shape = raw.metadata.dtype, raw.metadata.shape
    if raw.is_view and len(body) == raw.plan.input_bytes:
        # The planner has checked everything else.
        array = np.ndarray(shape, dtype.storage, body)
        if array.flags.aligned:
            return Tensor(dtype, array), not body.readonly
    return tensor_from_bytes(body, dtype, shape, "input"), False
