"""Guards of the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, ReplaceArgument, ReplaceValue

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "unknown-operators-are-other",
        "Operators that do not exist are counted as other",
        "a client can grow the metrics page, and every Prometheus that reads it",
        Delete(),
        "test_clients_cannot_grow_the_page",
    ),
    Guard(
        "server-timing-equals-metrics",
        "Server-Timing and the metrics are one number",
        "an engineer who looks for lost time is sent to the wrong place",
        ReplaceArgument(0, "{}[::-1]"),
        "test_server_timing_equals_the_metrics",
    ),
    Guard(
        "protocol-errors-are-counted",
        "Requests that are no HTTP are counted too",
        "a broken proxy shows nowhere",
        Delete(),
        "test_malformed_requests_are_counted",
    ),
    Guard(
        "response-has-server-timing",
        "Every response has its own Server-Timing",
        "clients cannot distinguish the network from the service",
        ReplaceValue('b""'),
        "test_server_timing_equals_the_metrics",
    ),
)
