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
        "the client is told when the device is free, not at its deadline",
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
        "The timer ends with its job",
        "it keeps the request's tensors until a deadline that may be an hour away",
        Delete(),
        "test_a_finished_job_leaves_no_timer",
    ),
    Guard(
        "unmeetable-deadline-is-refused",
        "A deadline that cannot be met is refused at once",
        "the device works for a client that will have given up",
        FixCondition(False),
        "test_a_passed_or_unmeetable_deadline_is_refused_before_the_queue",
    ),
    Guard(
        "unmeetable-deadline-is-refused-before-body",
        "It is refused before the body is read, where the waiting work shows it",
        "a body is read for nothing",
        FixCondition(False),
        "test_a_deadline_that_cannot_be_met_is_refused_before_the_body",
    ),
    Guard(
        "refusal-relaxes-estimate",
        "A refusal by an idle device relaxes its estimate",
        "one slow hour refuses clients for ever",
        Delete(),
        "test_an_estimate_that_is_too_low_recovers",
    ),
    Guard(
        "deadline-covers-offloaded-steps",
        "A deadline covers decoding, checking and encoding in threads",
        "the client is told when that step has ended",
        ReplaceArgument(0, "None"),
        "test_a_deadline_that_passes_while_a_thread_works_is_reported_at_once",
    ),
    Guard(
        "abandoned-step-is-not-started",
        "A step is not started when its client has gone",
        "a thread works for nobody, and its bytes are held meanwhile",
        FixCondition(False),
        "test_an_abandoned_step_is_not_started",
    ),
    Guard(
        "deadline-ends-body",
        "A deadline ends the reading of a body",
        "a body is read for nothing",
        FixCondition(True),
        "test_a_deadline_ends_the_reading_of_a_body",
    ),
)
