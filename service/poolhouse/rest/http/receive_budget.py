"""How much is received in one turn of the event loop: thirty clients that send megabytes at once would make everybody
else wait for all of them, since a turn reads from every connection whatever the system has of it.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Final

from poolhouse.rest.http.read_flow import ReadFlowControl

ITERATION_BYTES: Final = 4 * 2**20
"""All connections together; memory that was never used costs up to a millisecond a MiB."""
MIN_READ_BYTES: Final = 64 * 2**10
"""What one connection more gets once a turn has had its bytes; then it rests until the next turn."""
_COUNTED_FROM_BYTES: Final = 16 * 2**10


class ReceiveBudget:
    """What may still be received in this turn; one for all connections of a site."""

    __slots__ = ("_left", "_throttled")

    def __init__(self) -> None:
        self._left = ITERATION_BYTES
        self._throttled = list[ReadFlowControl]()

    def limit(self, buffer: memoryview) -> memoryview:
        """As much of this as the next read may fill; not empty where it is not."""
        return buffer if len(buffer) <= self._left else buffer[: max(self._left, MIN_READ_BYTES)]

    def consume(self, nbytes: int, read_flow: ReadFlowControl, loop: AbstractEventLoop) -> None:
        """So much was, on this connection; the next turn of this loop begins anew. What is small is not counted."""
        if nbytes < _COUNTED_FROM_BYTES:
            return
        if self._left == ITERATION_BYTES:
            loop.call_soon(self._reset)
        self._left -= nbytes
        # guard: receive-per-turn-has-limit
        if self._left <= 0:
            read_flow.throttle()
            self._throttled.append(read_flow)

    def _reset(self) -> None:
        self._left = ITERATION_BYTES
        throttled, self._throttled = self._throttled, []
        for inflow in throttled:
            inflow.unthrottle()
