"""Compiled: print elements as nested JSON lists, floats in the notation and with the digits of orjson."""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper, loop
from poolhouse.wire.json.decimal_to_float import int64, leading_zeros
from poolhouse.wire.json.float_to_decimal import shortest_decimal
from poolhouse.wire.json.float_vectors import (
    BLOCK,
    DIGITS,
    FORMS,
    can_write,
    find_digits,
    write_float32,
)
from poolhouse.wire.json.words import digit_characters, store_eight_bytes

INTEGERS: Final = 0
BOOLEANS: Final = 1
FLOAT32S: Final = 2
FLOAT64S: Final = 3
UNSIGNED: Final = 4
SPARE_BYTES: Final = 8
"""How many bytes behind the text may be written."""

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_10: Final = np.uint64(10)
_10_8: Final = np.uint64(10**8)
_10_16: Final = np.uint64(10**16)
_10_4: Final = np.uint64(10**4)
_63: Final = np.uint64(63)
_EXACT_INTEGER_BELOW: Final = np.uint64(10**12)
_POWERS_OF_TEN: Final = np.array([10**power for power in range(20)], np.uint64)
_WORDS: Final = np.frombuffer(b'true false"NaN""Infinity""-Infinity"', np.uint8)


@helper
def _write_word(out: Flat, at: int, begin: int, end: int) -> int:
    for place in range(begin, end):
        out[at + place - begin] = _WORDS[place]
    return at + end - begin


@helper
def _digit_count(digits: Element) -> int:
    """The number of decimal digits."""
    # 1233 / 4096 is just above the logarithm of 2 to the base 10.
    least = ((64 - int64(leading_zeros(digits | _ONE))) * 1233) >> 12
    count: int = least + int64(digits >= _POWERS_OF_TEN[least] or least == 0)
    return count


@helper
def _write_digits(out: Flat, at: int, digits: Element, length: int, point: int) -> int:
    """Write ``length`` digits, with a decimal point after the first ``point`` of them unless that is all; and up to 8
    characters more."""
    begin = at + (1 if point < length else 0)
    place, left = begin, length
    if left > 16:
        first = digits // _10_16
        digits -= first * _10_16
        store_eight_bytes(out, place, digit_characters(first) >> np.uint64(8 * (24 - left)))
        place, left = place + left - 16, 16
    if left > 8:
        first = digits // _10_8
        digits -= first * _10_8
        store_eight_bytes(out, place, digit_characters(first) >> np.uint64(8 * (16 - left)))
        place, left = place + left - 8, 8
    store_eight_bytes(out, place, digit_characters(digits) >> np.uint64(8 * (8 - left)))
    if point < length:
        for place in range(at, at + point):
            out[place] = out[place + 1]
        out[at + point] = 46
    return begin + length


@helper
def _write_zeros(out: Flat, at: int, count: int) -> int:
    for place in range(at, at + count):
        out[place] = 48
    return at + count


@helper
def _write_number(out: Flat, at: int, digits: Element, power: int, lowest: int, highest: int) -> int:
    """Write a number with a decimal point; in exponent notation if the power of ten of its first digit is below
    ``lowest`` or not below ``highest``."""
    length = _digit_count(digits)
    first = length - 1 + power
    if first < lowest or first >= highest:
        at = _write_digits(out, at, digits, length, 1)
        out[at], out[at + 1] = 101, 45 if first < 0 else 43
        exponent = np.uint64(abs(first))
        size = _digit_count(exponent)
        return _write_digits(out, at + 2, exponent, size, size)
    if power >= 0:
        at = _write_zeros(out, _write_digits(out, at, digits, length, length), power)
        out[at], out[at + 1] = 46, 48
        return at + 2
    if first >= 0:
        return _write_digits(out, at, digits, length, first + 1)
    out[at], out[at + 1] = 48, 46
    return _write_digits(out, _write_zeros(out, at + 2, -first - 1), digits, length, length)


@helper
def _write_float(out: Flat, at: int, bits: Element, width: int, size: int, lowest: int, highest: int, bare: int) -> int:
    """Write a float of ``width`` bits of fraction and ``size`` bits altogether; ``bare`` is 1 to leave out the quotes
    of non-finite values, else 0."""
    sign = (bits >> np.uint64(size - 1)) & _ONE
    fraction = bits & ((_ONE << np.uint64(width)) - _ONE)
    most = (1 << (size - 1 - width)) - 1
    exponent = int64(bits >> np.uint64(width)) & most
    if exponent == most:
        if fraction != _ZERO:
            return _write_word(out, at, 10 + bare, 15 - bare)
        begin, stop = (25, 36) if sign != _ZERO else (15, 25)
        return _write_word(out, at, begin + bare, stop - bare)
    if sign != _ZERO:
        out[at] = 45
        at += 1
    if exponent == 0 and fraction == _ZERO:
        out[at], out[at + 1], out[at + 2] = 48, 46, 48
        return at + 3
    is_irregular = 1 if fraction == _ZERO and exponent > 1 else 0
    if exponent > 0:
        fraction |= _ONE << np.uint64(width)
        exponent -= 1
    power = exponent - (most >> 1) - width + 1
    if -width <= power <= 0:
        whole = fraction >> np.uint64(-power)
        if whole << np.uint64(-power) == fraction and whole < _EXACT_INTEGER_BELOW:
            return _write_number(out, at, whole, 0, lowest, highest)
    digits, power = shortest_decimal(fraction, power, is_irregular)
    while digits % _10_4 == _ZERO:
        digits //= _10_4
        power += 4
    while digits % _10 == _ZERO:
        digits //= _10
        power += 1
    return _write_number(out, at, digits, power, lowest, highest)


@loop("int64(uint64*, int64, int64, int64, int64*, int64*, int64, uint64*, uint8*, int64)")
def print_elements(
    bits: Flat,
    count: int,
    kind: int,
    bare: int,
    sizes: Flat,
    index: Flat,
    rank: int,
    scratch: Flat,
    out: Flat,
    at: int,
) -> int:
    """Print the next elements of an array, with their brackets and commas.

    Args:
        bits: the elements as uint64: integers by their value, floats by their bits.
        kind: INTEGERS, BOOLEANS, FLOAT32S, FLOAT64S or UNSIGNED.
        bare: 1 for NaN, Infinity and -Infinity without quotes, else 0.
        sizes: of the whole array, none of them 0.
        index: of the first element to print; the call advances it past the last.
        rank: the number of axes.
        scratch: ``FLOAT_SCRATCH_SIZE`` entries.
        out: receives the text from ``at`` on; it must have room for the longest text and ``SPARE_BYTES`` more.
        at: the end of the text so far.

    Returns:
        the end of the text.
    """
    last = rank - 1
    for place in range(count):
        axis = last
        while axis >= 0 and index[axis] == 0:
            out[at] = 91
            at += 1
            axis -= 1
        value = np.uint64(bits[place])
        if kind == FLOAT32S:
            entry = place % BLOCK
            if entry == 0:
                find_digits(bits, place, min(BLOCK, count - place), scratch)
            if can_write(scratch[FORMS + entry]):
                at = write_float32(out, at, value, scratch[DIGITS + entry], scratch[FORMS + entry])
            else:
                at = _write_float(out, at, value, 23, 32, -6, 13, bare)
        elif kind == FLOAT64S:
            at = _write_float(out, at, value, 52, 64, -5, 16, bare)
        elif kind == BOOLEANS:
            at = _write_word(out, at, 0, 4) if value != _ZERO else _write_word(out, at, 5, 10)
        else:
            if kind == INTEGERS and value >> _63 != _ZERO:
                out[at] = 45
                at += 1
                value = ~value + _ONE
            length = _digit_count(value)
            at = _write_digits(out, at, value, length, length)
        axis = last
        while axis >= 0:
            index[axis] += 1
            if index[axis] < sizes[axis]:
                out[at] = 44
                at += 1
                break
            index[axis] = 0
            out[at] = 93
            at += 1
            axis -= 1
    return at
