"""Compiled: parse one number of a JSON text, strictly by RFC 8259, to the nearest float64 or a 64-bit integer."""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper
from poolhouse.wire.json.decimal_to_float import (
    MAX_EXACT_DIGITS,
    POWER_TABLE,
    TENS_OFFSET,
    float64_bits,
    int64,
    nearest_float64,
    nearest_float64_long,
)
from poolhouse.wire.json.words import PLACES, TO_TOP_BIT, TOP_BITS, ZEROS, load_eight_bytes, parse_eight_digits

# The kind of a list's element; the kinds of a list are or-ed together.
INTEGER: Final = 1
FLOAT: Final = 2
BOOLEAN: Final = 4
NONFINITE_TEXT: Final = 8
NOT_AN_ELEMENT: Final = 16
INEXACT: Final = 32
"""Set with INTEGER: float64 may not represent it exactly."""
NOT_INTEGER: Final = 64
"""A number that is no int64 or uint64, where that is requested."""
BARE_NONFINITE: Final = 128
"""Among the allowed kinds: the tokens NaN, Infinity and -Infinity without quotes are elements, too."""

# The types that numbers are read as.
AS_FLOAT64: Final = 0
AS_INT64: Final = 1
AS_UINT64: Final = 2

# Syntax errors; below zero, to distinguish them from kinds.
OVERFLOW: Final = -2
MISSING_DIGIT: Final = -3
LEADING_ZERO: Final = -4
MISSING_FRACTION: Final = -5
MISSING_EXPONENT: Final = -6

FLOAT_POWERS_OF_TEN: Final = np.array([float(10**power) for power in range(23)])
_MAX_EXACT_POWER: Final = 22
_MAX_EXACT_INTEGER: Final = np.uint64(2**53)
_TWO_TO_63: Final = np.uint64(2**63)
_TEN_TO_19: Final = np.uint64(10**19)
_INFINITY_BITS: Final = np.uint64(0x7FF << 52)
_MAX_EXPONENT: Final = 10**12

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_7: Final = np.uint64(7)
_8: Final = np.uint64(8)
_10: Final = np.uint64(10)
_56: Final = np.uint64(56)
_63: Final = np.uint64(63)


@helper
def read_fraction(text: Flat, at: int, end: int, digits: Element) -> tuple[int, Element]:
    """Append digits to others, modulo 2**64; returns the end of the digits and the result."""
    while at + 8 <= end:
        packed = load_eight_bytes(text, at) ^ ZEROS
        non_digits = ((packed + TO_TOP_BIT) | packed) & TOP_BITS
        if non_digits == _ZERO:
            digits = digits * POWER_TABLE[TENS_OFFSET + 8] + parse_eight_digits(packed)
            at += 8
            continue
        # The position of the lowest byte that is no digit.
        count = (((non_digits & (~non_digits + _ONE)) >> _7) * PLACES) >> _56
        # Shift the digits to the upper end, with zeros before; in two steps, since a shift by 64 is undefined.
        kept = (packed << (_56 - count * _8)) << _8
        return at + int64(count), digits * POWER_TABLE[TENS_OFFSET + int64(count)] + parse_eight_digits(kept)
    while at < end and 48 <= text[at] <= 57:
        digits = digits * _10 + np.uint64(text[at] - 48)
        at += 1
    return at, digits


@helper
def nearest_float64_from_text(text: Flat, start: int, stop: int, power: int, bits: Flat) -> Element:
    """The bits of the float64 nearest to a number of any length, with or without a decimal point.

    Args:
        power: the power of ten of the last digit.
        bits: its first ``BIGNUM_SIZE`` entries are scratch memory.
    """
    while start < stop and (text[start] == 48 or text[start] == 46):
        start += 1
    digits, kept, cut = _ZERO, 0, 0
    for place in range(start, stop):
        if text[place] == 46:
            continue
        if kept < MAX_EXACT_DIGITS:
            digits = digits * _10 + np.uint64(text[place] - 48)
            kept += 1
        else:
            cut += 1
    below = nearest_float64(digits, power + cut)
    if cut == 0 or below == nearest_float64(digits + _ONE, power + cut):
        return below
    return nearest_float64_long(text, start, stop, power, below, bits)


@helper
def _is_uint64(digits: Element, count: int, first: Element, is_negative: int) -> bool:
    """Whether an integer of ``count`` digits, given modulo 2**64, is a uint64.

    One of 20 digits that begins with 1 is at least 10**19 and below twice that, so it is too large if it wrapped.
    """
    if is_negative > 0 and digits != _ZERO:
        return False
    return count <= MAX_EXACT_DIGITS or (count == MAX_EXACT_DIGITS + 1 and first == 49 and digits >= _TEN_TO_19)


@helper
def read_number(text: Flat, at: int, end: int, index: int, as_integers: int, bits: Flat) -> tuple[int, int]:
    """Parse a number and store it in ``bits``.

    Args:
        text: its last byte before ``end`` is no part of a number.
        index: of the number in ``bits``; at least ``BIGNUM_SIZE``, as the entries before are scratch memory.
        as_integers: AS_FLOAT64, AS_INT64 or AS_UINT64, the type of the values.
        bits: the values.

    Returns:
        the end of the number and its kind; or the offset of a syntax error and its code.
    """
    # Branchless: half of all numbers are negative, and the processor cannot predict which.
    is_negative = int64(text[at] == 45)
    sign = np.uint64(is_negative) << _63
    at += is_negative
    start, digits = at, _ZERO
    while 48 <= text[at] <= 57:
        digits = digits * _10 + np.uint64(text[at] - 48)
        at += 1
    count = at - start
    if count == 0:
        return at, MISSING_DIGIT
    if count > 1 and text[start] == 48:
        return start, LEADING_ZERO
    kind, power, stop = INTEGER, 0, at
    if text[at] == 46:
        kind = FLOAT
        at, digits = read_fraction(text, stop + 1, end, digits)
        power = stop + 1 - at
        if power == 0:
            return at, MISSING_FRACTION
        count -= power
        stop = at
    if text[at] == 101 or text[at] == 69:
        kind = FLOAT
        at += 1
        character = text[at]
        if character == 43 or character == 45:
            at += 1
        exponent_start, exponent = at, 0
        while 48 <= text[at] <= 57:
            if exponent < _MAX_EXPONENT:
                exponent = exponent * 10 + int64(text[at]) - 48
            at += 1
        if at == exponent_start:
            return at, MISSING_EXPONENT
        power += -exponent if character == 45 else exponent

    if kind == INTEGER and as_integers == AS_UINT64:
        if not _is_uint64(digits, count, text[start], is_negative):
            return at, NOT_INTEGER
        bits[index] = digits
        return at, kind
    if kind == INTEGER and as_integers == AS_INT64:
        if count > MAX_EXACT_DIGITS or digits > _TWO_TO_63 or (digits == _TWO_TO_63 and is_negative == 0):
            return at, NOT_INTEGER
        bits[index] = ~digits + _ONE if is_negative > 0 else digits
        return at, kind
    if count <= MAX_EXACT_DIGITS and digits <= _MAX_EXACT_INTEGER and -_MAX_EXACT_POWER <= power <= _MAX_EXACT_POWER:
        # Both operands are exact, so their product or quotient is rounded only once (Clinger).
        value = np.float64(int64(digits))
        value = value * FLOAT_POWERS_OF_TEN[power] if power >= 0 else value / FLOAT_POWERS_OF_TEN[-power]
        bits[index] = float64_bits(value) | sign
    else:
        few = count <= MAX_EXACT_DIGITS
        nearest = nearest_float64(digits, power) if few else nearest_float64_from_text(text, start, stop, power, bits)
        if nearest >= _INFINITY_BITS:
            return start - is_negative, OVERFLOW
        bits[index] = nearest | sign
        if kind == INTEGER:
            kind |= INEXACT
    if as_integers != AS_FLOAT64:
        value = np.uint64(bits[index]).view(np.float64)
        if as_integers == AS_UINT64:
            if np.floor(value) != value or value < 0.0 or value >= 2.0**64:
                return at, NOT_INTEGER
            bits[index] = np.uint64(value)
            return at, kind
        if np.floor(value) != value or abs(value) >= 2.0**63:
            return at, NOT_INTEGER
        bits[index] = np.uint64(int64(value))
    return at, kind
