"""``POST /v1/pool/{operator}``: the hot endpoint, from bytes to bytes.

Plain ASGI. A tiny request passes through with no thread, no task and no timer that fires; what would
hold the event loop for long goes to a thread, because everyone else's small requests wait behind it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import lru_cache, partial
from time import monotonic, perf_counter
from typing import Literal, NamedTuple, TypeVar

from starlette.types import Receive, Scope, Send

from poolhouse.batching.ledger import Lease
from poolhouse.errors import DeadlinePassed
from poolhouse.operators.operator import Plan
from poolhouse.pooling import Pooling, Ticket
from poolhouse.rest.answers import send_encoded
from poolhouse.rest.authorization import PASS_KEY, Pass
from poolhouse.rest.bodies import BodyRules, CallerGone, read_body
from poolhouse.rest.door import Need, Needs
from poolhouse.rest.finished import STAGES_KEY, Stages
from poolhouse.rest.headers import HEADERS_KEY, Headers, content_length, text, timeout_s
from poolhouse.rest.intake import INTAKE_KEY, Intake
from poolhouse.rest.metrics import Metrics
from poolhouse.settings import Settings
from poolhouse.tensors import Message, Outline
from poolhouse.wire.codec import Codec, Encoded
from poolhouse.wire.codecs import answer_codec, codec_of
from poolhouse.wire.elements import check_nbytes, tensor_of
from poolhouse.wire.inflate import Inflater, choose_encoding, compress
from poolhouse.wire.octet import OCTET
from poolhouse.wire.query import parse_query

Result = TypeVar("Result")

# Body bytes up to which each codec works on the event loop. The formats that are not named here only look at
# a header and make views. A small npz may inflate to a thousand times its size.
_DECODE_ON_LOOP_BYTES = {"json": 64 * 1024, "npz": 4 * 1024}
# Element bytes, on the way out: JSON prints digits, npz sums every byte.
_ENCODE_ON_LOOP_BYTES = {"json": 64 * 1024, "npz": 1024 * 1024}
# A number in JSON is a few characters; read, it is an object and its place in a list, until the array is made.
_JSON_SWELLS = 12
_COMPRESS_ON_LOOP_BYTES = 16 * 1024
# Queries whose meaning is remembered, and how long one may be for that.
_REMEMBERED = 1024
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
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._foresee)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; refusals are raised, and the middleware writes them."""
        asked = self._ask(scope)
        lease = self._pooling.admit(self._expected_bytes(asked, scope), asked.deadline)
        try:
            await self._answer(asked, lease, scope, receive, send)
        finally:
            lease.release()

    def _ask(self, scope: Scope) -> _Asked:
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
        raw = None
        if codec is OCTET:
            foresee = self._remembered if len(query) <= _LONGEST_KEY else self._foresee
            raw = foresee(name, query, length if inflater is None else None)
        return _Asked(
            name=name,
            codec=codec,
            accept=accept,
            compression=choose_encoding(text(headers, b"accept-encoding")),
            deadline=deadline,
            query={} if raw is not None else query_of(scope),
            raw=raw,
            rules=rules,
            length=length,
            inflater=inflater,
            intake=scope.get(INTAKE_KEY),
        )

    def _foresee(self, name: str, query: bytes, nbytes: int | None) -> _Foreseen:
        """What the query tells of raw elements, which is all, so many bytes where that is known; or the refusal. Most
        callers ask the same again."""
        outline, texts = OCTET.outline(parse_query(query))
        if nbytes is not None:
            check_nbytes(nbytes, outline, "input")
        return _Foreseen(outline, self._pooling.foresee(name, {"input": outline}, texts))

    def _expected_bytes(self, asked: _Asked, scope: Scope) -> int:
        """Memory to hold for the request, before its body is here. Where the query tells the whole plan, all of it,
        and what cannot be pooled is refused now; else what the body takes, and its plan sets it right."""
        if asked.raw is not None:
            held_bytes = asked.raw.plan.held_bytes
            if asked.intake is not None:
                need = Need(held_bytes, {"path_params": scope["path_params"], "endpoint": self})
                self._needs.learn(scope["raw_path"], scope["query_string"], scope[HEADERS_KEY], need)
            return held_bytes
        # A chunked body tells nothing, and a deflated one little.
        told = asked.length or 0
        return told * _JSON_SWELLS if asked.codec.is_json else told

    async def _answer(self, asked: _Asked, lease: Lease, scope: Scope, receive: Receive, send: Send) -> None:
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
        )

        begun = perf_counter()
        if len(body) > _DECODE_ON_LOOP_BYTES.get(codec.name, len(body)):
            # A text is parsed and a table of numbers made in calls that let no other thread go on.
            opening = self._pooling.aside(
                partial(self._open, asked, body),
                lease,
                "the body was decoded",
                deadline,
                holds_interpreter=codec.is_json,
            )
            message, ticket = await unless_gone(opening, receive)
        else:
            message, ticket = self._open(asked, body)
        writer = answer_codec(asked.accept, codec, len(ticket.outputs))
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
        encoded = await self._encode(writer, reply, asked, lease, receive)
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
        await send_encoded(scope, send, encoded, further.items())

    def _open(self, asked: _Asked, body: memoryview) -> tuple[Message, Ticket]:
        if asked.raw is not None:
            outline = asked.raw.outline
            tensors = {"input": tensor_of(body, outline.dtype, outline.shape, "input")}
            return Message(tensors), self._pooling.ticket(asked.raw.plan, tensors)
        message = asked.codec.decode(body, asked.query, asked.rules.limit_bytes)
        return message, self._pooling.prepare(asked.name, message)

    async def _encode(self, codec: Codec, reply: Message, asked: _Asked, lease: Lease, receive: Receive) -> Encoded:
        async def beside(work: Callable[[], Encoded], *, holds_interpreter: bool) -> Encoded:
            writing = self._pooling.aside(
                work, lease, "the answer was encoded", asked.deadline, holds_interpreter=holds_interpreter
            )
            return await unless_gone(writing, receive)

        nbytes = sum(tensor.array.nbytes for tensor in reply.tensors.values())
        if nbytes > _ENCODE_ON_LOOP_BYTES.get(codec.name, nbytes):
            encoded = await beside(partial(codec.encode, reply), holds_interpreter=codec.is_json)
        else:
            encoded = codec.encode(reply)
        if asked.compression is None or encoded.nbytes < _COMPRESS_FROM_BYTES:
            return encoded
        if nbytes > _COMPRESS_ON_LOOP_BYTES:
            return await beside(partial(compress, encoded, asked.compression), holds_interpreter=False)
        return compress(encoded, asked.compression)


class _Foreseen(NamedTuple):
    """Raw elements as their query tells them, and what will be done."""

    outline: Outline
    plan: Plan


class _Asked(NamedTuple):
    """What is known of a request before its body."""

    name: str
    codec: Codec
    accept: str | None
    compression: Literal["gzip", "zstd"] | None
    deadline: float | None
    query: Mapping[str, str]
    raw: _Foreseen | None
    rules: BodyRules
    length: int | None
    inflater: Inflater | None
    intake: Intake | None


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


def body_rules(settings: Settings) -> tuple[BodyRules, BodyRules]:
    """What binary and JSON bodies may be."""
    return (
        BodyRules(
            settings.max_body_bytes,
            settings.body_timeout_s,
            "Send fewer rows at once: pooling never mixes them, so the answers join to the same result.",
            settings.min_body_bytes_per_s,
            settings.crowded_body_s,
        ),
        BodyRules(
            settings.max_json_bytes,
            settings.body_timeout_s,
            "Send it as binary, where the limit is "
            f"{settings.max_body_bytes} bytes: Content-Type application/x-npy, "
            "application/vnd.safetensors or application/octet-stream, with the fields in the query string.",
            settings.min_body_bytes_per_s,
            settings.crowded_body_s,
        ),
    )


def deadline_of(headers: Headers) -> float | None:
    """The ``loop.time()`` at which ``Request-Timeout`` ends, or None.

    Read from the clock itself: a loop may count in milliseconds and read its clock once a turn.
    """
    if b"request-timeout" not in headers:
        return None
    seconds = timeout_s(headers)
    return None if seconds is None else monotonic() + seconds


def check_deadline(deadline: float | None) -> None:
    """Refuse work that nobody waits for any more.

    Raises:
        DeadlinePassed: when the deadline is behind us.
    """
    if deadline is not None and monotonic() >= deadline:
        raise DeadlinePassed(
            "deadline_passed",
            "The deadline of Request-Timeout passed before the work began. Give more seconds.",
        )


def query_of(scope: Scope) -> Mapping[str, str]:
    """The fields of the query string; most JSON requests have none."""
    raw: bytes = scope["query_string"]
    return parse_query(raw) if raw else {}


def inflater_of(headers: Headers, rules: BodyRules) -> Inflater | None:
    """What undoes the request's Content-Encoding, or None where there is none."""
    encoding = text(headers, b"content-encoding")
    if encoding is None or encoding.strip().lower() in ("", "identity"):
        return None
    return Inflater(encoding, rules.limit_bytes)
