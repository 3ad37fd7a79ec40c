"""Guards of the scheduler: which job runs next, on which device, in which batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import (
    DelayExpression,
    Delete,
    DropFilter,
    DropOperand,
    DropTerm,
    FixCondition,
    ReplaceCallee,
    ReplaceConstant,
    Unwrap,
)

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "queues-take-turns",
        "Queues of different keys take turns",
        "a flood of jobs with one key starves all other keys",
        Delete(),
        "test_a_flood_of_one_key_costs_another_one_batch",
    ),
    Guard(
        "large-jobs-are-cut",
        "A job larger than a batch is split by planes",
        "one huge request occupies a device until it is done, and delays all others",
        Unwrap(argument=0),
        "test_a_job_too_large_for_one_batch_lets_others_pass",
    ),
    Guard(
        "batch-fits-grid",
        "A batch has no more planes than a CUDA grid axis allows",
        "a CUDA kernel is launched beyond its grid, and the launch fails",
        Delete(),
        "TestQueueMachine",
    ),
    Guard(
        "one-plane-always-runs",
        "One plane always runs, however large it is",
        "a plane larger than the batch limit waits for ever",
        ReplaceCallee("(lambda planes, least: planes if planes >= least else 1 // 0)", call=1),
        "TestQueueMachine",
    ),
    Guard(
        "jobs-join-whole",
        "A job joins a batch only whole",
        "a batch exceeds its limit, or a job is split without need",
        Delete(),
        "test_a_job_that_does_not_fit_beside_others_waits_whole",
    ),
    Guard(
        "dropped-job-leaves-queue",
        "An abandoned job is removed from its queue at once",
        "the device works for a client that has disconnected, and memory is held until the job's turn",
        FixCondition(False),
        "test_a_removed_job_is_forgotten_at_once",
    ),
    Guard(
        "retries-take-turns",
        "Retries and queues take turns",
        "a batch full of failing requests delays the others",
        FixCondition(True),
        "test_a_batch_of_failing_jobs_does_not_delay_others",
    ),
    Guard(
        "retry-skips-abandoned",
        "A retry leaves out abandoned jobs",
        "the device repeats work whose result is not needed",
        Unwrap(),
        "test_a_cancelled_job_of_a_failed_batch_is_not_retried",
    ),
    Guard(
        "next-batch-is-ready",
        "The next batch is handed over before the device is done",
        "the device idles between two batches",
        ReplaceConstant(1),
        "test_the_next_batch_is_handed_over_before_the_device_is_done",
    ),
    Guard(
        "two-batches-in-flight",
        "At most two batches are handed over to a device",
        "jobs leave the queue too early: they can no longer be removed, or batched with later jobs",
        ReplaceConstant(3),
        "test_the_next_batch_is_handed_over_before_the_device_is_done",
    ),
    Guard(
        "idle-device-starts-at-once",
        "An idle device starts a job at once",
        "a single job waits for others to join its batch",
        DelayExpression(0.01),
        "test_an_idle_device_starts_at_once",
    ),
    Guard(
        "inline-only-when-idle-or-behind-long-work",
        "A submitted job runs inline only if its device is idle or busy for long",
        "tiny jobs overtake waiting jobs, and are not batched with them, which would cost less",
        DropOperand(-1),
        "test_only_tiny_jobs_run_inline_on_an_idle_device_or_beside_long_work",
    ),
    Guard(
        "tiny-job-passes-long-batch",
        "A tiny job does not wait for a long batch",
        "one large plane delays all small requests for seconds",
        DropOperand(-1),
        "test_a_tiny_job_does_not_wait_for_a_long_batch",
    ),
    Guard(
        "batch-is-cut-by-steps",
        "A batch is limited in steps too",
        "a few small but expensive planes occupy the device for seconds",
        Delete(),
        "TestQueueMachine",
    ),
    Guard(
        "device-threads-yield",
        "Device threads have a lower priority than the event loop",
        "when they occupy all cores, every probe waits for a core",
        Delete(),
        "test_device_threads_have_a_lower_priority",
    ),
    Guard(
        "offload-threads-yield",
        "Offload threads have a lower priority than the event loop",
        "when they occupy all cores, every probe waits for a core",
        Delete(),
        "test_offload_threads_have_a_lower_priority",
    ),
    Guard(
        "inline-only-before-idle-device",
        "`run_inline` uses only a device that is idle or busy for long",
        "tiny jobs overtake waiting jobs, and run on lost devices",
        FixCondition(True),
        "test_no_job_runs_inline_for_a_busy_or_lost_device",
    ),
    Guard(
        "inline-only-for-tiny-jobs",
        "Only tiny jobs run inline",
        "one job blocks the event loop and every request on it",
        DropOperand(0),
        "test_only_tiny_jobs_run_inline",
    ),
    Guard(
        "only-ready-devices",
        "Work is sent only to a device that is ready",
        "jobs wait for a lost device",
        DropFilter(),
        "test_the_chosen_device_is_ready_and_none_is_free_sooner",
    ),
    Guard(
        "new-batch-costs-time",
        "A job prefers a device where jobs of its key wait",
        "every device runs every key, in batches of one job",
        DropTerm(1),
        "test_the_chosen_device_is_ready_and_none_is_free_sooner",
    ),
    Guard(
        "tiny-batches-leave-estimate",
        "Tiny batches do not change the throughput estimate for large ones",
        "an idle service refuses a large job that has a deadline",
        FixCondition(False),
        "test_tiny_batches_do_not_change_the_estimate_for_large_ones",
    ),
    Guard(
        "receive-per-turn-has-limit",
        "The bytes received per iteration of the event loop are limited",
        "thirty clients that send megabytes at the same time delay all probes",
        FixCondition(False),
        "test_an_iteration_receives_its_budget_and_one_read_per_connection",
    ),
    Guard(
        "outbox-is-sent-at-turn-end",
        "Pending responses are sent at the end of the event loop's iteration",
        "a client waits for its response until another request arrives",
        Delete(),
        "test_every_response_is_sent_once_in_order_within_its_iteration",
    ),
)
