"""Variances of windows: what std_pool and var_pool have in common.

Counts, means and sums of squared deviations of two runs are joined by the formulas of Chan, Golub and LeVeque (1983),
in a tree. No squares of elements are subtracted: ``[1e9, 1e9 + 1]`` has the variance 0.25, and equal elements have 0.
Compiled loops compute the mean first, and add the exact sums of squares that integers of few bits have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.kernels.integer_sums import IntegerVarianceKernel
from poolhouse.kernels.omission import Omission
from poolhouse.kernels.skipping import KeptVarianceKernel
from poolhouse.kernels.variances import VarianceKernel
from poolhouse.operators.costs import STEPS_PER_CALL, Cost, elementwise_cost
from poolhouse.operators.field_types import IntegerChoice
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.line_costs import variance_loops_cost
from poolhouse.operators.loop_costs import KernelFactory, sum_loops_cost
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.reduction_costs import JoinCost, reduction_cost
from poolhouse.operators.reductions import Monoid, Tensors, reduce_axis
from poolhouse.operators.skipping_costs import kept_variances_cost, too_many_lines
from poolhouse.operators.tracing import Terms, short_number
from poolhouse.operators.wide_floats import FLOAT64_TYPES, float_type, round_like, square_root
from poolhouse.operators.window_operator import Window, WindowOperator
from poolhouse.operators.windows import AxisSummary

_JOIN_COST: Final = JoinCost(24, 4.0, 14, 72, may_overlap=False)


def correction_field() -> int:
    """Declare ``correction``."""
    declared: int = field(
        IntegerChoice((0, 1)),
        "What is subtracted from the number of elements in the divisor: 0 for the population, 1 for a sample of it. "
        "With 1 a window of one element gives NaN.",
        default=0,
        example=1,
    )
    return declared


class Spread(WindowOperator):
    """Base of operators whose output is the variance of each window, or its root."""

    element_types: ClassVar[Mapping[ElementKind, str]] = FLOAT64_TYPES
    padding_value: ClassVar[str] = "Padding does not count."
    loops_take_channels: ClassVar[bool] = True
    takes_root: ClassVar[bool]

    correction: int

    def output_type(self, dtype: ElementType) -> ElementType:
        return float_type(dtype)

    def of_window(self, window: Window) -> tuple[Number, ...]:
        values = [float(value) for value in window.values]
        if len(values) <= self.correction or not _are_finite(window):
            return (math.nan,)
        mean = math.fsum(value / len(values) for value in values)
        variance = math.fsum((value - mean) * (value - mean) for value in values) / (len(values) - self.correction)
        return (math.sqrt(variance) if self.takes_root else variance,)

    def expression(self, window: Window, terms: Terms) -> str:
        count = len(window.values)
        mean = short_number(math.fsum(value / count for value in window.values)) if _are_finite(window) else "NaN"
        variance = f"({terms.summed('({} - m)^2')}) / {f'({count} - 1)' if self.correction else count}"
        return f"m = {mean}, {f'sqrt({variance})' if self.takes_root else variance}"

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        wide = x.to(torch.float64)
        shifted = wide - _shift(wide, wide)
        return self._pool_state(x, (torch.ones_like(wide), shifted, shifted - shifted))

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See :meth:`poolhouse.operators.skipping.Skipping.pool_kept`."""
        wide, skipped = x.to(torch.float64), kept.logical_not()
        shift = _shift(wide.masked_fill(skipped, math.inf), wide.masked_fill(skipped, -math.inf))
        shifted = (wide - shift).masked_fill_(skipped, 0.0)
        return self._pool_state(x, (kept.to(torch.float64), shifted, shifted - shifted))

    def _pool_state(self, x: torch.Tensor, state: Tensors) -> tuple[torch.Tensor, ...]:
        windows = self.windows(tuple(x.shape[1:]))
        for axis in reversed(range(len(windows))):
            state = reduce_axis(state, axis - len(windows), windows[axis], _MOMENTS)
        count, _, deviations = state
        # With nothing to divide by, 0 / 0 is NaN.
        variance = deviations / (count - self.correction).clamp_(min=0)
        return (round_like(square_root(variance) if self.takes_root else variance, x),)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        return self.kept_cost(spatial, dtype)

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """See :meth:`poolhouse.operators.skipping.Skipping.kept_cost`."""
        axes = self.axis_summaries(spatial)
        elements, outputs = math.prod(spatial), math.prod(axis.outputs for axis in axes)
        given = elementwise_cost(elements, 48, 0.5)
        joined = reduction_cost(spatial, axes, _JOIN_COST).with_held_bytes(24 * elements)
        rounded = elementwise_cost(outputs, 32, 4.0).with_held_bytes(24 * outputs)
        found = given.then(joined).then(rounded)
        return Cost(found.plane_steps, found.call_steps + 6 * STEPS_PER_CALL, found.plane_bytes, found.call_bytes)

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        axes = self.axis_summaries(spatial)
        terms = math.prod(axis.longest for axis in axes)
        if not _has_exact_sums(axes, dtype):
            return None
        in_two_passes = KernelFactory(
            variance_loops_cost(axes, dtype),
            lambda: VarianceKernel(self.kernel_axes(spatial), dtype.name, self.correction, takes_root=self.takes_root),
            is_bit_exact=False,
        )
        # The count times the sum of squares must be exact in float64.
        if dtype.kind == "float" or dtype.itemsize > 2 or terms * terms << (16 * dtype.itemsize) >= 2**52:
            return in_two_passes
        given, found = math.prod(spatial), math.prod(axis.outputs for axis in axes)
        summed = sum_loops_cost(axes, dtype)
        cost = summed.then(summed).then(elementwise_cost(found, 8, 4.0))
        of_squares = KernelFactory(
            cost.with_held_bytes(8 * given + 40 * found),
            lambda: IntegerVarianceKernel(
                self.kernel_axes(spatial),
                [axis.count for axis in self.windows(spatial)],
                self.correction,
                takes_root=self.takes_root,
            ),
            is_bit_exact=False,
        )
        return min(of_squares, in_two_passes, key=lambda each: each.cost.plane_steps)

    def kept_kernel_factory(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        """See :meth:`poolhouse.operators.skipping.Skipping.kept_kernel_factory`."""
        axes = self.axis_summaries(spatial)
        if too_many_lines(axes) or not _has_exact_sums(axes, dtype):
            return None
        shares = "valid" in self.outputs()
        return KernelFactory(
            kept_variances_cost(axes, dtype),
            lambda: KeptVarianceKernel(
                self.kernel_axes(spatial),
                dtype.name,
                omission,
                self.correction,
                takes_root=self.takes_root,
                gives_shares=shares,
            ),
            is_bit_exact=False,
        )


def _are_finite(window: Window) -> bool:
    return all(map(math.isfinite, window.values))


def _has_exact_sums(axes: Sequence[AxisSummary], dtype: ElementType) -> bool:
    """Whether sums of equal elements are exact in float64."""
    digits = 24 if dtype.kind == "float" else 8 * dtype.itemsize
    return dtype.itemsize <= 4 and math.prod(axis.longest for axis in axes) << digits < 2**53


def _shift(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    """What each plane is shifted by: its element nearest to 0 if all have one sign, else 0.

    The mean of numbers near 1e9 has an error of 1e-7, which the squared deviations inherit; shifted ones are near 0.
    A shift that is not larger than any element loses no more than the rounding of the elements themselves.

    Args:
        low: ``(P, *spatial)``, infinite where an element does not count.
        high: the same, minus infinite.
    """
    axes = tuple(range(1, low.ndim))
    least, most = low.amin(axes, keepdim=True), high.amax(axes, keepdim=True)
    shift = torch.where(least > 0, least, most.clamp(max=0.0))
    return shift.masked_fill_(shift.isfinite().logical_not_(), 0.0)


def _join(earlier: Tensors, later: Tensors) -> Tensors:
    """Two runs in one; a run may have no elements, and then its mean and deviations are 0."""
    (count_a, mean_a, squares_a), (count_b, mean_b, squares_b) = earlier, later
    count = count_a + count_b
    share = count_b / count.clamp(min=1)
    apart = mean_b - mean_a
    mean = mean_a + apart * share
    # In this order no square overflows where a run has no elements.
    squares = (squares_a + squares_b).add_((apart * (count_a * share)).mul_(apart))
    return count, mean, squares


_MOMENTS: Final = Monoid(_join, may_overlap=False)
"""The number of elements, their mean, and the sum of their squared deviations from it."""
