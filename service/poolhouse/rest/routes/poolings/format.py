"""The bodies of requests with several poolings, and of their responses."""

from __future__ import annotations

from collections.abc import Mapping

from poolhouse.poolings.message import read_request
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.poolings.run import plan_with, prepare_poolings
from poolhouse.poolings.tensors import GivenTensors, check_input_names
from poolhouse.rest.http.head import Head
from poolhouse.rest.routes.pool.body_format import Decoded
from poolhouse.rest.routes.pool.memory_footprint import retained_bytes
from poolhouse.rest.routes.pool.response_format import response_format
from poolhouse.rest.routes.pool.tensor_format import decode_message
from poolhouse.rest.routes.poolings.head_plan import PoolingsHeadPlan, PoolingsHeadPlanner
from poolhouse.service import PoolingService
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codecs import choose_codec_for_outputs
from poolhouse.wire.json.named_inputs import decode_named


class PoolingsFormat:
    """Plans, decodes and encodes requests with several poolings; a :class:`..pool.body_format.BodyFormat`.

    Args:
        pooling: plans the operators.
        settings: the limits of bodies and responses.
    """

    def __init__(self, pooling: PoolingService, settings: Settings) -> None:
        self._pooling = pooling
        self._planner = PoolingsHeadPlanner(pooling, settings)
        self._max_response_bytes = settings.max_output_bytes

    def plan_of(self, head: Head, name: str) -> PoolingsHeadPlan:
        """See :meth:`..pool.body_format.BodyFormat.plan_of`; the path has no name."""
        return self._planner.plan_of(head)

    def decode(self, plan: PoolingsHeadPlan, body: memoryview, reserved_bytes: int) -> Decoded:
        """See :meth:`..pool.body_format.BodyFormat.decode`."""
        message, are_named = _decode(plan, body, reserved_bytes)
        request = read_request(message, self._pooling.catalogue, are_named=are_named)
        given = request.given
        tensors = {**given.inputs, **given.companions}
        metadata = GivenTensors(
            {name: each.metadata for name, each in given.inputs.items()},
            {name: each.metadata for name, each in given.companions.items()},
            given.has_one_input,
        )
        made = plan_with(self._pooling, request.poolings, metadata)
        chosen = response_format(
            choose_codec_for_outputs(plan.accept, plan.codec, made.outputs),
            made,
            message.json_encoding,
            self._max_response_bytes,
            is_compressed=plan.compression is not None,
        )
        extra_bytes = retained_bytes(tensors, body) + _copied_again(made, tensors) + chosen.extra_bytes
        return Decoded(
            prepare_poolings(made, tensors, extra_bytes),
            chosen.encode,
            chosen.text_bytes,
            chosen.encode_on_loop_bytes,
            chosen.codec.holds_gil,
        )


def _decode(plan: PoolingsHeadPlan, body: memoryview, reserved_bytes: int) -> tuple[Message, bool]:
    if plan.codec.is_json:
        return decode_named(body, plan.query, plan.limits.limit_bytes, check_input_names)
    return decode_message(plan, body, reserved_bytes), False


def _copied_again(plan: PoolingsPlan, tensors: Mapping[str, Tensor]) -> int:
    """The bytes of read-only inputs that runs copy, beyond one copy of each."""
    taken = [source.name for run in plan.runs for source in run.sources.values() if source.is_given]
    return sum(
        tensor.array.nbytes * max(0, taken.count(name) - 1)
        for name, tensor in tensors.items()
        if not tensor.array.flags.writeable
    )
