"""Guards around clients that disconnect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "disconnect-leaves-queue",
        "A client that disconnects leaves the queue at once",
        "the queue fills with requests that clients gave up",
        Delete(),
        "test_a_job_cancelled_in_the_queue_releases_its_lease_at_once",
    ),
    Guard(
        "disconnect-cancels-job",
        "The connection is watched while its job waits",
        "a disconnect is noticed when the response is written",
        Delete(),
        "test_a_disconnect_in_the_queue_releases_memory",
    ),
    Guard(
        "disconnects-are-counted",
        "A disconnect is counted once, by its stage",
        "operators do not see that clients give up",
        Delete(),
        "test_a_disconnect_while_sending_releases_memory",
    ),
    Guard(
        "unread-response-is-watched",
        "A client that reads nothing of its response is disconnected",
        "its bytes are held for as long as the connection lives",
        Delete(),
        "test_a_client_that_reads_nothing_is_disconnected",
    ),
    Guard(
        "disconnect-reaches-exchange",
        "A disconnect reaches a body that bypasses the parser",
        "its bytes are held until it would have been too slow",
        Delete(),
        "test_a_disconnect_in_a_direct_body_releases_its_memory",
    ),
    Guard(
        "refused-body-ends-connection",
        "A connection kept open for a refused body alone ends with it",
        "it stays open, and its descriptor with it, as long as an idle one",
        Delete(),
        "test_a_closing_connection_closes_at_the_end_of_the_refused_body",
    ),
)
