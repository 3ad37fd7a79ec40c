"""Read a request body from ASGI messages into one buffer, within its limits.

Used for bodies of unknown length and compressed bodies, and for all bodies on other servers.

- A body that its Content-Length forbids is refused before any byte is read.
- A body in one message is not copied. One of known length is read into a buffer of that length, one of unknown length
  into a buffer that grows (:mod:`.body_buffers`), so a million tiny pieces cost no more than their bytes.
- Memory is reserved before it is allocated, and allocated as bytes arrive, not as they are announced.
- A stalled or slow body is refused: see :mod:`.body_deadline`.
- Inflating beyond a few hundred kilobytes happens off the event loop.
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
from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.wire.inflate import Inflater


def _reserve_nothing(nbytes: int, extra_bytes: int) -> None:
    """For bodies whose limit is too small to need a reservation."""


async def read_body(
    receive: Receive,
    limits: TransferLimits,
    *,
    length: int | None,
    inflater: Inflater | None = None,
    deadline: float | None = None,
    lease: Lease | None = None,
    run_in_thread: RunInThread = asyncio.to_thread,
    reserve: Reserve = _reserve_nothing,
) -> memoryview:
    """Read the whole body, and decompress it if necessary.

    Args:
        receive: ASGI's.
        limits: of the body.
        length: the Content-Length; None for a chunked body.
        inflater: for the Content-Encoding; None for an uncompressed body.
        deadline: ``loop.time()`` at which the request's deadline passes; None for no deadline.
        lease: of the request; preemptible while the body is received.
        run_in_thread: runs steps that would block the event loop for long.
        reserve: called before memory is allocated for a body that has not arrived; again as a body grows.

    Returns:
        Flat bytes, which the caller then owns; read-only if the body arrived in one message.

    Raises:
        TooLarge: the body exceeds the limit; before any byte is read if its length is known.
        TooSlow, DeadlinePassed: the body stalled, was too slow, or its deadline passed.
        Unavailable: the body was preempted, or does not fit into the memory budget.
        Malformed: the body has more or fewer bytes than the Content-Length, or is not valid in its coding.
        ClientDisconnected: the client closed the connection.
    """
    limits.check_length(length)
    buffer: BodyBuffer | None = None
    received = 0

    def received_fraction() -> float:
        if length:
            return received / length
        return 0.0 if buffer is None else buffer.filled_fraction

    def on_expired() -> None:
        timeout.reschedule(0)

    body_deadline = BodyDeadline(limits, deadline, received_fraction, on_expired)
    try:
        async with asyncio.timeout(None) as timeout:
            if lease is not None:
                lease.set_preemptible(body_deadline)
            message = await _next_message(receive)
            if inflater is None and not message.get("more_body", False):
                return _single_message_body(message, length, limits)
            reserve(length or 0, 0)
            if inflater is not None:
                buffer = InflatingBuffer(inflater, limits, run_in_thread, reserve)
            else:
                buffer = GrowingBuffer(limits, reserve) if length is None else FixedBuffer(length)
            while True:
                piece: bytes = message.get("body", b"")
                received += len(piece)
                if length is not None:
                    _check_length(received, length, limits, is_complete=False)
                await buffer.add(piece)
                if not message.get("more_body", False):
                    break
                body_deadline.progress(received)
                message = await _next_message(receive)
            _check_length(received, length, limits)
            return buffer.finish()
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


def _check_length(received: int, length: int | None, limits: TransferLimits, *, is_complete: bool = True) -> None:
    if length is None:
        if received > limits.limit_bytes:
            raise limits.too_large_error(f"has at least {received} bytes")
    elif received > length or (is_complete and received < length):
        relation = "more" if received > length else "fewer"
        raise Malformed(
            "malformed_request",
            f"The body has {relation} bytes ({received}) than its Content-Length says ({length}). "
            "Send exactly as many bytes as announced.",
        )


def _single_message_body(message: Message, length: int | None, limits: TransferLimits) -> memoryview:
    """The body of a request in one message, without a copy."""
    piece: bytes = message.get("body", b"")
    _check_length(len(piece), length, limits)
    return memoryview(piece)
