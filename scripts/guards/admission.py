"""Guards of admission: checks before a request reserves memory, is queued or is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import (
    Delete,
    DropOperand,
    FixCondition,
    ReplaceArgument,
    ReplaceConstant,
    ReplaceStatement,
    ReplaceValue,
)

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "full-budget-refuses",
        "A request that does not fit into the memory budget is refused",
        "requests are admitted until the machine runs out of memory",
        ReplaceStatement("lease = MemoryBudget(nbytes).reserve(nbytes)"),
        "test_a_body_that_fits_is_refused_if_its_pooling_does_not",
    ),
    Guard(
        "lease-follows-plan",
        "The lease is resized to the bytes of the plan",
        "a small body with a large result reserves only the bytes of the body",
        FixCondition(False),
        "test_a_small_body_with_a_large_response_needs_memory_for_the_response",
    ),
    Guard(
        "indices-are-checked",
        "Indices are checked before a job is queued",
        "a kernel writes outside its plane; on CUDA that ends the device for every request",
        Delete(),
        "test_an_index_outside_its_plane_is_refused_before_queueing",
    ),
    Guard(
        "indices-are-checked-inline",
        "Indices of an inline job are checked too",
        "a tiny request writes outside its plane",
        Delete(),
        "test_inline_pooling_refuses_an_index_outside_its_plane",
    ),
    Guard(
        "inline-needs-capacity",
        "Jobs run inline only with free memory, and not while the service drains",
        "small requests are admitted beyond the memory budget",
        DropOperand(1),
        "test_no_request_is_pooled_inline_without_memory_or_while_draining",
    ),
    Guard(
        "many-indices-are-checked-off-loop",
        "Many indices are checked off the event loop",
        "all requests wait while the indices of one request are checked",
        FixCondition(False),
        "test_many_indices_are_checked_off_the_event_loop",
    ),
    Guard(
        "inline-only-on-cpu",
        "Only the CPU runs tiny jobs on the event loop",
        "the event loop blocks on transfers to and from a device",
        FixCondition(True),
        "test_only_the_cpu_pools_inline",
    ),
    Guard(
        "capacity-before-body",
        "Memory is reserved before the body is read",
        "the service reads gigabytes and then refuses the request",
        ReplaceArgument(0, "0"),
        "test_a_body_that_fits_is_refused_if_its_pooling_does_not",
    ),
    Guard(
        "lease-ends-with-request",
        "The lease is released when the request ends, also after an error",
        "each refused request keeps its reservation for ever",
        Delete(),
        "test_a_load_of_random_requests_leaves_nothing_reserved",
    ),
    Guard(
        "raw-body-is-planned-from-query",
        "A raw body that cannot be pooled is refused by its query",
        "the client sends a gigabyte before it gets the refusal",
        Delete(),
        "test_raw_elements_that_cannot_be_pooled_are_refused_by_their_query",
    ),
    Guard(
        "only-short-heads-are-cached",
        "Only short request heads are cached",
        "the cache holds a thousand content types of sixty kilobytes",
        ReplaceValue("False"),
        "test_caches_hold_a_few_megabytes_at_most",
    ),
    Guard(
        "credentials-are-not-kept",
        "Request heads with credentials are not cached",
        "an API key stays in memory after its request",
        DropOperand(-1),
        "test_heads_with_credentials_are_not_kept",
    ),
    Guard(
        "buffer-is-reused-after-last-view",
        "A buffer is reused only after its last view is freed",
        "a new body overwrites a body that is still being pooled",
        ReplaceStatement("self._put_back(owner)"),
        "test_no_two_buffers_share_memory",
    ),
    Guard(
        "views-keep-buffer",
        "Every view of a body keeps its buffer alive",
        "a client gets bytes of another client when large bodies arrive at the same time",
        ReplaceStatement("exported = np.frombuffer(owner, np.uint8)"),
        "test_a_buffer_is_reused_after_its_last_view_is_freed",
    ),
    Guard(
        "body-ends-at-its-length",
        "The parser reads no bytes beyond the end of a body",
        "the next request on the connection is read as part of the body",
        FixCondition(True),
        "test_a_body_ends_at_its_length",
    ),
    Guard(
        "retry-after-is-computed",
        "Retry-After is computed from the queued work and the measured speed",
        "clients retry too early, too late or all at the same time",
        ReplaceValue("1.0"),
        "test_retry_after_is_half_of_the_longest_wait",
    ),
    Guard(
        "offloaded-steps-have-limit",
        "The number of concurrent offloaded steps is limited",
        "threads that parse large bodies keep the GIL from the event loop",
        DropOperand(1),
        "test_no_more_steps_run_than_there_are_threads",
    ),
    Guard(
        "long-step-frees-its-slot",
        "An offloaded step that takes very long frees its slot",
        "a step that never ends blocks all later steps",
        Delete(),
        "test_a_long_step_does_not_block_the_others",
    ),
    Guard(
        "long-json-text-is-refused",
        "JSON with long text outside of tensors is refused before parsing",
        "parsing holds the GIL for a second and blocks the event loop",
        FixCondition(False),
        "test_long_texts_beside_tensors_are_refused_unread",
    ),
    Guard(
        "many-json-values-are-refused",
        "JSON fields with thousands of values are refused before parsing",
        "each value of two bytes becomes an object of sixty bytes",
        Delete(),
        "test_what_no_request_has_is_refused_before_it_is_read",
    ),
    Guard(
        "list-leaves-empty-list",
        "Each list of numbers that was scanned is passed to the strict parser as an empty list",
        "invalid JSON around the list is accepted",
        ReplaceConstant(b"0"),
        "test_damage_is_found_wherever_it_is",
    ),
    Guard(
        "empty-elements-end-numbers",
        "Where an element is missing in a list of numbers, reading many at once ends",
        "64 commas in a row overflow the scratch memory of the scanner",
        FixCondition(False),
        "test_many_commas_stay_within_the_memory",
    ),
)
