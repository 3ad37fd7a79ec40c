"""Compiled: the shortest decimal digits that read back to the same float32 or float64; of several, the nearest.

Source: Giulietti, "The Schubfach way to render doubles" (2020), as in Drachennest's ``schubfach.cc``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from poolhouse.kernels.registry import Element, helper
from poolhouse.wire.json.decimal_to_float import high_product

_MIN_POWER: Final = -292
_MAX_POWER: Final = 324


def power_of_ten_rounded_up(power: int) -> int:
    """10**power as 128 bits, rounded up."""
    numerator, denominator = (10**power, 1) if power >= 0 else (1, 10**-power)
    shift = 128 - numerator.bit_length() + denominator.bit_length()
    scaled = -((-numerator << shift) // denominator) if shift >= 0 else -(-numerator // (denominator << -shift))
    if scaled.bit_length() > 128:
        shift -= 1
        scaled = -((-numerator << shift) // denominator) if shift >= 0 else -(-numerator // (denominator << -shift))
    return scaled


_POWERS_OF_TEN: Final = np.array(
    [
        half
        for power in range(_MIN_POWER, _MAX_POWER + 1)
        for half in (power_of_ten_rounded_up(power) >> 64, power_of_ten_rounded_up(power) & (1 << 64) - 1)
    ],
    np.uint64,
)
"""High and low half of each power of ten."""

_ZERO: Final = np.uint64(0)
_ONE: Final = np.uint64(1)
_2: Final = np.uint64(2)
_4: Final = np.uint64(4)
_10: Final = np.uint64(10)
_40: Final = np.uint64(40)


@helper
def _multiply_by_power(place: int, value: Element) -> Element:
    """The upper 64 bits of the product with a power of ten, with a sticky last bit for what was cut off."""
    high, low = _POWERS_OF_TEN[place], _POWERS_OF_TEN[place + 1]
    middle = high * value
    carried = middle + high_product(low, value)
    upper = high_product(high, value)
    if carried < middle:
        upper += _ONE
    return upper | np.uint64(carried > _ONE)


@helper
def shortest_decimal(fraction: Element, power: int, is_irregular: int) -> tuple[Element, int]:
    """The digits of a number as an integer, and the power of ten of the last digit.

    Args:
        fraction: the number's significand, above 0.
        power: the power of two of its last bit.
        is_irregular: 1 where the next lower float is only half as far away as the next higher one.
    """
    exponent = (power * 1262611 - 524031 * is_irregular) >> 22
    shift = np.uint64(power + ((-exponent * 1741647) >> 19) + 1)
    place = 2 * (-exponent - _MIN_POWER)
    middle = fraction * _4
    lower = _multiply_by_power(place, (middle - _2 + np.uint64(is_irregular)) << shift)
    here = _multiply_by_power(place, middle << shift)
    upper = _multiply_by_power(place, (middle + _2) << shift)
    # The ends of the rounding interval belong to this number only if it is even.
    odd = fraction & _ONE
    lower += odd
    upper -= odd
    digits = here // _4
    if digits >= _10:
        fewer = digits // _10
        below, above = lower <= _40 * fewer, _40 * fewer + _40 <= upper
        if below != above:
            return fewer + np.uint64(above), exponent + 1
    below, above = lower <= _4 * digits, _4 * digits + _4 <= upper
    if below == above:
        halfway = _4 * digits + _2
        above = here > halfway or (here == halfway and digits & _ONE != _ZERO)
    return digits + np.uint64(above), exponent
