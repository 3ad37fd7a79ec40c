"""Guards of gRPC: what a client sends is bounded and charged, although gRPC receives whole messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, FixCondition

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "public-calls-are-not-received",
        "The message of a call that needs no key is not received",
        "anybody can make the service hold large messages",
        FixCondition(False),
        "test_a_message_that_needs_no_key_is_not_received",
    ),
    Guard(
        "grpc-inflates-nothing",
        "gRPC passes compressed messages on as they are",
        "a small message inflates to any size, without a reservation",
        Delete(),
        "test_a_bomb_of_grpc_is_refused",
    ),
    Guard(
        "inflated-message-is-charged",
        "Memory is reserved for each step of inflating a message",
        "compressed messages take more memory than is reserved",
        Delete(),
        "test_memory_is_reserved_before_a_message_is_inflated",
    ),
    Guard(
        "slow-messages-have-limit",
        "Only some messages that take long are received at once",
        "clients that send slowly make gRPC hold any number of large messages",
        FixCondition(False),
        "test_slow_messages_hold_up_no_others",
    ),
    Guard(
        "parsed-head-has-limit",
        "A message has a limit for all but its raw contents",
        "protobuf takes up to 21 bytes of memory for each byte of a large message",
        FixCondition(False),
        "test_large_messages_are_refused",
    ),
    Guard(
        "parsed-head-is-charged",
        "Memory is reserved for the parsed head of a message",
        "heads of many small fields take more memory than is reserved",
        Delete(),
        "test_memory_is_reserved_before_a_head_is_parsed",
    ),
    Guard(
        "small-message-has-limit",
        "A message of the methods without tensors has at most 64 KiB",
        "parsing a large one blocks the event loop, and its memory is not reserved",
        FixCondition(False),
        "test_invalid_messages_are_refused",
    ),
    Guard(
        "stream-has-bounded-concurrency",
        "A stream works on at most 16 requests at once",
        "a client that does not read fills the memory with responses",
        Delete(),
        "test_a_stream_is_not_read_while_its_responses_wait",
    ),
)
