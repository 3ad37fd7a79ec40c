"""Guards of draining and shutdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import CatchNothing, Delete, DropOperand, FixCondition, ReplaceStatement

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "draining-refuses",
        "A draining service refuses new requests",
        "the draining never ends",
        FixCondition(False),
        "test_stop_without_jobs_returns_at_once",
    ),
    Guard(
        "draining-refuses-inline",
        "A draining service runs nothing inline",
        "tiny requests are admitted while the service drains",
        DropOperand(1),
        "test_nothing_runs_inline_while_draining",
    ),
    Guard(
        "grace-end-is-answered",
        "Requests that outlast the grace period are answered",
        "their clients see a broken connection",
        Delete(),
        "test_a_hung_job_is_refused_when_the_grace_period_ends",
    ),
    Guard(
        "drain-waits-for-threads",
        "Draining waits for threads that run abandoned jobs",
        "the process exits while a thread computes, and may crash",
        DropOperand(-1),
        "test_stop_waits_for_threads_that_run_abandoned_jobs",
    ),
    Guard(
        "stopped-service-rebuilds-nothing",
        "A stopped service rebuilds no device",
        "threads are started while the process ends",
        Delete(),
        "test_a_stopped_engine_rebuilds_no_device",
    ),
    Guard(
        "closed-loop-ends-thread",
        "A thread that outlives the event loop ends quietly",
        "a traceback is printed at the exit of the process, or the thread starts other batches",
        CatchNothing(),
        "test_a_thread_that_outlives_the_event_loop_ends_quietly",
    ),
    Guard(
        "first-signal-drains",
        "The first signal to stop starts the draining",
        "admitted requests are aborted",
        ReplaceStatement("self.should_exit = self.force_exit = True"),
        "test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones",
    ),
    Guard(
        "listener-stays-for-requests",
        "The listener stays open while admitted requests run",
        "new connections are reset and get no response",
        DropOperand(-1),
        "test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones",
    ),
    Guard(
        "grace-period-ends-drain",
        "The grace period ends the draining",
        "the platform kills the process, and clients see a reset",
        Delete(),
        "test_unfinished_requests_are_refused_when_the_grace_period_ends",
    ),
    Guard(
        "refused-connection-lingers",
        "A connection whose request was refused lingers before it is closed",
        "unread bytes reset it, and the refusal is lost with them",
        FixCondition(False),
        "test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones",
    ),
    Guard(
        "draining-closes-connections",
        "Responses say that the connection will close",
        "the next request on it meets a closed connection",
        DropOperand(-1),
        "test_the_listener_stays_open_during_the_drain_delay",
    ),
)
