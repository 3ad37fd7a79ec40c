"""How fast a client reads a response: whether it keeps the minimum rate, and how far it lags behind."""

from __future__ import annotations

import asyncio

from poolhouse.rest.http.transfer_limits import TransferLimits
from poolhouse.settings import Settings


def response_limits(settings: Settings) -> TransferLimits:
    """The limits of responses; the rates are those of request bodies."""
    return TransferLimits(
        settings.max_output_bytes,
        settings.body_timeout_s,
        "",
        settings.min_body_bytes_per_s,
        settings.contended_body_timeout_s,
    )


class ResponseProgress:
    """The progress of the current response of a connection. A :class:`poolhouse.batching.memory.Preemptible`.

    One object serves all responses of a connection.

    Args:
        transport: of the connection.
        limits: of responses.
        loop: the event loop.
    """

    def __init__(self, transport: asyncio.Transport, limits: TransferLimits, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._limits = limits
        self._loop = loop
        self._started_at = 0.0
        self._length = self._written = 0

    def begin(self, length: int) -> None:
        """Start to measure a response of this many bytes."""
        self._started_at, self._length, self._written = self._loop.time(), length, 0

    def end(self) -> None:
        """Stop measuring; other writes to the connection need no minimum rate."""
        self._length = 0

    def add_written(self, nbytes: int) -> None:
        """Count bytes of the response that were passed to the transport."""
        self._written += nbytes

    @property
    def _sent(self) -> int:
        """Bytes that the kernel has taken from the process."""
        return max(0, self._written - self._transport.get_write_buffer_size())

    def is_too_slow(self) -> bool:
        """Whether a response is being sent that has exceeded its time."""
        now = self._loop.time()
        return self._length > 0 and self._limits.expires_at(self._started_at, now, self._sent) < now

    def lag(self) -> float:
        """See :class:`poolhouse.batching.memory.Preemptible`."""
        return self._limits.lag(self._loop.time() - self._started_at, self._sent / max(1, self._length))

    def preempt(self) -> None:
        """Abort the connection: the response's memory has been given to another request."""
        self._transport.abort()
