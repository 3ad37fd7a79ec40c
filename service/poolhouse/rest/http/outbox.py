"""Short answers of one turn of the event loop, sent together at its end.

To send is to wake the client, which costs more than to make a small answer, and a client that has slept again until the
next answer of the turn is woken once more: with sixteen connections to one client, sending at the end nearly doubles
the rate (``benchmarks/compare_triton.py``). The first answer of a turn goes at once, so a lone client does not wait.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport
from typing import Final

MAX_PENDING: Final = 32
"""Answers that wait; the next one sends them all."""


class Outbox:
    """Answers that wait for the end of the turn; one for all connections of a site.

    Whoever does something else with a transport calls :meth:`flush` before, so that bytes keep their order.
    """

    __slots__ = ("_in_turn", "_pending")

    def __init__(self) -> None:
        self._in_turn = False
        self._pending: dict[Transport, bytes] = {}

    def send(self, transport: Transport, answer: bytes, loop: AbstractEventLoop) -> None:
        """Send an answer within this turn of the loop."""
        pending = self._pending
        if not self._in_turn:
            self._in_turn = True
            loop.call_soon(self._end_turn)
            transport.write(answer)
        elif transport in pending:
            pending[transport] += answer
        else:
            pending[transport] = answer
            if len(pending) > MAX_PENDING:
                self._send_all()

    def flush(self, transport: Transport) -> None:
        """Send what waits for this transport."""
        if self._pending:
            answer = self._pending.pop(transport, None)
            if answer is not None and not transport.is_closing():
                transport.write(answer)

    def _end_turn(self) -> None:
        self._in_turn = False
        # guard: outbox-is-sent-at-turn-end
        self._send_all()

    def _send_all(self) -> None:
        pending, self._pending = self._pending, {}
        for transport, answer in pending.items():
            if not transport.is_closing():
                transport.write(answer)
