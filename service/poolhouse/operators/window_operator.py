"""Base of the operators that reduce windows, and their oracle.

A window family (sliding, adaptive, global, fractional) defines the positions of windows. A reduction (maximum,
average, norm) defines the result of one window. An operator combines one of each.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from poolhouse.dtypes import ElementType
from poolhouse.kernels.axes import Axis
from poolhouse.operators.costs import Cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.numbers import Number
from poolhouse.operators.plane_operator import PlaneOperator
from poolhouse.operators.reduction_costs import SUM_JOIN_COST, reduction_cost
from poolhouse.operators.tracing import PooledArrays, SizeFormula, Terms, TracedElement
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


@dataclass(frozen=True, slots=True)
class PlacedWindow:
    """A window, and all its positions along each axis, padding included."""

    spans: Sequence[range]
    window: Window


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

    # ---- defined by a reduction

    def of_window(self, window: Window) -> tuple[Number, ...]:
        """Reduce one window in plain Python to one number for each output; the oracle of the faster algorithms."""
        raise NotImplementedError

    def counts(self, value: Number) -> bool:
        """Whether an element of a window counts, or is passed over."""
        return True

    def winner_of(self, window: Window) -> int | None:
        """The place among the values of the element that is selected; None if the result is computed from several."""
        return None

    def expression(self, window: Window, terms: Terms) -> str:
        """The computation of a window's result, such as ``(1 + 5) / 2``.

        Args:
            window: of which every element counts.
            terms: its values.
        """
        return f"{self.reduction_name()}({terms.joined()})"

    def arithmetic(self, window: Window, terms: Terms, result: str) -> str:
        """The expression, its result, and what else there is to say about it."""
        return f"{self.expression(window, terms)} = {result}"

    def size_formula(self, axis: int, length: int) -> str:
        """How the number of windows of one axis follows from its length, or which positions each window has."""
        return f"{self.axis_summary(axis, length).outputs} windows over {length} positions"

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
        results = [self.of_window(placed.window) for placed in self.placed_windows(plane, companion)]
        return tuple([result[i] for result in results] for i in range(len(self.outputs())))

    def placed_windows(
        self, plane: npt.NDArray[np.generic], companion: npt.NDArray[np.generic] | None
    ) -> Iterator[PlacedWindow]:
        """All windows of a plane, in the order of the output."""
        spatial = plane.shape
        samples = np.zeros(self.rank) if companion is None else companion.astype(np.float64)
        flat = plane.reshape(-1).tolist()
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
            indices = flat_indices(inside, spatial)
            window = Window(
                values=[flat[index] for index in indices],
                positions=indices,
                extent=math.prod(extents),
                volume=math.prod(len(span) for span in spans),
            )
            yield PlacedWindow(spans, window)

    # ---- traces

    def for_elements(self, dtype: ElementType) -> Self:
        """This spec for elements of one type: values that are compared with elements are rounded to it."""
        return self

    def trace_of_plane(self, plane: PooledArrays) -> Iterator[TracedElement]:
        spec = self.for_elements(plane.types["input"])
        outputs = spec.outputs()
        for place, placed in enumerate(spec.placed_windows(plane.inputs["input"], plane.inputs.get("samples"))):
            window = placed.window
            yield TracedElement(
                output="output",
                place=place,
                results=outputs,
                positions=window.positions,
                arithmetic=spec.arithmetic(window, plane.terms(window.values), plane.result_text("output", place)),
                counted=[spec.counts(value) for value in window.values],
                window=placed.spans,
                winner=spec.winner_of(window) if window.values else None,
            )

    def size_formulas(self, spatial: Sizes) -> list[SizeFormula]:
        out = self.spatial_out(spatial)
        return [
            SizeFormula(axis, length, outputs, self.size_formula(axis, length))
            for axis, (length, outputs) in enumerate(zip(spatial, out, strict=True))
        ]

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return math.prod(size.element_reads for size in self.axis_summaries(spatial))


def flat_indices(spans: list[range], spatial: Sizes) -> list[int]:
    """The row-major indices of all positions whose coordinate on each axis is in its span, in ascending order."""
    indices = [0]
    for span, length in zip(spans, spatial, strict=True):
        indices = [index * length + position for index in indices for position in span]
    return indices


def _clip_span(span: range, low: int, high: int) -> range:
    """The positions p of an ascending span with ``low <= p < high``, by bisection: a window may have 2³¹ positions."""
    return span[bisect_left(span, low) : bisect_left(span, high)]
