"""Maxima of whole slices: an order of magnitude faster than torch's CPU pooling kernel, with the same bits.

The maximum of k elements per window is k - 1 elementwise maxima of strided slices, each at memory bandwidth.
``torch.maximum`` differs from torch's pooling in two cases: it may choose -0.0 or 0.0, and it may change the bits of a
NaN. The first needs a -0.0 in the input, the second a NaN in the output. Both are detected; the result is then None,
and the caller uses torch's pooling kernel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812, the name that every reader of torch knows

from poolhouse.dtypes import ElementType
from poolhouse.operators.costs import (
    STEPS_PER_BYTE,
    STEPS_PER_CALL,
    STEPS_PER_RUN,
    STRIDED_EXTRA_STEPS,
    Cost,
    elementwise_cost,
)
from poolhouse.operators.fields import Sizes
from poolhouse.operators.windows import SlidingWindow

MIN_SLICED_ELEMENTS: Final = 8192
"""From this many elements on slices are faster, despite their number of calls."""

_BITS: Final = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def has_negative_zero(x: torch.Tensor) -> bool:
    """Whether some element is -0.0, whose bits are the least integer."""
    bits = x.view(_BITS[x.element_size()])
    return bool(bits.amin() == torch.iinfo(bits.dtype).min)


def lowest_value(dtype: torch.dtype) -> float:
    """The least value of a type."""
    return float("-inf") if dtype.is_floating_point else torch.iinfo(dtype).min


def can_slice(spatial: Sizes, axes: Sequence[SlidingWindow]) -> bool:
    """Whether padding for the slices stays small.

    With ceil_mode a dilated window may extend a billion positions beyond an input of ten.
    """
    return all(
        _windows_end(axis, length) <= 2 * (length + axis.before) for axis, length in zip(axes, spatial, strict=True)
    )


def _windows_end(axis: SlidingWindow, length: int) -> int:
    """The end position of the last window."""
    return (axis.outputs(length) - 1) * axis.stride - axis.before + axis.span


def maxima_by_slices(x: torch.Tensor, axes: Sequence[SlidingWindow]) -> torch.Tensor | None:
    """The largest element of each window; None if its bits could differ from those of torch's pooling.

    Args:
        x: ``(P, *spatial)`` on the CPU, floats or integers, not empty.
        axes: the windows of each spatial axis, small ones; every window has an element inside the input.

    Shape:
        output ``(P, *spatial_out)``, contiguous.
    """
    floating = x.is_floating_point()
    if floating and has_negative_zero(x):
        return None
    if not can_slice(tuple(x.shape[1:]), axes):
        return None
    padding: list[int] = []
    for axis, length in zip(reversed(axes), reversed(x.shape[1:]), strict=True):
        padding += [axis.before, max(0, _windows_end(axis, length) - length)]
    outputs = [axis.outputs(length) for axis, length in zip(axes, x.shape[1:], strict=True)]
    if any(padding):
        x = F.pad(x, padding, value=lowest_value(x.dtype))
    # Outer axes first: their slices are whole rows, and they make the tensor smaller for the last axis.
    for dim, (axis, count) in enumerate(zip(axes, outputs, strict=True), start=1):
        x = _maxima_along_axis(x, dim, axis, count)
    x = x.contiguous()
    return None if floating and bool(x.isnan().any()) else x


def slices_cost(spatial: Sizes, axes: Sequence[SlidingWindow], dtype: ElementType) -> Cost:
    """Cost of :func:`maxima_by_slices` if its result is not None."""
    sizes = [axis.before + max(length, _windows_end(axis, length)) for length, axis in zip(spatial, axes, strict=True)]
    is_padded = sizes != list(spatial)
    padded = elementwise_cost(math.prod(sizes), dtype.itemsize)
    steps = (padded.plane_steps + STEPS_PER_RUN * math.prod(spatial[:-1])) * is_padded
    floating = dtype.kind == "float"
    # The search for -0.0 before and for NaN afterwards.
    steps += 0.2 * math.prod(spatial) * floating
    held = nbytes = padded.plane_bytes * is_padded
    for place, (axis, length) in enumerate(zip(axes, spatial, strict=True)):
        sizes[place] = axis.outputs(length)
        elements = math.prod(sizes)
        inner = math.prod(sizes[place + 1 :])
        apart = 0.0 if axis.stride == 1 else STRIDED_EXTRA_STEPS if inner == 1 else STEPS_PER_RUN / inner
        each = elementwise_cost(elements, dtype.itemsize, apart)
        steps += (axis.kernel_size - 1) * (each.plane_steps + STEPS_PER_RUN * math.prod(sizes[:place]))
        if axis.kernel_size > 1:
            # The maxima of two slices, and those of the slices before them.
            nbytes = max(nbytes, held + each.plane_bytes * min(axis.kernel_size - 1, 2))
            held = each.plane_bytes
    # The slices of windows of one element are copied at the end.
    steps += math.prod(sizes) * (dtype.itemsize * STEPS_PER_BYTE + floating)
    return Cost(steps, 2 * sum(axis.kernel_size for axis in axes) * STEPS_PER_CALL, nbytes)


def _maxima_along_axis(x: torch.Tensor, dim: int, axis: SlidingWindow, outputs: int) -> torch.Tensor:
    span = (outputs - 1) * axis.stride + 1
    largest: torch.Tensor | None = None
    for tap in range(axis.kernel_size):
        part = x.narrow(dim, tap * axis.dilation, span)
        if axis.stride > 1:
            part = part.unfold(dim, 1, axis.stride).squeeze(-1)
        largest = part if largest is None else torch.maximum(largest, part)
    assert largest is not None
    return largest
