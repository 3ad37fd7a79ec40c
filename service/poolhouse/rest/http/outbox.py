"""Batch the short responses of one event loop iteration, and send them at its end.

To send is to wake the client, which costs more than computing a small response, and a client that has gone back to
sleep is woken again by the next response of the iteration. With sixteen connections to one client, sending at the end
nearly doubles the rate (``benchmarks/compare_triton.py``). The first response of an iteration is sent at once, so a
client with one connection does not wait.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Final

MAX_PENDING: Final = 32
"""The most connections with pending responses; beyond it all are sent."""


class Outbox:
    """The pending responses of an event loop iteration; one object for all connections.

    Any other write to a transport must call :meth:`flush` first, so that the bytes keep their order.

    Attributes:
        pending: the responses to send, by transport.
    """

    __slots__ = ("_in_iteration", "pending")

    def __init__(self) -> None:
        self._in_iteration = False
        self.pending: dict[Transport, bytes] = {}

    def send(self, transport: Transport, response: bytes, loop: AbstractEventLoop) -> None:
        """Send a response within this iteration of the event loop."""
        pending = self.pending
        if not self._in_iteration:
            self._in_iteration = True
            loop.call_soon(self._end_iteration)
            transport.write(response)
        elif transport in pending:
            pending[transport] += response
        else:
            pending[transport] = response
            if len(pending) > MAX_PENDING:
                self._send_all()

    def flush(self, transport: Transport) -> None:
        """Send the pending responses of this transport."""
        if self.pending:
            response = self.pending.pop(transport, None)
            if response is not None and not transport.is_closing():
                transport.write(response)

    def _end_iteration(self) -> None:
        self._in_iteration = False
        # guard: outbox-is-sent-at-turn-end
        self._send_all()

    def _send_all(self) -> None:
        pending, self.pending = self.pending, {}
        for transport, response in pending.items():
            if not transport.is_closing():
                transport.write(response)
