"""Buffers that collect the pieces of a request body, each allocated only after its bytes are reserved.

A body of known length gets one buffer of that length. The length of a chunked or compressed body is unknown: its buffer
grows in steps, each reserved first. The last buffer is as long as the limit, since a page of memory costs nothing until
it is written; so nothing large is copied in order to grow.
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
"""Called with the bytes of a body, and the bytes in use beside it while it is received, before they are allocated;
raises Unavailable if they do not fit into the memory budget."""

# The first two lengths of a growing buffer; the third is the limit. Most chunked bodies are small.
_FIRST_BYTES: Final = 64 * 1024
_SECOND_BYTES: Final = 1024 * 1024
# The step by which a buffer as long as the limit is reserved.
_STEP_BYTES: Final = 256 * 1024
# The inflater's own step. Pieces that inflate to more continue in a thread.
_INFLATE_ON_LOOP_BYTES: Final = 256 * 1024
_CHUNK_ON_LOOP_BYTES: Final = 16 * 1024
# A thread inflates a quarter of the bytes inflated so far, within these limits, before the next reservation.
_MIN_RESERVED_AHEAD_BYTES: Final = 512 * 1024
_MAX_RESERVED_AHEAD_BYTES: Final = 4 * 1024 * 1024


class SizeLimit(Protocol):
    """The size limit of a body; see :class:`poolhouse.rest.http.transfer_limits.TransferLimits`."""

    @property
    def limit_bytes(self) -> int:
        """The most bytes, before and after decompression."""
        ...

    def too_large_error(self, given: str) -> TooLarge:
        """The error for a body over the limit."""
        ...


class BodyBuffer(Protocol):
    """Collects the pieces of one body."""

    @property
    def filled_fraction(self) -> float:
        """The part of the reserved bytes that has arrived, from 0 to 1."""
        ...

    async def add(self, piece: bytes) -> None:
        """Append a piece."""

    def finish(self) -> memoryview:
        """The complete body."""
        ...


class FixedBuffer:
    """A buffer of the length that Content-Length announced."""

    def __init__(self, length: int) -> None:
        # A bytearray would write zeros, and so allocate pages before any data arrives.
        # guard: buffer-is-not-touched-before-data
        self._buffer = np.empty(length, np.uint8).data
        self._filled = 0

    @property
    def filled_fraction(self) -> float:
        """The part of the buffer that is filled, from 0 to 1."""
        return self._filled / max(1, len(self._buffer))

    async def add(self, piece: bytes) -> None:
        """Append a piece; the caller checks that the body is not longer than announced."""
        end = self._filled + len(piece)
        self._buffer[self._filled : end] = piece
        self._filled = end

    def finish(self) -> memoryview:
        """The whole buffer."""
        return self._buffer


class GrowingBuffer:
    """A buffer that grows to the limit at most.

    Args:
        limits: of the body.
        reserve: called before each step.
        extra_bytes: in use beside the body, such as an inflater's window; reserved up to the length of the body.
    """

    def __init__(self, limits: SizeLimit, reserve: Reserve, extra_bytes: int = 0) -> None:
        self._limits = limits
        self._reserve = reserve
        self._extra_bytes = extra_bytes
        self._buffer = memoryview(bytearray())
        self._filled = self._reserved = 0

    @property
    def filled(self) -> int:
        """The number of bytes so far."""
        return self._filled

    @property
    def filled_fraction(self) -> float:
        """The part of the reserved bytes that is filled, from 0 to 1."""
        return self._filled / max(1, self._reserved)

    def has_reserved(self, nbytes: int) -> bool:
        """Whether this many more bytes are reserved, or all that the limit allows."""
        return self._reserved - self._filled >= min(nbytes, self._limits.limit_bytes - self._filled)

    def reserve(self, nbytes: int) -> None:
        """Reserve this many more bytes, or all that the limit allows, and allocate a longer buffer if necessary.

        Raises:
            Unavailable: they do not fit into the memory budget.
        """
        if self.has_reserved(nbytes):
            return
        limit = self._limits.limit_bytes
        end = self._filled + nbytes
        is_long = end > _SECOND_BYTES
        step = _STEP_BYTES if is_long else _FIRST_BYTES
        reserved = min(limit, -(-end // step) * step)
        # guard: growing-body-is-reserved
        self._reserve(reserved, min(reserved, self._extra_bytes))
        self._reserved = reserved
        if reserved > len(self._buffer):
            length = limit if is_long else min(limit, _FIRST_BYTES if reserved <= _FIRST_BYTES else _SECOND_BYTES)
            longer = np.empty(length, np.uint8).data
            longer[: self._filled] = self._buffer[: self._filled]
            self._buffer = longer

    async def add(self, piece: bytes) -> None:
        """Append a piece.

        Raises:
            TooLarge: the body exceeds the limit.
            Unavailable: the piece does not fit into the memory budget.
        """
        if self._filled + len(piece) > self._limits.limit_bytes:
            raise self._limits.too_large_error(f"has at least {self._filled + len(piece)} bytes")
        # guard: chunks-are-joined
        self.reserve(len(piece))
        self.write(piece)

    def write(self, piece: bytes | memoryview) -> None:
        """Append a piece whose bytes are reserved; callable from any thread."""
        end = self._filled + len(piece)
        assert end <= self._reserved, "more than was reserved"
        self._buffer[self._filled : end] = piece
        self._filled = end

    def finish(self) -> memoryview:
        """The complete body; bytes reserved beyond it are released."""
        self._reserve(self._filled, 0)
        self._reserved = self._filled
        return self._buffer[: self._filled]


class InflatingBuffer:
    """A buffer for the decompressed body; the inflater enforces the limit.

    Args:
        inflater: for the body's content coding.
        limits: of the body, for the text of an error.
        run_in_thread: runs steps that would block the event loop for long.
        reserve: called before each step.
    """

    def __init__(self, inflater: Inflater, limits: SizeLimit, run_in_thread: RunInThread, reserve: Reserve) -> None:
        self._growing = GrowingBuffer(limits, reserve, inflater.window_bytes)
        self._run_in_thread = run_in_thread
        self._inflater = inflater
        self._limits = limits

    @property
    def filled_fraction(self) -> float:
        """The part of the reserved bytes that is filled, from 0 to 1."""
        return self._growing.filled_fraction

    async def add(self, piece: bytes) -> None:
        """Inflate a piece and append the result.

        Raises:
            TooLarge: the body exceeds the limit.
            Malformed: the piece is not valid in the coding.
            Unavailable: the result does not fit into the memory budget.
        """
        parts = self._inflater.feed(piece)
        if len(piece) <= _CHUNK_ON_LOOP_BYTES:
            inflated = 0
            while inflated < _INFLATE_ON_LOOP_BYTES:
                part = self._next_part(parts)
                if not part:
                    return
                self._growing.reserve(len(part))
                self._growing.write(part)
                inflated += len(part)
        while True:
            # On the event loop, since a lease is not thread-safe.
            self._growing.reserve(
                min(max(self._growing.filled // 4, _MIN_RESERVED_AHEAD_BYTES), _MAX_RESERVED_AHEAD_BYTES)
            )
            if not await self._run_in_thread(partial(self._inflate_reserved, parts)):
                return

    def _inflate_reserved(self, parts: Iterator[bytes | memoryview]) -> bool:
        """Inflate until the reserved bytes are nearly filled; return whether more may follow."""
        while self._growing.has_reserved(_INFLATE_ON_LOOP_BYTES):
            part = self._next_part(parts)
            if not part:
                return False
            self._growing.write(part)
        return True

    def _next_part(self, parts: Iterator[bytes | memoryview]) -> bytes | memoryview:
        """The next inflated part; empty at the end of the piece."""
        try:
            return next(parts, b"")
        except TooLarge:
            # Raised again with the advice for this body's media type.
            raise self._limits.too_large_error("is too large when decompressed") from None

    def finish(self) -> memoryview:
        """The complete body.

        Raises:
            Malformed: the compressed body is incomplete.
        """
        self._inflater.finish()
        return self._growing.finish()
