"""Sliding windows: the fields kernel size, stride, padding, dilation and ceil mode, their checks, their geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from poolhouse.dtypes import ELEMENT_TYPES, ElementType
from poolhouse.errors import Unprocessable
from poolhouse.operators.costs import Cost
from poolhouse.operators.empty_windows import Places, PlacingKernel, place_tensor, placing_cost
from poolhouse.operators.field_types import Flag
from poolhouse.operators.fields import Sizes, axis_names, field
from poolhouse.operators.loop_costs import KernelFactory
from poolhouse.operators.operator import Planes
from poolhouse.operators.padding import VALID, Padding, PaddingPerAxis, padding_at_axis
from poolhouse.operators.size_types import INT32_MAX, IntegerPerAxis
from poolhouse.operators.window_operator import WindowOperator
from poolhouse.operators.windows import AxisSummary, SlidingWindow, Windows

KERNEL_SIZE = IntegerPerAxis(1)
STRIDE = IntegerPerAxis(1)
PADDING = PaddingPerAxis()
DILATION = IntegerPerAxis(1)

_MAX_GRID_ROWS: Final = 8 * 65_535
"""Output rows that torch's 3-D kernels can place on a CUDA grid axis, with eight rows for each block."""


def kernel_size_field() -> Sizes:
    """Declare ``kernel_size``."""
    declared: Sizes = field(KERNEL_SIZE, "Elements of a window along each axis.", example=2)
    return declared


def stride_field() -> Sizes:
    """Declare ``stride``."""
    declared: Sizes = field(
        STRIDE,
        "Positions from one window to the next along each axis; kernel_size when not given.",
        default_from="kernel_size",
        example=2,
    )
    return declared


def padding_field(of: str = "Positions added before and after the input") -> Padding:
    """Declare ``padding``."""
    declared: Padding = field(
        PADDING,
        f"{of} along each axis: integers, which are at most half of kernel_size as in torch; "
        "pairs [before, after] of any size; "
        "\"same\" for ceil(L / stride) windows, as TensorFlow's SAME and ONNX's SAME_UPPER, an odd position after; "
        '"same_lower" with the odd one before; "valid" for none.',
        default=0,
        example=1,
    )
    return declared


def dilation_field() -> Sizes:
    """Declare ``dilation``."""
    declared: Sizes = field(
        DILATION, "Distance from one element of a window to the next along each axis.", default=1, example=1
    )
    return declared


def ceil_mode_field() -> bool:
    """Declare ``ceil_mode``."""
    declared: bool = field(
        Flag(),
        "Whether the number of windows is rounded up, so that the last one may extend beyond the padded input; "
        "a window that this would add after the last element of the input is left out.",
        default=False,
        example=False,
    )
    return declared


def window_at(
    axis: int, length: int, kernel_size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes, *, ceil_mode: bool
) -> SlidingWindow:
    """The windows along one axis of this length."""
    kernel = kernel_size[axis]
    # With one element dilation has no effect, but torch's CUDA kernel reads outside the input for a large one.
    apart = dilation[axis] if kernel > 1 else 1
    span = apart * (kernel - 1) + 1
    before, after = padding_at_axis(padding, axis, length, stride=stride[axis], span=span)
    return SlidingWindow(kernel, stride[axis], before, after, apart, ceil_mode)


class SlidingWindowOperator(WindowOperator):
    """Base of operators over windows of one size that move by a stride."""

    padding: Padding = VALID

    def geometry(self, axis: int, length: int) -> SlidingWindow:
        """The windows along one axis; those of "same" depend on its length."""
        raise NotImplementedError

    def allows_empty_windows(self) -> bool:
        """Whether a window may lie wholly in the padding: its result is 0, the value of the padding. Else refused."""
        return False

    def pools_axis(self, axis: int, length: int) -> bool:
        return self.geometry(axis, length).kernel_size > 1

    def padding_at(self, axis: int, length: int) -> tuple[int, int]:
        geometry = self.geometry(axis, length)
        return geometry.before, geometry.after

    def torch_padding(self, spatial: Sizes) -> Sizes | None:
        """The padding of each axis as torch's kernels take it; None if they refuse it."""
        axes = self._axes(spatial)
        if any(axis.before != axis.after or 2 * axis.before > axis.kernel_size for axis in axes):
            return None
        return tuple(axis.before for axis in axes)

    def axis_summary(self, axis: int, length: int) -> AxisSummary:
        geometry, name = self.geometry(axis, length), axis_names(self.rank)[axis]
        half = geometry.kernel_size // 2
        if not isinstance(self.padding, str) and isinstance(self.padding[axis], int) and geometry.before > half:
            raise Unprocessable(
                "padding_too_large",
                f"padding {geometry.before} on axis {name} is more than half of kernel_size {geometry.kernel_size}; "
                f"use at most {half}, or for more the pair [{geometry.before}, {geometry.after}].",
            )
        if geometry.outputs(length) < 1:
            padded = length + geometry.before + geometry.after
            raise Unprocessable(
                "window_does_not_fit",
                f"no window fits on axis {name}: a window spans {geometry.span} positions "
                f"(kernel_size {geometry.kernel_size}, dilation {geometry.dilation}), "
                f"and the input with its padding has {padded}. Use a smaller window, more padding, or ceil_mode.",
            )
        summary = geometry.summarize(length)
        if summary.empty and not self.allows_empty_windows():
            raise Unprocessable(
                "empty_window",
                f"on axis {name} a window of kernel_size {geometry.kernel_size} and dilation {geometry.dilation} would "
                f"lie entirely in the padding around {length} positions, {geometry.before} before and "
                f"{geometry.after} after; use less padding or less dilation.",
            )
        return summary

    def axis_windows(self, axis: int, length: int) -> Windows:
        return self.geometry(axis, length).windows(length)

    def size_formula(self, axis: int, length: int) -> str:
        text = self.geometry(axis, length).formula(length)
        is_rule = isinstance(self.padding, str) and self.padding != VALID
        return f'{text}, with padding "{self.padding}"' if is_rule else text

    def traced_plane_positions(self, spatial: Sizes) -> int:
        return math.prod(int(axis.count.sum()) for axis in self.windows(spatial))

    def _axes(self, spatial: Sizes) -> list[SlidingWindow]:
        return [self.geometry(axis, length) for axis, length in enumerate(spatial[: self.rank])]

    def spatial_out(self, spatial: Sizes) -> Sizes:
        return tuple(size.outputs + size.empty for size in self.axis_summaries(spatial))

    def fits_cuda_int32(self, spatial: Sizes) -> bool:
        """Whether torch's CUDA kernels place these windows correctly.

        They add window, padding and axis in 32 bits and read outside the input beyond that (pytorch#189664). In 3-D a
        launch with more rows than a grid has fails, with an error that looks like a broken device.
        """
        ends = [length + axis.after + axis.span for axis, length in zip(self._axes(spatial), spatial, strict=True)]
        return max(ends) <= INT32_MAX and (self.rank < 3 or self.spatial_out(spatial)[1] <= _MAX_GRID_ROWS)

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        geometry = self.geometry(axis, spatial[axis])
        start = output * geometry.stride - geometry.before
        return range(start, start + geometry.span, geometry.dilation)

    # ---- windows without an element, see ``empty_windows``

    def _empty_axes(self, plane_shape: Sizes) -> tuple[AxisSummary, ...]:
        """The axes that have windows without an element."""
        return tuple(size for size in self.axis_summaries(self.spatial_of(plane_shape)) if size.empty)

    def _places(self, plane_shape: Sizes) -> list[Places]:
        spatial = self.spatial_of(plane_shape)
        return [
            Places(axis, size.outputs + size.empty, self.geometry(axis, size.length).places(size.length))
            for axis, size in enumerate(self.axis_summaries(spatial))
            if size.empty
        ]

    def run(self, planes: Planes) -> tuple[torch.Tensor, ...]:
        x = planes["input"]
        plane_shape = tuple(x.shape[1:])
        axes = self._empty_axes(plane_shape)
        if not axes:
            return super().run(planes)
        if all(size.outputs for size in axes):
            places = self._places(plane_shape)
            return tuple(place_tensor(found, places) for found in super().run(planes))
        channels = (plane_shape[-1],) if self.is_channels_last else ()
        dtype = ELEMENT_TYPES[str(x.dtype).removeprefix("torch.")]
        whole = (x.shape[0], *self.spatial_out(self.spatial_of(plane_shape)), *channels)
        return tuple(
            torch.zeros(whole, dtype=getattr(torch, each.dtype.name), device=x.device)
            for each in self.output_metadata((1,), self.spatial_of(plane_shape), dtype).values()
        )

    def cost_of(self, plane_shape: Sizes, dtype: ElementType) -> Cost:
        axes = self._empty_axes(plane_shape)
        if not axes:
            return super().cost_of(plane_shape, dtype)
        cost = super().cost_of(plane_shape, dtype) if all(size.outputs for size in axes) else None
        return self._placing_cost(cost, plane_shape, dtype)

    def loops_of(self, plane_shape: Sizes, dtype: ElementType) -> KernelFactory | None:
        axes = self._empty_axes(plane_shape)
        if not all(size.outputs for size in axes):
            return None
        loops = super().loops_of(plane_shape, dtype)
        if loops is None or not axes:
            return loops
        make = loops.make
        return replace(
            loops,
            cost=self._placing_cost(loops.cost, plane_shape, dtype),
            make=lambda: PlacingKernel(make(), self._places(plane_shape)),
        )

    def _placing_cost(self, cost: Cost | None, plane_shape: Sizes, dtype: ElementType) -> Cost:
        spatial, channels = self.spatial_of(plane_shape), plane_shape[-1] if self.is_channels_last else 1
        outputs = sum(each.nbytes for each in self.output_metadata((channels,), spatial, dtype).values())
        share = math.prod(self.pooled_sizes(spatial)) / math.prod(self.spatial_out(spatial))
        return placing_cost(cost, len(self._empty_axes(plane_shape)), round(share * outputs), outputs)


@dataclass(frozen=True)
class SlidingFields(SlidingWindowOperator):
    """Base of operators with all fields of sliding windows, in torch's order."""

    kernel_size: Sizes = kernel_size_field()  # noqa: RUF009, which declares the field
    stride: Sizes = stride_field()  # noqa: RUF009, which declares the field
    padding: Padding = padding_field()  # noqa: RUF009, which declares the field
    dilation: Sizes = dilation_field()  # noqa: RUF009, which declares the field
    ceil_mode: bool = ceil_mode_field()

    def geometry(self, axis: int, length: int) -> SlidingWindow:
        return window_at(
            axis, length, self.kernel_size, self.stride, self.padding, self.dilation, ceil_mode=self.ceil_mode
        )
