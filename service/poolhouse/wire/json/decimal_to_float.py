"""Compiled: round a decimal number to the nearest float64, ties to even, correctly for every number.

Source: Lemire, "Number Parsing at a Gigabyte per Second" (2021), for up to 19 digits; Mushtak and Lemire, "Fast Number
Parsing Without Fallback" (2023), that it needs no fallback. Where more digits leave two candidates, the number is
compared with the halfway point between them in long integers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, Flat, helper

int64: Final[Element] = np.int64
"""Converts an unsigned number before arithmetic with signed ones; numba would convert the mixture to float64."""

_MIN_POWER: Final = -342
_MAX_POWER: Final = 308
MAX_EXACT_DIGITS: Final = 19
"""Decimal digits that fit into 64 bits."""

_MAX_COMPARED_DIGITS: Final = 800
"""No halfway point between two float64 has more; further digits only decide whether the number is larger."""
_LIMBS: Final = 256
BIGNUM_SIZE: Final = 2 * _LIMBS

_ONE: Final = np.uint64(1)
_THREE: Final = np.uint64(3)
_32: Final = np.uint64(32)
_63: Final = np.uint64(63)
_LOW_MASK: Final = np.uint64(0xFFFFFFFF)
_AMBIGUOUS_MASK: Final = np.uint64(0x1FF)
_FRACTION_MASK: Final = np.uint64((1 << 52) - 1)
_HIDDEN_BIT: Final = np.uint64(1 << 52)
_INFINITY_BITS: Final = np.uint64(0x7FF << 52)
_ZERO: Final = np.uint64(0)


def _power_of_five(power: int) -> int:
    """The first 128 bits of 5**power as Lemire's algorithm needs them: rounded down, for negative powers up."""
    if power >= 0:
        exact: int = 5**power
        shift = exact.bit_length() - 128
        return exact >> shift if shift > 0 else exact << -shift
    divisor: int = 5**-power
    bits = divisor.bit_length()
    if power >= -27:
        return (1 << (bits + 127)) // divisor + 1
    quotient = (1 << (2 * bits + 128)) // divisor + 1
    return quotient >> (quotient.bit_length() - 128)


_POWERS_OF_FIVE: Final = [_power_of_five(power) for power in range(_MIN_POWER, _MAX_POWER + 1)]
ZERO_OFFSET: Final = -2 * _MIN_POWER
TENS_OFFSET: Final = 2 * len(_POWERS_OF_FIVE)
POWER_TABLE: Final = np.array(
    [half for power in _POWERS_OF_FIVE for half in (power >> 64, power & (1 << 64) - 1)]
    + [10**power for power in range(9)],
    np.uint64,
)
"""High and low half of each power of five; from ``TENS_OFFSET`` on the powers of ten that eight digits need."""


@helper
def float64_bits(value: float) -> Element:
    """The bits of a float64, as uint64."""
    return np.float64(value).view(np.uint64)


@helper
def high_product(a: Element, b: Element) -> Element:
    """The upper 64 bits of the product of two unsigned 64-bit numbers."""
    a_low, a_high, b_low, b_high = a & _LOW_MASK, a >> _32, b & _LOW_MASK, b >> _32
    middle = a_high * b_low + (a_low * b_low >> _32)
    other = a_low * b_high + (middle & _LOW_MASK)
    return a_high * b_high + (middle >> _32) + (other >> _32)


@helper
def leading_zeros(value: Element) -> Element:
    """The number of leading zero bits of a value above 0."""
    # Read from the exponent as a float64. Clearing a bit below the highest keeps it from rounding up to a power of 2.
    return np.uint64(1086) - (float64_bits(np.float64(value & ~(value >> _ONE))) >> np.uint64(52))


@helper
def nearest_float64(digits: Element, power: int) -> Element:
    """The bits of the float64 nearest to digits * 10**power, for digits below 2**64."""
    if digits == _ZERO or power < _MIN_POWER:
        return _ZERO
    if power > _MAX_POWER:
        return _INFINITY_BITS
    zeros = leading_zeros(digits)
    scaled = digits << zeros
    place = 2 * (power - _MIN_POWER)
    high = high_product(scaled, POWER_TABLE[place])
    low = scaled * POWER_TABLE[place]
    if high & _AMBIGUOUS_MASK == _AMBIGUOUS_MASK:
        more = high_product(scaled, POWER_TABLE[place + 1])
        low += more
        if more > low:
            high += _ONE
    upper = high >> _63
    shift = upper + np.uint64(9)
    fraction = high >> shift
    exponent = ((217706 * power) >> 16) + 63 + int64(upper) - int64(zeros) + 1023
    if exponent <= 0:
        if exponent <= -63:
            return _ZERO
        fraction >>= np.uint64(1 - exponent)
        # If this rounds up to the smallest normal number, the bits are right as they are.
        return (fraction + (fraction & _ONE)) >> _ONE
    # Exactly halfway between two float64, which only these powers allow.
    if low <= _ONE and -4 <= power <= 23 and fraction & _THREE == _ONE and fraction << shift == high:
        fraction &= ~_ONE
    fraction = (fraction + (fraction & _ONE)) >> _ONE
    if fraction >= _HIDDEN_BIT << _ONE:
        fraction = _HIDDEN_BIT
        exponent += 1
    if exponent >= 2047:
        return _INFINITY_BITS
    return (np.uint64(exponent) << np.uint64(52)) | (fraction & _FRACTION_MASK)


@helper
def _multiply_add(limbs: Flat, base: int, size: int, factor: int, plus: int) -> int:
    """Multiply a long integer in place and add; returns its new number of 32-bit limbs."""
    carry, by = np.uint64(plus), np.uint64(factor)
    for place in range(base, base + size):
        carry += limbs[place] * by
        limbs[place] = carry & _LOW_MASK
        carry >>= _32
    if carry:
        limbs[base + size] = carry
        size += 1
    return size


@helper
def _multiply_powers(limbs: Flat, base: int, size: int, fives: int, twos: int) -> int:
    """Multiply a long integer in place by powers of five and of two; returns its new number of limbs."""
    while fives > 0 or twos > 0:
        five = min(fives, 13)
        two = min(twos, 31) if five == 0 else 0
        factor = 1 << two
        for _ in range(five):
            factor *= 5
        size = _multiply_add(limbs, base, size, factor, 0)
        fives -= five
        twos -= two
    return size


@helper
def nearest_float64_long(text: Flat, start: int, stop: int, power: int, below: Element, limbs: Flat) -> Element:
    """The bits of the nearer of two neighbouring float64, decided by all digits of a number.

    Args:
        text: holds the digits, with or without a decimal point, from start to stop; the first is not 0.
        power: the power of ten of the last digit.
        below: the bits of the lower float64; the number lies between it and the next.
        limbs: its first ``BIGNUM_SIZE`` entries are scratch memory.
    """
    size = digits = 0
    is_cut = False
    for place in range(start, stop):
        character = text[place]
        if character == 46:
            continue
        if digits < _MAX_COMPARED_DIGITS:
            size = _multiply_add(limbs, 0, size, 10, int64(character) - 48)
            digits += 1
        else:
            power += 1
            is_cut = is_cut or character != 48
    fraction = below & _FRACTION_MASK
    exponent = int64(below >> np.uint64(52))
    if exponent > 0:
        fraction |= _HIDDEN_BIT
        exponent -= 1
    halfway = (fraction << _ONE) + _ONE
    twos = exponent - 1075
    limbs[_LIMBS] = halfway & _LOW_MASK
    limbs[_LIMBS + 1] = halfway >> _32
    other = 2
    # Negative powers are multiplied into the other side, so that both sides are integers.
    size = _multiply_powers(limbs, 0, size, power if power > 0 else 0, power - twos if power > twos else 0)
    other = _multiply_powers(limbs, _LIMBS, other, -power if power < 0 else 0, twos - power if twos > power else 0)
    place = max(size, other) - 1
    while place >= 0:
        here = limbs[place] if place < size else _ZERO
        there = limbs[_LIMBS + place] if place < other else _ZERO
        if here != there:
            return below + _ONE if here > there else below
        place -= 1
    return below + _ONE if is_cut else below + (below & _ONE)
