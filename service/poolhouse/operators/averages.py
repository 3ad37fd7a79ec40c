"""Average reduction: the sum of a window over a divisor, in float64 for floats, exact for integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.kernels.averages import LineSumKernel, LongAverageKernel, SumKernel
from poolhouse.kernels.omission import Omission
from poolhouse.kernels.skipping import KeptSumKernel
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
from poolhouse.operators.line_costs import line_sum_loops_cost
from poolhouse.operators.loop_costs import KernelFactory, long_sum_loops_cost, sum_loops_cost
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes
from poolhouse.operators.quotients import (
    float64_divisor,
    long_divisors,
    long_quotient,
    short_divisor,
    short_quotient,
    unsigned_long_quotient,
)
from poolhouse.operators.reductions import SUM, reduce_axis
from poolhouse.operators.skipping_costs import kept_sums_cost, too_many_lines
from poolhouse.operators.tracing import Terms, enclosed
from poolhouse.operators.wide_floats import converted
from poolhouse.operators.window_operator import Window, WindowOperator
from poolhouse.operators.windows import Windows

AVERAGE_TYPES: Final[Mapping[ElementKind, str]] = {
    "float": "Windows of up to 128 elements are added as torch adds them; larger ones in float64, rounded once.",
    "integer": "The exact quotient, truncated toward zero as torch does for int64; no sum overflows.",
}

MAX_TORCH_TERMS: Final = 128
"""Up to this many terms torch's running sum is used: its error stays below 128 units in the last place of the sum of
magnitudes. The error of longer sums grows (a 4096² window of 0.1 averages to 0.1153)."""


class Average(WindowOperator):
    """Base of operators whose output is a window's sum over a divisor."""

    element_types: ClassVar[Mapping[ElementKind, str]] = AVERAGE_TYPES
    loops_take_channels: ClassVar[bool] = True

    def divisor_of(self, window: Window) -> int:
        """The divisor of one window."""
        return len(window.values)

    def divisor_factors(self, windows: Sequence[Windows]) -> list[npt.NDArray[np.int64]]:
        """Factors for each axis; their outer product is the divisor of each output."""
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
            # fsum raises for inf - inf and for overflow, where plain addition gives NaN or infinity.
            return (sum(window.values) / divisor,)

    def expression(self, window: Window, terms: Terms) -> str:
        divisor, total = self.divisor_of(window), terms.summed()
        if divisor == 1:
            return total
        return f"{total if len(terms.values) == 1 else f'({total})'} / {enclosed(str(divisor))}"

    def arithmetic(self, window: Window, terms: Terms, result: str) -> str:
        text = super().arithmetic(window, terms, result)
        if window.values and all(isinstance(value, int) for value in window.values):
            return f"{text}, truncated" if sum(window.values) % self.divisor_of(window) else text
        return text

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(self.pooled_sizes(spatial))
        summed = super().cost(spatial, dtype)
        uneven = any(not axis.is_uniform for axis in self.axis_summaries(spatial))
        if has_long_sums(dtype):
            # Each element has two digits, which are summed one after the other.
            digit = elementwise_cost(elements, 8)
            digits = digit.then(summed.with_held_bytes(digit.plane_bytes))
            found = digits.then(digits.with_held_bytes(8 * outputs)).then(quotient_cost(outputs))
            return replace(found, call_bytes=found.call_bytes + 32 * outputs * uneven)
        # Every element is widened, including those that no window covers.
        widened = widening_cost(elements, dtype, "float64" if dtype.kind == "float" else "int64")
        divided = elementwise_cost(outputs, 8, 0.5 if dtype.kind == "float" else STEPS_PER_DIVISION * (1 + uneven))
        found = widened.then(summed.with_held_bytes(widened.plane_bytes)).then(divided.with_held_bytes(8 * outputs))
        # Windows of different sizes have a divisor for each output; computing them takes three more arrays.
        return replace(found, call_bytes=found.call_bytes + 32 * outputs * uneven)

    def max_divisor(self, spatial: Sizes) -> int:
        """An upper bound of the divisors, except ``divisor_override``, which fits into int64 anyway."""
        return math.prod(size.longest for size in self.axis_summaries(spatial))

    def long_kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        """Loops for int64 and uint64; None if a divisor may not fit into int64."""
        if self.max_divisor(spatial) >= 2**62:
            return None
        return KernelFactory(
            long_sum_loops_cost(self.axis_summaries(spatial)),
            lambda: LongAverageKernel(
                self.kernel_axes(spatial), self.divisor_factors(self.windows(spatial)), dtype.name
            ),
        )

    def float64_kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        """Loops that add windows of any size in float64; None for integers whose sums are not exact in float64."""
        if dtype.kind != "float" and math.prod(spatial) << (8 * dtype.itemsize) >= 2**52:
            return None
        sizes = self.axis_summaries(spatial)
        line_cost, table_cost = line_sum_loops_cost(sizes, dtype), sum_loops_cost(sizes, dtype)
        kernel = LineSumKernel if line_cost.plane_steps <= table_cost.plane_steps else SumKernel
        return KernelFactory(
            line_cost if kernel is LineSumKernel else table_cost,
            lambda: kernel(self.kernel_axes(spatial), self.divisor_factors(self.windows(spatial)), dtype.name),
            is_bit_exact=dtype.kind == "integer",
        )

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        factors = self.divisor_factors(windows)
        if x.is_floating_point():
            total = window_sums(x.to(torch.float64), windows)
            divisor = float64_divisor(factors, x.device)
            # The sum of one float64 element is a view of the input, so it is not divided in place.
            return (total / divisor if x.dtype is torch.float64 else converted(total.div_(divisor), x.dtype),)
        if x.dtype is torch.int64:
            # Two sums of 32-bit digits, since a sum of 64-bit numbers overflows.
            high = copy_if_view(window_sums(x >> 32, windows))
            low = window_sums(x & 0xFFFFFFFF, windows)
            return (long_quotient(high, low, long_divisors(factors, x.device)),)
        if x.dtype is torch.uint64:
            bits = x.view(torch.int64)
            high = copy_if_view(window_sums((bits >> 32).bitwise_and_(0xFFFFFFFF), windows))
            low = window_sums(bits & 0xFFFFFFFF, windows)
            quotient = unsigned_long_quotient(high, low, long_divisors(factors, x.device))
            return (quotient.view(torch.uint64),)
        return (short_quotient(window_sums(x.to(torch.int64), windows), short_divisor(factors, x.device), x.dtype),)

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """See :meth:`poolhouse.operators.skipping.Skipping.pool_kept`."""
        windows, skipped = self.windows(tuple(x.shape[1:])), kept.logical_not()
        # Windows without an element are divided by 1.
        counts = counts.clamp(min=1)
        if x.is_floating_point():
            total = window_sums(x.to(torch.float64).masked_fill(skipped, 0.0), windows)
            return (converted(total / counts, x.dtype),)
        divisor = counts.to(torch.int64)
        if x.dtype not in (torch.int64, torch.uint64):
            total = window_sums(x.to(torch.int64).masked_fill_(skipped, 0), windows)
            return (short_quotient(copy_if_view(total), divisor, x.dtype),)
        bits = x.view(torch.int64).masked_fill(skipped, 0)
        low = copy_if_view(window_sums(bits & 0xFFFFFFFF, windows))
        if x.dtype is torch.int64:
            return (long_quotient(copy_if_view(window_sums(bits >> 32, windows)), low, [divisor]),)
        high = copy_if_view(window_sums((bits >> 32).bitwise_and_(0xFFFFFFFF), windows))
        return (unsigned_long_quotient(high, low, [divisor]).view(torch.uint64),)

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """See :meth:`poolhouse.operators.skipping.Skipping.kept_cost`."""
        elements, outputs = math.prod(spatial), math.prod(size.outputs for size in self.axis_summaries(spatial))
        filled = elementwise_cost(elements, 16, 0.5)
        summed = super().cost(spatial, dtype).with_held_bytes(17 * elements)
        if not has_long_sums(dtype):
            divided = elementwise_cost(outputs, 16, 0.5 if dtype.kind == "float" else 2 * STEPS_PER_DIVISION)
            return filled.then(summed).then(divided.with_held_bytes(16 * outputs))
        digits = filled.then(summed).then(elementwise_cost(elements, 8)).then(summed.with_held_bytes(8 * outputs))
        return digits.then(quotient_cost(outputs).with_held_bytes(24 * outputs))

    def kept_kernel_factory(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        """See :meth:`poolhouse.operators.skipping.Skipping.kept_kernel_factory`."""
        return None if has_long_sums(dtype) else self.kept_sums_factory(spatial, dtype, omission, averages=True)

    def kept_sums_factory(
        self, spatial: Sizes, dtype: ElementType, omission: Omission, *, averages: bool
    ) -> KernelFactory | None:
        """Loops that add the elements that are kept; None for integers whose sums are not exact in float64."""
        axes = self.axis_summaries(spatial)
        terms = math.prod(axis.longest for axis in axes)
        is_long, is_float = has_long_sums(dtype), dtype.kind == "float"
        if too_many_lines(axes) or (not is_long and not is_float and terms << (8 * dtype.itemsize) >= 2**52):
            return None
        shares = "valid" in self.outputs()
        return KernelFactory(
            kept_sums_cost(axes, dtype),
            lambda: KeptSumKernel(
                self.kernel_axes(spatial), dtype.name, omission, averages=averages, gives_shares=shares
            ),
            is_bit_exact=not is_float,
        )


def has_long_sums(dtype: ElementType) -> bool:
    """Whether a sum of few elements does not fit into int64, so that their digits are added."""
    return dtype.kind == "integer" and dtype.itemsize == 8


def window_sums(x: torch.Tensor, windows: Sequence[Windows]) -> torch.Tensor:
    """The sum of each window of ``(P, *spatial)``; float64 or int64 in and out."""
    rank = len(windows)
    for axis in reversed(range(rank)):
        (x,) = reduce_axis((x,), axis - rank, windows[axis], SUM)
    return x


def copy_if_view(x: torch.Tensor) -> torch.Tensor:
    """A tensor that shares no larger memory: sums of one element are a view of the summed tensor."""
    return x.clone() if x.untyped_storage().nbytes() > x.nbytes else x


def accumulates_in_float64(x: torch.Tensor) -> bool:
    """Whether torch's running sum in float64 replaces our tree sums.

    On CUDA a pass over memory costs more than an addition. The result is rounded to a narrower type, so an error of at
    most 2⁻⁴¹ over 4096 terms is small enough.
    """
    return not is_on_cpu(x) and x.is_floating_point() and x.dtype is not torch.float64


def torch_pool(
    function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, *, through_float32: bool
) -> torch.Tensor:
    """Call a torch kernel on ``(P, *spatial)``, optionally through float32 where it has no accurate 16-bit sums."""
    if through_float32 and x.dtype in (torch.float16, torch.bfloat16):
        return function(x.to(torch.float32)).to(x.dtype)
    return function(x)


def average_kernel_cost(
    spatial: Sizes, outputs: int, terms: float, dtype: ElementType, *, through_float32: bool
) -> Cost:
    """Cost of :func:`torch_pool` for averages with this many terms per window."""
    kernel = torch_kernel_cost(outputs, 6 + 0.7 * terms, 0)
    if not through_float32 or dtype.itemsize > 2:
        return kernel
    widening, narrowing = elementwise_cost(math.prod(spatial), 4), elementwise_cost(outputs, 4)
    held = widening.plane_bytes
    return widening.then(kernel.with_held_bytes(held)).then(narrowing.with_held_bytes(held))
