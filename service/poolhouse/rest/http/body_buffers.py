"""Where the pieces of a body are put together: in memory that was asked for before it is taken.

A body of known length has one buffer of that length. The length of a chunked body is not known, nor what a deflated
one unfolds to: their buffer grows in steps, each of them reserved first, and the last buffer is as long as the limit,
since a fresh page costs nothing until it is written. So nothing large is ever copied to make it longer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final, Protocol

import numpy as np

from poolhouse.errors import TooLarge
from poolhouse.wire.inflate import Inflater

RunInThread = Callable[[Callable[[], bool]], Awaitable[bool]]
Reserve = Callable[[int, int], None]
"""Asks for room for a body of so many bytes, and so many beside it while it comes, before they are taken; raises
Unavailable where there is none."""

# Lengths that a growing buffer has before it is as long as the limit: most chunked bodies are small.
_FIRST_BYTES: Final = 64 * 1024
_SECOND_BYTES: Final = 1024 * 1024
# By so much it is reserved then.
_STEP_BYTES: Final = 256 * 1024
# The inflater's own step: a piece that unfolds to more is the head of something large, and goes on in a thread.
_INFLATE_ON_LOOP_BYTES: Final = 256 * 1024
_CHUNK_ON_LOOP_BYTES: Final = 16 * 1024
# A thread unfolds this much, or a quarter of what there is, before it asks for more.
_MIN_RESERVED_AHEAD_BYTES: Final = 512 * 1024
_MAX_RESERVED_AHEAD_BYTES: Final = 4 * 1024 * 1024


class SizeLimit(Protocol):
    """What a body may be; see :class:`poolhouse.rest.http.body_limits.BodyLimits`."""

    @property
    def limit_bytes(self) -> int:
        """The most bytes, before and after inflation."""
        ...

    def too_large_error(self, given: str) -> TooLarge:
        """The refusal of a body over the limit."""
        ...


class BodyBuffer(Protocol):
    """Where pieces are put together."""

    @property
    def filled_fraction(self) -> float:
        """How much of what is reserved has come, from 0 to 1."""
        ...

    async def add(self, piece: bytes) -> None:
        """The next piece."""

    def finish(self) -> memoryview:
        """All of them."""
        ...


class FixedBuffer:
    """A buffer of the announced length."""

    def __init__(self, length: int) -> None:
        # Not a bytearray: that writes zeros, and so takes the memory before a byte has come.
        # guard: buffer-is-not-touched-before-data
        self._buffer = np.empty(length, np.uint8).data
        self._filled = 0

    @property
    def filled_fraction(self) -> float:
        """How much of it is filled, from 0 to 1."""
        return self._filled / max(1, len(self._buffer))

    async def add(self, piece: bytes) -> None:
        """Put a piece behind what there is; no more may come than was announced."""
        end = self._filled + len(piece)
        self._buffer[self._filled : end] = piece
        self._filled = end

    def finish(self) -> memoryview:
        """All of it."""
        return self._buffer


class GrowingBuffer:
    """A buffer that grows up to the limit.

    Args:
        limits: of the body.
        reserve: asked for each step before it is written.
        extra_bytes: what is held beside the bytes, but never more than there are bytes: an inflater's window.
    """

    def __init__(self, limits: SizeLimit, reserve: Reserve, extra_bytes: int = 0) -> None:
        self._limits = limits
        self._reserve = reserve
        self._beside_bytes = extra_bytes
        self._buffer = memoryview(bytearray())
        self._filled = self._reserved = 0

    @property
    def filled(self) -> int:
        """Bytes that have come."""
        return self._filled

    @property
    def filled_fraction(self) -> float:
        """How much of what is reserved is filled, from 0 to 1."""
        return self._filled / max(1, self._reserved)

    def has_reserved(self, nbytes: int) -> bool:
        """Whether so many more bytes are reserved, or all that the limit leaves."""
        return self._reserved - self._filled >= min(nbytes, self._limits.limit_bytes - self._filled)

    def reserve(self, nbytes: int) -> None:
        """Make room for so many more bytes, or for all that the limit leaves.

        Raises:
            Unavailable: there is none.
        """
        if self.has_reserved(nbytes):
            return
        limit = self._limits.limit_bytes
        end = self._filled + nbytes
        is_long = end > _SECOND_BYTES
        step = _STEP_BYTES if is_long else _FIRST_BYTES
        reserved = min(limit, -(-end // step) * step)
        # guard: growing-body-is-reserved
        self._reserve(reserved, min(reserved, self._beside_bytes))
        self._reserved = reserved
        if reserved > len(self._buffer):
            length = limit if is_long else min(limit, _FIRST_BYTES if reserved <= _FIRST_BYTES else _SECOND_BYTES)
            longer = np.empty(length, np.uint8).data
            longer[: self._filled] = self._buffer[: self._filled]
            self._buffer = longer

    async def add(self, piece: bytes) -> None:
        """Put a piece behind what there is.

        Raises:
            TooLarge: the limit is passed.
            Unavailable: there is no room for it.
        """
        if self._filled + len(piece) > self._limits.limit_bytes:
            raise self._limits.too_large_error(f"has at least {self._filled + len(piece)} bytes")
        # guard: chunks-are-joined
        self.reserve(len(piece))
        self.write(piece)

    def write(self, piece: bytes | memoryview) -> None:
        """Put a piece behind what there is, where it was reserved; from any thread."""
        end = self._filled + len(piece)
        assert end <= self._reserved, "more than was reserved"
        self._buffer[self._filled : end] = piece
        self._filled = end

    def finish(self) -> memoryview:
        """All that has come; what was reserved beyond is given back."""
        self._reserve(self._filled, 0)
        self._reserved = self._filled
        return self._buffer[: self._filled]


class InflatingBuffer:
    """A buffer of what an inflater, which holds the limit, makes of each piece.

    Args:
        inflater: of the body's coding.
        limits: of the body, for the words of a refusal.
        run_in_thread: does in a thread what would hold the loop for long.
        reserve: asked for each step before it is written.
    """

    def __init__(self, inflater: Inflater, limits: SizeLimit, run_in_thread: RunInThread, reserve: Reserve) -> None:
        self._growing = GrowingBuffer(limits, reserve, inflater.window_bytes)
        self._run_in_thread = run_in_thread
        self._inflater = inflater
        self._limits = limits

    @property
    def filled_fraction(self) -> float:
        """How much of what is reserved is filled, from 0 to 1."""
        return self._growing.filled_fraction

    async def add(self, piece: bytes) -> None:
        """Put behind what there is what a piece unfolds to.

        Raises:
            TooLarge: the limit is passed.
            Malformed: it is not of the coding.
            Unavailable: there is no room for it.
        """
        parts = self._inflater.feed(piece)
        if len(piece) <= _CHUNK_ON_LOOP_BYTES:
            unfolded = 0
            while unfolded < _INFLATE_ON_LOOP_BYTES:
                part = self._next_part(parts)
                if not part:
                    return
                self._growing.reserve(len(part))
                self._growing.write(part)
                unfolded += len(part)
        while True:
            # Here, since a lease is not for threads.
            self._growing.reserve(
                min(max(self._growing.filled // 4, _MIN_RESERVED_AHEAD_BYTES), _MAX_RESERVED_AHEAD_BYTES)
            )
            if not await self._run_in_thread(partial(self._inflate_reserved, parts)):
                return

    def _inflate_reserved(self, parts: Iterator[bytes | memoryview]) -> bool:
        """Unfold into what is reserved; whether there may be more."""
        while self._growing.has_reserved(_INFLATE_ON_LOOP_BYTES):
            part = self._next_part(parts)
            if not part:
                return False
            self._growing.write(part)
        return True

    def _next_part(self, parts: Iterator[bytes | memoryview]) -> bytes | memoryview:
        """What comes next, empty where the piece has no more."""
        try:
            return next(parts, b"")
        except TooLarge:
            # Said again with the advice that belongs to this body's type.
            raise self._limits.too_large_error("is larger than that once inflated") from None

    def finish(self) -> memoryview:
        """All of it.

        Raises:
            Malformed: the body stops in the middle.
        """
        self._inflater.finish()
        return self._growing.finish()
