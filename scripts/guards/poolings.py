"""Guards of several poolings in one request: together they have the limits of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, FixCondition, ReplaceStatement, ReplaceValue

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "text-of-poolings-has-limit",
        "The text of a list of poolings has a limit",
        "parsing a long one holds the GIL",
        FixCondition(False),
        "test_each_refusal_names_its_place",
    ),
    Guard(
        "deep-poolings-are-refused",
        "A deep list of poolings is refused before it is parsed further",
        "its values are read by recursion",
        Delete(),
        "test_text_that_is_ambiguous_or_deep_is_refused",
    ),
    Guard(
        "listed-poolings-are-checked-before-body",
        "A list in the query string is checked before the body is received",
        "a gigabyte is received for a request that no body can mend",
        Delete(),
        "test_what_no_body_could_mend_is_refused",
    ),
    Guard(
        "poolings-are-planned-off-loop",
        "A body with several poolings is decoded and planned in a thread",
        "256 plans block the event loop for a hundred milliseconds",
        Delete(),
        "test_a_body_is_decoded_in_a_thread",
    ),
    Guard(
        "many-inputs-have-limit",
        "A request has a limited number of inputs",
        "a body of small tensors is planned for minutes",
        FixCondition(False),
        "test_unusable_inputs_are_refused",
    ),
    Guard(
        "input-names-are-checked-first",
        "The names of inputs are checked before their elements are read",
        "memory is allocated for a request that is refused",
        Delete(),
        "test_names_are_checked_before_elements",
    ),
    Guard(
        "tokens-have-limit",
        "JSON with several inputs has a limited number of lists and strings",
        "looking at each of a million holds the GIL for a second",
        FixCondition(False),
        "test_many_brackets_are_refused",
    ),
    Guard(
        "outputs-of-poolings-have-limit",
        "Inputs times poolings have a limited number of outputs",
        "one request makes thousands of plans",
        FixCondition(False),
        "test_the_number_of_outputs_has_a_limit",
    ),
    Guard(
        "sum-of-outputs-has-limit",
        "The outputs of all poolings have the limit of one request",
        "32 poolings take 32 times the memory that one may take",
        FixCondition(False),
        "test_sums_have_the_limits_of_one_request",
    ),
    Guard(
        "sum-of-work-has-limit",
        "The work of all poolings has the limit of one request",
        "32 poolings hold a device 32 times as long as one may",
        FixCondition(False),
        "test_sums_have_the_limits_of_one_request",
    ),
    Guard(
        "lease-has-all-poolings",
        "One lease holds the memory of all poolings before the first runs",
        "the sum of many requests exceeds the memory that the service may use",
        Delete(),
        "test_the_sum_must_fit_into_the_memory",
    ),
    Guard(
        "inline-only-for-tiny-sums",
        "Poolings run on the event loop only if they are tiny together",
        "32 poolings, each tiny, block it 32 times as long as one may",
        FixCondition(False),
        "test_many_tiny_poolings_do_not_run_on_the_event_loop",
    ),
    Guard(
        "failed-pooling-ends-others",
        "The tasks of all poolings belong to one group",
        "when the client goes, its poolings go on, and use its lease after it has ended",
        ReplaceStatement(
            "tasks += [asyncio.ensure_future(run_one(index, run)) for index, run in enumerate(prepared.plan.runs)]"
        ),
        "test_cancellation_ends_all",
    ),
    Guard(
        "intermediate-outputs-are-freed",
        "An output that is not returned is let go by the last pooling that takes it",
        "a chain holds all of its outputs until the response is sent",
        ReplaceValue("False"),
        "test_outputs_between_links_are_let_go",
    ),
)
