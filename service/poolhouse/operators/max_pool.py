"""max_pool1d, max_pool2d, max_pool3d."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import torch
import torch.nn.functional as F  # noqa: N812, the name that every reader of torch knows

from poolhouse.dtypes import ElementType
from poolhouse.operators.costs import Cost, torch_kernel_cost
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.fields import INT32_MAX, Flag, Sizes, field
from poolhouse.operators.maxima import Maximum
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.slices import MIN_SLICED_ELEMENTS, can_slice, maxima_by_slices, slices_cost
from poolhouse.operators.sliding import (
    SlidingWindowOperator,
    ceil_mode_field,
    dilation_field,
    kernel_size_field,
    padding_field,
    stride_field,
)
from poolhouse.operators.windows import SlidingWindow

MAX_TORCH_TERMS: Final = 32
"""Up to this many elements per window torch's kernel, which reads each of them, is faster than ``reductions``."""


@operator("max_pool")
class MaxPool(SlidingWindowOperator, Maximum):
    """The largest element of each window, and optionally its index."""

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L + 2·padding - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode."
    )
    padding_value: ClassVar[str] = "Padding is less than every value, including the type's least, and is never chosen."
    source: ClassVar[str] = "torch.nn.functional.max_pool1d, max_pool2d, max_pool3d"

    kernel_size: Sizes = kernel_size_field()
    stride: Sizes = stride_field()
    padding: Sizes = padding_field()
    dilation: Sizes = dilation_field()
    ceil_mode: bool = ceil_mode_field()
    return_indices: bool = field(
        Flag(), "Whether to return the index of each value too; max_unpool needs it.", default=False, example=True
    )

    samples = (
        Sample((5, 8, 8), {"kernel_size": 2}),
        Sample((6, 9, 11), {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}),
        Sample((7, 7, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Sample((9, 10, 9), {"kernel_size": 2, "stride": 1, "dilation": 3, "return_indices": True}),
        Sample((12, 12, 12), {"kernel_size": 9, "stride": 1, "padding": 4, "return_indices": True}),
        Sample((8, 8, 8), {"kernel_size": 3}, dtype="uint8"),
        Sample((4, 6, 6), {"kernel_size": 2}, dtype="bool"),
    )
    refusals = (
        Refusal((8, 8, 8), {}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2**31}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2.5}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": True}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "stride": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "dilation": 0}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "padding": -1}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 3, "dilation": 2, "padding": 2}, "padding_too_large"),
        Refusal((8, 8, 8), {"kernel_size": 9}, "window_does_not_fit"),
        Refusal((8, 8, 8), {"kernel_size": 3, "dilation": 2**31 - 1}, "window_does_not_fit"),
        Refusal((3, 3, 3), {"kernel_size": 2, "stride": 1, "padding": 1, "dilation": 4}, "empty_window"),
    )

    def geometry(self, axis: int) -> SlidingWindow:
        kernel = self.kernel_size[axis]
        # With one element dilation has no effect, but torch's CUDA kernel reads outside the input for a large one.
        dilation = self.dilation[axis] if kernel > 1 else 1
        return SlidingWindow(kernel, self.stride[axis], self.padding[axis], dilation, self.ceil_mode)

    def _uses_torch(self) -> bool:
        # Torch's kernels multiply window and dilation in 32 bits; a window that overflows is empty for them.
        return math.prod(self.kernel_size) <= MAX_TORCH_TERMS and max(self.dilation) <= INT32_MAX // MAX_TORCH_TERMS

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        if not self._uses_torch():
            return super().cost(spatial, dtype)
        sizes = self.axis_summaries(spatial)
        outputs, reads = (
            math.prod(each) for each in zip(*((size.outputs, size.longest) for size in sizes), strict=True)
        )
        if self.rank == 1 and dtype.kind == "float" and not self.return_indices:
            # Outputs are computed in vectors; the last ones, and all of 16-bit types, one by one.
            single = outputs if dtype.itemsize == 2 else min(outputs, 8)
            return torch_kernel_cost(outputs, 1 + 0.15 * reads, 0).then(Cost(single * reads, 0.0, 0.0))
        # Two steps for each element: the branch predictor cannot guess the comparison.
        kernel = torch_kernel_cost(outputs, 8 + 2 * reads, 8 * outputs)
        volume = math.prod(self.kernel_size)
        if self.return_indices or volume == 1 or outputs * volume < math.prod(spatial) // 4:
            return kernel
        axes = [self.geometry(axis) for axis in range(self.rank)]
        if not can_slice(spatial, axes):
            return kernel
        slices = slices_cost(spatial, axes, dtype)
        if dtype.kind != "float":
            return slices
        # If there is a NaN or a -0.0, both algorithms run, which takes many times as long. The plan has their mean.
        both = slices.then(kernel)
        steps = min(math.sqrt(slices.plane_steps * both.plane_steps), kernel.plane_steps)
        return Cost(steps, slices.call_steps, both.plane_bytes)

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        if not is_on_cpu(x):
            return self._torch_maxima(x) if self._uses_cuda_kernel(x) else super().run(planes)
        if not self._uses_torch():
            return super().run(planes)
        if x.dtype is torch.bool:
            values, *rest = self._small_maxima(x.view(torch.uint8))
            return (values.view(torch.bool), *rest)
        return self._small_maxima(x)

    def _small_maxima(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self._uses_slices(x):
            found = maxima_by_slices(x, [self.geometry(axis) for axis in range(self.rank)])
            if found is not None:
                return (found,)
        return self._torch_maxima(x)

    def _uses_cuda_kernel(self, x: torch.Tensor) -> bool:
        """Whether torch's CUDA kernel is correct and not slower than ``reductions``; it takes no integers."""
        spatial = tuple(x.shape[1:])
        return (
            x.is_floating_point()
            and self.fits_cuda_int32(spatial)
            and (self._uses_torch() or self.naive_cuda_is_faster(spatial))
        )

    def _uses_slices(self, x: torch.Tensor) -> bool:
        elements, volume = x.numel(), math.prod(self.kernel_size)
        if self.return_indices or elements < MIN_SLICED_ELEMENTS or volume == 1:
            return False
        if self.rank == 1 and x.is_floating_point():
            return False  # torch's max_pool1d for floats is as fast
        # Slices read every element once more, which does not pay if the windows skip most elements.
        return math.prod(self.spatial_out(tuple(x.shape[1:]))) * volume * x.shape[0] >= elements // 4

    def _effective_dilation(self) -> Sizes:
        if 1 not in self.kernel_size:
            return self.dilation
        return tuple(self.geometry(axis).dilation for axis in range(self.rank))

    def _torch_maxima(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self.rank == 1 and x.is_floating_point() and not self.return_indices:
            values = F.max_pool1d(
                x, self.kernel_size, self.stride, self.padding, self._effective_dilation(), self.ceil_mode
            )
            return (values,)
        # Torch's max_pool1d takes integers only with indices, and with indices it is slower than max_pool2d on a row.
        is_row = self.rank == 1
        kernel, stride, padding, dilation = (
            (filler, *sizes) if is_row else sizes
            for filler, sizes in (
                (1, self.kernel_size),
                (1, self.stride),
                (0, self.padding),
                (1, self._effective_dilation()),
            )
        )
        planes = x.unsqueeze(1) if is_row else x
        found: tuple[torch.Tensor, ...]
        if self.return_indices:
            indexed = F.max_pool3d_with_indices if self.rank == 3 else F.max_pool2d_with_indices
            found = indexed(planes, kernel, stride, padding, dilation, self.ceil_mode)
        else:
            # Not F.max_pool2d: its dispatch over return_indices takes as long as pooling a tiny tensor.
            plain = torch.max_pool3d if self.rank == 3 else torch.max_pool2d
            found = (plain(planes, kernel, stride, padding, dilation, self.ceil_mode),)
        return tuple(each.squeeze(1) for each in found) if is_row else found
