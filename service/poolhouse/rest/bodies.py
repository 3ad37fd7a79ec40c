"""Reading a request's body, within its limit, into one buffer.

The rules:

- what the length already forbids is refused before a byte is read;
- a body that came whole is not copied; one of known length is read into one buffer of that length, by the socket
  itself where the server offers that; one of unknown length into a buffer that grows (:mod:`.body_buffer`), so a
  million tiny pieces cost what their bytes cost;
- memory follows what has come, not what was promised, and is reserved before it is taken;
- silence longer than the limit is refused, and so is a pace that would hold the memory for ever; while others find
  no room, a body on course to take long gives way;
- inflating beyond a few hundred kilobytes happens off the event loop.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Protocol

from starlette.types import Message, Receive

from poolhouse.batching.ledger import Lease
from poolhouse.errors import DeadlinePassed, Malformed, PoolhouseError, TooLarge, TooSlow, Unavailable
from poolhouse.rest.begun import Begun, turn
from poolhouse.rest.body_buffer import Aside, Buffer, Fixed, Growing, Inflating, Reserve
from poolhouse.wire.inflate import Inflater

# The clock of silence is wound up at most eight times a limit, so that tiny pieces do not pile up timers.
_SLACK = 1 / 8
_HEAD_START = 1 / 100


class CallerGone(Exception):
    """The caller has closed the connection; there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class BodyRules:
    """What a body may be.

    Attributes:
        limit_bytes: the most bytes, before and after inflation.
        silence_s: the longest wait for the next piece.
        advice: what a caller over the limit can do, as a sentence.
        bytes_per_s: n bytes may take ``silence_s + n / bytes_per_s`` seconds; 0 for as long as they like.
        crowded_s: while others find no room, a body on course to take longer gives way.
    """

    limit_bytes: int
    silence_s: float
    advice: str
    bytes_per_s: int = 0
    crowded_s: float = math.inf

    def patience_ends(self, begun: float, now: float, received: int) -> float:
        """When the caller has been too slow if nothing comes from now on, on the clock of the arguments."""
        silence = now + self.silence_s
        if not self.bytes_per_s:
            return silence
        return min(silence, begun + self.silence_s + received / self.bytes_per_s)

    def too_slow(self, silent_s: float) -> TooSlow:
        """The refusal of a body that did not come in time."""
        if silent_s >= self.silence_s:
            what = f"No further piece of the body came for {self.silence_s:g} s."
        else:
            what = (
                f"The body comes too slowly: after {self.silence_s:g} s it must keep up "
                f"{self.bytes_per_s} bytes a second."
            )
        return TooSlow(
            "body_too_slow",
            f"{what} Send the body without a pause, or declare the length that you send.",
            headers={"Connection": "close"},
        )

    def behind(self, elapsed_s: float, share: float) -> float:
        """How far a body, or an answer, of which this share has come is behind the pace that would bring it whole in
        ``crowded_s``; the first hundredth of that time is free, since the first bytes of an honest caller are on their
        way for a while."""
        return elapsed_s / self.crowded_s - share - _HEAD_START

    def crowded_out(self) -> Unavailable:
        """The refusal of a body that gave way."""
        return Unavailable(
            "overloaded",
            f"The room is full, and this body was on course to take longer than {self.crowded_s:g} s, so its room was "
            "given to others. Send faster, in smaller requests, or later.",
            retry_after_s=1,
        )

    def check_length(self, length: int | None) -> None:
        """Refuses an announced length over the limit."""
        if length is not None and length > self.limit_bytes:
            raise self.too_large(f"has {length} bytes")

    def too_large(self, given: str) -> TooLarge:
        """The refusal of a body over the limit; ``given`` says what is known of its size."""
        return TooLarge(
            "body_too_large",
            f"The body {given}; the limit is {self.limit_bytes} bytes. {self.advice}",
            limit_bytes=self.limit_bytes,
        )


def _unasked(nbytes: int, beside_bytes: int) -> None:
    """For bodies whose limit is so small that no room is kept for them."""


async def read_body(
    receive: Receive,
    rules: BodyRules,
    *,
    length: int | None,
    inflater: Inflater | None = None,
    deadline: float | None = None,
    intake: Intake | None = None,
    lease: Lease | None = None,
    aside: Aside = asyncio.to_thread,
    reserve: Reserve = _unasked,
) -> memoryview:
    """The whole body, inflated if it was deflated.

    Args:
        receive: ASGI's.
        rules: limit and patience.
        length: the Content-Length, None for a chunked body.
        inflater: for the Content-Encoding, None for none.
        deadline: ``loop.time()`` after which nobody waits for the answer any more.
        intake: how the server can bring a large body without the messages of ``receive``; None where it cannot.
        lease: what is held for the body; it gives way where the body comes slowly and others find no room.
        aside: does in a thread what would hold the loop for long.
        reserve: asks for room for a body that is not here yet, and again as one of unknown length grows.

    Returns:
        Flat bytes that belong to the caller; read-only when the body came whole.

    Raises:
        TooLarge: before anything is read where the length is known, else as soon as it shows.
        TooSlow, DeadlinePassed: when waiting made no sense any more.
        Unavailable: when its room was given to others, since it came slowly; or when there is none for what comes.
        Malformed: when there is less or more than the Content-Length said.
        CallerGone: when the caller closed the connection.
    """
    rules.check_length(length)
    # Most bodies are here already: no clock is set for those.
    first = Begun(receive())
    if inflater is None and first.over and not first.result.get("more_body", False):
        return _whole(first.result, length, rules)
    await turn()
    reserve(length or 0, 0)
    clock = _Clock(rules, deadline, length)
    try:
        async with asyncio.timeout_at(clock.rings) as clock.timeout:
            if lease is not None:
                lease.arriving(clock)
            message = await first
            if inflater is None and not message.get("more_body", False):
                return _whole(message, length, rules)
            if message["type"] == "http.disconnect":
                raise CallerGone
            piece: bytes = message.get("body", b"")
            received = len(piece)
            into: Buffer
            if inflater is not None:
                into = Inflating(inflater, rules, aside, reserve)
            elif length is None:
                into = Growing(rules, reserve)
            else:
                into = Fixed(length)
                _check_length(received, length, rules, whole=False)
            clock.into = into
            await into.add(piece)
            if intake is not None and isinstance(into, Fixed):
                intake.into(into.rest())
                while intake.to_come:
                    clock.heard(received)
                    received += await intake.more()
            while message.get("more_body", False):
                clock.heard(received)
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerGone
                piece = message.get("body", b"")
                received += len(piece)
                if length is not None:
                    _check_length(received, length, rules, whole=False)
                await into.add(piece)
            _check_length(received, length, rules)
            return into.whole()
    except TimeoutError:
        raise clock.refusal() from None
    finally:
        if lease is not None:
            lease.arrived()


class _Clock:
    """How long a caller is waited for: its next piece, its whole body, and its own deadline."""

    timeout: asyncio.Timeout
    into: Buffer | None = None

    def __init__(self, rules: BodyRules, deadline: float | None, length: int | None) -> None:
        self._length = length
        self._received = 0
        self._gave_way = False
        self._rules = rules
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._begun = self._last = self._loop.time()
        # The clock may be late by the slack, never early.
        self._slack_s = rules.silence_s * _SLACK
        self._ends = rules.patience_ends(self._begun, self._begun, 0) + self._slack_s

    @property
    def rings(self) -> float:
        """When it is over, if nothing is heard."""
        if self._gave_way:
            return self._begun
        return self._ends if self._deadline is None else min(self._ends, self._deadline)

    def heard(self, received: int) -> None:
        """A piece has come: so many bytes in all."""
        self._last = self._loop.time()
        self._received = received
        later = self._rules.patience_ends(self._begun, self._last, received)
        if later > self._ends:
            self._ends = later + self._slack_s
            self.timeout.reschedule(self.rings)

    def behind(self) -> float:
        """See :class:`poolhouse.batching.ledger.Arrival`. A body of unknown length owes what is reserved for it."""
        share = 0.0
        if self._length:
            share = self._received / self._length
        elif self.into is not None:
            share = self.into.share
        return self._rules.behind(self._loop.time() - self._begun, share)

    def give_way(self) -> None:
        """It rings now."""
        self._gave_way = True
        self.timeout.reschedule(self.rings)

    def refusal(self) -> PoolhouseError:
        """What the caller is told when it has rung."""
        if self._gave_way:
            return self._rules.crowded_out()
        if self._deadline is not None and self._deadline <= self._ends:
            return DeadlinePassed(
                "deadline_passed",
                "The deadline of Request-Timeout passed while the body was still coming. "
                "Give more seconds, or send a smaller body.",
            )
        return self._rules.too_slow(self._loop.time() - self._last)


def _check_length(received: int, length: int | None, rules: BodyRules, *, whole: bool = True) -> None:
    if length is None:
        if received > rules.limit_bytes:
            raise rules.too_large(f"has at least {received} bytes")
    elif received > length or (whole and received < length):
        relation = "more" if received > length else "fewer"
        raise Malformed(
            "malformed_request",
            f"The body has {relation} bytes ({received}) than its Content-Length says ({length}). "
            "Send exactly as many bytes as announced.",
        )


def _whole(message: Message, length: int | None, rules: BodyRules) -> memoryview:
    """The body that came in one message; nothing is copied."""
    if message["type"] == "http.disconnect":
        raise CallerGone
    piece: bytes = message.get("body", b"")
    _check_length(len(piece), length, rules)
    return memoryview(piece)


class Intake(Protocol):
    """How a server brings the rest of a large body past its messages: see ``rest/intake``."""

    to_come: int

    def into(self, buffer: memoryview) -> None:
        """Receive the rest of the body into this."""

    async def more(self) -> int:
        """How many bytes have come since this was last asked."""
