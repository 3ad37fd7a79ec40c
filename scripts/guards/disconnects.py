"""Guards for clients that disconnect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "disconnect-leaves-queue",
        "The job of a client that disconnects is removed from the queue at once",
        "the queue fills with abandoned jobs",
        Delete(),
        "test_a_job_cancelled_in_the_queue_releases_its_lease_at_once",
    ),
    Guard(
        "disconnect-cancels-job",
        "A disconnect cancels the waiting job",
        "the disconnect is noticed only when the response is written",
        Delete(),
        "test_a_disconnect_in_the_queue_releases_memory",
    ),
    Guard(
        "disconnects-are-counted",
        "Each disconnect is counted once, by its stage",
        "the metrics do not show that clients give up",
        Delete(),
        "test_a_disconnect_while_sending_releases_memory",
    ),
    Guard(
        "unread-response-is-watched",
        "A connection is closed if its client reads nothing of the response",
        "the memory of the response stays reserved as long as the connection is open",
        Delete(),
        "test_a_client_that_reads_nothing_is_disconnected",
    ),
    Guard(
        "disconnect-reaches-exchange",
        "A disconnect ends a body that is received without the parser",
        "its memory stays reserved until the timeout of slow bodies",
        Delete(),
        "test_a_disconnect_in_a_direct_body_releases_its_memory",
    ),
    Guard(
        "refused-body-ends-connection",
        "A closing connection that discards a refused body is closed at the end of that body",
        "the connection and its file descriptor stay open until the keep-alive timeout",
        Delete(),
        "test_a_closing_connection_closes_at_the_end_of_the_refused_body",
    ),
)
