"""Loops for the largest element of each bin of boxes, whose bounds are given.

A bin is reduced along H first and along W afterwards. 16-bit floats are compared as float32 with their exponents
shifted, see :mod:`poolhouse.kernels.halves`; an element is chosen, never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from poolhouse.kernels.halves import shift_float16_bits
from poolhouse.kernels.registry import Element, Flat, Loop, helper, loops

_U16, _U32, _F32 = np.uint16, np.uint32, np.float32


@helper
def _itself(element: Element) -> Element:
    return element


@helper
def _ordered_bfloat16(bits: Element) -> Element:
    return _U32(_U32(bits) << _U32(16)).view(_F32)


@helper
def _bfloat16_of(ordered: Element) -> Element:
    return _U16(_F32(ordered).view(_U32) >> _U32(16))


@helper
def _ordered_float16(bits: Element) -> Element:
    return _U32(shift_float16_bits(_U32(bits))).view(_F32)


@helper
def _float16_of(ordered: Element) -> Element:
    bits = _F32(ordered).view(_U32)
    return _U16(((bits >> _U32(13)) & _U32(0x7FFF)) | ((bits >> _U32(16)) & _U32(0x8000)))


def _make_pool_boxes(
    ordered: Callable[[Element], Element], element_of: Callable[[Element], Element]
) -> Callable[..., None]:
    """Make the loop that compares elements as the numbers of ``ordered``, which ``element_of`` reverses."""

    def pool_boxes(
        x: Flat,
        out: Flat,
        start: int,
        stop: int,
        channels: int,
        height: int,
        width: int,
        rows: int,
        columns: int,
        images: Flat,
        row_begins: Flat,
        row_ends: Flat,
        column_begins: Flat,
        column_ends: Flat,
        line: Flat,
    ) -> None:
        """Pool channels ``start`` to ``stop``, counted through all boxes.

        Args:
            x: flat, ``(N, C, H, W)``.
            out: flat, ``(K, C, H_out, W_out)``.
            start: the first channel.
            stop: the end of the channels.
            channels: channels of a box.
            height: H.
            width: W.
            rows: H_out.
            columns: W_out.
            images: the index of each box along N.
            row_begins: ``(K, H_out)``, where each bin begins along H.
            row_ends: where it ends.
            column_begins: ``(K, W_out)``, where each bin begins along W.
            column_ends: where it ends.
            line: scratch: a line of the input.
        """
        for unit in range(start, stop):
            box = unit // channels
            plane = (images[box] * channels + unit % channels) * height * width
            # The bins of a box ascend.
            low, high = column_begins[box * columns], column_ends[(box + 1) * columns - 1]
            for i in range(rows):
                to = (unit * rows + i) * columns
                begin, end = row_begins[box * rows + i], row_ends[box * rows + i]
                if begin < end:
                    for j in range(low, high):
                        line[j] = ordered(x[plane + begin * width + j])
                for row in range(begin + 1, end):
                    a = plane + row * width
                    for j in range(low, high):
                        number = ordered(x[a + j])
                        line[j] = number if number > line[j] or number != number else line[j]
                for j in range(columns):
                    first, last = column_begins[box * columns + j], column_ends[box * columns + j]
                    if begin >= end or first >= last:
                        out[to + j] = 0
                        continue
                    best = line[first]
                    for column in range(first + 1, last):
                        number = line[column]
                        best = number if number > best or number != number else best
                    out[to + j] = element_of(best)

    return pool_boxes


_POOL: Final = "int64, int64, int64, int64, int64, int64, int64, int64*, int64*, int64*, int64*, int64*"

pool_boxes: Final[Mapping[str, Loop]] = {
    **loops(f"void(T*, T*, {_POOL}, T*)", "float32", "float64", declared_as=(__name__, "pool_boxes"))(
        _make_pool_boxes(_itself, _itself)
    ),
    **loops(f"void(uint16*, uint16*, {_POOL}, float32*)", "float16", declared_as=(__name__, "pool_boxes"))(
        _make_pool_boxes(_ordered_float16, _float16_of)
    ),
    **loops(f"void(uint16*, uint16*, {_POOL}, float32*)", "bfloat16", declared_as=(__name__, "pool_boxes"))(
        _make_pool_boxes(_ordered_bfloat16, _bfloat16_of)
    ),
}
"""The loop for each element type."""
