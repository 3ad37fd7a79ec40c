"""Window geometry along one axis: number, positions and bounds of windows.

A pooling window is a product of intervals, one for each axis, so the geometry is defined for one axis at a time.
Python's integers do not overflow, so the results are correct for every size that a request can have.
The rules are torch's (operators.md §1.2 and §1.8 say how each was checked), for padding of any size on each side.
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

    @classmethod
    def identity(cls, length: int) -> Windows:
        """Windows of one element each, at every position."""
        ones = np.ones(length, dtype=np.int64)
        return cls(np.arange(length, dtype=np.int64), ones, 1, ones)

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
        empty: number of windows without an element inside the axis, which nothing else here counts.
    """

    length: int
    outputs: int
    longest: int
    element_reads: int
    irregular: int = 0
    stride: int = 1
    dilation: int = 1
    empty: int = 0

    @classmethod
    def identity(cls, length: int) -> AxisSummary:
        """The summary of :meth:`Windows.identity`."""
        return cls(length, length, 1, length)

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
    """A window of ``kernel_size`` elements that moves by ``stride`` over an axis with padding on both sides.

    The padding may be of any size, so there may be windows without an element inside the axis. :meth:`outputs` counts
    them; :meth:`windows` and :meth:`summarize` leave them out.
    """

    kernel_size: int
    stride: int
    before: int = 0
    after: int = 0
    dilation: int = 1
    ceil_mode: bool = False

    @property
    def span(self) -> int:
        """Positions from a window's first element to its last, both included."""
        return self.dilation * (self.kernel_size - 1) + 1

    def outputs(self, length: int) -> int:
        """Number of windows over ``length`` positions; 0 or less if none fits.

        Shape: ``floor((L + before + after - d(k-1) - 1) / s) + 1``; with ceil_mode one more if positions remain, except
        if that window would start after the last element of the input.
        """
        slack = length + self.before + self.after - self.span
        count = slack // self.stride + 1
        if self.ceil_mode and slack % self.stride and count * self.stride - self.before < length:
            count += 1
        return count

    def formula(self, length: int) -> str:
        """:meth:`outputs` as a formula with its numbers."""
        rounding = "ceil" if self.ceil_mode else "floor"
        terms = f"{length} + {self.before} + {self.after} - {self.dilation}·({self.kernel_size} - 1) - 1"
        slack = length + self.before + self.after - self.span
        count = -(-slack // self.stride) + 1 if self.ceil_mode else slack // self.stride + 1
        text = f"{rounding}(({terms}) / {self.stride}) + 1 = {count}"
        outputs = self.outputs(length)
        if outputs == count:
            return text
        # Only one is left out: the window before it starts at most slack positions after the first.
        start = (count - 1) * self.stride - self.before
        return (
            f"{text}, less 1 = {outputs}: the last window would start at position {start}, after the input's last, "
            f"{length - 1}; a window must start in the input or in the padding before it"
        )

    def empty(self, length: int) -> int:
        """Number of windows with all their elements in the padding."""
        begin, end = self.overlapping(length)
        over = 0
        # A window that starts at ``t < 0`` steps over the axis if its first position from 0 on, ``t mod dilation``, is
        # behind it.
        starting_before = min(-(-self.before // self.stride), end)
        if self.dilation > length and begin < starting_before:
            over = _count_residues(
                starting_before - begin, begin * self.stride - self.before, self.stride, self.dilation, length
            )
        return max(self.outputs(length), 0) - (end - begin) + over

    def overlapping(self, length: int) -> tuple[int, int]:
        """The first window that neither ends before the axis nor starts after it, and the end of those."""
        outputs = max(self.outputs(length), 0)
        begin = min(max(-((self.span - 1 - self.before) // self.stride), 0), outputs)
        return begin, max(min(-(-(length + self.before) // self.stride), outputs), begin)

    def windows(self, length: int) -> Windows:
        """The clipped windows. The caller must have checked that :meth:`outputs` is within its limits."""
        make = _cached_sliding_windows if self.outputs(length) <= _MAX_CACHED_OUTPUTS else _sliding_windows
        return make(self, length)

    def places(self, length: int) -> Positions:
        """The numbers of the windows that have an element inside the axis, ascending."""
        _, counts = _clip_windows(self, length)
        return np.flatnonzero(counts > 0) + self.overlapping(length)[0]

    def summarize(self, length: int) -> AxisSummary:
        """A summary of these windows over ``length`` positions."""
        outputs, empty = self.outputs(length), self.empty(length)
        filled = outputs - empty
        longest = min(self.kernel_size, -(-length // self.dilation))
        last = (outputs - 1) * self.stride - self.before
        # Windows that begin before the input or end after it are irregular, unless every window covers all of it.
        before, behind = -(-self.before // self.stride), -(-(last + self.span - length) // self.stride)
        whole = self.dilation == 1 and last <= 0 and length + self.before <= self.kernel_size
        # Those without an element are among them.
        irregular = 0 if filled <= 1 or whole else min(before + max(behind, 0), outputs) - empty
        stride = 1 if filled <= 1 else self.stride
        return AxisSummary(length, filled, longest, filled * longest, irregular, stride, self.dilation, empty)


def _count_residues(count: int, first: int, step: int, modulus: int, least: int) -> int:
    """How many of ``(first + i * step) % modulus`` for ``i < count`` are at least ``least``."""
    carried = _floor_sum(count, step, first + modulus - least, modulus)
    return carried - _floor_sum(count, step, first, modulus)


def _floor_sum(count: int, step: int, first: int, modulus: int) -> int:
    """``Σ floor((first + i * step) / modulus)`` for ``i < count``, in a logarithmic number of steps.

    Source: the Euclidean algorithm on lattice points, as in AtCoder's library, ``floor_sum``.
    """
    total = 0
    while count > 0:
        total += step // modulus * count * (count - 1) // 2 + first // modulus * count
        step, first = step % modulus, first % modulus
        end = step * count + first
        count, first, step, modulus = end // modulus, end % modulus, modulus, step
    return total


_MAX_CACHED_OUTPUTS: Final = 1024
"""Windows of longer axes are not cached: computing them takes little time compared with pooling."""
_CACHE_SIZE: Final = 128
"""Cached axes of each kind, three megabytes at most. Clients choose the sizes, so the cache must be bounded."""


def _starts(axis: SlidingWindow, length: int) -> Positions:
    """The first position of each overlapping window, padding included."""
    begin, end = axis.overlapping(length)
    return np.arange(begin, end, dtype=np.int64) * axis.stride - axis.before


def _clip_windows(axis: SlidingWindow, length: int) -> tuple[Positions, Positions]:
    """The first element of each overlapping window inside the axis, and the number of those; 0 or less without one."""
    start = _starts(axis, length)
    skipped = np.maximum(0, -(start // axis.dilation))
    last = np.minimum(axis.kernel_size - 1, (length - 1 - start) // axis.dilation)
    return start + skipped * axis.dilation, last - skipped + 1


def _sliding_windows(axis: SlidingWindow, length: int) -> Windows:
    first, count = _clip_windows(axis, length)
    extent = np.minimum(axis.kernel_size, -((_starts(axis, length) - length - axis.after) // axis.dilation))
    if axis.dilation > length:
        filled = count > 0
        first, count, extent = first[filled], count[filled], extent[filled]
    return Windows(first, count, axis.dilation, extent)


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
