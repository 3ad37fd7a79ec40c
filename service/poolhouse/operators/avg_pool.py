"""avg_pool1d, avg_pool2d, avg_pool3d."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812, the name that every reader of torch knows

from poolhouse.dtypes import ElementKind, ElementType
from poolhouse.errors import FieldProblem
from poolhouse.kernels.averages import AverageKernel
from poolhouse.operators.averages import (
    AVERAGE_TYPES,
    MAX_TORCH_TERMS,
    Average,
    accumulates_in_float64,
    average_kernel_cost,
    has_long_sums,
    torch_pool,
)
from poolhouse.operators.costs import Cost
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.loop_costs import KernelFactory, average_loops_cost
from poolhouse.operators.number_types import Integer
from poolhouse.operators.numbers import Number
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.ordered_sums import ordered_averages, ordered_averages_cost
from poolhouse.operators.padding import VALID, Padding
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.skipping import Skipping
from poolhouse.operators.sliding import (
    SlidingWindowOperator,
    ceil_mode_field,
    dilation_field,
    kernel_size_field,
    padding_field,
    stride_field,
    window_at,
)
from poolhouse.operators.tracing import Terms
from poolhouse.operators.wide_floats import converted
from poolhouse.operators.window_operator import Window
from poolhouse.operators.windows import SlidingWindow, Windows


@operator("avg_pool")
class AvgPool(SlidingWindowOperator, Average, Skipping):
    """The average of each window."""

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode, where "
        "``before`` and ``after`` are the padding."
    )
    source: ClassVar[str] = "torch.nn.functional.avg_pool1d, avg_pool2d, avg_pool3d"
    element_types: ClassVar[Mapping[ElementKind, str]] = {
        **AVERAGE_TYPES,
        "integer": f"{AVERAGE_TYPES['integer']} A result beyond the type (a small divisor_override) is clamped to it.",
    }
    padding_value: ClassVar[str] = (
        'Padding is 0, and counts in the divisor if count_include_pad is true, as in torch, also with padding "same": '
        "TensorFlow and Keras never count it, so give false for theirs. "
        "Positions of a ceil_mode window beyond the padding never count."
    )

    kernel_size: Sizes = kernel_size_field()
    stride: Sizes = stride_field()
    padding: Padding = padding_field()
    ceil_mode: bool = ceil_mode_field()
    count_include_pad: bool = field(
        Flag(), "Whether positions of the padding count in the divisor.", default=True, example=False
    )
    divisor_override: int | None = field(
        Integer(-(2**63), 2**63 - 1, nonzero=True),
        "Divisor of every sum instead of the number of positions; 1 gives sums.",
        default=None,
        example=1,
    )
    dilation: Sizes = dilation_field()

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        shared = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
        # torch's function with one spatial axis does not take it.
        return shared if cls.rank == 1 else (*shared, "divisor_override")

    samples = (
        Sample((5, 8, 8), {"kernel_size": 2}),
        Sample((6, 9, 11), {"kernel_size": 3, "stride": 2, "padding": 1}),
        Sample((6, 9, 11), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}),
        Sample((7, 7, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Sample((6, 6, 6), {"kernel_size": 2, "divisor_override": 1}),
        Sample((14, 14, 14), {"kernel_size": 13, "stride": 1, "padding": 6}),
        Sample((9, 9, 9), {"kernel_size": 3, "stride": 2, "padding": "same", "count_include_pad": False}),
        Sample((9, 9, 9), {"kernel_size": 2, "stride": 1, "dilation": 3}),
        Sample((8, 8, 8), {"kernel_size": 3}, dtype="uint8"),
    )
    refusals = (
        Refusal((8, 8, 8), {}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": -1}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "divisor_override": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "divisor_override": 2**63}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "dilation": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "dilation": 2**31 - 1}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"kernel_size": 1, "padding": "same_upper"}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "padding": 2}, "padding_too_large"),
        Refusal((8, 8, 8), {"kernel_size": 9}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"kernel_size": 2}, "unsupported_dtype", dtype="bool"),
    )

    def geometry(self, axis: int, length: int) -> SlidingWindow:
        return window_at(
            axis, length, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )

    def cross_field_errors(self) -> Sequence[FieldProblem]:
        if not self.skips:
            return ()
        if self.divisor_override is not None:
            message = "divisor_override has no meaning where elements are passed over; leave it out."
            return (FieldProblem("/divisor_override", "conflict", message),)
        if self.count_include_pad and self.padding != VALID and _has_padding(self.padding):
            message = "where elements are passed over, padding cannot count: set count_include_pad to false."
            return (FieldProblem("/count_include_pad", "conflict", message),)
        return ()

    def allows_empty_windows(self) -> bool:
        return not self.skips and (self.count_include_pad or self.divisor_override is not None)

    def divisor_of(self, window: Window) -> int:
        if self.divisor_override is not None:
            return self.divisor_override
        return window.extent if self.count_include_pad else len(window.values)

    def padding_number(self) -> Number | str | None:
        # With a divisor of its own the padding adds nothing, and does not change the divisor.
        return 0 if self.count_include_pad or self.divisor_override is not None else None

    def arithmetic(self, window: Window, terms: Terms, result: str) -> str:
        text = super().arithmetic(window, terms, result)
        if self.divisor_override is not None:
            return f"{text}, with divisor_override"
        if self.count_include_pad and window.extent < window.volume:
            text = f"{text}, nothing counted beyond the padding"
        if len(window.values) == window.extent:
            return text
        return f"{text}, padding {'counted' if self.count_include_pad else 'not counted'}"

    def divisor_factors(self, windows: Sequence[Windows]) -> list[npt.NDArray[np.int64]]:
        if self.divisor_override is None:
            return [axis.extent if self.count_include_pad else axis.count for axis in windows]
        ones = [np.ones(axis.outputs, dtype=np.int64) for axis in windows]
        return [ones[0] * self.divisor_override, *ones[1:]]

    def max_divisor(self, spatial: Sizes) -> int:
        return 1 if self.divisor_override is not None else math.prod(self.kernel_size)

    def _is_small(self) -> bool:
        return math.prod(self.kernel_size) <= MAX_TORCH_TERMS

    def _fits_torch(self, spatial: Sizes) -> bool:
        """Whether torch's kernels take these windows."""
        # avg_pool3d refuses a window larger than the input even if padding makes it fit.
        fits = all(kernel <= length for kernel, length in zip(self.kernel_size, spatial, strict=False))
        is_dilated = any(apart > 1 < kernel for apart, kernel in zip(self.dilation, self.kernel_size, strict=True))
        return fits and not is_dilated and self.torch_padding(spatial) is not None

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        if dtype.kind != "float" or not self._is_small():
            return super().cost(spatial, dtype)
        if not self._fits_torch(spatial):
            return ordered_averages_cost(spatial, self.axis_summaries(spatial), dtype)
        outputs = math.prod(self.spatial_out(spatial))
        return average_kernel_cost(spatial, outputs, math.prod(self.kernel_size), dtype, through_float32=self.rank == 3)

    def kernel_factory(self, spatial: Sizes, dtype: ElementType) -> KernelFactory | None:
        if has_long_sums(dtype):
            return self.long_kernel_factory(spatial, dtype)
        if not self._is_small():
            return self.float64_kernel_factory(spatial, dtype)
        return KernelFactory(
            average_loops_cost(self.axis_summaries(spatial), dtype),
            lambda: AverageKernel(
                self.kernel_axes(spatial), self.divisor_factors(self.windows(spatial)), dtype.name, rank=self.rank
            ),
        )

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        spatial = tuple(x.shape[1:])
        if not is_on_cpu(x) and not self._fits_cuda(spatial):
            return super().pool(planes)
        if x.is_floating_point() and self._is_small():
            if self._fits_torch(spatial):
                return (torch_pool(self._torch_average, x, through_float32=self.rank == 3),)
            axes = [self.geometry(axis, length) for axis, length in enumerate(spatial)]
            return (ordered_averages(x, axes, self.divisor_factors(self.windows(spatial))),)
        if accumulates_in_float64(x) and self._fits_torch(spatial) and self.naive_cuda_is_faster(spatial):
            return (converted(self._torch_average(x.to(torch.float64)), x.dtype),)
        return super().pool(planes)

    def _fits_cuda(self, spatial: Sizes) -> bool:
        # Torch's CUDA kernels truncate the divisor to 32 bits.
        return abs(self.divisor_override or 1) <= INT32_MAX and self.fits_cuda_int32(spatial)

    def _torch_average(self, x: torch.Tensor) -> torch.Tensor:
        symmetric = self.torch_padding(tuple(x.shape[1:]))
        assert symmetric is not None, "torch's kernels get only padding that they take"
        flags = (self.ceil_mode, self.count_include_pad, self.divisor_override)
        if self.rank == 3:
            return F.avg_pool3d(x, self.kernel_size, self.stride, symmetric, *flags)
        if self.rank == 2:
            return F.avg_pool2d(x, self.kernel_size, self.stride, symmetric, *flags)
        # Torch's avg_pool1d does the same, but has no divisor_override.
        row = ((1, *self.kernel_size), (1, *self.stride), (0, *symmetric))
        return F.avg_pool2d(x.unsqueeze(1), *row, *flags).squeeze(1)


def _has_padding(padding: Padding) -> bool:
    if isinstance(padding, str):
        return True
    return any(each > 0 if isinstance(each, int) else max(each) > 0 for each in padding)
