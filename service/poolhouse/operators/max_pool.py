"""max_pool1d, max_pool2d, max_pool3d."""

from __future__ import annotations

import math
from typing import ClassVar, Final

import torch
import torch.nn.functional as F  # noqa: N812, the name that every reader of torch knows

from poolhouse.dtypes import ElementType
from poolhouse.operators.costs import Cost, torch_kernel_cost
from poolhouse.operators.device_kind import is_on_cpu
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, field
from poolhouse.operators.maxima import Maximum
from poolhouse.operators.operator import Planes, Refusal, Sample, operator
from poolhouse.operators.size_types import INT32_MAX
from poolhouse.operators.skipping import Skipping
from poolhouse.operators.slices import MIN_SLICED_ELEMENTS, can_slice, maxima_by_slices, slices_cost
from poolhouse.operators.sliding import (
    SlidingFields,
)
from poolhouse.operators.unsigned import as_ordered, from_ordered, ordered_cost

MAX_TORCH_TERMS: Final = 32
"""Up to this many elements per window torch's kernel, which reads each of them, is faster than ``reductions``."""


@operator("max_pool")
class MaxPool(SlidingFields, Maximum, Skipping):
    """The largest element of each window, and optionally its index."""

    shape_rule: ClassVar[str] = (
        "input ``(N, C, *spatial)`` or ``(C, *spatial)``; each axis becomes "
        "``floor((L + before + after - dilation·(kernel_size - 1) - 1) / stride) + 1``, rounded up in ceil mode, where "
        "``before`` and ``after`` are the padding."
    )
    padding_value: ClassVar[str] = "Padding is less than every value, including the type's least, and is never chosen."
    source: ClassVar[str] = "torch.nn.functional.max_pool1d, max_pool2d, max_pool3d"

    return_indices: bool = field(
        Flag(), "Whether to return the index of each value too; max_unpool needs it.", default=False, example=True
    )

    @classmethod
    def torch_arguments(cls) -> tuple[str, ...]:
        return "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"

    samples = (
        Sample((5, 8, 8), {"kernel_size": 2}),
        Sample((6, 9, 11), {"kernel_size": 3, "stride": 2, "padding": 1, "return_indices": True}),
        Sample((7, 7, 7), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        Sample((9, 10, 9), {"kernel_size": 2, "stride": 1, "dilation": 3, "return_indices": True}),
        Sample((12, 12, 12), {"kernel_size": 9, "stride": 1, "padding": 4, "return_indices": True}),
        Sample((9, 9, 9), {"kernel_size": 3, "stride": 2, "padding": "same", "return_indices": True}),
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
        Refusal((8, 8, 8), {"kernel_size": 2, "padding": "full"}, "invalid_fields"),
        Refusal((8, 8, 8), {"kernel_size": 2, "padding": [[1, 1, 1]]}, "invalid_fields"),
    )

    def _uses_torch(self, spatial: Sizes) -> bool:
        return self._is_small() and self.torch_padding(spatial) is not None

    def _is_small(self) -> bool:
        # Torch's kernels multiply window and dilation in 32 bits; a window that overflows is empty for them.
        return math.prod(self.kernel_size) <= MAX_TORCH_TERMS and max(self.dilation) <= INT32_MAX // MAX_TORCH_TERMS

    def cost(self, spatial: Sizes, dtype: ElementType) -> Cost:
        if not self._uses_torch(spatial):
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
        elements = math.prod(spatial)
        kernel = ordered_cost(torch_kernel_cost(outputs, 8 + 2 * reads, 8 * outputs), elements, outputs, dtype)
        volume = math.prod(self.kernel_size)
        if self.return_indices or volume == 1 or outputs * volume < elements // 4:
            return kernel
        axes = [self.geometry(axis, length) for axis, length in enumerate(spatial)]
        if not can_slice(spatial, axes):
            return kernel
        slices = ordered_cost(slices_cost(spatial, axes, dtype), elements, outputs, dtype)
        if dtype.kind != "float":
            return slices
        # If there is a NaN or a -0.0, both algorithms run, which takes many times as long. The plan has their mean.
        both = slices.then(kernel)
        steps = min(math.sqrt(slices.plane_steps * both.plane_steps), kernel.plane_steps)
        return Cost(steps, slices.call_steps, both.plane_bytes)

    def pool(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        if not is_on_cpu(x):
            return self._torch_maxima(x) if self._uses_cuda_kernel(x) else super().pool(planes)
        if not self._uses_torch(tuple(x.shape[1:])):
            return super().pool(planes)
        values, *rest = self._small_maxima(as_ordered(x))
        return (from_ordered(values, x.dtype), *rest)

    def _small_maxima(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self._uses_slices(x):
            found = maxima_by_slices(x, [self.geometry(axis, length) for axis, length in enumerate(x.shape[1:])])
            if found is not None:
                return (found,)
        return self._torch_maxima(x)

    def _uses_cuda_kernel(self, x: torch.Tensor) -> bool:
        """Whether torch's CUDA kernel is correct and not slower than ``reductions``; it takes no integers."""
        spatial = tuple(x.shape[1:])
        return (
            x.is_floating_point()
            and self.torch_padding(spatial) is not None
            and self.fits_cuda_int32(spatial)
            and (self._is_small() or self.naive_cuda_is_faster(spatial))
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
        return tuple(apart if size > 1 else 1 for apart, size in zip(self.dilation, self.kernel_size, strict=True))

    def _torch_maxima(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        symmetric = self.torch_padding(tuple(x.shape[1:]))
        assert symmetric is not None, "torch's kernels get only padding that they take"
        if self.rank == 1 and x.is_floating_point() and not self.return_indices:
            values = F.max_pool1d(
                x, self.kernel_size, self.stride, symmetric, self._effective_dilation(), self.ceil_mode
            )
            return (values,)
        # Torch's max_pool1d takes integers only with indices, and with indices it is slower than max_pool2d on a row.
        is_row = self.rank == 1
        kernel, stride, padding, dilation = (
            (filler, *sizes) if is_row else sizes
            for filler, sizes in (
                (1, self.kernel_size),
                (1, self.stride),
                (0, symmetric),
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
