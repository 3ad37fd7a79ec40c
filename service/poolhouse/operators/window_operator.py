"""Base of the operators that reduce windows, and their oracle.

A window family (sliding, adaptive, global, fractional) defines the positions of windows. A reduction (maximum,
average, norm) defines the result of one window. An operator combines one of each.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ElementType
from poolhouse.kernels.axes import Axis
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.operator import Number
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.reduction_costs import SUM_JOIN_COST, reduction_cost
from poolhouse.operators.windows import AxisSummary, Windows


@dataclass(frozen=True, slots=True)
class Window:
    """One window, the argument of ``of_window`` in the oracle.

    Attributes:
        values: its elements inside the input, row-major, as Python numbers.
        positions: the flat index of each in the plane.
        extent: number of its positions inside input and padding.
        volume: number of all its positions.
    """

    values: Sequence[Number]
    positions: Sequence[int]
    extent: int
    volume: int


_MAX_CUDA_TERMS: Final = 4096
"""One CUDA thread adds or compares this many elements in less time than many small launches take."""
_MAX_CUDA_READS: Final = 256
"""Reads of each input element up to which they cost less than passes over memory; measured by ``scripts/bench
device``."""


class WindowOperator(PlaneOperator):
    """Base of operators whose output elements are each a function of one window of one plane."""

    # ---- defined by a window family

    def axis_summary(self, axis: int, length: int) -> AxisSummary:
        """The windows of one spatial axis in plain integers.

        Raises:
            Unprocessable: the spec does not fit the input.
        """
        raise NotImplementedError

    def axis_windows(self, axis: int, length: int) -> Windows:
        """The clipped windows of one spatial axis. Called only for plans within the limits."""
        raise NotImplementedError

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        """All positions of one window along one axis, padding included; used by the oracle."""
        raise NotImplementedError

    def padding_at(self, axis: int, length: int) -> tuple[int, int]:
        """Positions of padding before and after this axis."""
        return 0, 0

    # ---- defined by a reduction

    def of_window(self, window: Window) -> tuple[Number, ...]:
        """Reduce one window in plain Python to one number for each output; the oracle of the faster algorithms."""
        raise NotImplementedError

    # ---- derived from the definitions

    def axis_summaries(self, spatial: Sizes) -> tuple[AxisSummary, ...]:
        """The windows of each axis in plain integers; those of an axis behind the spatial ones have one element.

        Raises:
            Unprocessable: the spec does not fit the input.
        """
        return tuple(
            self.axis_summary(axis, length) if axis < self.rank else AxisSummary.identity(length)
            for axis, length in enumerate(spatial)
        )

    def windows(self, spatial: Sizes) -> tuple[Windows, ...]:
        """The clipped windows of each axis, as in :meth:`axis_summaries`."""
        return tuple(
            self.axis_windows(axis, length) if axis < self.rank else Windows.identity(length)
            for axis, length in enumerate(spatial)
        )

    def spatial_out(self, spatial: Sizes) -> Sizes:
        return self.pooled_sizes(spatial)

    def pooled_sizes(self, spatial: Sizes) -> Sizes:
        """The output's sizes without windows that lie wholly in the padding: what :meth:`pool` gives."""
        return tuple(size.outputs for size in self.axis_summaries(spatial))

    def kernel_axes(self, spatial: Sizes) -> list[Axis]:
        """The windows in the form that compiled loops read, checked to lie within the axes."""
        return [
            Axis(length, axis.first, axis.count, axis.dilation)
            for length, axis in zip(spatial, self.windows(spatial), strict=True)
        ]

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """Cost of a sum over each window; operators with another algorithm override it."""
        return reduction_cost(spatial, self.axis_summaries(spatial), SUM_JOIN_COST)

    def naive_cuda_is_faster(self, spatial: Sizes) -> bool:
        """Whether a CUDA kernel that reads every element of every window is faster than ``reductions``.

        A launch costs more than a read, and a pass over memory costs more than reads from a cache.
        """
        sizes = self.axis_summaries(spatial)
        terms = math.prod(size.longest for size in sizes)
        reads = terms * math.prod(size.outputs for size in sizes)
        return terms <= _MAX_CUDA_TERMS and reads <= _MAX_CUDA_READS * math.prod(spatial)

    def reference_of_plane(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> tuple[list[Number], ...]:
        spatial = plane.shape
        samples = np.zeros(self.rank) if companion is None else companion.astype(np.float64)
        flat = plane.reshape(-1).tolist()
        results: list[tuple[Number, ...]] = []
        out = self.spatial_out(spatial)
        paddings = [self.padding_at(axis, length) for axis, length in enumerate(spatial)]
        # product() stores its ranges, and with an empty axis another one may have any size.
        for output in itertools.product(*(range(size) for size in out)) if 0 not in out else ():
            spans = [self.positions(spatial, axis, index, samples) for axis, index in enumerate(output)]
            inside = [_clip_span(span, 0, length) for span, length in zip(spans, spatial, strict=True)]
            extents = [
                len(_clip_span(span, -before, length + after))
                for span, length, (before, after) in zip(spans, spatial, paddings, strict=True)
            ]
            indices = _flat_indices(inside, spatial)
            window = Window(
                values=[flat[index] for index in indices],
                positions=indices,
                extent=math.prod(extents),
                volume=math.prod(len(span) for span in spans),
            )
            results.append(self.of_window(window))
        return tuple([result[i] for result in results] for i in range(len(self.outputs())))


def _flat_indices(spans: list[range], spatial: Sizes) -> list[int]:
    """The row-major indices of all positions whose coordinate on each axis is in its span, in ascending order."""
    indices = [0]
    for span, length in zip(spans, spatial, strict=True):
        indices = [index * length + position for index in indices for position in span]
    return indices


def _clip_span(span: range, low: int, high: int) -> range:
    """The positions p of an ascending span with ``low <= p < high``, by bisection: a window may have 2³¹ positions."""
    return span[bisect_left(span, low) : bisect_left(span, high)]
