"""Sliding windows: the fields kernel size, stride, padding, dilation and ceil mode, their checks, their geometry."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from poolhouse.errors import Unprocessable
from poolhouse.operators.fields import INT32_MAX, Flag, IntegerPerAxis, Sizes, axis_names, field
from poolhouse.operators.window_operator import WindowOperator
from poolhouse.operators.windows import AxisSummary, SlidingWindow, Windows

KERNEL_SIZE = IntegerPerAxis(1)
STRIDE = IntegerPerAxis(1)
PADDING = IntegerPerAxis(0)
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


def padding_field(of: str = "Positions added before and after the input") -> Sizes:
    """Declare ``padding``."""
    declared: Sizes = field(
        PADDING,
        f"{of} along each axis; at most half of kernel_size.",
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
        "a window that would start after the last element of the input is left out.",
        default=False,
        example=False,
    )
    return declared


class SlidingWindowOperator(WindowOperator):
    """Base of operators over windows of one size that move by a stride."""

    def geometry(self, axis: int) -> SlidingWindow:
        """The windows along one axis."""
        raise NotImplementedError

    def pools_axis(self, axis: int, length: int) -> bool:
        return self.geometry(axis).kernel_size > 1

    def padding_at(self, axis: int) -> int:
        return self.geometry(axis).padding

    def axis_summaries(self, spatial: Sizes) -> tuple[AxisSummary, ...]:
        return tuple(self._fitted(axis, length) for axis, length in enumerate(spatial))

    def _fitted(self, axis: int, length: int) -> AxisSummary:
        geometry, name = self.geometry(axis), axis_names(self.rank)[axis]
        if 2 * geometry.padding > geometry.kernel_size:
            raise Unprocessable(
                "padding_too_large",
                f"padding {geometry.padding} on axis {name} is more than half of kernel_size {geometry.kernel_size}; "
                f"use at most {geometry.kernel_size // 2}, or pad the input yourself.",
            )
        outputs = geometry.outputs(length)
        if outputs < 1:
            padded = length + 2 * geometry.padding
            raise Unprocessable(
                "window_does_not_fit",
                f"no window fits on axis {name}: a window spans {geometry.span} positions "
                f"(kernel_size {geometry.kernel_size}, dilation {geometry.dilation}), "
                f"and the input with its padding has {padded}. Use a smaller window, more padding, or ceil_mode.",
            )
        if geometry.has_empty_window(length):
            raise Unprocessable(
                "empty_window",
                f"on axis {name} a window of kernel_size {geometry.kernel_size} and dilation {geometry.dilation} would "
                f"lie entirely in the padding around {length} positions; use less dilation or no padding.",
            )
        return geometry.summarize(length)

    def windows(self, spatial: Sizes) -> tuple[Windows, ...]:
        return tuple(axis.windows(length) for axis, length in self._axes(spatial))

    def _axes(self, spatial: Sizes) -> list[tuple[SlidingWindow, int]]:
        return [(self.geometry(axis), length) for axis, length in enumerate(spatial)]

    def fits_cuda_int32(self, spatial: Sizes) -> bool:
        """Whether torch's CUDA kernels place these windows correctly.

        They add window, padding and axis in 32 bits and read outside the input beyond that (pytorch#189664). In 3-D a
        launch with more rows than a grid has fails, with an error that looks like a broken device.
        """
        ends = [length + axis.padding + axis.span for axis, length in self._axes(spatial)]
        return max(ends) <= INT32_MAX and (self.rank < 3 or self.spatial_out(spatial)[1] <= _MAX_GRID_ROWS)

    def positions(self, spatial: Sizes, axis: int, output: int, samples: npt.NDArray[np.float64]) -> range:
        geometry = self.geometry(axis)
        start = output * geometry.stride - geometry.padding
        return range(start, start + geometry.span, geometry.dilation)
