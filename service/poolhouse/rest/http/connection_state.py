"""The state machine of a connection: its states, the events between them, and the limits of each state.

``connection.py`` reports each event with :meth:`Lifecycle.transition`; an event that the table does not list for the
current state is a bug and raises. The states:

- IDLE: no byte of a request has arrived. Empty lines between two requests do not end this state.
- HEAD: a part of a request line or of headers has arrived.
- BODY: the head is parsed, the body is being received, and no response has begun. Skipped if the body arrived with its
  head, or there is none.
- HANDLING: the request is complete, and its response is being computed.
- EARLY: the response has begun while the body is still being received; usually an error.
- RESPONDING: the request is complete, and its response is being written.
- DISCARDING: the response is written, and the rest of the body is discarded, so that the connection can be reused.
- CLOSING: no more responses will be sent. Our side is shut down, and input is discarded until the client has read the
  last response and closes: the kernel resets a socket that is closed with unread bytes, and the reset destroys the
  response for a client that is still sending.
- CLOSED: the transport is closed or lost.

One request is read at a time. Pipelined bytes behind it stay unparsed while reading from the socket is paused; they are
parsed when the state is IDLE again and the client has read the responses so far. So responses keep the order of the
requests, and a flood of requests costs one receive buffer.

Limits and timers:

=============  ==================================================  ==========================================
state          limit                                               consequence
=============  ==================================================  ==========================================
IDLE           ``header_timeout_s`` after connecting               closed
IDLE           ``keep_alive_s`` after a response                   closed
HEAD           ``header_timeout_s`` for the whole head             408, then CLOSING
HEAD           ``max_header_bytes``, and 256 headers               431, then CLOSING
HEAD           32 MiB for the incomplete heads of all connections  503, then CLOSING
BODY, EARLY    for chunk sizes, extensions and trailers:           431, then CLOSING
               ``max_header_bytes``, and eight bytes a body byte
BODY           stall, minimum rate, deadline: body_deadline.py     408, 503 or 504
BODY, EARLY    64 KiB that the application has not received        reading is paused
any            4 MiB per iteration of the event loop, over all     reading is paused until the next iteration
               connections
RESPONDING     stall and minimum rate of the client, also while    the connection is aborted
               a closed transport has unsent bytes
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
EARLY: Final = "responding before the body is complete"
RESPONDING: Final = "responding"
DISCARDING: Final = "discarding"
CLOSING: Final = "closing"
CLOSED: Final = "closed"

HEAD_BEGAN: Final = "the head began"
HEAD_ENDED: Final = "the head ended"
HEAD_AND_BODY_ENDED: Final = "the head ended, and the body is complete"
BODY_ENDED: Final = "the body ended"
RESPONSE_BEGAN: Final = "the response began"
RESPONSE_ENDED: Final = "the response ended"
LAST_RESPONSE_ENDED: Final = "the last response ended"
PROTOCOL_ERROR: Final = "the input is not valid HTTP"
CONNECTION_LOST: Final = "the connection was lost"

LINGER_S: Final = 5.0
"""The seconds for which input is discarded before the connection is closed."""

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
"""For each state, the possible events and the state that follows."""


DISCONNECT_STAGES: Final[dict[str, Stage]] = {
    HEAD: "headers",
    BODY: "body",
    HANDLING: "waiting",
    EARLY: "answer",
    RESPONDING: "answer",
}
"""The stage that ``/metrics`` counts for a client that disconnects in a state; the other states are not counted."""


class Lifecycle:
    """The current state of one connection.

    Attributes:
        state: one of the states above.
    """

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state = IDLE

    def transition(self, event: str) -> str:
        """Apply an event, and return the new state.

        Raises:
            RuntimeError: :data:`TRANSITIONS` does not allow the event in this state.
        """
        following = TRANSITIONS[self.state].get(event)
        if following is None:
            raise RuntimeError(f"unexpected event {event!r} in connection state {self.state!r}")
        self.state = following
        return following
