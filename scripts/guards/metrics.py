"""Guards of the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, ReplaceArgument, ReplaceValue

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "unknown-operators-are-other",
        "Unknown operators are counted as `other`",
        "a client can add any number of time series to Prometheus",
        Delete(),
        "test_clients_cannot_grow_the_page",
    ),
    Guard(
        "server-timing-equals-metrics",
        "Server-Timing and the metrics have the same values",
        "a search for the cause of latency starts at the wrong stage",
        ReplaceArgument(0, "{}[::-1]"),
        "test_server_timing_equals_the_metrics",
    ),
    Guard(
        "protocol-errors-are-counted",
        "Malformed HTTP requests are counted too",
        "the metrics do not show a broken proxy",
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
