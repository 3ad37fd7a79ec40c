"""Windows that lie wholly in the padding: pooling leaves them out, and afterwards they are put in as zeros.

No reduction has to handle a window without an element then, and a request without such windows costs nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import Kernel
from poolhouse.operators.costs import STEPS_PER_CALL, Cost, elementwise_cost
from poolhouse.operators.unsigned import as_bits
from poolhouse.operators.windows import Positions

_STEPS_PER_PLACED_BYTE: Final = 0.2
"""Steps for moving a byte of a pooled window to its place."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the pooled windows of one axis are among all of its windows.

    Attributes:
        axis: its number among the spatial axes.
        outputs: all windows of the axis.
        pooled: (O,) the windows with an element, ascending.
    """

    axis: int
    outputs: int
    pooled: Positions

    @property
    def index(self) -> slice | Positions:
        """The pooled windows as an index: a slice, unless dilation steps over the axis between them."""
        first, end = int(self.pooled[0]), int(self.pooled[-1]) + 1
        return slice(first, end) if end - first == len(self.pooled) else self.pooled


def place_tensor(found: torch.Tensor, places: Sequence[Places]) -> torch.Tensor:
    """All windows of a ``(P, *pooled, …)`` tensor with the pooled ones; the others are 0."""
    for each in places:
        dim = 1 + each.axis
        whole = found.new_zeros((*found.shape[:dim], each.outputs, *found.shape[dim + 1 :]))
        index = each.index
        if isinstance(index, slice):
            whole.narrow(dim, index.start, index.stop - index.start).copy_(found)
        else:
            # Torch copies by index no unsigned integers of more than 8 bits.
            as_bits(whole).index_copy_(dim, torch.from_numpy(index).to(found.device), as_bits(found))
        found = whole
    return found


class PlacingKernel:
    """A kernel of the windows that have an element; this one gives all windows, the others as 0.

    Args:
        kernel: of ``(P, *spatial, …)``.
        places: of the axes that have windows without an element.
    """

    def __init__(self, kernel: Kernel, places: Sequence[Places]) -> None:
        self._kernel = kernel
        self._places = places

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        return tuple(self._place(found) for found in self._kernel(planes, threads))

    def _place(self, found: Array) -> Array:
        for each in self._places:
            dim = 1 + each.axis
            whole = np.zeros((*found.shape[:dim], each.outputs, *found.shape[dim + 1 :]), found.dtype)
            whole[(slice(None),) * dim + (each.index,)] = found
            found = whole
        return found


def placing_cost(cost: Cost | None, axes: int, pooled_bytes: int, output_bytes: int) -> Cost:
    """Cost of pooling and of placing the results.

    Args:
        cost: of pooling; None if no window has an element.
        axes: the number of axes that have windows without an element.
        pooled_bytes: of the pooled windows of a plane.
        output_bytes: of all its windows.
    """
    # New memory is zero already, or is filled at memory bandwidth.
    filled = elementwise_cost(output_bytes, 1)
    if cost is None:
        return Cost(filled.plane_steps, STEPS_PER_CALL, 0.0)
    moved = axes * (filled.plane_steps / 2 + _STEPS_PER_PLACED_BYTE * pooled_bytes)
    return Cost(
        cost.plane_steps + moved,
        cost.call_steps + 4 * axes * STEPS_PER_CALL,
        # The outputs before and after an axis; the last is the output itself.
        cost.plane_bytes + pooled_bytes + (output_bytes if axes > 1 else 0),
        cost.call_bytes,
    )
