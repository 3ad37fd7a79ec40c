"""The reduction that adds up a window and divides: in float64 for floats, exactly for integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import INT64, ElementType, Kind
from poolhouse.kernels.averages import Int64AverageKernel, LineSumKernel, SumKernel
from poolhouse.operators.costs import (
    STEPS_PER_DIVISION,
    Cost,
    elementwise_cost,
    quotient_cost,
    torch_kernel_cost,
    widening_cost,
)
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.fields import Sizes
from poolhouse.operators.loop_costs import KernelFactory, int64_loops_cost, line_sum_loops_cost, sum_loops_cost
from poolhouse.operators.operator import Number, Planes
from poolhouse.operators.quotients import float64_divisor, long_divisors, long_quotient, short_divisor, short_quotient
from poolhouse.operators.reductions import SUM, reduce_axis
from poolhouse.operators.window_operator import Window, WindowOperator
from poolhouse.operators.windows import Windows

AVERAGE_TYPES: Final[Mapping[Kind, str]] = {
    "float": "Windows of up to 128 elements as torch adds them; larger ones in float64, rounded once.",
    "integer": "The exact quotient, cut toward zero as torch does for int64; no sum wraps.",
}

MAX_TORCH_TERMS: Final = 128
"""Up to this many terms torch's running sum is taken as it is: its error stays below 128 units in the last place
of the sum of magnitudes. Beyond that it drifts (a 4096² window of 0.1 averages to 0.1153)."""


class Average(WindowOperator):
    """Operators whose output is a window's sum over a divisor."""

    element_types: ClassVar[Mapping[Kind, str]] = AVERAGE_TYPES

    def divisor_of(self, window: Window) -> int:
        """What the sum of one window is divided by."""
        return len(window.values)

    def divisor_factors(self, windows: Sequence[Windows]) -> list[npt.NDArray[np.int64]]:
        """For each axis the factors whose outer product is the divisor of each output."""
        return [axis.count for axis in windows]

    def of_window(self, window: Window) -> tuple[Number, ...]:
        divisor = self.divisor_of(window)
        if all(isinstance(value, int) for value in window.values):
            total = sum(window.values)
            quotient = abs(total) // abs(divisor)
            return (quotient if (total < 0) == (divisor < 0) else -quotient,)
        try:
            return (math.fsum(window.values) / divisor,)
        except (OverflowError, ValueError):
            # fsum refuses inf - inf and overflow, where arithmetic has an answer.
            return (sum(window.values) / divisor,)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(self.spatial_out(spatial))
        summed = super().cost(spatial, dtype)
        uneven = any(not axis.is_uniform for axis in self.axis_summaries(spatial))
        if dtype is INT64:
            # Two digits of every element, summed one after the other.
            digit = elementwise_cost(elements, 8)
            digits = digit.then(summed.with_held_bytes(digit.plane_bytes))
            found = digits.then(digits.with_held_bytes(8 * outputs)).then(quotient_cost(outputs))
            return replace(found, call_bytes=found.call_bytes + 32 * outputs * uneven)
        # Every element is widened, also those that strides pass over.
        widened = widening_cost(elements, dtype, "float64" if dtype.kind == "float" else "int64")
        divided = elementwise_cost(outputs, 8, 0.5 if dtype.kind == "float" else STEPS_PER_DIVISION * (1 + uneven))
        found = widened.then(summed.with_held_bytes(widened.plane_bytes)).then(divided.with_held_bytes(8 * outputs))
        # One divisor for each output where windows differ, on the way there three arrays of them.
        return replace(found, call_bytes=found.call_bytes + 32 * outputs * uneven)

    def max_divisor(self, spatial: Sizes) -> int:
        """What no divisor of an output is larger than; one that is given does not count, since it is within int64."""
        return math.prod(size.longest for size in self.axis_summaries(spatial))

    def int64_kernel_factory(self, spatial: Sizes) -> KernelFactory | None:
        """Loops for int64; None where a divisor may pass it."""
        if self.max_divisor(spatial) >= 2**62:
            return None
        return KernelFactory(
            int64_loops_cost(self.axis_summaries(spatial)),
            lambda: Int64AverageKernel(self.kernel_axes(spatial), self.divisor_factors(self.windows(spatial))),
        )

    def float64_kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        """Loops that add windows of any size in float64; None for integers whose sums it does not hold exactly."""
        if dtype.kind != "float" and math.prod(spatial) << (8 * dtype.itemsize) >= 2**52:
            return None
        sizes = self.axis_summaries(spatial)
        by_lines, by_stretches = line_sum_loops_cost(sizes, dtype), sum_loops_cost(sizes, dtype)
        kernel = LineSumKernel if by_lines.plane_steps <= by_stretches.plane_steps else SumKernel
        return KernelFactory(
            by_lines if kernel is LineSumKernel else by_stretches,
            lambda: kernel(self.kernel_axes(spatial), self.divisor_factors(self.windows(spatial)), dtype.name),
            is_bit_exact=dtype.kind == "integer",
        )

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        factors = self.divisor_factors(windows)
        if x.is_floating_point():
            total = window_sums(x.to(torch.float64), windows)
            divisor = float64_divisor(factors, x.device)
            # A sum of one float64 element is a view of the caller's.
            return (total / divisor if x.dtype is torch.float64 else total.div_(divisor).to(x.dtype),)
        if x.dtype is torch.int64:
            # Two sums of 32-bit digits, since the sum of 64-bit numbers wraps.
            high = _copy_if_view(window_sums(x >> 32, windows))
            low = window_sums(x & 0xFFFFFFFF, windows)
            return (long_quotient(high, low, long_divisors(factors, x.device)),)
        return (short_quotient(window_sums(x.to(torch.int64), windows), short_divisor(factors, x.device), x.dtype),)


def window_sums(x: torch.Tensor, windows: Sequence[Windows]) -> torch.Tensor:
    """The sum of each window of ``(P, *spatial)``; float64 or int64 in and out."""
    rank = len(windows)
    for axis in reversed(range(rank)):
        (x,) = reduce_axis((x,), axis - rank, windows[axis], SUM)
    return x


def _copy_if_view(x: torch.Tensor) -> torch.Tensor:
    """A tensor that keeps no memory but its own: sums of one element are a view of what was summed."""
    return x.clone() if x.untyped_storage().nbytes() > x.nbytes else x


def accumulates_in_float64(x: torch.Tensor) -> bool:
    """Whether torch's running sum in float64 stands in for our trees: on CUDA, where a pass over the memory costs
    more than an addition, and for types that are rounded from it. Over 4096 terms it drifts by 2⁻⁴¹ at most."""
    return not is_on_cpu(x) and x.is_floating_point() and x.dtype is not torch.float64


def torch_pool(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, through_float32: bool
) -> torch.Tensor:
    """Torch's own kernel on ``(P, *spatial)``; through float32 where it adds 16-bit floats badly, or not at all."""
    if through_float32 and x.dtype in (torch.float16, torch.bfloat16):
        return function(x.to(torch.float32)).to(x.dtype)
    return function(x)


def average_kernel_cost(
    spatial: Sizes, outputs: int, terms: float, dtype: ElementType, *, through_float32: bool
) -> Cost:
    """What :func:`torch_pool` takes for an average of so many terms a window."""
    kernel = torch_kernel_cost(outputs, 6 + 0.7 * terms, 0)
    if not through_float32 or dtype.itemsize > 2:
        return kernel
    there, back = elementwise_cost(math.prod(spatial), 4), elementwise_cost(outputs, 4)
    return there.then(kernel.with_held_bytes(there.plane_bytes)).then(back.with_held_bytes(there.plane_bytes))
