"""Elements that record which positions were combined, and windows to combine them by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from poolhouse.kernels.axes import ALGORITHM, TABLE, Axis
from poolhouse.operators.windows import SlidingWindow, adaptive_windows


@dataclass(frozen=True)
class Trace:
    """Positions in the order in which they were added; a sum that may read an element twice keeps each once."""

    positions: tuple[int, ...]
    may_overlap: bool

    def __add__(self, later: Trace) -> Trace:
        ours, theirs = self.positions, later.positions
        if not self.may_overlap:
            return Trace(ours + theirs, may_overlap=False)
        assert ours[0] <= theirs[0], "the later elements come first"
        assert ours[-1] <= theirs[-1], "the later elements end first"
        return Trace(tuple(sorted({*ours, *theirs})), may_overlap=True)


def traces(count: int, *, may_overlap: bool) -> list[Trace]:
    """One element for each position."""
    return [Trace((position,), may_overlap) for position in range(count)]


def tabled(axis: Axis) -> Axis:
    """The same windows, combined from runs, which an axis chooses itself only for hundreds of elements."""
    axis.algorithm = axis.encoded[ALGORITHM] = TABLE
    return axis


@st.composite
def axes(draw: st.DrawFn, longest: int = 24) -> Axis:
    """Windows that are read element by element or combined from runs."""
    axis = draw(_axes(longest))
    return tabled(axis) if axis.longest > 1 and draw(st.booleans()) else axis


@st.composite
def _axes(draw: st.DrawFn, longest: int) -> Axis:
    """Sliding windows with and without dilation, adaptive or arbitrary ones, or none."""
    length = draw(st.integers(1, longest))
    kind = draw(st.sampled_from(("sliding", "sliding", "adaptive", "arbitrary", "identity")))
    if kind == "identity":
        return Axis.identity(length)
    if kind == "adaptive":
        windows = adaptive_windows(length, draw(st.integers(1, 2 * length)))
        return Axis(length, windows.first, windows.count, 1)
    dilation = draw(st.integers(1, 3))
    if kind == "arbitrary":
        first = np.array(draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=6)))
        count = np.array([draw(st.integers(1, (length - 1 - int(place)) // dilation + 1)) for place in first])
        return Axis(length, first, count, dilation)
    kernel = draw(st.integers(1, 12))
    sides = st.integers(0, kernel)
    window = SlidingWindow(kernel, draw(st.integers(1, 7)), draw(sides), draw(sides), dilation)
    assume(window.outputs(length) > window.empty(length))
    windows = window.windows(length)
    return Axis(length, windows.first, windows.count, windows.dilation)


def places_of(axis: Axis) -> list[list[int]]:
    """The positions of each window along one axis."""
    return [
        [first + j * axis.dilation for j in range(count)]
        for first, count in zip(axis.first.tolist(), axis.count.tolist(), strict=True)
    ]


def positions_of(axes: tuple[Axis, ...]) -> list[tuple[int, ...]]:
    """The flat positions of each window of a plane, ascending."""
    windows = []
    for places in product(*map(places_of, axes)):
        flat = [0]
        for axis, along in zip(axes, places, strict=True):
            flat = [position * axis.length + place for position in flat for place in along]
        windows.append(tuple(flat))
    return windows


def chosen(values: list[float]) -> int:
    """Which of these values a maximum is: the last NaN, or the first of the largest."""
    nans = [place for place, value in enumerate(values) if value != value]
    return nans[-1] if nans else values.index(max(values))
