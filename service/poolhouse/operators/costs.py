"""Cost model of pooling: steps and bytes, from the elements that an algorithm reads and the tensors that it allocates.

A step is about a nanosecond of one core. The figures are measurements of ordinary torch kernels on an ordinary server.
``tests/operators/test_costs.py`` measures every operator against them, because limits, scheduling and the decision to
run inline rely on the steps, whatever the fields of a request are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from poolhouse.dtypes import ElementType

STEPS_PER_BYTE: Final = 0.1
"""Steps for each byte that a kernel writes, with the reads that belong to it, at memory bandwidth."""
STEPS_PER_COMPARISON: Final = 0.8
"""Steps for comparing two elements and storing the result."""
STRIDED_EXTRA_STEPS: Final = 0.4
"""Additional steps for an element that is not adjacent to the previous one."""
GATHER_EXTRA_STEPS: Final = 0.8
"""Additional steps for an element that is read by index."""
SCATTER_EXTRA_STEPS: Final = 2.0
"""Additional steps for an element that is written by index."""
STEPS_PER_RUN: Final = 5.0
"""Steps for each run of adjacent elements, whatever its length."""
STEPS_PER_CALL: Final = 1_500.0
"""Steps for one call of torch or numpy, whatever its size."""
_FRESH_BYTES: Final = 32 * 2**20
"""From this size on the C library returns a tensor's memory to the operating system, so every new one page-faults."""
_FRESH_BYTE_STEPS: Final = 0.4
"""Additional steps for each byte of such a tensor."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of an algorithm for planes of one shape and element type.

    Attributes:
        plane_steps: steps for each plane.
        call_steps: steps for a call, whatever its number of planes.
        plane_bytes: workspace for each plane, in addition to its input and outputs.
        call_bytes: memory that all planes of a call share, such as window positions.
    """

    plane_steps: float
    call_steps: float
    plane_bytes: float
    call_bytes: float = 0.0

    def then(self, other: Cost) -> Cost:
        """The cost of this and then the other; the workspace of this is free before the other starts."""
        return Cost(
            self.plane_steps + other.plane_steps,
            self.call_steps + other.call_steps,
            max(self.plane_bytes, other.plane_bytes),
            max(self.call_bytes, other.call_bytes),
        )

    def with_held_bytes(self, nbytes: float) -> Cost:
        """This cost while this many more bytes of each plane are held."""
        return replace(self, plane_bytes=self.plane_bytes + nbytes)


def byte_steps(nbytes: float) -> float:
    """Steps for each written byte of a tensor of this size."""
    return STEPS_PER_BYTE if nbytes < _FRESH_BYTES else STEPS_PER_BYTE + _FRESH_BYTE_STEPS


def window_position_steps(outputs: int) -> float:
    """Steps for computing the positions of this many windows along an axis, which takes ten int64 arrays."""
    return outputs * (6.0 + 80 * (byte_steps(8 * outputs) - STEPS_PER_BYTE))


def torch_kernel_cost(outputs: int, each: float, plane_bytes: float) -> Cost:
    """Cost of a torch kernel that handles one window after another.

    Args:
        outputs: windows of a plane.
        each: steps for one window.
        plane_bytes: workspace of a plane.
    """
    steps = outputs * (each + 8 * (byte_steps(8 * outputs) - STEPS_PER_BYTE))
    return Cost(steps + _STEPS_PER_PLANE, 3 * STEPS_PER_CALL, plane_bytes)


_STEPS_PER_PLANE: Final = 10.0
"""Steps for one plane, whatever its size."""


def elementwise_cost(elements: int, itemsize: int, steps: float = 0.0) -> Cost:
    """Cost of an elementwise operation, such as a conversion, multiplication or division.

    Args:
        elements: number of elements.
        itemsize: bytes of a written element.
        steps: arithmetic steps for each element, in addition to the memory traffic.
    """
    nbytes = elements * itemsize
    return Cost(nbytes * byte_steps(nbytes) + elements * steps, STEPS_PER_CALL, nbytes)


def widening_cost(elements: int, dtype: ElementType, wide: str) -> Cost:
    """Cost of converting to an element type of eight bytes; no steps for each element if it is that type already."""
    return Cost(0.0, STEPS_PER_CALL, 0.0) if dtype.name == wide else elementwise_cost(elements, 8)


STEPS_PER_DIVISION: Final = 4.0
"""Steps for dividing an integer by a common divisor; divisors that differ take twice as many."""


def quotient_cost(outputs: int) -> Cost:
    """Cost of dividing sums of int64 exactly; see ``quotients``."""
    return Cost(outputs * 15.0, 25 * STEPS_PER_CALL, outputs * 64)
