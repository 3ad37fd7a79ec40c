"""Loops that average or compare the bilinear samples of boxes, whose positions and weights are given.

The weight of an element in a sample is the product of its weights along both axes, so a bin is reduced along H first
and along W afterwards. A maximum takes the largest of weight times element over the elements beside a sample. The sign
of an element stays, so only the largest and the least of its weights along each axis can give it.

Elements are added by ascending position, in float64, so the bits of a result depend on its box and plane only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from poolhouse.kernels.halves import shift_float16_bits
from poolhouse.kernels.registry import Element, Flat, Loop, helper, loops

_BOXES_A_PLANE: Final = 16
"""Boxes that are pooled in one plane, which then is in the cache, before the next plane."""
_MOST_UNUSED: Final = 4
"""All columns from the first to the last one of a box are reduced if they are at most this many times those taken."""

_U16, _U32, _F32, _F64 = np.uint16, np.uint32, np.float32, np.float64


@helper
def _value(element: Element) -> Element:
    return _F64(element)


@helper
def _value_of_bfloat16(bits: Element) -> Element:
    return _F64(_U32(_U32(bits) << _U32(16)).view(_F32))


@helper
def _value_of_float16(bits: Element) -> Element:
    # The difference of the exponent biases; the product is exact and keeps infinities and NaN.
    return _F64(_U32(shift_float16_bits(_U32(bits))).view(_F32) * _F32(2.0**112))


@helper
def _itself(element: Element) -> Element:
    return element


@helper
def _rounded_to_odd(total: Element) -> Element:
    """As float32, toward the neighbour with an odd last bit: rounding that to 16 bits rounds the total only once."""
    narrow = _F32(total)
    back = _F64(narrow)
    bits = narrow.view(_U32)
    # Which of both is larger is not predictable, so there is no branch. NaN is neither.
    size, wanted = abs(back), abs(total)
    is_even = _U32(_U32(1) - (bits & _U32(1)))
    grown, shrunk = _U32(bits + is_even), _U32(bits - is_even)
    bits = grown if size < wanted else bits
    bits = shrunk if size > wanted else bits
    return _U32(bits).view(_F32)


def _make_add_rows(value: Callable[[Element], Element]) -> Callable[..., None]:
    @helper
    def add_rows(
        x: Flat,
        plane: int,
        width: int,
        low: int,
        high: int,
        taps: Flat,
        weights: Flat,
        begin: int,
        end: int,
        least: int,
        line: Flat,
    ) -> None:
        """Write the weighted sum of rows of a plane to columns ``low`` to ``high`` of a line."""
        many = min(end - begin, 4)
        last = begin + many - 1
        second, third = min(begin + 1, last), min(begin + 2, last)
        a, b, p, q = plane + taps[begin] * width, plane + taps[second] * width, weights[begin], weights[second]
        c, d, r, s = plane + taps[third] * width, plane + taps[last] * width, weights[third], weights[last]
        if many == 1:
            for j in range(low, high):
                line[j] = p * value(x[a + j])
        elif many == 2:
            for j in range(low, high):
                line[j] = p * value(x[a + j]) + q * value(x[b + j])
        elif many == 3:
            for j in range(low, high):
                line[j] = p * value(x[a + j]) + q * value(x[b + j]) + r * value(x[c + j])
        else:
            for j in range(low, high):
                line[j] = p * value(x[a + j]) + q * value(x[b + j]) + r * value(x[c + j]) + s * value(x[d + j])
        for tap in range(begin + many, end):
            a, p = plane + taps[tap] * width, weights[tap]
            for j in range(low, high):
                line[j] += p * value(x[a + j])

    return add_rows


@helper
def _larger(best: Element, other: Element) -> Element:
    return other if other > best or other != other else best


@helper
def _weighted(number: Element, most: Element, least: Element) -> Element:
    return (most if number > 0.0 else least) * number


def _make_compare_rows(value: Callable[[Element], Element]) -> Callable[..., None]:
    @helper
    def compare_rows(
        x: Flat,
        plane: int,
        width: int,
        low: int,
        high: int,
        taps: Flat,
        weights: Flat,
        begin: int,
        end: int,
        least: int,
        line: Flat,
    ) -> None:
        """Write the largest weighted elements of rows to columns ``low`` to ``high`` of a line."""
        for tap in range(begin, end, 2):
            # An element may be compared with itself.
            other = min(tap + 1, end - 1)
            a, p, q = plane + taps[tap] * width, weights[tap], weights[least + tap]
            b, r, s = plane + taps[other] * width, weights[other], weights[least + other]
            if tap == begin:
                for j in range(low, high):
                    line[j] = _larger(_weighted(value(x[a + j]), p, q), _weighted(value(x[b + j]), r, s))
            else:
                for j in range(low, high):
                    best = _larger(_weighted(value(x[a + j]), p, q), _weighted(value(x[b + j]), r, s))
                    line[j] = _larger(line[j], best)

    return compare_rows


@helper
def _add_columns(
    line: Flat, taps: Flat, weights: Flat, begin: int, end: int, least: int, divisor: float, is_complete: int
) -> Element:
    total = 0.0
    for tap in range(begin, end):
        total += weights[tap] * line[taps[tap]]
    return total / divisor


@helper
def _compare_columns(
    line: Flat, taps: Flat, weights: Flat, begin: int, end: int, least: int, divisor: float, is_complete: int
) -> Element:
    # A sample outside the input counts as 0.
    best = -np.inf if is_complete else 0.0
    for tap in range(begin, end):
        best = _larger(best, _weighted(line[taps[tap]], weights[tap], weights[least + tap]))
    # Zeros of either sign are equal, and which is found first is not specified: the sum is the positive one.
    return best + 0.0


def _make_align_boxes(
    reduce_rows: Callable[..., None],
    reduce_columns: Callable[..., Element],
    rounded: Callable[[Element], Element],
) -> Callable[..., None]:
    """Make the loop that combines elements with these helpers and rounds the results."""

    def align_boxes(
        x: Flat,
        out: Flat,
        boxes: int,
        start: int,
        stop: int,
        skipped: int,
        pitch: int,
        channels: int,
        height: int,
        width: int,
        rows: int,
        columns: int,
        images: Flat,
        divisors: Flat,
        row_begins: Flat,
        row_taps: Flat,
        row_weights: Flat,
        row_is_complete: Flat,
        column_begins: Flat,
        column_taps: Flat,
        column_weights: Flat,
        column_is_complete: Flat,
        line: Flat,
        spans: Flat,
    ) -> None:
        """Pool channels ``start`` to ``stop`` of boxes.

        Args:
            x: flat, ``(N, C, H, W)``.
            out: flat, ``(boxes, pitch, H_out, W_out)``.
            boxes: number of boxes.
            start: the first channel.
            stop: the end of the channels.
            skipped: channels before the first one of the output.
            pitch: channels of the output.
            channels: C.
            height: H.
            width: W.
            rows: H_out.
            columns: W_out.
            images: the index of each box along N.
            divisors: the number of samples of a bin of each box.
            row_begins: with the next three, the :class:`.box_positions.Taps` along H.
            row_taps: their positions.
            row_weights: flat.
            row_is_complete: uint8.
            column_begins: with the next three, the taps along W.
            column_taps: their positions.
            column_weights: flat.
            column_is_complete: uint8.
            line: scratch: a line of the input.
            spans: scratch: two for each box.
        """
        # Where the least weights of maxima begin.
        row_least, column_least = row_begins[boxes * rows], column_begins[boxes * columns]
        for box in range(boxes):
            low, high = width, 0
            for tap in range(column_begins[box * columns], column_begins[(box + 1) * columns]):
                low, high = min(low, column_taps[tap]), max(high, column_taps[tap] + 1)
            spans[2 * box], spans[2 * box + 1] = low, high
        for block in range(0, boxes, _BOXES_A_PLANE):
            for channel in range(start, stop):
                for box in range(block, min(block + _BOXES_A_PLANE, boxes)):
                    plane = (images[box] * channels + channel) * height * width
                    low, high = spans[2 * box], spans[2 * box + 1]
                    begin, end = column_begins[box * columns], column_begins[(box + 1) * columns]
                    is_dense = high - low <= _MOST_UNUSED * (end - begin)
                    divisor = divisors[box]
                    for row in range(box * rows, (box + 1) * rows):
                        first, last = row_begins[row], row_begins[row + 1]
                        to = ((box * (pitch - 1) + channel - skipped) * rows + row) * columns
                        if first == last:
                            for j in range(columns):
                                out[to + j] = 0
                            continue
                        if is_dense:
                            reduce_rows(x, plane, width, low, high, row_taps, row_weights, first, last, row_least, line)
                        else:
                            for tap in range(begin, end):
                                at = column_taps[tap]
                                reduce_rows(
                                    x, plane, width, at, at + 1, row_taps, row_weights, first, last, row_least, line
                                )
                        for j in range(columns):
                            column = box * columns + j
                            is_complete = row_is_complete[row] & column_is_complete[column]
                            result = reduce_columns(
                                line, column_taps, column_weights, column_begins[column], column_begins[column + 1],
                                column_least, divisor, is_complete,
                            )  # fmt: skip
                            out[to + j] = rounded(result)

    return align_boxes


_ALIGN: Final = (
    "int64, int64, int64, int64, int64, int64, int64, int64, int64, int64, int64*, float64*, "
    "int64*, int64*, float64*, uint8*, int64*, int64*, float64*, uint8*, float64*, int64*"
)


def _declare_align(
    name: str, make_rows: Callable[..., Callable[..., None]], columns: Callable[..., Element]
) -> Mapping[str, Loop]:
    """Declare a loop for each element type; for those of 16 bits it writes float32, which are rounded once more."""
    wide = _make_align_boxes(make_rows(_value), columns, _itself)
    half = _make_align_boxes(make_rows(_value_of_float16), columns, _rounded_to_odd)
    brain = _make_align_boxes(make_rows(_value_of_bfloat16), columns, _rounded_to_odd)
    return {
        **loops(f"void(T*, T*, {_ALIGN})", "float32", "float64", declared_as=(__name__, name))(wide),
        **loops(f"void(uint16*, float32*, {_ALIGN})", "float16", declared_as=(__name__, name))(half),
        **loops(f"void(uint16*, float32*, {_ALIGN})", "bfloat16", declared_as=(__name__, name))(brain),
    }


average_boxes: Final = _declare_align("average_boxes", _make_add_rows, _add_columns)
compare_boxes: Final = _declare_align("compare_boxes", _make_compare_rows, _compare_columns)
