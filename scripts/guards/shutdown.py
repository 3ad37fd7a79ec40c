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
        "the drain never ends",
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
        "Requests unfinished at the end of the grace period are refused",
        "their connections are closed without a response",
        Delete(),
        "test_a_hung_job_is_refused_when_the_grace_period_ends",
    ),
    Guard(
        "drain-waits-for-threads",
        "The drain waits for threads that run abandoned jobs",
        "the process exits while a thread computes, and may crash",
        DropOperand(-1),
        "test_stop_waits_for_threads_that_run_abandoned_jobs",
    ),
    Guard(
        "stopped-service-rebuilds-nothing",
        "A stopped service rebuilds no device",
        "threads are started while the process exits",
        Delete(),
        "test_a_stopped_engine_rebuilds_no_device",
    ),
    Guard(
        "closed-loop-ends-thread",
        "A thread that outlives the event loop ends quietly",
        "the thread prints a traceback when the process exits, or starts further batches",
        CatchNothing(),
        "test_a_thread_that_outlives_the_event_loop_ends_quietly",
    ),
    Guard(
        "first-signal-drains",
        "The first SIGTERM or SIGINT starts the drain",
        "admitted requests are aborted",
        ReplaceStatement("self.should_exit = self.force_exit = True"),
        "test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones",
    ),
    Guard(
        "listener-stays-for-requests",
        "The listener stays open while admitted requests run",
        "new connections are reset instead of getting a refusal",
        DropOperand(-1),
        "test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones",
    ),
    Guard(
        "grace-period-ends-drain",
        "The drain ends with the grace period",
        "the platform kills the process, and its connections are reset",
        Delete(),
        "test_unfinished_requests_are_refused_when_the_grace_period_ends",
    ),
    Guard(
        "refused-connection-lingers",
        "A connection lingers after a refusal before it is closed",
        "unread bytes of the request reset the connection, and the client does not get the refusal",
        FixCondition(False),
        "test_a_draining_service_finishes_admitted_requests_and_refuses_new_ones",
    ),
    Guard(
        "draining-closes-connections",
        "While the service drains, responses have `Connection: close`",
        "the client sends its next request on a connection that is being closed",
        DropOperand(-1),
        "test_the_listener_stays_open_during_the_drain_delay",
    ),
)
