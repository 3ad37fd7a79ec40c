"""Guards around request bodies that come slowly or in tiny pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, FixCondition, InsertBefore, ReplaceValue

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "silent-body-ends",
        "A body that stops arriving is ended",
        "it holds its bytes for ever",
        ReplaceValue("{} + 1e6"),
        "test_a_stalled_body_is_refused",
    ),
    Guard(
        "body-has-minimum-rate",
        "A body has a minimum rate",
        "a byte now and then holds a gigabyte for days",
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
        "it is still received, into memory that another request has",
        Delete(),
        "test_clients_that_announce_much_and_send_little_do_not_hold_memory",
    ),
    Guard(
        "buffer-is-not-touched-before-data",
        "Memory follows the bytes received, not the length announced",
        "announcing large bodies exhausts the memory",
        ReplaceValue("memoryview(bytearray(len({})))"),
        "test_an_announced_length_allocates_no_memory",
    ),
    Guard(
        "growing-body-is-reserved",
        "Memory for a body of unknown length is reserved before it is allocated",
        "six bodies of a megabyte inflate to six gigabytes that nothing counts",
        Delete(),
        "test_bodies_of_unknown_length_are_charged_as_they_grow",
    ),
    Guard(
        "chunks-are-joined",
        "Tiny chunks are joined as they arrive",
        "a chunked body of single bytes costs fifty times its size",
        InsertBefore("self.__dict__.setdefault('kept', []).append(bytearray(piece))"),
        "test_tiny_pieces_take_no_more_memory_than_their_bytes",
    ),
    Guard(
        "chunks-share-timer",
        "Tiny chunks do not set a timer each",
        "timers accumulate as fast as bytes arrive",
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
