"""Window geometry along one axis: number, positions and bounds of windows.

A pooling window is a product of intervals, one for each axis, so the geometry is defined for one axis at a time.
Python's integers do not overflow, so the results are correct for every size that a request can have.
The rules are torch's (operators.md §1.2 and §1.8 say how each was checked).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows of one axis, clipped to the input.

    Window ``o`` has the positions ``first[o] + j * dilation`` for ``j < count[o]``, all within the axis.

    Attributes:
        first: (O,) position of each window's first element.
        count: (O,) elements of each window, at least 1.
        dilation: distance between two elements of one window.
        extent: (O,) elements of the window within input and padding, clipped ones included.
    """

    first: Positions
    count: Positions
    dilation: int
    extent: Positions

    @property
    def outputs(self) -> int:
        """Number of windows."""
        return len(self.first)


@dataclass(frozen=True, slots=True)
class AxisSummary:
    """The windows of one axis, summarised in integers without arrays.

    Attributes:
        length: positions along the axis.
        outputs: number of windows.
        longest: elements of the longest window inside the input.
        element_reads: upper bound of the elements of all windows together.
        irregular: number of windows whose number of elements or distance differs from that of the others.
        stride: distance of the regular windows.
        dilation: distance between two elements of a window.
    """

    length: int
    outputs: int
    longest: int
    element_reads: int
    irregular: int = 0
    stride: int = 1
    dilation: int = 1

    @property
    def is_uniform(self) -> bool:
        """Whether all windows have the same number of elements and the same distance."""
        return self.irregular == 0

    @property
    def is_identity(self) -> bool:
        """Whether window i consists of element i."""
        return self.is_uniform and self.longest == 1 and self.outputs == self.length


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """A window of ``kernel_size`` elements that moves by ``stride``: torch's max, average and lp pooling."""

    kernel_size: int
    stride: int
    padding: int = 0
    dilation: int = 1
    ceil_mode: bool = False

    @property
    def span(self) -> int:
        """Positions from a window's first element to its last, both included."""
        return self.dilation * (self.kernel_size - 1) + 1

    def outputs(self, length: int) -> int:
        """Number of windows over ``length`` positions; 0 or less if none fits.

        Shape: ``floor((L + 2p - d(k-1) - 1) / s) + 1``; with ceil_mode, ceil instead of floor, minus one if the last
        window would start after the last element of the input.
        """
        slack = length + 2 * self.padding - self.span
        if not self.ceil_mode:
            return slack // self.stride + 1
        count = -(-slack // self.stride) + 1
        if (count - 1) * self.stride >= length + self.padding:
            count -= 1
        return count

    def has_empty_window(self, length: int) -> bool:
        """Whether some window has all its elements in the padding. Possible only with dilation.

        The first non-negative position of a window that starts at ``t < 0`` is ``t mod dilation``; no window starts
        beyond the input (see :meth:`outputs`). With dilation ≤ length that position is always inside, so the loop below
        runs only for a dilation larger than the input, with few windows.
        """
        if self.dilation <= length:
            return False
        starts = range(-self.padding, 0, self.stride)[: self.outputs(length)]
        return any(start % self.dilation >= length for start in starts)

    def windows(self, length: int) -> Windows:
        """The clipped windows. The caller must have checked that :meth:`outputs` is within its limits."""
        make = _cached_sliding_windows if self.outputs(length) <= _MAX_CACHED_OUTPUTS else _sliding_windows
        return make(self, length)

    def summarize(self, length: int) -> AxisSummary:
        """A summary of these windows over ``length`` positions."""
        outputs = self.outputs(length)
        longest = min(self.kernel_size, -(-length // self.dilation))
        last = (outputs - 1) * self.stride - self.padding
        # Windows that begin before the input or end after it are irregular, unless every window covers all of it.
        before, behind = -(-self.padding // self.stride), -(-(last + self.span - length) // self.stride)
        whole = self.dilation == 1 and last <= 0 and length + self.padding <= self.kernel_size
        irregular = 0 if outputs == 1 or whole else min(before + max(behind, 0), outputs)
        stride = 1 if outputs == 1 else self.stride
        return AxisSummary(length, outputs, longest, outputs * longest, irregular, stride, self.dilation)


_MAX_CACHED_OUTPUTS: Final = 1024
"""Windows of longer axes are not cached: computing them takes little time compared with pooling."""
_CACHE_SIZE: Final = 128
"""Cached axes of each kind, three megabytes at most. Clients choose the sizes, so the cache must be bounded."""


def _sliding_windows(axis: SlidingWindow, length: int) -> Windows:
    start = np.arange(axis.outputs(length), dtype=np.int64) * axis.stride - axis.padding
    skipped = np.maximum(0, -(start // axis.dilation))
    last = np.minimum(axis.kernel_size - 1, (length - 1 - start) // axis.dilation)
    within = np.minimum(start + axis.span, length + axis.padding) - start
    # Only averages use the extent, and averages have no dilation.
    return Windows(start + skipped * axis.dilation, last - skipped + 1, axis.dilation, within)


def adaptive_windows(length: int, outputs: int) -> Windows:
    """Window i of O over L positions: ``[floor(i·L/O), ceil((i+1)·L/O))``. O may be larger than L, or 0."""
    make = _cached_adaptive_windows if outputs <= _MAX_CACHED_OUTPUTS else _adaptive_windows
    return make(length, outputs)


def _adaptive_windows(length: int, outputs: int) -> Windows:
    index = np.arange(outputs, dtype=np.int64)
    first = index * length // max(outputs, 1)
    end = -((index + 1) * -length // max(outputs, 1))
    count = end - first
    return Windows(first, count, 1, count)


_cached_sliding_windows = lru_cache(maxsize=_CACHE_SIZE)(_sliding_windows)
_cached_adaptive_windows = lru_cache(maxsize=_CACHE_SIZE)(_adaptive_windows)


def fractional_starts(length: int, kernel: int, outputs: int, samples: npt.NDArray[np.float64]) -> Positions:
    """Start positions of the windows of fractional pooling, for each plane.

    Args:
        length: positions along the axis, L.
        kernel: elements in a window, k, with ``O + k - 1 <= L``.
        outputs: windows, O.
        samples: (P,) numbers in [0, 1), one for each plane.

    Returns:
        (P, O) starts: ``int((i + u)·alpha) - int(u·alpha)`` with ``alpha = (L - k)/(O - 1)``, the last ``L - k``.
        Computed in float64; torch computes in the input's type.

    Source: Graham, Fractional Max-Pooling, arXiv:1412.6071; torch's ``generate_intervals``.
    """
    starts = np.full((len(samples), outputs), length - kernel, dtype=np.int64)
    if outputs > 1:
        alpha = (length - kernel) / (outputs - 1)
        u = samples[:, None]
        places = np.arange(outputs - 1, dtype=np.float64) + u
        places *= alpha
        # The assignment to integers truncates without a temporary array.
        starts[:, :-1] = places
        starts[:, :-1] -= (u * alpha).astype(np.int64)
    return starts
