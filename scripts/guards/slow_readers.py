"""Guards for clients that read their response slowly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, DropOperand, FixCondition

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "slow-responses-are-preempted",
        "A response that the client reads slowly is preempted when the budget is full",
        "three slow readers block all other clients",
        Delete(),
        "test_slow_readers_do_not_hold_memory",
    ),
    Guard(
        "tls-response-is-sliced",
        "Over TLS a response is encrypted in slices as the client reads it",
        "the event loop encrypts the whole response at once, into a copy without a lease",
        FixCondition(False),
        "test_a_response_is_encrypted_as_it_is_read",
    ),
    Guard(
        "response-has-minimum-rate",
        "A response has a minimum rate",
        "a client that reads a few bytes now and then keeps a gigabyte reserved for days",
        DropOperand(-1),
        "test_a_reader_must_keep_a_minimum_rate",
    ),
    Guard(
        "response-is-held-until-sent",
        "The lease of a response is held until the kernel has taken all of its bytes",
        "the last bytes keep their whole tensor in memory without a lease",
        Delete(),
        "test_a_response_is_held_until_all_of_it_is_sent",
    ),
)
