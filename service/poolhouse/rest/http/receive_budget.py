"""Limit the bytes that all connections together receive in one event loop iteration.

An iteration reads from every ready connection. Thirty clients that send megabytes at once would delay every other
request until all of them are read.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Final

from poolhouse.rest.http.read_flow import ReadFlowControl

ITERATION_BYTES: Final = 4 * 2**20
"""The bytes per iteration over all connections; writing to fresh memory takes up to a millisecond per MiB."""
MIN_READ_BYTES: Final = 64 * 2**10
"""The size of a connection's read once the budget is used up; the connection is then throttled."""
_COUNTED_FROM_BYTES: Final = 16 * 2**10


class ReceiveBudget:
    """The bytes that may still be received in this iteration; one object for all connections."""

    __slots__ = ("_remaining", "_throttled")

    def __init__(self) -> None:
        self._remaining = ITERATION_BYTES
        self._throttled = list[ReadFlowControl]()

    def limit(self, buffer: memoryview) -> memoryview:
        """The part of a buffer that the next read may fill; empty only if the buffer is."""
        return buffer if len(buffer) <= self._remaining else buffer[: max(self._remaining, MIN_READ_BYTES)]

    def consume(self, nbytes: int, read_flow: ReadFlowControl, loop: AbstractEventLoop) -> None:
        """Count a read, and throttle its connection if the budget is used up. Small reads are not counted."""
        if nbytes < _COUNTED_FROM_BYTES:
            return
        if self._remaining == ITERATION_BYTES:
            loop.call_soon(self._reset)
        self._remaining -= nbytes
        # guard: receive-per-turn-has-limit
        if self._remaining <= 0:
            read_flow.throttle()
            self._throttled.append(read_flow)

    def _reset(self) -> None:
        self._remaining = ITERATION_BYTES
        throttled, self._throttled = self._throttled, []
        for read_flow in throttled:
            read_flow.unthrottle()
