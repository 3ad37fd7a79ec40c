"""``POST /v1/pool/{operator}``: the hot route, from bytes to bytes.

A tiny request passes through with no thread, no task and no timer that fires; what would hold the event loop for long
goes to a thread, because everyone else's small requests wait behind it.
"""

from __future__ import annotations

from collections.abc import Awaitable
from functools import lru_cache, partial
from time import perf_counter

import numpy as np

from poolhouse.operators.operator import Plan
from poolhouse.pooling import Answer, Pooling, Ticket
from poolhouse.rest.footprint import Writing, kept_bytes, writing
from poolhouse.rest.headers import content_length, text
from poolhouse.rest.http.deadlines import BodyLimits
from poolhouse.rest.http.handler import Prepared
from poolhouse.rest.http.head import Head
from poolhouse.rest.http.response import HeaderBlock, Response
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.records import RequestRecord, Stages
from poolhouse.rest.request_head import HeadPlan, RawPlan, body_limits, check_deadline, deadline_of
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.codec import Codec, Encoded
from poolhouse.wire.codecs import answer_codec, codec_of
from poolhouse.wire.elements import check_nbytes, tensor_of, touched_bytes
from poolhouse.wire.inflate import Compression, Inflater, choose_encoding, compress
from poolhouse.wire.octet import OCTET, metadata_of
from poolhouse.wire.query import parse_query

# Body bytes up to which each codec works on the event loop. The formats that are not named here only look at
# a header and make views. A small npz may inflate to a thousand times its size.
_DECODE_ON_LOOP_BYTES = {"json": 64 * 1024, "npz": 4 * 1024}
# Those that only look at a header do so of larger ones too, if few elements must be copied or looked through.
_LOOKED_INTO_BYTES = 64 * 1024
_COPIED_ON_LOOP_BYTES = 256 * 1024
# On the way out, bytes of text and of elements: JSON prints digits, npz sums every byte.
_ENCODE_ON_LOOP_BYTES = {"json": 256 * 1024, "npz": 1024 * 1024}
_COMPRESS_ON_LOOP_BYTES = 16 * 1024
# Heads whose meaning is remembered, and how long the words may be that it follows from.
_REMEMBERED = 512
_LONGEST_KEY = 512
# One packet is one packet, compressed or not.
_COMPRESS_FROM_BYTES = 1024


class PoolRequest:
    """One request on its way; a :class:`.http.handler.Prepared`."""

    __slots__ = (
        "_pooling",
        "answer",
        "deadline",
        "decoded_at",
        "encoding",
        "how",
        "lease",
        "plan",
        "pooled_at",
        "read_at",
        "record",
        "ticket",
    )
    how: Writing

    def __init__(self, pooling: Pooling, plan: HeadPlan, deadline: float | None, record: RequestRecord) -> None:
        self.plan = plan
        self.deadline = deadline
        self.record = record
        self.lease = pooling.admit(plan.held_bytes(plan.length or 0), deadline)
        self._pooling = pooling
        self.ticket: Ticket | None = None
        self.answer: Answer | None = None
        self.encoding = "list"
        self.read_at = self.decoded_at = self.pooled_at = 0.0

    @property
    def limits(self) -> BodyLimits:
        """See :class:`.http.handler.Prepared`."""
        return self.plan.limits

    def expect_body(self, nbytes: int, beside_bytes: int) -> None:
        """See :class:`.http.handler.Prepared`."""
        self._pooling.hold(self.lease, self.plan.held_bytes(nbytes, beside_bytes))

    def close(self) -> None:
        """See :class:`.http.handler.Prepared`."""
        self.ticket = self.answer = None
        self.lease.release()


class PoolHandler:
    """Answers the pool route; a :class:`.http.handler.Handler`.

    Args:
        pooling: does it.
        settings: limits of bodies and answers.
        metrics: counts the stages.
    """

    def __init__(self, pooling: Pooling, settings: Settings, metrics: Metrics) -> None:
        self._pooling = pooling
        self._metrics = metrics
        self._limits, self._json_limits = body_limits(settings)
        self._answer_limit = settings.max_output_bytes
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._plan_head)

    def on_head(self, head: Head, operator: str, record: RequestRecord) -> PoolRequest:
        """See :meth:`.http.handler.Handler.on_head`."""
        # Only a head that repeats the last one of its connection byte for byte has it.
        plan = head.memo
        if not isinstance(plan, HeadPlan):
            plan = head.memo = self._plan_of(head, operator)
        return PoolRequest(self._pooling, plan, deadline_of(head.headers), record)

    def on_body(self, prepared: Prepared, body: memoryview) -> Response | Awaitable[Response]:
        """See :meth:`.http.handler.Handler.on_body`."""
        assert isinstance(prepared, PoolRequest), "from on_head"
        request = prepared
        request.read_at = perf_counter()
        if not self._decodes_here(request, body):
            return self._go_on(request, body)
        self._decode(request, body)
        if not self._pool_here(request) or not self._encodes_here(request):
            return self._go_on(request, None)
        encoded = self._encode(request)
        if request.plan.compression is not None and encoded.nbytes >= _COMPRESS_FROM_BYTES:
            return self._compress(request, encoded)
        return self._respond(request, encoded)

    def _plan_of(self, head: Head, operator: str) -> HeadPlan:
        """What follows from a head. Only the words that it follows from are looked at, and none is a secret."""
        headers = head.headers
        words = (
            headers.get(b"content-type"),
            headers.get(b"content-encoding"),
            headers.get(b"accept"),
            headers.get(b"accept-encoding"),
        )
        length = content_length(headers)
        if len(operator) + len(head.query) + sum(map(len, filter(None, words))) > _LONGEST_KEY:
            return self._plan_head(operator, head.query, words, length)
        return self._remembered(operator, head.query, words, length)

    def _plan_head(self, name: str, query: bytes, words: tuple[bytes | None, ...], length: int | None) -> HeadPlan:
        given = dict(zip((b"content-type", b"content-encoding", b"accept", b"accept-encoding"), words, strict=True))
        headers = {word: value for word, value in given.items() if value is not None}
        self._pooling.catalogue.find(name)
        codec = codec_of(text(headers, b"content-type"))
        limits = self._json_limits if codec.is_json else self._limits
        limits.check_length(length)
        # What curl and most libraries send says nothing.
        accept = None if headers.get(b"accept") == b"*/*" else text(headers, b"accept")
        if accept is not None:
            answer_codec(accept, codec, 1)
        encoding = text(headers, b"content-encoding")
        is_inflated = encoding is not None and not Inflater(encoding, limits.limit_bytes).is_identity
        compression = choose_encoding(text(headers, b"accept-encoding"))
        raw = None
        if codec is OCTET:
            raw = self._plan_raw(name, query, None if is_inflated else length, accept, compression)
        fields = parse_query(query) if raw is None else {}
        return HeadPlan(name, codec, accept, compression, fields, raw, limits, length, is_inflated)

    def _plan_raw(
        self, name: str, query: bytes, nbytes: int | None, accept: str | None, compression: Compression | None
    ) -> RawPlan:
        """What the query tells of raw elements, which is all, so many bytes where that is known; or the refusal."""
        outline, texts = OCTET.outline(parse_query(query))
        if nbytes is not None:
            check_nbytes(nbytes, outline, "input")
        plan = self._pooling.foresee(name, {"input": outline}, texts)
        how = self._writing(accept, OCTET, compression, plan, "list")
        block = None
        if how.writer is OCTET and (compression is None or plan.output_bytes < _COMPRESS_FROM_BYTES):
            block = _block(OCTET.media_types[0], plan.output_bytes, (("Tensor-Metadata", metadata_of(plan.outputs)),))
        settled = self._pooling.ticket(plan, {})
        is_view = touched_bytes(outline, 0) == 0
        return RawPlan(outline, plan, how, is_view, block, settled.headers if settled.plan is plan else None)

    def _writing(
        self, accept: str | None, codec: Codec, compression: Compression | None, plan: Plan, encoding: str
    ) -> Writing:
        writer = answer_codec(accept, codec, len(plan.outputs))
        return writing(writer, plan, encoding, self._answer_limit, is_compressed=compression is not None)

    # ---- the steps, each where it is done at once

    def _decodes_here(self, request: PoolRequest, body: memoryview) -> bool:
        plan, codec = request.plan, request.plan.codec
        if len(body) <= _DECODE_ON_LOOP_BYTES.get(codec.name, _LOOKED_INTO_BYTES):
            return True
        if plan.raw is not None:
            taken = touched_bytes(plan.raw.outline, 0)
        else:
            taken = codec.decoding_bytes(body)
            self._pooling.hold(request.lease, len(body) + taken)
        return codec.name not in _DECODE_ON_LOOP_BYTES and taken <= _COPIED_ON_LOOP_BYTES

    def _decode(self, request: PoolRequest, body: memoryview) -> None:
        """Make tensors of the body, and charge for them; from any thread but for the charge."""
        plan, raw = request.plan, request.plan.raw
        if raw is not None:
            how = raw.writing
            tensors = {"input": self._raw_tensor(raw, body)}
            if raw.ticket_headers is None:
                ticket = self._pooling.ticket(raw.plan, tensors)
            else:
                ticket = Ticket(raw.plan, tensors, raw.ticket_headers)
        else:
            message = plan.codec.decode(body, plan.query, plan.limits.limit_bytes)
            ticket = self._pooling.prepare(plan.name, message)
            request.encoding = message.encoding
            how = self._writing(plan.accept, plan.codec, plan.compression, ticket.plan, message.encoding)
        request.how = how
        beside_bytes = kept_bytes(ticket.tensors, body) + how.beside_bytes
        request.ticket = Ticket(ticket.plan, ticket.tensors, ticket.headers, beside_bytes)

    def _raw_tensor(self, raw: RawPlan, body: memoryview) -> Tensor:
        dtype, shape = raw.outline.dtype, raw.outline.shape
        if raw.is_view and len(body) == raw.plan.input_bytes:
            # All else that could be wrong was looked at when the head was planned.
            array = np.ndarray(shape, dtype.storage, body)
            if array.flags.aligned:
                return Tensor(dtype, array)
        return tensor_of(body, dtype, shape, "input")

    def _pool_here(self, request: PoolRequest) -> bool:
        ticket = request.ticket
        assert ticket is not None, "it was decoded"
        request.decoded_at = perf_counter()
        check_deadline(request.deadline)
        if request.record.grant is not None:
            request.record.grant.charge(ticket.plan.output_bytes)
        request.answer = self._pooling.pool_here(ticket, request.lease)
        request.pooled_at = perf_counter()
        return request.answer is not None

    def _encodes_here(self, request: PoolRequest) -> bool:
        assert request.answer is not None, "it was pooled"
        how = request.how
        limit = _ENCODE_ON_LOOP_BYTES.get(how.writer.name)
        if limit is None:
            return True
        return (how.text_bytes or sum(each.array.nbytes for each in request.answer.tensors.values())) <= limit

    def _encode(self, request: PoolRequest) -> Encoded:
        """Write the answer; from any thread."""
        assert request.answer is not None, "it was pooled"
        raw = request.plan.raw
        if raw is not None and raw.block is not None:
            # Its headers are known from the plan.
            return Encoded(OCTET.media_types[0], tuple(tensor.buffer for tensor in request.answer.tensors.values()))
        return request.how.writer.encode(Message(request.answer.tensors, encoding=request.encoding))

    async def _go_on(self, request: PoolRequest, body: memoryview | None) -> Response:
        """The steps that were not done at once, each in a thread or on a device."""
        aside = partial(self._pooling.aside, lease=request.lease, deadline=request.deadline)
        if body is not None:
            decode = partial(self._decode, request, body)
            holds = request.plan.codec.holds_interpreter
            del body
            await aside(decode, doing="the body was decoded", holds_interpreter=holds)
            del decode
            self._pool_here(request)
        if request.answer is None:
            assert request.ticket is not None, "it was decoded"
            request.answer = await self._pooling.pool(request.ticket, request.lease, request.deadline)
            request.pooled_at = perf_counter()
        if self._encodes_here(request):
            encoded = self._encode(request)
        else:
            encode = partial(self._encode, request)
            encoded = await aside(
                encode, doing="the answer was encoded", holds_interpreter=request.how.writer.holds_interpreter
            )
        if request.plan.compression is not None and encoded.nbytes >= _COMPRESS_FROM_BYTES:
            return await self._compress(request, encoded)
        return self._respond(request, encoded)

    async def _compress(self, request: PoolRequest, encoded: Encoded) -> Response:
        assert request.plan.compression is not None, "the client takes it so"
        work = partial(compress, encoded, request.plan.compression)
        if encoded.nbytes <= _COMPRESS_ON_LOOP_BYTES:
            return self._respond(request, work())
        doing = "the answer was encoded"
        return self._respond(request, await self._pooling.aside(work, request.lease, doing, request.deadline))

    def _respond(self, request: PoolRequest, encoded: Encoded) -> Response:
        done = perf_counter()
        answer, ticket = request.answer, request.ticket
        assert answer is not None, "it was pooled"
        assert ticket is not None, "it was decoded"
        read, decoded, pooled = request.read_at, request.decoded_at, request.pooled_at
        if request.record.begun:
            # Somebody is told of the request.
            request.record.stages = Stages(read, decoded, answer.queue_s, answer.compute_s, pooled, done)
        timing = self._metrics.timed_pool(decoded - read, answer.queue_s, answer.compute_s, done - pooled)
        further = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in ticket.headers.items()]
        further.append((b"server-timing", timing.encode("ascii")))
        raw, nbytes = request.plan.raw, encoded.nbytes
        if raw is not None and raw.block is not None:
            block = raw.block
        else:
            block = _block(encoded.media_type, nbytes, encoded.headers)
        # The answer needs its own memory alone, and a slow client may take long to read it.
        request.ticket = request.answer = None
        if encoded.owns_memory:
            del answer, ticket
            self._pooling.hold(request.lease, nbytes)
        return Response(200, block, tuple(further), encoded.chunks, nbytes)


def _block(media_type: str, nbytes: int, headers: tuple[tuple[str, str], ...]) -> HeaderBlock:
    return HeaderBlock(
        [
            (b"content-type", media_type.encode("latin-1")),
            (b"content-length", b"%d" % nbytes),
            *((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        ]
    )
