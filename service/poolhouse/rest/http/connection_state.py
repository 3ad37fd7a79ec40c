"""The states of a connection, and what moves it from one to another.

A connection is in one state. ``connection.py`` reports each event with :meth:`Lifecycle.transition`; an event that the
table does not list for the current state is a fault of ours and raises. The states:

- IDLE: no byte of a request is here. Empty lines between two requests leave it so.
- HEAD: a part of a request line or of headers is here.
- BODY: the head is parsed, the body is being received, and no answer has begun. A request whose body came with its
  head, or that has none, passes this state by, and one whose head is known from the request before the HEAD state too.
- HANDLING: the request is whole, and its answer is being worked out.
- EARLY: the answer has begun while the body is still coming: a refusal, mostly.
- RESPONDING: the request is whole, and its answer is being written.
- DISCARDING: the answer is written, and the rest of the body is thrown away, so that the connection can be used again.
- CLOSING: nothing will be answered any more. Our side is shut down, and what comes is thrown away until the client has
  read the last answer and closes: a socket that is closed with unread bytes is reset, and the reset takes the answer
  away from a client that is still sending.
- CLOSED: the transport is closed or lost.

One request is read at a time. Bytes behind a request that is not answered (pipelining) stay unparsed, the socket is
paused, and they are read when the state is IDLE again and the client has read the answers that it was sent. So answers
and refusals keep the order of the requests, and a flood of requests costs one receive buffer.

Limits and timers:

=============  ==================================================  ==========================================
state          limit                                               what happens
=============  ==================================================  ==========================================
IDLE           ``header_timeout_s`` after connecting               closed
IDLE           ``keep_alive_s`` after an answer                    closed
HEAD           ``header_timeout_s`` for the whole head             408, then CLOSING
HEAD           ``max_header_bytes``, and 256 headers               431, then CLOSING
HEAD           32 MiB for all heads that are not whole             503, then CLOSING
BODY, EARLY    ``max_header_bytes`` and eight bytes a body byte    431, then CLOSING
               for chunk sizes, extensions and trailers
BODY           silence, pace and deadline: ``deadlines.py``        408, 503 or 504
BODY, EARLY    64 KiB of a body that the application does not      the socket is paused
               read
any            4 MiB a turn of the event loop, of all connections  the socket is paused until the next turn
RESPONDING      silence and pace of the client, also once the       the connection is aborted
               transport is closed with bytes unsent
DISCARDING     ``LINGER_S`` for the rest of the body               closed
CLOSING        ``LINGER_S``, or the end of the body                closed
=============  ==================================================  ==========================================
"""

from __future__ import annotations

from typing import Final

from poolhouse.rest.observability.metric_families import Stage

IDLE: Final = "idle"
HEAD: Final = "head"
BODY: Final = "body"
HANDLING: Final = "handling"
EARLY: Final = "answering before the body is whole"
RESPONDING: Final = "answering"
DISCARDING: Final = "discarding"
CLOSING: Final = "closing"
CLOSED: Final = "closed"

HEAD_BEGAN: Final = "a head began"
HEAD_ENDED: Final = "a head ended"
HEAD_AND_BODY_ENDED: Final = "a head ended, and its body is here"
BODY_ENDED: Final = "a body ended"
RESPONSE_BEGAN: Final = "an answer began"
RESPONSE_ENDED: Final = "an answer ended"
LAST_RESPONSE_ENDED: Final = "the last answer ended"
PROTOCOL_ERROR: Final = "the request cannot be read any further"
CONNECTION_LOST: Final = "the connection ended"

LINGER_S: Final = 5.0
"""How long a client may go on sending what nobody reads, in seconds."""

TRANSITIONS: Final[dict[str, dict[str, str]]] = {
    IDLE: {
        HEAD_BEGAN: HEAD,
        HEAD_ENDED: BODY,
        HEAD_AND_BODY_ENDED: HANDLING,
        PROTOCOL_ERROR: CLOSING,
        CONNECTION_LOST: CLOSED,
    },
    HEAD: {HEAD_ENDED: BODY, HEAD_AND_BODY_ENDED: HANDLING, PROTOCOL_ERROR: CLOSING, CONNECTION_LOST: CLOSED},
    BODY: {BODY_ENDED: HANDLING, RESPONSE_BEGAN: EARLY, PROTOCOL_ERROR: CLOSING, CONNECTION_LOST: CLOSED},
    HANDLING: {RESPONSE_BEGAN: RESPONDING, CONNECTION_LOST: CLOSED},
    EARLY: {
        BODY_ENDED: RESPONDING,
        RESPONSE_ENDED: DISCARDING,
        LAST_RESPONSE_ENDED: CLOSING,
        CONNECTION_LOST: CLOSED,
    },
    RESPONDING: {RESPONSE_ENDED: IDLE, LAST_RESPONSE_ENDED: CLOSED, CONNECTION_LOST: CLOSED},
    DISCARDING: {BODY_ENDED: IDLE, PROTOCOL_ERROR: CLOSING, CONNECTION_LOST: CLOSED},
    CLOSING: {BODY_ENDED: CLOSED, CONNECTION_LOST: CLOSED},
    CLOSED: {CONNECTION_LOST: CLOSED},
}
"""For each state the events that may come, and the state that follows."""


DISCONNECT_STAGES: Final[dict[str, Stage]] = {
    HEAD: "headers",
    BODY: "body",
    HANDLING: "waiting",
    EARLY: "answer",
    RESPONDING: "answer",
}
"""What a client did not wait for that left in one of these states, as ``/metrics`` counts it."""


class Lifecycle:
    """Where one connection is in :data:`TRANSITIONS`.

    Attributes:
        state: one of the states above.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = IDLE

    def transition(self, event: str) -> str:
        """Follow the table, and give the new state.

        Raises:
            RuntimeError: the event cannot come in this state.
        """
        following = TRANSITIONS[self.state].get(event)
        if following is None:
            raise RuntimeError(f"{event}, while the connection is {self.state}")
        self.state = following
        return following
