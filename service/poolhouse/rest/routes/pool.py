"""``POST /v1/pool/{operator}``: the hot route, from bytes to bytes.

A tiny request passes through with no thread, no task and no timer, and nothing is held for it, since it is over before
anything else can happen. What would hold the event loop for long goes to a thread, because everyone else's small
requests wait behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from poolhouse.rest.http.deadlines import BodyLimits
from poolhouse.rest.http.handler import AcceptedRequest
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import Response
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord, Stages
from poolhouse.rest.routes.head_plan import HeadPlan, RawBodyPlan, check_deadline, deadline_of
from poolhouse.rest.routes.head_planner import COMPRESS_FROM_BYTES, HeadPlanner, response_header_lines
from poolhouse.rest.routes.memory_footprint import ResponseFormat, retained_bytes
from poolhouse.service import PoolingService, PoolResult, PreparedRequest
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.content_encoding import compress
from poolhouse.wire.elements import tensor_from_bytes, touched_bytes
from poolhouse.wire.raw import RAW

# Body bytes up to which each codec works on the event loop. The formats that are not named here only look at
# a header and make views. A small npz may inflate to a thousand times its size.
_DECODE_ON_LOOP_BYTES: Final = {"json": 64 * 1024, "npz": 4 * 1024}
# Those that only look at a header do so of larger ones too, if few elements must be copied or looked through.
_SCAN_ON_LOOP_BYTES: Final = 64 * 1024
_COPY_ON_LOOP_BYTES: Final = 256 * 1024
# On the way out, bytes of text and of elements: JSON prints digits, npz sums every byte.
_ENCODE_ON_LOOP_BYTES: Final = {"json": 256 * 1024, "npz": 1024 * 1024}
_COMPRESS_ON_LOOP_BYTES: Final = 16 * 1024
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
# An answer up to this is sent in one piece, and nothing is held until the client has read it.
_WITHOUT_LEASE_BYTES: Final = 32 * 1024


class Decoded(NamedTuple):
    """What a body says.

    Attributes:
        prepared: what is to be pooled.
        response_format: the answer is written.
        encoding: of a JSON answer: ``list`` or ``base64``.
    """

    prepared: PreparedRequest
    response_format: ResponseFormat
    encoding: str


class PoolRequest:
    """One request on its way; a :class:`.http.handler.AcceptedRequest`."""

    decoded: Decoded | None = None
    result: PoolResult | None = None
    read_at: float = 0.0
    decoded_at: float = 0.0
    pooled_at: float = 0.0

    def __init__(self, pooling: PoolingService, plan: HeadPlan, deadline: float | None, record: RequestRecord) -> None:
        self.plan = plan
        self.deadline = deadline
        self.record = record
        # guard: capacity-before-body
        self.lease = pooling.admit(plan.admitted_bytes, deadline)
        self._pooling = pooling

    @property
    def limits(self) -> BodyLimits:
        """See :class:`.http.handler.AcceptedRequest`."""
        return self.plan.limits

    def expect_body(self, nbytes: int, extra_bytes: int) -> None:
        """See :class:`.http.handler.AcceptedRequest`."""
        self._pooling.resize_lease(self.lease, self.plan.held_bytes(nbytes, extra_bytes))

    def close(self) -> None:
        """See :class:`.http.handler.AcceptedRequest`."""
        self.decoded = self.result = None
        # guard: lease-ends-with-request
        self.lease.release()


class PoolHandler:
    """Answers the pool route; a :class:`.http.handler.Handler`.

    Args:
        pooling: does it.
        settings: limits of bodies and answers.
        metrics: counts the stages.
    """

    def __init__(self, pooling: PoolingService, settings: Settings, metrics: Metrics) -> None:
        self._pooling = pooling
        self._metrics = metrics
        self._planner = HeadPlanner(pooling, settings)

    def on_head(self, head: Head, operator: str, record: RequestRecord) -> PoolRequest:
        """See :meth:`.http.handler.Handler.on_head`."""
        return PoolRequest(self._pooling, self._planner.plan_of(head, operator), deadline_of(head.headers), record)

    def on_complete_request(
        self, head: Head, operator: str, record: RequestRecord, body: memoryview
    ) -> Response | PoolRequest:
        """See :meth:`.http.handler.Handler.on_complete_request`."""
        plan = self._planner.plan_of(head, operator)
        if (
            plan.compression is not None
            or len(body) > _DECODE_ON_LOOP_BYTES.get(plan.codec.name, _SCAN_ON_LOOP_BYTES)
            or not self._pooling.can_admit(plan.admitted_bytes)
        ):
            return self.on_head(head, operator, record)
        deadline = deadline_of(head.headers)
        record.received_bytes = len(body)
        read = perf_counter()
        prepared, response_format, encoding = self._decode(plan, body)
        decoded = perf_counter()
        check_deadline(deadline)
        _charge_quota(record, prepared)
        ran = None
        if (response_format.text_bytes or prepared.plan.output_bytes) <= _WITHOUT_LEASE_BYTES:
            ran = self._pooling.pool_unreserved(prepared.plan, prepared.tensors, prepared.extra_bytes)
        if ran is None:
            request = self.on_head(head, operator, record)
            request.decoded, request.read_at, request.decoded_at = (
                Decoded(prepared, response_format, encoding),
                read,
                decoded,
            )
            return request
        load, compute_s = ran
        pooled = perf_counter()
        lines = None if plan.raw is None else plan.raw.header_lines
        if lines is not None:
            chunks: tuple[bytes | memoryview, ...] = load.output_chunks()
            nbytes = prepared.plan.output_bytes
        else:
            encoded = response_format.codec.encode(Message(load.output_tensors(), encoding=encoding))
            chunks, nbytes = encoded.chunks, encoded.nbytes
            lines = response_header_lines(encoded.media_type, nbytes, (*encoded.headers, *prepared.headers.items()))
        lines += self._record_stages(record, read, decoded, 0.0, compute_s, pooled)
        return Response(200, lines, chunks, nbytes)

    def on_body(self, accepted: AcceptedRequest, body: memoryview) -> Response | Awaitable[Response]:
        """See :meth:`.http.handler.Handler.on_body`."""
        assert isinstance(accepted, PoolRequest), "from on_head"
        request = accepted
        if request.decoded is None:
            request.read_at = perf_counter()
            if not self._can_decode_inline(request, body):
                return self._continue_async(request, body)
            self._set_decoded(request, self._decode(request.plan, body))
        if not self._pool_inline(request) or not self._can_encode_inline(request):
            return self._continue_async(request, None)
        encoded = self._encode_result(request)
        if request.plan.compression is not None and encoded.nbytes >= COMPRESS_FROM_BYTES:
            return self._compress(request, encoded)
        return self._respond(request, encoded)

    # ---- the steps, each where it is done at once

    def _can_decode_inline(self, request: PoolRequest, body: memoryview) -> bool:
        plan, codec = request.plan, request.plan.codec
        if len(body) <= _DECODE_ON_LOOP_BYTES.get(codec.name, _SCAN_ON_LOOP_BYTES):
            return True
        if plan.raw is not None:
            taken = touched_bytes(plan.raw.metadata, 0)
        else:
            taken = codec.decode_extra_bytes(body)
            # guard: decoding-copy-is-charged
            self._pooling.resize_lease(request.lease, len(body) + taken)
        return codec.name not in _DECODE_ON_LOOP_BYTES and taken <= _COPY_ON_LOOP_BYTES

    def _decode(self, plan: HeadPlan, body: memoryview) -> Decoded:
        """What a body says; from any thread."""
        raw, encoding = plan.raw, "list"
        if raw is not None:
            response_format = raw.response_format
            tensors: Mapping[str, Tensor] = {"input": _raw_tensor(raw, body)}
            settled, headers = raw.plan, _NO_HEADERS
            if raw.header_lines is None:
                settled, _, headers, _ = self._pooling.prepare_planned(raw.plan, tensors)
        else:
            message = plan.codec.decode(body, plan.query, plan.limits.limit_bytes)
            settled, tensors, headers, _ = self._pooling.prepare(plan.operator, message)
            encoding = message.encoding
            response_format = self._planner.response_format(
                plan.accept, plan.codec, plan.compression, settled, encoding
            )
        extra_bytes = retained_bytes(tensors, body) + response_format.extra_bytes
        return Decoded(PreparedRequest(settled, tensors, headers, extra_bytes), response_format, encoding)

    def _set_decoded(self, request: PoolRequest, decoded: Decoded) -> None:
        request.decoded, request.decoded_at = decoded, perf_counter()
        check_deadline(request.deadline)
        _charge_quota(request.record, decoded.prepared)

    def _pool_inline(self, request: PoolRequest) -> bool:
        assert request.decoded is not None, "it was decoded"
        request.result = self._pooling.pool_inline(request.decoded.prepared, request.lease)
        request.pooled_at = perf_counter()
        return request.result is not None

    def _can_encode_inline(self, request: PoolRequest) -> bool:
        assert request.decoded is not None, "it was decoded"
        assert request.result is not None, "it was pooled"
        response_format = request.decoded.response_format
        limit = _ENCODE_ON_LOOP_BYTES.get(response_format.codec.name)
        if limit is None:
            return True
        return (
            response_format.text_bytes or sum(each.array.nbytes for each in request.result.tensors.values())
        ) <= limit

    def _encode_result(self, request: PoolRequest) -> EncodedBody:
        assert request.decoded is not None, "it was decoded"
        assert request.result is not None, "it was pooled"
        return self._encode(request.plan, request.decoded, request.result)

    def _encode(self, plan: HeadPlan, decoded: Decoded, answer: PoolResult) -> EncodedBody:
        """Write the answer; from any thread."""
        if plan.raw is not None and plan.raw.header_lines is not None:
            # Its headers are known from the plan.
            return EncodedBody(RAW.media_types[0], tuple([tensor.buffer for tensor in answer.tensors.values()]))
        return decoded.response_format.codec.encode(Message(answer.tensors, encoding=decoded.encoding))

    async def _continue_async(self, request: PoolRequest, body: memoryview | None) -> Response:
        """The steps that were not done at once, each in a thread or on a device."""
        run_in_thread = partial(self._pooling.run_in_thread, lease=request.lease, deadline=request.deadline)
        if body is not None:
            decode = partial(self._decode, request.plan, body)
            holds = request.plan.codec.holds_gil
            del body
            self._set_decoded(request, await run_in_thread(decode, activity="the body was decoded", holds_gil=holds))
            del decode
            self._pool_inline(request)
        assert request.decoded is not None, "it was decoded"
        if request.result is None:
            request.result = await self._pooling.pool(request.decoded.prepared, request.lease, request.deadline)
            request.pooled_at = perf_counter()
        if self._can_encode_inline(request):
            encoded = self._encode_result(request)
        else:
            encode = partial(self._encode_result, request)
            encoded = await run_in_thread(
                encode, activity="the answer was encoded", holds_gil=request.decoded.response_format.codec.holds_gil
            )
        if request.plan.compression is not None and encoded.nbytes >= COMPRESS_FROM_BYTES:
            return await self._compress(request, encoded)
        return self._respond(request, encoded)

    async def _compress(self, request: PoolRequest, encoded: EncodedBody) -> Response:
        assert request.plan.compression is not None, "the client takes it so"
        work = partial(compress, encoded, request.plan.compression)
        if encoded.nbytes <= _COMPRESS_ON_LOOP_BYTES:
            return self._respond(request, work())
        doing = "the answer was encoded"
        return self._respond(request, await self._pooling.run_in_thread(work, request.lease, doing, request.deadline))

    def _respond(self, request: PoolRequest, encoded: EncodedBody) -> Response:
        answer, decoded = request.result, request.decoded
        assert answer is not None, "it was pooled"
        assert decoded is not None, "it was decoded"
        plan, nbytes = request.plan, encoded.nbytes
        if plan.raw is not None and plan.raw.header_lines is not None:
            lines = plan.raw.header_lines
        else:
            lines = response_header_lines(
                encoded.media_type, nbytes, (*encoded.headers, *decoded.prepared.headers.items())
            )
        lines += self._record_stages(
            request.record, request.read_at, request.decoded_at, answer.queue_s, answer.compute_s, request.pooled_at
        )
        # The answer needs its own memory alone, and a slow client may take long to read it.
        request.decoded = request.result = None
        if encoded.owns_memory:
            del answer, decoded
            self._pooling.resize_lease(request.lease, nbytes)
        return Response(200, lines, encoded.chunks, nbytes)

    def _record_stages(
        self, record: RequestRecord, read: float, decoded: float, queue_s: float, compute_s: float, pooled: float
    ) -> bytes:
        """Counts where the time of an encoded answer went, and gives the line of its headers that says so.

        Args:
            record: of the request.
            read, decoded, pooled: readings of ``perf_counter``.
            queue_s, compute_s: see :class:`poolhouse.service.PoolResult`.
        """
        done = perf_counter()
        if record.started_at:
            # Somebody is told of the request.
            record.stages = Stages(read, decoded, queue_s, compute_s, pooled, done)
        # guard: response-has-server-timing
        return self._metrics.record_pool_stages(decoded - read, queue_s, compute_s, done - pooled)


def _charge_quota(record: RequestRecord, prepared: PreparedRequest) -> None:
    """Count what is asked for against the quota of the request's key."""
    if record.grant is not None:
        record.grant.charge(prepared.plan.output_bytes)


def _raw_tensor(raw: RawBodyPlan, body: memoryview) -> Tensor:
    dtype, shape = raw.metadata.dtype, raw.metadata.shape
    if raw.is_view and len(body) == raw.plan.input_bytes:
        # All else that could be wrong was looked at when the head was planned.
        array = np.ndarray(shape, dtype.storage, body)
        if array.flags.aligned:
            return Tensor(dtype, array)
    return tensor_from_bytes(body, dtype, shape, "input")
