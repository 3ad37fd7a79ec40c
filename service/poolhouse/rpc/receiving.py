"""Receive messages, a bounded number of slow ones at once: gRPC holds all of a message before the service gets it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import islice
from time import monotonic
from typing import Final

from poolhouse.batching.memory import Lease
from poolhouse.errors import Malformed, PoolhouseError, TooSlow, Unavailable
from poolhouse.rpc.exchange import Context, Exchange
from poolhouse.settings import Settings
from poolhouse.wire.compressed_stream import OUTPUT_PIECE_BYTES
from poolhouse.wire.inflate import Inflater

SLACK_BYTES: Final = 1024 * 1024
"""How much longer than its elements a message may be."""
_MIN_SLOW: Final = 4
_INFLATE_ON_LOOP_BYTES: Final = 1024
_STEP_PIECES: Final = 16
_MAX_RATIO: Final = 1100
"""DEFLATE reaches 1032."""
# How a message begins if it is compressed. As a message, the first would be of an invalid kind, and the second would
# have a field of number 15, which none of the protocol's has.
_GZIP: Final = b"\x1f\x8b"
_ZLIB: Final = b"\x78"

RunInThread = Callable[[Callable[[], bytes], Lease], Awaitable[bytes]]


class _Reading:
    """A message that is being received, and the error with which it ends before it is complete."""

    def __init__(self) -> None:
        self.limit = asyncio.timeout(None)
        self.started_at = monotonic()
        self.error: PoolhouseError | None = None

    def end(self, error: PoolhouseError) -> None:
        self.error = error
        if not self.limit.expired():
            self.limit.reschedule(0)


class Receiver:
    """Receives the messages of calls.

    gRPC tells nothing of a message before all of it is received, so its memory cannot be reserved before. What clients
    send within a moment is bounded by the network. Of messages that take longer only some are received at once; a
    further one is refused, unless one of the others takes longer than ``contended_body_timeout_s``, which is refused
    instead. So clients that send slowly, or nothing, hold up no others that send at once.

    Args:
        settings: of the service.
        run_in_thread: inflates a message.
        moment_s: how long a message may take before it counts.
    """

    def __init__(self, settings: Settings, run_in_thread: RunInThread, moment_s: float = 0.25) -> None:
        self.max_message_bytes = settings.max_body_bytes + SLACK_BYTES
        self._contended_s = settings.contended_body_timeout_s
        self._most_slow = max(_MIN_SLOW, settings.max_queue_bytes // self.max_message_bytes)
        # In the order in which they began.
        self._slow: dict[_Reading, None] = {}
        self._moment_s = moment_s
        self._run_in_thread = run_in_thread

    async def receive(self, context: Context, exchange: Exchange) -> bytes:
        """Receive the message of a call, and inflate it.

        Raises:
            TooSlow, Unavailable: the message took too long while too many others did.
            Malformed: there is none, or it is damaged.
            TooLarge: the inflated message is too long.
            Unavailable: ``overloaded``.
        """
        reading = _Reading()
        timer = asyncio.get_running_loop().call_later(self._moment_s, self._count_slow, reading)
        try:
            async with reading.limit:
                message = await context.read()
        except TimeoutError:
            assert reading.error is not None, "it was ended"
            raise reading.error from None
        finally:
            timer.cancel()
            self._slow.pop(reading, None)
        if not isinstance(message, bytes):
            raise no_message_error()
        return await self.inflated(message, exchange)

    def _count_slow(self, reading: _Reading) -> None:
        # guard: slow-messages-have-limit
        if len(self._slow) >= self._most_slow:
            oldest = next(iter(self._slow))
            if monotonic() - oldest.started_at < self._contended_s:
                reading.end(
                    Unavailable(
                        "overloaded",
                        f"{self._most_slow} messages are being received, the most at once; try again later.",
                        retry_after_s=1,
                    )
                )
                return
            del self._slow[oldest]
            oldest.end(
                TooSlow("body_too_slow", "The message was received too slowly while others waited; send it again.")
            )
        self._slow[reading] = None

    async def inflated(self, message: bytes, exchange: Exchange) -> bytes:
        """The message without compression.

        Raises:
            Malformed, TooLarge, Unavailable: see :meth:`receive`.
        """
        exchange.record.received_bytes += len(message)
        if exchange.record.grant is not None:
            exchange.record.grant.charge_received(len(message))
        encoding = "gzip" if message.startswith(_GZIP) else "deflate" if message.startswith(_ZLIB) else None
        if encoding is None:
            return message
        inflater = Inflater(encoding, self.max_message_bytes)
        step = partial(_next_step, inflater.feed(message))
        step_bytes = min(_STEP_PIECES * OUTPUT_PIECE_BYTES, _MAX_RATIO * len(message))
        received: list[bytes] = []
        inflated_bytes = 0
        while True:
            # Each step is joined of pieces, and at the end all steps to the whole.
            # guard: inflated-message-is-charged
            exchange.reserve(len(message) + inflater.window_bytes + 2 * (inflated_bytes + step_bytes))
            if len(message) <= _INFLATE_ON_LOOP_BYTES:
                piece = step()
            else:
                piece = await self._run_in_thread(step, exchange.admitted)
            if not piece:
                break
            received.append(piece)
            inflated_bytes += len(piece)
        inflater.finish()
        return b"".join(received)


def _next_step(pieces: Iterator[bytes | memoryview]) -> bytes:
    return b"".join(islice(pieces, _STEP_PIECES))


def no_message_error() -> PoolhouseError:
    """The error for a call without a message; gRPC itself tells the client if it was too long."""
    return Malformed("malformed_body", "The call has no message, or one over the limit; send one.")
