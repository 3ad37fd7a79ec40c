"""Guards of deadlines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, FixCondition, ReplaceArgument

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "deadline-has-timer",
        "A waiting job has a timer for its deadline",
        "the client gets 504 when the device is free, not at the deadline",
        FixCondition(True),
        "test_a_deadline_that_passes_in_the_queue_is_refused_then_and_the_job_never_runs",
    ),
    Guard(
        "deadline-timer-is-exact",
        "The timer is set to the deadline itself",
        "504 arrives later than 5 ms after the deadline",
        ReplaceArgument(0, "{} + 0.01"),
        "test_a_passed_deadline_is_reported_within_5_ms",
    ),
    Guard(
        "deadline-timer-is-cancelled",
        "The timer of a finished job is cancelled",
        "the timer keeps the tensors of the request until the deadline, perhaps for an hour",
        Delete(),
        "test_a_finished_job_leaves_no_timer",
    ),
    Guard(
        "unmeetable-deadline-is-refused",
        "A deadline that cannot be met is refused at once",
        "the device computes a result that arrives too late",
        FixCondition(False),
        "test_a_passed_or_unmeetable_deadline_is_refused_before_the_queue",
    ),
    Guard(
        "unmeetable-deadline-is-refused-before-body",
        "If the queued work alone exceeds the deadline, the request is refused before its body is read",
        "the service reads a body and then refuses the request",
        FixCondition(False),
        "test_a_deadline_that_cannot_be_met_is_refused_before_the_body",
    ),
    Guard(
        "refusal-relaxes-estimate",
        "A refusal by an idle device relaxes its throughput estimate",
        "one slow hour causes refusals for ever",
        Delete(),
        "test_an_estimate_that_is_too_low_recovers",
    ),
    Guard(
        "deadline-covers-offloaded-steps",
        "A deadline covers offloaded decoding, checking and encoding",
        "the client gets 504 only when the offloaded step has ended",
        ReplaceArgument(0, "None"),
        "test_a_deadline_that_passes_while_a_thread_works_is_reported_at_once",
    ),
    Guard(
        "abandoned-step-is-not-started",
        "An offloaded step is not started if its client has disconnected",
        "a thread does useless work, and the memory of the request stays reserved meanwhile",
        FixCondition(False),
        "test_an_abandoned_step_is_not_started",
    ),
    Guard(
        "deadline-ends-body",
        "Reading a body stops at the deadline",
        "the service reads the rest of a body and then refuses the request",
        FixCondition(True),
        "test_a_deadline_ends_the_reading_of_a_body",
    ),
)
