"""Handle ``POST /v1/pool/{operator}``: decode the body, pool it, encode the response.

A tiny request needs no thread, task, timer or lease: it is finished in one call on the event loop. A step that would
block the event loop for long runs in a thread, since all other requests would wait for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial
from time import perf_counter
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np

from poolhouse.admission import Admission
from poolhouse.rest.http.handler import AcceptedRequest
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import Response
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord, Stages
from poolhouse.rest.routes.pool.head_plan import HeadPlan, RawBodyPlan
from poolhouse.rest.routes.pool.head_planner import COMPRESS_FROM_BYTES, HeadPlanner, response_header_lines
from poolhouse.rest.routes.pool.memory_footprint import ResponseFormat, retained_bytes
from poolhouse.rest.routes.request_limits import check_deadline, deadline_of
from poolhouse.service import PoolingService, PoolResult, PreparedRequest
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.compress import compress
from poolhouse.wire.elements import tensor_from_bytes, touched_bytes
from poolhouse.wire.raw import RAW

# The largest bodies that each codec decodes on the event loop. A small npz may inflate to a thousand times its size.
_DECODE_ON_LOOP_BYTES: Final = {"json": 64 * 1024, "npz": 4 * 1024}
# The other codecs parse a header and make views. They decode larger bodies on the event loop too, if they copy and
# check no more than _COPY_ON_LOOP_BYTES of elements.
_SCAN_ON_LOOP_BYTES: Final = 64 * 1024
_COPY_ON_LOOP_BYTES: Final = 256 * 1024
# The largest responses encoded on the event loop, in bytes of text or elements: JSON prints digits, npz computes a CRC.
_ENCODE_ON_LOOP_BYTES: Final = {"json": 256 * 1024, "npz": 1024 * 1024}
_COMPRESS_ON_LOOP_BYTES: Final = 16 * 1024
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
# A response up to this size is sent in one write, and no lease is held until the client has read it.
_WITHOUT_LEASE_BYTES: Final = 32 * 1024


class Decoded(NamedTuple):
    """A decoded body.

    Attributes:
        prepared: the request to pool.
        response_format: of the response.
        encoding: of a JSON response: ``list`` or ``base64``.
    """

    prepared: PreparedRequest
    response_format: ResponseFormat
    encoding: str


class PoolRequest:
    """One pooling request between its steps; a :class:`.http.handler.AcceptedRequest`."""

    decoded: Decoded | None = None
    result: PoolResult | None = None
    read_at: float = 0.0
    decoded_at: float = 0.0
    pooled_at: float = 0.0

    def __init__(self, admission: Admission, plan: HeadPlan, deadline: float | None, record: RequestRecord) -> None:
        self.plan = plan
        self.deadline = deadline
        self.record = record
        # guard: capacity-before-body
        self.lease = admission.admit(plan.admitted_bytes, deadline)
        self._admission = admission

    @property
    def limits(self) -> TransferLimits:
        """See :class:`.http.handler.AcceptedRequest`."""
        return self.plan.limits

    def expect_body(self, nbytes: int, extra_bytes: int) -> None:
        """See :class:`.http.handler.AcceptedRequest`."""
        self._admission.resize_lease(self.lease, self.plan.held_bytes(nbytes, extra_bytes))

    def close(self) -> None:
        """See :class:`.http.handler.AcceptedRequest`."""
        self.decoded = self.result = None
        # guard: lease-ends-with-request
        self.lease.release()


class PoolHandler:
    """Handles pooling requests; a :class:`.http.handler.Handler`.

    Args:
        pooling: plans and pools.
        settings: the limits of bodies and responses.
        metrics: records the stages.
    """

    def __init__(self, pooling: PoolingService, settings: Settings, metrics: Metrics) -> None:
        self._pooling = pooling
        self._admission = pooling.admission
        self._metrics = metrics
        self._planner = HeadPlanner(pooling, settings)

    def on_head(self, head: Head, operator: str, record: RequestRecord) -> PoolRequest:
        """See :meth:`.http.handler.Handler.on_head`."""
        return PoolRequest(self._admission, self._planner.plan_of(head, operator), deadline_of(head.headers), record)

    def on_complete_request(
        self, head: Head, operator: str, record: RequestRecord, body: memoryview
    ) -> Response | PoolRequest:
        """See :meth:`.http.handler.Handler.on_complete_request`."""
        plan = self._planner.plan_of(head, operator)
        if (
            plan.compression is not None
            or len(body) > _DECODE_ON_LOOP_BYTES.get(plan.codec.name, _SCAN_ON_LOOP_BYTES)
            or not self._admission.can_admit(plan.admitted_bytes)
        ):
            return self.on_head(head, operator, record)
        deadline = deadline_of(head.headers)
        record.received_bytes = len(body)
        read_at = perf_counter()
        prepared, response_format, encoding = self._decode(plan, body)
        decoded_at = perf_counter()
        check_deadline(deadline)
        _charge_quota(record, prepared)
        pooled = None
        if (response_format.text_bytes or prepared.plan.output_bytes) <= _WITHOUT_LEASE_BYTES:
            pooled = self._pooling.pool_unreserved(prepared.plan, prepared.tensors, prepared.extra_bytes)
        if pooled is None:
            request = self.on_head(head, operator, record)
            request.decoded = Decoded(prepared, response_format, encoding)
            request.read_at, request.decoded_at = read_at, decoded_at
            return request
        payload, compute_s = pooled
        pooled_at = perf_counter()
        lines = None if plan.raw is None else plan.raw.header_lines
        if lines is not None:
            chunks: tuple[bytes | memoryview, ...] = payload.output_chunks()
            nbytes = prepared.plan.output_bytes
        else:
            encoded = response_format.codec.encode(Message(payload.output_tensors(), json_encoding=encoding))
            chunks, nbytes = encoded.chunks, encoded.nbytes
            lines = response_header_lines(encoded.media_type, nbytes, (*encoded.headers, *prepared.headers.items()))
        lines += self._record_stages(record, read_at, decoded_at, 0.0, compute_s, pooled_at)
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

    # ---- the steps, as they run on the event loop

    def _can_decode_inline(self, request: PoolRequest, body: memoryview) -> bool:
        plan, codec = request.plan, request.plan.codec
        if len(body) <= _DECODE_ON_LOOP_BYTES.get(codec.name, _SCAN_ON_LOOP_BYTES):
            return True
        if plan.raw is not None:
            copied_bytes = touched_bytes(plan.raw.metadata, 0)
        else:
            copied_bytes = codec.decode_extra_bytes(body)
            # guard: decoding-copy-is-charged
            self._admission.resize_lease(request.lease, len(body) + copied_bytes)
        return codec.name not in _DECODE_ON_LOOP_BYTES and copied_bytes <= _COPY_ON_LOOP_BYTES

    def _decode(self, plan: HeadPlan, body: memoryview) -> Decoded:
        """Decode a body; thread-safe."""
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
            encoding = message.json_encoding
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

    def _encode(self, plan: HeadPlan, decoded: Decoded, result: PoolResult) -> EncodedBody:
        """Encode the response; thread-safe."""
        if plan.raw is not None and plan.raw.header_lines is not None:
            # The plan has the headers already.
            return EncodedBody(RAW.media_types[0], tuple([tensor.buffer for tensor in result.tensors.values()]))
        return decoded.response_format.codec.encode(Message(result.tensors, json_encoding=decoded.encoding))

    async def _continue_async(self, request: PoolRequest, body: memoryview | None) -> Response:
        """Run the remaining steps, each in a thread or on a device."""
        run_in_thread = partial(self._pooling.run_in_thread, lease=request.lease, deadline=request.deadline)
        if body is not None:
            decode = partial(self._decode, request.plan, body)
            holds_gil = request.plan.codec.holds_gil
            del body
            self._set_decoded(
                request, await run_in_thread(decode, activity="the body was decoded", holds_gil=holds_gil)
            )
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
                encode, activity="the response was encoded", holds_gil=request.decoded.response_format.codec.holds_gil
            )
        if request.plan.compression is not None and encoded.nbytes >= COMPRESS_FROM_BYTES:
            return await self._compress(request, encoded)
        return self._respond(request, encoded)

    async def _compress(self, request: PoolRequest, encoded: EncodedBody) -> Response:
        assert request.plan.compression is not None, "the client accepts it"
        work = partial(compress, encoded, request.plan.compression)
        if encoded.nbytes <= _COMPRESS_ON_LOOP_BYTES:
            return self._respond(request, work())
        activity = "the response was encoded"
        return self._respond(
            request, await self._pooling.run_in_thread(work, request.lease, activity, request.deadline)
        )

    def _respond(self, request: PoolRequest, encoded: EncodedBody) -> Response:
        result, decoded = request.result, request.decoded
        assert result is not None, "it was pooled"
        assert decoded is not None, "it was decoded"
        plan, nbytes = request.plan, encoded.nbytes
        if plan.raw is not None and plan.raw.header_lines is not None:
            lines = plan.raw.header_lines
        else:
            lines = response_header_lines(
                encoded.media_type, nbytes, (*encoded.headers, *decoded.prepared.headers.items())
            )
        lines += self._record_stages(
            request.record, request.read_at, request.decoded_at, result.queue_s, result.compute_s, request.pooled_at
        )
        # From here on only the encoded response is needed, and a slow client may take long to read it.
        request.decoded = request.result = None
        if encoded.owns_memory:
            del result, decoded
            self._admission.resize_lease(request.lease, nbytes)
        return Response(200, lines, encoded.chunks, nbytes)

    def _record_stages(
        self,
        record: RequestRecord,
        read_at: float,
        decoded_at: float,
        queue_s: float,
        compute_s: float,
        pooled_at: float,
    ) -> bytes:
        """Record the duration of each stage of an encoded response, and return its Server-Timing header line.

        Args:
            record: of the request.
            read_at, decoded_at, pooled_at: when each stage ended, by ``perf_counter``.
            queue_s, compute_s: see :class:`poolhouse.service.PoolResult`.
        """
        encoded_at = perf_counter()
        if record.started_at:
            # Zero if there are no observers.
            record.stages = Stages(read_at, decoded_at, queue_s, compute_s, pooled_at, encoded_at)
        # guard: response-has-server-timing
        return self._metrics.record_pool_stages(decoded_at - read_at, queue_s, compute_s, encoded_at - pooled_at)


def _charge_quota(record: RequestRecord, prepared: PreparedRequest) -> None:
    """Charge the bytes of the outputs to the quota of the request's key."""
    if record.grant is not None:
        record.grant.charge(prepared.plan.output_bytes)


def _raw_tensor(raw: RawBodyPlan, body: memoryview) -> Tensor:
    dtype, shape = raw.metadata.dtype, raw.metadata.shape
    if raw.is_view and len(body) == raw.plan.input_bytes:
        # The planner has checked everything else.
        array = np.ndarray(shape, dtype.storage, body)
        if array.flags.aligned:
            return Tensor(dtype, array)
    return tensor_from_bytes(body, dtype, shape, "input")
