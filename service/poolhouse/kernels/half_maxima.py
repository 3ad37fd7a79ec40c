"""Maxima of large windows of 16-bit floats: whole lines are compared as integers with SIMD instructions.

Integers are totally ordered, so the order of comparisons does not matter. As floats, zeros of either sign are equal,
and of NaN the last is chosen: windows whose maximum is a zero or NaN are searched a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from poolhouse.buffers import empty
from poolhouse.kernels.axes import DILATION, FIRST, Axis
from poolhouse.kernels.global_maxima import INFINITIES, MAGNITUDE, NAN_KEY, key_of_half
from poolhouse.kernels.layout import (
    COLUMNS,
    D_AXIS,
    DEPTH,
    DEPTH_OUT,
    H_AXIS,
    HEIGHT,
    ROWS,
    STRIP,
    W_AXIS,
    WIDTH,
    Layout,
)
from poolhouse.kernels.registry import Flat, loop
from poolhouse.kernels.sharding import shard
from poolhouse.kernels.widening import Array
from poolhouse.kernels.window_kernels import pad_to_three_axes


@loop("void(int16*, int16*, int64, int64, int64*, int64, int16*)")
def plane_maxima_of_halves(x: Flat, out: Flat, start: int, stop: int, layout: Flat, infinity: int, lines: Flat) -> None:
    """Pool units of work ``start`` to ``stop``: strips of rows of planes.

    Args:
        x: flat, planes ``(D, H, W)``.
        out: flat.
        start: the first unit.
        stop: the end of the units.
        layout: :attr:`Layout.encoded`.
        infinity: the bits of the type's infinity.
        lines: scratch: a line of the input.
    """
    limit = np.int16(infinity)
    width, columns, rows = layout[WIDTH], layout[COLUMNS], layout[ROWS]
    depth, depth_out = layout[DEPTH], layout[DEPTH_OUT]
    face, face_out = width * layout[HEIGHT], columns * rows
    d, h, w = layout[D_AXIS], layout[H_AXIS], layout[W_AXIS]
    firsts_d, firsts_h, firsts_w = d + FIRST, h + FIRST, w + FIRST
    counts_d, counts_h, counts_w = firsts_d + depth_out, firsts_h + rows, firsts_w + columns
    strip = layout[STRIP]
    strips = (rows + strip - 1) // strip
    for unit in range(start, stop):
        plane = unit // strips
        low = (unit % strips) * strip
        for od in range(depth_out):
            for o in range(low, min(low + strip, rows)):
                for j in range(width):
                    lines[j] = np.int16(-0x8000)
                depth_taps, height_taps = layout[counts_d + od], layout[counts_h + o]
                corner = ((plane * depth + layout[firsts_d + od]) * face) + layout[firsts_h + o] * width
                for line in range(depth_taps * height_taps):
                    a = (
                        corner
                        + line // height_taps * layout[d + DILATION] * face
                        + line % height_taps * layout[h + DILATION] * width
                    )
                    for j in range(width):
                        lines[j] = max(lines[j], key_of_half(x[a + j], limit))
                to = (plane * depth_out + od) * face_out + o * columns
                for i in range(columns):
                    first, taps = layout[firsts_w + i], layout[counts_w + i]
                    best = lines[first]
                    for k in range(1, taps):
                        best = max(best, lines[first + k])
                    out[to + i] = np.int16(best ^ np.int16((best >> np.int16(15)) & MAGNITUDE))
                    if best == NAN_KEY or best == 0 or best == -1:
                        searches = True
                        for line in range(depth_taps * height_taps):
                            a = (
                                corner
                                + line // height_taps * layout[d + DILATION] * face
                                + line % height_taps * layout[h + DILATION] * width
                            )
                            for k in range(taps):
                                bits = x[a + first + k]
                                if best == NAN_KEY:
                                    if np.int16(bits & MAGNITUDE) > limit:
                                        out[to + i] = bits
                                elif searches and (bits & MAGNITUDE) == 0:
                                    out[to + i] = bits
                                    searches = False
                            if best != NAN_KEY and not searches:
                                break


class HalfMaximumKernel:
    """The largest element of each window of 16-bit floats, for large windows that share few elements.

    Args:
        axes: the windows of one to three axes, without dilation.
        element: ``float16`` or ``bfloat16``.
    """

    def __init__(self, axes: Sequence[Axis], element: str) -> None:
        self._infinity = INFINITIES[element]
        self._width = axes[-1].length
        self._layout = Layout(pad_to_three_axes(axes), 2)
        self._spatial_out = tuple(axis.outputs for axis in axes)

    def __call__(self, planes: Mapping[str, Array], threads: int) -> tuple[Array, ...]:
        """Pool ``(P, *spatial)``; see :class:`poolhouse.kernels.window_kernels.Kernel`."""
        given = np.ascontiguousarray(planes["input"])
        out = empty((len(given), *self._spatial_out), given.dtype)

        def work(start: int, stop: int) -> None:
            lines = np.empty(self._width, np.int16)
            plane_maxima_of_halves(given, out, start, stop, self._layout.encoded, self._infinity, lines)

        shard(work, len(given) * self._layout.strips, threads)
        return (out,)
