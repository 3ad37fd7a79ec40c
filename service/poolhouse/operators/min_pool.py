"""min_pool, adaptive_min_pool and global_min_pool in one to three dimensions: the maximum in the reversed order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.kernels.global_pooling import GlobalMaximumKernel
from poolhouse.kernels.reversal import ReversedKernel
from poolhouse.kernels.window_kernels import INT32_MAX, MaximumKernel
from poolhouse.operators.costs import Cost, elementwise_cost
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.forms import Reduction, reduction
from poolhouse.operators.loop_costs import KernelFactory, global_loops_cost, maxima_loops_cost
from poolhouse.operators.maxima import Maximum, kept_maxima, kept_maxima_cost, window_maxima, window_maxima_cost
from poolhouse.operators.operator import Planes, Refusal, Sample
from poolhouse.operators.skipping import Skipping
from poolhouse.operators.unsigned import as_bits
from poolhouse.operators.window_operator import Window


@reduction("min_pool")
class MinPool(Reduction, Maximum, Skipping):
    """The least element of {windows}, and optionally its index."""

    element_types: ClassVar[Mapping[ElementKind, str]] = {
        "float": "Compared without conversion. The minimum of a window with NaN is NaN; infinities are numbers.",
        "integer": "Compared exactly.",
        "boolean": "False is less than true: the minimum says whether all elements of the window are true.",
    }
    padding_value: ClassVar[str] = "Padding is greater than every value, and is never chosen."
    finds_least: ClassVar[bool] = True
    source: ClassVar[str] = "-max_pool(-x); numpy.min, scipy.ndimage.minimum_filter"

    return_indices: bool = field(Flag(), "Whether to return the index of each value too.", default=False, example=True)

    own_samples = (
        Sample((6, 9, 8), {"return_indices": True}),
        Sample((6, 9, 8), {"return_indices": True}, dtype="uint16"),
        Sample((6, 9, 8), {"ignore_value": 0, "return_valid": True}, dtype="int16"),
    )
    own_refusals = (Refusal((8, 8, 8), {"return_indices": 1}, "invalid_fields"),)

    def winner_of(self, window: Window) -> int | None:
        best = 0
        for i, value in enumerate(window.values):
            if value != value or (value < window.values[best] and window.values[best] == window.values[best]):
                best = i
        return best

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        windows = self.windows(tuple(x.shape[1:]))
        values, *rest = window_maxima(_reversed(x), windows, with_indices=self.return_indices)
        return (_reversed(values), *rest)

    def pool_kept(self, x: torch.Tensor, kept: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        windows = self.windows(tuple(x.shape[1:]))
        values, *rest = kept_maxima(_reversed(x), kept, windows, with_indices=self.return_indices)
        return (_reversed(values), *rest)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        axes = self.axis_summaries(spatial)
        return self._with_reversal(
            window_maxima_cost(spatial, axes, dtype, with_indices=self.return_indices), spatial, dtype
        )

    def kept_cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        axes = self.axis_summaries(spatial)
        return self._with_reversal(
            kept_maxima_cost(spatial, axes, dtype, with_indices=self.return_indices), spatial, dtype
        )

    def _with_reversal(self, cost: Cost, spatial: Sizes, dtype: ElementType) -> Cost:
        outputs = math.prod(size.outputs for size in self.axis_summaries(spatial))
        before, after = (elementwise_cost(elements, dtype.itemsize) for elements in (math.prod(spatial), outputs))
        whole = before.then(cost.with_held_bytes(before.plane_bytes)).then(after.with_held_bytes(after.plane_bytes))
        return replace(whole, plane_bytes=whole.plane_bytes + 8 * outputs * self.return_indices)

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        # The loops number the elements of a plane in 32 bits.
        if math.prod(spatial) > INT32_MAX:
            return None
        axes, indices = self.axis_summaries(spatial), self.return_indices
        if all(axis.outputs == 1 and axis.longest == axis.length for axis in axes):
            return KernelFactory(
                self._with_reversal(global_loops_cost(spatial, dtype, adds=False), spatial, dtype),
                lambda: ReversedKernel(
                    GlobalMaximumKernel(spatial, dtype.name, with_indices=indices), dtype.kind == "float"
                ),
            )
        from_runs = KernelFactory(
            self._with_reversal(maxima_loops_cost(axes, dtype, with_indices=indices), spatial, dtype),
            lambda: ReversedKernel(
                MaximumKernel(self.kernel_axes(spatial), dtype.name, with_indices=indices), dtype.kind == "float"
            ),
        )
        return min(from_runs, self.line_kernel_factory(spatial, dtype), key=lambda each: each.cost.plane_steps)


def _reversed(x: torch.Tensor) -> torch.Tensor:
    """Elements in the opposite order, a copy: floats with the other sign, and the complement of integers."""
    if x.is_floating_point():
        return x.neg()
    return x.logical_not() if x.dtype is torch.bool else as_bits(x).bitwise_not().view(x.dtype)
