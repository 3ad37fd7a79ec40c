"""A loop that must not be compiled; only the test of that imports it."""

from __future__ import annotations

from poolhouse.kernels.registry import Flat, loop


@loop("int64(int64*)")
def failing(x: Flat) -> int:
    """Raises where there is a 0."""
    if x[0] == 0:
        raise ValueError
    return 1
