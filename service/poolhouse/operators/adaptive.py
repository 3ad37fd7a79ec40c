"""adaptive_max_pool1d to 3d, adaptive_avg_pool1d to 3d, and global pooling, which is both with one window."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812, the name that every reader of torch knows

from poolhouse.dtypes import ElementType
from poolhouse.kernels.averages import AverageKernel
from poolhouse.kernels.global_pooling import GlobalAverageKernel, GlobalMaximumKernel
from poolhouse.kernels.half_maxima import HalfMaximumKernel
from poolhouse.operators.averages import (
    MAX_TORCH_TERMS,
    Average,
    accumulates_in_float64,
    average_kernel_cost,
    has_long_sums,
    torch_pool,
)
from poolhouse.operators.costs import Cost, torch_kernel_cost
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.loop_costs import KernelFactory, average_loops_cost, global_loops_cost, half_maxima_loops_cost
from poolhouse.operators.maxima import Maximum
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.size_types import INT32_MAX, IntegerPerAxis
from poolhouse.operators.skipping import Skipping
from poolhouse.operators.wide_floats import converted
from poolhouse.operators.window_operator import WindowOperator
from poolhouse.operators.windows import AxisSummary, Windows, adaptive_windows


def output_size_field() -> tuple[int | None, ...]:
    """Declare ``output_size``."""
    declared: tuple[int | None, ...] = field(
        IntegerPerAxis(0, allows_null=True),
        "Number of windows along each axis; null keeps the length of an axis.",
        example=4,
    )
    return declared


class AdaptiveWindowOperator(WindowOperator):
    """Base of operators with O windows along an axis of length L: window i is ``[floor(i·L/O), ceil((i+1)·L/O))``."""

    def target_size(self) -> tuple[int | None, ...]:
        """Number of windows along each axis; None keeps the axis."""
        raise NotImplementedError

    def _output_count(self, axis: int, length: int) -> int:
        size = self.target_size()[axis]
        return length if size is None else size

    def fits_cuda_int32(self, spatial: Sizes) -> bool:
        """Whether torch's CUDA kernels place all windows correctly.

        They compute ``output·length`` in 32 bits; beyond that they read outside the input (pytorch#176784).
        """
        return all(size.outputs * size.length <= INT32_MAX for size in self.axis_summaries(spatial))

    def axis_summary(self, axis: int, length: int) -> AxisSummary:
        outputs = self._output_count(axis, length)
        shared = math.gcd(length, outputs)
        whole, rest = divmod(length, max(outputs, 1))
        # A window's exact bounds lie between two elements or inside one; most windows have both bounds inside.
        longest = whole + (rest > 0) + (rest > shared)
        irregular = 0 if outputs == 1 or (rest <= 1 and outputs <= length) else outputs
        reads = length + outputs - shared
        return AxisSummary(length, outputs, longest, reads, irregular, 1 if outputs == 1 else max(whole, 1))

    def axis_windows(self, axis: int, length: int) -> Windows:
        return adaptive_windows(length, self._output_count(axis, length))

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        length = spatial[axis]
        outputs = self._output_count(axis, length)
        return range(output * length // outputs, math.ceil((output + 1) * length / outputs))

    def size_formula(self, axis: int, length: int) -> str:
        outputs = self._output_count(axis, length)
        if outputs == 1:
            return f"one window covers all {length} positions"
        if outputs == 0:
            return f"no window over {length} positions, as output_size says"
        return f"window i covers floor(i·{length}/{outputs}) to ceil((i+1)·{length}/{outputs})"

    def pools_axis(self, axis: int, length: int) -> bool:
        return self._output_count(axis, length) != length

    def warnings(self, spatial: Sizes) -> list[str]:
        return [
            f"output_size {outputs} is larger than the input's {length}: windows repeat elements"
            for axis, length in enumerate(spatial)
            if (outputs := self._output_count(axis, length)) > length
        ]

    def _element_reads(self, spatial: Sizes) -> int:
        """Elements that torch reads for one plane, repeated reads included."""
        return math.prod(size.element_reads for size in self.axis_summaries(spatial))


@dataclass(frozen=True)
class GlobalWindowOperator(AdaptiveWindowOperator):
    """Base of operators with one window, which is the whole plane."""

    keepdims: bool = field(
        Flag(),
        "Whether the output keeps the pooled axes, each of size 1.",
        default=True,
        example=False,
        in_batch_key=False,
        is_common=True,
    )

    def target_size(self) -> tuple[int | None, ...]:
        return (1,) * self.rank

    def output_shape(self, batch_shape: Sizes, sizes: Sizes) -> Sizes:
        return super().output_shape(batch_shape, sizes if self.keepdims else sizes[self.rank :])


SAMPLES = (
    Sample((5, 9, 7), {"output_size": 3}),
    Sample((6, 8, 8), {"output_size": 4}),
    Sample((6, 9, 8), {"output_size": 1}),
    Sample((3, 4, 5), {"output_size": 7}),
    Sample((3, 4, 5), {"output_size": 0}),
    Sample((20, 30, 31), {"output_size": 2}),
    Sample((6, 9, 8), {"output_size": 3}, dtype="int64"),
)
REFUSALS = (
    Refusal((8, 8, 8), {}, "invalid_fields"),
    Refusal((8, 8, 8), {"output_size": -1}, "invalid_fields"),
    Refusal((8, 8, 8), {"output_size": None}, "invalid_fields"),
    Refusal((8, 8, 8), {"output_size": [2, 2, 2, 2]}, "invalid_fields"),
    Refusal((8, 8, 8), {"output_size": 2**31 - 1}, "output_too_large"),
)


_Pool = Callable[[torch.Tensor, Sizes], torch.Tensor]
_PoolWithIndices = Callable[[torch.Tensor, Sizes], tuple[torch.Tensor, torch.Tensor]]
_MAXIMA: dict[int, _Pool] = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
_MAXIMA_WITH_INDICES: dict[int, _PoolWithIndices] = {
    1: F.adaptive_max_pool1d_with_indices,
    2: torch.ops.aten.adaptive_max_pool2d,
    3: torch.ops.aten.adaptive_max_pool3d,
}
_AVERAGES: dict[int, _Pool] = {
    1: F.adaptive_avg_pool1d,
    2: torch.ops.aten.adaptive_avg_pool2d,
    3: torch.ops.aten.adaptive_avg_pool3d,
}


def _plane_means(x: torch.Tensor) -> torch.Tensor:
    """The mean of each plane in float64, added in blocks of 64 elements.

    The order of additions depends on the plane's size only; in torch's own mean it depends on the number of planes too.
    """
    total = x.to(torch.float64).reshape(len(x), 1, -1)
    while total.shape[-1] > 1:
        total = F.avg_pool2d(total, (1, 64), ceil_mode=True, divisor_override=1)
    return (total / math.prod(x.shape[1:])).reshape(len(x), *(1 for _ in x.shape[1:]))


_MIN_LARGE_WINDOW: Final = 16
"""From this many elements per window on, :class:`HalfMaximumKernel` compares whole lines first."""


class AdaptiveMaximum(AdaptiveWindowOperator, Maximum):
    """Maxima of adaptive windows: by torch's kernel for floats, by ours for other types."""

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        indices = self.return_indices
        if all(size.outputs == 1 for size in self.axis_summaries(spatial)):
            return KernelFactory(
                global_loops_cost(spatial, dtype, adds=False),
                lambda: GlobalMaximumKernel(spatial, dtype.name, with_indices=indices),
            )
        if dtype.kind == "float" and dtype.itemsize == 2 and not indices and self._has_little_overlap(spatial):
            return KernelFactory(
                half_maxima_loops_cost(self.axis_summaries(spatial)),
                lambda: HalfMaximumKernel(self.kernel_axes(spatial), dtype.name),
            )
        return super().kernel_factory(spatial, dtype)

    def _has_little_overlap(self, spatial: Sizes) -> bool:
        """Whether the windows are large and few elements belong to more than one of them."""
        sizes = self.axis_summaries(spatial)
        return math.prod(size.longest for size in sizes) >= _MIN_LARGE_WINDOW and self._element_reads(
            spatial
        ) <= 2 * math.prod(spatial)

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        if dtype.kind != "float" or not self.fits_cuda_int32(spatial):
            return super().cost(spatial, dtype)
        outputs, reads = math.prod(self.spatial_out(spatial)), self._element_reads(spatial)
        # The branch predictor guesses comparisons better the longer a window is.
        # In 3-D torch reads float16, and no other type, three times as slowly.
        steps = reads * (3 if self.rank == 3 and dtype.name == "float16" else 1) + min(reads, 16 * outputs)
        return torch_kernel_cost(outputs, 8 + steps / outputs, 8 * outputs)

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        spatial = tuple(x.shape[1:])
        if not x.is_floating_point() or not self.fits_cuda_int32(spatial):
            return super().pool(planes)
        size = self.spatial_out(spatial)
        if self.return_indices:
            return _MAXIMA_WITH_INDICES[self.rank](x, size)
        return (_MAXIMA[self.rank](x, size),)


class AdaptiveAverage(AdaptiveWindowOperator, Average):
    """Averages of adaptive windows: by torch's kernel for windows of few elements, by ours for others."""

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        if self._uses_torch(spatial, floating=dtype.kind == "float"):
            return KernelFactory(
                average_loops_cost(self.axis_summaries(spatial), dtype),
                lambda: AverageKernel(
                    self.kernel_axes(spatial),
                    self.divisor_factors(self.windows(spatial)),
                    dtype.name,
                    divide_sequentially=True,
                ),
            )
        if has_long_sums(dtype):
            return self.long_kernel_factory(spatial, dtype)
        found = self.float64_kernel_factory(spatial, dtype)
        if found is None or any(size.outputs > 1 for size in self.axis_summaries(spatial)):
            return found
        exact = dtype.kind == "integer"
        return KernelFactory(
            global_loops_cost(spatial, dtype, adds=True),
            lambda: GlobalAverageKernel(spatial, dtype.name),
            is_bit_exact=exact,
        )

    def _uses_torch(self, spatial: Sizes, *, floating: bool) -> bool:
        # For output size 1 torch calls mean(), whose order of additions depends on the number of planes.
        sizes = self.axis_summaries(spatial)
        is_global = all(size.outputs == 1 for size in sizes[: self.rank])
        return (
            floating
            and not is_global
            and self.fits_cuda_int32(spatial)
            and math.prod(size.longest for size in sizes) <= MAX_TORCH_TERMS
        )

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        if not self._uses_torch(spatial, floating=dtype.kind == "float"):
            return super().cost(spatial, dtype)
        outputs, reads = math.prod(self.spatial_out(spatial)), self._element_reads(spatial)
        return average_kernel_cost(spatial, outputs, reads / outputs, dtype, through_float32=self.rank == 3)

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        spatial = tuple(x.shape[1:])
        if not self._uses_torch(spatial, floating=x.is_floating_point()):
            wide = self._float64_averages(x, spatial) if accumulates_in_float64(x) else None
            return super().pool(planes) if wide is None else (converted(wide, x.dtype),)
        size, pool = self.spatial_out(spatial), _AVERAGES[self.rank]
        # Torch's 3-D kernel adds 16-bit floats in 16 bits, so even the average of 16 equal elements is wrong.
        return (torch_pool(lambda planes: pool(planes, size), x, through_float32=self.rank == 3),)

    def _float64_averages(self, x: torch.Tensor, spatial: Sizes) -> torch.Tensor | None:
        """The averages in float64 by torch's kernels; None if those would be wrong or slower than ours."""
        size = self.spatial_out(spatial)
        if size == (1,) * self.rank:
            return _plane_means(x)
        if self.fits_cuda_int32(spatial) and self.naive_cuda_is_faster(spatial):
            return _AVERAGES[self.rank](x.to(torch.float64), size)
        return None


def return_indices_field() -> bool:
    """Declare ``return_indices``."""
    declared: bool = field(Flag(), "Whether to return the index of each value too.", default=False, example=True)
    return declared


@operator("adaptive_max_pool")
class AdaptiveMaxPool(AdaptiveMaximum, Skipping):
    """The largest element of each of a given number of windows, and optionally its index."""

    shape_rule: ClassVar[str] = "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``."
    source: ClassVar[str] = "torch.nn.functional.adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d"

    output_size: tuple[int | None, ...] = output_size_field()
    return_indices: bool = return_indices_field()

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        return "output_size", "return_indices"

    samples = (*SAMPLES, Sample((6, 9, 8), {"output_size": 3, "return_indices": True}))
    refusals = REFUSALS

    def target_size(self) -> tuple[int | None, ...]:
        return self.output_size


@operator("adaptive_avg_pool")
class AdaptiveAvgPool(AdaptiveAverage, Skipping):
    """The average of each of a given number of windows."""

    shape_rule: ClassVar[str] = "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes ``output_size``."
    source: ClassVar[str] = "torch.nn.functional.adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d"

    output_size: tuple[int | None, ...] = output_size_field()

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        return ("output_size",)

    samples = SAMPLES
    refusals = (*REFUSALS, Refusal((8, 8, 8), {"output_size": 2}, "unsupported_dtype", dtype="bool"))

    def target_size(self) -> tuple[int | None, ...]:
        return self.output_size


@operator("global_max_pool")
class GlobalMaxPool(GlobalWindowOperator, AdaptiveMaximum, Skipping):
    """The largest element of each plane, and optionally its index: adaptive_max_pool with output_size 1."""

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without keepdims."
    )
    source: ClassVar[str] = "torch.nn.functional.adaptive_max_pool2d(x, 1); ONNX GlobalMaxPool"

    return_indices: bool = return_indices_field()

    samples = (
        Sample((5, 8, 8), {}),
        Sample((3, 7, 9), {"return_indices": True}),
        Sample((3, 7, 9), {"return_indices": True}, dtype="int8"),
    )
    refusals = (Refusal((8, 8, 8), {"kernel_size": 2}, "invalid_fields"),)


@operator("global_avg_pool")
class GlobalAvgPool(GlobalWindowOperator, AdaptiveAverage, Skipping):
    """The average of each plane: adaptive_avg_pool with output_size 1."""

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes 1, and is left out without keepdims."
    )
    source: ClassVar[str] = "torch.nn.functional.adaptive_avg_pool2d(x, 1); ONNX GlobalAveragePool"

    samples = (Sample((5, 8, 8), {}), Sample((3, 7, 9), {}), Sample((3, 7, 9), {}, dtype="uint8"))
    refusals = (
        Refusal((8, 8, 8), {"output_size": 1}, "invalid_fields"),
        Refusal((8, 8, 8), {}, "unsupported_dtype", dtype="bool"),
    )
