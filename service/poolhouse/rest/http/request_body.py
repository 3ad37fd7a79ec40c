"""Reading a request's body from ASGI's messages, within its limit, into one buffer.

So the application reads bodies of unknown length and inflated ones, and all bodies where the server is not ours. The
rules:

- what the length already forbids is refused before a byte is read;
- a body that came whole is not copied; one of known length is read into one buffer of that length, one of unknown
  length into a buffer that grows (:mod:`.growing`), so a million tiny pieces cost what their bytes cost;
- memory follows what has come, not what was promised, and is reserved before it is taken;
- silence and a slow pace end it: see :mod:`.deadlines`;
- inflating beyond a few hundred kilobytes happens off the event loop.
"""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive

from poolhouse.batching.memory import Lease
from poolhouse.errors import Malformed
from poolhouse.rest.http.accounting import ClientDisconnected
from poolhouse.rest.http.body_buffers import (
    BodyBuffer,
    FixedBuffer,
    GrowingBuffer,
    InflatingBuffer,
    Reserve,
    RunInThread,
)
from poolhouse.rest.http.body_deadline import BodyDeadline
from poolhouse.rest.http.body_limits import BodyLimits
from poolhouse.wire.inflate import Inflater


def _reserve_nothing(nbytes: int, extra_bytes: int) -> None:
    """For bodies whose limit is so small that no room is kept for them."""


async def read_body(
    receive: Receive,
    limits: BodyLimits,
    *,
    length: int | None,
    inflater: Inflater | None = None,
    deadline: float | None = None,
    lease: Lease | None = None,
    run_in_thread: RunInThread = asyncio.to_thread,
    reserve: Reserve = _reserve_nothing,
) -> memoryview:
    """The whole body, inflated if it was deflated.

    Args:
        receive: ASGI's.
        rules: limit and patience.
        length: the Content-Length, None for a chunked body.
        inflater: for the Content-Encoding, None for none.
        deadline: ``loop.time()`` after which nobody waits for the answer any more.
        lease: what is held for the body; it gives way where the body comes slowly and others find no room.
        run_in_thread: does in a thread what would hold the loop for long.
        reserve: asks for room for a body that is not here yet, and again as one of unknown length grows.

    Returns:
        Flat bytes that belong to the caller; read-only when the body came whole.

    Raises:
        TooLarge: before anything is read where the length is known, else as soon as it shows.
        TooSlow, DeadlinePassed: when waiting made no sense any more.
        Unavailable: when its room was given to others, since it came slowly; or when there is none for what comes.
        Malformed: when there is less or more than the Content-Length said.
        ClientDisconnected: when the caller closed the connection.
    """
    limits.check_length(length)
    into: BodyBuffer | None = None
    received = 0

    def share() -> float:
        if length:
            return received / length
        return 0.0 if into is None else into.filled_fraction

    def expire() -> None:
        timeout.reschedule(0)

    body_deadline = BodyDeadline(limits, deadline, share, expire)
    try:
        async with asyncio.timeout(None) as timeout:
            if lease is not None:
                lease.set_preemptible(body_deadline)
            message = await _next_message(receive)
            if inflater is None and not message.get("more_body", False):
                return _single_message_body(message, length, limits)
            reserve(length or 0, 0)
            if inflater is not None:
                into = InflatingBuffer(inflater, limits, run_in_thread, reserve)
            else:
                into = GrowingBuffer(limits, reserve) if length is None else FixedBuffer(length)
            while True:
                piece: bytes = message.get("body", b"")
                received += len(piece)
                if length is not None:
                    _check_length(received, length, limits, whole=False)
                await into.add(piece)
                if not message.get("more_body", False):
                    break
                body_deadline.progress(received)
                message = await _next_message(receive)
            _check_length(received, length, limits)
            return into.finish()
    except TimeoutError:
        raise body_deadline.refusal() from None
    finally:
        body_deadline.cancel()
        if lease is not None:
            lease.clear_preemptible()


async def _next_message(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnected
    return message


def _check_length(received: int, length: int | None, rules: BodyLimits, *, whole: bool = True) -> None:
    if length is None:
        if received > rules.limit_bytes:
            raise rules.too_large_error(f"has at least {received} bytes")
    elif received > length or (whole and received < length):
        relation = "more" if received > length else "fewer"
        raise Malformed(
            "malformed_request",
            f"The body has {relation} bytes ({received}) than its Content-Length says ({length}). "
            "Send exactly as many bytes as announced.",
        )


def _single_message_body(message: Message, length: int | None, rules: BodyLimits) -> memoryview:
    """The body that came in one message; nothing is copied."""
    piece: bytes = message.get("body", b"")
    _check_length(len(piece), length, rules)
    return memoryview(piece)
