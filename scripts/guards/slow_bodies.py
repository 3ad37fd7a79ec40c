"""Guards for request bodies that arrive slowly or in tiny pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, FixCondition, InsertBefore, ReplaceValue

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "silent-body-ends",
        "A body that stalls is refused",
        "its memory stays reserved for ever",
        ReplaceValue("{} + 1e6"),
        "test_a_stalled_body_is_refused",
    ),
    Guard(
        "body-has-minimum-rate",
        "A body has a minimum rate",
        "a client that sends a byte now and then keeps a gigabyte reserved for days",
        FixCondition(True),
        "test_slow_clients_are_refused_and_others_are_served",
    ),
    Guard(
        "body-start-has-allowance",
        "The start of a body has an allowance",
        "a valid body is preempted before its first bytes could arrive",
        ReplaceValue("0.0"),
        "test_a_body_that_keeps_its_rate_is_not_preempted",
    ),
    Guard(
        "preempted-body-ends-at-once",
        "A preempted body ends at once",
        "the service still receives it, into memory reserved for another request",
        Delete(),
        "test_clients_that_announce_much_and_send_little_do_not_hold_memory",
    ),
    Guard(
        "buffer-is-not-touched-before-data",
        "Memory is allocated as bytes arrive, not by the announced length",
        "clients exhaust the memory by announcing large bodies",
        ReplaceValue("memoryview(bytearray(len({})))"),
        "test_an_announced_length_allocates_no_memory",
    ),
    Guard(
        "growing-body-is-reserved",
        "Memory for a body of unknown length is reserved before it is allocated",
        "six compressed bodies of a megabyte grow to six gigabytes without a lease",
        Delete(),
        "test_bodies_of_unknown_length_are_charged_as_they_grow",
    ),
    Guard(
        "chunks-are-joined",
        "Tiny chunks are joined as they arrive",
        "a body in chunks of one byte takes fifty times its size",
        InsertBefore("self.__dict__.setdefault('kept', []).append(bytearray(piece))"),
        "test_tiny_pieces_take_no_more_memory_than_their_bytes",
    ),
    Guard(
        "chunks-share-timer",
        "Tiny chunks do not each set a timer",
        "cancelled timers accumulate as fast as chunks arrive",
        FixCondition(True),
        "test_tiny_pieces_set_few_timers",
    ),
    Guard(
        "headers-have-timeout",
        "Request headers must be complete in time",
        "a thousand connections with incomplete headers exhaust the service",
        Delete(),
        "test_slow_headers_are_refused",
    ),
)
