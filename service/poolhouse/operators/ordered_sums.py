"""Averages of few elements in torch's order, for windows that torch's kernels do not take.

Torch has no dilated average and pads both sides alike. Here the first elements of all windows are added to zero, then
the second ones, and so on: each sum has the order and the element type of torch's kernels, and of ``kernels.averages``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import reduce
from typing import Final

import numpy as np
import torch

from poolhouse.dtypes import ElementType
from poolhouse.operators.costs import (
    STEPS_PER_CALL,
    STEPS_PER_RUN,
    STRIDED_EXTRA_STEPS,
    Cost,
    elementwise_cost,
    window_position_steps,
)
from poolhouse.operators.fields import Sizes
from poolhouse.operators.quotients import Factors
from poolhouse.operators.wide_floats import converted
from poolhouse.operators.windows import AxisSummary, SlidingWindow

_AXES_ROUNDED_LAST: Final = 3
"""Torch's avg_pool3d has no 16-bit floats on the CPU: its results in float32 are rounded at the end."""
_CALLS_PER_TAP: Final = 6
"""Views of the input and of the sums, and the addition."""


def ordered_averages(x: torch.Tensor, axes: Sequence[SlidingWindow], factors: Factors) -> torch.Tensor:
    """The sum of each window over its divisor; 16-bit floats are added in float32 and rounded once.

    Args:
        x: ``(P, *spatial)``, floats.
        axes: the windows of each axis, with few elements each.
        factors: factors for each axis; their outer product is the divisor of each output.

    Shape:
        output ``(P, *spatial_out)``, without windows that lie wholly in the padding.
    """
    wide = x.to(torch.float32) if x.element_size() == 2 else x
    total = wide.new_zeros((x.shape[0], *map(len, factors)))
    taps = (_taps_of(axis, length) for axis, length in zip(axes, x.shape[1:], strict=True))
    for each in itertools.product(*taps):
        given, found = zip(*each, strict=True)
        total[(..., *found)] += wide[(..., *given)]
    divisors = torch.from_numpy(reduce(np.multiply.outer, factors)).to(total.dtype).to(x.device)
    # Torch adds the quotient to zero, so -0 becomes +0; of fewer than three axes also one that rounds to it.
    rounded = total.div_(divisors).add_(0.0).to(x.dtype)
    return converted(rounded.add_(0.0) if len(axes) < _AXES_ROUNDED_LAST else rounded, x.dtype)


def _taps_of(axis: SlidingWindow, length: int) -> list[tuple[slice, slice]]:
    """For each place within a window: the elements there, and the windows that have an element there."""
    taps = []
    outputs, places = axis.outputs(length), axis.places(length)
    for tap in range(axis.kernel_size):
        # Window ``o`` has this element at ``o * stride + first``.
        first = tap * axis.dilation - axis.before
        begin = max(-(first // axis.stride), 0)
        end = min((length - 1 - first) // axis.stride + 1, outputs)
        if begin < end:
            at, place = begin * axis.stride + first, int(np.searchsorted(places, begin))
            span = (end - begin - 1) * axis.stride + 1
            taps.append((slice(at, at + span, axis.stride), slice(place, place + end - begin)))
    return taps


def ordered_averages_cost(spatial: Sizes, axes: Sequence[AxisSummary], dtype: ElementType) -> Cost:
    """Cost of :func:`ordered_averages` for a plane."""
    itemsize = max(dtype.itemsize, 4)
    outputs, taps = math.prod(axis.outputs for axis in axes), math.prod(axis.longest for axis in axes)
    added = elementwise_cost(outputs, itemsize, STRIDED_EXTRA_STEPS)
    rows = outputs // axes[-1].outputs
    divided = elementwise_cost(outputs, itemsize, 0.5).then(elementwise_cost(outputs, itemsize))
    widened = elementwise_cost(math.prod(spatial), 4) if dtype.itemsize == 2 else Cost(0.0, 0.0, 0.0)
    return Cost(
        widened.plane_steps + taps * (added.plane_steps + rows * STEPS_PER_RUN) + divided.plane_steps,
        (taps * _CALLS_PER_TAP + 8) * STEPS_PER_CALL + window_position_steps(sum(axis.outputs for axis in axes)),
        widened.plane_bytes + outputs * itemsize,
        # The positions of all windows, and the divisors.
        64.0 * sum(axis.outputs for axis in axes) + 24 * outputs,
    )
