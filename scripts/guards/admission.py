"""Guards of admission: what is refused, and what is checked before work begins."""

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
        "A request without capacity is refused",
        "requests are admitted until the machine runs out of memory",
        ReplaceStatement("lease = MemoryBudget(nbytes).lease(nbytes)"),
        "test_a_body_that_fits_is_refused_if_its_pooling_does_not",
    ),
    Guard(
        "lease-follows-plan",
        "The lease is resized to what the plan needs",
        "a small body with a large result counts as small",
        FixCondition(False),
        "test_a_small_body_with_a_large_response_needs_memory_for_the_response",
    ),
    Guard(
        "indices-are-checked",
        "Indices are checked before anything waits",
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
        "An inline job needs capacity, and a service that is not draining",
        "a full service still takes small requests",
        DropOperand(1),
        "test_no_request_is_pooled_inline_without_memory_or_while_draining",
    ),
    Guard(
        "many-indices-are-checked-off-loop",
        "Many indices are checked off the event loop",
        "every request waits while the indices of one are checked",
        FixCondition(False),
        "test_many_indices_are_checked_off_the_event_loop",
    ),
    Guard(
        "inline-only-on-cpu",
        "Only the CPU runs tiny jobs on the event loop",
        "the event loop waits for transfers to a device and back",
        FixCondition(True),
        "test_only_the_cpu_pools_inline",
    ),
    Guard(
        "capacity-before-body",
        "Capacity is reserved before the body is read",
        "gigabytes are read to be refused",
        ReplaceArgument(0, "0"),
        "test_a_body_that_fits_is_refused_if_its_pooling_does_not",
    ),
    Guard(
        "lease-ends-with-request",
        "The lease ends with the request, however it ends",
        "each refused request keeps its bytes",
        Delete(),
        "test_a_load_of_random_requests_leaves_nothing_reserved",
    ),
    Guard(
        "raw-body-is-planned-from-query",
        "Raw elements that cannot be pooled are refused by their query",
        "a gigabyte is sent to be refused",
        Delete(),
        "test_raw_elements_that_cannot_be_pooled_are_refused_by_their_query",
    ),
    Guard(
        "only-short-heads-are-cached",
        "Only short request heads are cached",
        "a content type of sixty kilobytes is kept a thousand times",
        ReplaceValue("False"),
        "test_caches_hold_a_few_megabytes_at_most",
    ),
    Guard(
        "credentials-are-not-kept",
        "Request heads with credentials are not kept for comparison",
        "an API key stays in memory after its request",
        DropOperand(-1),
        "test_heads_with_credentials_are_not_kept",
    ),
    Guard(
        "buffer-is-reused-after-last-view",
        "A buffer is used again when its last view is gone, and not before",
        "a body is written over another that is still pooled",
        ReplaceStatement("self._give_back(owner)"),
        "test_no_two_buffers_share_memory",
    ),
    Guard(
        "views-keep-buffer",
        "Every view of a body keeps its buffer alive",
        "a client gets another one's bytes, where large bodies arrive side by side",
        ReplaceStatement("lent = np.frombuffer(owner, np.uint8)"),
        "test_a_buffer_is_reused_after_its_last_view_is_freed",
    ),
    Guard(
        "body-ends-at-its-length",
        "No more is read for a body than belongs to it",
        "the next request is read as a part of it",
        FixCondition(True),
        "test_a_body_ends_at_its_length",
    ),
    Guard(
        "retry-after-is-computed",
        "Retry-After is computed from the waiting work and its speed",
        "clients retry too soon, all at once, or too late",
        ReplaceValue("1.0"),
        "test_retry_after_is_half_of_the_longest_wait",
    ),
    Guard(
        "offloaded-steps-have-limit",
        "The number of steps off the event loop is limited",
        "many large bodies take the interpreter from the event loop",
        DropOperand(1),
        "test_no_more_steps_run_than_there_are_threads",
    ),
    Guard(
        "long-step-frees-its-slot",
        "A step that takes very long frees its slot",
        "one that never ends blocks all behind it for ever",
        Delete(),
        "test_a_long_step_does_not_block_the_others",
    ),
    Guard(
        "long-json-text-is-refused",
        "Long texts beside the numbers of tensors are not parsed",
        "the interpreter is blocked for a second, and the event loop with it",
        FixCondition(False),
        "test_long_texts_beside_tensors_are_refused_unread",
    ),
    Guard(
        "many-json-values-are-refused",
        "Fields of thousands of values are not parsed",
        "each value becomes an object, of sixty bytes for two",
        Delete(),
        "test_what_no_request_has_is_refused_before_it_is_read",
    ),
    Guard(
        "list-leaves-empty-list",
        "A list that was scanned leaves an empty list to the strict parser",
        "invalid JSON is accepted",
        ReplaceConstant(b"0"),
        "test_damage_is_found_wherever_it_is",
    ),
)
