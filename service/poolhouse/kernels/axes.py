"""Where the windows of one axis lie, as the compiled loops read it.

Window ``o`` has the elements ``first[o] + j * step`` for ``j < count[o]``. :class:`Axis` checks that all lie on the
axis, so no loop that follows these numbers can read outside of a plane.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.kernels.registry import Flat, helper

Positions = npt.NDArray[np.int64]

IDENTITY: Final = 0
"""Every window is the one element of its place: nothing to do along this axis."""
DIRECT: Final = 1
"""Every element of every window is looked at."""
TABLE: Final = 2
"""Windows are put together from stretches of 1, 2, 4, … elements."""

DILATION, LOW, HIGH, STRIDE, LONGEST, ALGORITHM, LENGTH, OUTPUTS, FIRST = range(9)
"""The places in :attr:`Axis.encoded`."""


class Axis:
    """The windows of one axis.

    Args:
        length: elements along the axis.
        first: (O,) the first element of each window.
        count: (O,) how many elements each window has, at least 1.
        step: the distance between two elements of one window.

    Attributes:
        numbers: int64, for the loops: the step; LOW and HIGH, between which windows have LONGEST elements each and are
            STRIDE apart; the way; the length; how many windows; from FIRST on the first element of each window, and
            after these how many each has.
    """

    def __init__(self, length: int, first: Positions, count: Positions, dilation: int) -> None:
        last = first + (count - 1) * dilation
        if len(first) and (first.min() < 0 or count.min() < 1 or dilation < 1 or last.max() >= length):
            raise ValueError(f"a window lies outside of an axis of {length}")
        self.length = length
        self.outputs = len(first)
        self.first = first
        self.count = count
        self.dilation = dilation
        self.longest = int(count.max(initial=1))
        low, high, stride = _regular_run(self.first, self.count, self.longest)
        same = self.longest == 1 and self.outputs == length and bool((first == np.arange(length)).all())
        looks = int(self.count.sum())
        in_stretches = (length + 2 * self.outputs) * max(self.longest - 1, 1).bit_length()
        way = IDENTITY if same else TABLE if self.longest > _MAX_DIRECT_ELEMENTS and in_stretches < looks else DIRECT
        self.stride = stride
        self.algorithm = way
        self.has_regular_run = high > low
        shape = [dilation, low, high, stride, self.longest, way, length, self.outputs]
        self.encoded = np.concatenate((shape, first, count)).astype(np.int64)

    @classmethod
    def identity(cls, length: int) -> Axis:
        """An axis that is not pooled along."""
        return cls(length, np.arange(length, dtype=np.int64), np.ones(length, np.int64), 1)

    @property
    def is_identity(self) -> bool:
        """Whether there is nothing to do along this axis."""
        return self.algorithm == IDENTITY

    @property
    def element_reads(self) -> int:
        """Elements that a pass along the axis looks at."""
        if self.algorithm == TABLE:
            return (self.length + 2 * self.outputs) * max(self.longest - 1, 1).bit_length()
        return int(self.count.sum())


MAX_REGULAR_STRIDE: Final = 64
"""Windows that are further apart are looked at one by one."""
_MAX_DIRECT_ELEMENTS: Final = 6
"""Up to this many elements, looking at each is faster than putting stretches together."""


def _regular_run(first: Positions, count: Positions, longest: int) -> tuple[int, int, int]:
    """The longest run of windows that have all their elements and are equally far apart: low, high, stride."""
    whole = count == longest
    if len(first) < 2:
        return 0, len(first), 1
    apart = np.diff(first)
    # Each number is how many windows in a row go on as they began.
    goes_on = whole[1:] & whole[:-1]
    breaks = np.flatnonzero(~goes_on | np.concatenate(([True], apart[1:] != apart[:-1])))
    ends = np.append(breaks[1:], len(apart))
    runs = np.where(goes_on[breaks] & (apart[breaks] > 0), ends - breaks, 0)
    best = int(runs.argmax()) if len(runs) else 0
    if not len(runs) or runs[best] == 0:
        return 0, 0, 1
    low = int(breaks[best])
    return low, low + int(runs[best]) + 1, int(apart[low])


@helper
def begin_of(axis: Flat, at: int, low: int, high: int) -> int:
    """The first element that the windows from low to high look at; the axis' numbers begin at ``at``."""
    begin: int = axis[at + FIRST + low]
    for o in range(low, high):
        if axis[at + FIRST + o] < begin:
            begin = axis[at + FIRST + o]
    return begin


@helper
def end_of(axis: Flat, at: int, low: int, high: int) -> int:
    """The end of the last element that the windows from low to high look at."""
    end = 0
    counts = at + FIRST + axis[at + OUTPUTS]
    for o in range(low, high):
        last = axis[at + FIRST + o] + (axis[counts + o] - 1) * axis[at + DILATION]
        if last >= end:
            end = last + 1
    return end
