"""sum_pool, adaptive_sum_pool and global_sum_pool in one to three dimensions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import INT64, ElementKind, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.kernels.integer_sums import IntegerLineSumKernel, IntegerSumKernel, LongSumKernel
from poolhouse.kernels.omission import Omission
from poolhouse.operators.averages import Average, has_long_sums, window_sums
from poolhouse.operators.costs import Cost, elementwise_cost, widening_cost
from poolhouse.operators.fields import Sizes
from poolhouse.operators.forms import Reduction, reduction
from poolhouse.operators.layout import CHANNELS_LAST
from poolhouse.operators.line_costs import integer_line_sums_cost
from poolhouse.operators.loop_costs import KernelFactory, maxima_loops_cost, sum_loops_cost
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample
from poolhouse.operators.skipping import Skipping
from poolhouse.operators.wide_floats import converted
from poolhouse.operators.window_operator import Window
from poolhouse.operators.windows import Windows
from poolhouse.tensors import Tensor

_INT64_MAX: Final = 2**63 - 1
_DIGIT_BITS: Final = 32
_CHECKED_ELEMENTS: Final = 2**18
"""Elements that are checked at once, unless a plane has more."""


@reduction("sum_pool")
class SumPool(Reduction, Average, Skipping):
    """The sum of {windows}."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Added in float64, rounded once.",
        "integer": "Added exactly; the output is int64. A sum of int64 or uint64 beyond int64 is refused.",
        "boolean": "The number of true elements, as int64.",
    }
    padding_value: ClassVar[str] = "Padding is 0."
    source: ClassVar[str] = "numpy.sum; skimage.measure.block_reduce(x, k, numpy.sum)"

    own_samples = (
        Sample((6, 9, 8), {}, dtype="uint8"),
        Sample((6, 9, 8), {"nan_policy": "omit"}),
        Sample((6, 9, 8), {"ignore_value": 0, "return_valid": True}, dtype="int32"),
    )
    own_refusals = (Refusal((8, 8, 8), {"nan_policy": "raise"}, "invalid_fields"),)

    def output_type(self, dtype: ElementType) -> ElementType:
        return dtype if dtype.kind == "float" else INT64

    def allows_empty_windows(self) -> bool:
        """The sum of a window in the padding is 0; without elements to pass over nothing is left of it."""
        return not self.skips

    def padding_number(self) -> Number | str | None:
        return None if self.skips else 0

    def divisor_of(self, window: Window) -> int:
        return 1

    def divisor_factors(self, windows: Sequence[Windows]) -> list[npt.NDArray[np.int64]]:
        return [np.ones(axis.outputs, dtype=np.int64) for axis in windows]

    def max_divisor(self, spatial: Sizes) -> int:
        return 1

    def of_window(self, window: Window) -> tuple[Number, ...]:
        if all(isinstance(value, int) for value in window.values):
            return (sum(window.values),)
        return super().of_window(window)

    def check_element_type(self, dtype: ElementType) -> None:
        value = self.ignore_value
        if dtype.name == "uint64" and value is not None and _INT64_MAX < value < math.inf:
            raise Unprocessable(
                "unsupported_dtype",
                f"{self.name} answers int64 for uint64, which has no {value}, the result of a window with nothing "
                "left; use another ignore_value, or send floats.",
            )

    def check_elements(self, tensors: Mapping[str, Tensor]) -> None:
        tensor = tensors["input"]
        if not has_long_sums(tensor.dtype) or not tensor.array.size:
            return
        x = tensor.array
        spatial = x.shape[-self.rank - 1 : -1] if self.layout == CHANNELS_LAST else x.shape[-self.rank :]
        sizes = self.axis_summaries(spatial)
        terms = math.prod(size.longest for size in sizes)
        if not all(size.outputs for size in sizes) or terms * max(int(x.max()), -int(x.min())) <= _INT64_MAX:
            return
        if self.layout == CHANNELS_LAST:
            x = np.moveaxis(x, -1, -self.rank - 1)
        windows = self.windows(spatial)
        many = max(1, _CHECKED_ELEMENTS // math.prod(spatial))
        planes = x.reshape(-1, *spatial)
        for begin in range(0, len(planes), many):
            self._check_planes(planes[begin : begin + many], windows)

    def _check_planes(self, planes: npt.NDArray[np.generic], windows: Sequence[Windows]) -> None:
        x = torch.from_numpy(np.ascontiguousarray(planes).view(np.int64).copy())
        value, limits = self.ignore_value, np.iinfo(planes.dtype.name)
        if value is not None and limits.min <= value <= limits.max and int(value) == value:
            x.masked_fill_(torch.from_numpy(planes == planes.dtype.type(int(value))), 0)
        high = x >> _DIGIT_BITS
        if planes.dtype.kind == "u":
            high.bitwise_and_(0xFFFFFFFF)
        low = window_sums(x.bitwise_and_(0xFFFFFFFF), windows)
        whole = window_sums(high, windows) + (low >> _DIGIT_BITS)
        if bool((whole >= 2**31).any()) or bool((whole < -(2**31)).any()):
            raise Unprocessable(
                "sum_too_large",
                f"a sum of {self.name} is beyond int64; use smaller windows, or send the elements as float64.",
            )

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        elements, outputs = math.prod(spatial), math.prod(size.outputs for size in self.axis_summaries(spatial))
        wide = widening_cost(elements, dtype, "float64" if dtype.kind == "float" else "int64")
        summed = super(Average, self).cost(spatial, dtype).with_held_bytes(wide.plane_bytes)
        found = wide.then(summed).then(elementwise_cost(outputs, 8).with_held_bytes(8 * outputs))
        return found.then(self._check_cost(spatial, dtype)) if has_long_sums(dtype) else found

    def _check_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        """The check adds both digits of each element, but only where elements are large: it counts as one sum."""
        elements, outputs = math.prod(spatial), math.prod(size.outputs for size in self.axis_summaries(spatial))
        wide = widening_cost(elements, dtype, "int64")
        summed = super(Average, self).cost(spatial, dtype).with_held_bytes(wide.plane_bytes)
        return summed.with_held_bytes(16 * elements + 16 * outputs)

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        filled = elementwise_cost(math.prod(spatial), 8, 0.5)
        return filled.then(SumPool.cost(self, spatial, dtype).with_held_bytes(filled.plane_bytes))

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        return (self._round(window_sums(_widened(x), self.windows(tuple(x.shape[1:]))), x),)

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        wide = _widened(x).masked_fill(kept.logical_not(), 0)
        return (self._round(window_sums(wide, self.windows(tuple(x.shape[1:]))), x),)

    def _round(self, total: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        rounded = converted(total, x.dtype) if x.is_floating_point() else total
        # The sum of one element is a view of the input.
        shares = rounded.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        return rounded.clone() if shares else rounded

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        if dtype.kind == "float":
            return self.float64_kernel_factory(spatial, dtype)
        axes = self.axis_summaries(spatial)
        if has_long_sums(dtype):
            # Elements of eight bytes take the same steps whatever is computed of them.
            summed = maxima_loops_cost(axes, dtype, with_indices=False)
            return KernelFactory(
                summed.then(self._check_cost(spatial, dtype)), lambda: LongSumKernel(self.kernel_axes(spatial))
            )
        bits = 8 * dtype.itemsize
        if math.prod(spatial) << bits >= 2**52:
            return None
        combined = KernelFactory(sum_loops_cost(axes, dtype), lambda: IntegerSumKernel(self.kernel_axes(spatial)))
        if bits > 16 or math.prod(axis.longest for axis in axes[:-1]) << bits > 2**31:
            return combined
        by_lines = KernelFactory(
            integer_line_sums_cost(axes, dtype),
            lambda: IntegerLineSumKernel(self.kernel_axes(spatial), dtype.name),
        )
        return min(by_lines, combined, key=lambda each: each.cost.plane_steps)

    def kept_kernel_factory(self, spatial: Sizes, dtype: ElementType, omission: Omission) -> KernelFactory | None:
        loops = self.kept_sums_factory(spatial, dtype, omission, averages=False)
        if loops is None or not has_long_sums(dtype):
            return loops
        return replace(loops, cost=loops.cost.then(self._check_cost(spatial, dtype)))


def _widened(x: torch.Tensor) -> torch.Tensor:
    """float64, or int64; uint64 keeps its bits."""
    if x.is_floating_point():
        return x.to(torch.float64)
    return x.view(torch.int64) if x.dtype is torch.uint64 else x.to(torch.int64)
