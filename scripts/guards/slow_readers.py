"""Guards around clients that read their response slowly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, DropOperand, FixCondition

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "slow-responses-are-preempted",
        "A response that is read slowly is preempted when the budget is full",
        "three slow readers lock all other clients out",
        Delete(),
        "test_slow_readers_do_not_hold_memory",
    ),
    Guard(
        "tls-response-is-sliced",
        "Over TLS a response is encrypted as it is read",
        "all of it is encrypted at once, on the event loop, into a copy that nothing counts",
        FixCondition(False),
        "test_a_response_is_encrypted_as_it_is_read",
    ),
    Guard(
        "response-has-minimum-rate",
        "A response has a minimum rate",
        "a few bytes now and then hold a gigabyte for days",
        DropOperand(-1),
        "test_a_reader_must_keep_a_minimum_rate",
    ),
    Guard(
        "response-is-held-until-sent",
        "A response is held until all of it has left the process",
        "the last bytes keep their whole tensor, and its memory is given away",
        Delete(),
        "test_a_response_is_held_until_all_of_it_is_sent",
    ),
)
