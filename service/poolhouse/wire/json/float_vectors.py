"""Compiled: the shortest decimal digits of many float32 at once.

The same arithmetic without branches finds the digits of each, so that the compiler can use vector instructions.
:mod:`.float_to_decimal` has the algorithm, for float64 too.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper
from poolhouse.wire.json.decimal_to_float import int64
from poolhouse.wire.json.float_to_decimal import power_of_ten_rounded_up
from poolhouse.wire.json.words import BYTE_ONES, LOW_BITS, TOP_BITS, ZEROS, digit_characters, store_eight_bytes

BLOCK: Final = 64
"""The most numbers whose digits are found at once."""
# Scratch memory: arrays of BLOCK entries, which begin at these.
DIGITS: Final = 0
"""The first eight digits as characters, with ``0`` behind a shorter number."""
FORMS: Final = BLOCK
"""The number of digits, the ninth one, and the exponent of the first one; 0 of what is left to another function:
infinities, NaN and numbers below 2**-126."""
FLOAT_SCRATCH_SIZE: Final = 2 * BLOCK
"""The entries of scratch memory that :func:`find_digits` needs."""

_MOST_POWER: Final = 46
_POWERS: Final[Flat] = np.array(
    [-(-power_of_ten_rounded_up(power) >> 64) for power in range(-_MOST_POWER, _MOST_POWER + 1)], np.uint64
)
"""The first 64 bits of each power of ten, rounded up."""
_EXPONENT_OFFSET: Final = 64
"""Added to exponents, so that they are positive."""
_LEAST_EXPONENT: Final = -6
_MOST_EXPONENT: Final = 6
"""Numbers with other exponents of the first digit are left to another function."""

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_2: Final = np.uint64(2)
_4: Final = np.uint64(4)
_7: Final = np.uint64(7)
_8: Final = np.uint64(8)
_9: Final = np.uint64(9)
_10: Final = np.uint64(10)
_15: Final = np.uint64(15)
_16: Final = np.uint64(16)
_22: Final = np.uint64(22)
_23: Final = np.uint64(23)
_32: Final = np.uint64(32)
_40: Final = np.uint64(40)
_LOW_MASK: Final = np.uint64(0xFFFFFFFF)
_FRACTION_MASK: Final = np.uint64(0x7FFFFF)
_MAGNITUDE_MASK: Final = np.uint64(0x7FFFFFFF)
_HIDDEN_BIT: Final = np.uint64(1 << 23)
_NOT_FINITE: Final = np.uint64(255)
_OFFSET: Final = np.uint64(_EXPONENT_OFFSET)
_LOG10_OF_2: Final = np.uint64(1262611)
_LOG10_OF_2_OFFSET: Final = np.uint64((_EXPONENT_OFFSET << 22) - 150 * 1262611)
_LOG10_OF_4_THIRDS: Final = np.uint64(524031)
_LOG2_OF_10: Final = np.uint64(1741647)
_LOG2_OF_10_OFFSET: Final = np.uint64((256 << 19) + _EXPONENT_OFFSET * 1741647)
_100: Final = np.uint64(100)
_10_7: Final = np.uint64(10**7)
_10_8: Final = np.uint64(10**8)
_ZERO_POINT_ZEROS: Final = np.uint64(int.from_bytes(b"0.000000", "little"))


@helper
def _by_10(value: Element) -> Element:
    """A tenth of a number below 2**32, rounded down; a product, since there is no vector instruction for quotients."""
    return (value * np.uint64(0xCCCCCCCD)) >> np.uint64(35)


@helper
def _multiply_by_power(power: Element, value: Element) -> Element:
    """The upper 32 of 96 bits of a product, with a sticky last bit for what was cut off."""
    product = (power >> _32) * value + (((power & _LOW_MASK) * value) >> _32)
    return (product >> _32) | (_ONE if product & _LOW_MASK > _ONE else _ZERO)


@helper
def _shortest(fraction: Element, biased: Element, is_irregular: bool) -> tuple[Element, Element]:
    """As :func:`.float_to_decimal.shortest_decimal`, with ``_EXPONENT_OFFSET`` added to the power of ten.

    Args:
        fraction: the number's significand, below 2**24.
        biased: 150 more than the power of two of its last bit.
        is_irregular: where the next lower float is only half as far away as the next higher one.
    """
    less = _LOG10_OF_4_THIRDS if is_irregular else _ZERO
    exponent = (biased * _LOG10_OF_2 + _LOG10_OF_2_OFFSET - less) >> _22
    shift = biased + ((_LOG2_OF_10_OFFSET - exponent * _LOG2_OF_10) >> np.uint64(19)) - np.uint64(256 + 149)
    power = _POWERS[int64(np.uint64(_EXPONENT_OFFSET + _MOST_POWER) - exponent)]
    middle = fraction * _4
    odd = fraction & _ONE
    lower = _multiply_by_power(power, (middle - _2 + (_ONE if is_irregular else _ZERO)) << shift) + odd
    here = _multiply_by_power(power, middle << shift)
    upper = _multiply_by_power(power, (middle + _2) << shift) - odd
    digits = here >> _2
    fewer = _by_10(digits)
    fewer_below, fewer_above = lower <= _40 * fewer, _40 * fewer + _40 <= upper
    below, above = lower <= _4 * digits, _4 * digits + _4 <= upper
    halfway = _4 * digits + _2
    is_nearer_above = here > halfway or (here == halfway and digits & _ONE != _ZERO)
    rounded = digits + (_ONE if (above if below != above else is_nearer_above) else _ZERO)
    has_fewer = digits >= _10 and fewer_below != fewer_above
    found = fewer + (_ONE if fewer_above else _ZERO) if has_fewer else rounded
    return found, exponent + (_ONE if has_fewer else _ZERO)


@helper
def _length(digits: Element) -> Element:
    """The place of the last of eight digits, one of each byte, that is not 0; from 1 on, and 0 if all are 0."""
    others = (digits + LOW_BITS) & TOP_BITS
    others |= others >> _8
    others |= others >> _16
    others |= others >> _32
    return ((others >> _7) * BYTE_ONES) >> np.uint64(56)


@helper
def find_digits(bits: Flat, begin: int, count: int, scratch: Flat) -> None:
    """Find the digits of numbers, for :func:`write_float32`.

    Args:
        bits: of float32, each as uint64.
        begin: the index of the first number.
        count: of the numbers, up to ``BLOCK``.
        scratch: ``FLOAT_SCRATCH_SIZE`` entries.
    """
    for i in range(count):
        number = bits[begin + i] & _MAGNITUDE_MASK
        biased, fraction = number >> _23, number & _FRACTION_MASK
        found, exponent = _shortest(fraction | _HIDDEN_BIT, biased, fraction == _ZERO and biased > _ONE)
        # Nine digits, of the six to nine that a number with a hidden bit has.
        first = exponent + _8
        digits, first = (found * _100, first - _2) if found < _10_7 else (found, first)
        digits, first = (digits * _10, first - _ONE) if digits < _10_8 else (digits, first)
        eight = _by_10(digits)
        ninth = digits - eight * _10
        text = digit_characters(eight if number != _ZERO else _ZERO)
        length = _9 if ninth != _ZERO else _length(text ^ ZEROS)
        form = length | (ninth << _4) | first << _8
        scratch[DIGITS + i] = text
        form = form if _ZERO < biased < _NOT_FINITE else _ZERO
        scratch[FORMS + i] = _OFFSET << _8 if number == _ZERO else form


@helper
def can_write(form: Element) -> bool:
    """Whether :func:`write_float32` writes a number of this form: it has no exponent and at most 7 digits before the
    point."""
    first = int64(form >> _8) - _EXPONENT_OFFSET
    found: bool = form != _ZERO and _LEAST_EXPONENT <= first <= _MOST_EXPONENT
    return found


@helper
def write_float32(out: Flat, at: int, bits: Element, digits: Element, form: Element) -> int:
    """Write a number that :func:`can_write` allows, and up to 8 characters more; returns its end.

    There is no branch, since whether a number is below 1 often differs from one to the next.

    Args:
        out: receives the text; 17 characters from ``at`` on.
        at: where to write.
        bits: of the float32.
        digits: from :func:`find_digits`.
        form: likewise.
    """
    out[at] = 45
    at += int64(bits >> np.uint64(31))
    length, first = int64(form & _15), int64(form >> _8) - _EXPONENT_OFFSET
    is_small = first < 0
    before = 1 if is_small else first + 1
    store_eight_bytes(out, at, _ZERO_POINT_ZEROS if is_small else digits)
    out[at + before] = 46
    # The digits behind the point, or all of a number below 1, with the zeros before them written already.
    place = at + (1 - first if is_small else before + 1)
    skipped = 0 if is_small else before
    store_eight_bytes(out, place, digits >> np.uint64(8 * skipped))
    out[place + 8 - skipped] = np.uint8(48 + int64((form >> _4) & _15))
    end: int = place + max(length - skipped, 1)
    return end
