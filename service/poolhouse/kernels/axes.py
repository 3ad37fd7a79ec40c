"""The windows of one axis, encoded for the compiled loops.

Window ``o`` has the elements ``first[o] + j * dilation`` for ``j < count[o]``. :class:`Axis` checks that all of them
are on the axis, so a loop that uses these numbers cannot read outside a plane.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.registry import Flat, helper

Positions = npt.NDArray[np.int64]

IDENTITY: Final = 0
"""Window i consists of element i: nothing to reduce along this axis."""
DIRECT: Final = 1
"""Every element of every window is read."""
TABLE: Final = 2
"""Windows are combined from runs of 1, 2, 4, … elements."""

DILATION, LOW, HIGH, STRIDE, LONGEST, ALGORITHM, LENGTH, OUTPUTS, FIRST = range(9)
"""Indices into :attr:`Axis.encoded`."""


class Axis:
    """The windows of one axis.

    Args:
        length: elements along the axis.
        first: (O,) the first element of each window.
        count: (O,) number of elements of each window, at least 1.
        dilation: the distance between two elements of one window.

    Attributes:
        encoded: int64, for the loops: the dilation; LOW and HIGH, between which windows have LONGEST elements each and
            are STRIDE apart; the algorithm; the length; the number of windows; from FIRST on the first element of each
            window, followed by the count of each.
    """

    def __init__(self, length: int, first: Positions, count: Positions, dilation: int) -> None:
        last = first + (count - 1) * dilation
        if len(first) and (first.min() < 0 or count.min() < 1 or dilation < 1 or last.max() >= length):
            raise ValueError(f"a window is outside an axis of length {length}")
        self.length = length
        self.outputs = len(first)
        self.first = first
        self.count = count
        self.dilation = dilation
        self.longest = int(count.max(initial=1))
        low, high, stride = _regular_run(self.first, self.count, self.longest)
        same = self.longest == 1 and self.outputs == length and bool((first == np.arange(length)).all())
        table_reads = (length + 2 * self.outputs) * max(self.longest - 1, 1).bit_length()
        uses_table = self.longest > _MAX_DIRECT_ELEMENTS and table_reads < int(self.count.sum())
        self.algorithm = IDENTITY if same else TABLE if uses_table else DIRECT
        self.stride = stride
        self.has_regular_run = high > low
        shape = [dilation, low, high, stride, self.longest, self.algorithm, length, self.outputs]
        self.encoded = np.concatenate((shape, first, count)).astype(np.int64)

    @classmethod
    def identity(cls, length: int) -> Axis:
        """An axis that is not reduced."""
        return cls(length, np.arange(length, dtype=np.int64), np.ones(length, np.int64), 1)

    @property
    def is_identity(self) -> bool:
        """Whether there is nothing to reduce along this axis."""
        return self.algorithm == IDENTITY

    @property
    def element_reads(self) -> int:
        """Elements that the algorithm reads along the axis."""
        if self.algorithm == TABLE:
            return (self.length + 2 * self.outputs) * max(self.longest - 1, 1).bit_length()
        return int(self.count.sum())


MAX_REGULAR_STRIDE: Final = 64
"""Windows with a larger stride are reduced one by one."""
_MAX_DIRECT_ELEMENTS: Final = 6
"""Up to this many elements per window, reading each is faster than combining runs."""


def _regular_run(first: Positions, count: Positions, longest: int) -> tuple[int, int, int]:
    """The longest sequence of complete windows at equal distances: low, high, stride."""
    whole = count == longest
    if len(first) < 2:
        return 0, len(first), 1
    apart = np.diff(first)
    both_whole = whole[1:] & whole[:-1]
    breaks = np.flatnonzero(~both_whole | np.concatenate(([True], apart[1:] != apart[:-1])))
    ends = np.append(breaks[1:], len(apart))
    # The length of each sequence, in distances; 0 where windows are incomplete or do not ascend.
    runs = np.where(both_whole[breaks] & (apart[breaks] > 0), ends - breaks, 0)
    best = int(runs.argmax()) if len(runs) else 0
    if not len(runs) or runs[best] == 0:
        return 0, 0, 1
    low = int(breaks[best])
    return low, low + int(runs[best]) + 1, int(apart[low])


@helper
def begin_of(axis: Flat, at: int, low: int, high: int) -> int:
    """The first element of the windows from low to high; the encoded axis begins at ``at``."""
    begin: int = axis[at + FIRST + low]
    for o in range(low, high):
        if axis[at + FIRST + o] < begin:
            begin = axis[at + FIRST + o]
    return begin


@helper
def end_of(axis: Flat, at: int, low: int, high: int) -> int:
    """The end of the last element of the windows from low to high."""
    end = 0
    counts = at + FIRST + axis[at + OUTPUTS]
    for o in range(low, high):
        last = axis[at + FIRST + o] + (axis[counts + o] - 1) * axis[at + DILATION]
        if last >= end:
            end = last + 1
    return end
