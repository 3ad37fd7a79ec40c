"""``POST /v1/pool/{operator}``: the hot endpoint, from bytes to bytes.

Plain ASGI. A tiny request passes through with no thread, no task and no timer that fires; what would
hold the event loop for long goes to a thread, because everyone else's small requests wait behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import lru_cache, partial
from time import perf_counter
from typing import TypeVar

from starlette.types import Receive, Scope, Send

from poolhouse.batching.ledger import Lease
from poolhouse.operators.operator import Plan
from poolhouse.pooling import Pooling, Ticket
from poolhouse.rest.answers import send_encoded
from poolhouse.rest.authorization import PASS_KEY, Pass
from poolhouse.rest.bodies import CallerGone, read_body
from poolhouse.rest.door import Need, Needs
from poolhouse.rest.finished import STAGES_KEY, Stages
from poolhouse.rest.footprint import Writing, kept_bytes, writing
from poolhouse.rest.headers import HEADERS_KEY, Headers, content_length, text
from poolhouse.rest.intake import INTAKE_KEY
from poolhouse.rest.metrics import Metrics
from poolhouse.rest.request_head import (
    Foreseen,
    RequestHead,
    body_rules,
    check_deadline,
    deadline_of,
    inflater_of,
    query_of,
)
from poolhouse.settings import Settings
from poolhouse.tensors import Message
from poolhouse.wire.codec import Codec, Encoded
from poolhouse.wire.codecs import answer_codec, codec_of
from poolhouse.wire.elements import check_nbytes, tensor_of, touched_bytes
from poolhouse.wire.inflate import Compression, choose_encoding, compress
from poolhouse.wire.octet import OCTET
from poolhouse.wire.query import parse_query

Result = TypeVar("Result")

# Body bytes up to which each codec works on the event loop. The formats that are not named here only look at
# a header and make views. A small npz may inflate to a thousand times its size.
_DECODE_ON_LOOP_BYTES = {"json": 64 * 1024, "npz": 4 * 1024}
# Those that only look at a header do so of larger ones too, if few elements must be copied or looked through.
_LOOKED_INTO_BYTES = 64 * 1024
_COPIED_ON_LOOP_BYTES = 256 * 1024
# On the way out, bytes of text and of elements: JSON prints digits, npz sums every byte.
_ENCODE_ON_LOOP_BYTES = {"json": 256 * 1024, "npz": 1024 * 1024}
_COMPRESS_ON_LOOP_BYTES = 16 * 1024
# Queries whose meaning is remembered, and how long one may be for that.
_REMEMBERED = 512
_LONGEST_KEY = 512
# One packet is one packet, compressed or not.
_COMPRESS_FROM_BYTES = 1024


class PoolEndpoint:
    """The ASGI application of the pool route."""

    def __init__(self, pooling: Pooling, settings: Settings, metrics: Metrics, needs: Needs) -> None:
        self._needs = needs
        self._pooling = pooling
        self._metrics = metrics
        self._rules, self._json_rules = body_rules(settings)
        self._answer_limit = settings.max_output_bytes
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._foresee)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; refusals are raised, and the middleware writes them."""
        asked = self._ask(scope)
        lease = self._pooling.admit(self._expected_bytes(asked, scope), asked.deadline)
        try:
            await self._answer(asked, lease, scope, receive, send)
        finally:
            lease.release()

    def _ask(self, scope: Scope) -> RequestHead:
        """What the request line and the headers tell, or their refusal, before a byte of the body is read."""
        headers: Headers = scope[HEADERS_KEY]
        name: str = scope["path_params"]["operator"]
        self._pooling.catalogue.find(name)
        codec = codec_of(text(headers, b"content-type"))
        rules = self._json_rules if codec.is_json else self._rules
        length = content_length(headers)
        rules.check_length(length)
        # A full service answers many whom it has no room for, and reads no more of them than it must.
        self._pooling.check_room(length or 0, deadline := deadline_of(headers))
        # What curl and most libraries send says nothing; reading it would cost more than the rest here.
        accept = None if headers.get(b"accept") == b"*/*" else text(headers, b"accept")
        if accept is not None:
            answer_codec(accept, codec, 1)
        query: bytes = scope["query_string"]
        inflater = inflater_of(headers, rules)
        compression = choose_encoding(text(headers, b"accept-encoding"))
        raw = how = None
        if codec is OCTET:
            foresee = self._remembered if len(query) <= _LONGEST_KEY else self._foresee
            raw = foresee(name, query, length if inflater is None else None)
            how = self._writing(accept, codec, compression, raw.plan, "list")
        return RequestHead(
            name=name,
            codec=codec,
            accept=accept,
            compression=compression,
            deadline=deadline,
            query={} if raw is not None else query_of(scope),
            raw=raw,
            writing=how,
            rules=rules,
            length=length,
            inflater=inflater,
            intake=scope.get(INTAKE_KEY),
        )

    def _foresee(self, name: str, query: bytes, nbytes: int | None) -> Foreseen:
        """What the query tells of raw elements, which is all, so many bytes where that is known; or the refusal. Most
        callers ask the same again."""
        outline, texts = OCTET.outline(parse_query(query))
        if nbytes is not None:
            check_nbytes(nbytes, outline, "input")
        return Foreseen(outline, self._pooling.foresee(name, {"input": outline}, texts))

    def _expected_bytes(self, asked: RequestHead, scope: Scope) -> int:
        """Memory to hold for the request, before its body is here. Where the query tells the whole plan, all of it,
        and what cannot be pooled is refused now; else what the body takes, and its plan sets it right."""
        if asked.raw is not None:
            held_bytes = asked.raw.plan.held_bytes
            if asked.intake is not None:
                need = Need(held_bytes, {"path_params": scope["path_params"], "endpoint": self})
                self._needs.learn(scope["raw_path"], scope["query_string"], scope[HEADERS_KEY], need)
        return asked.held_bytes(asked.length or 0)

    def _writing(
        self, accept: str | None, codec: Codec, compression: Compression | None, plan: Plan, encoding: str
    ) -> Writing:
        writer = answer_codec(accept, codec, len(plan.outputs))
        return writing(writer, plan, encoding, self._answer_limit, is_compressed=compression is not None)

    async def _answer(self, asked: RequestHead, lease: Lease, scope: Scope, receive: Receive, send: Send) -> None:
        codec, deadline = asked.codec, asked.deadline
        body = await read_body(
            receive,
            asked.rules,
            length=asked.length,
            inflater=asked.inflater,
            deadline=deadline,
            intake=asked.intake,
            lease=lease,
            aside=partial(self._pooling.aside, lease=lease, doing="the body was inflated"),
            reserve=lambda nbytes, beside: self._pooling.hold(lease, asked.held_bytes(nbytes, beside)),
        )

        begun = perf_counter()
        message, ticket = await self._decode(asked, body, lease, receive)
        how = asked.writing or self._writing(asked.accept, codec, asked.compression, ticket.plan, message.encoding)
        beside_bytes = kept_bytes(message.tensors, body) + how.beside_bytes
        ticket = Ticket(ticket.plan, ticket.tensors, ticket.headers, beside_bytes)
        # What was copied out of it does not need it any more.
        del body
        decoded = perf_counter()
        check_deadline(deadline)
        entered: Pass | None = scope.get(PASS_KEY)
        if entered is not None:
            entered.charge(ticket.plan.output_bytes)

        answer = self._pooling.pool_here(ticket, lease)
        if answer is None:
            answer = await unless_gone(self._pooling.pool(ticket, lease, deadline), receive)
        pooled = perf_counter()

        reply = Message(answer.tensors, encoding=message.encoding)
        encoded = await self._encode(how, reply, asked, lease, receive)
        done = perf_counter()
        scope[STAGES_KEY] = Stages(begun, decoded, answer.queue_s, answer.compute_s, pooled, done)
        timing = self._metrics.timed(
            "pool",
            decode=decoded - begun,
            queue=answer.queue_s,
            compute=answer.compute_s,
            encode=done - pooled,
        )
        further = {**ticket.headers, **answer.headers, "server-timing": timing}
        if encoded.owns_memory:
            # What it was made of is not needed while a slow caller reads it.
            del message, ticket, answer, reply
            self._pooling.hold(lease, encoded.nbytes)
        await send_encoded(scope, send, encoded, further.items(), lease)

    async def _decode(
        self, asked: RequestHead, body: memoryview, lease: Lease, receive: Receive
    ) -> tuple[Message, Ticket]:
        codec = asked.codec
        if len(body) <= _DECODE_ON_LOOP_BYTES.get(codec.name, _LOOKED_INTO_BYTES):
            return self._open(asked, body)
        if asked.raw is not None:
            taken = touched_bytes(asked.raw.outline, 0)
        else:
            taken = codec.decoding_bytes(body)
            self._pooling.hold(lease, len(body) + taken)
        if codec.name not in _DECODE_ON_LOOP_BYTES and taken <= _COPIED_ON_LOOP_BYTES:
            return self._open(asked, body)
        opening = self._pooling.aside(
            partial(self._open, asked, body),
            lease,
            "the body was decoded",
            asked.deadline,
            holds_interpreter=codec.holds_interpreter,
        )
        return await unless_gone(opening, receive)

    def _open(self, asked: RequestHead, body: memoryview) -> tuple[Message, Ticket]:
        if asked.raw is not None:
            outline = asked.raw.outline
            tensors = {"input": tensor_of(body, outline.dtype, outline.shape, "input")}
            return Message(tensors), self._pooling.ticket(asked.raw.plan, tensors)
        message = asked.codec.decode(body, asked.query, asked.rules.limit_bytes)
        return message, self._pooling.prepare(asked.name, message)

    async def _encode(
        self, how: Writing, reply: Message, asked: RequestHead, lease: Lease, receive: Receive
    ) -> Encoded:
        codec = how.writer

        async def beside(work: Callable[[], Encoded], *, holds_interpreter: bool) -> Encoded:
            writing = self._pooling.aside(
                work, lease, "the answer was encoded", asked.deadline, holds_interpreter=holds_interpreter
            )
            return await unless_gone(writing, receive)

        nbytes = how.text_bytes or sum(tensor.array.nbytes for tensor in reply.tensors.values())
        if nbytes > _ENCODE_ON_LOOP_BYTES.get(codec.name, nbytes):
            encoded = await beside(partial(codec.encode, reply), holds_interpreter=codec.holds_interpreter)
        else:
            encoded = codec.encode(reply)
        if asked.compression is None or encoded.nbytes < _COMPRESS_FROM_BYTES:
            return encoded
        if encoded.nbytes > _COMPRESS_ON_LOOP_BYTES:
            return await beside(partial(compress, encoded, asked.compression), holds_interpreter=False)
        return compress(encoded, asked.compression)


async def unless_gone(work: Coroutine[object, object, Result], receive: Receive) -> Result:
    """The work's result, given up when the caller closes the connection before it.

    Args:
        work: what the caller waits for.
        receive: ASGI's, with the body read: all that can come is the caller's leaving.

    Raises:
        CallerGone: when there is nobody left to answer.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise CallerGone
        return working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            # Until the engine has let go of the job it may still hand it to a device, and share its lease:
            # the caller of this must not give that back before.
            await asyncio.wait((working,))
        # A refusal's traceback holds this frame, and the task holds the refusal: a circle that would keep the body
        # until the collector comes by.
        del working
