"""Guards of traces, whose responses are many times as large as their requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, DropTerm, ReplaceStatement

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "trace-has-limits",
        "A trace is for small requests, which their plan tells",
        "a request of a kilobyte lists billions of positions",
        Delete(),
        "test_a_large_trace_is_refused",
    ),
    Guard(
        "traced-positions-are-counted",
        "The positions of regions are counted while they are traced",
        "spans that repeat list many times their tokens",
        Delete(),
        "test_a_span_that_repeats_is_refused_while_it_is_traced",
    ),
    Guard(
        "trace-is-reserved",
        "The memory of a trace is reserved before it is made",
        "many traces at once exhaust the memory",
        DropTerm(1),
        "test_a_trace_needs_memory",
    ),
    Guard(
        "trace-is-made-off-loop",
        "A trace is made in a thread",
        "a large one blocks the event loop for half a second",
        ReplaceStatement("text = describe()"),
        "test_a_trace_is_made_in_a_thread",
    ),
)
