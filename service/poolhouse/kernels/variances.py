"""Variances of windows in two passes: the mean of each window, then the squared deviations from it, in float64.

Elements have at most 32 bits, so that sums of equal elements are exact and their variance is 0. The order of additions
depends on the windows only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.axes import DILATION, FIRST, HIGH, LONGEST, LOW, STRIDE, Axis
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    H_AXIS,
    HEIGHT,
    ROWS,
    W_AXIS,
    WIDTH,
    Layout,
)
from poolhouse.kernels.registry import Flat, helper, loop
from poolhouse.kernels.widening import SUMMED_AS, Array, WideType, cast, cast_rounded, pool_in_chunks
from poolhouse.kernels.window_kernels import pad_to_three_axes

_FROM_INTEGERS: Final = WideType(np.dtype(np.float64), cast, cast_rounded)


@helper
def _add_columns(line: Flat, layout: Flat, w: int, out: Flat) -> None:
    """The sum of each window along W of one line; ``w`` is the offset of the encoded axis."""
    columns, dilation, stride = layout[COLUMNS], layout[w + DILATION], layout[w + STRIDE]
    firsts = w + FIRST
    counts = firsts + columns
    low, high = layout[w + LOW], layout[w + HIGH]
    for j in range(columns):
        if not low <= j < high:
            total = 0.0
            for k in range(layout[counts + j]):
                total += line[layout[firsts + j] + k * dilation]
            out[j] = total
    if high > low:
        begin = layout[firsts + low]
        for j in range(low, high):
            out[j] = 0.0
        for k in range(layout[w + LONGEST]):
            at = begin + k * dilation
            if stride == 1:
                for j in range(high - low):
                    out[low + j] += line[at + j]
            else:
                for j in range(high - low):
                    out[low + j] += line[at + j * stride]


@helper
def _add_squares(x: Flat, at: int, layout: Flat, w: int, means: Flat, out: Flat) -> None:
    """Add the squared deviations of a row, which begins at ``at``, from the mean of each window along W."""
    columns, dilation, stride = layout[COLUMNS], layout[w + DILATION], layout[w + STRIDE]
    firsts = w + FIRST
    counts = firsts + columns
    low, high = layout[w + LOW], layout[w + HIGH]
    for j in range(columns):
        if not low <= j < high:
            total = 0.0
            for k in range(layout[counts + j]):
                apart = x[at + layout[firsts + j] + k * dilation] - means[j]
                total += apart * apart
            out[j] += total
    if high > low:
        for k in range(layout[w + LONGEST]):
            begin = at + layout[firsts + low] + k * dilation
            if stride == 1:
                for j in range(high - low):
                    apart = x[begin + j] - means[low + j]
                    out[low + j] += apart * apart
            else:
                for j in range(high - low):
                    apart = x[begin + j * stride] - means[low + j]
                    out[low + j] += apart * apart


@loop("void(float64*, float64*, int64, int64*, int64, int64, float64*, float64*, float64*)")
def plane_variances(
    x: Flat,
    out: Flat,
    planes: int,
    layout: Flat,
    correction: int,
    apart: int,
    line: Flat,
    spread: Flat,
    means: Flat,
) -> None:
    """The sum of squared deviations of each window over its number of elements less the correction.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        planes: number of planes.
        layout: :attr:`Layout.encoded`.
        correction: 0 or 1.
        apart: 1 if no two windows along W overlap, so that each column has one mean; else 0.
        line: scratch: a line of the input.
        spread: scratch: a line of the input.
        means: scratch: a line of the output.
    """
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out, height = layout[DEPTH], layout[DEPTH_OUT], layout[HEIGHT]
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    for j in range(width):
        spread[j] = 0.0
    for line_out in range(planes * depth_out * rows):
        o = line_out % rows
        od = line_out // rows % depth_out
        first_row = (line_out // rows // depth_out * depth + layout[firsts_d + od]) * height + layout[firsts_h + o]
        many_d, many_h = layout[counts_d + od], layout[counts_h + o]
        for j in range(width):
            line[j] = 0.0
        for dt in range(many_d):
            for t in range(many_h):
                at = (first_row + dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                for j in range(width):
                    line[j] += x[at + j]
        _add_columns(line, layout, w, means)
        for j in range(columns):
            means[j] /= many_d * many_h * layout[counts_w + j]
        to = line_out * columns
        if apart != 0:
            for j in range(columns):
                for k in range(layout[counts_w + j]):
                    spread[layout[firsts_w + j] + k * layout[w + DILATION]] = means[j]
            for j in range(width):
                line[j] = 0.0
            for dt in range(many_d):
                for t in range(many_h):
                    at = (first_row + dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                    for j in range(width):
                        deviation = x[at + j] - spread[j]
                        line[j] += deviation * deviation
            # The means are not needed any more.
            _add_columns(line, layout, w, means)
            for j in range(columns):
                out[to + j] = means[j] / (many_d * many_h * layout[counts_w + j] - correction)
        else:
            for j in range(columns):
                line[j] = 0.0
            for dt in range(many_d):
                for t in range(many_h):
                    at = (first_row + dt * layout[d + DILATION] * height + t * layout[h + DILATION]) * width
                    _add_squares(x, at, layout, w, means, line)
            for j in range(columns):
                out[to + j] = line[j] / (many_d * many_h * layout[counts_w + j] - correction)


class VarianceKernel:
    """The variance of each window, or its root, as float32 for integers and else as the element type.

    Args:
        axes: the windows of one to three axes.
        element: the element type; no float64, no integer of 64 bits.
        correction: 0 or 1.
        takes_root: whether the result is the standard deviation.
    """

    def __init__(self, axes: Sequence[Axis], element: str, correction: int, *, takes_root: bool) -> None:
        self._layout = Layout(pad_to_three_axes(axes), 8)
        self._width, self._columns = axes[-1].length, axes[-1].outputs
        self._spatial_out = tuple(axis.outputs for axis in axes)
        self._correction, self._takes_root = correction, takes_root
        self._is_float = element in ("float32", "float16", "bfloat16")
        self._wide = SUMMED_AS[element] if self._is_float else _FROM_INTEGERS
        last = axes[-1].first + (axes[-1].count - 1) * axes[-1].dilation
        self._are_apart = bool((axes[-1].first[1:] > last[:-1]).all())

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), given.dtype if self._is_float else np.float32)

        def pool(taken: Array, found: Array, begin: int, many: int) -> None:
            # The line also takes the squares of a row of outputs, which may have more elements.
            line, spread = np.empty(max(self._width, self._columns)), np.empty(self._width)
            arguments = (self._layout.encoded, self._correction, self._are_apart, line, spread, np.empty(self._columns))
            plane_variances(taken, found, many, *arguments)
            if self._takes_root:
                roots = found.view(np.float64)
                with np.errstate(invalid="ignore"):
                    np.sqrt(roots, out=roots)

        pool_in_chunks(self._wide, given.reshape(-1), out.reshape(-1), len(given), threads, pool)
        return (out,)
