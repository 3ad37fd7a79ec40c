"""Handle a pooling request: decode the body, pool it, encode the response.

A tiny request needs no thread, task, timer or lease: it is finished in one call on the event loop. A step that would
block the event loop for long runs in a thread, since all other requests would wait for it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from time import monotonic, perf_counter
from typing import Final, Generic

from poolhouse.admission import Admission
from poolhouse.batching.observer import BatchShare
from poolhouse.operators.plan import Plan
from poolhouse.poolings.plan import PoolingsPlan
from poolhouse.poolings.run import PreparedPoolings, run_any, run_any_inline
from poolhouse.rest.http.handler import AcceptedRequest
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import Response
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.rest.observability.metrics import Metrics
from poolhouse.rest.observability.request_record import RequestRecord, Stages
from poolhouse.rest.routes.pool.body_format import BodyFormat, Decoded, HeadPlanType, NeedsMemory
from poolhouse.rest.routes.pool.head_planner import COMPRESS_FROM_BYTES, response_header_lines
from poolhouse.rest.routes.request_limits import check_deadline, deadline_of
from poolhouse.service import PoolingService, PoolResult, PreparedRequest
from poolhouse.wire.codec import EncodedBody
from poolhouse.wire.compress import compress, is_compressible

_COPY_ON_LOOP_BYTES: Final = 256 * 1024
"""The most bytes that are copied and checked on the event loop."""
_COMPRESS_ON_LOOP_BYTES: Final = 16 * 1024
# A response up to this size is sent in one write, and no lease is held until the client has read it.
_WITHOUT_LEASE_BYTES: Final = 32 * 1024


class PoolRequest(Generic[HeadPlanType]):
    """One pooling request between its steps; a :class:`.http.handler.AcceptedRequest`."""

    decoded: Decoded | None = None
    result: PoolResult | None = None
    read_at: float = 0.0
    decoded_at: float = 0.0
    reserved_bytes: int = 0
    pooled_at: float = 0.0

    def __init__(self, admission: Admission, plan: HeadPlanType, deadline: float | None, record: RequestRecord) -> None:
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

    @property
    def body_padding(self) -> int:
        """See :class:`.http.handler.AcceptedRequest`."""
        return self.plan.body_padding

    def expect_body(self, nbytes: int, extra_bytes: int) -> None:
        """See :class:`.http.handler.AcceptedRequest`."""
        self._admission.resize_lease(self.lease, self.plan.held_bytes(nbytes, extra_bytes))

    def close(self) -> None:
        """See :class:`.http.handler.AcceptedRequest`."""
        self.decoded = self.result = None
        # guard: lease-ends-with-request
        self.lease.release()


class PoolHandler(Generic[HeadPlanType]):
    """Handles pooling requests; a :class:`.http.handler.Handler`.

    Args:
        pooling: plans and pools.
        body_format: of the requests and responses.
        metrics: records the stages.
    """

    def __init__(self, pooling: PoolingService, body_format: BodyFormat[HeadPlanType], metrics: Metrics) -> None:
        self._pooling = pooling
        self._admission = pooling.admission
        self._format = body_format
        self._metrics = metrics
        self._statistics = metrics.models

    def on_head(self, head: Head, operator: str, record: RequestRecord) -> PoolRequest[HeadPlanType]:
        """See :meth:`.http.handler.Handler.on_head`."""
        record.model = operator
        return PoolRequest(self._admission, self._format.plan_of(head, operator), deadline_of(head.headers), record)

    def on_complete_request(
        self, head: Head, operator: str, record: RequestRecord, body: memoryview
    ) -> Response | PoolRequest[HeadPlanType]:
        """See :meth:`.http.handler.Handler.on_complete_request`."""
        record.model = operator
        plan = self._format.plan_of(head, operator)
        if (
            plan.compression is not None
            or len(body) > plan.decode_on_loop_bytes
            or not self._admission.can_admit(plan.admitted_bytes)
        ):
            return self.on_head(head, operator, record)
        deadline = deadline_of(head.headers)
        record.received_bytes = len(body)
        read_at = record.read_at = perf_counter()
        try:
            decoded = self._format.decode(plan, body, 0)
        except NeedsMemory as needed:
            if needed.nbytes > _COPY_ON_LOOP_BYTES or not self._admission.can_admit(
                plan.admitted_bytes + needed.nbytes
            ):
                return self.on_head(head, operator, record)
            decoded = self._format.decode(plan, body, needed.nbytes)
        prepared = decoded.prepared
        decoded_at = perf_counter()
        if decoded.timeout_s is not None:
            deadline = _earlier(deadline, decoded)
        if deadline is not None:
            check_deadline(deadline)
        if record.grant is not None:
            _charge_quota(record, prepared)
        pooled = None
        if (
            isinstance(prepared, PreparedRequest)
            and (decoded.text_bytes or prepared.plan.output_bytes) <= _WITHOUT_LEASE_BYTES
        ):
            pooled = self._pooling.pool_unreserved(
                prepared.plan, prepared.tensors, prepared.extra_bytes, plan.admitted_bytes
            )
        if pooled is None or not isinstance(prepared, PreparedRequest):
            request = self.on_head(head, operator, record)
            request.decoded, request.deadline = decoded, deadline
            request.read_at, request.decoded_at = read_at, decoded_at
            return request
        payload, compute_s = pooled
        pooled_at = perf_counter()
        if decoded.static is not None:
            lines, prefix = decoded.static
            chunks: tuple[bytes | memoryview, ...] = payload.output_chunks()
            nbytes = prepared.plan.output_bytes + len(prefix)
            if prefix:
                chunks = (prefix, *chunks)
        else:
            encoded = decoded.encode(payload.output_tensors(), 0.0, compute_s)
            chunks, nbytes = encoded.chunks, encoded.nbytes
            lines = response_header_lines(encoded.media_type, nbytes, (*encoded.headers, *prepared.headers.items()))
        lines += self._record_stages(record, prepared.plan, read_at, decoded_at, 0.0, compute_s, pooled_at, None)
        return Response(200, lines, chunks, nbytes)

    def on_body(self, accepted: AcceptedRequest, body: memoryview) -> Response | Awaitable[Response]:
        """See :meth:`.http.handler.Handler.on_body`."""
        assert isinstance(accepted, PoolRequest), "from on_head"
        request: PoolRequest[HeadPlanType] = accepted
        if request.decoded is None:
            request.read_at = request.record.read_at = perf_counter()
            if not self._can_decode_inline(request, body):
                return self._continue_async(request, body)
            try:
                decoded = self._format.decode(request.plan, body, 0)
            except NeedsMemory as needed:
                self._reserve(request, needed)
                if needed.nbytes > _COPY_ON_LOOP_BYTES:
                    return self._continue_async(request, body)
                decoded = self._format.decode(request.plan, body, needed.nbytes)
            self._set_decoded(request, decoded)
        if not self._pool_inline(request) or not self._can_encode_inline(request):
            return self._continue_async(request, None)
        encoded = self._encode(request)
        if _is_to_compress(request.plan, encoded):
            return self._compress(request, encoded)
        return self._respond(request, encoded)

    # ---- the steps, as they run on the event loop

    def _can_decode_inline(self, request: PoolRequest[HeadPlanType], body: memoryview) -> bool:
        plan = request.plan
        if len(body) <= plan.decode_on_loop_bytes:
            return True
        copied_bytes = plan.copied_bytes(body)
        decoding_bytes = plan.decoding_bytes(body, copied_bytes)
        if decoding_bytes is not None:
            # guard: decoding-copy-is-charged
            self._admission.resize_lease(request.lease, decoding_bytes)
        return plan.may_copy_on_loop and copied_bytes <= _COPY_ON_LOOP_BYTES

    def _reserve(self, request: PoolRequest[HeadPlanType], needed: NeedsMemory) -> None:
        """Reserve memory for inputs that are not in the body, before it is allocated."""
        # guard: region-copy-is-charged
        self._admission.resize_lease(request.lease, request.lease.nbytes + needed.nbytes)
        request.reserved_bytes = needed.nbytes

    def _set_decoded(self, request: PoolRequest[HeadPlanType], decoded: Decoded) -> None:
        request.decoded, request.decoded_at = decoded, perf_counter()
        request.deadline = _earlier(request.deadline, decoded)
        check_deadline(request.deadline)
        _charge_quota(request.record, decoded.prepared)

    def _pool_inline(self, request: PoolRequest[HeadPlanType]) -> bool:
        assert request.decoded is not None, "it was decoded"
        request.result = run_any_inline(self._pooling, request.decoded.prepared, request.lease)
        request.pooled_at = perf_counter()
        return request.result is not None

    def _can_encode_inline(self, request: PoolRequest[HeadPlanType]) -> bool:
        assert request.decoded is not None, "it was decoded"
        assert request.result is not None, "it was pooled"
        limit = request.decoded.encode_on_loop_bytes
        if limit is None:
            return True
        return (
            request.decoded.text_bytes or sum(each.array.nbytes for each in request.result.tensors.values())
        ) <= limit

    def _encode(self, request: PoolRequest[HeadPlanType]) -> EncodedBody:
        """Encode the response; thread-safe."""
        decoded, result = request.decoded, request.result
        assert decoded is not None, "it was decoded"
        assert result is not None, "it was pooled"
        return decoded.encode(result.tensors, result.queue_s, result.compute_s)

    async def _continue_async(self, request: PoolRequest[HeadPlanType], body: memoryview | None) -> Response:
        """Run the remaining steps, each in a thread or on a device."""
        run_in_thread = partial(self._pooling.run_in_thread, lease=request.lease, deadline=request.deadline)
        if body is not None:
            run = partial(run_in_thread, activity="the body was decoded", holds_gil=request.plan.holds_gil)
            decode = partial(self._format.decode, request.plan, body)
            del body
            try:
                decoded = await run(partial(decode, request.reserved_bytes))
            except NeedsMemory as needed:
                self._reserve(request, needed)
                decoded = await run(partial(decode, needed.nbytes))
            self._set_decoded(request, decoded)
            del decode, decoded
            self._pool_inline(request)
        assert request.decoded is not None, "it was decoded"
        if request.result is None:
            request.result = await run_any(
                self._pooling, request.decoded.prepared, request.lease, request.deadline, request.record.model
            )
            request.pooled_at = perf_counter()
        if self._can_encode_inline(request):
            encoded = self._encode(request)
        else:
            encode = partial(self._encode, request)
            encoded = await run_in_thread(
                encode, activity="the response was encoded", holds_gil=request.decoded.holds_gil
            )
        if _is_to_compress(request.plan, encoded):
            return await self._compress(request, encoded)
        return self._respond(request, encoded)

    async def _compress(self, request: PoolRequest[HeadPlanType], encoded: EncodedBody) -> Response:
        assert request.plan.compression is not None, "the client accepts it"
        work = partial(compress, encoded, request.plan.compression)
        if encoded.nbytes <= _COMPRESS_ON_LOOP_BYTES:
            return self._respond(request, work())
        activity = "the response was encoded"
        return self._respond(
            request, await self._pooling.run_in_thread(work, request.lease, activity, request.deadline)
        )

    def _respond(self, request: PoolRequest[HeadPlanType], encoded: EncodedBody) -> Response:
        result, decoded = request.result, request.decoded
        assert result is not None, "it was pooled"
        assert decoded is not None, "it was decoded"
        nbytes = encoded.nbytes
        if decoded.static is not None:
            lines = decoded.static.header_lines
        else:
            lines = response_header_lines(
                encoded.media_type, nbytes, (*encoded.headers, *decoded.prepared.headers.items())
            )
        lines += self._record_stages(
            request.record,
            decoded.prepared.plan,
            request.read_at,
            request.decoded_at,
            result.queue_s,
            result.compute_s,
            request.pooled_at,
            result.share,
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
        plan: Plan | PoolingsPlan,
        read_at: float,
        decoded_at: float,
        queue_s: float,
        compute_s: float,
        pooled_at: float,
        share: BatchShare | None,
    ) -> bytes:
        """Record the duration of each stage of an encoded response, and return its Server-Timing header line.

        Args:
            record: of the request.
            plan: of the pooling.
            read_at, decoded_at, pooled_at: when each stage ended, by ``perf_counter``.
            queue_s, compute_s, share: see :class:`poolhouse.service.PoolResult`.
        """
        encoded_at = perf_counter()
        decode_s, encode_s = decoded_at - read_at, encoded_at - pooled_at
        self._statistics.record_success(
            record.model, plan, encoded_at - read_at, decode_s, queue_s, compute_s, encode_s, share
        )
        if record.started_at:
            # Zero if there are no observers.
            record.stages = Stages(read_at, decoded_at, queue_s, compute_s, pooled_at, encoded_at)
        # guard: response-has-server-timing
        return self._metrics.record_pool_stages(decode_s, queue_s, compute_s, encode_s)


def _is_to_compress(plan: HeadPlanType, encoded: EncodedBody) -> bool:
    return (
        plan.compression is not None and encoded.nbytes >= COMPRESS_FROM_BYTES and is_compressible(encoded.media_type)
    )


def _charge_quota(record: RequestRecord, prepared: PreparedRequest | PreparedPoolings) -> None:
    """Charge the bytes of the outputs to the quota of the request's key."""
    if record.grant is not None:
        record.grant.charge(prepared.plan.output_bytes)


def _earlier(deadline: float | None, decoded: Decoded) -> float | None:
    """The earlier one of a deadline and the time limit of a body."""
    if decoded.timeout_s is None:
        return deadline
    ends_at = monotonic() + decoded.timeout_s
    return ends_at if deadline is None else min(deadline, ends_at)
