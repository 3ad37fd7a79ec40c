"""Guards for exceptions in observers, callbacks and threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import CatchNothing, Delete, DropOperand, SkipFinallyOnError

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "observer-errors-are-logged",
        "An exception of an observer is logged and has no other effect",
        "an error in the metrics makes requests fail or a device count as lost",
        CatchNothing(),
        "test_an_observer_that_always_raises_changes_nothing",
    ),
    Guard(
        "dispatch-errors-lose-device",
        "After an exception while a batch is chosen or handed over, the device counts as lost",
        "the jobs in its queue wait for ever",
        CatchNothing(),
        "test_an_error_while_a_batch_is_chosen_loses_the_device",
    ),
    Guard(
        "unstarted-batch-releases-leases",
        "If no thread can be started, the leases of the batch are released",
        "their bytes are held until the process ends",
        Delete(),
        "test_a_thread_that_cannot_be_started_loses_the_device",
    ),
    Guard(
        "completion-errors-are-answered",
        "After an exception while a batch is completed, its jobs fail",
        "their clients wait for ever",
        Delete(),
        "test_an_error_while_a_batch_is_completed_fails_only_its_jobs",
    ),
    Guard(
        "completion-errors-do-not-stop-dispatch",
        "After an exception while a batch is completed, the device gets its next batch",
        "the jobs in its queue wait until another request arrives",
        SkipFinallyOnError(),
        "test_an_error_while_a_batch_is_completed_does_not_stop_dispatch",
    ),
    Guard(
        "result-only-for-waiting-caller",
        "A result is set only on a future that is not done",
        "a result that arrives as its client disconnects fails the rest of the batch",
        DropOperand(-1),
        "test_a_result_for_a_job_cancelled_in_the_same_turn_is_dropped",
    ),
    Guard(
        "unstarted-rebuild-is-retried",
        "A rebuild that cannot be started is retried",
        "the device stays lost after a single failure to start a thread",
        Delete(),
        "test_a_rebuild_that_cannot_be_started_is_retried",
    ),
)
