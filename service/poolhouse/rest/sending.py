"""An answer on its way to the client: the pace that it owes, as a body owes one.

The bytes of an answer are held until the client has read them, so a client that reads slowly holds memory as one that
sends slowly does. The rules are those of bodies, with the same settings: who reads nothing for a while is given up,
and so is who reads so slowly that the memory would be held for ever; while others find no room, an answer on course
to take long gives way. It has begun, so nothing can be said any more: the connection is aborted.
"""

from __future__ import annotations

import asyncio
from typing import Final

from poolhouse.rest.bodies import BodyRules
from poolhouse.settings import Settings

SENDING_KEY: Final = "poolhouse.sending"
"""Where a request's scope has the way of its answer, if the server can tell how much of it was read."""


def answer_rules(settings: Settings) -> BodyRules:
    """The pace of answers."""
    return BodyRules(
        settings.max_output_bytes,
        settings.body_timeout_s,
        "",
        settings.min_body_bytes_per_s,
        settings.crowded_body_s,
    )


class Sending:
    """The answers of one connection, one after another.

    Args:
        transport: of the connection.
        rules: the pace.
        loop: whose clock is read.
    """

    def __init__(self, transport: asyncio.Transport, rules: BodyRules, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._rules = rules
        self._loop = loop
        self._begun = 0.0
        self._length = self._handed = 0

    def begin(self, length: int) -> None:
        """An answer of so many bytes begins."""
        self._begun, self._length, self._handed = self._loop.time(), length, 0

    def end(self) -> None:
        """It is over; what else is sent on the connection owes no pace."""
        self._length = 0

    def handed(self, nbytes: int) -> None:
        """So many more bytes of it were handed to the transport."""
        self._handed += nbytes

    @property
    def _read(self) -> int:
        """Bytes that have left the process."""
        return max(0, self._handed - self._transport.get_write_buffer_size())

    def is_too_slow(self) -> bool:
        """Whether an answer is on its way that has taken longer than it may."""
        now = self._loop.time()
        return self._length > 0 and self._rules.patience_ends(self._begun, now, self._read) < now

    def behind(self) -> float:
        """See :class:`poolhouse.batching.ledger.Arrival`."""
        return self._rules.behind(self._loop.time() - self._begun, self._read / max(1, self._length))

    def give_way(self) -> None:
        """Its bytes are lent to another: it ends here, and with it its connection."""
        self._transport.abort()
