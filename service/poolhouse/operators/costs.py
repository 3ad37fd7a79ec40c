"""What pooling costs: steps and bytes, by the elements that an algorithm passes over and the tensors it makes.

A step is about a nanosecond of one core. The figures are those of ordinary torch kernels on an ordinary server, and
``tests/operators/test_costs.py`` holds every operator to them: what a request is charged, refused for and run inline
by must be what it takes, whatever its fields.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from poolhouse.dtypes import ElementType

STEPS_PER_BYTE: Final = 0.1
"""Steps for a byte that a kernel writes: with what it reads for it, at the speed of the memory."""
STEPS_PER_COMPARISON: Final = 0.8
"""Steps for comparing two elements where the answer is kept."""
STRIDED_EXTRA_STEPS: Final = 0.4
"""What an element costs more that does not lie beside the one before."""
GATHER_EXTRA_STEPS: Final = 0.8
"""What an element costs more that is picked by an index."""
SCATTER_EXTRA_STEPS: Final = 2.0
"""What an element costs more that is put to where an index says."""
STEPS_PER_RUN: Final = 5.0
"""Steps for each run of elements that lie side by side, however few they are."""
STEPS_PER_CALL: Final = 1_500.0
"""Steps for a call of torch or numpy, however small."""
_FRESH_BYTES: Final = 32 * 2**20
"""From here on a tensor's memory comes from the kernel page by page, each time anew."""
_FRESH_BYTE_STEPS: Final = 0.4
"""What a byte costs more in such a tensor."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a spec costs for planes of one shape and type.

    Attributes:
        plane_steps: for each plane.
        call_steps: once for all planes that are pooled together.
        plane_bytes: of intermediate results, for each plane, beside its input and its outputs.
        call_bytes: of what all planes share, such as the places of windows.
    """

    plane_steps: float
    call_steps: float
    plane_bytes: float
    call_bytes: float = 0.0

    def then(self, other: Cost) -> Cost:
        """This, and afterwards something else that needs the memory for itself."""
        return Cost(
            self.plane_steps + other.plane_steps,
            self.call_steps + other.call_steps,
            max(self.plane_bytes, other.plane_bytes),
            max(self.call_bytes, other.call_bytes),
        )

    def with_held_bytes(self, nbytes: float) -> Cost:
        """This, while so many bytes more of each plane are held."""
        return replace(self, plane_bytes=self.plane_bytes + nbytes)


def byte_steps(nbytes: float) -> float:
    """Steps for each byte of a tensor of so many that is written."""
    return STEPS_PER_BYTE if nbytes < _FRESH_BYTES else STEPS_PER_BYTE + _FRESH_BYTE_STEPS


def window_position_steps(outputs: int) -> float:
    """Steps for saying where each of so many windows of an axis lies: ten arrays of int64."""
    return outputs * (6.0 + 80 * (byte_steps(8 * outputs) - STEPS_PER_BYTE))


def torch_kernel_cost(outputs: int, each: float, plane_bytes: float) -> Cost:
    """A kernel of torch that works a window at a time.

    Args:
        outputs: windows of a plane.
        each: steps for one of them.
        plane_bytes: what it takes beside input and outputs.
    """
    steps = outputs * (each + 8 * (byte_steps(8 * outputs) - STEPS_PER_BYTE))
    return Cost(steps + _STEPS_PER_PLANE, 3 * STEPS_PER_CALL, plane_bytes)


_STEPS_PER_PLANE: Final = 10.0
"""Steps for a plane, however small."""


def elementwise_cost(elements: int, itemsize: int, steps: float = 0.0) -> Cost:
    """A pass over elements that writes as many: converting, multiplying, dividing.

    Args:
        elements: how many.
        itemsize: bytes of one that is written.
        steps: for each, beside the memory.
    """
    nbytes = elements * itemsize
    return Cost(nbytes * byte_steps(nbytes) + elements * steps, STEPS_PER_CALL, nbytes)


def widening_cost(elements: int, dtype: ElementType, wide: str) -> Cost:
    """Converting to an element type of eight bytes; nothing where it is that type."""
    return Cost(0.0, STEPS_PER_CALL, 0.0) if dtype.name == wide else elementwise_cost(elements, 8)


STEPS_PER_DIVISION: Final = 4.0
"""Steps for dividing a whole number by one that is the same for all; twice as many where it differs."""


def quotient_cost(outputs: int) -> Cost:
    """Dividing sums of int64 exactly: see ``quotients``."""
    return Cost(outputs * 15.0, 25 * STEPS_PER_CALL, outputs * 64)
