"""A loop that must not be compiled. Only the test of the refusal imports it."""

from __future__ import annotations

from poolhouse.kernels.registry import Flat, loop


@loop("int64(int64*)")
def failing(x: Flat) -> int:
    """Raise for a 0."""
    if x[0] == 0:
        raise ValueError
    return 1
